#!/usr/bin/env bats
# nestwalk site: an index of runs and their pages. Measures nothing.
# shellcheck disable=SC2030,SC2031,SC2154 # $status, $output and their like are set by run

bats_require_minimum_version 1.5.0

setup() {
	nestwalk=${NESTWALK:-$BATS_TEST_DIRNAME/../../build/nestwalk}
	runs=$BATS_TEST_DIRNAME/../fixtures/runs
	results=$BATS_TEST_TMPDIR/results
	site=$results/site
	# Few figures are drawn: what a site makes of them is the same for all.
	export NESTWALK_PLOTS=$BATS_TEST_TMPDIR/plots
	mkdir -p "$results/here" "$NESTWALK_PLOTS"
	cp -r "$BATS_TEST_DIRNAME"/../../plots/{*.gp,*.css,index.sql,levels} "$NESTWALK_PLOTS"
	printf '# What it costs: {{value: SELECT cpu FROM run}}\n\n{{include: levels}}\n' >"$NESTWALK_PLOTS/report.md"
}

# add NAME [FIXTURE]: a run.
add() {
	cp -r "$runs/${2:-complete}" "$results/here/$1"
}

# started NAME: when the page of a run was made, as a number that does not come twice.
drawn() {
	stat -c '%i %Y' "$site/runs/here--$1/index.html"
}

@test "an index, a page a run; what is drawn stays, what changed is drawn again, what is gone goes" {
	add a
	add b
	run "$nestwalk" site "$results/"
	[ "$status" -eq 0 ]
	[ "$output" = "$site/index.html" ]
	for run in a b; do
		grep -q "href=\"runs/here--$run/index.html\"" "$site/index.html"
		for file in levels.svg levels.png levels.pdf levels.tsv levels.sql report.md; do
			[ -s "$site/runs/here--$run/$file" ]
		done
		grep -q 'src="levels.svg"' "$site/runs/here--$run/index.html"
		grep -q 'href="../../index.html"' "$site/runs/here--$run/index.html"
	done
	[ "$(head -c 4 "$site/runs/here--a/levels.pdf")" = %PDF ]
	a=$(drawn a) b=$(drawn b)
	"$nestwalk" site "$results"
	[ "$(drawn a)" = "$a" ]
	touch -d '2020-01-01' "$results/here/b/points.jsonl"
	add c
	rm -r "$results/here/a"
	mkdir "$site/runs/mine"
	"$nestwalk" site "$results"
	[ ! -e "$site/runs/here--a" ]
	[ "$(drawn b)" != "$b" ]
	[ -s "$site/runs/here--c/index.html" ]
	run ! grep -r 'here--a' "$site"/*.html
	# What is not of the site is nobody's to remove.
	[ -d "$site/runs/mine" ]
	b=$(drawn b)
	echo '/* another */' >>"$NESTWALK_PLOTS/page.css"
	"$nestwalk" site "$results"
	[ "$(drawn b)" != "$b" ]
}

@test "the index is sorted by each column, the newest first without" {
	for n in 1 2 3; do
		add "r$n"
		sed -i "s/2026-11-22/2026-11-0$((n % 3 + 1))/; s/\"effort\": *\"[a-z]*\"/\"effort\": \"e$n\"/" "$results/here/r$n/run.json"
	done
	"$nestwalk" site -f svg "$results"
	order() { grep -o 'here--r[0-9]' "$site/$1" | tr -d '\n' | sed 's/here--r//g'; }
	[ "$(order index.html)" = 213 ]
	[ "$(order index-by-started.html)" = 312 ]
	[ "$(order index-by-effort.html)" = 123 ]
	[ "$(order index-by-run.html)" = 123 ]
	[ "$(grep -o 'aria-sort' "$site/index-by-effort.html" | wc -l)" -eq 1 ]
	for column in host cpu runs-on started effort l1-tlb-entries l2-tlb-entries page-walk-cycles page-fault-ns 2m-page-held-in state; do
		grep -q "<a href=\"index-by-$column.html\">" "$site/index.html"
		[ -s "$site/index-by-$column.html" ]
	done
	grep -q '<td align="right">64</td>' "$site/index.html"
	[ ! -e "$site/runs/here--r1/levels.png" ]
}

@test "runs that cannot be read have a row, a page and one line; the rest is made" {
	add good
	add newer bad-schema
	add cut truncated
	add nothing empty
	mkdir "$results/here/half"
	head -c 300 "$runs/complete/run.json" >"$results/here/half/run.json"
	mkdir "$results/here/points"
	echo '{}' >"$results/here/points/points.jsonl"
	for _ in 1 2; do
		run --separate-stderr "$nestwalk" site -f svg "$results"
		[ "$status" -eq 1 ]
		[ "$output" = "$site/index.html" ]
		[ "${#stderr_lines[@]}" -eq 3 ]
		[[ "$stderr" == *"here/half: "* && "$stderr" == *"here/newer: "*"schema 2"* && "$stderr" == *"here/points: "*"run.json"* ]]
	done
	[ "$(grep -c '<th scope="row">' "$site/index.html")" -eq 6 ]
	for run in half newer points; do
		grep -q 'There is no report' "$site/runs/here--$run/index.html"
		grep -q "here--$run/.*<td colspan=\"11\"><span class=\"bad\"" "$site/index.html"
	done
	grep -q 'levels.svg' "$site/runs/here--good/index.html"
	grep -q ', cut off</td>' "$site/index.html"
}

