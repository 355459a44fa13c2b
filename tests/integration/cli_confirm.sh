#!/bin/sh
# The way back: apply --confirm, confirm, rollback, --for, lift.  In namespaces of this test alone, processes too: the
# guards end with it.
if [ -z "${CORDON_ALONE:-}" ]; then
	[ "$(id -u)" -eq 0 ] && alone="-mnpf --mount-proc --kill-child" || alone="-rmnpf --mount-proc --kill-child"
	# shellcheck disable=SC2086
	unshare $alone true 2>/dev/null || { echo "1..0 # SKIP SKIPPED: no namespaces can be made"; exit 77; }
	# shellcheck disable=SC2086
	CORDON_ALONE=1 exec unshare $alone sh "$0" "$@"
fi
for folder in /run /var/log /var/lib; do
	mount -t tmpfs none $folder || { echo "1..0 # SKIP SKIPPED: $folder cannot be covered"; exit 77; }
done
. "$2/tests/integration/tap.sh"
fixtures=$tap_source/tests/integration/fixtures
nft list ruleset >/dev/null 2>&1 || skip_all "nft (package nftables) is not there, or there is no network namespace"
ip link set lo up && ip link add end0 type veth peer name end1 && ip link set end0 up &&
	ip address add 192.0.2.10/24 dev end0 && ip address add 2001:db8::10/64 dev end0 nodad ||
	skip_all "no interface can be made here, or ip (package iproute2) is not there"
unset SSH_CONNECTION

# Without what changes by itself: counts, the number of the generation, the order in which counters came.
bare() { nft list table inet cordon 2>/dev/null | sed 's/packets [0-9]* bytes [0-9]*//; s/\<g[0-9]*_/g_/g; s/generation [0-9]*//' | sort; }
guards() { # how many live
	guards_count=0
	for stat in /proc/[0-9]*/stat; do
		grep -q "(cordon-guard) [^Z]" "$stat" 2>/dev/null && guards_count=$((guards_count + 1))
	done
	echo $guards_count
}
within() { # TENTHS COMMAND…: until it holds
	within_left=$1
	shift
	until "$@"; do
		within_left=$((within_left - 1))
		[ $within_left -gt 0 ] || return 1
		sleep 0.1
	done
}
guards_are() { [ "$(guards)" -eq "$1" ]; }
table_gone() { ! nft list table inet cordon >/dev/null 2>&1; }
elsewhere() { # another session, as from another terminal
	tap_command="cordon $* (another session)"
	setsid -w "$cordon" "$@" >out 2>err </dev/null
	code=$?
}
driver_has() { grep -q "$1" /run/cordon/driver; }

# Nothing was in force before.
run apply block-all --confirm 3
is_code 0; ok "apply --confirm"
out_has "all goes back in 3 s"; ok "it says when all goes back"
err_has "short-confirm"; ok "it warns that 3 seconds are short"
! table_gone; ok "it is in force"
guards_are 1; ok "a guard watches"
driver_has "secure"; ok "the driver is in secure"
before=$(store_digest)
run netsh ipsec static add policy name=x
is_code 3; ok "meanwhile a netsh command is refused"
err_has "cordon rollback"; ok "it says what to do"
run apply web-server --set management=192.0.2.0/24
is_code 3; ok "a second apply is refused"
run apply --confirm 60
is_code 3; ok "a second apply --confirm too"
run load slammer
is_code 3; ok "load too"
run config set ipsecexempt=1
is_code 3; ok "config set too"
run apply
is_code 3; ok "apply without a profile too"
[ "$before" = "$(store_digest)" ]; ok "none of them changed the store"
within 60 table_gone; ok "not confirmed: nothing is in force again"
within 20 guards_are 0; ok "and the guard has ended"
run show history
out_has "back to the empty store"; ok "history says so"
run show all --json
! out_has "block-all"; ok "the policy is gone from the store"
driver_has "permit"; ok "the driver is in permit"

