#!/bin/sh
# query: the article's command in its forms, Log Parser's switches, output files, this host's records, what a query may not
# do, and how it ends.
. "$2/tests/integration/tap.sh"
data=${CORDON_DATA:-$tap_source/../shared/data}
cat > drops.log <<'END'
#Software: Cordon
#Version: 1.0
#Date: 2026-11-21 10:00:00
#Fields: date time x-source x-eventid x-action x-direction protocol src-ip src-port dst-ip dst-port size x-count x-rule
2026-11-21 10:00:00 cordon 4290 DROP in TCP 203.0.113.9 51000 192.0.2.10 3389 60 1 "Drop the rest"
2026-11-21 10:00:01 cordon 4290 DROP in TCP 203.0.113.9 51001 192.0.2.10 3389 60 5 "Drop the rest"
2026-11-21 10:30:00 cordon 4290 DROP in UDP 198.51.100.7 5000 192.0.2.10 53 80 1 -
2026-11-21 11:00:00 cordon 4291 DROP out TCP 192.0.2.10 40000 203.0.113.80 6667 52 2 Web
END
fields='#Fields: EventLog RecordNumber TimeGenerated TimeWritten EventID EventType EventTypeName EventCategory EventCategoryName SourceName Strings ComputerName SID Message Data'

# The article's command
evt=$data/evt-synthetic/ipsec-clean.evt
if [ -r "$evt" ]; then
	cp "$evt" System.evt
	run query "SELECT * FROM System.evt TO ipsec.log WHERE SourceName='IPSec'" -o:W3C
	is_code 0 && no_out && no_err; ok "the article's order: quiet"
	[ "$(grep -c '^#' ipsec.log)" -eq 4 ] && [ "$(grep -vc '^#' ipsec.log)" -eq 8 ]; ok "the article's order: four header lines, eight records"
	sed -n 1p ipsec.log | grep -q '^#Software: Cordon ' && sed -n 2p ipsec.log | grep -qx '#Version: 1.0' &&
		sed -n 3p ipsec.log | grep -Eqx '#Date: [0-9-]{10} [0-9:]{8}' && sed -n 4p ipsec.log | grep -Fqx "$fields"
	ok "the article's order: Log Parser's header lines and columns"
	run query "SELECT * INTO ipsec2.log FROM System.evt WHERE SourceName='IPSec'" -o:W3C
	is_code 0 && grep -v '^#Date' ipsec.log > a && grep -v '^#Date' ipsec2.log | cmp -s - a; ok "the dialect's own order: the same"
	run query "SELECT * FROM System.evt TO ipsec3.log WHERE SourceName='IPSec'o:W3C"
	is_code 0 && err_has 'warning: "o:W3C" is taken for -o:W3C' && grep -v '^#Date' ipsec3.log | cmp -s - a; ok "glued as printed: the same, with a warning"
	run query -i:EVT -o:W3C "SELECT * INTO ipsec4.log FROM System.evt WHERE SourceName='IPSec'" --logparser-compat
	is_code 0 && sed -n 1p ipsec4.log | tr -d '\r' | grep -qx '#Software: Microsoft Log Parser' && sed -n 4p ipsec4.log | tr -d '\r' | grep -Fqx "$fields"
	ok "-i:EVT, --logparser-compat: its lines exactly"
	grep -q '2003-09-12 10:41:00 2003-09-12 10:41:00 4290 4 Information event 0 None IPSec |192.0.2.7|' ipsec4.log; ok "--logparser-compat: nothing quoted"
	run query "SELECT EventID, COUNT(*) AS n FROM ipsec.log GROUP BY EventID HAVING n > 1" -o CSV
	tr -d '\r' < out > got; printf 'EventID,n\n4290,3\n' | cmp -s - got; ok "what it wrote can be asked in turn"
	mkdir logs && cp "$evt" logs/SysEvent.Evt
	run query "SELECT COUNT(*) AS n FROM System WHERE EventID IN (4290; 4291)" --logs logs -o TSV
	tr -d '\r' < out > got; printf 'n\n4\n' | cmp -s - got; ok "FROM System with --logs: SysEvent.Evt"
	run query "SELECT EventID FROM System.evt" -o:TSV
	cp out whole
	"$cordon" query "SELECT EventID FROM -" -o:TSV < System.evt > out 2>err; cmp -s out whole; ok "standard input"
	"$cordon" query "SELECT a.EventID FROM - a JOIN - b ON a.EventID = b.EventID" < System.evt > out 2>err
	code=$?; is_code 2 && err_has "standard input can be read once only"; ok "standard input twice: refused"
	run query "SELECT * FROM System.evt TO System.evt"
	is_code 2 && err_has "is an input too" && cmp -s System.evt "$evt"; ok "an output that is an input is refused"
	run query "SELECT * INTO logs/x.log FROM logs"
	is_code 2 && err_has "is in the folder" && [ "$(ls logs)" = SysEvent.Evt ]; ok "an output in a folder that is read is refused"
	run query "SELECT * FROM System.evt" --explain
	is_code 0 && out_has "asked of the reader: all events"; ok "--explain"
	run query "SELECT 1 FROM System.evt WHERE SourceName = 'IPSec' AND EventID = 4290" --explain
	is_code 0 && out_has 'asked of the reader: provider "IPSec"; event 4290'; ok "--explain: what was pushed down"
	# What log and query say of the same file
	run log System.evt -o CSV
	cp out log.csv
	run query "SELECT * FROM System.evt" -o CSV
	cmp -s out log.csv; ok "SELECT * is the eventlog layout"
