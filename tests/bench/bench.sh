#!/bin/sh
# ./kit bench: how fast, beside the peer in the same run, medians of $RUNS runs (5).  A line for each figure:
#   what, ours, the peer's, ours/peer, the limit, ok or miss
# A missed limit is shown, not an error: the exit code is 0 unless something failed to run.
#   bench.sh [SET…]     sets: script kernel packet explain classbench collector replay log query; all when none is named
# Needs: BUILD, the folder of a release build with `cordon` and `bench_tools`.
# CORDON_DATA may name the folder that holds classbench/, evtx/ and evt/ (../shared/data).
set -eu
root=$(pwd)
BUILD=${BUILD:-$root/build/release}
cordon=$BUILD/apps/cordon
tools=$BUILD/tests/bench
runs=${RUNS:-5}
seed=${SEED:-1}
count=${COUNT:-100000}
samples=${CORDON_DATA:-$root/../shared/data}
data=$samples/classbench

# Rules are loaded in a network namespace of our own; everything below runs in it.
if [ -z "${BENCH_INSIDE:-}" ]; then
	export BENCH_INSIDE=1
	if [ "$(id -u)" -eq 0 ]; then
		exec unshare -n sh "$0" "$@"
	fi
	if unshare -rn true 2>/dev/null; then
		echo "bench: not root: the kernel limits the size of a message here, and nft may fail on many rules" >&2
		exec unshare -rn sh "$0" "$@"
	fi
	echo "bench: this kernel lets only root make network namespaces" >&2
	exit 3
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
failed=0
export CORDON_STORE="$work/none.db"

cat >"$work/facts.json" <<'END'
{"addresses": ["192.0.2.10/24"], "dns": ["192.0.2.53"], "gateway": ["192.0.2.1"]}
END
echo 'table inet peer { chain output { type filter hook output priority 0; policy accept; }; }' >"$work/empty.nft"

median() { sort -n | awk '{ v[NR] = $1 } END { if (NR) print v[int((NR + 1) / 2)]; else print "-" }'; }

# sample NAME COMMAND…: one run; appends MILLISECONDS to NAME.ms, those of processors to NAME.cpu and PEAK-KIB to NAME.kib.
sample() {
	sampled=$1
	shift
	# shellcheck disable=SC2086  # no word when it is empty
	if "$tools/bench_measure" ${measure:-} "${sink:-$work/out}" "$@" >"$work/measured" 2>"$work/error"; then
		read -r ms kib cpu <"$work/measured"
		echo "$ms" >>"$work/$sampled.ms"
		echo "$cpu" >>"$work/$sampled.cpu"
		echo "$kib" >>"$work/$sampled.kib"
	else
		echo "bench: failed: $*" >&2
		head -n 5 "$work/error" >&2
		failed=1
	fi
}
# The median of a figure that was sampled; "-" when there is none.
figure() { if [ -s "$work/$1" ]; then median <"$work/$1"; else echo -; fi; }

header() {
	printf '\n%s\n  %-56s %12s %12s %8s %12s\n' "$1" '' ours peer ratio limit
}
# row WHAT OURS PEER SENSE LIMIT UNIT: SENSE is max or min; "-" where there is no peer or limit.
row() {
	awk -v what="$1" -v ours="$2" -v peer="$3" -v sense="$4" -v limit="$5" -v unit="$6" '
		function shown(x) { return x == "-" ? x : sprintf(x + 0 >= 100 ? "%.0f" : x + 0 >= 10 ? "%.1f" : "%.2f", x) }
		BEGIN {
			ratio = ours != "-" && peer != "-" && peer + 0 > 0 ? sprintf("%.2f", ours / peer) : "-"
			verdict = ours == "-" ? "failed" : ""
			if (limit != "-" && ours != "-")
				verdict = (sense == "max" ? ours + 0 <= limit + 0 : ours + 0 >= limit + 0) ? "ok" : "miss"
			printf "  %-56s %12s %12s %8s %12s  %s\n", what " (" unit ")", shown(ours), shown(peer), ratio,
				limit == "-" ? "-" : (sense == "max" ? "<= " : ">= ") limit, verdict
		}'
}
seconds() { if [ "$1" = - ]; then echo -; else awk -v x="$1" 'BEGIN { print x / 1000 }'; fi; }
less() { if [ "$1" = - ] || [ "$2" = - ]; then echo -; else awk -v a="$1" -v b="$2" 'BEGIN { print a - b }'; fi; }
mib() { if [ "$1" = - ]; then echo -; else awk -v x="$1" 'BEGIN { print x / 1024 }'; fi; }

