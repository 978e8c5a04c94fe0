#!/usr/bin/env bats
# nestwalk check: the verdict on a run directory, and its exit code. Measures nothing.

setup() {
	nestwalk=${NESTWALK:-$BATS_TEST_DIRNAME/../../build/nestwalk}
	runs=$BATS_TEST_DIRNAME/../fixtures/runs
}

@test "a valid run: one line, exit 0" {
	run "$nestwalk" check "$runs/complete"
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 1 ]
	[ "$output" = "$runs/complete: 48 points (46 ok, 2 skipped, 0 error), state complete: valid" ]
}

@test "a killed run is usable: the cut line is reported, exit 0" {
	run "$nestwalk" check "$runs/truncated"
	[ "$status" -eq 0 ]
	[[ "$output" == *"points.jsonl:6: cut off and left out"*"(warning)"* ]]
	[[ "${lines[-1]}" == *"5 points (5 ok, 0 skipped, 0 error), state running: valid" ]]
}

@test "each problem is a line with file and line number, exit 1" {
	run "$nestwalk" check "$runs/wrong-metrics"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 8 ]
	for number in 1 2 3 4 5 6 7; do
		[[ "${lines[number - 1]}" == "$runs/wrong-metrics/points.jsonl:$number: "* ]]
	done
	[[ "${lines[-1]}" == *"not valid, 7 problems" ]]
}

@test "another schema is one problem, not a hundred" {
	run "$nestwalk" check "$runs/bad-schema"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 2 ]
	[[ "${lines[0]}" == *"run.json:1: schema"* ]]
}

@test "of several runs each has its verdict, and one bad one makes exit 1" {
	run "$nestwalk" check "$runs/complete" "$runs/twice" "$runs/inside-guest"
	[ "$status" -eq 1 ]
	[ "$(grep -c ': valid$' <<<"$output")" -eq 2 ]
	[ "$(grep -c 'not valid, 1 problem$' <<<"$output")" -eq 1 ]
}

@test "no such run: one line on stderr, exit 1" {
	run bash -c "'$nestwalk' check '$runs/nowhere' 2>&1 >/dev/null"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ "$output" == "nestwalk: "*nowhere* ]]
}

@test "without a run: usage, exit 2" {
	run "$nestwalk" check
	[ "$status" -eq 2 ]
}

@test "a missing or malformed topology.xml is a problem" {
	cp -r "$runs/complete" "$BATS_TEST_TMPDIR/run"
	echo '<topology' >"$BATS_TEST_TMPDIR/run/topology.xml"
	run "$nestwalk" check "$BATS_TEST_TMPDIR/run"
	[ "$status" -eq 1 ]
	[[ "${lines[0]}" == *"topology.xml:1: not a topology"* ]]
	rm "$BATS_TEST_TMPDIR/run/topology.xml"
	run "$nestwalk" check "$BATS_TEST_TMPDIR/run"
	[ "$status" -eq 1 ]
	[[ "${lines[0]}" == *"topology.xml:1: cannot read "* ]]
}

@test "cut anywhere, a run is judged and never crashes the judge" {
	cp -r "$runs/killed" "$BATS_TEST_TMPDIR/run"
	size=$(stat -c %s "$runs/killed/run.json")
	for ((cut = 0; cut < size; cut += 97)); do
		head -c "$cut" "$runs/killed/run.json" >"$BATS_TEST_TMPDIR/run/run.json"
		run "$nestwalk" check "$BATS_TEST_TMPDIR/run"
		[ "$status" -eq 1 ]
	done
}

@test "a difference may be zero or negative, a time may not" {
	reference=$BATS_TEST_DIRNAME/../../results/reference
	out=$BATS_TEST_TMPDIR/run
	mkdir "$out"
	cp "$reference/topology.xml" "$out"
	jq 'def time($signed): {unit: "ns", per: "call", better: "less", signed: $signed, time: true}; .metrics = {
		"malloc-storm": {malloc_ns: time(false), touch_ns: time(true)}, "space-switch": {refill_ns: time(true)},
		"tlb-shootdown": {victim_ns: time(true)}, "tlb-reach": {net_ns: time(true)}}' "$reference/run.json" >"$out/run.json"
	# one BENCH METRIC VALUE: write a point with one sample of the metric, which is also its median.
	one() {
		jq -c "select(.status == \"ok\" and .bench == \"$1\" and .samples.$2 != null) | .samples |= map_values([.[0]]) |
			.metrics |= with_entries(select(.key == \"$2\") | .value |= (.median = $3 | .lo = null | .hi = null)) |
			.samples.$2 = [$3]" "$reference/points.jsonl" | head -n 1 >"$out/points.jsonl"
		[ -s "$out/points.jsonl" ]
		run "$nestwalk" check "$out"
	}
	for case in "malloc-storm touch_ns 0" "space-switch refill_ns -5" "tlb-shootdown victim_ns 0" "tlb-reach net_ns -1"; do
		# shellcheck disable=SC2086 # three words
		one $case
		[[ "$output" != *"is not a time"* ]]
	done
	one malloc-storm malloc_ns 0
	[[ "$output" == *"malloc_ns: 0 is not a time"* ]]
	# A run without traits (of an older version) says nothing about signs.
	jq 'del(.metrics, .axes)' "$reference/run.json" >"$out/run.json"
	one malloc-storm malloc_ns 0
	[[ "$output" != *"is not a time"* ]]
}
