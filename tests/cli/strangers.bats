#!/usr/bin/env bats
# Runs that strangers hand over: whatever their texts hold, it appears as text in every format, and what cannot be read is
# said in one line.

bats_require_minimum_version 1.5.0

setup() {
	nestwalk=$PWD/${NESTWALK:-build/nestwalk}
	case ${NESTWALK:-} in /*) nestwalk=$NESTWALK ;; esac
	runs=$BATS_TEST_DIRNAME/../fixtures/runs
	run=$BATS_TEST_TMPDIR/run
	out=$BATS_TEST_TMPDIR/report
	said=$BATS_TEST_TMPDIR/said
}

hostile() {
	rm -rf "$run"
	"$BATS_TEST_DIRNAME/hostile-run" "$runs/$1" "$run" "$2"
}

# Whether files hold text alone: valid UTF-8, no C0 but tabs and the ends of lines, no DEL, no C1, nothing that turns the
# direction of writing, none of XML's forbidden characters.
is_text() {
	local file found
	for file; do
		iconv -f UTF-8 -t UTF-8 "$file" >/dev/null || { echo "$file is not UTF-8" && return 1; }
		found=$(LC_ALL=C tr -d '\t\n\r' <"$file" | LC_ALL=C grep -caP '[\x00-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]|\xef\xbf[\xbe\xbf]|\xef\xbb\xbf' || :)
		[ "$found" = 0 ] || { echo "$file holds what is no text" && return 1; }
		# A carriage return ends a line of CSV, and steers a terminal elsewhere.
		[ "$(LC_ALL=C tr -cd '\r' <"$file" | wc -c)" = "$(LC_ALL=C grep -c $'\r$' "$file" || :)" ]
	done
}

# ask FILE COMMAND...: what nestwalk prints goes into FILE, and what it says on stderr into $said; both have to be text.
ask() {
	local file=$1 code=0
	shift
	"$nestwalk" "$@" >"$file" 2>"$said" || code=$?
	is_text "$file" "$said"
	[ "$code" -le 2 ] || { echo "nestwalk $* ended with $code" && return 1; }
	return "$code"
}

# Whether each line of a table has as many columns as the first one.
columns_are_even() {
	grep -v '^#' "$1" | awk -F '\t' -v file="$1" 'NR == 1 { columns = NF } NF != columns { print file ": " $0; bad = 1 } END { exit bad }'
}

markdown_tables_are_even() {
	sed 's/\\|//g; s/\\\\//g' "$1" | awk -F '|' '!/^\|/ { columns = 0; next } !columns { columns = NF }
		NF != columns { print; bad = 1 } END { exit bad }'
}

# Elements and attributes that a report has on its own.
page_is_ours() {
	local page=$BATS_TEST_TMPDIR/page
	sed -E 's/src="data:image\/svg\+xml;base64,[^"]*"//g' "$1" >"$page"
	run ! grep -oiE '<(script|b|i|link|iframe|object|embed|form|svg|a href="(javascript|http))[ >"]' "$page"
	run ! grep -oE '<[a-z0-9]+ [^>]*onload' "$page"
	grep -oE '<[a-z0-9]+' "$page" | sort -u >"$page.elements"
	run ! grep -vxE '<(html|head|meta|title|style|body|h[1-6]|p|ul|ol|li|table|thead|tbody|tr|th|td|em|strong|code|pre|img|a|br|hr|del|blockquote|header|nav|main|div|span|figure|figcaption|details|summary)' "$page.elements"
}

report_is_text() {
	local file
	ask "$BATS_TEST_TMPDIR/answer" report "$run" -o "$out"
	[ ! -s "$said" ]
	is_text "$out/report.md" "$out/report.html"
	for file in "$out"/*.tsv; do
		[ -e "$file" ] || continue
		is_text "$file"
		columns_are_even "$file"
	done
	markdown_tables_are_even "$out/report.md"
	page_is_ours "$out/report.html"
	run ! grep -q 'Figure not drawn\|Not made' "$out/report.md"
	for file in "$out"/*.svg; do
		[ -e "$file" ] || continue
		is_text "$file"
		xmllint --noout "$file"
		[ "$(grep -c '<script' "$file")" = 0 ]
	done
	# Each picture is in the page: no text has broken the line that shows it.
	[ "$(find "$out" -name '*.svg' | wc -l)" = "$(grep -o 'src="data:image/svg' "$out/report.html" | wc -l)" ]
}

@test "hostile texts: every file of a report is text" {
	command -v xmllint >/dev/null || skip "no xmllint"
	for name in complete laboratory storms system guests; do
		rm -rf "$out"
		hostile $name texts
		report_is_text
		[ -n "$(find "$out" -name '*.svg')" ]
		grep -qF '&lt;script>alert(1)' "$out"/*.svg
	done
}

@test "hostile texts everywhere, in names of benches, parameters and metrics, too" {
	command -v xmllint >/dev/null || skip "no xmllint"
	for name in complete laboratory storms; do
		rm -rf "$out"
		hostile $name all
		report_is_text
	done
}

@test "hostile texts in what is for paper" {
	command -v xmllint >/dev/null || skip "no xmllint"
	hostile complete texts
	"$nestwalk" report --paper "$run" -o "$out" 2>"$said"
	is_text "$said" "$out/paper/method.txt" "$out/paper/nestwalk.bib"
	for file in "$out"/paper/*.svg; do
		is_text "$file"
		xmllint --noout "$file"
	done
	[ -n "$(find "$out/paper" -name '*.pdf')" ]
	# BibTeX: as many braces open as close, no quote ends a value early, and LaTeX gets no command.
	[ "$(tr -cd '{' <"$out/paper/nestwalk.bib" | wc -c)" -eq "$(tr -cd '}' <"$out/paper/nestwalk.bib" | wc -c)" ]
	grep -q 'Example\\_CPU' "$out/paper/nestwalk.bib"
	run ! grep -E '^  [a-z]+ = "[^"]*"[^,]' "$out/paper/nestwalk.bib"
	run ! grep -E '[^\\][%$&#_]' "$out/paper/nestwalk.bib"
}

@test "long texts are shortened for people, in pictures, too" {
	command -v xmllint >/dev/null || skip "no xmllint"
	for name in complete laboratory storms; do
		rm -rf "$out"
		hostile $name long
		report_is_text
		run ! grep -E '(long ){400}' "$out/report.md" "$out"/*.svg
		grep -q '…' "$out/report.md" "$out"/*.svg
		# A picture is no wider for it.
		for file in "$out"/*.svg; do
			[ "$(grep -m 1 -o 'viewBox="0 0 [0-9]*' "$file" | cut -d ' ' -f 3)" -lt 2500 ]
		done
	done
}

@test "long texts are whole for other programs, and shortened in tables for people" {
	hostile complete long
	for format in json csv tsv; do
		ask "$BATS_TEST_TMPDIR/answer" query -f $format "$run" "SELECT cpu FROM run"
		[ "$(wc -c <"$BATS_TEST_TMPDIR/answer")" -gt 10000 ]
	done
	for format in table markdown; do
		ask "$BATS_TEST_TMPDIR/answer" query -f $format "$run" "SELECT cpu FROM run"
		[ "$(wc -c <"$BATS_TEST_TMPDIR/answer")" -lt 2000 ]
		grep -q '…' "$BATS_TEST_TMPDIR/answer"
	done
}

@test "hostile texts: what each command prints is text" {
	for name in complete laboratory joined; do
		for what in texts all; do
			hostile $name $what
			for format in table csv tsv json markdown; do
				ask "$BATS_TEST_TMPDIR/answer" query -f $format "$run" 'SELECT * FROM run JOIN fact USING (run)'
				ask "$BATS_TEST_TMPDIR/answer" query -f $format "$run" 'SELECT * FROM point JOIN parameter USING (point)'
				[ $format != json ] || jq . "$BATS_TEST_TMPDIR/answer" >/dev/null
				[ $format != tsv ] || columns_are_even "$BATS_TEST_TMPDIR/answer"
				[ $format != markdown ] || markdown_tables_are_even "$BATS_TEST_TMPDIR/answer"
			done
			ask "$BATS_TEST_TMPDIR/answer" query --schema "$run"
			ask "$BATS_TEST_TMPDIR/answer" tlb --verbose "$run"
			ask "$BATS_TEST_TMPDIR/answer" tlb --json "$run"
			jq . "$BATS_TEST_TMPDIR/answer" >/dev/null
			for format in text markdown json csv; do
				ask "$BATS_TEST_TMPDIR/answer" compare "$run" --by place --all --format $format || [ $? = 1 ]
				[ $format != markdown ] || markdown_tables_are_even "$BATS_TEST_TMPDIR/answer"
			done
			ask "$BATS_TEST_TMPDIR/answer" export "$run" -o "$BATS_TEST_TMPDIR/$name.csv"
			is_text "$BATS_TEST_TMPDIR/$name.csv"
			# What JSON forbids, such as bytes that are not UTF-8, makes a run invalid; others read it all the same.
			ask "$BATS_TEST_TMPDIR/answer" check "$run" || [ $? = 1 ]
			ask "$BATS_TEST_TMPDIR/answer" merge "$run" "$run" -o "$BATS_TEST_TMPDIR/merged" || [ $? = 1 ]
		done
	done
}

@test "an exported file with hostile texts is printed as text" {
	"$nestwalk" export "$runs/complete" -o "$BATS_TEST_TMPDIR/run.sqlite"
	sqlite3 "$BATS_TEST_TMPDIR/run.sqlite" "UPDATE run SET cpu = 'a' || char(27) || '[31m' || char(155) || char(8238) || CAST(x'fffe' AS TEXT) || '|' || char(10, 9, 7) || 'z'" \
		'ALTER TABLE run ADD COLUMN "evil'$'\e''[31m|x" DEFAULT 1'
	for format in table csv tsv json markdown; do
		ask "$BATS_TEST_TMPDIR/answer" query -f $format "$BATS_TEST_TMPDIR/run.sqlite" 'SELECT * FROM run'
	done
}

@test "names of directories are printed as text" {
	for name in $'new\nline' $'esc\e[31m' $'bytes\xff' $'bidi\u202e'; do
		cp -r "$runs/complete" "$BATS_TEST_TMPDIR/$name"
		ask "$BATS_TEST_TMPDIR/answer" check "$BATS_TEST_TMPDIR/$name"
		[ "$(wc -l <"$BATS_TEST_TMPDIR/answer")" = 1 ]
		ask "$BATS_TEST_TMPDIR/answer" report "$BATS_TEST_TMPDIR/$name"
		[ "$(wc -l <"$BATS_TEST_TMPDIR/answer")" = 1 ]
		[ -s "$BATS_TEST_TMPDIR/$name/report/report.html" ]
		ask "$BATS_TEST_TMPDIR/answer" export "$BATS_TEST_TMPDIR/$name" -o "$BATS_TEST_TMPDIR/named.csv"
		is_text "$BATS_TEST_TMPDIR/named.csv"
		rm "$BATS_TEST_TMPDIR/$name/run.json"
		for command in check report tlb; do
			ask "$BATS_TEST_TMPDIR/answer" $command "$BATS_TEST_TMPDIR/$name" || [ $? = 1 ]
			[ "$(wc -l <"$said")" = 1 ]
		done
	done
}

# fails_in_a_line: each command that reads $run fails, and says so in one line.
fails_in_a_line() {
	for command in report tlb; do
		! ask "$BATS_TEST_TMPDIR/answer" $command "$run" || { echo "$command took it" && return 1; }
		[ "$(wc -l <"$said")" = 1 ]
		[[ "$(<"$said")" == "nestwalk: "*"$1"* ]] || { cat "$said" && return 1; }
	done
	ask "$BATS_TEST_TMPDIR/answer" check "$run" || [ $? = 1 ]
}

@test "a run of a newer schema, a cut one, duplicate keys, numbers beyond numbers, deep nesting: one line each" {
	hostile complete texts
	good=$(<"$runs/complete/run.json")
	echo "${good/\"schema\": 1/\"schema\": 7}" >"$run/run.json"
	fails_in_a_line 'schema 7, but this nestwalk reads schema 1'
	echo "${good:0:500}" >"$run/run.json"
	fails_in_a_line run.json
	: >"$run/run.json"
	fails_in_a_line run.json
	echo "${good/\"schema\": 1/\"schema\": 1, \"schema\": 1}" >"$run/run.json"
	fails_in_a_line 'duplicate object key'
	echo "${good/\"schema\": 1/\"schema\": 1, \"x\": 1e999}" >"$run/run.json"
	fails_in_a_line 'overflow'
	echo "${good/\"schema\": 1/\"schema\": 1, \"x\": $(printf '[%.0s' {1..5000})}" >"$run/run.json"
	fails_in_a_line 'depth'
	echo '[]' >"$run/run.json"
	fails_in_a_line 'not a JSON object'
	rm "$run/run.json"
	fails_in_a_line 'not a run directory'
	# Several runs are one report, which is not made of fewer than were named.
	cp -r "$runs/killed" "$BATS_TEST_TMPDIR/good"
	! ask "$BATS_TEST_TMPDIR/answer" report "$run" "$BATS_TEST_TMPDIR/good" || false
	[ "$(wc -l <"$said")" = 1 ]
	[ -z "$(find "$BATS_TEST_TMPDIR/good" -name 'report*')" ]
}

@test "points that are no points, and values of other kinds than they should be, never end a command" {
	mkdir "$run"
	cp "$runs/complete/run.json" "$run"
	for value in 1e999 -1e999 -0 '"1"' '[]' '{}' '[[1]]' true null '{"median":null}' '{"median":"x","lo":[],"hi":{}}' 18446744073709551616; do
		jq -c '.metrics |= map_values("@") | .params.pages = "@" | .outer = "@" | .samples |= map_values("@") | .counters = "@"' "$runs/complete/points.jsonl" |
			sed "s/\"@\"/${value//\"/\\\"}/g" >"$run/points.jsonl"
		for command in check tlb; do
			ask "$BATS_TEST_TMPDIR/answer" $command "$run" || [ $? = 1 ]
		done
		ask "$BATS_TEST_TMPDIR/answer" report "$run" -o "$out-$value" 2>/dev/null || [ $? = 1 ]
		[ "$(wc -l <"$said")" -le 1 ]
		ask "$BATS_TEST_TMPDIR/answer" query "$run" 'SELECT COUNT(*) FROM metric' || [ $? = 1 ]
		[ "$(wc -l <"$said")" -le 1 ]
	done
	echo 'no json' >"$run/points.jsonl"
	fails_in_a_line 'points.jsonl:1: not a JSON object'
}
