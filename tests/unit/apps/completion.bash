#!/bin/bash
# Completion for bash, asked as readline asks: completion.bash CORDON
set -u
cordon=$1
failed=0
eval "$("$cordon" help --completion bash)" || { echo "the completion is no bash"; exit 1; }

# expect "line so far" word…: among the answers each word, and none that is preceded by !
expect()
{
	local line=$1 word
	shift
	read -ra COMP_WORDS <<< "${line//=/ = }"
	COMP_WORDS[0]=$cordon
	[[ $line == *' ' || $line == *= ]] && COMP_WORDS+=('')
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	COMPREPLY=()
	_cordon
	for word; do
		if [[ $word == !* ]]; then
			[[ " ${COMPREPLY[*]} " != *" ${word#!} "* ]] || { echo "$line: ${word#!} is offered: ${COMPREPLY[*]}"; failed=1; }
		else
			[[ " ${COMPREPLY[*]} " == *" $word "* ]] || { echo "$line: $word is not offered: ${COMPREPLY[*]}"; failed=1; }
		fi
	done
}

expect 'cordon ' netsh load save show dump config export explain lint apply lift status help
expect 'cordon s' save show status '!load'
expect 'cordon --store x.db s' save show
expect 'cordon --store=x.db s' save show
expect 'cordon --location ' local persistent dynamic '!show'
expect 'cordon --location=p' persistent '!local'
expect 'cordon --' --store --json '!--policy'
expect 'cordon show ' policy history
expect 'cordon show policy ' '!history'
expect 'cordon show --at 2h ' policy
expect 'cordon show --at=2h ' policy
expect 'cordon save --' --policy --output --store
expect 'cordon export --to ' netsh nftables
expect 'cordon export --to n' netsh '!reg'
expect 'cordon export -O file --os ' 2003 2016+
expect 'cordon explain --mode=s' secure '!permit'
expect 'cordon config ' get set
expect 'cordon help l' load lint lift '!save'

# Profiles come from wherever the program finds them.
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
echo '{"description": "d"}' > "$folder/mine-only.json"
echo '{}' > "$folder/profile.schema.json"
export CORDON_PROFILES=$folder
expect 'cordon load ' mine-only '!profile.schema'
expect 'cordon load --set a=b m' mine-only
expect 'cordon apply m' mine-only
expect 'cordon load --set ' '!mine-only'
exit $failed
