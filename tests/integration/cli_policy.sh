#!/bin/sh
# Policy in and out: netsh, load, save, show, dump, config, export, lint, in the forms that the documentation fixes.
. "$2/tests/integration/tap.sh"
fixtures=$tap_source/tests/integration/fixtures

# An empty store.
run show all
is_code 0; ok "show all on an empty store"
run netsh ipsec static show all
is_code 0; ok "netsh show all on an empty store"
run netsh ipsec static delete all
is_code 0; ok "delete all on an empty store"
run dump
is_code 0; ok "dump of an empty store"
[ ! -e store.db ]; ok "looking makes no store"
run --version
is_code 0; ok "--version"
run netsh --help
is_code 0 && out_has "--keep-going"; ok "netsh --help"
run help explain
is_code 0 && out_has "--file"; ok "help explain"
run
is_code 2; ok "no command: exit code 2"

# netsh: a file, standard input, words; a batch file whatever its name; variables.
run netsh -f "$fixtures/lockdown.cmd"
is_code 0; ok "a batch file"
no_out; ok "a batch file says nothing on standard output"
run show policy Lock-down
is_code 0 && out_has "Lock-down"; ok "show policy by name"
run show policy "lock-DOWN"
is_code 0; ok "names are compared without case"
run --json show all
cp out batch.json
for text in '"store": "local"' '"policies"' '"filterlists"' '"filteractions"' '"config"' '"defaultrule"' '"name": "Lock-down"' \
	'"assigned": true' '"filterlist": "Web"' '"filteraction": "Let pass"' '"ipsecexempt"' '"dstport": 80'; do
	tr -s ' \n\t' ' ' < out > flat && grep -F -q -e "$text" flat; ok "show all --json has $text"
done
run show all --json
cmp -s out batch.json; ok "--json after the command is the same"
cp "$fixtures/lockdown.cmd" script.txt
run --store other.db netsh -f script.txt
is_code 0; ok "a batch file under another name"
run --store stdin.db netsh -f - < /dev/null
is_code 2 && err_has empty; ok "an empty script is said to be empty"
text=$(sed 's/^netsh //; s/^rem.*//; s/^@echo.*//' "$fixtures/lockdown.cmd")
run_with "$text" --store stdin.db netsh -f -
is_code 0; ok "a script in netsh -f form from standard input"
"$cordon" dump > one; "$cordon" --store other.db dump > two; "$cordon" --store stdin.db dump > three
cmp -s one two && cmp -s one three; ok "three ways, one policy"
sed 's/$/\r/' "$fixtures/lockdown.cmd" > crlf.cmd
run --store crlf.db netsh -f crlf.cmd
is_code 0; ok "CRLF"
{ printf '\357\273\277'; cat "$fixtures/lockdown.cmd"; } > bom.cmd
run --store bom.db netsh -f bom.cmd
is_code 0; ok "a byte order mark"
"$cordon" --store crlf.db dump > two; "$cordon" --store bom.db dump > three
cmp -s one two && cmp -s one three; ok "CRLF and a byte order mark change nothing"
printf '@echo off\r\nset NET=10.1.0.0\r\nnetsh ipsec static add filter filterlist=%%1 ^\r\n  srcaddr=%%NET%% srcmask=16 dstaddr=me protocol=tcp dstport=%%PORT%% > nul && echo done\r\nsc start PolicyAgent\r\npause\r\n' > variables.bat
run --store variables.db netsh --set 1=inside --set PORT=22 -f variables.bat
is_code 0; ok "variables, continuation, redirection, &&, and lines of other programs"
err_has '"sc"'; ok "a line of another program is named"
run --store variables.db show filterlist inside
out_has "10.1.0.0"; ok "the variables were put in"
run --store words.db netsh static add policy name=words assign=yes
is_code 0; ok "words without netsh and ipsec at the front"
run --store words.db netsh ipsec static add policy "name=two words" assign=y
is_code 0; ok "words, quoted as a program gets them"
run --store words.db show policy "two words"
is_code 0; ok "a name of two words"

