#!/bin/sh
# Bad input gets a message with its place, exit code 2, and changes nothing.
. "$2/tests/integration/tap.sh"

cat > good.netsh <<'END'
netsh ipsec static add policy name=base
netsh ipsec static add filteraction name=permit action=permit
netsh ipsec static add filteraction name=block action=block
netsh ipsec static add filterlist name=web
netsh ipsec static add filter filterlist=web srcaddr=any dstaddr=me protocol=tcp dstport=80
netsh ipsec static add rule name=web policy=base filterlist=web filteraction=permit
netsh ipsec static set policy name=base assign=yes
END
run netsh -f good.netsh
is_code 0; ok "the good script runs"

# NAME COLUMN TEXT LINE: the line is the third of a script whose others are good; the column may be left out.
bad_line() {
	printf '# a script\nadd filterlist name="new list"\n%s\nadd filterlist name=later\n' "$4" | sed 's/^add/ipsec static add/' > bad.netsh
	refused "$1" "bad.netsh:3:$2" "$3" netsh -f bad.netsh
}

# A name server that does not answer must not hold the test up.
RES_OPTIONS="timeout:1 attempts:1"
export RES_OPTIONS
echo '{"addresses": ["192.0.2.10/24"]}' > host.json
s="ipsec static"
bad_line "unknown tag" "" "colour" "$s add filter filterlist=web srcaddr=me dstaddr=any colour=red"
bad_line "misspelt tag" "" "srcaddr" "$s add filter filterlist=web srcadr=me dstaddr=any"
bad_line "unknown verb" "" "frobnicate" "$s frobnicate filter"
bad_line "misspelt verb" "" "delete" "$s delte filterlist name=web"
bad_line "ambiguous prefix" "" "srcmask" "$s add filter srcaddr=me dstaddr=any src=x filterlist=web"
bad_line "ambiguous object" "" "" "$s show filt"
bad_line "value out of range: port" "" "65536" "$s add filter filterlist=web srcaddr=me dstaddr=any protocol=tcp dstport=65536"
bad_line "value out of range: protocol" "" "256" "$s add filter filterlist=web srcaddr=me dstaddr=any protocol=256"
bad_line "value out of range: mask" "" "33" "$s add filter filterlist=web srcaddr=10.0.0.0 srcmask=33 dstaddr=me"
bad_line "value out of range: setting" "" "86400" "ipsec dynamic set config ipsecloginterval 59"
bad_line "value out of range: diagnostics" "" "0 to 7" "ipsec dynamic set config ipsecdiagnostics 8"
bad_line "value that is none of the words" "" "yes" "$s add filter filterlist=web srcaddr=me dstaddr=any mirrored=perhaps"
bad_line "mask with holes" "" "255.0.255.0" "$s add filter filterlist=web srcaddr=10.0.0.0 srcmask=255.0.255.0 dstaddr=me"
bad_line "mask with a range" "" "range" "$s add filter filterlist=web srcaddr=10.0.0.1-10.0.0.9 srcmask=24 dstaddr=me"
bad_line "prefix length in an address" "" "srcmask=24" "$s add filter filterlist=web srcaddr=198.51.100.0/24 dstaddr=me"
bad_line "port without a protocol" "" "protocol" "$s add filter filterlist=web srcaddr=any dstaddr=me dstport=80"
bad_line "port with a protocol that has none" "" "ICMP" "$s add filter filterlist=web srcaddr=any dstaddr=me protocol=icmp dstport=80"
bad_line "mixed families" "" "famil" "$s add filter filterlist=web srcaddr=10.0.0.1 dstaddr=2001:db8::1"
bad_line "mixed families in a range" "" "famil" "$s add filter filterlist=web srcaddr=10.0.0.1-2001:db8::1 dstaddr=me"
bad_line "a list in use" "" "web" "$s delete filterlist name=web"
bad_line "an action in use" "" "permit" "$s delete filteraction name=permit"
bad_line "a list that is not there" "" "nowhere" "$s delete filterlist name=nowhere"
bad_line "a name that does not resolve" "" "does not resolve" "$s add filter filterlist=web srcaddr=no-such-host.invalid dstaddr=me"
bad_line "an address that is none" "" "10.0.0.256" "$s add filter filterlist=web srcaddr=10.0.0.256 dstaddr=me"
bad_line "a quote that is not closed" "" "quot" "$s add filterlist name=\"open"
bad_line "a required tag is missing" "" "dstaddr" "$s add filter filterlist=web srcaddr=me"
bad_line "a policy is there already" "" "base" "$s add policy name=base"
bad_line "store location domain" "" "domain" "$s set store location=domain"
bad_line "the default rule cannot go" "" "" "$s delete rule all"

