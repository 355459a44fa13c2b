#!/bin/sh
# cordon boot and cordon-boot: in a network namespace and with folders of this test alone (started with `unshare`).
if [ -z "${CORDON_ALONE:-}" ]; then
	[ "$(id -u)" -eq 0 ] && alone=-mn || alone=-rmn
	unshare $alone true 2>/dev/null || { echo "1..0 # SKIP SKIPPED: no mount and network namespace can be made"; exit 77; }
	CORDON_ALONE=1 exec unshare $alone sh "$0" "$@"
fi
# A machine of its own: what it writes to is in memory, /etc as it was.
folder=$(mktemp -d "${TMPDIR:-/tmp}/cordon-test-XXXXXX") || exit 1
mount -t tmpfs none "$folder" && mkdir "$folder/etc" && cp -a /etc/. "$folder/etc" 2>/dev/null
mount --bind "$folder/etc" /etc && mount -t tmpfs none /var/lib && mount -t tmpfs none /run && umount -l "$folder" ||
	{ echo "1..0 # SKIP SKIPPED: nothing can be mounted"; rmdir "$folder"; exit 77; }
rmdir "$folder"
rm -rf /etc/cordon /etc/systemd/system /etc/initramfs-tools
mkdir -p /etc/systemd/system
. "$2/tests/integration/tap.sh"
unset CORDON_STORE
boot=$tap_programs/cordon-boot
[ -x "$boot" ] || skip_all "there is no $boot"
nft list ruleset >/dev/null 2>&1 || skip_all "nft (package nftables) is not there, or there is no network namespace"
store=/var/lib/cordon/store.db

# Runs cordon-boot; as `run` does it.
run_boot() {
	tap_command="cordon-boot $*"
	"$boot" "$@" >out 2>err </dev/null
	code=$?
}
head_has() { head -n 6 /etc/cordon/boot | grep -a -x -q -e "$1"; }
empty_kernel() { nft delete table inet cordon 2>/dev/null; [ -z "$(nft list ruleset)" ]; }
in_force() { nft list chain inet cordon input 2>/dev/null | grep -q -e "$1"; }
state_of() { find "$1" ! -type d -exec sha256sum {} + 2>/dev/null | sort; find "$1" | sort; }

# --- A tree that is not booted ---
tree_make() {
	rm -rf tree
	mkdir -p tree/usr/bin tree/usr/lib/systemd tree/usr/share/initramfs-tools tree/var/lib tree/etc
	: > tree/usr/lib/systemd/systemd
	: > tree/usr/share/initramfs-tools/hook-functions
	cp "$boot" tree/usr/bin/cordon-boot
	cp "$boot" tree/usr/bin/cordond # only that it is there is looked at
}
tree_make
state_of tree > tree.before
run boot status --root tree
is_code 1 && out_has "there is none"; ok "status of a tree with nothing: exit code 1"
run boot install --root tree
is_code 0 && out_has "boot mode permit"; ok "install into a tree without a store: permit"
[ "$(stat -c %a tree/etc/cordon/boot)" = 600 ]; ok "the boot file is for root alone"
[ "$(readlink tree/etc/systemd/system/sysinit.target.wants/cordon-boot.service)" = /etc/systemd/system/cordon-boot.service ]
ok "cordon-boot is enabled"
grep -q -x "ExecStart=/usr/bin/cordon-boot /etc/cordon/boot" tree/etc/systemd/system/cordon-boot.service
ok "the unit names the program as the tree does"
for unit in systemd-networkd.service NetworkManager.service networking.service ifup@.service; do
	grep -q -x "Requires=cordon-boot.service" "tree/etc/systemd/system/$unit.d/cordon.conf" &&
		grep -q -x "After=cordon-boot.service" "tree/etc/systemd/system/$unit.d/cordon.conf"
	ok "$unit waits for it"
