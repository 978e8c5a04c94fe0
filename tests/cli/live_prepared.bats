#!/usr/bin/env bats
# nestwalk run where something that makes a measurement better is refused: it measures without, and says so.
# shellcheck disable=SC2154 # $stderr is set by run --separate-stderr
load helpers

setup_file() {
	cc -O1 -o "$BATS_FILE_TMPDIR/refuse" "$BATS_TEST_DIRNAME/../refuse/refuse.c"
}

SMALL=(-s host -b tlb-reach --rounds 2 --param page_size=4K --param stride=1 --param pages=60)

# prepared PART CONDITION: what run.json says of one part of the preparation.
prepared() {
	jq -e --arg part "$1" ".preparation[] | select(.what == \$part) | $2" "$RUN/run.json"
}

@test "a run says how it was prepared, and where all was done the report says nothing of it" {
	run --separate-stderr "$NESTWALK" run "${SMALL[@]}" -o "$RUN"
	went_well
	is_sound
	prepared 'measure on one CPU' .done
	prepared "memory of the CPU's NUMA node" .done
	prepared 'transparent huge pages' .done
	jq -e '.numa_node >= 0 and (.machine.process.memory_policy | type) == "string"' "$RUN/run.json"
	[[ $stderr != *"measuring without: measure on"* ]]
	"$NESTWALK" report "$RUN" >/dev/null
	# The tests themselves may run with a nice value.
	run ! grep 'could not be had: m' "$RUN/report/report.md"
}

@test "where no thread may be bound to a CPU, it is measured where the scheduler puts it" {
	run --separate-stderr "$BATS_FILE_TMPDIR/refuse" sched_setaffinity=EPERM set_mempolicy=EPERM mbind=EPERM -- \
		"$NESTWALK" run "${SMALL[@]}" -o "$RUN"
	went_well
	is_sound
	[[ $stderr == *"measuring without: measure on one CPU: "*"Operation not permitted"* ]]
	prepared 'measure on one CPU' '(.done | not) and (.reason | contains("not permitted"))'
	"$NESTWALK" report "$RUN" >/dev/null
	grep -q 'measured without .* measure on one CPU' "$RUN/report/report.md"
	# One that hides the reason is found.
	jq '.preparation[0].reason = null' "$RUN/run.json" >"$RUN/changed"
	mv "$RUN/changed" "$RUN/run.json"
	run -1 "$NESTWALK" check "$RUN"
	[[ $output == *"'measure on one CPU' was not done, without a reason"* ]]
}

@test "a worker alone is measured without a CPU of its own, and workers that must not share one are not" {
	[ "$(nproc)" -ge 2 ] || skip "one CPU: there are no two workers"
	run --separate-stderr "$BATS_FILE_TMPDIR/refuse" sched_setaffinity=EPERM -- "$NESTWALK" run -s host --rounds 1 \
		-b fault-storm --effort quick --param kind=anon-write --param region=4M --param actors=1,2 -o "$RUN"
	went_well
	is_sound
	have 1 '.params.actors == 1'
	every '.params.actors == 1 or .status != "ok" and (.reason | contains("cannot bind a worker")) or disturbed'
}

@test "memory is had without MADV_POPULATE_WRITE, and whoever is nice is told so" {
	[[ $NESTWALK != *sanitize* ]] || skip "a store faults in the sanitizers' own memory, too"
	run --separate-stderr nice -n 5 "$BATS_FILE_TMPDIR/refuse" madvise=EPERM -- "$NESTWALK" run "${SMALL[@]}" -o "$RUN"
	went_well
	is_sound
	[[ $stderr == *"an ordinary share of the CPU: "*"nice"* ]]
	prepared 'an ordinary share of the CPU' '.done | not'
}

@test "THP that is off for the process is the reason of points without it, and of nothing else" {
	[ -e /sys/kernel/mm/transparent_hugepage/enabled ] || skip "this kernel has no THP"
	run -77 --separate-stderr "$BATS_FILE_TMPDIR/refuse" no-thp -- "$NESTWALK" run -s host -b tlb-reach --rounds 1 \
		--param page_size=2M --param backing=2M-thp --param pages=16 -o "$RUN"
	[[ $stderr == *"nothing could be measured: transparent huge pages are off for this process (PR_SET_THP_DISABLE"* ]]
	[[ $stderr != *fragmented* ]]
	prepared 'transparent huge pages' '.done | not'
	is_sound
	every '.status == "skipped" and (.reason | contains("what started nestwalk has set it"))'
	rm -r "$RUN"
	run --separate-stderr "$BATS_FILE_TMPDIR/refuse" no-thp -- "$NESTWALK" run "${SMALL[@]}" -o "$RUN"
	went_well
	is_sound
}

@test "a topology in the environment is not heeded, and the run says so" {
	run --separate-stderr env HWLOC_SYNTHETIC='[numa][numa] core:4 pu:2' HWLOC_THISSYSTEM=1 MALLOC_ARENA_MAX=1 \
		"$NESTWALK" run "${SMALL[@]}" -o "$RUN"
	went_well
	is_sound
	[[ $stderr == *"HWLOC_SYNTHETIC in the environment is not heeded"* ]]
	jq -e '[.machine.process.environment[] | select(.taken_out) | .variable] == ["HWLOC_THISSYSTEM", "HWLOC_SYNTHETIC"] or
		[.machine.process.environment[] | select(.taken_out) | .variable] == ["HWLOC_SYNTHETIC", "HWLOC_THISSYSTEM"]' "$RUN/run.json"
	jq -e --argjson pus "$(getconf _NPROCESSORS_ONLN)" '.machine.topology.pus == $pus' "$RUN/run.json"
	"$NESTWALK" report "$RUN" >/dev/null
	grep -q 'variables that change how memory is given.*MALLOC_ARENA_MAX=1' "$RUN/report/report.md"
}
