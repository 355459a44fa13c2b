#!/bin/sh
# The longest functions of the project (STYLE: 40 lines as a rule, 100 at most but for tables).  Relies on the house
# style: a function's braces stand in the first column, alone.
# usage: longest.sh [HOW-MANY]
set -eu
find core bootcfg logparse apps tests demo -name '*.c' -print 2>/dev/null | sort | xargs awk '
	FNR == 1 { inside = 0; head = "" }
	/^\{$/ { inside = FNR; name = head }
	/^\}$/ && inside {
		if (name !~ /^Test/) {
			sub(/\(.*/, "", name)
			sub(/.*[ *]/, "", name)
		}
		printf "%5d  %s:%d  %s\n", FNR - inside + 1, FILENAME, inside, name
		inside = 0
	}
	/^[A-Za-z_].*\(/ && !/;$/ { head = $0 }
	' | sort -rn | head -n "${1:-10}"
