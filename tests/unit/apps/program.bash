#!/bin/bash
# The program from the outside: exit codes, streams, files, messages: program.bash CORDON
set -u
cordon=$1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
unset CORDON_STORE
failed=0

# expect CODE 'pattern in stdout and stderr' arguments…
expect()
{
	local code=$1 pattern=$2 got
	shift 2
	"$cordon" "$@" > out 2> err < /dev/null
	got=$?
	if ((got != code)) || { [[ -n $pattern ]] && ! cat out err | grep -qE -- "$pattern"; }; then
		echo "failed: cordon $*: exit $got, not $code, or no match of: $pattern"
		sed 's/^/    /' out err
		failed=1
	fi
}
fail()
{
	echo "failed: $*"
	failed=1
}

# Usage
expect 0 '^cordon [0-9]' --version
expect 2 'a command is missing'
expect 2 'unknown command "ipsecpol"' ipsecpol -w REG
expect 2 'did you mean load' laod x
expect 2 'give a script or a command' --store s.db netsh -f x add policy name=x
expect 2 'what to run is missing' --store s.db netsh

# What only looks makes no store, and an empty one is no error.
expect 0 '' --store s.db netsh static show all
expect 0 '' --store s.db show
expect 0 '' --store s.db dump
expect 2 'none' --store s.db show policy none
expect 2 'did you mean "policy"' --store s.db netsh static add polcy name=x
expect 2 'NAME=VALUE' --store s.db load block-all --set wrong
expect 2 'ipsecexempt is "9"' --store s.db config set ipsecexempt=9
expect 2 'did you mean ipsecexempt' --store s.db config set ipsecexmpt=1
[[ ! -e s.db ]] || fail 'a refused command made a store'

# Files that are none
mkdir d
expect 2 'is a directory' --store s.db netsh -f d
expect 2 'No such file' --store s.db netsh -f none.txt
expect 2 'none.json: error: .*No such file' --store s.db load ./none.json
expect 2 'no profile "blok-all".*did you mean block-all' --store s.db load blok-all
truncate -s 1000000000 large.txt
expect 2 'large.txt: error: larger than 256 MiB' --store s.db netsh -f large.txt
head -c 2000000 /dev/zero | tr '\0' x > long.txt
expect 2 'long.txt:1: error: the line is longer' --store s.db netsh -f long.txt
head -c 300 /dev/urandom > noise.db
expect 2 'noise.db' --store noise.db show
if ((EUID != 0)); then
	: > closed.txt
	chmod 0 closed.txt
	expect 3 'closed.txt: error: .*Permission denied' --store s.db netsh -f closed.txt
	expect 3 'needs root|--store' show
fi

# A script is one change.
printf 'ipsec static\nadd policy name=a\nadd polcy name=b\n' > bad.txt
expect 2 'bad.txt:3' --store s.db netsh -f bad.txt
"$cordon" --store s.db show 2> /dev/null | grep -q 'Policy Name' && fail 'a bad script changed the store'
expect 1 'bad.txt:3' --store s.db netsh --keep-going -f bad.txt
expect 0 'Policy Name *: a' --store s.db show policy
expect 0 'netsh --keep-going' --store s.db show history
printf 'ipsec static\nadd policy name=piped\n' | "$cordon" --store s.db netsh -f - || fail 'a script from a pipe'
expect 0 'piped' --store s.db show policy piped
expect 2 'no policy "pipe" in the local store' --store s.db save --policy pipe
expect 2 'did you mean "piped"' --store s.db save --policy pipd
expect 0 '' --store s.db save --policy piped -O saved.json
[[ $(stat -c %a saved.json) == 600 ]] || fail 'a saved profile is not 0600'
expect 0 'loaded policy "piped"' --store t.db load ./saved.json --assign
cmp <("$cordon" --store t.db save --policy piped | sed 's/"assigned": true/"assigned": false/') \
	<(sed 's/"assigned": true/"assigned": false/' saved.json) || fail 'load and save are not the same policy'
"$cordon" --store t.db netsh static add rule name=r policy=piped filterlist=l filteraction=f psk=S3cret > /dev/null 2>&1
"$cordon" --store t.db show history | grep -q S3cret && fail 'a key is in the history'

# A read-only store shows.
cp s.db ro.db
chmod 444 ro.db
expect 0 'piped' --store ro.db netsh static show policy all
expect 0 'piped' --store ro.db show policy

# The settings
expect 0 '^bootmode permit  \(default: permit' --store c.db config get bootmode
expect 0 '' --store c.db config set ipsecexempt=1 bootmode=block
expect 0 '^ipsecexempt 1$' --store c.db config get ipsecexempt
expect 0 '"bootmode": \{"value": "block", "default": false\}' --store c.db config get --json
expect 2 'config get or config set' --store c.db config put
# Stateful only where this machine starts the service.
expect 0 '^bootmode (stateful  \(default: stateful, since a policy is assigned and|permit  \(default: permit, since) the service is ' --store t.db config get bootmode
expect 0 '"bootmode": \{"value": "[a-z]+", "default": true, "why": "default: ' --store t.db config get bootmode --json

# Packets
expect 0 'boot mode block' --store c.db explain --mode boot 'in tcp 10.0.0.1:5 > 10.0.0.2:80'
expect 0 '^block: in tcp 10.0.0.1:5 > 10.0.0.2:80$' --store s.db explain --mode block 'in tcp 10.0.0.1:5 > 10.0.0.2:80'
expect 2 'none of secure, permit, block, boot' --store s.db explain --mode secured 'in tcp 10.0.0.1:5 > 10.0.0.2:80'
expect 2 'the shell takes' --store s.db explain in tcp 10.0.0.1:5
echo '{"addresses": ["192.0.2.10/24"]}' > facts.json
printf '\xef\xbb\xbf# packets\n\nin tcp 10.0.0.1:5 > me:80\r\n  \nout udp me:5 > 10.0.0.1:53' > packets.txt
expect 0 'permit' --store s.db explain --host facts.json --file packets.txt
(($(wc -l < out) == 2)) || fail 'packets and lines differ'
printf 'in tcp 10.0.0.1:5 > me:80\nin tcq 10.0.0.1:5 > me:80\nin tcp 10.0.0.1:5 > me:80\n' > packets.txt
expect 2 'packets.txt:2:[0-9]+: error' --store s.db explain --host facts.json --file packets.txt
(($(wc -l < out) == 1)) || fail 'lines after a bad one were judged'
head -c 300000 /dev/zero | tr '\0' x > packets.txt
expect 2 'packets.txt:1: error: the line is longer' --store s.db explain --host facts.json --file packets.txt
expect 2 'is no time' --store s.db show --at yesterday

# stdout that takes nothing
"$cordon" help > /dev/full 2> err
(($? == 3)) && grep -q 'standard output cannot be written' err || fail 'a full disk is not said'
"$cordon" help >&- 2> err
(($? == 3)) || fail 'a closed stdout is not said'
(trap '' PIPE; "$cordon" help --man; echo $? > code) 2> err | true
[[ $(cat code) == 0 && ! -s err ]] || fail 'a closed pipe is not quiet'
yes 'in tcp 10.0.0.1:5 > me:80' | head -n 300000 | (trap '' PIPE; "$cordon" --store s.db explain --host facts.json --file - 2> err; echo $? > code) | head -n 1 > out
[[ $(cat code) == 0 && ! -s err ]] || fail 'a closed pipe stops explain with noise'

leftover=$(find . -name '*.??????' -newer facts.json -name '*.json.*')
[[ -z $leftover ]] || fail "left behind: $leftover"
exit $failed
