#!/bin/sh
# log from end to end: formats, packings, folders, selection, counting, output, damage, bad input, streams, and what the process
# that reads may not do.  tail, which prints by it.
. "$2/tests/integration/tap.sh"
make=$tap_programs/../tests/unit/logparse/log_make
[ -x "$make" ] || skip_all "there is no $make"
grep -q __asan_init "$cordon" && sanitized=yes || sanitized=

cat > drops.log <<'END'
#Software: Cordon
#Version: 1.0
#Date: 2026-11-21 10:00:00
#Fields: date time x-source x-eventid x-action x-direction protocol src-ip src-port dst-ip dst-port size x-count x-rule
2026-11-21 10:00:00 cordon 4290 DROP in TCP 203.0.113.9 51000 192.0.2.10 3389 60 1 "Drop the rest"
2026-11-21 10:00:01 cordon 4290 DROP in TCP 203.0.113.9 51001 192.0.2.10 3389 60 5 "Drop the rest"
2026-11-21 10:30:00 cordon 4290 DROP in UDP 2001:db8::7 5000 2001:db8::10 53 80 1 -
2026-11-21 11:00:00 other 4291 DROP out TCP 192.0.2.10 40000 203.0.113.80 6667 52 2 Web
2026-11-21 11:30:00 other 4294 ALLOW in TCP 198.51.100.7 40000 192.0.2.10 443 52 1 Web
END
columns='#Fields: date time x-source x-eventid x-action x-direction protocol src-ip src-port dst-ip dst-port tcpflags icmptype icmpcode size x-count x-spi x-pid x-application x-layer x-filter-id x-status x-recordnumber s-computername x-log x-policy x-rule x-filterlist x-mode x-interface x-recovered'
eventlog='#Fields: EventLog RecordNumber TimeGenerated TimeWritten EventID EventType EventTypeName EventCategory EventCategoryName SourceName Strings ComputerName SID Message Data'
rows() { grep -vc '^#' "${1:-out}"; } # of W3C

# --- Formats, guessed and given; standard input; packed ---

for packer in gzip:gz xz:xz zstd:zst; do
	command -v "${packer%:*}" >/dev/null 2>&1 || skip "packed by ${packer%:*}" "there is no ${packer%:*}"
done
: > wrong
"$make" | while read -r name format least; do
	"$make" "$name" > "$name.x"
	"$cordon" log -o JSON "$name.x" > whole 2>err
	[ $? -le 1 ] && [ "$(wc -l < whole)" -ge "$least" ] || echo "$name: not read as $format"
	"$cordon" log -i "$format" -o JSON "$name.x" 2>/dev/null | cmp -s - whole || echo "$name: not the same with -i $format"
	"$cordon" log -o JSON - < "$name.x" 2>/dev/null | cmp -s - whole || echo "$name: not the same from standard input"
	cat "$name.x" | "$cordon" log -o JSON - 2>/dev/null | cmp -s - whole || echo "$name: not the same out of a pipe"
	for packer in gzip xz zstd; do
		command -v $packer >/dev/null 2>&1 || continue
		$packer -c < "$name.x" > packed
		"$cordon" log -o JSON packed 2>/dev/null | cmp -s - whole || echo "$name: not the same from $packer"
	done
done > wrong 2>&1
cp wrong out; [ ! -s wrong ] && [ "$(ls ./*.x | wc -l)" -ge 15 ]; ok "every sample: guessed, given by -i, from standard input, from gzip, xz and zstd"
"$make" pfirewall 2000 > many.x
gzip -c many.x > cut.gz && head -c "$(($(wc -c < cut.gz) / 2))" cut.gz > cut
run log --count source cut
is_code 1 && err_has "the packed data ends too soon" && [ "$(rows)" -gt 0 ]; ok "packed data that is cut off: said, and what came before is there"
run log -i evtx drops.log
is_code 2 && no_out && err_has "drops.log: error: nothing of the format evtx in it"; ok "-i of another format: said"
run log -i pdf drops.log
is_code 2 && no_out && err_has '"pdf", which is none of evtx, evt, eventxml, nflog, pcap, pfirewall, w3c'; ok "-i: unknown"

# --- Layouts and formats of output ---

