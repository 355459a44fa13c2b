#!/bin/sh
# cordon tail, replay, drift, audit and report: in a network namespace and with folders of this test alone (started with `unshare`).
if [ -z "${CORDON_ALONE:-}" ]; then
	[ "$(id -u)" -eq 0 ] && alone=-mn || alone=-rmn
	unshare $alone true 2>/dev/null || { echo "1..0 # SKIP SKIPPED: no mount and network namespace can be made"; exit 77; }
	CORDON_ALONE=1 exec unshare $alone sh "$0" "$@"
fi
mount -t tmpfs none /var/lib && mount -t tmpfs none /run && mount -t tmpfs none /var/log ||
	{ echo "1..0 # SKIP SKIPPED: nothing can be mounted"; exit 77; }
. "$2/tests/integration/tap.sh"
data=${CORDON_DATA:-$tap_source/../shared/data}

# --- A host, its policy and its log ---
cat > web01.json <<'END'
{"addresses": ["192.0.2.10/24"]}
END
cat > lockdown.netsh <<'END'
ipsec static add policy name=lockdown assign=yes
ipsec static add filteraction name=no action=block
ipsec static add filteraction name=yes action=permit
ipsec static add filter filterlist=every srcaddr=any dstaddr=any
ipsec static add filter filterlist=web srcaddr=any dstaddr=me protocol=tcp dstport=80 mirrored=no
ipsec static add rule name=all policy=lockdown filterlist=every filteraction=no
ipsec static add rule name=web policy=lockdown filterlist=web filteraction=yes
END
fields='#Fields: date time x-source x-eventid x-action x-direction protocol src-ip src-port dst-ip dst-port x-count x-rule x-mode'
head_of() { printf '#Software: Cordon\n#Version: 1.0\n#Date: %s\n%s\n' "$1" "$fields"; }
drop() { # DAY SECOND SOURCE PORT COUNT: a line
	printf '2026-11-%s 10:00:%s cordon 4290 DROP in TCP %s 40000 192.0.2.10 %s %s all secure\n' "$1" "$2" "$3" "$4" "$5"
}
{
	head_of '2026-11-20 00:00:00'
	echo '2026-11-20 09:00:00 cordon 4297 - - - - - - - - "the machine starts" boot'
	echo '2026-11-20 09:00:30 cordon 4294 - - - - - - - - "<b>applied</b>" secure'
	drop 20 01 203.0.113.1 445 -
	drop 20 02 203.0.113.2 22 41
	drop 20 03 203.0.113.1 445 7
} > drops.log

# Waits until a file has a text; at most ten seconds.
wait_for() {
	tap_left=100
	until grep -F -q -e "$2" "$1" 2>/dev/null; do
		tap_left=$((tap_left - 1))
		[ $tap_left -gt 0 ] || return 1
		sleep 0.1
	done
}
# Starts cordon tail; its output goes to the files tailed and said.
tail_start() {
	tap_command="cordon tail $*"
	: > tailed
	: > said
	"$cordon" tail "$@" > tailed 2> said < /dev/null &
	tail_id=$!
}
tail_stop() {
	kill -INT "$tail_id"
	wait "$tail_id"
	code=$?
}

