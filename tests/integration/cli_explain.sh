#!/bin/sh
# explain: the exact form of its lines, names, exemptions, and many packets from a file.
. "$2/tests/integration/tap.sh"
fixtures=$tap_source/tests/integration/fixtures
cat > host.json <<'END'
{"addresses": ["192.0.2.10/24", "2001:db8::10/64"], "dns": ["192.0.2.53"], "gateway": ["192.0.2.1"]}
END
"$cordon" netsh -f "$fixtures/lockdown.cmd" >out 2>err
code=$?
is_code 0; ok "the policy is in"
tab=$(printf '\t')

# PACKET VERDICT POLICY RULE FILTERLIST NUMBER [PACKET AS PRINTED]
line() {
	printf '%s\n' "$1" > packet
	run explain --host host.json --file packet
	printf '%s\t%s\t%s\t%s\t%s\n' "$2" "$3" "$4" "$5" "$6" > expected
	is_code 0 && cut -f 1-5 out | cmp -s - expected && [ "$(wc -l < out)" -eq 1 ] && [ "$(awk -F '\t' '{ print NF }' out)" -eq 6 ]
	ok "$1: $2 by $4"
	cut -f 6 out > canonical
	run explain --host host.json --file canonical
	is_code 0 && cut -f 6 out | cmp -s - canonical; ok "$1: what it prints is a packet"
}
p=Lock-down
line "tcp 203.0.113.9:51000 > me:80" permit $p Web Web 1
line "tcp 203.0.113.9:51000 > me:443" permit $p Web Web 2
line "tcp 203.0.113.9:51000 > me:3389" block $p "Drop the rest" Everything 1
line "tcp 10.1.2.3:51000 > me:3389" permit $p Administration Administration 2
line "tcp 203.0.113.80:80 > me:3389" permit $p Updates Updates 1
line "udp me:40000 > 192.0.2.53:53" permit $p "Name servers" "Name servers" 1
line "udp me:40000 > 203.0.113.53:53" block $p "Drop the rest" Everything 1
line "icmp:8 10.0.0.1 > me" block $p "Drop the rest" Everything 1
line "47 10.0.0.1 > me" block $p "Drop the rest" Everything 1
line "in frag tcp 203.0.113.9:51000 > me:80" permit $p Web Web 1
line "tcp [2001:db8:9::9]:51000 > me:443" permit $p Web Web 2
line "udp [2001:db8::5]:5353 > [ff02::fb]:5353" block $p "Drop the rest" Everything 1
line "icmp:135 fe80::1 > ff02::1:ff00:10" permit - nd - -
line "udp 203.0.113.9:500 > me:500" permit - ike - -
line "in tcp 127.0.0.1:40000 > 127.0.0.1:3389" permit - loopback - -
line "forward tcp 203.0.113.9:51000 > 198.51.100.7:80" block $p "Drop the rest" Everything 1
"$cordon" config set ipsecexempt=0 >/dev/null 2>&1
line "tcp 203.0.113.9:88 > me:3389" permit - kerberos - -
line "46 203.0.113.9 > me" permit - rsvp - -
line "in udp 192.0.2.77:138 > 192.0.2.255:138" permit - broadcast - -
line "in udp 192.0.2.77:5353 > 224.0.0.251:5353" permit - multicast - -
"$cordon" config set ipsecexempt=3 >/dev/null 2>&1
printf 'tcp 203.0.113.9:51000 > me:25\n' > packet
run explain --mode permit --host host.json --file packet
cut -f 1-5 out > got; printf 'permit\t-\t-\t-\t-\n' | cmp -s - got; ok "mode permit: everything passes"