# Batch files: what cannot be understood is refused.
bad_batch() { # NAME TEXT LINE
	printf '@echo off\nnetsh ipsec static add filterlist name=new\n%s\n' "$3" > bad.cmd
	refused "$1" "bad.cmd:3:" "$2" netsh -f bad.cmd
}
bad_batch "goto" "goto" "goto end"
bad_batch "call" "call" "call :sub"
bad_batch "for over a file" "for" "for /f %%i in (list.txt) do netsh ipsec static add filterlist name=%%i"
bad_batch "a variable that is not set" "NOBODY" "netsh ipsec static add filterlist name=%NOBODY%"

# Files.
printf 'ipsec static add filterlist name=a\000b\n' > nul.netsh
refused "NUL bytes" "nul.netsh:1:" "NUL" netsh -f nul.netsh
head -c 4096 "$cordon" > binary.netsh
refused "a file that is not text" "binary.netsh" "text" netsh -f binary.netsh
mkdir folder
refused "a folder" "folder" "" netsh -f folder
truncate -s 1G large.netsh
start=$(date +%s)
refused "a file of a gigabyte" "large.netsh" "" netsh -f large.netsh
[ $(($(date +%s) - start)) -le 20 ]; ok "a file of a gigabyte is refused soon"
rm -f large.netsh
start=$(date +%s)
tap_command="a gigabyte on standard input"
head -c 1073741824 /dev/zero 2>/dev/null | tr '\0' x 2>/dev/null | "$cordon" netsh -f - >out 2>err
code=$?
is_code 2; ok "a line of a gigabyte: exit code 2"
err_has "error: "; ok "a line of a gigabyte: a message"
[ $(($(date +%s) - start)) -le 20 ]; ok "a line of a gigabyte is refused soon"
{ printf 'ipsec static add filterlist name='; head -c 3000000 /dev/zero | tr '\0' x; echo; } > long.netsh
refused "a line of three million characters" "long.netsh:1" "" netsh -f long.netsh
refused "a script that is not there" "absent.netsh" "" netsh -f absent.netsh

# --keep-going: the good lines stay, the bad one is said, exit code 1.
printf 'ipsec static add filterlist name=one\nipsec static add filterlst name=two\nipsec static add filterlist name=three\n' > partly.netsh
run netsh --keep-going -f partly.netsh
is_code 1; ok "keep going: exit code 1"
err_has "partly.netsh:2:"; ok "keep going: the bad line is said"
run show filterlist one
is_code 0; ok "keep going: what stood before it was done"
run show filterlist three
is_code 0; ok "keep going: what stood behind it was done"
run show filterlist two
is_code 2; ok "an object that is not there is an error"

# Words on the command line, and usage.
refused "a bad word" "" "error: " netsh ipsec static add filter filterlist=web srcaddr=nonsense_ dstaddr=10.0.0.0/8
refused "an unknown command" "" "explain" explian tcp
refused "an unknown option" "" "keep-going" netsh --keep-goin -f good.netsh
refused "a location that is none" "" "persistent" --location moon show all
refused "a setting that is none" "" "ipsecexempt" config set ipsecexemt=1
refused "a setting out of range" "" "0 to 3" config set ipsecexempt=4
refused "a packet that is none" "" "" explain tcp 10.0.0.1:80
refused "a packet with a port that is none" "" "65536" explain --host host.json "tcp 10.0.0.1:65536 > me:80"
refused "a policy that is not there" "" "nowhere" save --policy nowhere
refused "an export to nowhere" "" "netsh" export --to nthsh

# Profiles.
bad_profile() { # NAME TEXT JSON
	printf '%s' "$3" > bad.json
	refused "profile: $1" "bad.json" "$2" load bad.json
}
bad_profile "not JSON" "" '{"name": '
bad_profile "text after the end" "" '{"name": "x"} more'
bad_profile "an unknown key" "nmae" '{"nmae": "x"}'
bad_profile "a key twice" "name" '{"name": "x", "name": "y"}'
bad_profile "bad UTF-8" "UTF-8" "$(printf '{"name": "\377"}')"
refused "profile: none of that name" "" "iis-standalone" load iis-standalon
finish