# --- tail ---
mkdir -p /var/log/cordon
log=/var/log/cordon/drops.log
tail_start -n 2 -o CSV
wait_for said "$log: note: is not there yet"; ok "tail waits for a log that is not there"
cp drops.log "$log"
wait_for tailed "10:00:03"; ok "and begins at its first line when it comes"
wait_for tailed "the machine starts"; ok "with what it has"
drop 20 04 203.0.113.3 23 - >> "$log"
wait_for tailed 203.0.113.3; ok "a new line comes"
mv "$log" "$log.1"
drop 20 05 203.0.113.4 23 - >> "$log.1"
{ head_of '2026-11-20 01:00:00'; drop 20 06 203.0.113.5 23 -; } > "$log.new"
mv "$log.new" "$log"
wait_for tailed 203.0.113.5 && grep -q 203.0.113.4 tailed; ok "through rotation, with the last line of the old file"
: > "$log"
sleep 0.5
{ head_of '2026-11-20 02:00:00'; drop 20 07 203.0.113.6 23 -; } >> "$log"
wait_for tailed 203.0.113.6; ok "through truncation"
[ "$(grep -c 203.0.113 tailed)" -eq 7 ]; ok "each line once"
tail_stop
is_code 0; ok "Ctrl-C ends it: exit code 0"
tail_start --file drops.log -n 2 --drops --src 203.0.113.2 -o JSON
wait_for tailed '"x-count":41'; ok "tail selects as log does"
tail_stop
[ "$(wc -l < tailed)" -eq 1 ] && is_code 0; ok "and prints what was asked for only"
tail_start --file drops.log -n 1
wait_for tailed 10:00:03
ok "the last line"
tail_stop
! grep -q 10:00:02 tailed; ok "and no more than the last"
run tail --file .
is_code 2 && err_has "is no file that grows"; ok "tail of a folder is refused"
refuses_tail() { # FILE: it would wait for ever for what it does not refuse
	tap_command="cordon tail --file $1"
	timeout 10 "$cordon" tail --file "$1" > out 2> err < /dev/null
	code=$?
}
printf '#Version: 1.5\r\n#Software: Microsoft Windows Firewall\r\n#Fields: date time action protocol src-ip dst-ip src-port dst-port\r\n' > firewall.log
refuses_tail firewall.log
is_code 2 && err_has "is of the format pfirewall (log of Windows Firewall)"; ok "tail of a log of Windows Firewall is refused, with words"
refuses_tail lockdown.netsh
is_code 2 && err_has "does not begin as a W3C log does"; ok "tail of what is no log"
run tail -n x
is_code 2 && err_has "a number from 0 to 1000000"; ok "tail -n wants a number"

# --- replay ---
run replay drops.log --policy lockdown.netsh --host web01.json
is_code 0 && out_has "49  expected"; ok "replay: every drop was meant"
drop 20 09 203.0.113.9 80 5 > more
cat drops.log more > unexpected.log
run replay unexpected.log --policy lockdown.netsh --host web01.json
is_code 1 && out_has "in tcp 203.0.113.9:40000 > 192.0.2.10:80"; ok "replay: one was not"
tab=$(printf '\t')
out_has ":80${tab}5${tab}2026-11-20T10:00:09Z${tab}unexpected.log:10"; ok "replay: when it was, and where it stands"
run replay unexpected.log --policy lockdown.netsh --host web01.json --json
out_has '"time": "2026-11-20T10:00:09Z", "file": "unexpected.log", "line": 10}'; ok "replay --json: so too"
{
	cat drops.log
	printf '2026-11-20 09:00:0%s cordon 4290 DROP - %s 203.0.113.9 - - %s - - boot\n' 1 TCP 445 2 UDP 68
	printf '2026-11-20 10:00:05 cordon 4290 DROP in TCP 203.0.113.9 40000 - 80 5 all secure\n'
} > startup.log
run replay startup.log --policy lockdown.netsh --host web01.json -v
is_code 0 && out_has "50  expected" && grep -q "^expected.*445${tab}1${tab}2026-11-20T09:00:01Z${tab}startup.log:10\$" out; ok "replay: a drop of the start-up rules, as far as they say"
grep -q "^unexplained.*UDP 203.0.113.9:- > -:68${tab}1${tab}2026-11-20T09:00:02Z${tab}startup.log:11${tab}wants the direction and the source port" out; ok "or why it is not judged"
grep -q "^unexplained.*${tab}5${tab}2026-11-20T10:00:05Z${tab}startup.log:12${tab}wants " out; ok "replay -v: what is unexplained"
{ cat drops.log; for i in 1 2; do drop 20 07 203.0.113.1 445 18446744073709551615; done; } > claims.log
run replay claims.log --policy lockdown.netsh --host web01.json
is_code 0 && out_has "18446744073709551615+  expected" && err_has "18446744073709551615 stands for at least so many [count]"; ok "replay: a sum does not wrap, and says so"
run log claims.log --count source -o JSON
is_code 0 && out_has '"x-count":18446744073709551615' && err_has "[count]"; ok "log --count: so too"
sed 's/ DROP / ALLOW /; s/ secure$/ observe/' drops.log > observed.log
run replay observed.log --policy lockdown.netsh --host web01.json
is_code 0 && out_has "49  expected"; ok "replay: what was only observed counts as dropped"
run netsh -f lockdown.netsh
run replay drops.log --host web01.json
is_code 0 && out_has "a policy: the store had none then"; ok "replay by the store: older than its policy is unexplained"
today=$(date -u -d '+1 minute' '+%Y-%m-%d %H:%M:%S')
{ head_of "$today"; echo "$today cordon 4290 DROP in TCP 203.0.113.9 40000 192.0.2.10 80 - all secure"; } > now.log
run replay now.log --host web01.json
is_code 1 && out_has "1  unexpected"; ok "replay by the store: what is in force since judges"