generate() { "$tools/bench_generate" "$@" 2>>"$work/notes"; }

# store FILE SCRIPT: a store that holds the script, for the sets that start from one.
store() {
	"$cordon" --store "$1" netsh -f "$2" >"$work/out" 2>"$work/error" && return 0
	echo "bench: cordon netsh -f failed" >&2
	head -n 5 "$work/error" >&2
	failed=1
	return 1
}

# A script of many filters in and out again; the peer reads and prints one rule a filter.
set_script() {
	generate netsh "$count" 48 "$seed" >"$work/script.txt"
	generate rules "$count" 48 "$seed" >"$work/rules.nft"
	for _ in $(seq "$runs"); do
		rm -f "$work"/store.db*
		sample in "$cordon" --store "$work/store.db" netsh -f "$work/script.txt"
		sample out "$cordon" --store "$work/store.db" dump
		nft flush ruleset
		sample in-peer nft -f "$work/rules.nft"
		sample out-peer nft list ruleset
	done
	nft flush ruleset
	size=$(cat "$work"/store.db* 2>/dev/null | wc -c)
	header "a script of $count filters (peer: nft, one rule a filter, into the kernel)"
	row 'in: netsh -f' "$(seconds "$(figure in.ms)")" "$(seconds "$(figure in-peer.ms)")" max 1 s
	row 'out: dump' "$(seconds "$(figure out.ms)")" "$(seconds "$(figure out-peer.ms)")" max 1 s
	row 'memory, in' "$(mib "$(figure in.kib)")" "$(mib "$(figure in-peer.kib)")" max 200 MiB
	row 'memory, out' "$(mib "$(figure out.kib)")" "$(mib "$(figure out-peer.kib)")" max 200 MiB
	row 'store on disk' "$(mib $((size / 1024)))" - max 200 MiB
}

# From the store into the kernel, read back included.
set_kernel() {
	[ -s "$work/script.txt" ] || generate netsh "$count" 48 "$seed" >"$work/script.txt"
	[ -s "$work/rules.nft" ] || generate rules "$count" 48 "$seed" >"$work/rules.nft"
	rm -f "$work"/store.db*
	store "$work/store.db" "$work/script.txt" || return 0
	for _ in $(seq "$runs"); do
		sample apply "$cordon" --store "$work/store.db" apply
		nft flush ruleset
		sample load nft -f "$work/rules.nft"
		nft flush ruleset
		if "$tools/bench_build" "$work/store.db" "$work/facts.json" >"$work/measured"; then
			awk '{ print $1 }' "$work/measured" >>"$work/build.ms"
		else
			failed=1
		fi
	done
	header "$count filters from the store (peer: nft -f, one rule a filter)"
	row 'ruleset built from the store' "$(seconds "$(figure build.ms)")" - max 0.25 s
	row 'into the kernel: apply' "$(seconds "$(figure apply.ms)")" "$(seconds "$(figure load.ms)")" max 0.4 s
	row 'memory' "$(mib "$(figure apply.kib)")" "$(mib "$(figure load.kib)")" max 96 MiB
}

cat >"$work/flood.sh" <<'END'
# In a network namespace of its own: loads rules, sends packets that no filter holds.
#   flood.sh TOOLS PACKETS COMMAND…
set -e
ip link set lo up
ip link add v0 type veth peer name v1
ip addr add 192.0.2.10/24 dev v0
ip link set v0 up
ip route add default via 192.0.2.1 dev v0 onlink
ip neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev v0 nud permanent
tools=$1 packets=$2
shift 2
"$@" >/dev/null 2>&1
exec "$tools/bench_flood" 203.0.113.9 9999 "$packets"
END
# flood NAME PACKETS COMMAND…: one round of packets through the rules that the command loads.
flood() {
	variant=$1
	shift
	if unshare -n sh "$work/flood.sh" "$tools" "$@" >"$work/measured" 2>"$work/error"; then
		cat "$work/measured" >>"$work/$variant.ns"
	else
		echo "bench: failed: $*" >&2
		head -n 5 "$work/error" >&2
		failed=1
	fi
}