done
! grep -r -q -i -e ExecStop tree/etc/systemd; ok "nothing is done when a unit is stopped"
run boot status --root tree
is_code 0 && out_has "loads: yes"; ok "status of the tree"
mkdir -p tree/var/lib/cordon
"$cordon" --store tree/var/lib/cordon/store.db config set bootmode=block bootexemptions=tcp:0:22:inbound >/dev/null 2>&1
run boot status --root tree
is_code 1 && out_has "says otherwise"; ok "the store of the tree says otherwise: exit code 1"
run boot install --root tree/
is_code 0 && out_has "boot mode block"; ok "install again"
run boot status --root tree --json
is_code 0 && out_has '"good": true' && out_has '"mode": "block"'; ok "status --json"
printf x >> tree/etc/systemd/system/cordond.service
run boot status --root tree
is_code 1 && grep -q "^changed .*cordond.service" out; ok "a unit that somebody changed: exit code 1"
run boot uninstall --root tree
is_code 0; ok "uninstall"
rm -rf tree/var/lib/cordon
find tree -type d -empty -delete; mkdir -p tree/var/lib tree/etc
state_of tree | cmp -s - tree.before; ok "it has taken away exactly what was installed"
run boot uninstall --root tree
is_code 0 && out_has "nothing was installed"; ok "uninstall again"

rm tree/usr/lib/systemd/systemd
run boot install --root tree
is_code 0 && err_has "there is no systemd"; ok "no systemd: everything but the units, and it is said"
[ -f tree/etc/cordon/boot ] && [ -f tree/etc/initramfs-tools/hooks/cordon ] && [ ! -e tree/etc/systemd ]
ok "no systemd: boot file and hook are there, no unit"
rm tree/usr/bin/cordon-boot
state_of tree > tree.before
run boot install --root tree
is_code 3 && err_has "there is no cordon-boot in"; ok "no program: exit code 3"
state_of tree | cmp -s - tree.before; ok "no program: nothing has changed"

tree_make
mount -t tmpfs -o ro none tree/etc
run boot install --root tree
is_code 3 && err_has "Read-only"; ok "a read-only root: install: exit code 3"
umount tree/etc
"$cordon" boot install --root tree >/dev/null 2>&1
state_of tree > tree.before
mount --bind tree/etc tree/etc && mount -o remount,bind,ro tree/etc
run boot uninstall --root tree
is_code 3 && err_has "Read-only"; ok "a read-only root: uninstall: exit code 3"
umount tree/etc
state_of tree | cmp -s - tree.before; ok "a read-only root: nothing is half done"
rm -rf tree

run boot install --root nowhere
is_code 2 && err_has nowhere; ok "no such tree: exit code 2"
run boot install --root ""
is_code 2; ok "an empty --root is not this machine"
run boot reboot
is_code 2 && err_has "uninstall"; ok "an unknown word: exit code 2"
run boot load --root .
is_code 2; ok "load works on this machine only"
run boot
is_code 2; ok "no word: exit code 2"

# --- This machine ---
"$cordon" netsh -f "$tap_source/tests/integration/fixtures/lockdown.cmd" >/dev/null 2>&1
"$cordon" config set bootmode=default >/dev/null 2>&1
run boot install
is_code 0; ok "install on this machine"
run boot status
is_code 0; ok "status: exit code 0"
if command -v systemd-analyze >/dev/null; then
	units=/etc/systemd/system/cordon-boot.service
	[ ! -e /etc/systemd/system/cordond.service ] || units="$units /etc/systemd/system/cordond.service"
	systemd-analyze verify --man=no $units >verify 2>&1 && ! grep -q cordon verify
	ok "systemd-analyze verify has nothing to say"
else
	skip "systemd-analyze verify" "it is not there"
fi
if [ -x "$tap_programs/cordond" ] && [ -e /etc/systemd/system/cordond.service ]; then
	head_has "mode stateful"; ok "a policy is assigned and the service enabled: stateful"
else
	skip "the default boot mode with a service" "cordond or systemd is not there"
