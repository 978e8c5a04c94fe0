#!/usr/bin/env bats
# nestwalk env --weather: the watch of the core's other thread. Only shapes: the weather is what it is.
# shellcheck disable=SC2154 # $stderr and $stderr_lines are set by run

setup() {
	NESTWALK="${NESTWALK:-$BATS_TEST_DIRNAME/../../build/nestwalk}"
	bats_require_minimum_version 1.5.0
}

# The watch ended in order: with a summary, or, where the weather cannot be told, with the reason.
is_told() {
	[ "$status" -eq 0 ] || { [ "$status" -eq 77 ] && [[ "$output$stderr" == *"the weather is not known: "* ]]; }
}

refuses() {
	local words=$1
	shift
	run --separate-stderr "$NESTWALK" env "$@"
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ "$stderr" == "nestwalk: "*"$words"* ]]
}

@test "a watch shows a line a second where nobody looks at a terminal, and a summary" {
	run --separate-stderr "$NESTWALK" env --weather 2s
	is_told
	[ "$status" -eq 0 ] || skip "${stderr}"
	[[ "${lines[0]}" =~ ^\ +1\.[0-9]\ s\ \ [\ .:#]{10}\ \ [0-9.]+\ to\ [0-9.]+\ cycles,\ L2\ \+[0-9]+\ %,\ L3\ \+[0-9]+\ %$ ]]
	[[ "$output" =~ CPU\ [0-9]+:\ the\ core\'s\ other\ thread\ was\ busy\ in\ [0-9.]+\ %\ of\ [0-9.]+\ s ]]
	[[ "$output" != *$'\r'* ]]
	for line in "${lines[@]}"; do
		[ "${#line}" -le 100 ]
	done
}

@test "--json gives the numbers, and nothing else" {
	run --separate-stderr "$NESTWALK" env --weather 500ms --json
	is_told
	jq -e '
		(.watched_s >= 0.5) and (.interrupted == false) and (.readings >= .busy_readings + .spikes)
		and (if .known then
			(.busy_share >= 0 and .busy_share <= 1) and (.busy_spells >= 0) and (.busy_longest_s <= .watched_s)
			and (.quiet_most_cycles > .floor_cycles) and (.least_cycles <= .most_cycles)
			and (.levels.l2.mean_cycles >= .levels.l2.floor_cycles)
			and (.canary.lines >= .canary.pages)
		else
			(.known_reason | length > 0) and .busy_share == null and .floor_cycles == null
		end)
		and ((.sibling_cpu == null) == (.sibling_cpu_reason != null))' <<<"$output"
}

@test "a terminal shows one line that is written again and again" {
	command -v script >/dev/null || skip "no script(1)"
	run script -qec "'$NESTWALK' env --weather 500ms" /dev/null
	is_told
	[ "$status" -eq 0 ] || skip "the weather is not known here"
	[[ "$output" == *$'\r'*' s  '*$'\e[K\r'* ]]
}

@test "SIGINT ends the watch early, with a summary" {
	"$NESTWALK" env --weather 1h --json >"$BATS_TEST_TMPDIR/json" &
	watch=$!
	sleep 2
	kill -INT "$watch"
	# shellcheck disable=SC2034 # for is_told
	wait "$watch" && status=0 || status=$?
	[ "$status" -eq 0 ] || [ "$status" -eq 77 ]
	jq -e '.interrupted and .watched_s < 3000' "$BATS_TEST_TMPDIR/json"
}

@test "--cpu chooses the CPU" {
	cpu=$(taskset -pc $$ | sed 's/.*: *\([0-9]*\).*/\1/')
	run --separate-stderr "$NESTWALK" env --weather 200ms --cpu "$cpu" --json
	is_told
	[ "$(jq .cpu <<<"$output")" -eq "$cpu" ]
	refuses "this process may run on" --weather 1s --cpu 99999
	refuses "--cpu wants the number of a CPU, not 'one'" --weather 1s --cpu one
	refuses "--cpu wants the number of a CPU, not '4294967296'" --weather 1s --cpu 4294967296
}

@test "nonsense is refused with one line" {
	for duration in 0s 0 -3s 5x '' 1.5s 25h 10ms 99999999999999999999; do
		refuses "a duration from 100ms to 24h" --weather "$duration"
	done
	refuses "say --weather 10s, too" --cpu 0
	refuses "say --weather 10s, too" --busy-sibling
	refuses "two seconds at least" --weather 1s --busy-sibling
	refuses "watches this machine" --weather 1s --root /
}

@test "a busy sibling is told from an idle one, where this Linux sees one" {
	run --separate-stderr "$NESTWALK" env --weather 6s --busy-sibling --json
	if [[ "$stderr" == *"sees no other thread"* ]]; then
		[ "$status" -eq 77 ]
		[ -z "$output" ]
		skip "$stderr"
	fi
	is_told
	[ "$status" -eq 0 ] || skip "$stderr"
	jq -e '.busy_sibling | .told_apart and .busy_share_while_busy > .busy_share_while_idle' <<<"$output"
}