@test "a figure that fails is named, and the page has the rest" {
	add a
	echo nonsense >"$NESTWALK_PLOTS/levels/figure.gp"
	run --separate-stderr "$nestwalk" site -f svg "$results"
	[ "$status" -eq 1 ]
	[[ "$stderr" == "nestwalk: here/a: levels: gnuplot could not draw it"* ]]
	grep -q 'Figure not drawn' "$site/runs/here--a/index.html"
	grep -q 'class="bad".*levels' "$site/index.html"
}

@test "names of strangers are text, and long ones are cut in the index" {
	hostile=$'<script>alert(1) "q" \'s\' `x` | @{}\n\e[31m'
	add a
	mv "$results/here" "$results/$hostile"
	mkdir "$results/here"
	add b
	add $'not utf-8 \xff'
	long=$(printf 'x%.0s' $(seq 10000))
	jq --arg host "$hostile" --arg long "$long" '.host = $host | .machine.cpu.name = $long + "<i>"' "$runs/complete/run.json" >"$results/here/b/run.json"
	run --separate-stderr "$nestwalk" site -f svg "$results"
	[ "$status" -eq 0 ]
	[ "$(find "$site/runs" -name index.html | wc -l)" -eq 3 ]
	[ -z "$(find "$site/runs" -printf '%P' | tr -d '[:alnum:]/._-')" ]
	run ! grep -rlE '<script|<i>' "$site" --include=*.html
	run ! grep -rlaP '\x1b|\xff' "$site" --include=*.html
	[ "$(wc -c <"$site/index.html")" -lt 50000 ]
	rm "$results/here/"not*/points.jsonl
	run --separate-stderr "$nestwalk" site -f svg "$results"
	[ "$status" -eq 1 ]
	[[ "$stderr" == *"not utf-8"*"points.jsonl"* ]]
	grep -q "<td title=\"$long&#60;i&#62;\">xxxx" "$site/index.html"
}