fi
"$cordon" config set bootmode=block >out 2>err
head_has "mode block"; ok "the boot file follows a change of the store"
before=$(sha256sum < /etc/cordon/boot)
"$cordon" netsh ipsec static add filterlist name=Other >/dev/null 2>&1
[ "$before" = "$(sha256sum < /etc/cordon/boot)" ]; ok "a change that the boot rules do not show leaves it alone"
"$cordon" --store other.db config set bootmode=permit >/dev/null 2>&1
head_has "mode block"; ok "another store does not concern it"
run boot status
is_code 0; ok "status: it is current"
mount --bind /etc/cordon /etc/cordon && mount -o remount,bind,ro /etc/cordon
before=$("$cordon" config get bootmode 2>/dev/null)
run config set bootmode=stateful
is_code 3 && err_has "nothing was changed"; ok "a boot file that cannot be written: the change is refused, exit code 3"
[ "$before" = "$("$cordon" config get bootmode 2>/dev/null)" ] && head_has "mode block"; ok "store and boot file are as they were"
run config set ipsecloginterval=120
is_code 0; ok "a change that the boot rules do not show is made all the same"
umount /etc/cordon
! ls -A /etc/cordon | grep -q cordon-; ok "nothing else is left in the folder"

# --- In force: there is no interface but loopback, which is down, no name server and no route ---
empty_kernel; ok "nothing is in force"
run_boot /etc/cordon/boot
is_code 0 && in_force "boot, block"; ok "unresolvable name or missing interface at boot: the file needs neither"
grep -q "startup block" /run/cordon/driver; ok "what was loaded is written down"
run_boot /etc/cordon/boot
is_code 0 && err_has "already"; ok "again: nothing to do"
run boot load
is_code 0 && err_has "already"; ok "cordon boot load does the same"
"$cordon" config set bootmode=stateful >/dev/null 2>&1
run boot load
is_code 0 && in_force "boot, stateful" && err_has "in place of"; ok "other start-up rules are replaced"
"$cordon" config set bootmode=permit >/dev/null 2>&1
run_boot /etc/cordon/boot
is_code 1 && in_force "boot, stateful"; ok "permit takes nothing away at boot"
empty_kernel
run_boot /etc/cordon/boot
is_code 0 && [ -z "$(nft list ruleset)" ] && grep -q "startup permit" /run/cordon/driver; ok "permit loads nothing"
"$cordon" config set bootmode=stateful >/dev/null 2>&1

cp /etc/cordon/boot good
for at in 0 5 20 60 100 200 400 $(($(stat -c %s good) - 1)); do
	empty_kernel
	cp good /etc/cordon/boot
	printf '\001' | dd of=/etc/cordon/boot bs=1 seek="$at" conv=notrunc 2>/dev/null
	run_boot /etc/cordon/boot
	is_code 1 && in_force "generation 0, boot, block" && err_has "damaged at byte" && err_has "built-in block set"
	ok "damaged at byte $at: the built-in set, loudly, exit code 1"
	empty_kernel
	head -c "$at" good > /etc/cordon/boot
	run_boot /etc/cordon/boot
	is_code 1 && in_force "generation 0, boot, block"; ok "cut at byte $at: the built-in set"
done
run boot status
is_code 1 && out_has "cannot be used"; ok "status: a damaged file: exit code 1"
run_boot /etc/cordon/boot
is_code 1 && in_force "generation 0, boot, block"; ok "again: what is in force stays"
run boot install
is_code 0; ok "install makes it again"
run_boot /etc/cordon/boot
is_code 0 && in_force "boot, stateful"; ok "and it takes over from the built-in set"
empty_kernel
chmod 666 /etc/cordon/boot
run_boot /etc/cordon/boot
is_code 1 && in_force "generation 0" && err_has "others than root"; ok "a file that others may write is not trusted"
run boot status
is_code 1; ok "status says so too"
empty_kernel
chmod 600 /etc/cordon/boot && mv /etc/cordon/boot real && ln -s "$PWD/real" /etc/cordon/boot
run_boot /etc/cordon/boot
is_code 1 && in_force "generation 0" && err_has "symbolic link"; ok "nor is a link followed"
rm /etc/cordon/boot
empty_kernel
run_boot /etc/cordon/boot
is_code 1 && in_force "generation 0"; ok "no file: the built-in set"
run boot install
run_boot
is_code 2; ok "cordon-boot without a file: exit code 2"

# What the service applied is not the business of boot rules.
empty_kernel
"$cordon" apply --force >out 2>err
run_boot /etc/cordon/boot
is_code 0 && err_has "stays" && in_force secure; ok "what was applied stays"
empty_kernel

"$tap_hide" /bin/true
if [ $? -ne 0 ]; then
	skip "a kernel without nftables" "no seccomp here"
