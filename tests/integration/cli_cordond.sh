#!/bin/sh
# cordond's command line: what needs neither root nor a network.
. "$2/tests/integration/tap.sh"
cordond=$tap_programs/cordond
[ -x "$cordond" ] || skip_all "there is no $cordond"
page=$tap_source/docs/cordond.8

run_cordond() {
	tap_command="cordond $*"
	"$cordond" "$@" >out 2>err </dev/null
	code=$?
}

run_cordond --help
is_code 0 && no_err && out_has "Usage: cordond"; ok "--help"
# Man page and help name the same options.
grep -o -e '^  --[a-z]*' out | sort -u > help.options
sed 's/\\-/-/g' "$page" | awk '/^\.SH/ { in_options = $2 == "OPTIONS" } in_options' | grep -o -e '--[a-z]*' | sed 's/^/  /' | sort -u > page.options
cmp -s help.options page.options && [ -s help.options ]; ok "the man page has the options of --help"
run_cordond -h
is_code 0; ok "-h"
run_cordond --version
is_code 0 && out_has "cordond "; ok "--version"

for words in --chek now "--check now" --config "--config=" -x; do
	# shellcheck disable=SC2086
	run_cordond $words
	is_code 2 && no_out && err_has "cordond: error: "; ok "cordond $words: exit code 2"
done
run_cordond --chek
err_has "did you mean --check?"; ok "the nearest option is named"

printf '{"store": "%s", "logfolder": "%s/log"}\n' "$CORDON_STORE" "$tap_folder" > good.json
run_cordond --check --config good.json
is_code 0 && out_has "would apply: nothing"; ok "--check with an empty store"
[ ! -e "$CORDON_STORE" ] && [ ! -e log ]; ok "it makes nothing"
run netsh ipsec static add policy name=web
run netsh ipsec static set policy name=web assign=yes
run_cordond --check --config=good.json
is_code 0 && out_has 'would apply: local policy "web"'; ok "--check says what would be applied"
out_has "configuration: good.json" && out_has "\"store\": \"$CORDON_STORE\""; ok "and the settings in force"
# What it prints of them reads to the same.
sed -n '/^{/,/}$/p' out > printed.json
cp out first
run_cordond --check --config printed.json
sed 's/printed.json/good.json/' out | cmp -s - first; ok "what it prints is a configuration that says the same"

bad() { # NAME TEXT PLACE MESSAGE
	printf '%s' "$2" > bad.json
	run_cordond --check --config bad.json
	is_code 2 && err_has "cordond: bad.json:$3: error: " && err_has "$4"; ok "$1"
}
bad "an unknown key" '{"stor": "/x"}' 1:2 "did you mean store?"
bad "a wrong type" '{"journal": 1}' 1:13 "it is true or false"
bad "a number past its range" '{"logfiles": 0}' 1:14 "from 1 to 1000"
bad "no JSON" '{"store": ' 1:11 "a value is expected"
bad "an empty file" '' 1:1 "the file is empty"

printf '{"user": "no-such-user-here"}' > bad.json
run_cordond --check --config bad.json
is_code 2 && err_has 'cordond: bad.json: error: $.user: "no-such-user-here" is no user of this machine'; ok "a user that is none"
printf '{"user": "root"}' > bad.json
run_cordond --check --config bad.json
is_code 2 && err_has "must not be"; ok "root as the user of the children"
run_cordond --check --config missing.json
is_code 2 && err_has "missing.json"; ok "a configuration that is not there"
run_cordond --check --config .
is_code 2 && err_has "not a plain file"; ok "a folder as configuration"
printf 'this is no database, and long enough to be looked at as one by everybody who tries to open it' > store.bad
printf '{"store": "%s/store.bad"}' "$tap_folder" > bad.json
run_cordond --check --config bad.json
is_code 2 && err_has "store.bad"; ok "a store that is damaged"
if [ "$(id -u)" -ne 0 ]; then
	run_cordond --config good.json
	is_code 3 && err_has "needs root"; ok "it does not start without root"
else
	skip "it does not start without root" "this is root"
fi
finish
