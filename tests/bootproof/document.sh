#!/bin/sh
# docs/boot-proof.md out of the results of runs: document.sh RESULTS FILE 'SCENARIO/MODE…'
set -eu
results=$1 document=$2 all=$3
figure() { sed -n "s/^$2 //p" "$results/$1" | head -n 1; }
# Milliseconds as seconds; "-" for never.
seconds() { awk -v ms="${1:--1}" 'BEGIN { if (ms < 0) print "-"; else printf "%.1f\n", ms / 1000 }'; }

row() { # SCENARIO/MODE
	scenario=${1%/*} mode=${1#*/} file=$scenario-$mode
	if [ ! -f "$results/$file" ]; then
		echo "| $scenario | $mode | not run | | | | | | | | | | |"
		return
	fi
	n() { figure "$file" "figure $1" | grep . || echo -; }
	case $(figure "$file" outcome) in
	ok) outcome=holds ;;
	*) outcome='**fails**' ;;
	esac
	echo "| $scenario | $mode | $outcome | $(figure "$file" boots) | $(figure "$file" expected | sed 's/ /, then /') |" \
		"$(n startup-forbidden-answer) / $(n startup-forbidden-out) |" \
		"$(n handover-forbidden-answer) / $(n handover-forbidden-out) |" \
		"$(n final-forbidden-answer) / $(n final-forbidden-out) |" \
		"$(n startup-permitted-in) + $(n handover-permitted-in) + $(n final-permitted-in) |" \
		"$(seconds "$(n first-forbidden)") | $(seconds "$(n first-permitted)") | $(seconds "$(n operational)") |" \
		"$(n dhcp-requests) / $(n dhcp-renewals) |"
}

# From the guest's first frame that policy forbids to its last.
gap() {
	[ -f "$results/$1" ] || { echo "not run"; return; }
	first=$(figure "$1" 'figure first-forbidden') last=$(figure "$1" 'figure last-forbidden') end=$(figure "$1" 'figure end')
	if [ "${first:--1}" -lt 0 ]; then
		echo "none: no forbidden packet"
	elif [ $((end - last)) -lt 2000 ]; then
		echo "from $(seconds "$first") s for good"
	else
		echo "from $(seconds "$first") s to $(seconds "$last") s: $(seconds $((last - first))) s"
	fi
}
answers() {
	[ -f "$results/$1" ] || { echo "-"; return; }
	echo "$(($(figure "$1" 'figure startup-forbidden-answer') + $(figure "$1" 'figure handover-forbidden-answer') + $(figure "$1" 'figure final-forbidden-answer')))"
}

{
	cat <<'TEXT'
# Proof of boot

Written by `./kit bootproof`; do not edit. A real Debian boots in QEMU (emulated, without KVM: about ten times as slow
as a machine is). A machine outside sends to it from power-on, more than 500 packets a second: TCP, UDP and ICMP in both
families, fragments, source ports 53, 80 and 88, broadcast and multicast, and answers to nothing. A program
inside sends from the initial RAM disk on, and serves permitted and forbidden ports. The network comes up in the
initial RAM disk already, where not said otherwise. The judge is a capture outside: it sees every frame that leaves
the machine. The tables that say what is expected are in `tests/bootproof/judge.c` and `bootproof.sh`.

*Expected*: the rules until the service has taken over, then its own. `builtin` is the set inside `cordon-boot`,
`halt` is operational block, `none`: start-up lasts. *Forbidden*: packets that the policy of the service forbids
(answers / begun by the machine), until about 1.5 s before the service says that it has taken over, from then until 0.25 s
after it, and later: the last must be 0 / 0, the others too where start-up is block or builtin; `stateful` lets the machine begin what it likes, `open` (boot mode
permit) lets everything pass. *Permitted*: answers of the permitted port, in the same three parts. Times are seconds from
power-on. *Leases*: asked for / renewed. Where a scenario has several boots each is judged, and the figures are those of
the last.

TEXT
	echo "| scenario | mode | outcome | boots | expected | forbidden, start-up | at hand-over | after | permitted | first forbidden | first permitted | service took over | leases |"
	echo "|---|---|---|---|---|---|---|---|---|---|---|---|---|"
	for one in $all; do
		case $one in nftables* | plain*) ;; *) row "$one" ;; esac
	done
	cat <<'TEXT'

## Beside nftables.service

The same policy as `/etc/nftables.conf`, on the same machine: how long it is open.

| | open | forbidden answers |
|---|---|---|
TEXT
	echo "| no filter | $(gap plain-none) | $(answers plain-none) |"
	echo "| nftables.service, network in the initial RAM disk | $(gap nftables-none) | $(answers nftables-none) |"
	echo "| nftables.service, network by systemd-networkd | $(gap nftables-late-none) | $(answers nftables-late-none) |"
	echo "| nftables.service, one name that does not resolve | $(gap nftables-name-none) | $(answers nftables-name-none) |"
	echo "| Cordon, boot mode block, network in the initial RAM disk | $(gap healthy-block) | $(answers healthy-block) |"
	failed=$(grep -l '^outcome failed' "$results"/* 2>/dev/null || true)
	if [ -n "$failed" ]; then
		printf '\n## What was not as expected\n\n'
		for file in $failed; do
			echo "- $(basename "$file"): $(sed -n 's/^wrong //p' "$file" | sed -n '1,4p' | paste -sd ';' | sed 's/;/; /g')"
		done
	fi
	dates=$(sed -n 's/^date //p' "$results"/* | sort -u | sed -n '1p;$p' | uniq | paste -sd ' ' | sed 's/ / to /')
	rate=$(sed -n 's/^figure rate //p' "$results"/* | awk '$1 > 0' | sort -n | head -n 1)
	printf '\nRuns of %s; the slowest second of any of them had %s packets.\n' "$dates" "${rate:--}"
} >"$document.new"
mv "$document.new" "$document"
