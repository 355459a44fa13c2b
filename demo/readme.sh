#!/bin/sh
# Runs the examples of README.md (indented lines that begin with "$ ") in order, on a host of 192.0.2.10 in a
# network namespace, and compares what they print.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cordon=${CORDON:-$here/../build/release/apps/cordon}

if [ -z "${README_INSIDE:-}" ]; then
	spaces='-mn'
	[ "$(id -u)" -eq 0 ] || spaces='-rmn'
	unshare $spaces true 2>/dev/null || { echo "SKIPPED: this kernel does not let $(id -un) make namespaces"; exit 77; }
	README_INSIDE=1 exec unshare $spaces sh "$0"
fi

mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/log
work=/run/readme
mkdir -p "$work/bin"
. "$here/resolv.sh"
resolv_own "$work" 192.0.2.53
ip link set lo up
ip link add v0 type veth peer name v1
ip addr add 192.0.2.10/24 dev v0
ip link set v0 up
ln -s "$cordon" "$work/bin/cordon"
PATH=$work/bin:$PATH
export PATH CORDON_STORE="$work/store.db" NO_COLOR=1
cd "$here/.."

# NUMBER.command and NUMBER.expected for each example.
awk -v work="$work" '
	/^    \$ / { number++; file = sprintf("%s/%02d", work, number); print substr($0, 7) >(file ".command"); printf "" >(file ".expected"); next }
	/^    / && file { print substr($0, 5) >(file ".expected"); next }
	{ file = "" }' README.md

bad=0
count=0
for command in "$work"/*.command; do
	example=${command%.command}
	count=$((count + 1))
	sh "$command" >"$example.got" 2>&1 || true
	if cmp -s "$example.expected" "$example.got"; then
		echo "ok $count - $(cat "$command")"
	else
		echo "not ok $count - $(cat "$command")"
		diff "$example.expected" "$example.got" | sed 's/^/# /'
		bad=1
	fi
done
echo "1..$count"
[ $count -ge 8 ] || { echo "not ok - README.md has lost its examples"; bad=1; }
exit $bad
