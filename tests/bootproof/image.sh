# The images of ./kit bootproof; `. image.sh` from bootproof.sh.  A base system is made once by debootstrap, from the
# mirror that this machine's apt uses, and never changed again; each scenario is a layer above it, made into a file
# system without mounting it.  Everything runs in a mount namespace of its own.

base_fixed=systemd,systemd-sysv,udev,dbus,kmod,linux-image-cloud-amd64,initramfs-tools,nftables,iproute2
image_size=1200M

# What apt uses for the release of this machine, or the last that debootstrap knows.
base_release() { sed -n 's/^VERSION_CODENAME=//p' /etc/os-release | tr -d '"'; }
base_mirror() {
	apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
		awk -v release="$(base_release)" '$2 == release && $3 == "main" { print $1; exit }'
}

# The packages whose libraries Cordon's programs need: this machine has the same release.
base_libraries() {
	ldd "$BUILD/apps/cordon" "$BUILD/apps/cordond" | awk '$3 ~ /^\// { print $3; print "/usr" $3; sub(/^\/usr/, "", $3); print $3 }' |
		sort -u | xargs dpkg -S 2>/dev/null | sed 's/:.*//' | sort -u | paste -sd ,
}

# Only a whole base has its final name.
base_make() {
	base_packages=$base_fixed,$(base_libraries)
	base=$cache/base-$(printf '%s %s 1' "$(base_release)" "$base_packages" | sha256sum | cut -c 1-12)
	[ ! -d "$base" ] || return 0
	mirror=$(base_mirror)
	[ -n "$mirror" ] || die "apt has no source for $(base_release) main"
	say "making the base system (once): debootstrap $(base_release)"
	rm -rf "$cache"/base-*
	mkdir -p "$cache"
	if ! debootstrap --variant=minbase --include="$base_packages" "$(base_release)" "$base.new" "$mirror" >"$cache/base.log" 2>&1; then
		tail -n 20 "$cache/base.log" >&2
		rm -rf "$base.new"
		die "debootstrap failed (its words are in $cache/base.log)"
	fi
	rm -rf "$base.new/var/cache/apt/archives" "$base.new/var/lib/apt/lists" "$base.new/usr/share/doc" \
		"$base.new/usr/share/man" "$base.new/usr/share/locale" "$base.new"/boot/initrd.img-*
	mkdir -p "$base.new/var/lib/apt/lists" "$base.new/var/cache/apt/archives"
	mv "$base.new" "$base"
}

# tree_guest TREE: what every scenario has.
tree_guest() {
	tree=$1
	cp -R "$here/guest/." "$tree/"
	mkdir -p "$tree/usr/local/lib/bootproof"
	install -m 755 "$inside" "$tree/usr/local/lib/bootproof/inside"
	echo 'nameserver 192.0.2.53' >"$tree/etc/resolv.conf"
	echo bootproof >"$tree/etc/hostname"
	echo '/dev/vda / ext4 defaults 0 1' >"$tree/etc/fstab"
	printf 'MODULES=list\nBUSYBOX=auto\nKEYMAP=n\nCOMPRESS=gzip\nDEVICE=\nNFSROOT=auto\nRUNSIZE=10%%\nFSTYPE=auto\n' \
		>"$tree/etc/initramfs-tools/initramfs.conf"
	printf 'virtio_pci\nvirtio_blk\nvirtio_net\next4\n' >"$tree/etc/initramfs-tools/modules"
	cat >"$tree/usr/local/lib/bootproof/task" <<'TASK'
/usr/local/lib/bootproof/inside say up "multi-user"
TASK
	chroot "$tree" systemctl -q enable systemd-networkd bootproof-traffic bootproof-watch bootproof-task
	chroot "$tree" systemctl -q mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
		e2scrub_reap.service fstrim.timer systemd-networkd-wait-online.service
}

