#!/usr/bin/env bats
# nestwalk report: tables, figures and text of a run. Measures nothing.

bats_require_minimum_version 1.5.0

setup() {
	nestwalk=${NESTWALK:-$BATS_TEST_DIRNAME/../../build/nestwalk}
	runs=$BATS_TEST_DIRNAME/../fixtures/runs
	out=$BATS_TEST_TMPDIR/report
	plots=$BATS_TEST_TMPDIR/plots
	export NESTWALK_PLOTS=$BATS_TEST_DIRNAME/../../plots
}

# own NAME FILE TEXT...: make a folder of a figure of the user's own with these files.
own() {
	local name=$1
	shift
	mkdir -p "$plots/$name"
	while [ $# -gt 1 ]; do
		printf '%s\n' "$2" >"$plots/$name/$1"
		shift 2
	done
}

own_figure() {
	own mine text.md $'## My own\n\n{{figure: My title | My picture}}\n\nIn all {{value: SELECT COUNT(*) FROM drawn}} rows.' \
		table.sql $'-- Mine.\nSELECT place AS label, pages, net_ns FROM tlb_reach WHERE status = \'ok\' AND NOT emulated ORDER BY place_rank, pages' \
		figure.gp $'lines = "label"; x_column = "pages"; y_column = "net_ns"; y_lo = ""; y_hi = ""; y_scale = "linear"\nx_title = "pages"; y_title = "ns"\nload "grid.gp"'
}

# broken WORDS: the report of a run with the user's figures names what is wrong, and has all the rest.
broken() {
	run "$nestwalk" report "$runs/complete" -o "$out" --plots "$plots"
	echo "$output"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ "$output" == "nestwalk: mine: "*"$1"* ]]
	[ -s "$out/overview.svg" ]
	[ -s "$out/levels.tsv" ]
	[ -s "$out/report.html" ]
	grep -q '^## How to do it again' "$out/report.md"
}

@test "a run's report: tables, pictures, text, one page; its path on stdout" {
	run "$nestwalk" report "$runs/complete" -o "$out"
	[ "$status" -eq 0 ]
	[ "$output" = "$out/report.html" ]
	for figure in overview levels tlb-reach-4K-stride1; do
		grep -q '</svg>' "$out/$figure.svg"
		[ "$(head -c 4 "$out/$figure.png" | tail -c 3)" = PNG ]
		[ -s "$out/$figure.tsv" ]
		grep -q "]($figure.svg)" "$out/report.md"
	done
	[ "$(grep -o 'data:image/svg+xml;base64,' "$out/report.html" | wc -l)" -eq "$(find "$out" -name '*.svg' | wc -l)" ]
}

@test "the page has each figure with its files, its tables and its queries, at an address that stays" {
	"$nestwalk" report "$runs/laboratory" -o "$out"
	for figure in walk-depth-4K guest-faults huge-pages huge-pages-map; do
		grep -q "^<figure id=\"$figure\">" "$out/report.html"
		grep -q "<a href=\"#$figure\"" "$out/report.html"
		grep -q "<summary>Table $figure.tsv<" "$out/report.html"
		grep -q "<summary>Query $figure.sql<" "$out/report.html"
	done
	# A figure of which only the table says something.
	[ ! -e "$out/huge-pages-map.svg" ]
	grep -q '](huge-pages-map.tsv)$' "$out/report.md"
	links=$(grep -o 'href="[^"]*"' "$out/report.html" | cut -d '"' -f 2)
	[ "$(wc -l <<<"$links")" -gt 40 ]
	while read -r link; do
		case $link in
		\#*) grep -q "id=\"${link#?}\"" "$out/report.html" ;;
		*) [ -s "$out/$link" ] ;;
		esac || { echo "leads nowhere: $link" && false; }
	done <<<"$links"
	run grep -cE '<th[ >]' "$out/report.html"
	heads=$output
	run grep -cE '<th scope="col"' "$out/report.html"
	[ "$output" -eq "$heads" ]
}

