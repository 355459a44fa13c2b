#!/bin/sh
# The demo leaves nothing behind when it is stopped half way: by Ctrl-C, and by kill -9.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
number=0

say() {
	number=$((number + 1))
	echo "$1 $number - $2"
	[ "$1" = ok ] || bad=1
}

# Processes of a demo, by the mark in their environment.
remaining() {
	for environ in /proc/[0-9]*/environ; do
		grep -qz "^DEMO_MARK=$1\$" "$environ" 2>/dev/null && echo "${environ%/environ}"
	done
	return 0
}

for signal in INT TERM KILL; do
	mark=$signal-$$
	ip netns list >"$work/before" 2>/dev/null || true
	# A shell starts background jobs with SIGINT ignored; env gives it back.
	DEMO_MARK=$mark setsid env --default-signal=INT sh "$here/demo.sh" >"$work/output" 2>&1 </dev/null &
	demo=$!
	tries=0
	until grep -q '^2\.' "$work/output"; do
		if ! kill -0 $demo 2>/dev/null; then
			grep -q '^SKIPPED:' "$work/output" && { cat "$work/output"; exit 77; }
			cat "$work/output"
			say 'not ok' "$signal: the demo ended before it was stopped"
			break
		fi
		tries=$((tries + 1))
		[ $tries -lt 200 ] || break
		sleep 0.05
	done
	kill -$signal $demo 2>/dev/null || true
	status=0
	wait $demo || status=$?
	tries=0
	while [ -n "$(remaining $mark)" ] && [ $tries -lt 40 ]; do
		tries=$((tries + 1))
		sleep 0.05
	done
	left=$(remaining $mark)
	if [ -z "$left" ]; then say ok "$signal: no process is left"; else say 'not ok' "$signal: left: $left"; fi
	ip netns list >"$work/after" 2>/dev/null || true
	if cmp -s "$work/before" "$work/after"; then say ok "$signal: no namespace is left"; else say 'not ok' "$signal: namespaces differ"; fi
	if [ $status -ge 128 ]; then say ok "$signal: exit code $status"; else say 'not ok' "$signal: exit code $status"; fi
done
echo "1..$number"
exit $bad
