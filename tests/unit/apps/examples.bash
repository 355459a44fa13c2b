#!/bin/bash
# Runs every example that --help prints, in a folder that has what they need: examples.bash CORDON
# Examples that touch the kernel run in a network namespace of their own; where there can be none, that is said.
set -u
cordon=$1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
mkdir bin
ln -s "$cordon" bin/cordon
PATH=$folder/bin:$PATH
unset CORDON_STORE
failed=0 run=0 skipped=0

netsh=(cordon --store policy.db netsh)
prepare()
{
	"${netsh[@]}" static add policy name=web assign=yes &&
	"${netsh[@]}" static add filterlist name=web &&
	"${netsh[@]}" static add filter filterlist=web srcaddr=any dstaddr=me protocol=tcp dstport=80 &&
	"${netsh[@]}" static add filteraction name=let action=permit &&
	"${netsh[@]}" static add rule name=web policy=web filterlist=web filteraction=let &&
	printf 'netsh ipsec static add policy name=other\r\n' > lockdown.cmd
}
prepare > prepare.out 2>&1 || { cat prepare.out; echo "the folder could not be prepared"; exit 1; }
sleep 2 # save --at 1s looks back a second
mkdir start && cp policy.db* lockdown.cmd start/

namespace=()
if ! unshare -n true 2> /dev/null; then
	namespace=(none)
	unshare -rn true 2> /dev/null && namespace=(unshare -rn)
else
	namespace=(unshare -n)
fi

# example COMMAND LINE
example()
{
	local command=$1 line=$2 prefix=()
	case $command in
	apply|lift|status)
		if [[ ${namespace[0]} == none ]]; then
			echo "SKIPPED: $line: no network namespace can be made here"
			skipped=$((skipped + 1))
			return
		fi
		prefix=("${namespace[@]}") ;;
	esac
	rm -f ./*.db* && cp start/* .
	run=$((run + 1))
	# Whoever has no store of the machine uses this one.
	if ! CORDON_STORE=$folder/policy.db "${prefix[@]}" bash -o pipefail -c "${line/cordon status --check/cordon apply -q \&\& cordon status --check}" > out 2>&1; then
		echo "failed: $line"
		sed 's/^/    /' out
		failed=1
	fi
	if grep -q 'no policy is assigned' out; then
		echo "example does nothing: $line"
		failed=1
	fi
}

for command in $(cordon help --completion bash | sed -n "s/^\t'') _cordon_words \"\(.*\)\" ;;$/\1/p"); do
	# Two lines an example, after the heading.
	mapfile -t lines < <(cordon help "$command" | sed -n '/^Examples:/,$p' | sed -n 's/^  \([^ ].*\)$/\1/p')
	if ((${#lines[@]} != 2)); then
		echo "$command has ${#lines[@]} examples"
		failed=1
	fi
	for line in "${lines[@]}"; do
		example "$command" "$line"
	done
done
echo "$run examples run, $skipped skipped"
((run > 0)) || failed=1
exit $failed