@test "a published query, asked again, gives the published rows" {
	"$nestwalk" report "$runs/laboratory" -o "$out"
	for figure in walk-depth-4K guest-faults huge-pages; do
		"$nestwalk" query --format tsv "$runs/laboratory" "$(cat "$out/$figure.sql")" >"$BATS_TEST_TMPDIR/rows"
		grep -v '^#' "$out/$figure.tsv" | cmp - "$BATS_TEST_TMPDIR/rows"
	done
}

@test "an image and a link of a figure's text: nothing is fetched from elsewhere" {
	own mine text.md $'## Mine\n\n![[words](mine.tsv) of it](http://example.org/x.svg) and [![again](mine.svg)](http://example.org/)\n\n{{figure: My title | My picture}}' \
		table.sql 'SELECT 1 AS x, 2 AS y UNION SELECT 2, 3' \
		figure.gp $'x_column = "x"; y_column = "y"; y_lo = ""; y_hi = ""; x_title = "x"; y_title = "y"\nload "grid.gp"'
	run "$nestwalk" report "$runs/complete" -o "$out" --plots "$plots"
	[ "$status" -eq 0 ]
	grep -q '^<figure id="mine">' "$out/report.html"
	run ! grep -oE 'src="[^d][^"]*"' "$out/report.html"
}

@test "the page fetches nothing and runs nothing" {
	"$nestwalk" report "$runs/complete" -o "$out"
	run grep -cE '<script|<link|src="[^d]|url\(' "$out/report.html"
	[ "$output" = 0 ]
}

@test "text in pictures is as it was: no markup, no missing underscores" {
	"$nestwalk" report "$runs/complete" -o "$out"
	grep -q 'Example_CPU 72-entry &lt;b' "$out/overview.svg"
}