else
	skip "event logs" "there is no $evt"
fi

# Every format in: by its content, by its name, by Log Parser's name
count_of() { # LOG WANTED SWITCH…
	log=$1 wanted=$2
	shift 2
	if [ -r "$log" ]; then
		run query "SELECT COUNT(*) AS n FROM '$log'" -o:TSV "$@"
		{ is_code 0 || is_code 1; } && [ "$(tail -n 1 out | tr -d '\r')" -ge "$wanted" ]; ok "${log##*/} ${*:-}"
	else
		skip "${log##*/}" "there is no $log"
	fi
}
count_of "$data/evt-synthetic/ipsec-clean.evt" 8 -i:EVT
count_of "$data/evtx-synthetic/ipsec-wfp-clean.evtx" 1 -i:evtx
count_of "$data/evtx-synthetic/ipsec-wfp-clean.evtx" 1 -i:EVT
count_of "$data/pfirewall/SEC505__Day1_pfirewall.log" 1 -i pfirewall
count_of "$data/linux/kernel-nft-log.iso.dmesg" 1 -i:nflog
count_of "$data/linux/ulogd.json" 1
count_of drops.log 4 -i:IISW3C
count_of drops.log 4 -i:W3C
if [ -r "$data/evtx-synthetic/ipsec-wfp-clean.evtx" ] && [ -r "$evt" ]; then
	mkdir -p machine && cp "$data/evtx-synthetic/ipsec-wfp-clean.evtx" machine/Security.evtx && cp "$evt" machine/System.evt
	run query "SELECT x-source AS s, COUNT(*) AS n FROM Security GROUP BY s" --logs machine -o CSV
	is_code 0 && out_has "Security-Auditing"; ok "FROM Security with --logs"
	run query "SELECT COUNT(*) AS n FROM Security, System" --logs machine -o TSV
	cp out both
	run query "SELECT COUNT(*) AS n FROM machine" -o TSV
	is_code 0 && cmp -s out both; ok "two logs are one table; a folder is all that is in it"
	run query "SELECT COUNT(*) AS n FROM Application" --logs machine
	is_code 2 && err_has "no log of this name in"; ok "a log that is not in --logs"
fi

