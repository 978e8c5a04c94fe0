#!/usr/bin/env bats
# nestwalk report: tables, figures and text of a run. Measures nothing.

setup() {
	nestwalk=${NESTWALK:-$BATS_TEST_DIRNAME/../../build/nestwalk}
	runs=$BATS_TEST_DIRNAME/../fixtures/runs
	out=$BATS_TEST_TMPDIR/report
	export NESTWALK_PLOTS=$BATS_TEST_DIRNAME/../../plots
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
	for figure in walk-depth-4K walk-depth-2M walk-levels huge-pages huge-pages-map huge-pages-touch guest-faults \
		guest-faults-times cr3-loads table-memory; do
		grep -q '</svg>' "$out/$figure.svg"
		[ "$(head -c 4 "$out/$figure.png" | tail -c 3)" = PNG ]
		grep -q "]($figure.svg)" "$out/report.md"
	done
	[ ! -e "$out/levels.svg" ]
	grep -q 'page directory' "$out/walk-levels.svg"
	grep -q 'not measured' "$out/huge-pages-map.svg"
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
	mkdir "$BATS_TEST_TMPDIR/run"
	cp "$runs/laboratory"/* "$BATS_TEST_TMPDIR/run"
	for number in 0.0 -5.0 1e300 null; do
		sed -E "s/\"(median|lo|hi)\":[-0-9.e+]+/\"\1\":$number/g" "$runs/laboratory/points.jsonl" \
			>"$BATS_TEST_TMPDIR/run/points.jsonl"
		run "$nestwalk" report "$BATS_TEST_TMPDIR/run" -o "$out-$number"
		[ "$status" -eq 0 ]
		[ -s "$out-$number/report.html" ]
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
	[[ "$output" == *gnuplot-nox* ]]
	[ -s "$out/levels.tsv" ]
	grep -q 'Figure not drawn' "$out/report.md"
}

@test "a gnuplot that fails is quoted" {
	mkdir "$BATS_TEST_TMPDIR/plots"
	cp "$NESTWALK_PLOTS"/*.gp "$BATS_TEST_TMPDIR/plots"
	echo 'nonsense here' >"$BATS_TEST_TMPDIR/plots/levels.gp"
	NESTWALK_PLOTS=$BATS_TEST_TMPDIR/plots run "$nestwalk" report "$runs/complete" -o "$out"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ "$output" == *"could not draw"*levels.svg*"line 1"* ]]
	[ -s "$out/overview.svg" ]
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
	[ -w /dev/full ] || skip "no /dev/full"
	mkdir "$out"
	ln -s /dev/full "$out/levels.tsv"
	run "$nestwalk" report "$runs/complete" -o "$out"
	[ "$status" -eq 1 ]
	[[ "$output" == *"levels.tsv: No space left"* ]]
}

@test "several runs: one report each, beside the run; -o is for one" {
	cp -r "$runs/killed" "$BATS_TEST_TMPDIR/a"
	cp -r "$runs/killed" "$BATS_TEST_TMPDIR/b"
	run "$nestwalk" report "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
	[ "$status" -eq 0 ]
	[ -s "$BATS_TEST_TMPDIR/a/report/report.html" ]
	[ -s "$BATS_TEST_TMPDIR/b/report/report.html" ]
	run "$nestwalk" report "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b" -o "$out"
	[ "$status" -eq 2 ]
}

@test "no run, or no such run" {
	run "$nestwalk" report
	[ "$status" -eq 2 ]
	run "$nestwalk" report "$runs/nowhere"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
}
