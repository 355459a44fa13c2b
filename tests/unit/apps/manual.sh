#!/bin/sh
# The man page and completions that were printed when the program was built are those that it prints; and roff takes
# the page without a warning: manual.sh CORDON FOLDER
cordon=$1 folder=$2
folder_here=$(mktemp -d) || exit 1
trap 'rm -rf "$folder_here"' EXIT
failed=0
"$cordon" help --man > "$folder_here/cordon.1" || failed=1
"$cordon" help --completion bash > "$folder_here/cordon.bash" || failed=1
"$cordon" help --completion zsh > "$folder_here/_cordon" || failed=1
for file in cordon.1 cordon.bash _cordon; do
	cmp "$folder_here/$file" "$folder/$file" || failed=1
done
if command -v groff > /dev/null; then
	warnings=$(groff -man -Tutf8 -ww -z "$folder_here/cordon.1" 2>&1)
	if [ -n "$warnings" ]; then
		echo "$warnings"
		failed=1
	fi
else
	echo "SKIPPED: no groff, so the man page was not set"
fi
if command -v zsh > /dev/null; then
	zsh -n "$folder_here/_cordon" || failed=1
else
	echo "SKIPPED: no zsh, so its completion was not parsed"
fi
exit $failed
