#!/bin/sh
# What the system refuses: exit code 3 (2 for a file that is not one of ours), clear words, and nothing changed.
. "$2/tests/integration/tap.sh"

run netsh ipsec static add policy name=base
is_code 0; ok "a store"

# A store that is not one.
echo "no store at all" > text.db
cp text.db text.before
run --store text.db show all
is_code 2; ok "a text file is no store: exit code 2"
err_has text.db; ok "a text file is no store: it is named"
run --store text.db netsh ipsec static add policy name=x
is_code 2; ok "a text file is not written to: exit code 2"
cmp -s text.db text.before; ok "a text file is not written to"
mkdir folder
run --store folder show all
is_code 2; ok "a folder is no store: exit code 2"
err_has folder; ok "a folder is no store: it is named"
head -c 3000 /dev/urandom > noise.db
run --store noise.db dump
is_code 2 || is_code 3; ok "noise is no store"
cp store.db cut.db
rm -f cut.db-wal
"$cordon" --store full.db netsh ipsec static add policy name=full >/dev/null 2>&1
size=$(wc -c < full.db)
head -c $((size / 2)) full.db > cut.db
run --store cut.db show all
is_code 2 || is_code 3; ok "half a store is damaged"
run --store /proc/no/such/store.db netsh ipsec static add policy name=x
is_code 3; ok "a store that cannot be made: exit code 3"

# Somebody else holds the store read-only.
mkdir media
cp full.db media/store.db
chmod 500 media
chmod 400 media/store.db
user() { # runs cordon as nobody where this is root, else as itself
	if [ "$(id -u)" -eq 0 ]; then
		setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all "$@"
	else
		"$@"
	fi
}
if [ "$(id -u)" -eq 0 ]; then
	chmod 755 "$tap_folder"
	chown -R 65534 media
fi
cp "$cordon" programs-cordon 2>/dev/null && chmod 755 programs-cordon
tap_user=$tap_folder/programs-cordon
user "$tap_user" --version >out 2>err </dev/null
if [ $? -eq 0 ]; then
	tap_command="show all, read-only"
	user "$tap_user" --store "$tap_folder/media/store.db" show all >out 2>err </dev/null
	code=$?
	is_code 0; ok "a store on read-only media is read"
	user "$tap_user" --store "$tap_folder/media/store.db" netsh ipsec static add policy name=x >out 2>err </dev/null
	code=$?
	is_code 3; ok "a store on read-only media is not written: exit code 3"
	user "$tap_user" --store "$tap_folder/media/store.db" apply >out 2>err </dev/null
	code=$?
	is_code 3; ok "apply without permission: exit code 3"
	err_has "error: "; ok "apply without permission: a message"
	user "$tap_user" --store "$tap_folder/media/store.db" lift >out 2>err </dev/null
	code=$?
	is_code 3; ok "lift without permission: exit code 3"
else
	skip "as another user" "the programs cannot be run as nobody from here"
fi
chmod 700 media

# Output that cannot be written.
run export --to netsh -O /proc/no/such/file
is_code 3; ok "an export that cannot be written: exit code 3"
if [ -w /dev/full ]; then
	"$cordon" dump >/dev/full 2>err
	code=$?
	is_code 3; ok "standard output is full: exit code 3"
	err_has "error: "; ok "standard output is full: a message"
else
	skip "standard output is full" "no /dev/full"
fi
finish