sed -n '1,4p' drops.log > permits.log
printf '2026-11-20 10:00:09 cordon - ALLOW in TCP 203.0.113.9 40000 192.0.2.10 %s 3 all secure\n' 80 445 >> permits.log
run replay permits.log --policy lockdown.netsh --host web01.json
is_code 1 && out_has "3  expected" && out_has "3  unexpected" && out_has "192.0.2.10:445"; ok "replay: a permit that the policy blocks is unexpected"
out_has "by filter:" && out_has "unexpected, by source:" && out_has "unexpected, by port:"; ok "replay: summary by filter, source and port"
sed 's/ 203.0.113.9 40000 192.0.2.10 80 / 203.0.113.9 - 192.0.2.10 - /' permits.log > portless.log
run replay portless.log --policy lockdown.netsh --host web01.json
is_code 1 && out_has "3  the ports"; ok "replay: what a record lacks"
# A capture of one packet: UDP from 203.0.113.9 to port 53 of the host.
printf '\324\303\262\241\002\0\004\0\0\0\0\0\0\0\0\0\0\0\004\0\145\0\0\0\200\103\037\151\0\0\0\0\034\0\0\0\034\0\0\0' > one.pcap
printf '\105\0\0\034\0\0\0\0\100\021\0\0\313\0\161\011\300\0\002\012\234\100\0\065\0\010\0\0' >> one.pcap
run replay one.pcap --policy lockdown.netsh --host web01.json
is_code 0 && out_has "1  captured" && out_has "block" && out_has "udp 203.0.113.9:40000 > 192.0.2.10:53"; ok "replay: a captured packet gets the verdict that it would have"
echo 'kernel: blocked IN=eth0 OUT= SRC=203.0.113.9 DST=192.0.2.10 LEN=40 PROTO=TCP SPT=40000 DPT=445 SYN ' > timeless.log
{
	head_of "$today"
	sleep 1
	echo "$(date -u '+%Y-%m-%d %H:%M:%S') cordon 4290 DROP in TCP 203.0.113.1 40000 192.0.2.10 80 3 all secure"
	sleep 1
	"$cordon" netsh ipsec static set filteraction name=yes action=block > said 2>&1
	sleep 1
	echo "$(date -u '+%Y-%m-%d %H:%M:%S') cordon 4290 DROP in TCP 203.0.113.2 40000 192.0.2.10 80 5 all secure"
	sleep 1
	"$cordon" netsh ipsec static set filteraction name=yes action=permit > said 2>&1
	echo "$(date -u '+%Y-%m-%d %H:%M:%S') cordon 4290 DROP in TCP 203.0.113.3 40000 192.0.2.10 80 7 all secure"
} > times.log
run replay times.log --host web01.json
is_code 1 && out_has "10  unexpected" && out_has "5  expected" && ! out_has 203.0.113.2; ok "replay by the store: each drop by what was in force at its time"
run replay timeless.log --host web01.json
is_code 0 && out_has "1  unexplained" && out_has "the time: what the store had in force has changed since"; ok "replay by the store: without a time it is unexplained"
run replay timeless.log --policy lockdown --host web01.json
is_code 0 && out_has "1  expected"; ok "replay by one policy of the store: it needs none"

# --- drift ---
if nft list ruleset >/dev/null 2>&1; then
	run drift
	is_code 1 && out_has "nothing is in force"; ok "drift: what is assigned is not in force"
	run apply --force
	is_code 0; ok "the policy is applied"
	run drift
	is_code 0 && out_has "the kernel holds what is assigned"; ok "drift: none"
	nft add rule inet cordon input accept
	run drift --json
	is_code 1 && out_has '"drift": true'; ok "drift: somebody has changed the kernel"
	kernel=yes