# tree_cordon TREE MODE: Cordon as its packages would put it there, the policy assigned, the boot mode set.
tree_cordon() {
	tree=$1 mode=$2
	DESTDIR=$tree cmake --install "$BUILD" --prefix /usr
	store=$tree/var/lib/cordon/store.db
	mkdir -p "$tree/var/lib/cordon"
	if [ "$scenario" = quarantined ]; then
		"$cordon" --store "$store" load "$source/profiles/quarantine.json" --set server=203.0.113.5,2001:db8:2::5 --set port=443 --assign
	else
		"$cordon" --store "$store" load "$here/policy.json" --set served=8001 --assign
	fi
	"$cordon" --store "$store" config set bootmode="$mode"
	cp "$here/policy.json" "$tree/usr/local/lib/bootproof/policy.json"
	"$cordon" --store "$store" boot install --root "$tree"
}

# hook_after TREE COMMAND: what happens to the initial RAM disk when Cordon's hook has run.
hook_after() {
	printf '#!/bin/sh\n[ "$1" != prereqs ] || { echo cordon; exit 0; }\n%s\n' "$2" >"$1/etc/initramfs-tools/hooks/bootproof-last"
	chmod +x "$1/etc/initramfs-tools/hooks/bootproof-last"
}

# tree_scenario TREE: what is wrong there, or happens there.
tree_scenario() {
	tree=$1
	task=$tree/usr/local/lib/bootproof/task
	case $scenario in
	store-damaged) dd if=/dev/urandom of="$tree/var/lib/cordon/store.db" bs=512 count=4 conv=notrunc 2>/dev/null ;;
	boot-damaged) dd if=/dev/urandom of="$tree/etc/cordon/boot" bs=64 seek=5 count=4 conv=notrunc 2>/dev/null ;;
	boot-missing)
		# On the disk it goes when the initial RAM disk has been made.
		hook_after "$tree" 'rm -f "$DESTDIR/etc/cordon/boot"'
		;;
	service-disabled) chroot "$tree" systemctl -q disable cordond ;;
	service-killed) cat "$here/task-kill" >>"$task" ;;
	power-cut) cat "$here/task-change" >>"$task" ;;
	rollback) cat "$here/task-pending" >>"$task" ;;
	no-netfilter) hook_after "$tree" 'find "$DESTDIR/" -name "nf_tables*" -delete' ;;
	esac
}

# tree_peer TREE: nftables.service instead of Cordon.
tree_peer() {
	tree=$1
	cp "$here/peer.nft" "$tree/etc/nftables.conf"
	[ "$scenario" != nftables-name ] ||
		sed -i 's/^\t\ttcp dport 8001 accept/&\n\t\tip saddr backup.example.invalid tcp dport 22 accept/' "$tree/etc/nftables.conf"
	mkdir -p "$tree/etc/systemd/system/nftables.service.d"
	printf '[Service]\nExecStartPost=/usr/local/lib/bootproof/inside say driver "secure by nftables.service"\n' \
		>"$tree/etc/systemd/system/nftables.service.d/bootproof.conf"
	chroot "$tree" systemctl -q enable nftables
}

# image_make MODE FOLDER: disk, kernel and initrd of $scenario in FOLDER.
image_make() {
	mode=$1 folder=$2
	mkdir -p "$folder/upper" "$folder/work" "$folder/tree"
	mount -t overlay overlay -o "lowerdir=$base,upperdir=$folder/upper,workdir=$folder/work" "$folder/tree"
	mount -t proc proc "$folder/tree/proc"
	mount --bind /dev "$folder/tree/dev"
	tree_guest "$folder/tree"
	case $scenario in
	nftables*) tree_peer "$folder/tree" ;;
	plain) ;;
	*) tree_cordon "$folder/tree" "$mode" ;;
	esac
	tree_scenario "$folder/tree"
	chroot "$folder/tree" update-initramfs -c -k all
	case $scenario in
	boot-missing | boot-gone) rm "$folder/tree/etc/cordon/boot" ;;
	no-netfilter) find "$folder/tree/lib/modules/" -name 'nf_tables*' -delete ;;
	esac
	umount "$folder/tree/dev" "$folder/tree/proc"
	cp "$folder"/tree/boot/vmlinuz-* "$folder/kernel"
	cp "$folder"/tree/boot/initrd.img-* "$folder/initrd"
	mke2fs -q -F -t ext4 -d "$folder/tree" "$folder/disk" "$image_size"
	umount "$folder/tree"
	rm -rf "$folder/upper" "$folder/work" "$folder/tree"
}