# Something was.
"$cordon" netsh -f "$fixtures/lockdown.cmd" >out 2>err
run apply
is_code 0; ok "a lock-down is in force"
bare > old
dump=$("$cordon" dump)
same_as_old() { bare | cmp -s - old && [ "$dump" = "$("$cordon" dump)" ]; }
run apply block-all --confirm 2
is_code 0; ok "apply another --confirm 2"
! same_as_old; ok "the other is in force"
within 50 same_as_old; ok "not confirmed: kernel and store are as before"
run status --check
is_code 0; ok "and they are the same"

# By hand.
run apply block-all --confirm 60
run rollback
is_code 0 && same_as_old; ok "rollback at once"
within 20 guards_are 0; ok "no guard is left"
run rollback
is_code 2; ok "rollback with nothing pending: exit code 2"
run confirm
is_code 2; ok "confirm with nothing pending: exit code 2"

# Confirmed.
run apply block-all --confirm 60
run confirm
is_code 2; ok "confirm from the session that applied is refused"
err_has "new"; ok "it says to open a new connection"
elsewhere confirm
is_code 0; ok "confirm from another session"
within 20 guards_are 0; ok "the guard has ended"
run status --check
is_code 0; ok "what was confirmed is in force"
run netsh ipsec static add policy name=x
is_code 0; ok "and the store can be changed again"
"$cordon" netsh ipsec static delete policy name=x >/dev/null 2>&1

# A time to live.
bare > old
dump=$("$cordon" dump)
run apply slammer --for 2s
is_code 0 && out_has "ends by itself in 2 s"; ok "apply --for 2s"
run confirm
is_code 2 && err_has "--keep"; ok "there is nothing to confirm, and it says how to keep it"
within 50 same_as_old; ok "it has ended by itself"
run apply slammer --for 3s --confirm 60
elsewhere confirm
is_code 0 && out_has "until the time of --for"; ok "--confirm and --for: confirmed first"
! same_as_old; ok "it is in force"
within 60 same_as_old; ok "and then it ends by itself"
run apply slammer --for 2s
elsewhere confirm --keep
is_code 0; ok "confirm --keep"
within 20 guards_are 0; ok "the guard has ended"
run status --check
is_code 0; ok "and it stays"

# The guard is killed.
bare > old
dump=$("$cordon" dump)
run apply block-all --confirm 2
for stat in /proc/[0-9]*/stat; do
	grep -q "(cordon-guard)" "$stat" 2>/dev/null && kill -9 "$(cut -d' ' -f1 "$stat")"
done
sleep 2.2
! same_as_old; ok "guard killed, no service: nobody has taken it back"
run netsh ipsec static add policy name=x
is_code 3 && err_has "over"; ok "a change is refused: it is over"
elsewhere confirm
is_code 2; ok "it cannot be confirmed any more"
same=$dump
run apply
is_code 0 && err_has "taken back first"; ok "the next apply takes it back first"
dump=$("$cordon" dump)
[ "$same" = "$dump" ]; ok "the store is as before"

# The guard does not listen to what ends a session.
run apply block-all --confirm 60
for stat in /proc/[0-9]*/stat; do
	grep -q "(cordon-guard)" "$stat" 2>/dev/null && kill -HUP "$(cut -d' ' -f1 "$stat")" && kill -TERM "$(cut -d' ' -f1 "$stat")"
done
guards_are 1; ok "the guard outlives SIGHUP and SIGTERM"
run rollback
is_code 0; ok "and ends with rollback"
within 20 guards_are 0; ok "indeed"

# Another boot.
CORDON_BOOT_ID=one "$cordon" apply block-all --confirm 600 >out 2>err
tap_command="cordon apply in another boot"
CORDON_BOOT_ID=two "$cordon" netsh ipsec static add policy name=x >out 2>err
if [ $? -eq 0 ]; then
	skip "another boot" "this build does not take a boot from the environment"
	"$cordon" rollback >out 2>err