# Start-up: MODE PACKET VERDICT RULE, by the same settings whatever this machine starts.
mode_line() {
	printf '%s\n' "$2" > packet
	run explain --mode "$1" --host host.json --file packet
	printf '%s\t-\t%s\t-\t-\n' "$3" "$4" > expected
	is_code 0 && cut -f 1-5 out | cmp -s - expected && [ "$(wc -l < out)" -eq 1 ] && [ ! -s err ]
	ok "mode $1: $2: $3 by $4"
}
"$cordon" config set bootmode=block "bootexemptions=tcp:0:3389:inbound ICMP:inbound udp:0:53:outbound 47:inbound" >/dev/null 2>&1
b=boot:TCP:0:3389:inbound
mode_line boot "tcp 203.0.113.9:51000 > me:3389" permit $b
mode_line boot "tcp [2001:db8:9::9]:51000 > [2001:db8::10]:3389" permit $b
mode_line boot "reply tcp me:3389 > 203.0.113.9:51000" permit $b
mode_line boot "tcp me:3389 > 203.0.113.9:51000" block -
mode_line boot "tcp 203.0.113.9:3389 > me:51000" block -
mode_line boot "tcp 203.0.113.9:51000 > me:80" block -
mode_line boot "icmp:8 203.0.113.9 > me" permit boot:ICMP:inbound
mode_line boot "icmp:128 2001:db8:9::9 > 2001:db8::10" permit boot:ICMP:inbound
mode_line boot "reply icmp:0 me > 203.0.113.9" permit boot:ICMP:inbound
mode_line boot "icmp:8 me > 203.0.113.9" block -
mode_line boot "47 203.0.113.9 > me" permit boot:47:inbound
mode_line boot "udp me:40000 > 192.0.2.53:53" permit boot:UDP:0:53:outbound
mode_line boot "reply udp 192.0.2.53:53 > me:40000" permit boot:UDP:0:53:outbound
mode_line boot "udp 192.0.2.53:53 > me:40000" block -
mode_line boot "out udp 0.0.0.0:68 > 255.255.255.255:67" permit dhcp
mode_line boot "in udp 192.0.2.1:67 > 255.255.255.255:68" permit dhcp
mode_line boot "udp [2001:db8::10]:546 > [ff02::1:2]:547" permit dhcp
mode_line boot "in udp [fe80::1]:547 > [2001:db8::10]:546" permit dhcp
mode_line boot "icmp:135 fe80::1 > ff02::1:ff00:10" permit nd
mode_line boot "in tcp 127.0.0.1:40000 > 127.0.0.1:3389" permit loopback
mode_line boot "udp 203.0.113.9:500 > me:500" block -
mode_line boot "forward tcp 203.0.113.9:51000 > 198.51.100.7:3389" block -
mode_line block "tcp 203.0.113.9:51000 > me:3389" block -
mode_line block "in udp 192.0.2.1:67 > 255.255.255.255:68" block -
mode_line block "icmp:135 fe80::1 > ff02::1:ff00:10" permit nd
"$cordon" config set bootmode=stateful >/dev/null 2>&1
mode_line boot "tcp me:40000 > 203.0.113.80:80" permit outbound
mode_line boot "reply tcp 203.0.113.80:80 > me:40000" permit reply
mode_line boot "tcp 203.0.113.80:80 > me:40000" block -
mode_line boot "tcp 203.0.113.9:51000 > me:3389" permit $b
mode_line boot "in udp 192.0.2.77:138 > 192.0.2.255:138" block -
mode_line boot "forward tcp 203.0.113.9:51000 > 198.51.100.7:80" block -
run explain --mode boot --host host.json "reply tcp 203.0.113.80:80 > me:40000"
out_has "exempt: reply"; ok "mode boot in words"
run --json explain --mode boot --host host.json "tcp 203.0.113.9:51000 > me:3389"
is_code 0 && out_has "\"$b\""; ok "mode boot with --json"
"$cordon" config set bootmode=permit >/dev/null 2>&1
mode_line boot "tcp 203.0.113.9:51000 > me:22" permit -
"$cordon" config set bootmode=default >/dev/null 2>&1
run explain --mode boot --host host.json "tcp 203.0.113.9:51000 > me:22"
is_code 0 && err_has "default: "; ok "mode boot: a default is said, and why"
run config get bootmode
is_code 0 && out_has "(default: "; ok "config get bootmode says why"
for wrong in tcp:3389:inbound tcp:0:3389:both tcp:0:65536:inbound tcp:0:-1:inbound icmp any:inbound tcp:0:3389:inbound: "tcp:0:3389:inbound," \
	256:inbound icmp:8:inbound "none tcp:0:3389:inbound" ""; do
	run config set "bootexemptions=$wrong"
	is_code 2 && err_has "boot" && "$cordon" config get bootexemptions | grep -q '^bootexemptions TCP:0:3389:inbound ICMP:inbound'
	ok "bootexemptions=$wrong is refused, and nothing has changed"