else
	skip "drift of the kernel" "nft (package nftables) is not there, or there is no network namespace"
	kernel=
fi
run dump
cp out dump.txt
run drift dump.txt
is_code 0 && out_has "0 filters missing, 0 extra, 0 changed, 2 the same"; ok "drift: a dump of the store is the same"
sed 's/name="*yes"* action=permit/name=yes action=block/; s/action="*permit"*/action=block/' dump.txt > changed.txt
run drift changed.txt
is_code 1 && out_has "changed" && out_has "assigned: permit"; ok "drift: another action"
printf 'ipsec static add policy name=lockdown assign=yes\nipsec static add filteraction name=no action=block\nipsec static add filter filterlist=every srcaddr=any dstaddr=any\nipsec static add rule name=all policy=lockdown filterlist=every filteraction=no\n' > fewer.txt
run drift fewer.txt
is_code 1 && out_has "missing  permit"; ok "drift: a filter is missing"
run drift --json fewer.txt
is_code 1 && out_has '"removed": [{"store": "local", "policy": "lockdown", "rule": "web"'; ok "drift --json"
grep -q activatedefaultrule=yes dump.txt; ok "drift: a dump names the default response rule"
sed 's/activatedefaultrule=yes/activatedefaultrule=no/' dump.txt > default.txt
run drift default.txt
is_code 1 && out_has 'setting  activatedefaultrule no  assigned: yes  (policy "lockdown")'; ok "drift: another default response rule is a difference"
sed 's/assign=yes/assign=no/' dump.txt > unassigned.txt
run drift unassigned.txt
is_code 1 && out_has 'unassigned  the machine has policy "lockdown", but it is not assigned: nothing of it is in force'; ok "drift: so is that it is not assigned"
run drift unassigned.txt --json
is_code 1 && out_has '"unassigned": "lockdown", "settings": []'; ok "drift --json: so too"
run drift fewer.txt
out_has "1 filter missing, 0 extra"; ok "drift: one filter is one filter"
printf 'regf' > hive
run drift hive
is_code 2 && err_has "is a registry hive"; ok "drift: a hive is refused, and says why"
printf 'Windows Registry Editor Version 5.00\r\n' > keys.reg
run drift keys.reg
is_code 2 && err_has "is a .reg file"; ok "drift: so is a .reg file"
run --store empty.db drift dump.txt
is_code 2 && err_has "nothing to compare with"; ok "drift: nothing is assigned"

# --- report ---
run report unexpected.log --policy lockdown.netsh --host web01.json -O report.html
is_code 0 && no_out && grep -q "203.0.113.2" report.html && grep -q "permit: lockdown / web / web" report.html; ok "report makes a page"
! grep -q -e "<b>applied" -e "<script" -e "http:" -e "https:" report.html && grep -q "&lt;b&gt;applied&lt;/b&gt;" report.html; ok "text of the log is escaped, and nothing is loaded"
[ "$(ls | grep -c report.html)" -eq 1 ]; ok "nothing is left beside it"
run --store none.db report drops.log
is_code 0 && out_has "Not judged by a policy"; ok "report without a policy"
run report drops.log --port 22 --policy lockdown.netsh --host web01.json
is_code 0 && out_has "203.0.113.2" && ! out_has "203.0.113.1<"; ok "report selects as log does"
echo 'not a line' | cat drops.log - > torn.log
run report torn.log -O torn.html
is_code 1 && grep -q "lost: a line that does not have the columns" torn.html; ok "report says what was lost: exit code 1"
before=$(sha256sum drops.log)
run report drops.log -O drops.log
is_code 2 && [ "$(sha256sum drops.log)" = "$before" ]; ok "report over its own input is refused"
cp lockdown.netsh kept.netsh
for output in lockdown.netsh web01.json; do
	run report drops.log --policy lockdown.netsh --host web01.json -O ./$output
	is_code 2 && err_has "names too: nothing was written"; ok "report over $output, which judges"
