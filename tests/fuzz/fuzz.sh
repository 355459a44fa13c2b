#!/bin/sh
# ./kit fuzz, after the build: runs each target for some seconds from the seeds in the tree and from what earlier runs
# found.  New inputs are kept in BUILD/corpus, what made a target fail in BUILD/findings; exit 1 when anything did.
#   fuzz.sh BUILD SECONDS [TARGET…]
set -eu
build=$1
seconds=$2
shift 2
here=$(dirname "$0")
[ $# -gt 0 ] || set -- script profile packet facts nflog record bootfile message settings agent ruletable job query evt evtx eventxml pcap w3clog kernellog packed
failed=0
for target in "$@"; do
	seeds=$here/corpus/$target
	found=$build/corpus/$target
	findings=$build/findings/$target
	mkdir -p "$found" "$findings"
	log=$build/$target.log
	if "$build/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=8192 \
		-dict="$here/$target.dict" -artifact_prefix="$findings/" -print_final_stats=1 \
		"$found" "$seeds" >"$log" 2>&1 </dev/null; then
		awk -v target="$target" -v seeds="$(find "$seeds" -type f | wc -l)" -v all="$(find "$found" -type f | wc -l)" '
			/number_of_executed_units/ { runs = $2 }
			/ cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") coverage = $(i + 1) }
			END { printf "%-9s ok: %d runs, %d edges, %d seeds, %d inputs found\n", target, runs, coverage, seeds, all }' "$log"
	else
		failed=1
		printf '%-9s FAILED: the end of %s:\n' "$target" "$log"
		tail -n 40 "$log"
	fi
done
find "$build/findings" -type f -exec echo 'finding: {}' \;
exit "$failed"
