#!/bin/sh
# Proves that every rule of check.sh passes a good tree and fails a tree with one fault, naming the file.
set -eu
check=$(cd "$(dirname "$0")" && pwd)/check.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
number=0

# A small tree in which every rule holds.
tree() {
	rm -rf "$work/tree"
	mkdir -p "$work/tree/core/base" "$work/tree/core/policy" "$work/tree/bootcfg" "$work/tree/apps" "$work/tree/tests/unit/base"
	cd "$work/tree"
	printf '#!/bin/sh\necho good\n' >kit
	printf 'add_library(core STATIC base/one.c)\n' >core/CMakeLists.txt
	printf 'cordon_unit(base one core)\n' >tests/unit/base/CMakeLists.txt
	printf '#include "core/base/one.h"\n' >tests/unit/base/test_one.c
	printf '/* A comment may name strcpy(). */\n#ifndef CORDON_BASE_ONE_H\n#define CORDON_BASE_ONE_H\n\nint one(void);\n\n#endif\n' >core/base/one.h
	printf '#include "core/base/one.h"\n\nint one(void)\n{\n\treturn 1;\n}\n' >core/base/one.c
}

say() {
	number=$((number + 1))
	echo "$1 $number - $2"
	[ "$1" = ok ] || bad=1
}

# fault RULE FILE TEXT WHAT: with the text added to the file the rule fails and names the file.
fault() {
	tree
	printf "$3" >>"$2"
	if output=$(sh "$check" "$1" "$work/tree" 2>&1); then
		say 'not ok' "$1 lets through: $4"
	elif ! printf '%s' "$output" | grep -qF "${2##*/}"; then
		say 'not ok' "$1 does not name $2: $output"
	else
		say ok "$1 refuses: $4"
	fi
}

for rule in floors headers guards banned glob promises listed scripts bytes; do
	tree
	if output=$(sh "$check" $rule "$work/tree" 2>&1); then
		say ok "$rule passes a good tree"
	else
		say 'not ok' "$rule refuses a good tree: $output"
	fi
done
fault floors core/base/one.c '#include "bootcfg/two.h"\n' 'core includes bootcfg'
fault floors core/base/one.c '# include "core/policy/two.h"\n' 'core/base includes core/policy'
fault floors bootcfg/two.c '#include "logparse/two.h"\n' 'bootcfg includes logparse'
fault floors bootcfg/two.c '#include "apps/two.h"\n' 'bootcfg includes apps'
fault floors core/base/one.c '#include "core/base/../../apps/two.h"\n' 'a way round through ..'
fault floors core/base/one.c '#include "two.h"\n' 'an include without its folder'
fault headers core/base/two.h 'size_t two(void);\n' 'a header that needs another before it'
fault guards core/base/two.h 'int two(void);\n' 'a header without a guard'
fault guards core/base/two.h '#ifndef CORDON_BASE_ONE_H\n#define CORDON_BASE_ONE_H\n#endif\n' 'a guard used twice'
fault guards core/base/two.h '#ifndef CORDON_TWO_H\n#define CORDON_TOW_H\n#endif\n' 'a guard that guards nothing'
fault guards core/base/one.h 'int late(void);\n' 'a declaration behind the guard'
for name in strtok sscanf atoi strncpy sprintf strcpy strcat gets; do
	fault banned core/base/one.c "void f(void) { $name (0); }\n" "$name"
done
fault glob core/CMakeLists.txt 'file( GLOB all *.c)\n' 'file(GLOB'
fault promises core/base/one.c "/* TO""DO: the rest */\n" 'a promise'
fault promises kit "# FIX""ME\n" 'a promise in a script'
fault listed core/base/two.c 'int two;\n' 'a file that is in no CMakeLists.txt'
fault listed tests/unit/base/test_two.c 'int two;\n' 'a test that is in no CMakeLists.txt'
fault scripts kit 'if true\n' 'a script that does not parse'
fault bytes core/base/one.c 'int last;' 'no newline at the end'
fault bytes core/base/one.c 'int cr;\r\n' 'a carriage return'
echo "1..$number"
exit $bad