# packets SET COUNT-OR-@FILE SHAPES: ours beside a linear chain and one interval map of the same filters.
packets() {
	generate netsh "$2" "$3" "$seed" >"$work/$1.txt"
	generate rules "$2" "$3" "$seed" >"$work/$1.rules"
	generate map "$2" "$3" "$seed" >"$work/$1.map"
	rm -f "$work/$1".db*
	store "$work/$1.db" "$work/$1.txt" || return 0
	for _ in $(seq "$runs"); do
		flood "$1-none" 300000 true
		flood "$1-empty" 300000 nft -f "$work/empty.nft"
		flood "$1-ours" 300000 "$cordon" --store "$work/$1.db" apply
		flood "$1-linear" 20000 nft -f "$work/$1.rules"
		# ClassBench sets overlap, and one interval map cannot hold overlapping keys.
		case $2 in
		@*) ;;
		*) flood "$1-map" 300000 nft -f "$work/$1.map" ;;
		esac
	done
	groups=$("$tools/bench_build" "$work/$1.db" "$work/facts.json" | awk '{ print $3 }')
}
set_packet() {
	filters=1000
	header 'processor time a packet through the output hook, no match'
	packets ten "$filters" 10
	empty=$(figure ten-empty.ns)
	ours=$(figure ten-ours.ns)
	row 'no table at all' "$(figure ten-none.ns)" - max - ns
	row 'empty chain' "$empty" - max - ns
	row "ten shapes, $filters filters; peer: empty chain" "$ours" "$empty" max \
		"$(awk -v x="$empty" 'BEGIN { printf "%.0f", 2 * x }')" ns
	row '  peer: linear chain' "$ours" "$(figure ten-linear.ns)" max - ns
	row '  peer: one interval map' "$ours" "$(figure ten-map.ns)" max - ns
	packets many "$filters" 48
	ours=$(figure many-ours.ns)
	row "48 shapes, $filters filters; peer: empty chain" "$ours" "$(figure many-empty.ns)" max 4000 ns
	row '  less no table at all: what the rules themselves cost' "$(less "$ours" "$(figure many-none.ns)")" \
		"$(less "$(figure many-empty.ns)" "$(figure many-none.ns)")" max - ns
	row '  peer: linear chain' "$ours" "$(figure many-linear.ns)" max - ns
	row '  peer: one interval map' "$ours" "$(figure many-map.ns)" max - ns
	packets large 10000 48
	row '48 shapes, 10000 filters; peer: linear chain' "$(figure large-ours.ns)" "$(figure large-linear.ns)" max 4000 ns
	row '  peer: one interval map' "$(figure large-ours.ns)" "$(figure large-map.ns)" max - ns
	echo '  (One interval map cannot hold filters that overlap, nor weigh them: it is a mark to measure by.)'
}

# rate NAME FILTERS-OR-@FILE LIMIT LABEL: packets a second of explain --file, parsing and printing included.
rate() {
	generate netsh "$2" 48 "$seed" >"$work/$1.txt"
	generate packets "$2" 48 "$seed" 1000000 >"$work/$1.packets"
	rm -f "$work/$1".db*
	store "$work/$1.db" "$work/$1.txt" || return 0
	for _ in $(seq "$runs"); do
		sample "$1" "$cordon" --store "$work/$1.db" explain --host "$work/facts.json" --file "$work/$1.packets"
	done
	row "$4" "$(figure "$1.ms" | awk '{ print $1 == "-" ? $1 : 1000 / $1 }')" - min "$3" 'M/s'
	rm -f "$work/$1.packets" "$work/out"
}
set_explain() {
	header 'packets a second: explain --file of 1,000,000 packets'
	rate small 1000 1 'against 1,000 filters'
	rate middle 10000 0.8 'against 10,000 filters'
	rate big 100000 0.5 'against 100,000 filters'
}