# Dump: a fixed point.
"$cordon" --store copy.db netsh -f - < one >out 2>err
code=$?
is_code 0; ok "the dump runs"
"$cordon" --store copy.db dump > two
cmp -s one two; ok "dumped, run, dumped: the same bytes"

# Locations.
run --location persistent netsh ipsec static add policy name=lasting assign=yes
is_code 0; ok "the persistent store"
run show policy lasting
is_code 2; ok "it is not in the local store"
run --location persistent show policy lasting
is_code 0; ok "it is in the persistent store"
printf 'ipsec static set store location=persistent\nipsec static add policy name=second\n' > store.netsh
run netsh -f store.netsh
is_code 0; ok "set store"
run --location persistent show policy second
is_code 0; ok "set store counts for what follows"
"$cordon" dump > one
"$cordon" --store copy2.db netsh -f - < one >out 2>err
"$cordon" --store copy2.db dump > two
cmp -s one two; ok "the dump has both stores"

# A profile out and in.
run save --policy Lock-down -O saved.json
is_code 0 && no_out; ok "save into a file"
run save --policy Lock-down
cmp -s out saved.json; ok "save to standard output is the same"
run --store loaded.db load saved.json
is_code 0; ok "load it"
run --store loaded.db save --policy Lock-down
cmp -s out saved.json; ok "loaded and saved: the same bytes"
for profile in "$tap_source"/profiles/*.json; do
	case $profile in *schema*) continue ;; esac
	name=$(basename "$profile" .json)
	run load --list
	out_has "$name"; ok "load --list names $name"
done

# Settings.
run config get
is_code 0 && out_has "ipsecexempt 3" && out_has "bootmode block"; ok "config get"
run config set ipsecexempt=0 ikeexempt=no
is_code 0; ok "config set, two at once"
run config get ipsecexempt
out_has "ipsecexempt 0"; ok "config get of one"
run config set ipsecexempt=3 ikeexempt=maybe
is_code 2; ok "config set: one wrong, none set"
run config get ikeexempt
out_has "ikeexempt no"; ok "nothing was set"
run netsh ipsec dynamic set config property=ipsecexempt value=3
is_code 0; ok "set config with tags"
run netsh ipsec dynamic set config ikelogging 1
is_code 0; ok "set config by position"
run netsh ipsec static set config bootmode stateful
is_code 0 && err_has "warning"; ok "static set config is accepted with a warning"

# History.
run show history
is_code 0 && out_has "config set"; ok "history names the commands"

# Export.
for target in netsh cmd reg; do
	run export --to $target
	is_code 0 && [ -s out ]; ok "export --to $target"
done
run export --to cmd
awk '!/\r$/ { bad = 1 } END { exit bad }' out; ok "cmd: CRLF on every line"
out_has "Lock-down"; ok "cmd: the policy is in it"
cp out exported.cmd
run --store reimport.db netsh --keep-going -f exported.cmd
is_code 0 || is_code 1; ok "cmd: what is exported runs here again"
run --store reimport.db show policy Lock-down
is_code 0; ok "cmd: and has the policy"
run export --to cmd --os 2016+
is_code 0 && out_has "auditpol"; ok "cmd for 2016+: drops are audited"
run export --to nftables
is_code 0 && out_has "table inet cordon"; ok "export --to nftables"

# Lint.
run lint
out_has "mirror-open" || err_has "mirror-open"; ok "lint finds the hole of the stateless mirror"
run lint "$fixtures/lockdown.cmd"
grep -q mirror-open out err && err_has "lockdown.cmd:30"; ok "lint of a script says where"
run lint "$fixtures/slammer.netsh"
is_code 0; ok "lint of a script without an error: exit code 0"
# A dump makes the store that it is run on the same, settings too.
"$cordon" --store settings.db config set ipsecexempt=0 ikeexempt=no bootmode=block >/dev/null 2>&1
"$cordon" dump > settings.txt
run --store settings.db netsh -f settings.txt
is_code 0; ok "a dump runs on a store with other settings"
"$cordon" --store settings.db dump | cmp -s - settings.txt; ok "and resets them"

finish
