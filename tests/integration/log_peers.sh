#!/bin/sh
# log beside its peers, on real logs of Windows: no fewer records than the best of them, each once, and field for field what
# evtxexport and evtexport (libevtx-utils, libevt-utils) say, but for what is listed here with its reason.
. "$2/tests/integration/tap.sh"
data=${CORDON_DATA:-$tap_source/../shared/data}
fields=$tap_programs/../tests/integration/event_fields
[ -r "$data/evtx/INDEX.tsv" ] || skip_all "there is no $data/evtx: CORDON_DATA names the folder"
[ -x "$fields" ] || skip_all "there is no $fields"
tab=$(printf '\t')

# Where evtxexport 20181227 differs: CLASS, who is right, why.  event_fields.c checks of each difference that it is exactly
# this; a class that explains nothing any more is as wrong as a difference without one.
differences="guid ours: they write GUIDs in capitals; Windows writes {54849625-5478-4994-a5ba-3e3b0328c30d}
time ours: they write nine digits of a second; a FILETIME has seven
hex ours: they fill hexadecimal numbers with zeros to their width; Windows writes 0x3e7
line-ends ours: they write a carriage return as it is, which every XML parser turns into a line feed; we write &#13;
sign ours: of a negative number they take the lower 31 or 63 bits for its magnitude; 0x80070002 is -2147024894, not -458754
pointer ours: type 0x10 stands for the manifest's win:Pointer, which Windows writes in hexadecimal; they write decimal
markup ours: in a string of 8-bit characters (type 0x02) they leave < and & as they are: text becomes elements
blank ours: they leave out a value that is line feeds only
surrogate ours: with half a surrogate they eat the character behind it
astral ours: they write another character for one beyond U+FFFF (U+1F201 for U+1F600)
cut ours: they end the record at U+0000, without the ends of its elements"

# --- Every record of every file ---

: > fewer; : > twice; : > broken; : > ended; files=0; records=0
while IFS="$tab" read -r file x x x x x best x; do
	[ "$file" != file ] || continue
	files=$((files + 1))
	"$cordon" log -o JSON "$data/evtx/$file" > json 2>err || [ $? -eq 1 ] || echo "$file" >> ended
	"$fields" -j json > marks 2>>err || { echo "$file"; cat err; } >> broken
	count=$(wc -l < marks)
	records=$((records + count))
	[ "$count" -ge "$best" ] || echo "$file: $count of $best" >> fewer
	sort marks | uniq -d | sed "s|^|$file: |" >> twice
	[ "$file" != omerbenamram__sample-with-zero-data-size-event.evtx ] || zero=$count
done < "$data/evtx/INDEX.tsv"
echo "# $files files, $records records"
cp ended out; [ ! -s ended ] && [ "$files" -ge 60 ]; ok "evtx: every file is read (exit code 0 or 1)"
cp broken out; [ ! -s broken ]; ok "evtx: every line is JSON, without a key that comes twice"
cp fewer out; [ ! -s fewer ]; ok "evtx: of every file at least the records of the best peer"
cp twice out; [ ! -s twice ]; ok "evtx: each record once, by number and time"
[ "${zero:-0}" -eq 450 ]; ok "evtx: all 450 records of sample-with-zero-data-size-event"

# --- Field for field ---

if command -v evtxexport >/dev/null 2>&1; then
	: > differ; : > classes; events=0; theirs=0
	for file in "$data"/evtx/*.evtx "$data"/evtx-synthetic/*.evtx; do
		# One bad record ends theirs: what came before counts.
		evtxexport -f xml "$file" > their.xml 2>/dev/null || :
		"$cordon" log -o XML "$file" > our.xml 2>/dev/null
		"$fields" our.xml their.xml > said || { echo "${file##*/}"; cat said; } >> differ
		sed '/^events/,$d' said | grep -v '^[DM	]' >> classes
		theirs=$((theirs + $(sed -n 's/^events.*theirs	\([0-9]*\)	missing.*/\1/p' said)))
	done
	echo "# $theirs records of evtxexport's; what differs:"
	awk -F'\t' '{sum[$1] += $2} END {for (class in sum) print "#   " class ": " sum[class]}' classes | sort
	cp differ out; [ ! -s differ ] && [ "$theirs" -ge 30000 ]; ok "evtxexport: each of its records, each field the same or a known difference, and ours is XML"
	echo "$differences" | while IFS= read -r line; do
		grep -q "^${line%% *}$tab" classes || echo "nothing differs by ${line%% *}"
	done > out
	cut -f 1 classes | sort -u | while IFS= read -r class; do
		echo "$differences" | grep -q "^$class " || echo "no reason is given for $class"
	done >> out
	no_out; ok "evtxexport: every difference has its reason here, and every reason a difference"
else
	skip "evtxexport: field for field" "there is no evtxexport (libevtx-utils)"
fi

# --- Event logs of Windows 2000 to 2003: to the letter ---

