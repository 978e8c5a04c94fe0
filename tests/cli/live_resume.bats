#!/usr/bin/env bats
# What a run that was killed has kept, and going on with it. Measures on the host, and in a bare vCPU where there is KVM.

# each test has a process of its own
# shellcheck disable=SC2030,SC2031
bats_require_minimum_version 1.5.0

setup() {
	nestwalk=${NESTWALK:-$BATS_TEST_DIRNAME/../../build/nestwalk}
	run=$BATS_TEST_TMPDIR/run
	options=(-b tlb-reach -s host --param page_size=4K --param stride=1 --param pages=60-67)
	log=$BATS_TEST_TMPDIR/log
}

teardown() {
	[ -z "$process" ] || kill -9 "$process" 2>/dev/null || true
}

# Begin a run in the background, and wait until it has so many samples.
begin() {
	local samples=$1 i
	shift

	"$nestwalk" run "$@" -o "$run" >"$log" 2>&1 3>&- &
	process=$!
	for ((i = 0; i < 600; i++)); do
		[ "$(samples_written)" -lt "$samples" ] || return 0
		kill -0 "$process" || return 1
		sleep 0.1
	done
	return 1
}

samples_written() {
	grep -c '"sample"' <(cat "$run/samples.jsonl" 2>/dev/null) || true
}

ended_by() {
	kill "-$1" "$process"
	wait "$process" || true
	process=
}

asked() {
	"$nestwalk" query -f csv "$run" "$1" | tail -n 1 | tr -d '\r'
}

@test "a killed run has lost no finished sample, and is read as any run is" {
	begin 60 "${options[@]}" --rounds 1000
	ended_by KILL
	written=$(samples_written)
	[ "$written" -ge 60 ]
	# The last line may have been cut off in the middle.
	[ "$(asked 'SELECT SUM(samples) FROM point')" -ge $((written - 1)) ]
	"$nestwalk" check "$run"
	[ "$(asked 'SELECT COUNT(*) FROM tlb_reach WHERE net_cycles IS NULL')" -eq 0 ]
	"$nestwalk" tlb "$run"
	PATH=/nonexistent "$nestwalk" report "$run" 2>/dev/null || [ -s "$run/report/report.md" ]
}

@test "a resumed run has all samples that were asked for, and those from before" {
	begin 40 "${options[@]}" --rounds 30
	ended_by KILL
	before=$(asked "SELECT value FROM sample WHERE name = 'net_cycles' AND round = 0 ORDER BY point LIMIT 1")
	"$nestwalk" run --resume "$run" 2>"$log"
	"$nestwalk" check "$run"
	[ "$(jq -r .state "$run/run.json")" = complete ]
	[ "$(jq '.resumed | length' "$run/run.json")" -eq 1 ]
	[ ! -e "$run/samples.jsonl" ]
	# A sample that was disturbed each time that it was taken is left out.
	[ "$(asked "SELECT MIN(samples + contaminated) FROM point WHERE setting = 'host' AND status = 'ok'")" -eq 30 ]
	[ "$(asked "SELECT COUNT(*) FROM sample WHERE name = 'net_cycles' AND value = $before")" -ge 1 ]
	run -0 "$nestwalk" run --resume "$run"
	[[ "$output" = *"is complete"* ]]
}

@test "an interrupted run goes on, too" {
	begin 40 "${options[@]}" --rounds 30
	ended_by INT
	[ "$(jq -r .state "$run/run.json")" = interrupted ]
	"$nestwalk" run --resume "$run" 2>"$log"
	"$nestwalk" check "$run"
	[ "$(asked "SELECT MIN(samples + contaminated) FROM point WHERE setting = 'host' AND status = 'ok'")" -eq 30 ]
}

@test "a run that was interrupted, went on and was killed then has all samples" {
	begin 300 "${options[@]}" --rounds 100000
	ended_by INT
	before=$(asked 'SELECT SUM(samples) FROM point')
	[ "$before" -ge 200 ]
	"$nestwalk" run --resume "$run" >"$log" 2>&1 3>&- &
	process=$!
	for ((i = 0; i < 600; i++)); do
		[ "$(samples_written)" -lt "$((before / 2))" ] || break
		sleep 0.1
	done
	ended_by KILL
	"$nestwalk" check "$run"
	# A pair without all samples of its last round gives that round up: one sample of each of the 16 points at most.
	[ "$(asked 'SELECT SUM(samples) FROM point')" -ge $((before - 16)) ]
}

@test "a run is resumed by one process, on the machine where it began, with its own options" {
	begin 20 "${options[@]}" --rounds 1000
	run -1 "$nestwalk" run --resume "$run"
	[[ "$output" = *"still goes on"* ]]
	ended_by KILL
	run -2 "$nestwalk" run --resume "$run" --effort quick
	[[ "$output" = *"no other options"* ]]
	jq '.machine.kernel.release = "1.2.3"' "$run/run.json" >"$run/other" && mv "$run/other" "$run/run.json"
	run -1 "$nestwalk" run --resume "$run"
	[[ "$output" = *'kernel ("1.2.3" then'* ]]
	run -1 "$nestwalk" run --resume "$BATS_TEST_TMPDIR/none"
	[[ "$output" = *"is not a run directory"* ]]
	# Nothing of it was lost by trying.
	[ "$(asked 'SELECT SUM(samples) FROM point')" -ge 20 ]
}

@test "a process that was stopped and goes on measures on, in a vCPU, too" {
	settings=host
	[ ! -w /dev/kvm ] || settings=host,vcpu
	begin 20 -b tlb-reach -s $settings --param page_size=4K --param stride=1 --param pages=60-67 --rounds 100000
	for _ in 1 2 3; do
		kill -STOP "$process"
		sleep 0.2
		kill -CONT "$process"
		sleep 0.1
	done
	before=$(samples_written)
	for ((i = 0; i < 600; i++)); do
		[ "$(samples_written)" -le "$((before + 20))" ] || break
		sleep 0.1
	done
	ended_by INT
	[ "$(asked 'SELECT SUM(samples) FROM point')" -gt "$before" ]
	[ "$(asked "SELECT COUNT(*) FROM point WHERE status = 'error' OR (status = 'ok' AND reason IS NOT NULL)")" -eq 0 ]
}