run log evt.x
is_code 0 && out_line "$eventlog" && [ "$(rows)" -eq 6 ]; ok "an event log: Log Parser's fifteen columns"
run log pfirewall.x
out_line "$columns"; ok "a log of packets: the columns of drops"
run log --layout drops evt.x
is_code 0 && out_line "$columns" && out_has '2003-09-12 09:46:40 IPSec 4290 DROP in TCP 203.0.113.1 1025 192.0.2.80 445'; ok "--layout drops of an event log"
run log --layout isa evt.x
is_code 0 && out_line '#Fields: date time r-ip s-ip protocol param#1 param#2 tcp-flags s-filter-rule s-interface rs-ip-header rs-payload'; ok "--layout isa"
run log --layout eventlog drops.log
is_code 0 && out_line "$eventlog" && [ "$(rows)" -eq 5 ]; ok "--layout eventlog of a log of packets"
run log --layout wide evt.x
is_code 2 && no_out && err_has '"wide", which is none of eventlog, drops, isa'; ok "--layout: unknown"
run log drops.log -o csv --layout drops
is_code 0 && head -n 1 out | grep -q '^date,time,x-source,' && [ "$(wc -l < out)" -eq 6 ]; ok "-o csv"
run log drops.log -o TSV --layout drops
head -n 1 out | grep -q "^date	time	x-source	"; ok "-o TSV"
run log drops.log -o NAT --layout drops
is_code 0 && head -n 1 out | grep -q '^date  *time  *x-source' && out_has 'Drop the rest'; ok "-o NAT"
run log evt.x -o XML
is_code 0 && [ "$(head -n 1 out)" = '<?xml version="1.0" encoding="UTF-8"?>' ] && [ "$(tail -n 1 out)" = '</Events>' ] && [ "$(grep -c '^<Event ' out)" -eq 6 ]; ok "-o XML: whole events in one document"
cp out evt.xml
run log evt.xml -o XML
is_code 0 && [ "$(grep -o '<EventRecordID>[0-9]*' out | tr '\n' ' ')" = "$(grep -o '<EventRecordID>[0-9]*' evt.xml | tr '\n' ' ')" ]; ok "-o XML: is read back"
run log evt.x -o JSON
cp out json
run log evt.x --json
cmp -s out json && [ "$(wc -l < out)" -eq 6 ]; ok "--json is -o JSON"
run log drops.log -o JSON --ecs
is_code 0 && [ "$(wc -l < out)" -eq 5 ] && out_has '"source":{' && out_has '"ip":"203.0.113.9"'; ok "--ecs"
run log drops.log -o CSV --ecs
is_code 2 && err_has "--ecs goes with -o JSON"; ok "--ecs with another format: refused"
run log drops.log -o json
is_code 0 && [ "$(wc -l < out)" -eq 5 ]; ok "-o json: no matter whether capitals"
run log drops.log -o PDF
is_code 2 && no_out && err_has '"PDF", which is none of W3C, CSV, TSV, JSON, XML, NAT'; ok "-o: unknown"
run log evtx-types.x --ascii
is_code 0 && out_has 'U+1F600' && ! LC_ALL=C grep -q '[^ -~	]' out; ok "--ascii: nothing beyond it"
run log evt.x --logparser-compat
is_code 0 && [ "$(sed -n 1p out | tr -d '\r')" = '#Software: Microsoft Log Parser' ] && out_has '2003-09-12 09:46:40 2003-09-12 09:46:41 4290 4 Information event 0 None IPSec'; ok "--logparser-compat: nothing is quoted"
for name in drops.log w3c.x; do
	run log "$name" -O once.log
	run log once.log
	is_code 0 && cmp -s out once.log; ok "$name: what was written is read and written again, byte for byte"
done

# --- What is selected ---