# Log Parser's switches: those that only talk are passed over, the others are done or refused with what to use
query="SELECT dst-port FROM drops.log WHERE src-port = 40000"
run query -stats:OFF -headers:OFF -rtp:-1 -e:10 -iw:ON -q:ON "$query" -o:CSV -tabs:ON -i:W3C -iCodepage:-2 -OCODEPAGE:65001 -dQuotes -recurse:-1 -oDQuotes:AUTO
tr -d '\r' < out > got; is_code 0 && no_err && printf '6667\n' | cmp -s - got; ok "switches that only talk, and -headers:OFF"
run query "$query" -direction:FW -fullText:ON -resolveSIDs:OFF -formatMsg:ON -msgErrorMode:MSG -fullEventCode:OFF '-stringsSep:|' -binaryFormat:HEX -ignoreMessageErrors:ON -headers:OFF -o:W3C
out_is 6667; ok "switches of event logs; -headers:OFF without #Fields"
refused() { # SWITCH TEXT
	run query "$query" "$1"
	is_code 2 && no_out && err_has "$2"; ok "$1: $2"
}
refused -direction:BW "Log Parser's -direction:\"BW\" is not there: use ORDER BY"
refused -oDQuotes:ON "values that need quotes have them"
refused -queryInfo "use --explain"
refused -stat:OFF "did you mean -stats?"
refused -iFoo:bar 'no switch "-iFoo:bar"'
refused -i:FS "Log Parser's -i:FS is not there"
refused -i:PDF '-i:"PDF": there is no such format; it is one of evtx, '
run query "SELECT COUNT(*) AS n INTO DROPS.Csv FROM DROPS.Log" -i:iisw3c
is_code 0 && tr -d '\r' < DROPS.Csv | tail -n 1 | grep -qx 4; ok "a name in another case is found as Windows would"
mkdir cases && cp drops.log cases/A.LOG && cp drops.log cases/B.LOG
run query "SELECT COUNT(*) AS n FROM cases/*.log" -o:TSV
tail -n 1 out | grep -qx 8 && no_err; ok "a pattern finds names in any case"
cp drops.log cases/c.log
run query "SELECT COUNT(*) AS n FROM cases/*.log" -o:TSV
tail -n 1 out | grep -qx 4 && err_has "2 files are passed over, for the name differs in case" && err_has "B.LOG"; ok "what a pattern passes over is said"
for format in evt evtx eventxml pcap; do
	run query "SELECT * FROM drops.log" -i:$format
	{ is_code 1 || is_code 2; } && err_has "drops.log"; ok "-i:$format of another format: not an empty log"
done

# Every format out holds the same values
run query "SELECT src-ip, x-rule FROM drops.log WHERE dst-port = 6667" -o:CSV
tr -d '\r' < out | tail -n 1 | grep -qx '192.0.2.10,Web'; ok "-o:CSV"
run query "SELECT src-ip, x-rule FROM drops.log WHERE dst-port = 6667" -o:tsv
tr -d '\r' < out | tail -n 1 | grep -qx '192.0.2.10	Web'; ok "-o:tsv"
run query "SELECT src-ip, x-rule FROM drops.log WHERE dst-port = 6667" -o:JSON
out_is '{"src-ip":"192.0.2.10","x-rule":"Web"}'; ok "-o:JSON"
run query "SELECT src-ip, x-rule FROM drops.log WHERE dst-port = 6667" -o:W3C
tail -n 2 out | tr -d '\r' > got; printf '#Fields: src-ip x-rule\n192.0.2.10 Web\n' | cmp -s - got; ok "-o:W3C"
run query "SELECT src-ip, x-rule FROM drops.log WHERE dst-port = 6667" -o:NAT
[ "$(tail -n 1 out | tr -s ' ')" = "192.0.2.10 Web" ]; ok "-o:NAT"

run query "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT COUNT(*) FROM t, drops.log" --explain
is_code 0 && out_has "log0: was not asked for" && out_has "SQLite: RECURSIVE STEP"; ok "--explain of a query without an end"

