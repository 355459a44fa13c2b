#!/bin/sh
# ./kit demo: a web server, locked down by an old Windows script, in network namespaces of its own; then real
# connections.  Exit 0 only when every line came out as expected.  Needs no root where the kernel lets users
# make namespaces (unshare -r), and leaves nothing behind, however it ends: everything lives in namespaces
# (process, mount, network) that go with their first process.
#   CORDON, PEER   the programs cordon and demo_peer
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cordon=${CORDON:-$here/../build/release/apps/cordon}
peer=${PEER:-$here/../build/release/demo/demo_peer}

skip() { echo "SKIPPED: $*"; exit 77; }

if [ -z "${DEMO_INSIDE:-}" ]; then
	for program in "$cordon" "$peer"; do
		[ -x "$program" ] || { echo "demo: there is no $program: ./kit demo builds it" >&2; exit 2; }
	done
	spaces='-mnpf --kill-child'
	[ "$(id -u)" -eq 0 ] || spaces="-r $spaces"
	# shellcheck disable=SC2086  # words on purpose
	unshare $spaces --mount-proc true 2>/dev/null && spaces="$spaces --mount-proc"
	# shellcheck disable=SC2086
	unshare $spaces true 2>/dev/null || skip "this kernel does not let $(id -un) make namespaces"
	[ -t 1 ] && color=yes || color=no
	# shellcheck disable=SC2086
	DEMO_INSIDE=1 DEMO_COLOR=$color setpriv --pdeathsig KILL unshare $spaces sh "$0" </dev/null &
	inside=$!
	# The rest dies with the first process of the process namespace, which dies with `unshare`.
	trap 'kill -KILL $inside 2>/dev/null; wait $inside 2>/dev/null || true; echo; echo "demo: stopped; nothing is left behind" >&2; exit 130' INT TERM HUP
	status=0
	wait $inside || status=$?
	exit $status
fi

# ---- inside: nobody sees what is mounted and made from here on
mount -t tmpfs tmpfs /run
work=/run/demo
mkdir "$work" /run/netns
server=192.0.2.10 inside=10.1.2.3 outside=203.0.113.9 web=198.51.100.80 dns=10.0.0.53
. "$here/resolv.sh"
resolv_own "$work" $dns
export CORDON_STORE="$work/store.db"
unset CORDON PEER

if [ "${DEMO_COLOR:-no}" = yes ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$(printf '\033[1m') good=$(printf '\033[32m') bad=$(printf '\033[31m') plain=$(printf '\033[0m')
else
	bold='' good='' bad='' plain=''
fi
wrong=0
lines=0
title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
# verdict TRUE-OR-FALSE: ends a line of a table, and counts it.
verdict() {
	lines=$((lines + 1))
	if [ "$1" = true ]; then
		printf '%sok%s\n' "$good" "$plain"
	else
		printf '%sWRONG%s\n' "$bad" "$plain"
		wrong=$((wrong + 1))
	fi
}
on() { host=$1; shift; nsenter --net="/run/netns/$host" "$@"; }

# run WORDS…: a cordon command on the server, shown with what it says.
run() {
	printf '  %s$ cordon' "$bold"
	for word; do
		case $word in
		*[\ \>]*) printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
	printf '%s\n' "$plain"
	status=0
	on server "$cordon" "$@" >"$work/said" 2>&1 || status=$?
	sed 's/^/    /' "$work/said"
	[ $status -eq 0 ] || { printf '    exit code %s: ' $status; verdict false; }
}

# ---- the network: the server, and four others that each have a cable to it
cable() {
	ip netns add "$1"
	ip -n "$1" link set lo up
	ip -n server link add "to-$1" type veth peer name eth0 netns "$1"
	ip -n server addr add "$server/32" peer "$2/32" dev "to-$1"
	ip -n "$1" addr add "$2/32" peer "$server/32" dev eth0
	ip -n server link set "to-$1" up
	ip -n "$1" link set eth0 up
}
listen() {
	host=$1
	shift
	on "$host" "$peer" listen "$@" >"$work/listening-$host" &
}
ip netns add server
ip -n server link set lo up
cable inside $inside
cable outside $outside
cable dns $dns
cable web $web
listen server tcp:80 tcp:443 tcp:21 tcp:3389 tcp:445 udp:1434
listen dns udp:53 tcp:53
listen web tcp:80 tcp:443 tcp:25 tcp:8080 udp:53
listen inside tcp:3389
for host in server dns web inside; do
	tries=0
	until grep -q ready "$work/listening-$host"; do
		tries=$((tries + 1))
		[ $tries -lt 100 ] || { echo "demo: the listener of $host does not start" >&2; exit 3; }
		sleep 0.05
	done
done