done
cmp -s kept.netsh lockdown.netsh; ok "which is as it was"
mkdir read && cp drops.log read
run report read -O read/page.evt
is_code 2 && err_has "which is read: write it elsewhere" && [ ! -e read/page.evt ]; ok "report into a folder that is read"
run report claims.log
out_has "Of the records, 2 claim more than 1,073,741,824 packets each"; ok "report: what a record claims is bounded, and it says so"
(ulimit -f 2; "$cordon" report drops.log -O limited.html > out 2> err)
code=$?
is_code 3 && err_has "File too large" && ! ls limited* > said 2>&1; ok "report: a limit of file sizes is an error, and nothing is left"
run report no-such.log -O none.html
is_code 2 && [ ! -e none.html ]; ok "report of nothing: exit code 2, and no page"

# --- audit ---
mkdir -p job/logs
cp drops.log job/logs
cp lockdown.netsh web01.json job
cat > job/a.json <<'END'
{"name": "nightly", "sources": ["logs"], "policy": "lockdown.netsh", "host": "web01.json",
 "outputs": [{"format": "text", "file": "found.txt"}, {"format": "json", "file": "found-${date}.jsonl"}], "state": "state.db"}
END
run audit job/a.json
is_code 0 && out_has "summary: clean in 5 records, 49 packets dropped"; ok "audit: clean"
cmp -s out job/found.txt && [ -s "job/found-$(date -u +%Y-%m-%d).jsonl" ] && [ ! -e job/state.db ]; ok "audit writes its files, and no state"
run audit job/a.json --json
grep -q '^{"time": "20[^"]*Z", "job": "nightly", "kind": "summary", "findings": 0, "records": 5, "drops": 49' out; ok "audit --json"
for output in logs/drops.log job.json state.db web01.json lockdown.netsh; do
	sed "s,found.txt,./$output," job/a.json > job/job.json
	before=$(sha256sum job/*.json job/logs/* job/lockdown.netsh)
	run audit job/job.json --since-last
	is_code 2 && grep -q -e "too: nothing was written" -e "which is read: write it elsewhere" err && [ "$(sha256sum job/*.json job/logs/* job/lockdown.netsh)" = "$before" ]
	ok "audit over its own $output is refused"
done
rm -f job/job.json job/state.db
run audit job/a.json --since-last
is_code 0 && out_has "5 new records"; ok "since-last: all is new at first"
[ "$(grep -c summary job/found.txt)" -eq 2 ]; ok "since-last: findings are added to those that are there"
run audit job/a.json --since-last
is_code 0 && out_has "0 new records"; ok "since-last: nothing is new"
cat more >> job/logs/drops.log
run audit job/a.json --since-last
is_code 1 && out_has "1 new records" && out_has "unexpected: 5 packets of TCP 80 from 203.0.113.9"; ok "since-last: a new drop that was not meant"
gzip job/logs/drops.log && mv job/logs/drops.log.gz job/logs/drops.log.1.gz
{ head_of '2026-11-21 00:00:00'; drop 21 01 203.0.113.8 445 -; } > job/logs/drops.log
run audit job/a.json --since-last
is_code 0 && out_has "1 new records"; ok "since-last: rotated and packed, nothing is told twice"
before=$(sha256sum job/state.db job/found.txt)
drop 21 02 203.0.113.8 80 - >> job/logs/drops.log
sed 's,found-,nowhere/found-,' job/a.json > job/b.json
run audit job/b.json --since-last
is_code 2 && err_has "cannot be written" && [ "$(sha256sum job/state.db job/found.txt)" = "$before" ]; ok "an output that cannot be written: exit code 2, nothing has changed"
[ "$(ls job | grep -c 'found.txt')" -eq 1 ]; ok "and nothing is left beside"
run audit job/a.json --since-last
is_code 1 && out_has "1 new records"; ok "what the failed run saw is still new"
cat > job/c.json <<'END'
{"name": "limits", "sources": ["../drops.log"], "judge": false, "thresholds": {"one_source": 8, "drops": 49, "least_records": 6}}
END
run audit job/c.json
is_code 1 && out_has "threshold: 41 packets were dropped from 203.0.113.2; at most 8 are expected" && out_has "at least 6" && ! out_has "203.0.113.1;"
ok "thresholds"
[ "$(grep -c . out)" -eq 3 ]; ok "what is not over one is no finding"
cat > job/d.json <<'END'
{"name": "warnings", "sources": ["../drops.log"], "lint": true, "host": "web01.json", "policy": "lockdown.netsh"}
END
run audit job/d.json
is_code 1 && out_has "lint: " && out_has "[no-management]"; ok "the warnings of load are findings"
cp torn.log job/logs/torn.log
run audit job/a.json
is_code 1 && out_has "lost: 1 records could not be read; at most 0 are taken"; ok "a lost record is a finding"
rm job/logs/torn.log
printf '{"name": "taken", "sources": ["../drops.log"], "policy": "lockdown.netsh", "host": "web01.json", "state": "taken.db"}' > job/taken.json
{ sleep 0.1; "$cordon" audit job/taken.json --since-last 2> err; echo $? > code; } | true
[ "$(cat code)" -eq 2 ] && grep -q "the next run tells them again" err; ok "since-last: what nobody took, and no file has, is not behind"
run audit job/taken.json --since-last
is_code 0 && out_has "5 new records"; ok "since-last: the next run tells it"
printf '2026-11-20 10:00:08 cordon 4290 DROP in TCP 203.0.113.9 40000 192.0' >> drops.log
run audit job/taken.json --since-last
is_code 0 && out_has "0 new records" && err_has "its last line has no end yet"; ok "since-last: half a line waits"
echo '.2.10 445 - all secure' >> drops.log
run audit job/taken.json --since-last
is_code 0 && out_has "1 new records"; ok "since-last: and comes whole"
sed -i '$d' drops.log
printf '{"name": "unjudged", "sources": ["../drops.log"]}' > job/k0.json
run --store no.db audit job/k0.json
is_code 2 && err_has '"policy" in the job names one' && ! err_has --policy && [ "$(grep -c note err)" -le 1 ]; ok "audit without a policy: names what a job has"
if [ -n "$kernel" ]; then
	printf '{"name": "kernel", "sources": ["../drops.log"], "judge": false, "kernel": true, "state": "state.db"}' > job/k.json
	run audit job/k.json --since-last
	is_code 1 && out_has "kernel: "; ok "a change of the kernel is a finding"
	run audit job/k.json --since-last
	is_code 0; ok "and told once"
	run apply --force
	run audit job/k.json
	is_code 0; ok "until somebody mends it"
fi
printf '{"name": "bad", "source": ["x"], "sources": ["x"]}' > job/bad.json
refused "a job with a wrong key" "job/bad.json:1:17" "did you mean sources?" audit job/bad.json
run audit job/none.json
is_code 2; ok "no job"
printf '{"name": "gone", "sources": ["gone.log"], "judge": false}' > job/gone.json
run audit job/gone.json
is_code 2 && err_has "none of the sources"; ok "no source can be read: exit code 2"
printf '{"name": "half", "sources": ["gone.log", "../drops.log"], "judge": false}' > job/half.json
run audit job/half.json
is_code 1 && out_has "unreadable: the source"; ok "one of two can: a finding"
printf 'this is no database, whatever it is called, and long enough to be looked at as one by SQLite, which wants a hundred bytes' > job/state.bad
sed 's,state.db,state.bad,' job/a.json > job/e.json
run audit job/e.json --since-last
is_code 2; ok "a state that is none: exit code 2"

err_has "job/state.bad" && [ "$(head -c 7 job/state.bad)" = "this is" ]; ok "it is named, and not changed"
cp job/state.db job/torn.db
dd if=/dev/zero of=job/torn.db bs=1000 seek=4 count=100 conv=notrunc 2>/dev/null
sed 's,state.db,torn.db,' job/a.json > job/t.json
before=$(sha256sum job/torn.db job/found.txt)
run audit job/t.json --since-last
is_code 2 && err_has "job/torn.db: error: " && [ "$(sha256sum job/torn.db job/found.txt)" = "$before" ]; ok "a damaged state: exit code 2, and nothing has changed"

# --- Two audits at once, and one that is killed: the first waits for a log that somebody else is to write ---
mkfifo job/slow
printf '{"name": "both", "sources": ["slow", "../drops.log"], "judge": false, "state": "both.db", "outputs": [{"format": "text", "file": "slow.txt"}]}' > job/slow.json
printf '{"name": "both", "sources": ["../drops.log"], "judge": false, "state": "both.db"}' > job/fast.json
"$cordon" audit job/slow.json --since-last > out 2> err < /dev/null &
slow_id=$!
tap_left=100
until [ -e job/both.db ] && ls job | grep -q 'slow.txt\.' || [ $tap_left -eq 0 ]; do tap_left=$((tap_left - 1)); sleep 0.05; done
run audit job/fast.json --since-last
is_code 0 && out_has "5 new records"; ok "two audits at once: the one that ends first counts"
cat drops.log > job/slow
wait $slow_id
code=$?
is_code 2 && grep -q "another run of job both has ended while this one was running" err && [ ! -e job/slow.txt ]; ok "and the other does not: exit code 2, and no file"
run audit job/fast.json --since-last
is_code 0 && out_has "0 new records"; ok "nothing is told twice"
drop 20 10 203.0.113.9 445 - >> drops.log
before=$(sha256sum job/both.db)
"$cordon" audit job/slow.json --since-last > out 2> err < /dev/null &
slow_id=$!
tap_left=100
until ls job | grep -q 'slow.txt\.' || [ $tap_left -eq 0 ]; do tap_left=$((tap_left - 1)); sleep 0.05; done
kill -9 $slow_id
wait $slow_id 2>/dev/null
[ "$(sha256sum job/both.db)" = "$before" ] && [ ! -e job/slow.txt ]; ok "an audit that is killed has changed neither state nor file"
rm -f job/slow job/slow.txt.*
run audit job/fast.json --since-last
is_code 0 && out_has "1 new records"; ok "and what it was about to tell the next one tells"

sed 's,"found.txt","/dev/full",' job/a.json > job/f.json
run audit job/f.json
is_code 2 && err_has "/dev/full: error: cannot be written: No space left"; ok "a full disk: exit code 2"

# --- No memory: the old file, or the new one, and nothing beside it ---
echo old > kept.html
half=0
for k in 1 2 3 5 8 13 21 34 55 89 144 233 377 610; do
	CORDON_FAIL_ALLOC=$k "$cordon" report unexpected.log --policy lockdown.netsh --host web01.json -O kept.html > out 2> err < /dev/null
	code=$?
	[ "$(head -c 3 kept.html)" = old ] || tail -c 8 kept.html | grep -q "</html>" || half=1
	[ $code -eq 0 ] || [ $code -eq 3 ] || half=1
done
[ $half -eq 0 ]; ok "without memory no half page takes the place of a whole file"

# --- What the documents say works ---
if [ -f "$data/evt-synthetic/ipsec-clean.evt" ] && [ -f "$data/evtx-synthetic/ipsec-wfp-clean.evtx" ]; then
	cp "$data/evt-synthetic/ipsec-clean.evt" System.evt
	cp "$data/evtx-synthetic/ipsec-wfp-clean.evtx" Security.evtx
	printf '#Version: 1.5\r\n#Software: Microsoft Windows Firewall\r\n#Time Format: Local\r\n#Fields: date time action protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn tcpack tcpwin icmptype icmpcode info path\r\n\r\n2026-11-20 11:00:00 DROP TCP 203.0.113.7 192.0.2.10 4000 445 48 S 1 0 8192 - - - RECEIVE\r\n' > pfirewall.log
	run --store lockdown.db netsh -f lockdown.netsh
	cp dump.txt web01-dump.txt
	awk '/^```json/ { f = 1; next } /^```/ { f = 0 } f' "$tap_source/docs/audit.md" > audit.json
	# Lines of a block of commands; what follows a log has its own test above.
	cat "$tap_source/docs/recipes.md" "$tap_source/docs/audit.md" | sed -n 's/^    cordon //p' | grep -v '^tail ' > commands
	mkdir -p path && ln -s "$cordon" path/cordon
	while IFS= read -r line; do
		tap_command="cordon $line"
		PATH=$PWD/path:$PATH sh -c "cordon $line" > out 2> err < /dev/null
		code=$?
		[ $code -le 1 ]; ok "docs: cordon $line"
	done < commands
	[ -s ipsec.log ] && [ -s report.html ] && [ -s system.csv ] && [ -s siem.json ]; ok "docs: their files are there"
	[ "$(wc -l < commands)" -ge 24 ]; ok "docs: all were found"
else
	skip "docs" "there is no $data/evt-synthetic"
fi
finish
