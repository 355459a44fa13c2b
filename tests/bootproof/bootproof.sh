#!/bin/sh
# ./kit bootproof: a real Debian, booted in QEMU, under fire from power-on; the judge is a capture outside.
#   bootproof.sh [--short] [--document FILE] [SCENARIO[/MODE]…]      all of them when none is named
#   bootproof.sh --list
# Needs: BUILD, the folder of a release build; root.  Images, results and logs are kept in $CORDON_BOOTPROOF (the
# default is build/bootproof); BOOTPROOF_JOBS machines run at a time (2).  With --document all results that are there
# are written into FILE.  Exit code: 0 all as expected, 1 not, 2 usage, 3 something that is needed is not there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
BUILD=${BUILD:-$source/build/release}
cache=${CORDON_BOOTPROOF:-$source/build/bootproof}
cordon=$BUILD/apps/cordon
outside=$BUILD/tests/bootproof/bootproof_outside
inside=$BUILD/tests/bootproof/bootproof_inside
CORDON_PROFILES=$source/profiles
export CORDON_PROFILES
PATH=$PATH:/usr/sbin:/sbin

say() { printf '%s\n' "bootproof: $*"; }
die() { printf '%s\n' "bootproof: $*" >&2; exit 3; }

# SCENARIO|MODES|START-UP|FINAL|WHAT.  START-UP and FINAL are regimes of judge.c, "boot" the one of the mode, "none"
# that start-up lasts.  This is what DESIGN, meaning 6, asks for; the judge knows what each regime lets through.
scenarios='
healthy|permit block stateful|boot|secure|nothing is wrong
store-damaged|permit block stateful|boot|halt|the store is overwritten: the service ends in block
boot-damaged|permit block stateful|builtin|secure|the boot file is overwritten, in the initial RAM disk too: the set built into cordon-boot
boot-missing|permit block stateful|builtin|secure|the boot file is not there, nor in the initial RAM disk: the same
boot-gone|stateful|boot|secure|the boot file goes, and the initial RAM disk has it still
service-disabled|permit block stateful|boot|none|cordond is disabled: start-up lasts
service-killed|permit block stateful|boot|secure|cordond or a child of it is killed ten times
power-cut|permit block stateful|boot|secure|the power is cut at 20 random moments, while store and boot file change
rollback|permit block stateful|boot|secure|a change waits for its confirmation when the power is cut
quarantined|permit block stateful|boot|quarantine|the quarantine profile
late|stateful|boot|secure|as healthy, with no network in the initial RAM disk
no-netfilter|block|dark|none|a kernel without nftables: the network must not come up
plain|none|open|none|no filter at all: what the judge sees of an open machine
nftables|none|open|secure|the same policy by nftables.service, network in the initial RAM disk
nftables-late|none|open|secure|the same, network by systemd-networkd
nftables-name|none|open|none|the same with a name that does not resolve
'
row_of() { printf '%s\n' "$scenarios" | awk -F '|' -v name="$1" '$1 == name'; }
field_of() { row_of "$1" | cut -d '|' -f "$2"; }
regime_of_mode() { case $1 in permit | none) echo open ;; *) echo "$1" ;; esac; }

. "$here/image.sh"

random_below() { awk -v top="$1" -v number="$(od -An -N4 -tu4 /dev/urandom)" 'BEGIN { print number % top }'; }

# boot NAME OPTION…: one boot of the machine in $folder; its log goes to $log/NAME.
boot() {
	name=$1
	shift
	mkdir -p "$log/$name"
	append="root=/dev/vda rw console=ttyS0 quiet loglevel=3 panic=-1 net.ifnames=0 systemd.show_status=1"
	case $scenario in
	*late) ;;
	*) append="$append ip=dhcp bootproof.early" ;;
	esac
	"$outside" --tap bootproof --kernel "$folder/kernel" --initrd "$folder/initrd" --disk "$folder/disk" \
		--append "$append" --log "$log/$name" "$@" >"$log/$name/result" 2>&1
}

# What the boots of a scenario are.  $startup and $final are set.
run_boots() {
	case $scenario in
	power-cut)
		bad=0
		for cut in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
			# The machine is up after about half a minute; later is when it changes things.
			ms=$((1500 + $(random_below 73500)))
			boot "cut-$cut" --startup "$startup" --final "$final" --cut "$ms" || bad=1
		done
		boot last --startup "$startup" --final "$final" && return $bad
		;;
	rollback)
		boot pending --startup "$startup" --final pending --settle 60 --mark 'applied 0' || return 1
		boot last --startup "$startup" --final "$final"
		;;
	service-killed) boot last --startup "$startup" --final "$final" --settle 70 --renewal --mark 'killed 10' ;;
	healthy) boot last --startup "$startup" --final "$final" --settle 35 --renewal ;;
	no-netfilter) boot last --startup "$startup" --final none --lenient --mark 'no rules could be loaded' ;;
	*) boot last --startup "$startup" --final "$final" --settle 25 ;;
	esac
}

