# Test Anything Protocol for the tests of the command line, in POSIX sh: `. tap.sh` from a script whose first
# argument is the folder of the built programs and whose second is the source of the project.
#
# A folder of its own is the working directory; it goes when the script ends, whatever ends it.

set -u
export LC_ALL=C
tap_programs=$(cd "$1" && pwd) && tap_source=$(cd "$2" && pwd) || exit 1
tap_hide=${3:-}
[ -x "$tap_programs/cordon" ] || { echo "1..0 # SKIP SKIPPED: there is no $tap_programs/cordon"; exit 77; }
tap_count=0
tap_failed=0
tap_folder=$(mktemp -d "${TMPDIR:-/tmp}/cordon-test-XXXXXX") || exit 1
trap 'cd / && chmod -R u+w "$tap_folder" 2>/dev/null; rm -rf "$tap_folder"' EXIT
trap 'exit 130' INT TERM HUP
cd "$tap_folder" || exit 1
CORDON_STORE=$tap_folder/store.db
CORDON_PROFILES=$tap_source/profiles
export CORDON_STORE CORDON_PROFILES
unset CORDON_FAIL_ALLOC
cordon=$tap_programs/cordon

ok() { # NAME: the result of the command before it
	tap_result=$?
	tap_count=$((tap_count + 1))
	if [ $tap_result -eq 0 ]; then
		echo "ok $tap_count - $1"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_count - $1"
		tap_show
	fi
	return $tap_result
}

skip() { # NAME REASON
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP SKIPPED: $2"
}

skip_all() { # REASON
	echo "1..0 # SKIP SKIPPED: $1"
	exit 77
}

finish() {
	echo "1..$tap_count"
	[ $tap_failed -eq 0 ] || echo "# $tap_failed of $tap_count failed"
	[ $tap_failed -eq 0 ] && [ $tap_count -gt 0 ]
	exit
}

tap_show() {
	echo "# command: ${tap_command:-none}; exit code ${code:-none}"
	[ ! -f out ] || head -n 20 out | sed 's/^/# out: /'
	[ ! -f err ] || head -n 20 err | sed 's/^/# err: /'
}

# Runs cordon; its output goes to the files out and err, its exit code to $code.
run() {
	tap_command="cordon $*"
	"$cordon" "$@" >out 2>err </dev/null
	code=$?
}

# Runs it as on a kernel without nftables.
run_without_netfilter() {
	tap_command="cordon $* (without nftables)"
	"$tap_hide" "$cordon" "$@" >out 2>err </dev/null
	code=$?
}

# Runs it with the text of standard input first.
run_with() {
	tap_text=$1
	shift
	tap_command="cordon $* (with input)"
	printf '%s' "$tap_text" | "$cordon" "$@" >out 2>err
	code=$?
}

is_code() { [ "$code" -eq "$1" ]; }                   # the exit code
out_has() { grep -F -q -e "$1" out; }                  # a text in standard output
err_has() { grep -F -q -e "$1" err; }
out_is() { printf '%s\n' "$1" | cmp -s - out; }        # the whole of it, with a line end
out_line() { grep -F -x -q -e "$1" out; }              # one whole line
no_out() { [ ! -s out ]; }
no_err() { [ ! -s err ]; }

# What the store means, in one line: what it dumps, and what is assigned.
store_digest() {
	{ "$cordon" dump 2>&1; "$cordon" show all --json 2>&1; "$cordon" show history 2>&1; } | sha256sum
}

# A refused command: FILE:LINE:COLUMN: error: TEXT, exit code 2, and the store as before.
# NAME PLACE TEXT COMMAND…
refused() {
	tap_name=$1 tap_place=$2 tap_text=$3
	shift 3
	tap_before=$(store_digest)
	run "$@"
	tap_after=$(store_digest)
	is_code 2; ok "$tap_name: exit code 2"
	grep -F -e "error: " err | grep -F -q -e "$tap_place"; ok "$tap_name: the message says where: $tap_place"
	err_has "$tap_text"; ok "$tap_name: the message says: $tap_text"
	[ "$tap_before" = "$tap_after" ]; ok "$tap_name: nothing has changed"
}
