#!/bin/sh
# Where the output of log goes: a copied W3C log, a full disk, a pipe that closes, and a file that is whole or not there
# whatever ends the command.
. "$2/tests/integration/tap.sh"
data=${CORDON_DATA:-$tap_source/../shared/data}
head='#Software: Cordon
#Version: 1.0
#Date: 2026-11-21 10:00:00
#Fields: date time x-source x-eventid x-action x-direction protocol src-ip src-port dst-ip dst-port size x-count x-rule'
echo "$head" > drops.log
for n in 1 2 3 4 5 6 7 8 9; do
	echo "2026-11-21 10:00:0$n cordon 4290 DROP in TCP 203.0.113.9 5100$n 192.0.2.10 3389 60 18446744073709551615 \"say \"\"no\"\"\"" >> drops.log
done

# The same bytes again
run log drops.log && cp out once && grep -qx '#Date: 2026-11-21 10:00:00' once && [ "$(grep -c '18446744073709551615 .* "say ""no"""' once)" -eq 9 ]
ok "a copied log keeps its date and its values"
run log once && cmp -s out once; ok "copied again it is the same bytes"
run log once -O twice && is_code 0 && no_out && cmp -s twice once; ok "the same with -O"
"$cordon" log - < once > out 2> err && cmp -s out once; ok "the same from standard input"
for layout in eventlog isa; do
	run log once --layout $layout && cp out $layout.log && run log $layout.log && cmp -s out $layout.log; ok "$layout: its columns are found again"
done
# What the article's command has written is still known as events
cat > ipsec.log <<'END'
#Software: Microsoft Log Parser
#Version: 1.0
#Date: 2004-01-12 09:14:57
#Fields: EventLog RecordNumber TimeGenerated TimeWritten EventID EventType EventTypeName EventCategory EventCategoryName SourceName Strings ComputerName SID Message Data
System.evt 7 "2003-09-12 10:41:00" "2003-09-12 10:41:00" 4290 4 "Information event" 0 None IPSec |203.0.113.1|192.0.2.80|6|1025|445 WEB01 - "inbound packet dropped" 000028000500000000000000C210004000000000010000C000000000000000000000000000000000450000300001400080060000CB007101C0000250040101BD00000001000000007002400000000000
System.evt 8 "2003-09-12 10:42:00" "2003-09-12 10:42:00" 4290 4 "Information event" 0 None Tcpip |203.0.113.1|192.0.2.80|6|1025|445 WEB01 - - -
System.evt 9 "2003-09-12 10:43:00" "2003-09-12 10:43:00" 4283 2 "Warning event" 0 None IPSec |12|203.0.113.5 WEB01 - - odd
END
run log ipsec.log --drops --layout drops
grep -v '^#' out > rows
cat > wanted <<'END'
2003-09-12 10:41:00 IPSec 4290 DROP in TCP 203.0.113.1 1025 192.0.2.80 445 S - - 48 - - - - - - 0xC0000001 7 WEB01 System - - - - - -
2003-09-12 10:43:00 IPSec 4283 DROP in - 203.0.113.5 - - - - - - - 12 - - - - - - 9 WEB01 System - - - - - -
END
is_code 0 && cmp rows wanted; ok "drops out of Log Parser's columns"
run log ipsec.log && sed 1d ipsec.log > wanted && sed 1d out | cmp - wanted; ok "and the same bytes without --layout"
grep -v '^2026' once > empty.log
run log empty.log && cmp -s out empty.log; ok "a log without lines"
evtx=$data/evtx-synthetic/text-oddities.evtx
if [ -r "$evtx" ]; then
	run log "$evtx" --escape && cp out odd && run log odd && cmp -s out odd && grep -q 'tab.u0009 ' odd; ok "--escape: odd texts, copied"
else
	skip "--escape: odd texts, copied" "there is no $evtx"
fi

# Logs that take a while to be read
awk 'BEGIN { for (i = 0; i < 1000; i++) print "2026-11-21 10:00:00 cordon 4290 DROP in TCP 203.0.113.9 51000 192.0.2.10 3389 60 1 \"Drop the rest of it all\"" }' > lines
{ echo "$head"; for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do cat lines; done; } > large.log
nothing_beside() { [ "$(ls | grep -c '^target')" -eq "$1" ]; }

# Full disks
tap_command="log > /dev/full"
"$cordon" log large.log > /dev/full 2> err; code=$?; is_code 3 && err_has "No space left"; ok "a full disk behind standard output"
"$cordon" log drops.log -o JSON > /dev/full 2> err; code=$?; is_code 3 && err_has "No space left"; ok "a full disk, found at the end only"
run log large.log -O /dev/full; is_code 3 && err_has "No space left"; ok "-O to a full disk"
if unshare -mr true 2>/dev/null; then
	mkdir small
	for old in none old; do
		unshare -mr sh -c 'mount -t tmpfs -o size=64k none small && { [ '$old' = none ] || echo old > small/target; } && "$0" log large.log -O small/target
			echo $? > code; ls small > list; cat small/target > kept 2>/dev/null' "$cordon" 2> err > out
		code=$(cat code)
		if [ $old = none ]; then
			is_code 3 && err_has "No space left" && [ ! -s list ]; ok "a disk that gets full: nothing is left"
		else
			is_code 3 && [ "$(cat list)" = target ] && [ "$(cat kept)" = old ]; ok "a disk that gets full: the old file stays whole"
		fi
	done
else
	skip "a disk that gets full" "no mount namespace"
fi
run log drops.log -o JSON; is_code 0 && [ "$(grep -c '"x-count":18446744073709551615,"x-rule":"say' out)" -eq 9 ]; ok "JSON: numbers of 64 bits"
run log drops.log -O nowhere/target; is_code 3 && err_has "nowhere/target"; ok "a folder that is not there"

# Pipes that close
{ "$cordon" log large.log 2> err; echo $? > code; } | head -n 1 > first
code=$(cat code); is_code 0 && no_err && grep -q '^#Software' first; ok "a pipe that closes ends it quietly"
{ "$cordon" log drops.log -o JSON 2> err; echo $? > code; } | true
code=$(cat code); is_code 0 && no_err; ok "nobody reads at all"

# Files beside
echo old > target
run log large.log -O target && is_code 0 && nothing_beside 1 && [ "$(grep -c '^2026' target)" -eq 20000 ]; ok "-O replaces a file"
chmod 600 target && ln -s target link && run log large.log -O link && is_code 0 && [ -h link ] && [ "$(stat -c %a target)" = 600 ] && nothing_beside 1
ok "-O through a link: the link stays, and the rights"
cp target whole
run log missing.log -O target; is_code 2 && cmp -s target whole && nothing_beside 1; ok "no input: the file stays as it was"
run log target -O target; is_code 2 && err_has "is an input too" && cmp -s target whole; ok "an input is not written over"
: > nothing
run log nothing -O target2; is_code 2 && [ ! -e target2 ]; ok "an empty input makes no file"

# Signals: to the command alone, to its reader alone, to both as a terminal does.  The input does not end before.
mkfifo pipe
ended() { # SIGNAL WHOM OPTIONS…: what ended it is in $code
	signal=$1 whom=$2; shift 2
	# What a shell starts in the background ignores SIGINT.
	env --default-signal=INT "$cordon" log -i w3c - "$@" < pipe > out 2> err &
	tap_pid=$!
	exec 9> pipe
	cat large.log >&9
	until [ "$(ls | grep -c '^target[0-9]*\.......$')" -gt 0 ] && child=$(cat /proc/$tap_pid/task/$tap_pid/children) && [ -n "$child" ]; do
		kill -0 $tap_pid 2>/dev/null || break
		sleep 0.01
	done
	case $whom in
	parent) kill -s "$signal" $tap_pid ;;
	child) kill -s "$signal" $child ;;
	both) kill -s "$signal" $child $tap_pid; kill -s "$signal" $tap_pid 2>/dev/null ;;
	esac
	wait $tap_pid
	code=$?
	exec 9>&-
}
for whom in parent child both; do
	for signal in INT TERM HUP; do
		case $signal in INT) number=130 ;; TERM) number=143 ;; HUP) number=129 ;; esac
		tap_command="log -O target, $signal to $whom"
		ended $signal $whom -O target
		is_code $number && no_err && cmp -s target whole && nothing_beside 1; ok "$signal to $whom: nothing is left, the old file stays"
	done
done
ended KILL child -O target; is_code 4 && err_has "signal 9" && cmp -s target whole && nothing_beside 1; ok "a reader that is killed: nothing is left"
ended TERM parent -O target3 --checkpoint target4; is_code 143 && nothing_beside 1; ok "neither of a checkpoint"
finish
