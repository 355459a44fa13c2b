#!/bin/sh
# apply, lift and status, in a network namespace of this test alone (started with `unshare`).
if [ -z "${CORDON_ALONE:-}" ]; then
	[ "$(id -u)" -eq 0 ] && alone=-mn || alone=-rmn
	unshare $alone true 2>/dev/null || { echo "1..0 # SKIP SKIPPED: no network namespace can be made"; exit 77; }
	CORDON_ALONE=1 exec unshare $alone sh "$0" "$@"
fi
for folder in /run /var/log; do # what apply and lift leave behind there
	mount -t tmpfs none $folder || { echo "1..0 # SKIP SKIPPED: $folder cannot be covered"; exit 77; }
done
. "$2/tests/integration/tap.sh"
fixtures=$tap_source/tests/integration/fixtures
nft list ruleset >/dev/null 2>&1 || skip_all "nft (package nftables) is not there, or there is no network namespace"
ip link set lo up && ip link add end0 type veth peer name end1 && ip link set end0 up &&
	ip address add 192.0.2.10/24 dev end0 && ip address add 2001:db8::10/64 dev end0 nodad ||
	skip_all "no interface can be made here, or ip (package iproute2) is not there"

nft -f - <<'END'
table inet other {
	chain input { type filter hook input priority 10; policy accept; tcp dport 9 counter drop; }
}
END
nft list table inet other > other.before
ours() { nft list table inet cordon 2>/dev/null; }
# Without what changes by itself.
bare() { ours | sed 's/packets [0-9]* bytes [0-9]*//'; }

"$cordon" netsh -f "$fixtures/lockdown.cmd" >out 2>err
run status
is_code 0 && out_has "nothing"; ok "status before the first apply"
run status --check
is_code 1; ok "status --check before the first apply: exit code 1"
run apply --dry-run
is_code 0 && [ -s out ]; ok "apply --dry-run prints a plan"
[ -z "$(ours)" ]; ok "apply --dry-run changes nothing"
run apply
is_code 0; ok "apply"
[ -n "$(ours)" ]; ok "the table is there"
run status --check
is_code 0; ok "status --check: the same"
run status
out_has "Lock-down"; ok "status names the policy"
out_has "AF_PACKET"; ok "status says what goes around it"
ours | grep -q "Drop the rest"; ok "comments name the rule"
run export --to nftables -O exported.nft
is_code 0; ok "export --to nftables"
nft -c -f exported.nft 2>err; ok "nft -c -f accepts it"
bare > applied
run apply
is_code 0; ok "apply again"
bare | cmp -s - applied; ok "applying the same changes nothing"

# A change in the store that is not in the kernel, and the other way round.
"$cordon" netsh ipsec static add filter filterlist=Web srcaddr=any dstaddr=me protocol=tcp dstport=8080 >/dev/null 2>&1
run status --check
is_code 1 && { out_has 8080 || err_has 8080; }; ok "status --check says what the store has and the kernel has not"
run apply --dry-run
out_has 8080; ok "the plan names the filter that is added"
run apply
is_code 0; ok "apply the change"
run status --check
is_code 0; ok "the same again"
chain=$(nft -a list table inet cordon | awk '$1 == "chain" { c = $2 } /hook input/ { print c; exit }')
nft insert rule inet cordon "$chain" tcp dport 3389 accept; ok "somebody else changes our table"
run status --check
is_code 1; ok "status --check finds it"
run apply
is_code 0; ok "apply repairs it"
run status --check
is_code 0; ok "repaired"

# Observe drops nothing; lift takes all of it away, and only ours.
run apply --observe
is_code 0; ok "apply --observe"
ours | grep -v -e policy | grep -q -w drop && ours | grep -q -w -e "drop$"
[ $? -ne 0 ]; ok "observing, nothing is dropped"
run status
out_has observ; ok "status says that it observes"
run apply
is_code 0; ok "and in earnest again"
nft list table inet other | cmp -s - other.before; ok "another table is untouched"
run lift
is_code 0; ok "lift"
[ -z "$(ours)" ]; ok "the table is gone"
nft list table inet other | cmp -s - other.before; ok "another table is untouched by lift"
run lift
is_code 0; ok "lift again"