selected() { # NAME ROWS ARGUMENTS…
	selected_name=$1 selected_rows=$2
	shift 2
	run log "$@"
	is_code 0 && no_err && [ "$(rows)" -eq "$selected_rows" ]; ok "$selected_name"
}
selected "--provider" 2 drops.log --provider other
selected "--provider: no matter whether capitals" 3 drops.log --provider CORDON
selected "--provider twice: either" 5 drops.log --provider other --provider cordon
selected "--event" 1 drops.log --event 4291
selected "--event with a list" 4 drops.log --event 4290,4291
selected "--since, absolute" 3 drops.log --since 2026-11-21T10:30:00Z
selected "--until: not that moment itself" 2 drops.log --until 2026-11-21T10:30:00Z
selected "--since and --until with a zone" 2 drops.log --since 2026-11-21T12:30:00+02:00 --until 2026-11-21T13:30:00+02:00
selected "--since: a day" 5 drops.log --since 2026-11-21
selected "--src" 2 drops.log --src 203.0.113.9
selected "--src of a network, and --dst" 2 drops.log --src 203.0.113.0/24 --dst 192.0.2.0/24
selected "--src of IPv6" 1 drops.log --src 2001:db8::/64
selected "--dst" 1 drops.log --dst 203.0.113.80
selected "--port: either end" 2 drops.log --port 40000
selected "--drops" 4 drops.log --drops
selected "--drops of an event log" 8 evtx.x --drops
selected "--drops of pfirewall.log, with those that it could not write down" 5 pfirewall.x --drops --zone UTC
selected "all at once" 1 drops.log --drops --provider cordon --event 4290 --src 203.0.113.9 --port 51001 --since 2026-11-21 --until 2026-11-22
selected "nothing is left: a header, exit code 0" 0 drops.log --event 1
out_line "$columns" || out_line "$eventlog"; ok "nothing is left: the header is there"
now=$(date +%s)
{
	head -n 4 drops.log
	for ago in 10800 5400 600; do
		echo "$(date -u -d "@$((now - ago))" '+%Y-%m-%d %H:%M:%S') cordon 4290 DROP in TCP 203.0.113.9 51000 192.0.2.10 3389 60 1 -"
	done
} > recent.log
selected "--since 2h" 2 recent.log --since 2h
selected "--since 91m --until 30m" 1 recent.log --since 91m --until 30m
selected "--since 1d" 3 recent.log --since 1d
for time in yesterday 2026-13-01 2026-02-30 25:00 2x ''; do
	run log drops.log --since "$time"
	is_code 2 && no_out && err_has "is no time: write 2026-11-21T10:00:00Z"; ok "--since ${time:-with nothing}: refused"
done
run log drops.log --src 300.1.1.1
is_code 2 && err_has '--src "300.1.1.1": an address or network is needed'; ok "--src: no address"
run log drops.log --port 70000
is_code 2 && no_out; ok "--port: too large"
run log drops.log --event 4290,x
is_code 2 && err_has "event ids are needed"; ok "--event: no number"
run log drops.log --zone Berlin
is_code 2 && err_has "it is UTC, or the hours and minutes east of it"; ok "--zone: unknown"
run log pfirewall.x --zone +01:00
cp out zoned
run log pfirewall.x --zone UTC
[ "$(sed -n 5p zoned | cut -c 1-16)" != "$(sed -n 5p out | cut -c 1-16)" ] && [ "$(sed -n 5p out | cut -c 1)" = 2 ]; ok "--zone: times of a log in local time"

# --- Counting ---

counted() { # BY EXPECTED
	run log drops.log --count "$1" -o TSV
	tr -d '\r' < out > got
	printf "$2" | cmp -s - got; ok "--count $1: packets, not records"
}
counted source 'src-ip\tx-count\n203.0.113.9\t6\n192.0.2.10\t2\n198.51.100.7\t1\n2001:db8::7\t1\n'
counted destination 'dst-ip\tx-count\n192.0.2.10\t7\n203.0.113.80\t2\n2001:db8::10\t1\n'
counted port 'dst-port\tx-count\n3389\t6\n6667\t2\n443\t1\n53\t1\n'
counted filter 'filter\tx-count\nDrop the rest\t6\nWeb\t3\n-\t1\n'
run log drops.log --count source --drops --provider cordon -o JSON
is_code 0 && [ "$(head -n 1 out)" = '{"src-ip":"203.0.113.9","x-count":6}' ] && [ "$(wc -l < out)" -eq 2 ]; ok "--count of what is selected, as JSON"
run log drops.log --count colour
is_code 2 && no_out && err_has '"colour", which is none of source, destination, port, filter'; ok "--count: unknown"

# --- Several logs ---