set_classbench() {
	if [ ! -d "$data" ]; then
		echo "bench: SKIPPED: classbench: there is no $data"
		return 0
	fi
	header 'ClassBench sets (what netsh can say of them)'
	for file in "$data"/*_1k; do
		name=$(basename "$file")
		packets "$name" "@$file" 0
		row "$name: a packet, $groups shapes; peer: linear chain" "$(figure "$name-ours.ns")" "$(figure "$name-linear.ns")" max - ns
	done
	for file in "$data"/*_10k; do
		name=$(basename "$file")
		rate "$name" "@$file" - "$name: explain --file"
	done
}

# Drops from the kernel's log into drops.log; records as W3C text.  Of processor time, one processor.
set_collector() {
	mkdir -p "$work/drops"
	for _ in $(seq "$runs"); do
		for kind in one many line packet; do
			rm -f "$work/drops"/*
			if (cd "$work/drops" && "$tools/bench_drops" "$kind") >"$work/measured"; then
				cat "$work/measured" >>"$work/drops-$kind"
			else
				failed=1
			fi
		done
	done
	header 'drops a second, of processor time (200,000 a second must be kept up with)'
	row 'from one source' "$(figure drops-one)" - min 1000000 '1/s'
	row 'from 100,000 sources' "$(figure drops-many)" - min 1000000 '1/s'
	row 'captured packets to records' "$(figure drops-packet)" - min - '1/s'
	row 'records to W3C lines' "$(figure drops-line)" - min 400 'MB/s'
}

# A million records of the drop log, each judged by a policy of a thousand filters; and the page that is made of them.
set_replay() {
	generate netsh 1000 48 "$seed" >"$work/replay.txt"
	{
		printf '#Version: 1.0\n#Fields: date time x-source x-eventid x-action x-direction protocol src-ip src-port dst-ip dst-port tcpflags icmptype icmpcode size x-count\n'
		generate packets 1000 48 "$seed" 1000000 | awk '{
			split($3, from, ":"); split($5, to, ":")
			printf "2026-11-%02d %02d:%02d:%02d cordon 4290 DROP %s %s %s %s %s %s - - - 60 -\n", 1 + NR / 86400, NR / 3600 % 24, NR / 60 % 60,
				NR % 60, $1, toupper($2), from[1], from[2] == "" ? "-" : from[2], to[1], to[2] == "" ? "-" : to[2]
		}'
	} >"$work/replay.log"
	for _ in $(seq "$runs"); do
		# Exit code 1: some of the packets meet no filter, so that their drop was not meant.
		sample replay sh -c '"$@" || [ $? -eq 1 ]' sh "$cordon" replay "$work/replay.log" --policy "$work/replay.txt" --host "$work/facts.json"
		sample report "$cordon" report "$work/replay.log" --policy "$work/replay.txt" --host "$work/facts.json" -O "$work/report.html"
	done
	header '1,000,000 records against 1,000 filters'
	row 'cordon replay' "$(seconds "$(figure replay.ms)")" - max 2 s
	row 'cordon report' "$(seconds "$(figure report.ms)")" - max 2 s
	row 'memory, replay' "$(mib "$(figure replay.kib)")" - max - MiB
	row 'memory, report' "$(mib "$(figure report.kib)")" - max - MiB
	rm -f "$work/replay.log" "$work/out"
}

# peer NAME: whether a program that ours is compared with is there; says so when it is not.
peer() {
	command -v "$1" >/dev/null 2>&1 && return 0
	echo "bench: SKIPPED: there is no $1 (Debian: $2)"
	return 1
}
# quotient A B FACTOR: FACTOR * A / B.
quotient() { if [ "$1" = - ] || [ "$2" = - ]; then echo -; else awk -v a="$1" -v b="$2" -v f="$3" 'BEGIN { print f * a / b }'; fi; }
size() { wc -c <"$1"; }
# against WHAT NAME PEER TIMES: how long ours and the peer took, and how many times as fast ours is.
against() {
	row "$1" "$(figure "$2.cpu")" "$(figure "$3.cpu")" max - ms
	row '  as many times as fast' "$(quotient "$(figure "$3.cpu")" "$(figure "$2.cpu")" 1)" - min "$4" x
}

# Event logs of Vista and later: every field to JSON, one kind of event, two threads.
log_evtx() {
	densest=$("$tools/bench_logs" densest "$samples/evtx")
	"$tools/bench_logs" evtx "$samples/evtx" 96 >"$work/all.evtx"
	# The kind of event that is asked for is one of hundreds in it.
	set -- --provider Microsoft-Windows-Security-Auditing --event 5156
	"$cordon" log "$work/all.evtx" -o JSON >"$work/one.json" 2>"$work/error" || failed=1
	"$cordon" log "$work/all.evtx" -o JSON --threads 2 >"$work/two.json" 2>"$work/error" || failed=1
	cmp -s "$work/one.json" "$work/two.json" || { echo 'bench: failed: two threads give another order than one' >&2; failed=1; }
	events=$(wc -l <"$work/one.json")
	rm -f "$work/one.json" "$work/two.json"
	for _ in $(seq "$runs"); do
		sample start "$cordon" --version
		sample densest "$cordon" log "$densest" -o JSON
		if peer evtxexport libevtx-utils >"$work/skipped-evtx"; then
			sample densest-peer evtxexport -f xml "$densest"
		fi
		sample all "$cordon" log "$work/all.evtx" -o JSON
		sample all-peer sha256sum "$work/all.evtx"
		sample all-two "$cordon" log "$work/all.evtx" -o JSON --threads 2
		# What can be had at all while others use this machine.
		sample pair sh -c '"$@" & "$@"; wait' sh "$cordon" log "$work/all.evtx" -o JSON
		sample asked "$cordon" log "$work/all.evtx" -o JSON "$@"
	done
	cat "$work/skipped-evtx"
	all=$(figure all.cpu)
	against "$(basename "$densest"), every field to JSON; peer: evtxexport" densest densest-peer 100
	row '  of that, the start of the program' "$(figure start.cpu)" - max - ms
	row "all chunks, $(($(size "$work/all.evtx") / 1000000)) MB, $events events, to JSON; peer: sha256sum" "$(seconds "$all")" \
		"$(seconds "$(figure all-peer.cpu)")" max "$(quotient "$(figure all-peer.cpu)" 1000 0.8)" s
	row '  so many million bytes a second' "$(quotient "$(size "$work/all.evtx")" "$all" 0.001)" - min - MB/s
	row '  one provider and event; peer: ours, every field' "$(seconds "$(figure asked.cpu)")" "$(seconds "$all")" max - s
	row '    as many times as fast' "$(quotient "$all" "$(figure asked.cpu)" 1)" - min 5 x
	row '  two threads, by the clock; peer: ours, one thread' "$(seconds "$(figure all-two.ms)")" "$(seconds "$(figure all.ms)")" max - s
	row '    as many times as fast; peer: two processes, as much again' "$(quotient "$(figure all.ms)" "$(figure all-two.ms)" 1)" \
		"$(quotient "$(figure all.ms)" "$(figure pair.ms)" 2)" min 1.7 x
	row '    processor time; peer: of one thread' "$(seconds "$(figure all-two.cpu)")" "$(seconds "$all")" max - s
}

log_evt() {
	file=$samples/evt/log2timeline__SysEvent.Evt
	for _ in $(seq "$runs"); do
		sample evt "$cordon" log "$file" -o JSON
		if peer evtexport libevt-utils >"$work/skipped-evt"; then
			sample evt-peer evtexport "$file"
		fi
	done
	cat "$work/skipped-evt"
	against 'SysEvent.Evt, every field to JSON; peer: evtexport' evt evt-peer 50
	row '  without the start of the program' "$(less "$(figure evt.cpu)" "$(figure start.cpu)")" - max - ms
}

# Logs of lines, whose drops are written again; the peer counts the lines of that file that say so.
log_text() {
	for kind in pfirewall kernel w3c; do
		"$tools/bench_logs" "$kind" 210 >"$work/$kind.log"
		for _ in $(seq "$runs"); do
			sample "$kind" "$cordon" log "$work/$kind.log" --zone UTC --layout drops
			sample "$kind-peer" awk '/DROP|drop/ { n++ } END { print n }' "$work/$kind.log"
		done
		row "$kind, drops layout; peer: awk counts them" "$(quotient "$(size "$work/$kind.log")" "$(figure "$kind.cpu")" 0.001)" \
			"$(quotient "$(size "$work/$kind.log")" "$(figure "$kind-peer.cpu")" 0.001)" min 400 MB/s
	done
}

# own WHAT BUFFERED COMMAND…: memory of its own, without what is buffered of the input because it cannot be mapped (bytes).
own() {
	what=$1 buffered=$2
	shift 2
	rm -f "$work/own.kib"
	measure=-p
	for _ in 1 2 3; do
		sample own "$@"
	done
	measure=
	row "$what" "$(less "$(mib "$(figure own.kib)")" "$(mib $((buffered / 1024)))")" - max 16 MiB
}
log_memory() {
	evtx=$work/all.evtx
	gzip -1 -c "$evtx" >"$evtx.gz"
	gzip -1 -c "$work/pfirewall.log" >"$work/pfirewall.log.gz"
	own 'memory: evtx, mapped' 0 "$cordon" log "$evtx" -o JSON
	own '  two threads' 0 "$cordon" log "$evtx" -o JSON --threads 2
	own '  as XML' 0 "$cordon" log "$evtx" -o XML
	own '  gzip, beside the 96 MB that are buffered' "$(size "$evtx")" "$cordon" log "$evtx.gz" -o JSON
	own '  from a pipe, beside the 96 MB that are buffered' "$(size "$evtx")" sh -c 'cat "$2" | "$1" log - -o JSON' sh "$cordon" "$evtx"
	for kind in pfirewall kernel w3c; do
		own "  $kind" 0 "$cordon" log "$work/$kind.log" --layout drops --zone UTC
	done
	own '  pfirewall, gzip' 0 "$cordon" log "$work/pfirewall.log.gz" --layout drops --zone UTC
	own '  pfirewall, from a pipe' 0 sh -c 'cat "$2" | "$1" log - --layout drops --zone UTC' sh "$cordon" "$work/pfirewall.log"
	own '  counted by source' 0 "$cordon" log "$work/pfirewall.log" --count source
}

set_log() {
	sink=/dev/null
	# Where one thread is measured it is by its processor time, ours and the peer's: what else runs here counts less.
	header 'logs (processor time of one thread unless said; output to /dev/null)'
	if [ -d "$samples/evtx" ] && [ -d "$samples/evt" ]; then
		log_evtx
		log_evt
	else
		echo "bench: SKIPPED: event logs: there is no $samples/evtx or $samples/evt"
	fi
	log_text
	if [ -s "$work/all.evtx" ]; then
		log_memory
	fi
	sink=
	rm -f "$work"/*.evtx* "$work"/*.log*
}

# A log of drops asked in SQL; the peer counts the same column.
set_query() {
	awk -v seed="$seed" 'BEGIN {
		srand(seed)
		print "#Software: Cordon\n#Version: 1.0\n#Date: 2026-11-21 10:00:00"
		print "#Fields: date time x-source x-eventid x-action x-direction protocol src-ip src-port dst-ip dst-port tcpflags size x-count x-rule"
		for (i = 0; i < 1000000; i++)
			printf "2026-11-21 %02d:%02d:%02d cordon 4290 DROP in TCP 10.%d.%d.%d %d 192.0.2.10 %d S 60 1 \"Drop the rest\"\n", i / 41667, i / 695 % 60,
				i % 60, rand() * 4, rand() * 16, rand() * 156, 1024 + rand() * 60000, rand() * 5 + 440
	}' >"$work/drops.log"
	for _ in $(seq "$runs"); do
		sample ask "$cordon" query "SELECT src-ip, COUNT(*) AS n FROM $work/drops.log GROUP BY src-ip ORDER BY n DESC" -o CSV
		sample ask-peer awk '!/^#/ { n[$8]++ } END { for (i in n) print i "," n[i] }' "$work/drops.log"
		sample ask-sum "$cordon" query "SELECT dst-port, SUM(x-count) FROM $work/drops.log GROUP BY dst-port" -o CSV
		sample ask-hour "$cordon" query "SELECT QUANTIZE(TimeGenerated, 3600) AS hour, COUNT(*) FROM $work/drops.log GROUP BY hour" -o CSV
		sample ask-where "$cordon" query "SELECT TimeGenerated, src-ip FROM $work/drops.log WHERE src-ip = '10.1.2.3'" -o CSV
	done
	header 'query: 1,000,000 drops (peer: awk)'
	row 'group by source' "$(seconds "$(figure ask.ms)")" "$(seconds "$(figure ask-peer.ms)")" max 1 s
	row 'sum by port' "$(seconds "$(figure ask-sum.ms)")" - max 1 s
	row 'group by hour (an expression)' "$(seconds "$(figure ask-hour.ms)")" - max - s
	row 'those of one source' "$(seconds "$(figure ask-where.ms)")" - max - s
	row 'memory' "$(mib "$(figure ask.kib)")" "$(mib "$(figure ask-peer.kib)")" max 24 MiB
	rm -f "$work/drops.log"
}

printf 'medians of %s runs, seed %s, %s, %s processors, %s\n' "$runs" "$seed" "$(uname -sr)" "$(nproc)" "$(nft --version)"
[ $# -gt 0 ] || set -- script kernel packet explain classbench collector replay log query
for name in "$@"; do
	case $name in
	script | kernel | packet | explain | classbench | collector | replay | log | query) "set_$name" ;;
	*)
		echo "bench: there is no set \"$name\": script kernel packet explain classbench collector replay log query" >&2
		exit 2
		;;
	esac
done
exit "$failed"
