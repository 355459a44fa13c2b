#!/bin/sh
# ./kit test, after the build: CTest in build/dev, the unit tests and the fuzz corpora again in build/asan, then a
# look at what was left behind.  Ends with one line that counts tests of CTest: passed, failed, skipped (a
# part of a test that was skipped counts as well); above it the reason of every skip.
set -eu
jobs=${1:-2}
root=$(pwd)
work=$(mktemp -d)
KIT_RUN=kit-$$-$(date +%s)
export KIT_RUN TMPDIR="$work/tmp"
mkdir "$TMPDIR"
# Some tests become another user.
chmod 755 "$work"
chmod 1777 "$TMPDIR"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

namespaces() { ip netns list 2>/dev/null | awk '{ print "namespace " $1 }'; }
tables() { nft list tables 2>/dev/null | sed 's/^table /kernel table /' || true; }
files() { find "$root" \( -path "$root/build" -o -path "$root/.git" \) -prune -o -type f -print | sed 's/^/file /'; }
# Processes that a test started: they carry KIT_RUN in their environment.  Not ours: this shell and its children.
processes() {
	for environ in /proc/[0-9]*/environ; do
		pid=${environ#/proc/}
		pid=${pid%/environ}
		[ "$pid" != $$ ] || continue
		grep -qz "^KIT_RUN=$KIT_RUN\$" "$environ" 2>/dev/null || continue
		grep -q "^PPid:[[:space:]]*$$\$" "/proc/$pid/status" 2>/dev/null && continue
		name=$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null) || continue
		[ -z "$name" ] || printf 'process %s %s\n' "$pid" "$name"
	done
}
world() { { namespaces; tables; files; } | sort; }

# suite PRESET [CTEST-OPTIONS…]: runs CTest; its report in JUnit form goes to $work/PRESET.xml.
suite() {
	preset=$1
	shift
	printf '\n== %s\n' "$preset"
	# The tests' output is kept whole, so that the reason of each skip can be found in it.
	ctest --test-dir "build/$preset" -j "$jobs" --timeout 400 --output-on-failure --no-tests=error \
		--test-output-size-passed 4000000 --test-output-size-failed 4000000 \
		--output-junit "$work/$preset.xml" "$@" </dev/null >"$work/$preset.log" 2>&1 || true
	awk '/^ *[0-9]+\/[0-9]+ Test +#/ { next } /^ *Start +[0-9]+:/ { next } { print }' "$work/$preset.log"
	[ -s "$work/$preset.xml" ] || { echo "ctest did not run in build/$preset"; broken=1; }
}

broken=0
before=$work/before
world >"$before"
started=$(date +%s)
suite dev
suite asan -R '^(unit|fuzz|golden)\.'
ended=$(date +%s)

printf '\n== longest functions (lines, place, name)\n'
sh tools/longest.sh 10

# What was left behind is a failure too.
left=$work/left
{
	world | comm -13 "$before" -
	processes
	find "$TMPDIR" -mindepth 1 -maxdepth 1 | sed 's/^/file in TMPDIR: /'
} >"$left"
if [ -s "$left" ]; then
	printf '\n== left behind\n'
	cat "$left"
fi

printf '\n== counts\n'
for preset in dev asan; do
	[ -s "$work/$preset.xml" ] || continue
	awk -v preset="$preset" -v out="$work/counts" -f tools/junit.awk "$work/$preset.xml"
done
awk -v broken="$broken" -v left="$(wc -l <"$left")" -v seconds=$((ended - started)) '
	{ passed += $1; failed += $2; skipped += $3 }
	END {
		failed += broken + (left > 0)
		printf "the tests took %d s\n%d passed, %d failed, %d skipped\n", seconds, passed, failed, skipped
		exit failed > 0 || passed == 0
	}' "$work/counts"
