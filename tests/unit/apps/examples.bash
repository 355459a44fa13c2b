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
	printf 'netsh ipsec static add policy name=other\r\n' > lockdown.cmd &&
	logs
}
# Logs for what reads them: a drop, in our own form and in that of Windows Firewall.
logs()
{
	local fields='#Fields: date time x-source x-action x-direction protocol src-ip src-port dst-ip dst-port'
	printf '#Version: 1.0\n%s\n2026-11-20 10:00:00 cordon DROP in TCP 203.0.113.9 51000 192.0.2.10 3389\n' "$fields" > drops.log
	printf '#Version: 1.5\n#Software: Microsoft Windows Firewall\n#Time Format: Local\n#Fields: date time action protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn tcpack tcpwin icmptype icmpcode info path\n\n2026-11-20 10:00:00 DROP TCP 203.0.113.9 192.0.2.10 51000 3389 48 S 1 0 8192 - - - RECEIVE\n' > pfirewall.log
	printf '{"addresses": ["192.0.2.10/24"]}' > web01.json
	printf '{"name": "nightly", "sources": ["drops.log"], "policy": "block-all", "host": "web01.json", "state": "audit.db"}' > audit.json
	cordon --store policy.db dump > web01-dump.txt
}
prepare > prepare.out 2>&1 || { cat prepare.out; echo "the folder could not be prepared"; exit 1; }
sleep 2 # save --at 1s looks back a second
mkdir start && cp policy.db* lockdown.cmd start/

# Of their own: the network, the folders that are written to, and the processes that stay (a guard of --confirm).
namespace=(none)
cover='mkdir -p /srv; for f in /run /var/log /srv; do mount -t tmpfs none $f || exit 99; done; "$@"'
for options in -mnpf -rmnpf; do
	if [[ ${namespace[0]} == none ]] && unshare $options --mount-proc true 2> /dev/null; then
		namespace=(unshare $options --mount-proc --kill-child bash -c "$cover" cover)
	fi
done
# What an example needs to have happened before.
before()
{
	case $1 in
	*'status --check'* | 'cordon drift') echo 'cordon apply -q && ' ;;
	'cordon boot'*'--root /srv/image'*)
		echo "mkdir -p /srv/image/usr/bin && cp $(dirname "$cordon")/cordon-boot /srv/image/usr/bin/ && "
		[[ $1 != *status* ]] || echo 'cordon boot install -q --root /srv/image && ' ;;
	'cordon confirm'*) echo 'cordon apply -q --confirm 60 && setsid -w ' ;;
	'cordon rollback'*) echo 'cordon apply -q --confirm 60 && ' ;;
	'cordon lift --restore'*) echo 'cordon apply -q quarantine --set server=192.0.2.5 --set port=8000 && ' ;;
	esac
}

# example COMMAND LINE
example()
{
	local command=$1 line=$2 prefix=()
	case $command in
	apply|boot|confirm|rollback|lift|status|drift|tail)
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
	# It ends when somebody ends it.
	if [[ $command == tail ]]; then
		line="timeout --preserve-status -s INT 1 $line"
	fi
	if ! CORDON_STORE=$folder/policy.db "${prefix[@]}" bash -o pipefail -c "$(before "$line")$line" > out 2>&1; then
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