@test "a run inside a guest says so in every picture" {
	"$nestwalk" report "$runs/inside-guest" -o "$out"
	for picture in "$out"/*.svg; do
		grep -q 'this host is itself a KVM guest' "$picture"
	done
}

@test "an emulator's times are not drawn" {
	run "$nestwalk" report "$runs/emulated" -o "$out"
	[ "$status" -eq 0 ]
	[ -z "$(find "$out" -name '*.svg' -o -name '*.png')" ]
	grep -q 'emulated machine' "$out/report.md"
}

@test "each bench of a suite is drawn" {
	run "$nestwalk" report "$runs/laboratory" -o "$out"
	[ "$status" -eq 0 ]
	for figure in walk-depth-4K huge-pages guest-faults \
		guest-faults-times cr3-loads table-memory; do
		grep -q '</svg>' "$out/$figure.svg"
		[ "$(head -c 4 "$out/$figure.png" | tail -c 3)" = PNG ]
		grep -q "]($figure.svg)" "$out/report.md"
	done
	[ ! -e "$out/levels.svg" ]
	grep -q 'page directory' "$out/walk-depth-4K.svg"
	# A table serves large pages better.
	[ ! -e "$out/walk-depth-2M.svg" ]
	grep -q '^Larger pages, translation' "$out/report.md"
	# Two sizes of backing are no map.
	[ ! -e "$out/huge-pages-map.svg" ]
	grep -q '^| vcpu, nested paging | 4K | .* | not measured |$' "$out/report.md"
	[ -s "$out/huge-pages-map.tsv" ]
}

@test "page sizes on three sizes of backing are a map" {
	mkdir "$BATS_TEST_TMPDIR/run"
	cp "$runs/laboratory/run.json" "$BATS_TEST_TMPDIR/run"
	awk '!/"huge-pages"/ || !/1073741824,"backing"/ { print }
		/"huge-pages"/ && /2097152,"backing":"2M-thp"/ { gsub("2097152", "1073741824"); gsub("2M-thp", "1G-hugetlb"); print }' \
		"$runs/laboratory/points.jsonl" >"$BATS_TEST_TMPDIR/run/points.jsonl"
	run "$nestwalk" report "$BATS_TEST_TMPDIR/run" -o "$out"
	[ "$status" -eq 0 ]
	grep -q '</svg>' "$out/huge-pages-map.svg"
	grep -q 'not measured' "$out/huge-pages-map.svg"
}

@test "walks are drawn: how many overlap, which entries are held, what a reference costs" {
	run "$nestwalk" report "$runs/walks" -o "$out"
	[ "$status" -eq 0 ]
	for figure in walk-depth-4K walk-line walk-cache walk-parallel; do
		grep -q '</svg>' "$out/$figure.svg"
		grep -q "]($figure.svg)" "$out/report.md"
	done
	grep -q 'Dependent chases overstate .* adds 9.75 core cycles .* instead of 72.0 with one chain, which is 7.38 times as much' \
		"$out/report.md"
	grep -q '^| host | 4K pages, 32 MiB | .* | 8 | 6.00 \[' "$out/report.md"
	grep -q '^| host | PDE | 209 \[64, 256\] | 68.6 | 19.6 |' "$out/report.md"
	grep -q '^| host | PDPTE | at least 1024 | .* the cost does not step up' "$out/report.md"
	# Bare metal: theory is said, and nothing about a hypervisor beneath.
	grep -q 'takes 3 to 4 references on bare metal, by the size of the page, and 19 to 24 where' "$out/report.md"
	run grep -c 'This Linux is itself a guest' "$out/report.md"
	[ "$output" -eq 0 ]
}

@test "of an emulated machine only counts are drawn, and marked" {
	run "$nestwalk" report "$runs/laboratory-emulated" -o "$out"
	[ "$status" -eq 0 ]
	[ "$(cd "$out" && echo *.svg)" = "guest-faults.svg table-memory.svg" ]
	for figure in "$out"/*.svg; do
		grep -q 'emulated machine' "$figure"
	done
}

@test "numbers that no machine has are drawn or left out, and never stop the report" {
	local name number

	for name in laboratory storms guests; do
		mkdir "$BATS_TEST_TMPDIR/$name"
		cp "$runs/$name/run.json" "$BATS_TEST_TMPDIR/$name"
		for number in 0.0 -5.0 1e300 null; do
			sed -E "s/\"(median|lo|hi)\":[-0-9.e+]+/\"\1\":$number/g" "$runs/$name/points.jsonl" \
				>"$BATS_TEST_TMPDIR/$name/points.jsonl"
			run "$nestwalk" report "$BATS_TEST_TMPDIR/$name" -o "$out-$name-$number"
			echo "$name with $number: $output"
			[ "$status" -eq 0 ]
			[ -s "$out-$name-$number/report.html" ]
		done
	done
}

@test "runs with little or nothing in them have a report" {
	for name in empty all-skipped truncated killed; do
		run "$nestwalk" report "$runs/$name" -o "$out-$name"
		[ "$status" -eq 0 ]
		[ -s "$out-$name/report.html" ]
	done
	grep -q 'only 8 MiB of memory are free' "$out-all-skipped/report.md"
}

@test "without gnuplot: one line that says what to install, tables and text are there, exit 1" {
	run env PATH=/nonexistent "$nestwalk" report "$runs/complete" -o "$out"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ "$output" == *"scripts/setup build"* ]]
	[ -s "$out/levels.tsv" ]
	grep -q 'Figure not drawn' "$out/report.md"
}

@test "a gnuplot that fails is quoted, and the rest is made" {
	mkdir -p "$plots/levels"
	cp "$NESTWALK_PLOTS/levels"/* "$plots/levels"
	echo 'nonsense here' >"$plots/levels/figure.gp"
	run "$nestwalk" report "$runs/complete" -o "$out" --plots "$plots"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ "$output" == "nestwalk: levels: "*"figure.gp"*"line 1"* ]]
	grep -q 'Figure not drawn' "$out/report.md"
	[ -s "$out/levels.tsv" ]
	[ ! -e "$out/levels.svg" ]
	[ -s "$out/overview.svg" ]
	[ -s "$out/report.html" ]
}

@test "a figure of one's own: drawn, published, and last in the report" {
	own_figure
	run "$nestwalk" report "$runs/complete" -o "$out" --plots "$plots"
	[ "$status" -eq 0 ]
	grep -q '</svg>' "$out/mine.svg"
	grep -q 'My title' "$out/mine.svg"
	[ "$(head -1 "$out/mine.tsv")" = '# Mine.' ]
	[ "$(head -2 "$out/mine.tsv" | tail -1)" = $'label\tpages\tnet_ns' ]
	[ "$(grep -c '^## ' "$out/report.md")" -gt 5 ]
	[ "$(grep '^## ' "$out/report.md" | tail -1)" = '## My own' ]
	grep -qF '![My picture](mine.svg)' "$out/report.md"
	grep -q "In all $(($(wc -l <"$out/mine.tsv") - 2)) rows" "$out/report.md"
}

@test "a figure of one's own takes the place of ours with its name, and a report.md that of our report" {
	own levels text.md $'## Levels, otherwise\n\n{{table: SELECT place, level, entries FROM tlb_level JOIN curve USING (curve)}}'
	run "$nestwalk" report "$runs/complete" -o "$out" --plots "$plots"
	[ "$status" -eq 0 ]
	grep -q '^## Levels, otherwise' "$out/report.md"
	[ ! -e "$out/levels.svg" ]
	printf '# Only levels\n\n{{include: levels}}\n' >"$plots/report.md"
	run "$nestwalk" report "$runs/complete" -o "$out-short" --plots "$plots"
	[ "$status" -eq 0 ]
	[ "$(grep -c '^#' "$out-short/report.md")" -eq 2 ]
	[ ! -e "$out-short/overview.svg" ]
}

@test "a picture is drawn along a column with three values, and left out with its table and text kept along one with two" {
	own_figure
	sed -i 's/My picture}}/My picture | pages}}/' "$plots/mine/text.md"
	run "$nestwalk" report "$runs/complete" -o "$out" --plots "$plots"
	[ "$status" -eq 0 ]
	grep -q '</svg>' "$out/mine.svg"
	sed -i 's/My picture | pages}}/My picture | label}}/' "$plots/mine/text.md"
	run "$nestwalk" report "$runs/complete" -o "$out-2" --plots "$plots"
	[ "$status" -eq 0 ]
	[ ! -e "$out-2/mine.svg" ]
	cmp "$out/mine.tsv" "$out-2/mine.tsv"
	grep -q '^## My own' "$out-2/report.md"
	grep -q "In all $(($(wc -l <"$out/mine.tsv") - 2)) rows" "$out-2/report.md"
	sed -i 's/My picture | label}}/My picture | nothing}}/' "$plots/mine/text.md"
	broken 'no such column: nothing'
}

@test "several pictures come from one gnuplot, and none sees what another one set" {
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\necho started >>"%s"\nexec "%s" "$@"\n' "$BATS_TEST_TMPDIR/started" "$(type -P gnuplot)" >"$BATS_TEST_TMPDIR/bin/gnuplot"
	chmod +x "$BATS_TEST_TMPDIR/bin/gnuplot"
	own_figure
	cp -r "$plots/mine" "$plots/nine"
	own mine figure.gp $'leaked = 1; set dashtype 2 (9, 9); set title "leaked"\n'"$(cat "$plots/mine/figure.gp")"
	own nine text.md $'## Nine\n\n{{figure: It\'s `date` @ARG1 $x # %s | My picture}}' \
		figure.gp $'if (exists("leaked")) { nonsense }\nline_dash = "pages"\n'"$(cat "$plots/nine/figure.gp")"
	sed -i 's/pages, net_ns/2 AS pages, net_ns/' "$plots/nine/table.sql"
	run env PATH="$BATS_TEST_TMPDIR/bin:$PATH" "$nestwalk" report "$runs/complete" -o "$out" --plots "$plots"
	echo "$output"
	[ "$status" -eq 0 ]
	pictures=$(find "$out" -name '*.svg' | wc -l)
	[ "$pictures" -gt 4 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/started")" -le $((pictures / 8 + 1)) ]
	rm -r "$plots/mine"
	"$nestwalk" report "$runs/complete" -o "$out-alone" --plots "$plots"
	cmp "$out/nine.png" "$out-alone/nine.png"
	grep -qF "<text>It's \`date\` @ARG1 \$x # %s</text>" "$out/nine.svg"
}

@test "points without an interval are drawn" {
	own mine text.md $'## Mine\n\n{{figure: My title | My picture}}' \
		table.sql 'SELECT column1 AS x, column2 AS y, column3 AS y_lo, column4 AS y_hi FROM (VALUES (1, 2, NULL, NULL), (2, 3, 2, 4), (4, 9, NULL, NULL))' \
		figure.gp $'x_column = "x"; y_column = "y"; line_with = "points"; x_title = "x"; y_title = "y"\nload "grid.gp"'
	run "$nestwalk" report "$runs/complete" -o "$out" --plots "$plots"
	[ "$status" -eq 0 ]
	[ "$(grep -c "xlink:href='#gpPt6' transform='translate" "$out/mine.svg")" -eq 3 ]
}

@test "a broken table.sql is named in SQLite's words" {
	own_figure
	own mine table.sql 'SELECT nope FROM tlb_reach'
	broken 'table.sql: no such column: nope'
	grep -q 'Not made: mine' "$out/report.md"
}

@test "a broken figure.gp is named in gnuplot's words" {
	own_figure
	own mine figure.gp $'# fine\nplot nonsense with nothing'
	broken 'figure.gp" line 2'
	grep -q 'Figure not drawn' "$out/report.md"
	[ -s "$out/mine.tsv" ]
}

@test "a broken text.md is named, with its line" {
	own_figure
	own mine text.md $'## Mine\n\n{{value: SELECT nope}}'
	broken 'text.md: line 3: no such column: nope'
	own mine text.md $'## Mine\n{{each: SELECT 1}}'
	broken 'text.md: line 2: a block is not closed'
}

@test "a figure whose figure.gp or table.sql is missing is named" {
	own_figure
	rm "$plots/mine/figure.gp"
	broken 'figure.gp'
	rm "$plots/mine/table.sql"
	broken 'table.sql'
}

@test "figures of a folder that is not there" {
	run "$nestwalk" report "$runs/complete" -o "$out" --plots "$BATS_TEST_TMPDIR/nowhere"
	[ "$status" -eq 0 ] || [ "${#lines[@]}" -eq 1 ]
}

@test "forty page counts, forty-eight CPU counts and thirty settings and modes are all drawn" {
	mkdir "$BATS_TEST_TMPDIR/run"
	cp "$runs/complete/run.json" "$BATS_TEST_TMPDIR/run"
	awk 'BEGIN {
		for (place = 1; place <= 30; place++) for (cpus = 0; cpus < 48; cpus += place == 1 ? 1 : 47)
			for (i = 0; i < (place == 1 ? 40 : 2); i++)
				point("tlb-shootdown", place, "\"operation\":\"munmap\",\"others\":" cpus ",\"pages\":" i + 1, "operation")
		for (place = 1; place <= 30; place++) for (i = 0; i < 40; i++) 
			point("tlb-reach", place, "\"page_size_bytes\":4096,\"backing\":\"4K\",\"stride_pages\":1,\"pages\":" 8 + i, "net")
		for (cpus = 1; cpus <= 48; cpus++)
			point("fault-storm", 1, "\"kind\":\"anon-write\",\"frames\":\"recycled\",\"as\":\"threads\",\"actors\":" cpus, "fault")
	}
	function metric(name, unit, median) {
		return sprintf("\"%s\":{\"median\":%g,\"lo\":%g,\"hi\":%g,\"unit\":\"%s\"}", name, median, median * 0.9, median * 1.1, unit)
	}
	function point(bench, place, params, name) {
		n++
		printf "{\"bench\":\"%s\",\"setting\":\"%s\",\"paging\":\"%s\",\"outer\":\"bare-metal\",\"pass\":\"sweep\",\"params\":{%s},\"status\":\"ok\",\"metrics\":{%s,%s,%s,%s}}\n",
			bench, place == 1 ? "host" : place % 2 ? "vcpu" : "guest", place == 1 ? "native" : "mode" place, params,
			metric(name "_ns", "ns", 100 + n), metric(name "_cycles", "cycles", 300 + n), metric("gross_cycles", "cycles", 310 + n),
			metric("faults_per_s", "per s", 1000 * n)
	}' >"$BATS_TEST_TMPDIR/run/points.jsonl"
	run "$nestwalk" report "$BATS_TEST_TMPDIR/run" -o "$out"
	echo "$output"
	[ "$status" -eq 0 ]
	rows() { grep -v '^#' "$out/$1.tsv" | tail -n +2; }
	# column TABLE NAME: how many different values it has.
	column() {
		grep -v '^#' "$out/$1.tsv" | awk -F '\t' -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i; next }
			{ print $at }' | sort -u | wc -l
	}
	[ "$(rows shootdowns | wc -l)" -eq $((48 * 40 + 29 * 2 * 2)) ]
	[ "$(column shootdowns pages)" -eq 40 ]
	[ "$(column shootdowns others)" -eq 48 ]
	[ "$(column shootdowns label)" -eq 30 ]
	[ "$(column storm-rates actors)" -eq 48 ]
	[ "$(column tlb-reach-4K-stride1 pages)" -eq 40 ]
	for place in 2 3 17 30; do
		grep -q "mode$place paging" "$out/shootdowns.svg"
		grep -q "mode$place paging" "$out/tlb-reach-4K-stride1.svg"
		grep -q "mode$place paging" "$out/comparison.svg"
	done
	for cpus in '1 other' '17 others' '47 others'; do
		grep -q ">$cpus<" "$out/shootdowns.svg"
	done
	[ "$(column comparison label)" -eq 29 ]
}

@test "unwritable places: one line, exit 1" {
	for place in /proc/nowhere /dev/null; do
		run "$nestwalk" report "$runs/complete" -o "$place"
		[ "$status" -eq 1 ]
		[ "${#lines[@]}" -eq 1 ]
		[[ "$output" == "nestwalk: "*"$place"* ]]
	done
}

@test "a full disk is an error" {
	unshare -rm true || skip "no mount of one's own"
	mkdir "$out"
	# shellcheck disable=SC2016 # for the other shell
	run unshare -rm sh -c 'mount -t tmpfs -o size=32k none "$1" && exec "$2" report "$3" -o "$1"' sh "$out" "$nestwalk" \
		"$runs/complete"
	[ "$status" -eq 1 ]
	[[ "$output" == "nestwalk: "*"$out/"*": No space left"* ]]
}

@test "no run, or no such run" {
	run "$nestwalk" report
	[ "$status" -eq 2 ]
	run "$nestwalk" report "$runs/nowhere"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
}

@test "an interrupted report says so, and leaves nothing in the temporary directory" {
	mkdir "$BATS_TEST_TMPDIR/scratch"
	TMPDIR=$BATS_TEST_TMPDIR/scratch "$nestwalk" report -o "$BATS_TEST_TMPDIR/report" \
		"$BATS_TEST_DIRNAME/../../results/reference" 2>"$BATS_TEST_TMPDIR/said" &
	# The first figure's table is there: the report is in the middle of its work.
	for ((i = 0; i < 600; i++)); do
		[ ! -e "$BATS_TEST_TMPDIR/report/overview.tsv" ] || break
		sleep 0.1
	done
	kill -INT $!
	wait $! && false
	grep -q 'interrupted' "$BATS_TEST_TMPDIR/said"
	[ -z "$(ls "$BATS_TEST_TMPDIR/scratch")" ]
}
