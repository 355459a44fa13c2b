# Reads CTest's JUnit report: prints the reason of each skip and the failed tests, counts Criterion cases and TAP
# lines, and appends "PASSED FAILED SKIPPED" to the file named in `out`.  Give: preset, out.
function unescape(text) {
	gsub(/&lt;/, "<", text)
	gsub(/&gt;/, ">", text)
	gsub(/&quot;/, "\"", text)
	gsub(/&apos;/, "'", text)
	gsub(/&amp;/, "\\&", text)
	gsub(/\033\[[0-9;]*m/, "", text)
	return text
}
function attribute(line, name, rest) {
	if (!match(line, " " name "=\"[^\"]*\""))
		return ""
	rest = substr(line, RSTART + length(name) + 3, RLENGTH - length(name) - 4)
	return unescape(rest)
}
/<testcase / {
	name = attribute($0, "name")
	status = attribute($0, "status")
	whole = 0
	reasons = 0
}
# Only a test that said so itself was skipped; one that could not be started has failed.
/<skipped message="SKIP_/ { whole = 1 }
{
	line = unescape($0)
	sub(/^[ \t]*<system-out>/, "", line)
}
line ~ /SKIPPED:/ {
	sub(/.*SKIPPED:[ \t]*/, "", line)
	if (!((name, line) in told)) {
		told[name, line] = 1
		reasons++
		printf "%s: skipped in %s: %s\n", preset, name, line
	}
}
line ~ /^(not )?ok( |$)/ { tap++ }
line ~ /Synthesis: Tested:/ {
	sub(/.*Tested:[ \t]*/, "", line)
	cases += line + 0
}
/<\/testcase>/ {
	if (status == "fail" || status == "notrun" && !whole) {
		failed++
		printf "%s: FAILED: %s\n", preset, name
	} else if (whole || status != "run") {
		skipped++
		if (!reasons)
			printf "%s: skipped: %s, which gives no reason\n", preset, name
	} else {
		passed++
		skipped += reasons
	}
}
END {
	printf "%s: %d tests of CTest were run, in them %d Criterion cases and %d TAP lines\n", preset, passed + failed, cases, tap
	print passed + 0, failed + 0, skipped + 0 >> out
}