done
"$cordon" config set bootexemptions=none >/dev/null 2>&1
run explain --mode boot --mode odd --host host.json "tcp 203.0.113.9:51000 > me:22"
is_code 2 && err_has odd; ok "an unknown mode is refused"

# For people.
run explain --host host.json "tcp 203.0.113.9:51000 > me:3389"
is_code 0 && out_has block && out_has "Drop the rest"; ok "one packet as a word"
run explain --host host.json tcp 203.0.113.9:51000 ">" me:3389
is_code 0 && out_has "Drop the rest"; ok "one packet as words"
run explain --host host.json "tcp 203.0.113.9:51000 > me:80"
out_has "Drop the rest"; ok "what else matched is said"
run --json explain --host host.json "tcp 203.0.113.9:51000 > me:80"
is_code 0 && out_has '"permit"'; ok "--json"
run explain --host host.json --file packet --json
is_code 0 && [ "$(wc -l < out)" -eq 1 ]; ok "--json with --file: one object a line"

# A file: comments and empty lines, CRLF, standard input, a bad line.
printf '# packets\r\n\r\ntcp 203.0.113.9:51000 > me:80\r\n' > packets
run explain --host host.json --file packets
is_code 0 && [ "$(wc -l < out)" -eq 1 ]; ok "comments, empty lines and CRLF"
run_with "tcp 203.0.113.9:51000 > me:80" explain --host host.json --file -
is_code 0 && [ "$(wc -l < out)" -eq 1 ]; ok "standard input, without a last line end"
printf 'tcp 203.0.113.9:51000 > me:80\ntcp 203.0.113.9:51000 > me:80000\n' > packets
run explain --host host.json --file packets
is_code 2 && err_has "packets:2:" && err_has "80000"; ok "a bad line is said with its place"

# 10^5 packets, in order, each with the verdict of the packet alone.
awk 'BEGIN {
	srand(7)
	for (i = 0; i < 100000; i++) {
		port = i % 4 == 0 ? 80 : i % 4 == 1 ? 3389 : i % 4 == 2 ? 443 : 1 + int(65535 * rand())
		printf "in tcp %d.%d.%d.9:%d > 192.0.2.10:%d\n", 11 + i % 100, i % 256, int(i / 256) % 256, 1024 + i % 60000, port
	}
}' > many
start=$(date +%s)
run explain --host host.json --file many
[ $(($(date +%s) - start)) -le 20 ]; ok "10^5 packets in less than 20 seconds"
is_code 0 && [ "$(wc -l < out)" -eq 100000 ]; ok "10^5 packets give 10^5 lines"
cut -f 6 out | cmp -s - many; ok "in order, and as they were written"
awk -F '\t' '{ n = split($6, a, ":"); port = a[n]; split($6, b, /[ :]/); src = b[4]
	want = (port == 80 || port == 443) ? "permit" : "block"
	if ($1 != want && src != 80) { bad++; print > "/dev/stderr" } } END { exit bad > 0 }' out; ok "every verdict is as the policy says"
finish