@test "site.conf: runs elsewhere, comparisons, title, formats" {
	add a
	add b
	cp -r "$runs/truncated" "$BATS_TEST_TMPDIR/else where"
	cat >"$results/site.conf" <<-'CONF'
		# Ours.
		title: Our <machines>
		run: ../else where

		compare: here/a here/b
		compare: here/a "../else where"
		formats: svg pdf
	CONF
	run "$nestwalk" site "$results"
	[ "$status" -eq 0 ]
	grep -q '<h1>Our &#60;machines&#62;</h1>' "$site/index.html"
	[ "$(grep -c '<th scope="row">' "$site/index.html")" -eq 3 ]
	grep -q '>here/a against here/b</a>' "$site/index.html"
	[ "$(find "$site/compare" -name index.html | wc -l)" -eq 2 ]
	for page in "$site/compare"/*/index.html; do
		grep -q 'What differs beyond chance' "$page"
		grep -qE '[1-9][0-9]* rows? compared' "$page"
	done
	# One set of figures has both runs, under the names that the comparison has for them.
	page=$(echo "$site"/compare/here--a-against-here--b-*)
	for label in a b; do
		grep -q "host ($label)" "$page"/levels.tsv
		grep -q "host ($label)" "$page"/levels.svg
	done
	[ -s "$site/runs/here--a/levels.pdf" ]
	[ ! -e "$site/runs/here--a/levels.png" ]
	sed -i '/^compare/d' "$results/site.conf"
	"$nestwalk" site "$results"
	[ -z "$(ls "$site/compare")" ]
}

# wrong LINE WORDS: site.conf with that line is refused, with its number.
wrong() {
	printf '# one\n%s\n' "$1" >"$BATS_TEST_TMPDIR/wrong.conf"
	run "$nestwalk" site -c "$BATS_TEST_TMPDIR/wrong.conf" "$results"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ "$output" == *"wrong.conf: line 2: "*"$2"* ]]
}

@test "a line of site.conf that is not understood is named, and nothing is drawn" {
	add a
	wrong 'hello' "'hello' is not KEY: VALUE"
	wrong 'colour: red' "no key 'colour'"
	wrong 'compare: a' 'two runs'
	wrong 'compare: a "b' 'quote'
	wrong 'formats: svg gif' "'gif' is no format"
	wrong 'title:' 'no value'
	[ ! -e "$site/index.html" ]
	run "$nestwalk" site -c "$BATS_TEST_TMPDIR/nowhere.conf" "$results"
	[ "$status" -eq 1 ]
	[[ "$output" == *"nowhere.conf"* ]]
	run "$nestwalk" site "$BATS_TEST_TMPDIR/nowhere"
	[ "$status" -eq 1 ]
	[[ "$output" == *"nowhere"*"make bench"* ]]
}

@test "a run that is named in site.conf and is not there has a row that says so" {
	add a
	echo 'run: gone' >"$results/site.conf"
	run --separate-stderr "$nestwalk" site -f svg "$results"
	[ "$status" -eq 1 ]
	[[ "$stderr" == "nestwalk: gone: "* ]]
	[ "$(grep -c '<th scope="row">' "$site/index.html")" -eq 2 ]
}

@test "interrupted, the site is as it was or newer, and goes on from there" {
	for n in 1 2 3 4 5 6; do
		add "r$n"
	done
	"$nestwalk" site -f svg "$results"
	echo '/* another */' >>"$NESTWALK_PLOTS/page.css"
	# A gnuplot that takes its time.
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\nsleep 0.5\nexec "%s" "$@"\n' "$(type -P gnuplot)" >"$BATS_TEST_TMPDIR/bin/gnuplot"
	chmod +x "$BATS_TEST_TMPDIR/bin/gnuplot"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH "$nestwalk" site -f svg "$results" 2>"$BATS_TEST_TMPDIR/said" &
	for ((i = 0; i < 600; i++)); do
		[ -z "$(find "$site/runs" -name '+*')" ] || break
		sleep 0.05
	done
	# Nobody makes the same site meanwhile.
	run "$nestwalk" site -f svg "$results"
	[ "$status" -eq 1 ]
	[[ "$output" == *"another nestwalk is making"* ]]
	kill -INT $!
	wait $! && false
	grep -q interrupted "$BATS_TEST_TMPDIR/said"
	[ "$(grep -c 'href="runs/here--r' "$site/index.html")" -eq 6 ]
	for n in 1 2 3 4 5 6; do
		grep -q '</html>' "$site/runs/here--r$n/index.html"
		grep -q '</svg>' "$site/runs/here--r$n/levels.svg"
	done
	mkdir "$site/runs/+of-a-killed-one"
	"$nestwalk" site -f svg "$results"
	[ -z "$(find "$site" -name '+*')" ]
	grep -q '/\* another \*/' "$site/runs/here--r6/index.html"
}

@test "runs below runs, links to runs and the site itself are found once or not at all" {
	add a
	mkdir -p "$results/here/a/guest/results"
	cp -r "$runs/complete" "$results/here/a/guest/results/run"
	ln -s here/a "$results/linked"
	"$nestwalk" site -f svg "$results" "$results/here"
	[ "$(grep -c '<th scope="row">' "$site/index.html")" -eq 1 ]
	# An example of results is a run, too: its name is that of its directory.
	"$nestwalk" site -f svg -o "$BATS_TEST_TMPDIR/deep/er" "$results/here/a"
	grep -q 'href="runs/a/index.html"' "$BATS_TEST_TMPDIR/deep/er/index.html"
	# Runs of one name in several places have a page each.
	for place in x y z; do
		mkdir "$BATS_TEST_TMPDIR/$place"
		cp -r "$runs/complete" "$BATS_TEST_TMPDIR/$place/same"
	done
	"$nestwalk" site -f svg -o "$BATS_TEST_TMPDIR/same" "$BATS_TEST_TMPDIR"/{x,y,z}
	[ "$(find "$BATS_TEST_TMPDIR/same/runs" -name index.html | wc -l)" -eq 3 ]
}

@test "the committed page of the example is what this program makes: otherwise make reference-site, and commit it" {
	root=$BATS_TEST_DIRNAME/../..
	export NESTWALK_PLOTS=$root/plots
	"$nestwalk" site --formats svg --plots "$root/docs/reference/plots" -o "$BATS_TEST_TMPDIR/site" "$root/results/reference"
	cp -r "$root/docs/reference" "$BATS_TEST_TMPDIR/committed"
	# Each version of gnuplot draws in its own way; what it writes is the same.
	for made in "$BATS_TEST_TMPDIR/site" "$BATS_TEST_TMPDIR/committed"; do
		grep -o '<text>.*</text>' "$made/runs/reference/overview.svg" >"$made/runs/reference/overview.text"
		rm -rf "$made/runs/reference"/{overview.svg,row.json} "$made/compare" "$made/plots"
	done
	[ "$(wc -l <"$BATS_TEST_TMPDIR/site/runs/reference/overview.text")" -gt 20 ]
	diff -r "$BATS_TEST_TMPDIR/committed" "$BATS_TEST_TMPDIR/site"
	[ "$(du -sk --apparent-size "$root/docs/reference" | cut -f 1)" -lt 300 ]
	grep -q 'docs/reference/index.html' "$root/README.md"
}
