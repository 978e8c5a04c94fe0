#!/usr/bin/env bats
# Runs with faults in them: whatever stands in the files of a run, every command ends by itself, says what is wrong in one line,
# and does not crash. MUTANTS says how many runs, MUTANTS_FROM the first seed.

bats_require_minimum_version 1.5.0

setup() {
	nestwalk=$PWD/${NESTWALK:-build/nestwalk}
	case ${NESTWALK:-} in /*) nestwalk=$NESTWALK ;; esac
	runs=$BATS_TEST_DIRNAME/../fixtures/runs
	run=$BATS_TEST_TMPDIR/run
	good=("$runs"/{complete,join-host,joined,guests,walks,laboratory,counted,storms,system,emulated} "$BATS_TEST_TMPDIR/killed")
	# A killed run: its samples are in the journal only.
	cp -r "$runs/join-host" "$BATS_TEST_TMPDIR/killed"
	jq '.state = "running" | .finished_utc = null | .duration_s = null' "$runs/join-host/run.json" >"$BATS_TEST_TMPDIR/killed/run.json"
	jq -c '.samples as $s | {point: input_line_number, line: del(.samples)},
		(range($s.round | length) as $i | {point: input_line_number, sample: ($s | map_values(.[$i]))})' \
		"$runs/join-host/points.jsonl" >"$BATS_TEST_TMPDIR/killed/samples.jsonl"
	head -n 2 "$runs/join-host/points.jsonl" >"$BATS_TEST_TMPDIR/killed/points.jsonl"
	# Figures are made all the same, up to the picture.
	without_gnuplot=$BATS_TEST_TMPDIR/bin
	mkdir "$without_gnuplot"
	export ASAN_OPTIONS=detect_leaks=0
}

# survives COMMAND...: it ends with 0 or 1, in time, and what it says is short.
survives() {
	local code=0
	timeout -k 1 10 env PATH="${path:-$PATH}" "$nestwalk" "$@" >"$BATS_TEST_TMPDIR/said" 2>&1 || code=$?
	# The sanitizers end what they find with 1.
	[ "$code" -gt 1 ] || ! grep -q 'Sanitizer\|runtime error' "$BATS_TEST_TMPDIR/said" || code=sanitizer
	[[ $code == [01] ]] || { echo "seed $seed: nestwalk $* ended with $code" && tail -n 20 "$BATS_TEST_TMPDIR/said" && return 1; }
}

@test "no run with faults in it crashes or stops a command" {
	from=${MUTANTS_FROM:-1}
	for ((seed = from; seed < from + ${MUTANTS:-40}; seed++)); do
		"$BATS_TEST_DIRNAME/mutate-run" "${good[seed % ${#good[@]}]}" "$run" "$seed"
		survives check "$run"
		survives tlb "$run"
		survives query "$run" 'SELECT * FROM metric'
		if ((seed % 4 == 1)); then
			rm -rf "$BATS_TEST_TMPDIR"/out*
			survives merge "$run" "$runs/join-shadow" -o "$BATS_TEST_TMPDIR/out1"
			survives merge "$runs/join-host" "$run" -o "$BATS_TEST_TMPDIR/out2" --replace
		fi
		if ((seed % 8 == 0)); then
			path=$without_gnuplot survives report "$run" -o "$BATS_TEST_TMPDIR/report"
		fi
	done
}
