#!/usr/bin/env bats
# tlb-shootdown and space-switch, measuring: counts, shapes and orders of magnitude on this machine.

# commas belong to --param; $stderr is set by run --separate-stderr; each test has a RUN of its own
# shellcheck disable=SC2030,SC2031,SC2054,SC2154
bats_require_minimum_version 1.5.0

setup() {
	NESTWALK=${NESTWALK:-build/nestwalk}
	RUN=$BATS_TEST_TMPDIR/run
}

# Number of points for which a jq condition holds.
points() {
	jq -s "map(select($1)) | length" "$RUN/points.jsonl"
}

# The rows of a condition, for a machine that is too busy just now: what was disturbed is no failure of the program.
disturbed() {
	[ "$(points "($1) and .status == \"skipped\" and (.reason | test(\"disturbed\"))")" -ge 1 ]
}

need_points() {
	[ "$(points '.status == "error"')" -eq 0 ]
	[ "$(points "($1) and .status == \"ok\"")" -ge "$2" ] || disturbed "$1"
}

# A CPU that this shell may use.
one_cpu() {
	taskset -pc $$ | sed 's/.*: *\([0-9]*\).*/\1/'
}

measure() {
	run --separate-stderr "$NESTWALK" run --effort quick "$@" -o "$RUN"
	# 77: other programs needed the CPUs, and all points were disturbed.
	[ "$status" -eq 0 ] || [[ $status -eq 77 && $stderr == *disturbed* ]]
	"$NESTWALK" check "$RUN"
}