address_of() { eval "printf '%s' \"\$$1\""; }
# connections: reads lines FROM TO PROTOCOL PORT SOURCE-PORT EXPECTED WHAT, tries all of them at once, and prints the
# table; the last column is what `cordon explain` says of the same packet.
connections() {
	count=0
	while read -r from to protocol port srcport expected what; do
		count=$((count + 1))
		echo "$from $to $protocol $port $srcport $expected $what" >"$work/row-$count"
		on "$from" "$peer" try "$protocol" "$(address_of "$to")" "$port" "$srcport" 1000 >"$work/got-$count" &
		eval "try_$count=$!"
	done
	printf '  %-8s %-38s %-9s %-7s %-60s\n' who what expected got 'by which filter (cordon explain)'
	row=0
	while [ $row -lt $count ]; do
		row=$((row + 1))
		read -r from to protocol port srcport expected what <"$work/row-$row"
		eval "wait \$try_$row" || true
		got=$(cat "$work/got-$row")
		if [ "$judged" = yes ]; then
			packet="$protocol $(address_of "$from"):$srcport > $(address_of "$to"):$port"
			on server "$cordon" explain "--file" - >"$work/why" 2>&1 <<END
$packet
END
			IFS='	' read -r decision _ rule _ number _ <"$work/why" || true
			why="$decision: $rule"
			[ "$number" = - ] || why="$why, filter $number"
		else
			decision=permit why='no rules in force'
		fi
		[ "$expected" = open ] && wanted=permit || wanted=block
		printf '  %-8s %-38s %-9s %-7s %-60s ' "$from" "$what" "$expected" "$got" "$why"
		if [ "$got" = "$expected" ] && [ "$decision" = $wanted ]; then verdict true; else verdict false; fi
	done
}

title "1. A server at $server; clients: inside $inside, outside $outside; also a name server $dns and a web site $web"
echo '  Nothing is filtered yet.'
judged=no
connections <<END
outside server tcp 3389 40000 open tcp to 3389 (Terminal Services)
END

title '2. A lock-down script of 2003 (demo/lockdown.cmd), run as it is, and what it would change'
cd "$here/.."
run netsh -f demo/lockdown.cmd
run apply --dry-run

title '3. Applied, and ten connections tried'
run apply
judged=yes
connections <<END
outside server tcp 80 40001 open tcp to 80 (web)
outside server tcp 443 40002 open tcp to 443 (web)
inside server tcp 80 40003 open tcp to 80 (web)
inside server tcp 21 40004 open tcp to 21 (FTP)
outside server tcp 21 40005 closed tcp to 21 (FTP)
inside server tcp 3389 40006 open tcp to 3389 (Terminal Services)
outside server tcp 3389 40007 closed tcp to 3389 (Terminal Services)
outside server tcp 445 40008 closed tcp to 445 (file sharing)
inside server udp 1434 40009 closed udp to 1434 (SQL, Slammer's port)
outside server tcp 3389 80 open tcp to 3389 FROM PORT 80
END
echo '  The last one is open because the script says "me -> any, port 80" with its mirror, and the mirror lets in whatever'
echo '  comes from port 80.  Windows keeps no state here; the warning "mirror-open" above says so.'

title '4. What the server itself may reach: name servers and the web'
connections <<END
server dns udp 53 40010 open udp to 53 (its name server)
server dns tcp 53 40011 open tcp to 53 (its name server)
server web tcp 80 40012 open tcp to 80 (web)
server web tcp 443 40013 open tcp to 443 (web)
server web tcp 25 40014 closed tcp to 25 (mail)
server web tcp 8080 40015 closed tcp to 8080
server web udp 53 40016 closed udp to 53 (a name server not its own)
server inside tcp 3389 40017 closed tcp to 3389 (Terminal Services)
END

title '5. Why one of them was dropped'
run explain "tcp $outside:40007 > $server:3389"

title '6. The same lock-down as a profile whose answers must be answers (iis-standalone), and that one again'
run load iis-standalone --location local --set internal=10.0.0.0/8 --assign
run apply
connections <<END
outside server tcp 3389 80 closed tcp to 3389 FROM PORT 80
outside server tcp 80 40018 open tcp to 80 (web)
inside server tcp 3389 40019 open tcp to 3389 (Terminal Services)
server web tcp 80 40020 open tcp to 80 (web)
server dns udp 53 40021 open udp to 53 (its name server)
server web tcp 25 40022 closed tcp to 25 (mail)
END
run status

title '7. Lifted'
run lift
judged=no
connections <<END
outside server tcp 3389 40023 open tcp to 3389 (Terminal Services)
END

echo
if [ $wrong -eq 0 ]; then
	echo "All $lines lines came out as expected.  The namespaces, and all in them, go now."
	exit 0
fi
echo "$wrong of $lines lines did not come out as expected."
exit 1
