#!/bin/sh
# A host that is quarantined in one command, with real servers around it, in namespaces of this test alone: an agent's
# server over https (openssl s_server), name servers, a DHCP server, others.  The promises of docs/quarantine.md are named
# after what other tools get wrong.
if [ -z "${CORDON_ALONE:-}" ]; then
	[ "$(id -u)" -eq 0 ] && alone="-mnpf --mount-proc --kill-child" || alone="-rmnpf --mount-proc --kill-child"
	# shellcheck disable=SC2086
	unshare $alone true 2>/dev/null || { echo "1..0 # SKIP SKIPPED: no namespaces can be made"; exit 77; }
	# shellcheck disable=SC2086
	CORDON_ALONE=1 exec unshare $alone sh "$0" "$@"
fi
for folder in /run /var/log /var/lib; do
	mount -t tmpfs none $folder || { echo "1..0 # SKIP SKIPPED: $folder cannot be covered"; exit 77; }
done
[ ! -d /etc/cordon ] || mount -t tmpfs none /etc/cordon
. "$2/tests/integration/tap.sh"
peer=$tap_programs/../tests/integration/integration_peer
nft list ruleset >/dev/null 2>&1 || skip_all "nft (package nftables) is not there, or there is no network namespace"
for tool in ip nsenter openssl mkfifo; do
	command -v $tool >/dev/null || skip_all "$tool is not there (packages iproute2, util-linux, openssl, coreutils)"
done
unset SSH_CONNECTION https_proxy HTTPS_PROXY ALL_PROXY

# --- the network: this host on end0, all others behind end1 ---
ip link set lo up && ip link add end0 type veth peer name end1 || skip_all "no interface can be made here"
unshare -n sleep 300 &
other=$!
until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
there() { nsenter -t $other -n "$@"; }
ip link set end1 netns $other && there ip link set end1 up && there ip link set lo up || skip_all "no second namespace"
for address in 192.0.2.1/24 192.0.2.53/24 192.0.2.67/24 203.0.113.5/32 203.0.113.9/32; do there ip address add $address dev end1; done
for address in 2001:db8::5/64 2001:db8::9/64; do there ip address add $address dev end1 nodad; done
ip address add 192.0.2.10/24 dev end0 && ip address add 2001:db8::10/64 dev end0 nodad && ip link set end0 up &&
	ip route add default via 192.0.2.1 || skip_all "no address can be given"