{ head -n 4 drops.log; sed -n '5p;7p;9p' drops.log; } > a.log
{ head -n 4 drops.log; sed -n '6p;8p' drops.log; } > b.log
run log b.log a.log --sort
grep -v '^#' out | cut -d ' ' -f 1-2 > got
grep -v '^#' drops.log | cut -d ' ' -f 1-2 | cmp -s - got; ok "--sort: merged by time"
run log b.log a.log
grep -v '^#' out | cut -d ' ' -f 2 | tr '\n' ' ' > got
[ "$(cat got)" = '10:00:01 11:00:00 10:00:00 10:30:00 11:30:00 ' ]; ok "without --sort: one after the other, as named"
run log evtx.x drops.log evt.x --sort --drops
is_code 0 && grep -v '^#' out | cut -d ' ' -f 1-2 > got && sort -c got && [ "$(wc -l < got)" -eq 18 ]; ok "--sort: event logs of both kinds and text"
mkdir -p tree/deep/deeper tree/empty
cp evt.x tree/deep/SysEvent.Evt && cp evtx.x tree/deep/deeper/Security.evtx && gzip -c drops.log > tree/drops.log.1.gz
echo 'Read me first.' > tree/README
ln -s "$PWD/drops.log" tree/link.log
run log tree --drops --layout drops
is_code 0 && err_has "tree/README: note: passed over: not a log" && [ "$(rows)" -eq 18 ]; ok "a folder, with what lies deeper; no log is passed over; links are not followed"
run log tree/deep tree/drops.log.1.gz -o JSON
is_code 0 && [ "$(wc -l < out)" -eq 19 ]; ok "folders and files"
run log tree/empty
is_code 2 && no_out && err_has "tree/empty: error: a folder without a file in it"; ok "an empty folder"
mkdir none && cp tree/README none
run log none
is_code 2 && no_out && err_has "there is no log in the folder"; ok "a folder without a log"
(cd tree && "$cordon" log . > all.log 2>../err)
[ $? -eq 0 ] && ! grep -q all.log tree/all.log; ok "output into the folder that is read: not read"
rm -f tree/all.log

# --- Threads ---

"$make" evtx 3000 > big.evtx
run log big.evtx -o JSON
cp out one
[ "$(wc -l < one)" -eq 3000 ]; ok "3000 events"
for threads in 2 3 16; do
	run log big.evtx -o JSON --threads $threads
	is_code 0 && cmp -s out one; ok "--threads $threads: the same, in order"
done
run log big.evtx --count source --drops -o CSV
cp out one
run log big.evtx --count source --drops -o CSV --threads 2
[ "$(wc -l < one)" -gt 100 ] && cmp -s out one; ok "--threads: the same counts"
run log drops.log --threads 2
is_code 0 && [ "$(rows)" -eq 5 ]; ok "--threads of a text log"
run log evt.x big.evtx drops.log --threads 2 -o JSON
is_code 0 && [ "$(wc -l < out)" -eq 3011 ]; ok "--threads of several logs"
for threads in 0 65 many; do
	run log big.evtx --threads $threads
	is_code 2 && no_out; ok "--threads $threads: refused"
done

# --- Damage ---

{ head -c 70000 big.evtx; head -c 600 /dev/zero | tr '\0' 'x'; tail -c +70601 big.evtx; } > damaged.evtx
run log damaged.evtx -o JSON
cp out one
is_code 1 && err_has " could not be read" && [ "$(wc -l < out)" -gt 2900 ] && [ "$(grep -c 'could not be read' err)" -eq 1 ]; ok "damage: the rest is there, one line says how much is not, exit code 1"
err_has "damaged.evtx: note: offset "; ok "damage: said with the file and the offset"
run log damaged.evtx -o JSON --threads 2
is_code 1 && cmp -s out one; ok "damage with --threads: the same"
cp big.evtx torn.evtx
for offset in 5000 9000 70000 71000 72000 140000 141000 200000 300000 300700; do
	printf 'xxxxxxxxxxxxxxxx' | dd of=torn.evtx bs=1 seek=$offset conv=notrunc 2>/dev/null
done
run log torn.evtx -o JSON -v
cp out one
sort err > said
is_code 1 && grep -q 'torn.evtx: note: offset [0-9]*, record [0-9]*: lost: ' said; ok "-v: where the record's number is known, that too"
run log torn.evtx -o JSON -v --threads 4
is_code 1 && cmp -s out one && sort err | cmp -s - said; ok "-v with --threads: the same is said"
for threads in 1 2; do
	run log damaged.evtx -o JSON --strict --threads $threads
	is_code 1 && err_has "stopped at the first damage (--strict)" && [ "$(wc -l < out)" -lt 2900 ]; ok "--strict with --threads $threads: stops at the first damage"
