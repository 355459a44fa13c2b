#!/bin/bash
# apply, status, config --now and lift against a kernel, in a network namespace of their own: kernel.bash CORDON
set -u
cordon=$1
if [[ -z ${CORDON_IN_NAMESPACE-} ]]; then
	export CORDON_IN_NAMESPACE=1
	if unshare -mn true 2> /dev/null; then
		exec unshare -mn bash "$0" "$cordon"
	elif unshare -rmn true 2> /dev/null; then
		exec unshare -rmn bash "$0" "$cordon"
	fi
	echo 'SKIPPED: no network namespace can be made here'
	exit 77
fi
for covered in /run /var/log; do # what apply and lift leave behind there
	mount -t tmpfs none $covered || { echo "SKIPPED: $covered cannot be covered"; exit 77; }
done
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
export CORDON_STORE=$folder/s.db
ip link set lo up 2> /dev/null
failed=0

fail()
{
	echo "failed: $*"
	sed 's/^/    /' out err
	failed=1
}
# expect CODE 'pattern in stdout and stderr' arguments…
expect()
{
	local code=$1 pattern=$2 got
	shift 2
	"$cordon" "$@" > out 2> err < /dev/null
	got=$?
	if ((got != code)) || { [[ -n $pattern ]] && ! cat out err | grep -qE -- "$pattern"; }; then
		fail "cordon $*: exit $got, not $code, or no match of: $pattern"
	fi
}
json()
{
	expect "$1" '^\{' "${@:2}" --json
	if command -v python3 > /dev/null; then
		python3 -m json.tool out > /dev/null 2>> err || fail "no JSON: cordon ${*:2} --json"
	fi
}

# Nothing yet
expect 0 'in force: nothing' status
expect 0 'nothing is in force' status --check
expect 0 'nothing was in force' lift
[[ ! -e s.db ]] || fail 'looking at the kernel made a store'

cat > web.txt <<'SCRIPT'
ipsec static
add policy name=web assign=yes
add filteraction name=permit action=permit
add filteraction name=deny action=block
add filter filterlist=http srcaddr=any dstaddr=me protocol=tcp dstport=80
add filter filterlist=all srcaddr=any dstaddr=any
add rule name=http policy=web filterlist=http filteraction=permit
add rule name=all policy=web filterlist=all filteraction=deny
SCRIPT
expect 0 '' netsh -f web.txt
expect 0 '^2 filters added, 0 removed, 0 changed' apply --dry-run
expect 0 '^kernel: [1-9][0-9]* chains, [1-9]' apply --dry-run
json 0 apply --dry-run
expect 0 'in force: nothing' status
expect 1 'nothing is in force' status --check

# In force
expect 0 'in force, mode secure' apply
expect 0 '^in force: yes' status
expect 0 'AF_PACKET' status
expect 0 'store: the same' status
expect 0 'web +http +http +permit' status
expect 0 'the same' status --check
expect 0 '^0 filters added, 0 removed, 0 changed, 2 unchanged' apply --dry-run
json 0 status
json 0 status --check

# The store goes on, the kernel does not.
expect 0 '' netsh ipsec static add filter filterlist=http srcaddr=any dstaddr=me protocol=tcp dstport=443
expect 0 '^\+ permit .*443' apply --dry-run
expect 0 '1 filters added, 0 removed, 0 changed' status
expect 1 '443' status --check
json 1 status --check
expect 0 '' netsh ipsec static set rule name=http policy=web filteraction=deny
expect 0 '^~ block .*was permit' apply --dry-run
expect 0 '' apply
expect 0 'the same' status --check
expect 0 '' config set ipsecexempt=0
expect 0 'not in force yet: ipsecexempt 0' status
expect 1 '' status --check
expect 0 '' config set ipsecexempt=2 --now
expect 0 'store: the same' status
expect 0 'the same' status --check
expect 0 'observe' apply --observe
expect 0 'observing: nothing is dropped' status
expect 0 'the same' status --check

# Somebody else's hand
if command -v nft > /dev/null; then
	expect 0 'in force, mode secure' apply
	nft flush table inet cordon || fail 'nft'
	expect 1 'differ' status --check
	expect 0 '' apply
	expect 0 'the same' status --check
else
	echo 'SKIPPED: no nft, so nobody changed our table'
fi

# What nothing enforces yet
cp s.db before.db
for change in 'set filteraction name=deny action=negotiate' 'set rule name=all policy=web tunnel=192.0.2.1' \
	'set rule name=all policy=web conntype=lan'; do
	cp before.db s.db
	# shellcheck disable=SC2086
	expect 0 '' netsh ipsec static $change
	expect 2 'rule "all" of policy "web".*nothing enforces' apply
	expect 2 'rule "all" of policy "web".*nothing enforces' apply --dry-run
done
cp before.db s.db
expect 0 'the same' status --check

# A profile: both, or neither
expect 0 'in force, mode secure' apply block-all
expect 0 'the same' status --check
expect 0 'apply block-all' show history
if setpriv --bounding-set -net_admin true 2> /dev/null; then
	sum=$("$cordon" dump | cksum)
	refused=(setpriv --bounding-set -net_admin)
	"${refused[@]}" "$cordon" apply slammer > out 2> err
	(($? == 3)) || fail 'apply without CAP_NET_ADMIN does not exit 3'
	[[ $("$cordon" dump | cksum) == "$sum" ]] || fail 'the kernel refused, and the store was changed'
	"${refused[@]}" "$cordon" status > out 2> err
	(($? == 3)) || fail 'status without CAP_NET_ADMIN does not exit 3'
	"${refused[@]}" "$cordon" apply --dry-run > out 2> err || fail 'a plan needs no right to read the kernel'
else
	echo 'SKIPPED: no setpriv, so the kernel refused nothing'
fi
expect 0 'the same' status --check

expect 0 'lifted' lift
expect 0 'in force: nothing' status
expect 1 'nothing is in force' status --check
exit $failed