# One scenario in one mode, in namespaces that end with it: process, mount, network.
run_one() {
	scenario=$1 mode=$2
	folder=$cache/run/$scenario-$mode log=$cache/logs/$scenario-$mode
	startup=$(field_of "$scenario" 3) final=$(field_of "$scenario" 4)
	[ "$startup" != boot ] || startup=$(regime_of_mode "$mode")
	rm -rf "$folder" "$log"
	mkdir -p "$folder" "$log" "$cache/results"
	base_make
	begun=$(date +%s)
	# A process of its own: in a condition "set -e" does not count.
	if ! sh "$0" --image "$scenario" "$mode" "$folder" >"$log/image" 2>&1; then
		tail -n 20 "$log/image"
		say "$scenario/$mode: no image"
		code=1
	else
		ip link set lo up
		echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
		ip tuntap add mode tap name bootproof
		ip link set bootproof up
		code=0
		run_boots || code=$?
	fi
	[ $code -ne 130 ] || exit 130
	{
		echo "scenario $scenario"
		echo "mode $mode"
		echo "expected $startup $final"
		echo "boots $(find "$log" -name result | wc -l)"
		echo "seconds $(($(date +%s) - begun))"
		echo "date $(date -u +%Y-%m-%d)"
		[ $code -eq 0 ] && echo "outcome ok" || echo "outcome failed"
		[ -d "$log/last" ] || [ $code -eq 0 ] || find "$log" -name result -exec cat {} +
		cat "$log"/*/result | grep '^wrong' || true
		[ ! -f "$log/last/result" ] || cat "$log/last/result"
	} | awk '!seen[$0]++' >"$cache/results/$scenario-$mode.new"
	mv "$cache/results/$scenario-$mode.new" "$cache/results/$scenario-$mode"
	rm -rf "$folder"
	say "$scenario/$mode: $([ $code -eq 0 ] && echo as expected || echo NOT as expected) ($(($(date +%s) - begun)) s)"
	[ $code -eq 0 ] || sed -n 's/^wrong/  wrong/p' "$cache/results/$scenario-$mode"
	return $code
}

check_needs() {
	[ "$(id -u)" -eq 0 ] || die "needs root (network namespaces with a tap, debootstrap)"
	for program in qemu-system-x86_64 debootstrap mke2fs unshare setpriv flock ip cmake; do
		command -v "$program" >/dev/null || die "there is no $program"
	done
	[ -c /dev/net/tun ] || die "there is no /dev/net/tun"
	for program in "$cordon" "$outside" "$inside"; do
		[ -x "$program" ] || die "there is no $program"
	done
}

list() {
	printf '%s\n' "$scenarios" | awk -F '|' 'NF { n = split($2, mode, " "); for (i = 1; i <= n; i++) print $1 "/" mode[i] }'
}

short='healthy/block healthy/stateful boot-damaged/block'
wanted='' document=''
while [ $# -gt 0 ]; do
	case $1 in
	--image) scenario=$2; base_make; image_make "$3" "$4"; exit ;;
	--one) shift; run_one "$1" "$2"; exit ;;
	--list) list; exit ;;
	--short) wanted="$wanted $short" ;;
	--document) shift; document=$1 ;;
	-*) printf '%s\n' "bootproof: there is no option $1" >&2; exit 2 ;;
	*)
		found=$(list | grep -x -e "$1" -e "$1/.*") || { say "there is no scenario \"$1\"; ./kit bootproof --list" >&2; exit 2; }
		wanted="$wanted $found"
		;;
	esac
	shift
done
[ -n "$wanted" ] || wanted=$(list)
check_needs
mkdir -p "$cache"
# A second run at the same time would use the same folders.
exec 9>"$cache/lock"
flock -n 9 || die "another run is under way"
base_make
rm -rf "$cache/run"
mkdir "$cache/run"
trap 'rm -rf "$cache/run"' EXIT
trap 'exit 130' INT TERM HUP
status=0
# Whatever ends this shell ends all of it: each process dies with the one that started it, namespaces with theirs.
printf '%s\n' $wanted >"$cache/run/wanted"
setpriv --pdeathsig KILL xargs -a "$cache/run/wanted" -P "${BOOTPROOF_JOBS:-2}" -I '{}' sh -c '
	exec 9>&- setpriv --pdeathsig KILL unshare --mount --net --pid --fork --kill-child --mount-proc \
		sh "$0" --one "${1%/*}" "${1#*/}"' "$here/bootproof.sh" '{}' &
wait $! || status=1
[ -z "$document" ] || sh "$here/document.sh" "$cache/results" "$document" "$(list)"
exit $status