done
run log big.evtx --strict -o JSON
is_code 0 && [ "$(wc -l < out)" -eq 3000 ]; ok "--strict of a whole log"
run log drops.log -v
is_code 0 && err_has "5 records read, 0 of them recovered; 0 could not be read"; ok "-v: how many were read"
{ head -n 4 drops.log; i=0; while [ $i -lt 12 ]; do echo "one two"; i=$((i + 1)); done; tail -n 1 drops.log; } > torn.log
run log torn.log
is_code 1 && [ "$(grep -c 'torn.log: note: line' err)" -eq 5 ] && err_has "1 records read, 0 of them recovered; 12 could not be read (-v lists each)"; ok "much damage: the first few, and how many"
run log torn.log -v
is_code 1 && [ "$(grep -c 'torn.log: note: line' err)" -eq 12 ] && err_has "torn.log: note: line 16: lost: "; ok "-v: each of them"
run log w3c.x
recovered=$(grep -c ' yes$' out)
all=$(rows)
is_code 0 && [ "$recovered" -eq 1 ] && err_has "1 of them recovered"; ok "recovered records are marked, and counted"
run log w3c.x --live-only
is_code 0 && [ "$(rows)" -eq $((all - 1)) ] && ! grep -q ' yes$' out; ok "--live-only leaves them out"

# --- Only what is new ---

cp drops.log grows.log
run log grows.log --checkpoint mark
is_code 0 && [ "$(rows)" -eq 5 ] && [ "$(ls mark*)" = mark ]; ok "--checkpoint: first all"
run log grows.log --checkpoint mark
is_code 0 && [ "$(rows)" -eq 0 ]; ok "--checkpoint: then nothing"
echo '2026-11-21 12:00:00 cordon 4290 DROP in TCP 203.0.113.9 51000 192.0.2.10 445 60 1 -' >> grows.log
run log grows.log --checkpoint mark --event 1
is_code 0; ok "--checkpoint: of what is selected"
run log grows.log --checkpoint mark
is_code 0 && [ "$(rows)" -eq 1 ] && out_has ' 445 '; ok "--checkpoint: what was added"
cp mark before
run log none/README --checkpoint mark
is_code 2 && cmp -s mark before; ok "--checkpoint: bad input forgets nothing"
run log grows.log --checkpoint drops.log
is_code 2 && cmp -s before mark && [ "$(tail -n 1 drops.log | cut -d ' ' -f 4)" = 4294 ]; ok "--checkpoint: a file that is none is left alone"
"$make" evt 6 > ring.evt
run log ring.evt --checkpoint ring
[ "$(rows)" -eq 6 ]; ok "--checkpoint of an event log"
"$make" evt 9 > ring.evt
run log ring.evt --checkpoint ring
is_code 0 && [ "$(rows)" -eq 3 ]; ok "--checkpoint of an event log: by number"

"$make" pfirewall 20 > local.log
run log local.log --checkpoint local
cp out one
[ "$(rows one)" -eq 20 ]; ok "--checkpoint of a log without a zone: first all"
"$make" pfirewall 24 > local.log
run log local.log --checkpoint local
is_code 0 && [ "$(rows)" -eq 4 ]; ok "--checkpoint of a log without a zone: by line"
sed '1,/^#Fields/!s/203\.0\.113\.9/203.0.113.99/' local.log > other.log && mv other.log local.log
run log local.log --checkpoint local
is_code 0 && [ "$(rows)" -eq 24 ]; ok "--checkpoint of a log without a zone: another one of that name is new"

# What is known of a log does not depend on how it was named, nor on what its clock says.
mkdir -p place/other
timeless() { # ADDRESS COUNT: lines without a time
	i=0
	while [ $i -lt "$2" ]; do
		i=$((i + 1))
		echo "kernel: blocked IN=eth0 OUT= SRC=$1 DST=192.0.2.10 LEN=40 PROTO=TCP SPT=$((40000 + i)) DPT=445 SYN "
	done
}
timeless 203.0.113.1 5 > place/k.log
timeless 203.0.113.2 5 > place/other/k.log
checked() { # NAME ROWS ARGUMENTS…
	checked_name=$1 checked_rows=$2
	shift 2
	run log "$@" --checkpoint place/mark
	is_code 0 && [ "$(rows)" -eq "$checked_rows" ]; ok "--checkpoint: $checked_name"
}
checked "lines without a time" 5 place/k.log
checked "by another name" 0 place/other/../k.log
here=$PWD
cd place/other && run log k.log --checkpoint ../mark
is_code 0 && [ "$(rows)" -eq 5 ]; ok "--checkpoint: another log of the same relative name"
run log ../k.log --checkpoint ../mark
is_code 0 && [ "$(rows)" -eq 0 ]; ok "--checkpoint: and the first, from there"
cd "$here"
timeless 203.0.113.1 7 > place/k.log
checked "lines without a time: it has grown" 2 place/k.log
timeless 203.0.113.1 8 | gzip > place/k.log.1.gz
timeless 203.0.113.3 8 > place/k.log
checked "rotated and packed, with one line more; the new one has as many" 9 place/k.log place/k.log.1.gz
timeless 203.0.113.4 2 > place/k.log
checked "rotated, and the new one has fewer" 2 place/k.log
: > place/k.log
timeless 203.0.113.5 3 >> place/k.log
checked "emptied and begun anew" 3 place/k.log
clock() { # DAY COUNT
	sed -n 1,4p drops.log
	i=0
	while [ $i -lt "$2" ]; do
		i=$((i + 1))
		echo "2026-11-$1 10:00:0$i cordon 4290 DROP in TCP 203.0.113.9 51000 192.0.2.10 3389 60 1 -"
	done
}
clock 21 5 > place/c.log
checked "a clock" 5 place/c.log
clock 20 5 > place/c.log
checked "another file, and the clock went back" 5 place/c.log
clock 20 6 | sed '$s/2026-11-20/2026-10-01/' > place/c.log
checked "it goes back between two lines" 1 place/c.log

