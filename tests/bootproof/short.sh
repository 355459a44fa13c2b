#!/bin/sh
# The CTest test: short.sh BUILD; three boots.  77: skipped, with what is missing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1
skip() { echo "1..0 # SKIP SKIPPED: $*"; exit 77; }
[ "$(id -u)" -eq 0 ] || skip "booting a machine on a tap needs root"
for program in qemu-system-x86_64 debootstrap mke2fs apt-get; do
	PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null || skip "there is no $program"
done
[ -c /dev/net/tun ] || skip "there is no /dev/net/tun"
# A sanitizer's libraries are not in the machine that boots.
! grep -q '^CMAKE_C_FLAGS:STRING=.*-fsanitize' "$build/CMakeCache.txt" || skip "the programs are built with a sanitizer"
code=0
BUILD=$build CORDON_BOOTPROOF=${CORDON_BOOTPROOF:-$here/../../build/bootproof} sh "$here/bootproof.sh" --short || code=$?
[ $code -ne 3 ] || skip "see above"
exit $code