else
	"$tap_hide" "$boot" /etc/cordon/boot >out 2>err
	code=$?
	is_code 3 && err_has "network must stay down"; ok "no nftables in the kernel: exit code 3, and the unit fails"
	run_without_netfilter boot load
	is_code 3; ok "no nftables in the kernel: boot load: exit code 3"
	run_without_netfilter boot status
	is_code 1 && out_has "could not be tried"; ok "no nftables in the kernel: status cannot try it"
	before=$(sha256sum < /etc/cordon/boot)
	run_without_netfilter config set bootmode=block
	is_code 3; ok "no nftables in the kernel: a change of the boot mode is refused"
	[ "$before" = "$(sha256sum < /etc/cordon/boot)" ]; ok "no nftables in the kernel: the boot file stays as it was"
fi

# --- The initial RAM disk: the hook and the script, with what initramfs-tools gives them replaced ---
mkdir -p image stub
tree_make
"$cordon" --store "$store" boot install --root tree >out 2>err
cat > stub/hook-functions <<'END'
copy_file() { [ -f "$2" ] || return 2; target=$DESTDIR${3:-$2}; [ ! -e "$target" ] || return 1; mkdir -p "${target%/*}" && cp -p "$2" "$target"; }
copy_exec() { copy_file binary "$1" "${2:-$1}" || return $(($? - 1)); }
manual_add_modules() { echo "$@" >> "$DESTDIR/modules"; }
END
printf '#!/bin/sh\n[ ! -e no-nf_tables ]\n' > stub/modprobe
printf 'panic() { echo "panic: $*"; exit 9; }\n' > stub/functions
chmod +x stub/modprobe
export DESTDIR="$PWD/image" version=6.1.0
sed "s|/usr/share/initramfs-tools/hook-functions|$PWD/stub/hook-functions|; s|/sbin/modprobe|$PWD/stub/modprobe|; s|[^ \"]*/cordon-boot|$boot|" \
	tree/etc/initramfs-tools/hooks/cordon > hook
sed "s|/scripts/functions|$PWD/stub/functions|; s|^[^ ]*/cordon-boot|\$CORDON_HIDE $boot|" \
	tree/etc/initramfs-tools/scripts/init-top/cordon > script
[ -x tree/etc/initramfs-tools/hooks/cordon ] && [ -x tree/etc/initramfs-tools/scripts/init-top/cordon ]; ok "hook and script can be run"
[ "$(sh tree/etc/initramfs-tools/hooks/cordon prereqs)" = "" ] && [ "$(sh tree/etc/initramfs-tools/scripts/init-top/cordon prereqs)" = "" ]
ok "both say what they need: nothing"
sh hook >out 2>err
[ $? -eq 0 ] && cmp -s image/etc/cordon/boot /etc/cordon/boot && [ -x "image$boot" ]; ok "the hook copies file and program"
grep -q nft_fib_inet image/modules && grep -q nf_conntrack image/modules; ok "and the modules"
sh hook >out 2>err; ok "a hook that finds them there already does not fail"
: > no-nf_tables
rm -rf image
! sh hook >out 2>err && err_has "has no nf_tables"; ok "a kernel without nf_tables: the hook fails, so no image is made"
rm no-nf_tables
mv /etc/cordon/boot away
! sh hook >out 2>err && err_has "cannot be copied"; ok "no boot file: the hook fails"
mv away /etc/cordon/boot
empty_kernel
PATH="$PWD/stub:$PATH" CORDON_HIDE= sh script >out 2>err
[ $? -eq 0 ] && in_force "boot, "; ok "the script loads the rules"
if "$tap_hide" /bin/true; then
	PATH="$PWD/stub:$PATH" CORDON_HIDE=$tap_hide sh script >out 2>err
	[ $? -eq 9 ] && out_has "panic: Cordon"; ok "no nftables in the initial RAM disk: the boot stops there"
fi
unset DESTDIR version

run boot uninstall
is_code 0 && [ ! -e /etc/cordon/boot ] && [ -z "$(find /etc/systemd/system -name '*cordon*')" ]; ok "uninstall on this machine"
in_force "boot, "; ok "what is in force stays"
run config set bootmode=permit
is_code 0; ok "without a boot file the store changes as before"
nft delete table inet cordon
finish
