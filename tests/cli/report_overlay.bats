#!/usr/bin/env bats
# nestwalk report of several runs: one report, in which no figure and no sentence takes one run for another. Measures nothing.

bats_require_minimum_version 1.5.0

setup() {
	nestwalk=${NESTWALK:-$BATS_TEST_DIRNAME/../../build/nestwalk}
	root=$BATS_TEST_DIRNAME/../..
	runs=$BATS_TEST_DIRNAME/../fixtures/runs
	out=$BATS_TEST_TMPDIR/report
	export NESTWALK_PLOTS=$root/plots
}

# machine NAME RUN [SED...]: a copy of a fixture on another machine, with more changes of its run.json.
machine() {
	cp -r "$runs/$2" "$BATS_TEST_TMPDIR/$1"
	sed -i "s/\"host\": \"fixture\"/\"host\": \"$1\"/" "$BATS_TEST_TMPDIR/$1/run.json"
	[ $# -lt 3 ] || sed -i "$3" "$BATS_TEST_TMPDIR/$1/run.json"
}

# overlay ARGUMENT...: the tables and the text, without pictures.
overlay() {
	PATH=/nonexistent "$nestwalk" report -o "$out" "$@" 2>"$BATS_TEST_TMPDIR/said" || :
	[ "$(cat "$BATS_TEST_TMPDIR/said")" = "nestwalk: figures: no gnuplot: figures are not drawn (scripts/setup build installs it)" ]
	run ! grep '^\*Not made' "$out/report.md"
}

# Values of a column of a table, each once.
values() {
	awk -F '\t' -v name="$2" '/^#/ { next } !at { for (i = 1; i <= NF; i++) if ($i == name) at = i; if (!at) exit 1; next } { print $at }' "$1" | sort -u
}

@test "two runs: one report with pictures beside the last, whose legends hold both labels" {
	machine before complete
	machine after complete
	run "$nestwalk" report "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
	[ "$status" -eq 0 ]
	[ "$output" = "$BATS_TEST_TMPDIR/after/report-against-before/report.html" ]
	[ ! -e "$BATS_TEST_TMPDIR/before/report" ]
	[ ! -e "$BATS_TEST_TMPDIR/after/report" ]
	cd "$BATS_TEST_TMPDIR/after/report-against-before"
	for figure in overview levels tlb-reach-4K-stride1; do
		grep -q 'host (before)' $figure.svg
		grep -q 'host (after)' $figure.svg
		grep -q 'nested paging (before)' $figure.svg
		grep -q 'nested paging (after)' $figure.svg
		[ "$(values $figure.tsv colour | wc -l)" -eq 4 ]
	done
	grep -q 'host (after)' runs.svg
	grep -qx '# What address translation costs: after against before' report.md
}

@test "labels are the user's where there are any, one for each run and none twice" {
	overlay -l old -l 'new & <b>' "$runs/complete" "$runs/counted"
	[ "$(values "$out/overview.tsv" series)" = "$(printf '%s\n' 'host (new & <b>)' 'host (old)' \
		'vcpu, nested paging (new & <b>)' 'vcpu, nested paging (old)')" ]
	for wrong in "-l old" "-l old -l old" "-l a -l b -l c"; do
		# shellcheck disable=SC2086 # words
		run "$nestwalk" report $wrong "$runs/complete" "$runs/counted" -o "$out"
		[ "$status" -eq 2 ]
	done
	run "$nestwalk" report -l '' -l b "$runs/complete" "$runs/counted" -o "$out"
	[ "$status" -eq 2 ]
}

@test "a label that no terminal and no gnuplot takes for more than text" {
	overlay -l $'a\n\e[31m`id`' -l $'\xff|b' "$runs/complete" "$runs/complete"
	run ! grep -rP '\x1b|\xff' "$out"
	values "$out/overview.tsv" series | grep -qF '`id`'
}

@test "runs are called by what tells them apart: host, directory, kernel, time, or their number" {
	machine one.example.org complete
	machine two.example.org complete
	overlay "$BATS_TEST_TMPDIR"/*.example.org
	grep -qF '# What address translation costs: two against one' "$out/report.md"

	overlay "$runs/complete" "$runs/counted"
	grep -qF '# What address translation costs: counted against complete' "$out/report.md"

	mkdir "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
	for place in a b; do cp -r "$runs/complete" "$BATS_TEST_TMPDIR/$place/20261130T010203Z"; done
	sed -i 's/"2026-11-22T01:40:00Z"/"2026-11-23T07:08:09Z"/' "$BATS_TEST_TMPDIR/b/20261130T010203Z/run.json"
	overlay "$BATS_TEST_TMPDIR"/?/20261130T010203Z
	grep -qF '2026-11-23 07:08 against 2026-11-22 01:40' "$out/report.md"
	sed -i 's/"release": "[^"]*"/"release": "6.12.0"/' "$BATS_TEST_TMPDIR/b/20261130T010203Z/run.json"
	overlay "$BATS_TEST_TMPDIR"/?/20261130T010203Z
	grep -qF 'kernel 6.12.0 against kernel 6.1.0' "$out/report.md"

	overlay "$runs/complete" "$runs/complete"
	grep -qF 'run 2 against run 1' "$out/report.md"
}

@test "a run twice is like itself in everything" {
	overlay "$runs/system" "$runs/system"
	[ "$(values "$out/runs.tsv" ratio)" = 1 ]
	[ "$(values "$out/runs.tsv" alike | grep -vc no)" -ge 1 ]
	run ! grep -P '\tno$' "$out/runs.tsv"
	run ! grep 'The runs differ' "$out/report.md"
	grep -q 'Two runs cannot tell a change from that luck' "$out/report.md"
}

# only LABEL DIRECTORY: the rows of one run in the tables of $out, with places as that run alone calls them.
only() {
	mkdir -p "$2"
	for table in "$out"/*.tsv; do
		awk -v label=" ($1)" '/^#/ || !head { head = head || !/^#/; print; next } index($0, label) { gsub(" [(]" substr(label, 3, length(label) - 3) "[)]", ""); print }' \
			"$table" >"$2/$(basename "$table")"
	done
}

@test "no figure mixes runs: of each run it has the rows that the run alone gives" {
	# Colours, ranks and numbers of points are those among all runs. Of these tables the rows are chosen over all runs, or name no place.
	printf 'drop * %s\n' colour place_colour row lane line group panel curve point >"$BATS_TEST_TMPDIR/meant"
	for pair in "complete counted" "system storms" "guests laboratory" "walks joined"; do
		rm -rf "$out" "$BATS_TEST_TMPDIR"/alone "$BATS_TEST_TMPDIR"/of
		mkdir "$BATS_TEST_TMPDIR/alone"
		# shellcheck disable=SC2086 # words
		set -- $pair
		overlay -l A -l B "$runs/$1" "$runs/$2"
		for side in "A $1" "B $2"; do
			alone=$BATS_TEST_TMPDIR/alone/${side#* }
			PATH=/nonexistent "$nestwalk" report "$runs/${side#* }" -o "$alone" 2>/dev/null || :
			rm -f "$alone"/{walk-depth-4K,walk-cycles,huge-pages-map,overview,overview.zones,crossover.marks}.tsv "$alone"/*.{caches,ticks}.tsv "$alone"/weather*.tsv
			only "${side% *}" "$BATS_TEST_TMPDIR/of/${side% *}"
			# Runs that are told the same share a line of what is advertised.
			sed -i '/^[0-9]*\t0\tadvertised/d' "$alone"/*.tsv "$BATS_TEST_TMPDIR/of/${side% *}"/*.tsv
			run "$root/tests/scripts/compare-tables" "$alone" "$BATS_TEST_TMPDIR/of/${side% *}" "$BATS_TEST_TMPDIR/meant"
			echo "$pair, $side: $output"
			[ "$status" -eq 0 ]
		done
	done
}

@test "figures with a place or a series name the run in each row" {
	overlay -l A -l B "$runs/complete" "$runs/counted" "$runs/guests" -l C
	local named=0
	for table in "$out"/*.tsv; do
		for column in series place label curve; do
			values "$table" "$column" >"$BATS_TEST_TMPDIR/values" 2>/dev/null || continue
			grep -q '[a-z]' "$BATS_TEST_TMPDIR/values" || continue
			named=$((named + 1))
			run ! grep -v -e ' (A)' -e ' (B)' -e ' (C)' -e '^advertised' "$BATS_TEST_TMPDIR/values"
		done
	done
	[ "$named" -ge 8 ]
}

@test "what runs differ in is said, and what they do not is not" {
	machine one complete
	machine two complete 's/"release": "[^"]*"/"release": "6.12.0"/; s/"effort": "quick"/"effort": "normal"/; s/Example_CPU/Other_CPU/'
	overlay "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two"
	grep -qF -- '- The runs differ in the kernel: 6.1.0 (one), 6.12.0 (two).' "$out/report.md"
	grep -qF -- '- The runs differ in the effort: quick (one), normal (two).' "$out/report.md"
	grep -q -- '^- The runs differ in the CPU: Example_CPU .* (one), Other_CPU .* (two)\.$' "$out/report.md"
	[ "$(grep -c '^- The runs differ in' "$out/report.md")" -eq 3 ]
}

@test "where clocks differ no axis tells both time and cycles" {
	machine one complete
	machine two complete 's/"tsc_hz": 2000000000/"tsc_hz": 3000000000/'
	"$nestwalk" report "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two" -o "$out"
	run ! grep -E '>(gross: one access|net) \(ns\)<' "$out/tlb-reach-4K-stride1.svg"
	"$nestwalk" report "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/one" -o "$out"
	grep -qE '>(gross: one access|net) \(ns\)<' "$out/tlb-reach-4K-stride1.svg"
}

@test "an emulator's times stand beside nothing" {
	overlay -l real -l emulated "$runs/complete" "$runs/emulated"
	run ! grep -rl '(emulated)' "$out" --include='*.tsv'
	grep -q '^emulated has no times of a processor' "$out/report.md"
}

@test "nothing in common, an unfinished run, an empty one: said, and the rest is made" {
	overlay "$runs/complete" "$runs/storms"
	grep -q '^Nothing that runs are compared by was measured' "$out/report.md"
	[ -s "$out/storm-costs.tsv" ]
	[ -s "$out/levels.tsv" ]
	overlay "$runs/complete" "$runs/killed" "$runs/empty"
	grep -q '^\*\*killed has not finished, or was killed\.\*\*' "$out/report.md"
	grep -q '^empty has no times of a processor' "$out/report.md"
}

@test "a host and its guest's own run, not merged, compare" {
	overlay "$runs/join-host" "$runs/join-guest"
	grep -q 'what this Linux runs on: bare-metal (fixture), KVM (guest)' "$out/report.md"
	values "$out/runs.tsv" label | grep -qx 'host (guest)'
}

@test "a directory that cannot be read, and an exported file, fail with one line" {
	run "$nestwalk" report "$runs/complete" "$runs/nowhere" -o "$out"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
	[ ! -e "$out" ]
	"$nestwalk" export "$runs/complete" "$runs/counted" -o "$BATS_TEST_TMPDIR/two.sqlite"
	run "$nestwalk" report "$BATS_TEST_TMPDIR/two.sqlite" -o "$out"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ "$output" == *"holds several runs"* ]]
}