@test "shootdowns are measured and counted" {
	measure -b tlb-shootdown --param pages=1,34
	need_points '.params.others == 0' 4
	[ "$(nproc)" -lt 2 ] || need_points '.params.others == 1' 4
	# Without others nobody is lost time, and the reason says so.
	[ "$(points '.status == "ok" and .params.others == 0 and (.metrics.victim_ns.median != null or
		(.metrics.victim_ns.reason | test("no other CPU") | not))')" -eq 0 ]
	[ "$(points '.status == "ok" and .params.others == 1 and .metrics.victim_ns.median == null and
		(.metrics.victim_ns.reason | test("was there") | not)')" -eq 0 ]
	# What a page costs is the call's share of it.
	[ "$(points '.status == "ok" and .params.pages == 34 and (.samples.operation_ns[0] / 34 - .samples.per_page_ns[0] |
		fabs) > 0.01 * .samples.per_page_ns[0]')" -eq 0 ]
}

@test "every call interrupts the other CPU, where no hypervisor may do without" {
	[ "$(nproc)" -ge 2 ] || skip "one CPU"
	[ "$("$NESTWALK" env --json | jq -r .outer.name)" = bare-metal ] || skip "a hypervisor may flush without interrupts"
	! grep -qw invlpgb /proc/cpuinfo || skip "INVLPGB flushes without interrupts"
	measure -b tlb-shootdown --param pages=8 --param others=1
	[ "$(points '.status == "ok" and .metrics.interrupts_per_operation.median < 0.5')" -eq 0 ]
}

@test "an interrupted CPU makes the call dearer" {
	[ "$(nproc)" -ge 2 ] || skip "one CPU"
	measure -b tlb-shootdown --param pages=1 --param operation=mprotect
	[ "$(points '.status == "ok"')" -eq 2 ] || skip "the machine is too busy"
	jq -se '(map(select(.params.others == 0))[0].metrics) as $alone | (map(select(.params.others == 1))[0].metrics) as $with |
		$with.interrupts_per_operation.median < 0.5 or
		$with.operation_ns.median > $alone.operation_ns.median' "$RUN/points.jsonl"
}

@test "on one CPU shootdowns have no others, and two processes still take turns" {
	run --separate-stderr taskset -c "$(one_cpu)" "$NESTWALK" run --effort quick -b tlb-shootdown,space-switch \
		--param pages=1,8 --param touched=0,16 --param page_size=4K -o "$RUN"
	[ "$status" -eq 0 ] || [[ $status -eq 77 && $stderr == *disturbed* ]]
	[ "$(points '.bench == "tlb-shootdown" and .params.others != 0')" -eq 0 ]
	need_points '.bench == "tlb-shootdown"' 3
	need_points '.bench == "space-switch"' 4
	run -2 taskset -c "$(one_cpu)" "$NESTWALK" run -b tlb-shootdown --param others=1 -o "$RUN-more"
}

@test "handoffs are measured between threads and processes, by futex and by pipe" {
	measure -b space-switch --param page_size=4K --param touched=0,64
	for between in threads processes; do
		need_points ".params.between == \"$between\" and .params.via == \"futex\"" 2
		need_points ".params.between == \"$between\" and .params.via == \"pipe\"" 2
	done
	# Nothing touched, nothing to refill, and the reason says so.
	[ "$(points '.status == "ok" and .params.pages_touched == 0 and
		(.metrics.touch_ns.median != null or (.metrics.refill_ns.reason | test("no page") | not))')" -eq 0 ]
	# refill = pages x (touch - warm), sample by sample.
	[ "$(points '.status == "ok" and .params.pages_touched == 64 and
		(64 * (.samples.touch_ns[0] - .samples.warm_ns[0]) - .samples.refill_ns[0] | fabs) > 1')" -eq 0 ]
	# A handoff is two system calls and a switch: more than 50 ns, less than a time slice.
	[ "$(points '.status == "ok" and (.metrics.switch_ns.median < 50 or .metrics.switch_ns.median > 5e6)')" -eq 0 ]
}

@test "without THP 2M pages are skipped with the reason, and 4K pages measured" {
	command -v perl >/dev/null || skip "needs perl to call prctl"
	[ "$(cat /sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages 2>/dev/null || echo 0)" -lt 16 ] ||
		skip "this machine has 2M pages reserved"
	# prctl(PR_SET_THP_DISABLE = 41, 1, 0, 0, 0) is inherited; 157 is prctl on x86-64.
	run --separate-stderr perl -e 'syscall(157, 41, 1, 0, 0, 0) == 0 or die; exec @ARGV' "$NESTWALK" run --effort quick \
		-b space-switch --param between=threads --param via=futex --param touched=16 -o "$RUN"
	[ "$status" -eq 0 ] || [[ $status -eq 77 && $stderr == *"nothing could be measured"* ]]
	need_points '.params.page_size_bytes == 4096' 1
	[ "$(points '.params.page_size_bytes == 2097152 and .status == "skipped" and (.reason | test("huge pages"))')" -eq 1 ]
}

@test "a memory cgroup's limit is kept, and what does not fit is skipped with the reason" {
	[ "$(id -u)" -eq 0 ] || skip "needs root to make a cgroup"
	! grep -q __asan_init "$NESTWALK" || skip "the sanitizers' own memory is more than the limit"
	group=/sys/fs/cgroup/memory/nestwalk-shootdown.$$
	[ -d /sys/fs/cgroup/memory ] || group=/sys/fs/cgroup/nestwalk-shootdown.$$
	mkdir "$group" 2>/dev/null || skip "cannot make a memory cgroup here"
	limit=$group/memory.max
	[ -e "$limit" ] || limit=$group/memory.limit_in_bytes
	echo 64M >"$limit" 2>/dev/null || skip "cannot limit a memory cgroup here"
	run --separate-stderr bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" "$NESTWALK" run --effort quick \
		-b tlb-shootdown,space-switch --param operation=munmap --param pages=512 --param others=0 --param between=processes \
		--param via=futex --param page_size=2M --param touched=64 -o "$RUN"
	[ "$status" -eq 0 ] || [[ $status -eq 77 && $stderr == *"nothing could be measured"* ]]
	need_points '.bench == "tlb-shootdown"' 1
	[ "$(points '.bench == "space-switch" and .status == "skipped" and (.reason | test("available memory"))')" -eq 1 ]
}

@test "an interrupted run ends at once and leaves no process" {
	# A process group of its own, so that whatever it leaves can be found.
	setsid "$NESTWALK" run --effort normal -b tlb-shootdown,space-switch -o "$RUN" 2>"$RUN.err" &
	pid=$!
	for _ in $(seq 200); do
		[ -s "$RUN/points.jsonl" ] && break
		sleep 0.1
	done
	kill -INT "$pid"
	code=0
	wait "$pid" || code=$?
	[ "$code" -eq 1 ]
	grep -q interrupted "$RUN.err"
	[ "$(jq -r .state "$RUN/run.json")" = interrupted ]
	run ! pgrep -g "$pid"
	"$NESTWALK" check "$RUN"
}

teardown() {
	[ -z "${group:-}" ] || rmdir "$group"
}