# What was not delivered is not behind the checkpoint.
"$cordon" log place/c.log --checkpoint place/torn > out 2>err
printf '2026-11-20 10:00:07 cordon 4290 DROP in TCP 203.0.113.9 51000 192.0.2' >> place/c.log
run log place/c.log --checkpoint place/torn
is_code 0 && [ "$(rows)" -eq 0 ] && err_has "its last line has no end yet: it is left for the next run"; ok "--checkpoint: half a line waits"
run log place/c.log
is_code 1 && err_has "lost: "; ok "half a line without --checkpoint: said to be none"
echo '.10 3389 60 1 -' >> place/c.log
run log place/c.log --checkpoint place/torn
is_code 0 && [ "$(rows)" -eq 1 ] && out_has "10:00:07"; ok "--checkpoint: and comes whole"
"$make" pfirewall 6000 > place/long.log
{ "$cordon" log place/long.log --checkpoint place/closed 2>err; echo $? > code; } | head -n 1 > out
[ "$(cat code)" -eq 0 ] && [ ! -e place/closed ] && err_has "stays as it was: not all of the output was taken"; ok "--checkpoint: output that is not taken to its end is not behind it"
[ "$(ls place | grep -c closed)" -eq 0 ]; ok "--checkpoint: and nothing is left beside"
run log place/long.log --checkpoint place/closed
[ "$(rows)" -eq 6000 ]; ok "--checkpoint: the next run has all"
run query "SELECT src-ip FROM place/c.log" --checkpoint place/asked -o:CSV
[ "$(wc -l < out)" -eq 8 ]; ok "--checkpoint of a query"
run log place/other/../c.log --checkpoint place/asked
[ "$(rows)" -eq 0 ]; ok "--checkpoint: log and query keep the same"

# --- Where it goes ---

run log drops.log -O new.log
is_code 0 && no_out && no_err && [ "$(rows new.log)" -eq 5 ] && [ "$(ls new.log*)" = new.log ]; ok "-O: a file, and nothing beside it"
[ "$(stat -c %a new.log)" = "$(umask 022; : > mode; stat -c %a mode)" ] || [ "$(umask)" != 0022 ]; ok "-O: with the usual rights"
echo old > kept.log
run log none/README -O kept.log
is_code 2 && [ "$(cat kept.log)" = old ] && [ "$(ls kept.log*)" = kept.log ]; ok "-O: bad input leaves the file as it was"
run log drops.log -O no/such/folder.log
is_code 3 && err_has "no/such/folder.log: error: cannot be written"; ok "-O: a folder that is not there"
run log drops.log -O /dev/full
is_code 3 && err_has "No space left on device"; ok "-O: a full disk"
"$cordon" log drops.log > /dev/full 2>err
code=$?; is_code 3 && err_has "No space left on device"; ok "standard output on a full disk"
if unshare -m true 2>/dev/null; then
	cat > full.sh <<'END'
mkdir disk && mount -t tmpfs -o size=64k tmpfs disk && echo old > disk/out.log || exit 77
"$1" log big.evtx -o JSON -O disk/out.log
code=$?
[ "$(cat disk/out.log)" = old ] && [ "$(ls disk)" = out.log ] || exit 9
exit $code
END
	unshare -m --propagation private sh full.sh "$cordon" > out 2>err
	code=$?
	if [ $code -eq 77 ]; then
		skip "-O: a disk that fills up" "no tmpfs"
	else
		is_code 3 && err_has "No space left on device"; ok "-O: a disk that fills up: the old file stays, nothing beside it"
	fi
else
	skip "-O: a disk that fills up" "no mount namespaces"