# Formats: by -o, by the file's name
run query "SELECT TOP 1 src-ip, size INTO out.csv FROM drops.log"
tr -d '\r' < out.csv | head -n 1 > got; is_code 0 && printf 'src-ip,size\n' | cmp -s - got; ok "a name in .csv is CSV"
run query "SELECT TOP 1 src-ip, size INTO out.json FROM drops.log"
printf '{"src-ip":"203.0.113.9","size":60}\n' | cmp -s - out.json; ok "a name in .json is JSON"
run query "SELECT TOP 1 src-ip, size FROM drops.log" --json
out_is '{"src-ip":"203.0.113.9","size":60}'; ok "--json"
run query "SELECT TOP 1 src-ip, size FROM drops.log INTO STDOUT" -o:xml
is_code 0 && out_has '<Field Name="src-ip">203.0.113.9</Field>'; ok "-o:xml, into STDOUT"
run query "SELECT COUNT(*) AS n FROM drops.log" -O 'out%1.csv'
is_code 0 && no_out && tr -d '\r' < 'out%1.csv' > got && printf 'n\n4\n' | cmp -s - got; ok "-O, and a name with a percent sign"
run query "SELECT COUNT(*) INTO a.csv FROM drops.log" -O b.csv
is_code 2 && err_has "one of them" && [ ! -e a.csv ] && [ ! -e b.csv ]; ok "-O and INTO: refused"
run query "SELECT * INTO 'out_*.csv' FROM drops.log"
is_code 2 && err_has "cannot be made" && [ ! -e 'out_*.csv' ]; ok "Log Parser's * in INTO: refused"
mkdir folder
run query "SELECT * INTO folder FROM drops.log"
is_code 3 && err_has "Is a directory" && [ -z "$(ls folder)" ] && ! ls folder.* >/dev/null 2>&1; ok "INTO a folder"
ln -s drops.log link.log
run query "SELECT * INTO link.log FROM drops.log"
is_code 2 && err_has "is an input too" && [ -L link.log ]; ok "an output that is an input by another name"
rm link.log
run query "SELECT * FROM drops.log" -o W3C
tail -n 4 drops.log > expected; tail -n 4 out | cmp -s - expected; ok "a W3C log copied: the same lines"
run query "SELECT 1" -o:PDF
is_code 2 && err_has "it is W3C, CSV, TSV, JSON, XML or NAT"; ok "an unknown format is refused"
run query "SELECT 1" -i:PDF
is_code 2 && err_has "there is no such format"; ok "an unknown input format is refused"
printf 'SELECT src-ip,\n  COUNT(*) AS n -- drops\nFROM drops.log GROUP BY src-ip ORDER BY n DESC' > q.sql
run query file:q.sql -o:NAT
is_code 0 && [ "$(sed -n 3p out | tr -s ' ')" = "203.0.113.9 2" ]; ok "file:q.sql"
printf 'SELECT src-ip,\n  COUNT(*) AS n\nFROM drops.log GROUP BY src-iq' > q.sql
run query file:q.sql
is_code 2 && err_has "q.sql:3:25: error: there is no column \"src-iq\"; did you mean src-ip?"; ok "file:q.sql: its place in messages"

printf '\357\273\277SELECT COUNT(*) AS n\r\nFROM drops.log\r\n' > q.sql
run query file:q.sql -o:JSON
out_is '{"n":4}'; ok "file: with a byte order mark and CRLF"
printf '\377\376' > q.sql && printf 'SELECT COUNT(*) AS n FROM drops.log' | sed 's/./&\n/g' | tr '\n' '\000' >> q.sql
run query file:q.sql -o:JSON
out_is '{"n":4}'; ok "file: in UTF-16"
head -c 200000 /dev/zero | tr '\000' ' ' > q.sql
run query file:q.sql
is_code 2 && no_out && err_has "longer than 64 KiB"; ok "file: that is too long"

