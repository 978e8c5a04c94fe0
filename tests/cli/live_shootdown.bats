#!/usr/bin/env bats
# tlb-shootdown and space-switch, measuring: counts, shapes and orders of magnitude on this machine.

# commas belong to --param; $stderr is set by run --separate-stderr; each test has a RUN of its own
# shellcheck disable=SC2030,SC2031,SC2054,SC2154
load helpers

@test "shootdowns are measured and counted" {
	measure -b tlb-shootdown --param pages=1,34 --param operation=munmap,mprotect
	have 4 '.params.others == 0'
	[ "$(nproc)" -lt 2 ] || have 4 '.params.others == 1'
	# Without other CPUs none loses time, and the reason says so.
	every_ok '.params.others != 0 or
		(.metrics.victim_ns | .median == null and (.reason | test("no other CPU")))'
	every_ok '.params.others != 1 or
		(.metrics.victim_ns | .median != null or (.reason | test("was there")))'
	# The cost of a page is the cost of the call divided by the pages.
	every_ok '.params.pages != 34 or
		(.samples | (.operation_ns[0] / 34 - .per_page_ns[0] | fabs) <= 0.01 * .per_page_ns[0])'
}

@test "every call interrupts the other CPU, where no hypervisor may do without" {
	[ "$(nproc)" -ge 2 ] || skip "one CPU"
	[ "$("$NESTWALK" env --json | jq -r .outer.name)" = bare-metal ] || skip "a hypervisor may flush without interrupts"
	! grep -qw invlpgb /proc/cpuinfo || skip "INVLPGB flushes without interrupts"
	measure -b tlb-shootdown --param pages=8 --param others=1
	every_ok '.metrics.interrupts_per_operation.median >= 0.5'
}

@test "an interrupted CPU makes the call dearer" {
	[ "$(nproc)" -ge 2 ] || skip "one CPU"
	measure -b tlb-shootdown --param pages=1 --param operation=mprotect
	need_whole
	have 2 .final
	jq -se '(map(select(.params.others == 0))[0].metrics) as $alone | (map(select(.params.others == 1))[0].metrics) as $with |
		$with.interrupts_per_operation.median < 0.5 or
		$with.operation_ns.median > $alone.operation_ns.median' "$RUN/points.jsonl"
}

@test "on one CPU shootdowns have no others, and two processes still take turns" {
	run --separate-stderr taskset -c "$(one_cpu)" "$NESTWALK" run "${ROUNDS[@]}" -b tlb-shootdown,space-switch \
		--param pages=1,8 --param operation=munmap,mprotect --param touched=0,16 --param via=futex,pipe --param page_size=4K -o "$RUN"
	went_well
	is_sound
	every '.bench != "tlb-shootdown" or .params.others == 0'
	have 3 '.bench == "tlb-shootdown"'
	have 4 '.bench == "space-switch"'
	run -2 taskset -c "$(one_cpu)" "$NESTWALK" run -b tlb-shootdown --param others=1 -o "$RUN-more"
}

@test "context switches are measured between threads and processes, by futex and by pipe" {
	measure -b space-switch --param page_size=4K --param touched=0,64 --param via=futex,pipe
	for between in threads processes; do
		have 2 ".params.between == \"$between\" and .params.via == \"futex\""
		have 2 ".params.between == \"$between\" and .params.via == \"pipe\""
	done
	# Without touched pages there is no refill, and the reason says so.
	every_ok '.params.pages_touched != 0 or
		(.metrics | .touch_ns.median == null and (.refill_ns.reason | test("no page")))'
	# refill = pages x (touch - warm), sample by sample.
	every_ok '.params.pages_touched != 64 or
		(.samples | 64 * (.touch_ns[0] - .warm_ns[0]) - .refill_ns[0] | fabs <= 1)'
	# A context switch is two system calls and a switch: more than 50 ns, and less than a second even where others
	# have the CPU.
	every_ok '.metrics.switch_ns.median | . > 50 and . < 1e9'
}

@test "without THP 2M pages are skipped with the reason, and 4K pages measured" {
	command -v perl >/dev/null || skip "needs perl to call prctl"
	[ "$(cat /sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages 2>/dev/null || echo 0)" -lt 16 ] ||
		skip "this machine has 2M pages reserved"
	# prctl(PR_SET_THP_DISABLE = 41, 1, 0, 0, 0) is inherited; 157 is prctl on x86-64.
	run --separate-stderr perl -e 'syscall(157, 41, 1, 0, 0, 0) == 0 or die; exec @ARGV' "$NESTWALK" run "${ROUNDS[@]}" \
		-b space-switch --param between=threads --param via=futex --param page_size=4K,2M --param touched=16 -o "$RUN"
	[[ $status -eq 0 || $stderr == *"nothing could be measured"* ]]
	is_sound
	have 1 '.params.page_size_bytes == 4096'
	[ "$(points '.params.page_size_bytes == 2097152 and .status == "skipped" and (.reason | test("huge pages"))')" -eq 1 ]
}

@test "a memory cgroup's limit is kept, and what does not fit is skipped with the reason" {
	make_group 64M
	run --separate-stderr in_group "$NESTWALK" run "${ROUNDS[@]}" -b tlb-shootdown,space-switch --param operation=munmap \
		--param pages=512 --param others=0 --param between=processes --param via=futex --param page_size=2M \
		--param touched=64 -o "$RUN"
	[[ $status -eq 0 || $stderr == *"nothing could be measured"* ]]
	is_sound
	have 1 '.bench == "tlb-shootdown"'
	[ "$(points '.bench == "space-switch" and .status == "skipped" and (.reason | test("available memory"))')" -eq 1 ]
}

@test "an interrupted run ends and leaves no process" {
	# The run gets a process group of its own, so that all processes it leaves can be found.
	setsid "$NESTWALK" run --rounds 100000 -b tlb-shootdown,space-switch --param pages=1,8 --param touched=0,16 -o "$RUN" \
		2>"$RUN.err" &
	pid=$!
	until_so test -s "$RUN/samples.jsonl"
	kill -INT "$pid"
	code=0
	wait "$pid" || code=$?
	[ "$code" -eq 1 ]
	grep -q interrupted "$RUN.err"
	[ "$(jq -r .state "$RUN/run.json")" = interrupted ]
	run ! pgrep -g "$pid"
	"$NESTWALK" check "$RUN"
}