fi
cp drops.log input.log && ln input.log hard.log && ln -s input.log soft.log
for output in input.log ./input.log hard.log soft.log; do
	run log input.log -O $output
	is_code 2 && no_out && err_has "is an input too: nothing was written" && cmp -s input.log drops.log; ok "-O $output: is an input"
done
run log soft.log -O input.log
is_code 2 && cmp -s input.log drops.log && [ -L soft.log ]; ok "-O: the input is a link to it"
"$cordon" log - -O input.log < input.log > out 2>err
code=$?; is_code 2 && cmp -s input.log drops.log; ok "-O: standard input is it"
"$cordon" log input.log >> input.log 2>err
code=$?; is_code 2 && err_has "standard output: error: is an input too" && cmp -s input.log drops.log; ok ">> INPUT: refused"
for output in tree/new.log tree/deep/new.log tree/drops.log.1.gz; do
	run log tree -O $output
	is_code 2 && err_has "which is read: write it elsewhere" && [ ! -e tree/new.log ] && [ ! -e tree/deep/new.log ]; ok "-O $output: in a folder that is read"
done
gzip -t tree/drops.log.1.gz; ok "-O: what is there is whole"
mkdir full && cp drops.log full/a.log && ln -s full/a.log into.log
run log full -O into.log
is_code 2 && cmp -s full/a.log drops.log; ok "-O: a link into a folder that is read"
for command in "log ." "query SELECT * FROM ." "replay . --policy block-all"; do
	(cd full && "$cordon" ${command%% *} "${command#* }" > written.log 2>../err) 2>/dev/null || (cd full && "$cordon" $command > written.log 2>../err)
	[ "$(wc -c < full/written.log)" -lt 100000 ] && err_has "written.log: note: passed over: it is being written by this command"; ok "cordon $command > a file in it"
done
rm full/written.log
run log full --checkpoint full/mark -O full.log
is_code 0 && [ "$(rows full.log)" -eq 5 ] && ! err_has "mark."; ok "--checkpoint in a folder that is read"
before=$(cat full/mark)
run log drops.log --checkpoint full/mark -O full/mark
is_code 2 && err_has "is what --checkpoint names too" && [ "$(cat full/mark)" = "$before" ]; ok "-O over the checkpoint"
run log drops.log --checkpoint not.yet -O ./not.yet
is_code 2 && [ ! -e not.yet ]; ok "-O over a checkpoint that is not there yet"
"$make" pfirewall 3000 > large.log
(ulimit -f 4; "$cordon" log large.log -O limited.log > out 2>err)
code=$?; is_code 3 && err_has "File too large" && ! ls limited* >/dev/null 2>&1; ok "-O: a limit of file sizes is an error, and nothing is left"

# --- Bad input ---

run log none/README
is_code 2 && no_out && err_has "none/README: error: not a log (evtx: no ElfFile header and no ElfChnk; evt: " && err_has "-i FORMAT reads it as one"
ok "not a log: which formats were tried, and why not"
for format in evtx evt eventxml nflog pcap pfirewall w3c; do
	err_has "$format: "; ok "not a log: $format was tried"
done
: > empty
run log empty
is_code 2 && no_out && err_has "empty: error: the file is empty"; ok "an empty file"
run log -
is_code 2 && err_has "-: error: the file is empty"; ok "nothing on standard input"
run log nowhere.evtx
is_code 2 && no_out && err_has "nowhere.evtx: error: cannot open it: No such file or directory"; ok "a file that is not there"
run log nowhere.evtx drops.log
is_code 1 && [ "$(rows)" -eq 5 ]; ok "one of several is not there: the others are read, exit code 1"
run log
is_code 2; ok "no input"
run log drops.log --colour-of-dawn
is_code 2 && no_out; ok "an unknown option"
run query "SELECT src-iq FROM drops.log"
is_code 2 && err_has "there is no column \"src-iq\"; did you mean src-ip?"; ok "an unknown column"
if [ "$(id -u)" -ne 0 ]; then
	chmod 0 new.log
	run log new.log
	is_code 3; ok "a file that may not be read"
fi

# --- Streams ---

"$cordon" log big.evtx -o JSON 2>err | head -n 1 > out
[ "$(wc -l < out)" -eq 1 ] && no_err; ok "a pipe that closes ends it quietly"

