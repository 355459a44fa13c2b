# Sourced by demo.sh and readme.sh, in a mount namespace of their own with an empty /run: nobody else sees it.

# resolv_own FOLDER ADDRESS: makes ADDRESS the only name server of this machine.
resolv_own() {
	echo "nameserver $2" >"$1/resolv.conf"
	resolv=$(readlink -m /etc/resolv.conf)
	case $resolv in
	/run/*) mkdir -p "$(dirname "$resolv")" && : >"$resolv" ;;
	esac
	if [ ! -e "$resolv" ]; then
		# A machine without one: a copy of /etc in its place.
		mkdir "$1/etc"
		cp -a /etc/. "$1/etc" 2>/dev/null || true
		mount --bind "$1/etc" /etc
		: >"$resolv"
	fi
	mount --bind "$1/resolv.conf" "$resolv"
}
