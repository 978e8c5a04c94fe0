#!/usr/bin/env bats
# Runs of many points, made up by tests/scale/make-run. Measures nothing.

setup() {
	nestwalk=${NESTWALK:-$BATS_TEST_DIRNAME/../../build/nestwalk}
	make_run=$BATS_TEST_DIRNAME/../scale/make-run
	out=$BATS_TEST_TMPDIR
	export NESTWALK_PLOTS=$BATS_TEST_DIRNAME/../../plots
}

# The milliseconds that a command takes: the least of two tries, as the machine may be busy.
milliseconds() {
	local start took least=''

	for _ in 1 2; do
		start=$(date +%s%N)
		"$@" >/dev/null || return 1
		took=$((($(date +%s%N) - start) / 1000000))
		[ -n "$least" ] && [ "$least" -le "$took" ] || least=$took
	done
	echo "$least"
}

# gnuplot is not in the path, as its time depends on what is drawn, not on what is read. report says that it is missing,
# and exits 1.
report_undrawn() {
	PATH=/nonexistent "$nestwalk" report "$1" -o "$2" 2>/dev/null || [ -s "$2/report.html" ]
}

@test "ten thousand points take no more time each than a thousand, beyond an order of magnitude" {
	"$make_run" 1000 "$out/small"
	"$make_run" 10000 "$out/large"
	[ "$(wc -l <"$out/large/points.jsonl")" -eq 10000 ]
	small=$(milliseconds report_undrawn "$out/small" "$out/small-report")
	large=$(milliseconds report_undrawn "$out/large" "$out/large-report")
	echo "1000 points: $small ms, 10000 points: $large ms"
	[ "$large" -lt $((10 * 10 * (small + 50))) ]
	small=$(milliseconds "$nestwalk" query "$out/small" 'SELECT MAX(net_cycles) FROM tlb_reach')
	large=$(milliseconds "$nestwalk" query "$out/large" 'SELECT MAX(net_cycles) FROM tlb_reach')
	echo "1000 points: $small ms, 10000 points: $large ms"
	[ "$large" -lt $((10 * 10 * (small + 20))) ]
}

@test "a thousand points make a whole report, and all of them are in its tables" {
	"$make_run" 1000 "$out/run"
	run "$nestwalk" report "$out/run" -o "$out/report"
	[ "$status" -eq 0 ]
	for bench in tlb-shootdown:shootdowns malloc-storm:malloc-costs space-switch:space-switches; do
		points=$(grep -c "^{\"bench\":\"${bench%:*}\"" "$out/run/points.jsonl")
		[ "$(grep -vc '^#' "$out/report/${bench#*:}.tsv")" -eq $((points + 1)) ]
	done
}