# What is wrong is said with its place
wrong() { # QUERY PLACE TEXT
	run query "$1"
	is_code 2 && no_out && err_has "cordon: query:$2: error: " && err_has "$3"; ok "$1: $3"
}
wrong "SELECT * FROM nowhere.evt" 1:15 "there is no such file"
wrong "SELECT * FROM drops.log WHRE size = 1" 1:25 "did you mean WHERE?"
wrong "SELECT STRLN(src-ip) FROM drops.log" 1:8 "did you mean STRLEN?"
wrong "DROP TABLE x" 1:1 "it can only read"
wrong "UPDATE x SET a = 1" 1:1 "it can only read"
wrong "ATTACH '/tmp/x' AS y" 1:1 "it can only read"
wrong "SELECT 1; SELECT 2" 1:11 "one query at a time"
wrong "WITH x AS (SELECT 1) DELETE FROM drops.log" 1:22 "can only read"
wrong "SELECT src-ip FROM drops.log WHERE x-action = \"DROP\"" 1:47 "a text stands in '"
wrong "SELECT zeroblob(1000000000) FROM drops.log" 1:8 "a query can only read"
wrong "SELECT printf('%*c', 1000000000, 'x') FROM drops.log" 1:8 "a query can only read"
run query "SELECT dst-port FROM drops.log WHERE TimeGenerated >= '2026-11-21T11:00:00Z'" -o:CSV
tr -d '\r' < out > got; is_code 0 && no_err && printf 'dst-port\n6667\n' | cmp -s - got; ok "a time with T is a time"
wrong "SELECT dst-port FROM drops.log WHERE TimeGenerated >= 'yesterday'" 1:55 "cannot be read as a time: write it as"
wrong "SELECT dst-port FROM drops.log WHERE TimeGenerated >= SUB(SYSTEM_TIMESTAMP(), TimeWritten)" 1:55 "a number (of seconds, perhaps) is compared with a time"
wrong "SELECT System.evt.EventID FROM drops.log AS System, drops.log" 1:8 "there is no column"
wrong "SELECT drops.log.EventID FROM drops.log" 1:8 "the name of a file is not written before a column"
wrong "SELECT * INTO DATAGRID FROM drops.log" 1:15 "is Log Parser's, and not here"
wrong "SELECT load_extension('x') FROM drops.log" 1:8 "a query can only read"
wrong "SELECT writefile('x', 'y') FROM drops.log" 1:8 "there is no function"
run query "SELECT COUNT(*) FROM ."
is_code 0 || is_code 1; ok "a folder"
mkdir empty
run query "SELECT * FROM empty"
is_code 2 && no_out && err_has "a folder without a file"; ok "an empty folder"
: > empty.log
run query "SELECT * INTO kept.log FROM empty.log"
is_code 2 && err_has "the file is empty" && [ ! -e kept.log ]; ok "an empty file: no output file"
echo old > kept.log
run query "SELECT nothing INTO kept.log FROM drops.log"
is_code 2 && [ "$(cat kept.log)" = old ] && [ "$(ls kept.log*)" = kept.log ]; ok "a refused query leaves the file as it was"
if [ "$(id -u)" -ne 0 ]; then
	run query "SELECT * INTO /nowhere.log FROM drops.log"
	is_code 3; ok "a file that cannot be written"
fi
run query "SELECT * INTO no/such/folder.log FROM drops.log"
is_code 3 && err_has "cannot be written"; ok "a folder that is not there"
run query "SELECT * INTO /dev/full FROM drops.log"
is_code 3; ok "a full disk"

printf '#Fields: a b\n1 2\n1 2 3\n3 4\n' > damaged.log
run query "SELECT SUM(b) AS s FROM damaged.log" -o:TSV
is_code 1 && err_has "1 could not be read" && [ "$(tail -n 1 out | tr -d '\r')" = 6 ]; ok "records lost: exit code 1, and the rest is there"
run query "SELECT SUM(b) AS s FROM damaged.log" --strict
is_code 1 && no_out && err_has "--strict"; ok "--strict: stops at the first damage"

# Ends
join='SELECT COUNT(*) FROM drops.log a'
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do join="$join, drops.log t$i"; done
run query "$join" --timeout 1
is_code 3 && no_out && err_has "stopped after 1 s (--timeout)"; ok "--timeout"
run query "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT COUNT(*) INTO never.csv FROM t" --timeout 1
is_code 3 && no_out && err_has "--timeout" && ! ls never.csv* >/dev/null 2>&1; ok "--timeout: a query without an end"
run query "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t LIMIT 100) SELECT GROUP_CONCAT(STRREPEAT('x', 1000000)) FROM t"
is_code 2 && no_out && err_has "too big"; ok "a text that only grows"
run query "SELECT 1" --timeout soon
is_code 2 && err_has "seconds are needed"; ok "--timeout needs a number"
timeout --preserve-status -s INT 3 "$cordon" query "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT COUNT(*) INTO never.csv FROM t" > out 2>err
code=$?
is_code 130 && err_has "stopped: nothing was written" && ! ls never.csv* >/dev/null 2>&1; ok "Ctrl-C: a query without an end"
cat > interrupt.sh <<'END'
trap - TERM
"$1" query "$2 INTO never.csv" & child=$!
# It waits for signals before it makes the file beside.
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
	ls never.csv.* >/dev/null 2>&1 && break
	sleep 1
done
kill -TERM $child
wait $child
END
sh interrupt.sh "$cordon" "$join" > out 2>err
code=$?
is_code 143 && err_has "stopped: nothing was written" && ! ls never.csv* >/dev/null 2>&1; ok "a signal ends it, and nothing is left behind"
"$cordon" query "SELECT a.src-ip, b.src-ip FROM drops.log a, drops.log b, drops.log c, drops.log d, drops.log e, drops.log f, drops.log g" 2>err | head -n 1 > out
[ "$(cat out | cut -c 1-9)" = "#Software" ] && no_err; ok "a pipe that closes ends it quietly"

