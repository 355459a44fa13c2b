#!/bin/sh
# One rule of the house, checked over a source tree.
#   check.sh RULE ROOT      exit 0: it holds; exit 1: what breaks it is printed
#
#   floors    an include may not go up: core < bootcfg, logparse < apps; core/base knows no other folder
#   headers   every header compiles alone
#   guards    every header has an include guard, and no two the same
#   banned    functions that STYLE forbids
#   glob      no file(GLOB in CMake
#   promises  no mark of unfinished work in the code
#   listed    every C file is named in the CMakeLists.txt of its folder
#   scripts   every shell script passes its shell's -n
#   bytes     text files end in a newline and hold no carriage return
set -eu
rule=$1
cd "$2"

sources() { find core bootcfg logparse apps tests demo tools "$@" -type f 2>/dev/null | sort; }
c_files() { sources | grep '\.[ch]$' || true; }
scripts() {
	{ sources; find . -maxdepth 2 -path './.ci/*' -type f; find . -maxdepth 1 -name kit; } | while read -r file; do
		head -n 1 "$file" | grep -aq '^#!.*sh$' && echo "$file"
	done || true
}

# Which folders a folder may include from.
floors() {
	c_files | while read -r file; do
		case $file in
		core/base/*) allowed='core/base/' ;;
		core/*) allowed='core/' ;;
		bootcfg/*) allowed='core/ bootcfg/' ;;
		logparse/*) allowed='core/ logparse/' ;;
		apps/*) allowed='core/ bootcfg/ logparse/ apps/' ;;
		*) continue ;;
		esac
		grep -n '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$file" | sed 's/^\([0-9]*\):[^"]*"\([^"]*\)".*/\1 \2/' |
			while read -r line name; do
				good=no
				for floor in $allowed; do
					case $name in "$floor"*) good=yes ;; esac
				done
				case $name in *..*) good=no ;; esac
				[ $good = yes ] || echo "$file:$line: includes \"$name\"; it may include from: $allowed"
			done
	done
}

headers() {
	c_files | grep '\.h$' | while read -r file; do
		"${CC:-cc}" -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -I. -fsyntax-only -x c "$file" 2>&1 |
			head -n 5 || true
	done
}

guards() {
	c_files | grep '\.h$' | while read -r file; do
		awk -v file="$file" '
			/^#ifndef CORDON_[A-Z0-9_]*_H$/ && !guard { guard = $2; next }
			guard && !good && /^#/ { good = $0 == "#define " guard; if (!good) exit }
			{ last = $0 }
			END { if (!good || last != "#endif") print file ": no include guard CORDON_…_H around all of it"; else print "guard " guard " " file }' "$file"
	done | sort | awk '
		$1 != "guard" { print; next }
		$2 == before { print $3 ": has the include guard of " place }
		{ before = $2; place = $3 }'
}

# Comments go first: a comment may name what code may not call.
banned() {
	c_files | while read -r file; do
		"${CC:-cc}" -fpreprocessed -dD -E -P "$file" 2>/dev/null |
			grep -oE '(^|[^A-Za-z0-9_])(strtok|strtok_r|sscanf|atoi|atol|atoll|atof|strncpy|sprintf|vsprintf|strcpy|strcat|strncat|gets)[[:space:]]*\(' |
			sed "s|^[^a-z]*|$file: calls |; s|[[:space:]]*(\$||" || true
	done
}

glob() {
	find . \( -path ./build -o -path ./.git \) -prune -o \( -name CMakeLists.txt -o -name '*.cmake' \) -type f -print | sort | while read -r file; do
		grep -niE '(^|[^a-z_])(file[[:space:]]*\([[:space:]]*glob|aux_source_directory[[:space:]]*\()' "$file" | sed "s|^|$file:|" || true
	done
}

# The words are put together here so that this file does not name them itself.
promises() {
	words="TO""DO|FIX""ME|XX""X|not imple""mented|unimple""mented"
	{ c_files; scripts; find . \( -path ./build -o -path ./.git \) -prune -o -name CMakeLists.txt -type f -print; } | while read -r file; do
		grep -nE "(^|[^A-Za-z_])($words)([^A-Za-z_]|\$)" "$file" | sed "s|^|$file:|" || true
	done
}

# tests/unit/AREA/test_NAME.c is listed as cordon_unit(AREA NAME …), fuzz_NAME.c as cordon_fuzz(NAME …), and so on.
listed() {
	sources | grep '\.c$' | while read -r file; do
		folder=$(dirname "$file")
		name=$(basename "$file" .c)
		while [ ! -f "$folder/CMakeLists.txt" ] && [ "$folder" != . ]; do
			folder=$(dirname "$folder")
		done
		grep -qE "(^|[[:space:](/])$name\\.c([[:space:])]|\$)|(cordon_[a-z]+|[a-z]+_test)\\(([a-z]+ )?(${name#test_}|${name#fuzz_})[[:space:])]" \
			"$folder/CMakeLists.txt" 2>/dev/null && continue
		# foreach(tool A B …) … ${tool}.c
		grep -q '}\.c' "$folder/CMakeLists.txt" 2>/dev/null && grep -qE "^foreach\\(.*[[:space:]]$name[[:space:])]" "$folder/CMakeLists.txt" && continue
		echo "$file: is not named in $folder/CMakeLists.txt"
	done
}

scripts_check() {
	scripts | while read -r file; do
		case $(head -n 1 "$file") in
		*bash) shell=bash ;;
		*) shell=$(command -v dash || echo sh) ;;
		esac
		"$shell" -n "$file" 2>&1 || true
	done
}

bytes() {
	{ c_files; scripts; find . \( -path ./build -o -path ./.git \) -prune -o \( -name CMakeLists.txt -o -name '*.md' \) -type f -print; } | while read -r file; do
		[ ! -s "$file" ] && echo "$file: is empty" && continue
		[ -z "$(tail -c 1 "$file" | tr -d '\n')" ] || echo "$file: does not end in a newline"
		! grep -q "$(printf '\r')" "$file" || echo "$file: holds a carriage return"
	done
}

case $rule in
floors | headers | guards | banned | glob | promises | listed | bytes) found=$($rule) ;;
scripts) found=$(scripts_check) ;;
*)
	echo "check.sh: there is no rule \"$rule\"" >&2
	exit 2
	;;
esac
[ -n "$found" ] || exit 0
printf '%s\n' "$found"
exit 1