cover() { # FILE TEXT: it stands in its place
	cover_name=cover.${1##*/}
	printf '%s\n' "$2" > "$cover_name" && mount --bind "$cover_name" "$(readlink -f "$1")" || skip_all "$1 cannot be covered"
}
cover /etc/resolv.conf "nameserver 192.0.2.53
options timeout:1 attempts:1"
cover /etc/hosts "127.0.0.1 localhost"
cover /etc/nsswitch.conf "passwd: files
hosts: files dns"
mkdir -p /var/lib/dhcp
cat > /var/lib/dhcp/dhclient.end0.leases <<'LEASE'
lease {
  interface "end0";
  fixed-address 192.0.2.10;
  option dhcp-server-identifier 192.0.2.67;
  expire never;
}
LEASE

# --- certificates ---
authority() { # NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.pem" -subj "/CN=$1" -days 30 2>>openssl.log
}
certificate() { # NAME AUTHORITY SUBJECTALTNAME
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1" 2>>openssl.log &&
		echo "subjectAltName=$3" > "$1.ext" &&
		openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 30 -extfile "$1.ext" -out "$1.pem" 2>>openssl.log
}
authority own && authority foreign && certificate good own "DNS:vr.example.com,IP:203.0.113.5,IP:2001:db8::5" &&
	certificate stray foreign "DNS:vr.example.com,IP:203.0.113.5" && certificate named own "DNS:VelociraptorServer"
ok "certificates for the test"

# --- servers ---
started() { # WORDS…: over there, until it says that it is ready
	started_count=$((started_count + 1))
	there "$peer" "$@" >"ready$started_count" 2>>peer.log </dev/null &
	started_last=$!
	until grep -q -s ready "ready$started_count"; do kill -0 $started_last 2>/dev/null || return 1; sleep 0.02; done
}
started_count=0
here() { # the same on this host
	started_count=$((started_count + 1))
	"$peer" "$@" >"ready$started_count" 2>>peer.log </dev/null &
	started_last=$!
	until grep -q -s ready "ready$started_count"; do kill -0 $started_last 2>/dev/null || return 1; sleep 0.02; done
}
mkdir web web404
printf 'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nthe server\n' > web/server.pem
printf 'HTTP/1.0 404 Not Found\r\n\r\n' > web404/server.pem
web() { # FOLDER ADDRESS:PORT CERTIFICATE
	(cd "$1" && exec nsenter -t $other -n openssl s_server -accept "$2" -cert "../$3.pem" -key "../$3.key" -HTTP -quiet >>../web.log 2>&1 </dev/null) &
	for tap_try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		there ss -Hltn 2>/dev/null | grep -q -F "$2" && return 0
		sleep 0.1
	done
	return 1
}
web web 203.0.113.5:8000 good && web web "[2001:db8::5]:8000" good && web web 203.0.113.5:8001 stray && web web 203.0.113.5:8002 named &&
	web web404 203.0.113.5:8004 good
ok "https servers"
started dns 192.0.2.53 vr.example.com=203.0.113.5 two.example.com=203.0.113.5 two.example.com=2001:db8::5 && started dns 203.0.113.9 evil.example.com=203.0.113.9 &&
	started udp 192.0.2.67 67 68 && started udp 203.0.113.9 67 && started tcp 203.0.113.9 80 && started tcp 2001:db8::9 80 &&
	here tcp 127.0.0.1 8080 && here tcp ::1 8080 && here tcp 192.0.2.10 22 && here tcp 192.0.2.10 25 && here tcp 2001:db8::10 22 && here udp 192.0.2.10 137
ok "the other servers"

yaml() { # URLS [LINES…]: a client's configuration
	printf 'version:\n  name: velociraptor\nClient:\n  server_urls:\n'
	for yaml_url in $1; do printf '  - %s\n' "$yaml_url"; done
	shift
	[ $# -eq 0 ] || printf '  %s\n' "$@"
	printf '  nonce: 9qtMwzVB7SA=\n'
}
ca() { printf '  ca_certificate: |\n'; sed 's/^/    /' "$1.pem"; }
{ yaml "https://vr.example.com:8000/"; ca own; } > client.yaml

bare() { nft list table inet cordon 2>/dev/null | sed 's/packets [0-9]* bytes [0-9]*//; s/\<g[0-9]*_/g_/g; s/generation [0-9]*//' | sort; }
elsewhere() { # another session, as from another terminal
	tap_command="cordon $* (another session)"
	setsid -w "$cordon" "$@" >out 2>err </dev/null
	code=$?
}
stored() { "$cordon" show all --json 2>/dev/null; }
mark() { # how it is now
	marked=$(stored)
	bare > marked.bare
}
no() { # COMMAND…: was asked, and there was no answer in half a second (what answers does so in a millisecond)
	(
		export PEER_MS=500
		"$@"
	)
	[ $? -eq 1 ]
}
# What was refused, or taken back, has changed nothing since `mark`.
unchanged() { # NAME CODE TEXT COMMAND…
	unchanged_name=$1 unchanged_code=$2 unchanged_text=$3
	shift 3
	run "$@"
	is_code "$unchanged_code"; ok "$unchanged_name: exit code $unchanged_code"
	err_has "$unchanged_text"; ok "$unchanged_name: it says: $unchanged_text"
	[ "$marked" = "$(stored)" ] && bare | cmp -s - marked.bare
	ok "$unchanged_name: store and kernel are as before"
}

# --- before: everything works ---
"$peer" ask tcp 203.0.113.9 80 && there "$peer" ask tcp 192.0.2.10 22 && there "$peer" ask udp 192.0.2.10 137 53 &&
	there "$peer" ask tcp 192.0.2.10 22 53 192.0.2.1 && there "$peer" ask tcp 192.0.2.10 25 80 192.0.2.1 && "$peer" ask tcp 2001:db8::9 80 && there "$peer" ask tcp 2001:db8::10 22 && "$peer" ask udp 192.0.2.67 67 68
ok "without a quarantine everybody reaches everybody"
is_tracked() { grep -q "ESTABLISHED.*dst=203.0.113.9 .*dport=80 " /proc/net/nf_conntrack 2>/dev/null; }
nft -f - <<'NFT'
table inet track { chain input { type filter hook input priority 0; ct state new counter; }; }
NFT
mkfifo session.in
"$peer" hold 203.0.113.9 80 <session.in >session.out &
exec 9>session.in
until grep -q -s ready session.out; do sleep 0.02; done
echo one >&9
until grep -q yes session.out; do sleep 0.02; done
[ "$(tail -n 1 session.out)" = yes ]; ok "a session to somebody lives"
is_tracked && tracked=yes || tracked=no

# --- what is refused before anything is applied ---
mark
{ yaml "https://no-such-name.example.com/"; } > unresolvable.yaml
unchanged "unresolvable name" 2 'the name "no-such-name.example.com" does not resolve' apply quarantine --agent unresolvable.yaml
[ -z "$(bare)" ]; ok "unresolvable name: nothing is in force"
"$peer" ask tcp 203.0.113.9 80; ok "unresolvable name: the network is as it was"
{ yaml "http://vr.example.com:8000/"; } > plain.yaml
unchanged "plain http" 2 "plain.yaml:5:5: error: \"http://vr.example.com:8000/\": plain http is not accepted" apply quarantine --agent plain.yaml
printf 'Frontend:\n  x: 1\n' > server.yaml
unchanged "not a client configuration" 2 "server.yaml:1:1: error: this is no Velociraptor client configuration" apply quarantine --agent server.yaml
printf 'Client:\n  a: &x 1\n  b: *x\n' > alias.yaml
unchanged "anchors" 2 "alias.yaml:2:6: error: anchors and aliases" apply quarantine --agent alias.yaml
{ yaml "https://vr.example.com:8000/"; printf '  ca_certificate: hello\n'; } > noca.yaml
unchanged "an authority that is none" 2 "no certificate" apply quarantine --agent noca.yaml
unchanged "a configuration that is not there" 2 "missing.yaml" apply quarantine --agent missing.yaml
unchanged "--agent and --set server" 2 "leave --set server=" apply quarantine --agent client.yaml --set server=203.0.113.5
unchanged "a probe without a port" 2 "a port is missing" apply quarantine --agent client.yaml --probe vr.example.com
unchanged "a probe over http" 2 "plain http" apply quarantine --agent client.yaml --probe http://vr.example.com/
unchanged "a probe whose name does not resolve" 2 "does not resolve" apply quarantine --agent client.yaml --probe no-such-name.example.com:443
unchanged "a probe that the policy cuts" 2 'the policy blocks it: 203.0.113.9: rule "block the rest" of policy "quarantine"' \
	apply quarantine --agent client.yaml --probe 203.0.113.9:80
unchanged "a probe with a name server that the policy cuts" 2 "its name needs a name server, and the policy cuts all that this host has (192.0.2.53: rule" \
	apply block-all --allow 'tcp me > 203.0.113.5:8000' --probe vr.example.com:8000
unchanged "--forbid of what is permitted" 2 'the policy permits it (203.0.113.5): rule "agent"' apply quarantine --agent client.yaml --forbid 203.0.113.5:8000
unchanged "--forbid with a URL" 2 "write HOST:PORT" apply quarantine --agent client.yaml --forbid https://203.0.113.9/
unchanged "--forbid with --observe" 2 "drops nothing" apply quarantine --agent client.yaml --forbid 203.0.113.9:80 --observe
unchanged "--cacert without a use" 2 "--cacert goes with" apply quarantine --set server=203.0.113.5 --set port=8000 --cacert own.pem
unchanged "--cacert that is none" 2 "openssl.log:1:1: error: it holds no certificate" apply quarantine --agent client.yaml --cacert openssl.log
unchanged "--allow that is no packet" 2 "--allow:1:" apply quarantine --agent client.yaml --allow 'tcp me 203.0.113.5:443'
unchanged "--allow of others" 2 'one side must be `me`' apply quarantine --agent client.yaml --allow 'forward tcp 203.0.113.5:1 > 203.0.113.9:443'
unchanged "--allow with a type" 2 "no ICMP type" apply quarantine --agent client.yaml --allow 'icmp:8 me > 203.0.113.5'
unchanged "--name that is empty" 2 "it is empty" apply quarantine --agent client.yaml --name ''
unchanged "--name with a control character" 2 "control character" apply quarantine --agent client.yaml --name "$(printf 'a\tb')"
unchanged "--notify that is not UTF-8" 2 "not UTF-8" apply quarantine --agent client.yaml --notify "$(printf 'a\377')"
printf 'Action,SrcAddr,DstAddr\nAllow,me,any\n' > bad.csv
unchanged "a rule table" 2 'bad.csv:2:1: error: Action is "Allow": write Permit or Block' apply quarantine --agent client.yaml --rules bad.csv

# --- the quarantine ---
run apply quarantine --agent client.yaml --name case-17 --confirm 120 --notify "this host is contained" --forbid 203.0.113.9:80 --probe vr.example.com:8000
is_code 0; ok "apply quarantine --agent"
out_has "https://vr.example.com:8000/server.pem: 200"; ok "the server was asked as its artifact does"
out_has "tcp 203.0.113.9:80: no answer within 3000 ms"; ok "what is forbidden was tried"
out_has 'policy "case-17"'; ok "it has the name of the case"
err_has "nobody is logged in"; ok "--notify found nobody"
elsewhere confirm
is_code 0; ok "confirmed from elsewhere"
run show history
out_has "apply --agent client.yaml --confirm 120" || out_has "--name case-17"; ok "history has the command line"
run show filterlist "case-17: quarantine agent"
out_has "vr.example.com"; ok "server given by name: the filter keeps the name"
out_has "203.0.113.5"; ok "server given by name: and has its address"

[ "$("$peer" resolve udp 192.0.2.53 vr.example.com)" = 203.0.113.5 ]; ok "UDP DNS works"
[ "$("$peer" resolve tcp 192.0.2.53 vr.example.com)" = 203.0.113.5 ]; ok "TCP DNS works"
no "$peer" resolve udp 203.0.113.9 evil.example.com; ok "DNS only to the host's own servers (UDP)"
no "$peer" resolve tcp 203.0.113.9 evil.example.com; ok "DNS only to the host's own servers (TCP)"
"$peer" ask udp 192.0.2.67 67 68; ok "DHCP renewal works"
no "$peer" ask udp 203.0.113.9 67 68; ok "DHCP only to the server of the lease"
"$peer" ask tcp 127.0.0.1 8080 && "$peer" ask tcp ::1 8080; ok "localhost is untouched"
"$peer" ask tcp 192.0.2.10 22; ok "and what the host sends to its own address"
no there "$peer" ask udp 192.0.2.10 137 53; ok "source port 53 opens nothing (UDP)"
no there "$peer" ask tcp 192.0.2.10 22 53 192.0.2.1; ok "source port 53 opens nothing (TCP)"
no there "$peer" ask tcp 192.0.2.10 22; ok "nobody comes in"
no there "$peer" ask tcp 2001:db8::10 22; ok "IPv6 is contained: nobody comes in"
no "$peer" ask tcp 2001:db8::9 80; ok "IPv6 is contained: nothing goes out"
no "$peer" ask tcp 203.0.113.9 80; ok "nothing goes out"
echo two >&9
until [ "$(wc -l < session.out)" -ge 3 ]; do sleep 0.05; done
[ "$(tail -n 1 session.out)" = no ]; ok "a live session to somebody else is cut"
if [ "$tracked" = yes ]; then
	no is_tracked; ok "and its connection is not tracked any more"
else
	skip "and its connection is not tracked any more" "/proc/net/nf_conntrack does not show it here"
fi
exec 9>&-
run config get bootmode
out_has block; ok "blocked at the next boot too: boot mode"
run explain --mode boot 'in udp 203.0.113.9:53 > me:137' 'in tcp 203.0.113.9:51000 > me:22' 'out tcp me:40000 > 203.0.113.9:80'
[ "$(grep -c block out)" -eq 3 ] || [ "$(grep -c '^block' out)" -eq 3 ]; ok "blocked at the next boot too: explain --mode boot"

# --- again, under a flood from source port 53 ---
here count 192.0.2.10 9999 counted
started flood 192.0.2.10 9999 53
flooder=$started_last
times=0
while [ $times -lt 5 ] && "$cordon" apply quarantine --agent client.yaml --name case-17 >out 2>err; do times=$((times + 1)); done
kill $flooder
[ $times -eq 5 ]; ok "re-apply without a window: 5 times (20 of them: integration.quarantine)"
[ ! -e counted ]; ok "re-apply without a window: none of what was forbidden came ($(cat counted 2>/dev/null || echo 0))"
run show policy all
out_has "No. of policies         : 1"; ok "re-applied, the case is one policy still"
no there "$peer" ask tcp 192.0.2.10 22; ok "and it holds"

# --- what does not work takes all of it back ---
mark
{ yaml "https://vr.example.com:8001/"; ca own; } > stray.yaml
unchanged "a certificate of another authority" 1 "https://vr.example.com:8001/server.pem" apply quarantine --agent stray.yaml --name case-17
{ yaml "https://vr.example.com:8002/"; ca own; } > named.yaml
unchanged "a certificate for another host" 1 "vr.example.com:8002/server.pem" apply quarantine --agent named.yaml --name case-17
{ yaml "https://vr.example.com:8004/"; ca own; } > gone.yaml
unchanged "an answer that is not 200" 1 "404 in" apply quarantine --agent gone.yaml --name case-17
{ yaml "https://vr.example.com:8009/"; ca own; } > nobody.yaml
unchanged "nobody listens" 1 "8009" apply quarantine --agent nobody.yaml --name case-17
unchanged "a probe of another authority" 1 "8001" apply quarantine --agent client.yaml --allow 'tcp me > 203.0.113.5:8001' --probe https://203.0.113.5:8001/server.pem --cacert own.pem
unchanged "a probe of a private authority, without it" 1 "8002" apply quarantine --agent client.yaml --allow 'tcp me > 203.0.113.5:8002' --probe https://203.0.113.5:8002/server.pem
# What the policy blocks works all the same when something else turns it round behind its back: here a route.
here tcp 0.0.0.0 80
ip route add local 203.0.113.9 dev lo
unchanged "what must not work and does" 1 "what must not work has worked: tcp 203.0.113.9:80: connected" apply quarantine --agent client.yaml --forbid 203.0.113.9:80
ip route del local 203.0.113.9 dev lo table local

# --- what does ---
run apply quarantine --agent named.yaml --name case-17
is_code 1; ok "the other name again"
{ yaml "https://vr.example.com:8002/" "use_self_signed_ssl: true"; ca own; } > pinned.yaml
run apply quarantine --agent pinned.yaml --name case-17
is_code 0; ok "a self-signed server has the name VelociraptorServer"
{ yaml "https://vr.example.com:8009/ wss://vr.example.com:8000/"; ca own; } > either.yaml
run apply quarantine --agent either.yaml --name case-17
is_code 0; ok "one of the servers is enough"
no "$peer" ask tcp 203.0.113.5 8001; ok "and no port but theirs is open"
{ yaml "https://two.example.com:8000/ https://[2001:db8::5]:8000/"; ca own; } > two.yaml
run apply quarantine --agent two.yaml --name case-17
is_code 0; ok "both families"
out_has "https://[2001:db8::5]:8000/server.pem: 200"; ok "an IPv6 literal is asked"
run show filterlist "case-17: quarantine agent"
out_has "2001:db8::5"; ok "all addresses of a name are permitted"
run apply quarantine --agent client.yaml --allow 'tcp me > 203.0.113.5:8002' --probe https://203.0.113.5:8002/server.pem --cacert own.pem
is_code 0; ok "--cacert: any certificate of that authority"
out_has "8002/server.pem: 200"; ok "--cacert: it was asked"
printf '\357\273\277Action,SrcAddr,SrcMask,SrcPort,DstAddr,DstMask,DstPort,Protocol,Mirrored,Description\r\npermit,me,,0,any,,80,TCP,yes,"web, ""for now"""\r\nBlock,me,,0,203.0.113.9,,80,tcp,yes,\r\n' > rules.csv
run apply quarantine --agent client.yaml --rules rules.csv --allow 'tcp 192.0.2.1 > me:22' --name case-18
is_code 0; ok "--rules and --allow"
there "$peer" ask tcp 192.0.2.10 22; ok "--allow lets in whom it names"
no "$peer" ask tcp 203.0.113.9 80; ok "--rules: a more specific block wins"
no there "$peer" ask tcp 192.0.2.10 25 80 192.0.2.1 && no there "$peer" ask udp 192.0.2.10 137 80; ok "--rules: source port 80 opens nothing"
run lint
run apply quarantine --agent client.yaml --name case-18
is_code 0; ok "without them again"
no there "$peer" ask tcp 192.0.2.10 22; ok "what was allowed before is not any more"
run apply quarantine --agent client.yaml --notify "$(printf 'x%.0s' 1 2 3 4 5 6 7 8 9 10)$(printf '%0300d' 0)"
is_code 0 && err_has "longer than 256 characters: it is cut"; ok "--notify is cut with a warning"
run apply quarantine --agent client.yaml --name block-all
is_code 0; ok "a name that no policy has"
"$cordon" load web-server >out 2>err
run apply quarantine --agent client.yaml --name web-server
is_code 2 && err_has "another policy of that name"; ok "a name that another policy has is refused"
kill $other
finish