else
	CORDON_BOOT_ID=two "$cordon" confirm >out 2>err
	[ $? -eq 2 ] && err_has "its time is over"; ok "after a boot it cannot be confirmed"
	CORDON_BOOT_ID=two "$cordon" apply >out 2>err
	[ $? -eq 0 ] && err_has "taken back first"; ok "after a boot the next apply takes it back"
	[ "$dump" = "$("$cordon" dump)" ]; ok "the store is as before"
	CORDON_BOOT_ID=one "$cordon" apply block-all --for 3s >out 2>err
	CORDON_BOOT_ID=two "$cordon" netsh ipsec static add policy name=x >out 2>err
	[ $? -eq 3 ] && err_has "ends by itself"; ok "--for goes on after a boot"
	for stat in /proc/[0-9]*/stat; do
		grep -q "(cordon-guard)" "$stat" 2>/dev/null && kill -9 "$(cut -d' ' -f1 "$stat")"
	done
	sleep 3.2
	CORDON_BOOT_ID=two "$cordon" apply >out 2>err
	[ $? -eq 0 ] && err_has "taken back first"; ok "and ends by the clock"
	[ "$dump" = "$("$cordon" dump)" ]; ok "the store is as before"
fi

# lift.
run apply block-all --confirm 60
run lift
is_code 0 && err_has "taken back first"; ok "lift while one is pending takes it back first"
table_gone; ok "and lifts"
out_has "removed: table inet cordon with"; ok "it says what was removed"
out_has "at the next boot:"; ok "it says what the next boot will do"
[ "$dump" = "$("$cordon" dump)" ]; ok "the store is as before what was pending"
within 20 guards_are 0; ok "no guard is left to bring rules back"
run lift
is_code 0 && out_has "holds no table inet cordon"; ok "lift again: there is none, and it says so"
run lift --json
out_has '"table": false'; ok "and as JSON"
"$cordon" netsh ipsec static delete all >/dev/null 2>&1
"$cordon" netsh -f "$fixtures/lockdown.cmd" >out 2>err
"$cordon" apply >out 2>err
bare > old
dump=$("$cordon" dump)
run apply quarantine --set server=203.0.113.5 --set port=8000
is_code 0; ok "a quarantine"
run lift --restore --remove
is_code 0; ok "lift --restore --remove"
out_has "Lock-down"; ok "it says what is in force again"
run show all --json
! out_has '"quarantine'; ok "policy, lists and actions of the quarantine are gone"
out_has '"Everything"'; ok "what others use is there"
run status --check
is_code 0; ok "store and kernel are the same"
same_as_old; ok "all is as before the quarantine"
run lift --remove
is_code 0 && table_gone; ok "lift --remove"
run show policy Lock-down
is_code 2; ok "the policy is gone"
run lift --remove
is_code 2; ok "lift --remove with nothing assigned: exit code 2"
run lift
"$cordon" netsh ipsec static delete all >/dev/null 2>&1

# Bad input: said, and nothing has changed.
"$cordon" netsh -f "$fixtures/lockdown.cmd" >out 2>err
for value in 0 -1 x 86401 1.5 ""; do
	refused "--confirm '$value'" "--confirm" "seconds" apply --confirm "$value"
done
for value in 0s x 2 h -1h 367d 99999999999999999999s; do
	refused "--for '$value'" "--for" "how long" apply "--for=$value"
done
refused "--dry-run --confirm" "dry-run" "nothing to go back from" apply --dry-run --confirm 60
refused "--dry-run --for" "dry-run" "leave out --for" apply --dry-run --for 1h
refused "--set without a profile" "--set" "PROFILE" apply --confirm 60 --set a=b
refused "a profile that is none" "nonsense" "nonsense" apply nonsense --confirm 60
CORDON_STORE=$tap_folder/fresh.db
"$cordon" netsh -f "$fixtures/lockdown.cmd" >out 2>err
refused "lift --restore without an apply" "error: " "nothing to restore" lift --restore
CORDON_STORE=$tap_folder/store.db
within 20 guards_are 0; ok "what was refused leaves no guard"
table_gone; ok "and no rules"

# What is in force is of another store, or altered: it could not be put back.
"$cordon" apply >out 2>err
run --store other.db apply block-all --confirm 60
is_code 2 && err_has "not in the history of this store"; ok "rules of another store: refused"
nft flush chain inet cordon forward
run apply --confirm 60
is_code 2 && err_has "altered"; ok "altered rules: refused"
run apply
is_code 0; ok "apply mends them"

finish