# A profile that is applied is loaded, assigned and in force; what cannot be enforced is refused.
run save --policy Lock-down -O saved.json
"$cordon" netsh ipsec static delete all >/dev/null 2>&1
run apply saved.json
is_code 0; ok "apply PROFILE"
run show policy Lock-down
is_code 0; ok "it is in the store"
run status --check
is_code 0; ok "and in force"
bare > applied
before=$(store_digest)
"$cordon" netsh ipsec static add filteraction name=secure action=negotiate >/dev/null 2>&1
"$cordon" netsh ipsec static add rule name=secure policy=Lock-down filterlist=Web filteraction=secure >out 2>err
before=$(store_digest)
run apply
is_code 2; ok "a policy that negotiates is refused"
err_has negotiat; ok "with the reason"
bare | cmp -s - applied; ok "what was in force stays"
[ "$before" = "$(store_digest)" ]; ok "and the store too"
"$cordon" netsh ipsec static delete rule name=secure policy=Lock-down >/dev/null 2>&1

# A path that is mistyped lifts nothing.
run --store typo.db apply
is_code 2; ok "apply of a store that is not there is refused"
err_has "there is no store"; ok "and says that it is not there"
bare | cmp -s - applied; ok "what was in force stays"

# Output that is lost after a change does not say that nothing changed.
"$cordon" apply >/dev/full 2>err
[ $? -eq 0 ]; ok "apply whose output is lost: the exit code is that of the change"
err_has "the change was made all the same"; ok "and it is said"

# Somebody takes one base chain out.
nft flush chain inet cordon forward
run status
is_code 0; ok "status of an altered table"
out_has "somebody has changed"; ok "it is said"
run status --check
is_code 1; ok "status --check of an altered table: exit code 1"
run apply
is_code 0; ok "apply mends it"
run status --check
is_code 0; ok "and then they are the same"

# A store that has changed since is told apart from a kernel that somebody changed.
"$cordon" netsh ipsec static add filter filterlist=Web srcaddr=any dstaddr=me protocol=tcp dstport=8443 >/dev/null 2>&1
run status --check
is_code 1; ok "status --check after a change of the store: exit code 1"
out_has "the store has changed since"; ok "it is said as such"
out_has "me:8443"; ok "with the filter that is new"
"$cordon" netsh ipsec static delete filter filterlist=Web srcaddr=any dstaddr=me protocol=tcp dstport=8443 >/dev/null 2>&1

bare > applied

# A kernel without nftables.
"$tap_hide" /bin/true
if [ $? -ne 0 ]; then
	skip "a kernel without nftables" "no seccomp here"
else
	run_without_netfilter apply
	is_code 3; ok "no nftables in the kernel: apply: exit code 3"
	err_has nftables; ok "no nftables in the kernel: it is said"
	run_without_netfilter lift
	is_code 3; ok "no nftables in the kernel: lift: exit code 3"
	run_without_netfilter status --check
	is_code 3; ok "no nftables in the kernel: status --check: exit code 3"
	before=$(store_digest)
	run_without_netfilter apply "$fixtures/../../../profiles/block-all.json"
	is_code 3; ok "no nftables in the kernel: apply PROFILE: exit code 3"
	[ "$before" = "$(store_digest)" ]; ok "no nftables in the kernel: the store stays as it was"
	run_without_netfilter explain "tcp 203.0.113.9:51000 > me:80"
	is_code 0; ok "no nftables in the kernel: what needs none works"
	bare | cmp -s - applied; ok "what is in force stays"
fi
nft delete table inet other
run lift
finish