evt_count() { # FOLDER FILE COLUMN
	awk -F'\t' -v file="$2" -v column="$3" '$1 == file {print $column}' "$data/$1/INDEX.tsv"
}
for file in "$data"/evt/*.[eE]vt "$data"/evt-synthetic/*.evt; do
	name=${file##*/}
	folder=${file%/*}; folder=${folder##*/}
	column=7; [ "$folder" = evt ] || column=2
	"$cordon" log --live-only -o JSON "$file" > json 2>err
	code=$?
	[ $code -eq 0 ] && [ "$(wc -l < json)" -eq "$(evt_count "$folder" "$name" $column)" ]; ok "$name: the records of its INDEX"
	if ! command -v evtexport >/dev/null 2>&1; then
		skip "$name: to the letter" "there is no evtexport (libevt-utils)"
		continue
	fi
	"$fields" -e json > ours
	# A line before the first event, and an empty one behind the last.
	evtexport "$file" 2>/dev/null | sed 1d | sed '$d' > theirs
	# It lists what lies behind the EOF record twice, when that touches the oldest record.
	if [ "$name" = ipsec-wrapped.evt ]; then
		[ "$(grep -c '^Event number' theirs)" -eq 8 ]; ok "$name: evtexport lists 9, 10 and 11 twice"
		head -n "$(wc -l < ours)" theirs > once && mv once theirs
	fi
	diff ours theirs > out; ok "$name: to the letter what evtexport says"
done

# --- What the tests make themselves ---

make=$tap_programs/../tests/unit/logparse/log_make
for sample in evt evt:900 evt-dirty evt-wrapped evt-wrapped-dirty; do
	if [ ! -x "$make" ] || ! command -v evtexport >/dev/null 2>&1; then
		skip "$sample, made here" "there is no log_make or no evtexport"
		continue
	fi
	if [ "$sample" = "${sample#*:}" ]; then "$make" "$sample"; else "$make" "${sample%:*}" "${sample#*:}"; fi > made
	"$cordon" log --live-only -o JSON made > json 2>err
	"$fields" -e json > ours
	evtexport made 2>/dev/null | sed 1d | sed '$d' > theirs
	[ -s ours ] && diff ours theirs > out; ok "$sample, made here: to the letter what evtexport says"
done
# Those with every type and every token evtxexport does not read.
for sample in evtx:8 evtx:2500 evtx-dirty:300; do
	if [ ! -x "$make" ] || ! command -v evtxexport >/dev/null 2>&1; then
		skip "$sample, made here" "there is no log_make or no evtxexport"
		continue
	fi
	"$make" "${sample%:*}" "${sample#*:}" > made
	"$cordon" log -o XML made > our.xml 2>/dev/null
	evtxexport -f xml made > their.xml 2>/dev/null || :
	"$fields" our.xml their.xml > out
	code=$?
	is_code 0 && grep -q "^events	${sample#*:}	theirs	${sample#*:}	missing	0" out && ! cut -f 1 out | grep -v -x -E 'guid|time|events' >&2
	ok "$sample, made here: what evtxexport says, but for GUIDs and digits of a second"
done

# --- What was made by scripts: exactly what they made ---

cat > expected <<'END'
2003-09-12 10:40:00 IPSec 4296 - - - - - - - - - - - - - - - - - - 1 WEB01 System - - - boot - -
2003-09-12 10:41:00 IPSec 4290 DROP in TCP 192.0.2.7 1055 192.0.2.80 3389 S - - 40 - - - - - - 0xC0000022 2 WEB01 System - - - - - -
2003-09-12 10:42:00 IPSec 4290 DROP in UDP 198.51.100.9 1434 192.0.2.80 1434 - - - 404 - - - - - - 0xC0000022 3 WEB01 System - - - - - -
2003-09-12 10:43:00 IPSec 4290 DROP in ICMP 203.0.113.5 - 192.0.2.80 - - 8 0 32 - - - - - - 0xC0000022 4 WEB01 System - - - - - -
2003-09-12 10:44:00 IPSec 4291 DROP out TCP 192.0.2.80 1071 203.0.113.66 6667 - - - 28 - - - - - - 0xC0000022 5 WEB01 System - - - - - -
2003-09-12 10:45:00 IPSec 4283 DROP in - 203.0.113.5 - - - - - - - 12 - - - - - - 6 WEB01 System - - - - - -
2003-09-12 10:46:00 IPSec 4284 DROP in - 203.0.113.5 - - - - - - - 3 - - - - - - 7 WEB01 System - - - - - -
2003-09-12 10:47:00 IPSec 4294 - - - - - - - - - - - - - - - - - - 8 WEB01 System - - - secure - -
END
for name in ipsec-clean ipsec-dirty; do
	run log --layout drops "$data/evt-synthetic/$name.evt"
	is_code 0 && no_err && grep -v '^#' out | cmp -s - expected; ok "$name.evt: every column of its eight records"