has_soon() { # TEXT FILE: within a few seconds
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
		grep -F -q -e "$1" "$2" && return 0
		sleep 0.2
	done
	return 1
}
at_once() { # NAME SAMPLE TEXT ARGUMENTS…: the sample goes into a pipe that stays open
	at_name=$1 at_sample=$2 at_text=$3
	shift 3
	rm -f pipe && mkfifo pipe
	"$cordon" log - "$@" < pipe > out 2>err &
	at_child=$!
	exec 3> pipe
	cat "$at_sample" >&3
	has_soon "$at_text" out; ok "$at_name: there while the pipe stays open"
	exec 3>&-
	wait $at_child
}
head -n 5 drops.log > first.log
rm -f pipe && mkfifo pipe
"$cordon" log - < pipe > out 2>err &
at_child=$!
exec 3> pipe
for line in 1 2 3 4 5; do
	sed -n ${line}p drops.log >&3
	sleep 0.1
done
has_soon ' 3389 ' out; ok "a header that comes line by line: the format is found out"
exec 3>&-
wait $at_child
at_once "the first line of a W3C log" first.log ' 3389 '
at_once "the first line of pfirewall.log" pfirewall.x ' 3389 '
at_once "the first line of the kernel's log" kernel.x ' 3389 '
at_once "the first line of ulogd's JSON" ulogd.x ' 3389 '
at_once "the first packets of a capture" pcap.x ' 3389 '
at_once "the first events of XML" eventxml.x '"EventRecordID"' -o JSON
at_once "the first line as JSON" first.log '"dst-port"' -o JSON
at_once "the first line, format given" first.log ' 3389 ' -i w3c --drops

# Not more than 64 MB of memory for more than 300 MB of text; and what the process that reads may do.
rm -f pipe && mkfifo pipe
"$cordon" log - < pipe > /dev/null 2>err &
parent=$!
exec 3> pipe
head -n 4 drops.log >&3
i=0
while [ $i -lt 2000 ]; do sed -n '5,9p' drops.log; i=$((i + 1)); done > block
[ -n "$sanitized" ] && blocks=20 || blocks=$((310000000 / $(wc -c < block) + 1))
i=0
while [ $i -lt $blocks ]; do cat block; i=$((i + 1)); done >&3
child=$(cat /proc/$parent/task/$parent/children 2>/dev/null | tr -d ' ')
if [ -n "$child" ] && [ -r "/proc/$child/status" ]; then
	grep -E '^(Seccomp|NoNewPrivs):' "/proc/$child/status" | tr -d '\t\n' > out
	[ "$(cat out)" = NoNewPrivs:1Seccomp:2 ]; ok "the process that reads has no rights"
	if [ -z "$sanitized" ]; then
		peak=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$child/status")
		echo "# 310 MB of text through a pipe: $peak kB"
		[ "${peak:-99999}" -lt 65536 ]; ok "310 MB of text through a pipe: less than 64 MB of memory"
	else
		skip "memory" "of a build with a sanitizer"
	fi
else
	skip "the process that reads has no rights; memory" "/proc does not say the children of a process"
fi
exec 3>&-
wait $parent
code=$?; is_code 0 && no_err; ok "a long stream ends well"

# --- tail ---

cp drops.log followed.log
"$cordon" tail --file followed.log -n 2 > out 2>err &
child=$!
has_soon ' 443 ' out; ok "tail: the last lines"
[ "$(rows)" -eq 2 ]; ok "tail -n 2: two of them"
echo '2026-11-21 12:00:00 cordon 4290 DROP in TCP 203.0.113.9 51000 192.0.2.10 446 60 1 -' >> followed.log
has_soon ' 446 ' out; ok "tail: a new line as it comes"
kill -INT $child 2>/dev/null || :
kill -TERM $child
wait $child
code=$?; is_code 0; ok "tail: a signal is its regular end"
"$cordon" tail --file later.log --drops --port 445 -o JSON > out 2>err &
child=$!
has_soon "later.log: note: is not there yet: waiting for it" err; ok "tail: a log that is not there yet is waited for"
{ cat drops.log; echo '2026-11-21 12:00:00 cordon 4290 DROP in TCP 203.0.113.9 51000 192.0.2.10 445 60 1 -'; } > later.new
mv later.new later.log
has_soon '"12:00:00"' out && [ "$(wc -l < out)" -eq 1 ]; ok "tail: only what is selected, as JSON"
kill -TERM $child
wait $child
code=$?; is_code 0; ok "tail: ends regularly"
run tail --file .
is_code 2 && err_has "is no file that grows"; ok "tail: a folder"
run tail --file followed.log -n many
is_code 2; ok "tail -n: no number"
finish
