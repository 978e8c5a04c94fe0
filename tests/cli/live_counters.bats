#!/usr/bin/env bats
# Hardware counters in a real run: with a PMU every metric has numbers or a reason, without one a single reason is told.

# commas belong to --param
# shellcheck disable=SC2054
load helpers

setup_file() {
	"${NESTWALK:-build/nestwalk}" run "${ROUNDS[@]}" -b tlb-reach -s host --param page_size=4K --param stride=1 \
		--param pages=8,64,512 -o "$BATS_FILE_TMPDIR/run" >"$BATS_FILE_TMPDIR/said" 2>&1
}

# All tests use this run.
look() {
	RUN=$BATS_FILE_TMPDIR/run
}

@test "run.json says which metrics are counted, and why the others are not" {
	look
	jq -e '.counters.host | (.available | length) + (.unavailable | length) > 0 or (.reason | length) > 0' "$RUN/run.json"
	jq -e '.counters.host | (.available == []) == has("reason")' "$RUN/run.json"
	jq -e '.counters.host | (.available == []) == (.groups == 0)' "$RUN/run.json"
	jq -e '[.counters.host.unavailable[] | type == "string" and length > 0] | all' "$RUN/run.json"
	# A setting that was not asked for does not appear.
	jq -e '.counters | has("vcpu") | not' "$RUN/run.json"
}

@test "points have counts per access, or null with the same reason" {
	look
	reason=$(jq -r '.counters.host.reason // ""' "$RUN/run.json")
	have 3 .final
	if [ "$reason" ]; then
		jq -se --arg reason "$reason" 'map(select(.status == "ok" and .setting != "host-again")) |
			all(.hardware == null and .hardware_reason == $reason and (has("hardware_samples") | not))' "$RUN/points.jsonl"
	else
		jq -se 'map(select(.status == "ok" and .setting != "host-again")) |
			all(.hardware | length > 0 and all(.[]; .median != null or (.reason | length) > 0))' "$RUN/points.jsonl"
		# There are as many samples as rounds, null where another group of counters had its turn.
		jq -se 'map(select(.status == "ok" and .setting != "host-again")) |
			all((.samples.round | length) as $rounds | all(.hardware_samples[]; length == $rounds))' "$RUN/points.jsonl"
	fi
}

@test "the run is valid, and a number without its samples is found" {
	look
	run -0 "$NESTWALK" check "$RUN"
	cp -r "$RUN" "$BATS_TEST_TMPDIR/changed"
	jq -c '.hardware = {"cycles_per_access": {"median": 4, "lo": 4, "hi": 4, "unit": "cycles per access", "samples": 3,
		"scaled": false}} | del(.hardware_samples)' "$RUN/points.jsonl" >"$BATS_TEST_TMPDIR/changed/points.jsonl"
	run -1 "$NESTWALK" check "$BATS_TEST_TMPDIR/changed"
	[[ $output == *"hardware_samples cycles_per_access: 0, but"* ]]
}

@test "the report says what was counted, or in one sentence why nothing was" {
	look
	run "$NESTWALK" report "$RUN" -o "$BATS_TEST_TMPDIR/report"
	if jq -e '.counters.host.reason' "$RUN/run.json"; then
		[ "$(grep -c "Nothing was counted by hardware: " "$BATS_TEST_TMPDIR/report/report.md")" -eq 1 ]
		[ ! -e "$BATS_TEST_TMPDIR/report/tlb-reach-4K-stride1.counters.tsv" ]
	else
		grep -q "^| hardware counters | .*cycles" "$BATS_TEST_TMPDIR/report/report.md"
	fi
}

@test "env says the same as run.json" {
	look
	[ "$("$NESTWALK" env --json | jq -cS '.counters.metrics | {microarchitecture, host}')" = \
		"$(jq -cS '.counters | {microarchitecture, host}' "$RUN/run.json")" ]
	run -0 "$NESTWALK" env
	[[ $output == *"events of"* ]]
}