done
# Of the wrapped ones: 13 records in all, the first eight of which came again; their numbers and times go on.
for name in ipsec-wrapped:9,10,11,12,13 ipsec-wrapped-gap:10,11,12,13; do
	run query "SELECT RecordNumber, TimeGenerated, EventID, Strings FROM '$data/evt-synthetic/${name%%:*}.evt'" -o:TSV --live-only
	tr -d '\r' < out | sed 1d > got
	awk -v numbers="${name#*:}" 'BEGIN {
		n = split("4296|;4290||192.0.2.7|192.0.2.80|6|1055|3389;4290||198.51.100.9|192.0.2.80|17|1434|1434;4290||203.0.113.5|192.0.2.80|1|0|0;4291||192.0.2.80|203.0.113.66|6|1071|6667", made, ";")
		count = split(numbers, list, ",")
		for (i = 1; i <= count; i++) {
			row = made[(list[i] - 1) % 8 + 1]; at = index(row, "|")
			printf "%d\t2003-09-12 10:%02d:00\t%s\t%s\n", list[i], 39 + list[i], substr(row, 1, at - 1), substr(row, at + 1)
		}
	}' > expected
	is_code 0 && cmp -s got expected; ok "${name%%:*}.evt: records ${name#*:}, each value"
done

cat > expected <<'END'
4960	192.0.2.60|9056
4961	192.0.2.61|9057
4962	192.0.2.62|9058
4963	192.0.2.63|9059
4965	192.0.2.65|9061
4976	192.0.2.80|198.51.100.7|IKE
4977	192.0.2.80|198.51.100.7|IKE
4978	192.0.2.80|198.51.100.7|IKE
5152	0|-|%%14592|203.0.113.5|59639|192.0.2.80|3389|6|67607|%%14597|13
5152	4|System|%%14592|203.0.113.5|0|192.0.2.80|8|1|Boot Time Default|67249|%%14597|13
5153	0|-|%%14593|2001:db8::1|546|ff02::1:2|547|17|Unknown|70001|%%14611|50
5157	1234|\\device\\harddiskvolume1\\inetpub\\a "q" b.exe|%%14593|192.0.2.80|1071|203.0.113.66|6667|6|70002|%%14611|48
5157	1234|\\device\\harddiskvolume1\\windows\\system32\\svchost.exe|%%14593|192.0.2.80|1071|203.0.113.66|6667|6|70002|%%14611|48|S-1-0-0|S-1-0-0
5157	1234|-|%%14592|203.0.113.66|6667|192.0.2.80|80|6|70002|%%14610|44|S-1-0-0|S-1-0-0|%%14644|%%14645|%%1843
5157	1234|-|%%14592|203.0.113.66|6667|192.0.2.80|80|6|7|Boot Time Default|70002|%%14610|44|S-1-0-0|S-1-0-0|%%14644|%%14645|%%1843|%%1843
5155	4|System|0.0.0.0|21|6|70003|%%14609|40
5159	4|System|0.0.0.0|21|6|70003|%%14608|36
5478	
5460	boot-lockdown
5461	boot-lockdown|2
5471	boot-lockdown
5484	8
5453	
4650	web01|peer|192.0.2.80|500|198.51.100.7|500|%%8222|%%8194|%%8203|%%8208|%%8211|480|0|%%8205|%%8233|5|6
END
run query "SELECT EventID, Strings FROM '$data/evtx-synthetic/ipsec-wfp-clean.evtx'" -o:TSV
is_code 0 && tr -d '\r' < out | sed 1d | cmp -s - expected; ok "ipsec-wfp-clean.evtx: every value of its 24 records"
# The same 24 again and again, one a second, in four chunks of which the header admits one.
run query "SELECT RecordNumber, TimeGenerated, EventID, Strings FROM '$data/evtx-synthetic/ipsec-wfp-dirty-count.evtx'" -o:TSV
awk '{row[NR] = $0} END {
	for (i = 0; i < 480; i++) {
		second = 24 * 60 + 34 + i
		printf "%d\t2016-06-29 15:%02d:%02d\t%s\n", i + 1, int(second / 60), second % 60, row[i % 24 + 1]
	}
}' expected > all
is_code 0 && tr -d '\r' < out | sed 1d | cmp -s - all; ok "ipsec-wfp-dirty-count.evtx: every value of its 480 records"
run log -o JSON "$data/evtx-synthetic/text-oddities.evtx"
sed 's/.*"EventData":{"Policy":"\(.*\)"}}}$/\1/' out > got
cat > expected <<'END'
lone \ud800 surrogate
nul \u0000 inside
ctl \u0001\u001b tab\t crlf\r\n end

-
\"q\" <&> '
ä中😀
#hash first
END
is_code 0 && cmp -s got expected; ok "text-oddities.evtx: every character, in JSON"
run log -o XML "$data/evtx-synthetic/text-oddities.evtx"
sed -n 's/.*<Data Name="Policy">//p' out | sed 's/<.*//' | head -n 3 > got
printf 'lone \357\277\275 surrogate\nnul \357\277\275 inside\nctl \357\277\275\357\277\275 tab\t crlf&#13;\n' | cmp -s - got
ok "text-oddities.evtx: in XML U+FFFD stands for what XML cannot hold"
finish
