#!/bin/sh
# docs/lint.md explains every warning: each id that the code gives is in it, and it explains none that is not
# given.  warnings.sh ROOT
set -eu
cd "$1"
given=$(
	find core bootcfg logparse apps -name '*.c' 2>/dev/null | sort | while read -r file; do
		tr '\n\t' '  ' <"$file" | grep -oE 'diag_warning\([^,";]*, *"[a-z0-9-]+"|\[LOSS_[A-Z0-9]+\] = \{"[a-z0-9-]+"' || true
	done | grep -oE '"[a-z0-9-]+"$' | tr -d '"' | sort -u
)
explained=$(sed -n 's/^### \([a-z0-9-]*\)$/\1/p; s/^| `\([a-z0-9-]*\)` |.*/\1/p' docs/lint.md | sort -u)
[ "$(echo "$given" | wc -l)" -ge 20 ] || { echo "only these warnings were found: $given"; exit 1; }
bad=0
for id in $given; do
	echo "$explained" | grep -qx -e "$id" || { echo "docs/lint.md does not explain the warning $id"; bad=1; }
done
for id in $explained; do
	echo "$given" | grep -qx -e "$id" || { echo "docs/lint.md explains $id, which nothing gives"; bad=1; }
done
exit $bad