# Only what is new
run query "SELECT dst-port FROM drops.log" --checkpoint mark -o:CSV
is_code 0 && [ "$(wc -l < out)" -eq 5 ]; ok "--checkpoint: the first time all"
run query "SELECT dst-port FROM drops.log" --checkpoint mark -o:CSV
is_code 0 && [ "$(wc -l < out)" -eq 1 ]; ok "--checkpoint: then nothing"
echo '2026-11-21 12:00:00 cordon 4290 DROP in TCP 203.0.113.9 51000 192.0.2.10 445 60 1 -' >> drops.log
run query "SELECT dst-port FROM drops.log" -iCheckpoint:mark -o:CSV
tr -d '\r' < out > got; is_code 0 && printf 'dst-port\n445\n' | cmp -s - got; ok "-iCheckpoint: what was added"
run query "SELECT nothing FROM drops.log" --checkpoint mark
is_code 2; ok "--checkpoint: a wrong query"
run query "SELECT dst-port FROM drops.log" --checkpoint mark -o:CSV
[ "$(wc -l < out)" -eq 1 ]; ok "--checkpoint: a wrong query forgets nothing"

# The mark moves only when the rows have come to where they were to go
echo '2026-11-21 13:00:00 cordon 4290 DROP in TCP 203.0.113.9 51000 192.0.2.10 25 60 1 -' >> drops.log
cp mark before
run query "SELECT dst-port INTO no/such/folder.csv FROM drops.log" --checkpoint mark
is_code 3 && cmp -s mark before; ok "--checkpoint: an output that cannot be written forgets nothing"
run query "SELECT dst-port INTO /dev/full FROM drops.log" --checkpoint mark
is_code 3 && cmp -s mark before; ok "--checkpoint: a full disk forgets nothing"
run query "SELECT COUNT(*) FROM drops.log a, drops.log b, drops.log c, drops.log d, drops.log e, drops.log f, drops.log g, drops.log h, drops.log i, drops.log j, drops.log k, drops.log l" --checkpoint mark2 --timeout 1
is_code 3 && ! ls mark2* >/dev/null 2>&1; ok "--checkpoint: a query that was stopped leaves no mark"
run query "SELECT dst-port FROM drops.log" --checkpoint mark -o:CSV
tr -d '\r' < out > got; printf 'dst-port\n25\n' | cmp -s - got && [ "$(ls mark*)" = mark ]; ok "--checkpoint: and the next run has it"
echo '{' > broken
run query "SELECT dst-port FROM drops.log" --checkpoint broken
is_code 2 && no_out && err_has "broken:"; ok "--checkpoint: a file that is none"

# This host's own records: in a mount namespace, so that they are those of the test
if unshare -m true 2>/dev/null; then
	cat > host.sh <<'END'
mount -t tmpfs tmpfs /var/log && mkdir -p /var/log/cordon /etc/cordon && mount -t tmpfs tmpfs /etc/cordon || exit 77
head -n 6 "$2" > /var/log/cordon/drops.log.1
{ head -n 4 "$2"; sed -n '7,$p' "$2"; } > /var/log/cordon/drops.log
"$1" query "SELECT EventID, SourceName, Strings FROM System WHERE SourceName = 'IPSec'" -o:CSV
END
	unshare -m --propagation private sh host.sh "$cordon" drops.log > out 2>err
	code=$?
	if [ "$code" -eq 77 ]; then
		skip "this host's records" "there is no /var/log to mount over"
	else
		is_code 0 && [ "$(wc -l < out)" -eq $(($(grep -vc '^#' drops.log) + 1)) ] && out_has '4290,IPSec,\Device\IPSEC|203.0.113.9|192.0.2.10|TCP|51000|3389'
		ok "FROM System: this host's records, old and new"
		sed -i 's/FROM System/FROM Security/' host.sh
		cp out system
		unshare -m --propagation private sh host.sh "$cordon" drops.log > out 2>err
		cmp -s out system; ok "FROM Security: the same records"
	fi
else
	skip "this host's records" "no mount namespaces"
fi
finish
