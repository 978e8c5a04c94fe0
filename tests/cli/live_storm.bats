#!/usr/bin/env bats
# Storms of page faults on this machine: counts, shapes, reasons, and that nothing is left over. No test here depends on
# how fast the machine is; on a busy one a point may say that it was disturbed, which is an answer.

# commas belong to --param; $stderr is set by run --separate-stderr; each test has a RUN of its own
# shellcheck disable=SC2030,SC2031,SC2054,SC2154
bats_require_minimum_version 1.5.0

setup() {
	NESTWALK=${NESTWALK:-build/nestwalk}
	RUN=$BATS_TEST_TMPDIR/run
	STORM=(run -b fault-storm --effort quick --seed 7 -o "$RUN")
	ONE=(--param frames=recycled --param actors=1 --param region=4M)
}

# Number of points for which a jq condition holds.
points() {
	jq -s "map(select(.final and ($1))) | length" "$RUN/points.jsonl"
}

# Nothing went wrong, and what has no numbers says why.
is_sound() {
	[ "$(points '.status == "error"')" -eq 0 ]
	[ "$(points '.status == "skipped" and (.reason | length) == 0')" -eq 0 ]
	run -0 "$NESTWALK" check "$RUN"
}

# All points were measured, but for those that others' work on this machine spoiled.
is_whole() {
	is_sound
	[ "$(points '.status == "skipped" and (.reason | test("disturbed") | not)')" -eq 0 ]
}

# The share by which counts may differ: this one, but with sanitizers a program has faults of its own.
own_faults() {
	if grep -q __asan_init "$NESTWALK"; then echo 0.5; else echo "$1"; fi
}

# nestwalk ends with 77 where a busy machine left nothing to measure.
storm() {
	run "$NESTWALK" "${STORM[@]}" "$@"
	[ "$status" -eq 0 ] || { [ "$status" -eq 77 ] && [[ $output == *disturbed* ]]; }
}

@test "faults are as many as the kernel counts, and their latencies are all there" {
	storm "${ONE[@]}" --param kind=anon-write,anon-read,file-read,free-write,upgrade,populate
	is_whole
	[ "$(points ".status == \"ok\" and (.metrics.counted_per_expected.median | . != null and (. - 1 | fabs) > $(own_faults 0.001))")" -eq 0 ]
	[ "$(points '.params.kind == "free-write" and .status == "ok" and .metrics.faults_per_page.median > 0.01')" -eq 0 ]
	[ "$(points '.params.kind == "file-read" and .status == "ok" and .metrics.faults_per_page.median > 0.07')" -eq 0 ]
	[ "$(points '.params.kind == "upgrade" and .status == "ok" and
		(.metrics.faults_per_page.median | . > 0.01 and . < 0.99)')" -eq 0 ]
	# Each bucket's faults, together, are those that were timed; populate cannot time one.
	[ "$(points '.status == "ok" and .params.kind != "populate" and
		((.latencies.buckets | map(.[2]) | add) != .latencies.count or .latencies.count < 1000)')" -eq 0 ]
	[ "$(points '.status == "ok" and .params.kind != "populate" and
		(.metrics | .latency_p50_ns.median > (.latency_p99_ns.median // .latency_most_ns.median) or
			.latency_p99_ns.median > .latency_most_ns.median)')" -eq 0 ]
	# What is not known says why.
	[ "$(points '.status == "ok" and (.metrics | map(select(.median == null and (.reason | length) == 0)) | length) > 0')" -eq 0 ]
}

@test "threads and processes storm together" {
	[ "$(nproc)" -ge 2 ] || skip "needs two CPUs"
	storm --param frames=recycled --param actors=2 --param region=4M --param kind=anon-write,shared-write,fork-copy
	is_whole
	[ "$(points '.params.as == "processes"')" -eq 3 ]
	# A fork of one thread is a fork of all.
	[ "$(points '.params.as == "threads"')" -eq 2 ]
}

@test "one CPU is enough" {
	run taskset -c "$(taskset -cp $$ | sed 's/.*: \([0-9]*\).*/\1/')" "$NESTWALK" "${STORM[@]}" \
		--param kind=anon-write,userfault-missing --param region=4M
	[ "$status" -eq 0 ] || [ "$status" -eq 77 ]
	is_sound
	[ "$(points '.params.actors != 1')" -eq 0 ]
	[ "$(points '.params.kind == "anon-write"')" -ge 2 ]
}

@test "fresh frames are fresh where that can be seen, and else say why that is not known" {
	storm --param frames=fresh --param actors=1 --param kind=anon-write
	is_sound
	[ "$(points '.status == "ok" and .metrics.fresh_share.median == null and
		(.metrics.fresh_share.reason | test("frame numbers") | not)')" -eq 0 ]
	[ "$(points '.status == "ok" and .metrics.fresh_share.median != null and .metrics.fresh_share.median < 0.5')" -eq 0 ]
}

@test "what the machine lacks is skipped with what to do" {
	command -v perl >/dev/null || skip "needs perl to call prctl"
	# No file without a name can be made in /proc. 157 is prctl, 41 is PR_SET_THP_DISABLE.
	TMPDIR=/proc run perl -e 'syscall(157, 41, 1, 0, 0, 0) == 0 or die; exec @ARGV' "$NESTWALK" "${STORM[@]}" "${ONE[@]}" \
		--param kind=anon-write,file-read,file-copy,thp-write,hugetlb-write
	[ "$status" -eq 0 ] || [ "$status" -eq 77 ]
	is_sound
	[ "$(points '.status == "skipped" and (.params.kind | test("file")) and (.reason | test("TMPDIR"))')" -eq 2 ]
	[ "$(points '.status == "skipped" and .params.kind == "thp-write" and (.reason | test("huge pages"))')" -eq 1 ]
	[ "$(cat /sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages 2>/dev/null || echo 0)" -gt 0 ] ||
		[ "$(points '.status == "skipped" and .params.kind == "hugetlb-write" and (.reason | test("2M"))')" -eq 1 ]
}

@test "pages of the pool fault in one by one, and are given back" {
	[ "$(id -u)" -eq 0 ] || skip "needs root to reserve huge pages"
	pool=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
	[ -w $pool ] || skip "no hugetlb pool of 2M pages"
	before=$(cat $pool)
	run --separate-stderr "$NESTWALK" "${STORM[@]}" "${ONE[@]}" --reserve-huge 2M:8 --param kind=hugetlb-write
	[ "$status" -ne 1 ] || [[ $stderr != *"kernel found"* ]] || skip "memory too fragmented for 8 huge pages"
	[ "$(cat $pool)" = "$before" ]
	is_whole
	[ "$(points ".status == \"ok\" and (.metrics.faults_per_page.median | . != null and (. - 1 | fabs) > $(own_faults 0.01))")" -eq 0 ]
}

# Make a memory cgroup with this limit, as $group; teardown removes it.
make_group() {
	[ "$(id -u)" -eq 0 ] || skip "needs root to make a cgroup"
	! grep -q __asan_init "$NESTWALK" || skip "the sanitizers' own memory is more than the limit"
	group=/sys/fs/cgroup/memory/nestwalk-storm.$$
	[ -d /sys/fs/cgroup/memory ] || group=/sys/fs/cgroup/nestwalk-storm.$$
	mkdir "$group" 2>/dev/null || skip "cannot make a memory cgroup here"
	limit=$group/memory.max
	[ -e "$limit" ] || limit=$group/memory.limit_in_bytes
	echo "$1" >"$limit" 2>/dev/null || skip "cannot limit a memory cgroup here"
}

teardown() {
	[ -z "${group:-}" ] || rmdir "$group"
}

@test "little memory is never overdrawn: what does not fit is skipped" {
	make_group 256M
	# The regions are the default's, and one that is larger than the limit.
	run bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" "$NESTWALK" "${STORM[@]}" --param region=16M,256M \
		--param kind=anon-write,thp-write,file-copy,fork-copy,shared-write,populate
	[ "$status" -eq 0 ] || [ "$status" -eq 77 ]
	is_sound
	[ "$(points '.params.region_bytes == 268435456')" -ge 6 ]
	[ "$(points '.params.region_bytes == 268435456 and (.status != "skipped" or (.reason | test("MiB") | not))')" -eq 0 ]
	[ "$(points '.params.region_bytes == 16777216 and .params.actors == 1 and .params.frames == "recycled" and
		.status == "skipped" and (.reason | test("disturbed") | not)')" -eq 0 ]
	# v2: memory.events, v1: memory.oom_control.
	[ "$(cat "$group/memory.events" "$group/memory.oom_control" 2>/dev/null | sed -n 's/^oom_kill //p' | head -1)" -eq 0 ]
}

# Processes of the session that a run leads.
session() {
	ps -o pid= -s "$1" | wc -l
}

@test "an interrupted storm leaves no process, no memory and no reservation" {
	[ "$(nproc)" -ge 2 ] || skip "needs two CPUs"
	pool=/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages
	before=$(cat $pool 2>/dev/null || echo 0)
	reserve=()
	if [ "$(id -u)" -eq 0 ] && [ -e $pool ]; then
		reserve=(--reserve-huge 2M:16)
	fi
	setsid "$NESTWALK" "${STORM[@]}" "${reserve[@]}" --effort normal --param as=processes --param actors=2 \
		--param region=4M --param kind=anon-write,hugetlb-write,fork-copy,userfault-missing 2>"$RUN.err" &
	pid=$!
	# It leads, and two actors at least are at work: for as long as a sample takes, again and again.
	at_work=no
	for _ in $(seq 600); do
		[ "$(session $pid)" -lt 3 ] || { at_work=yes && break; }
		! grep -q "kernel found" "$RUN.err" || break
		sleep 0.02
	done
	if grep -q "kernel found" "$RUN.err"; then
		wait "$pid" || true
		skip "memory too fragmented for 16 huge pages"
	fi
	[ $at_work = yes ]
	sleep 2
	kill -INT "$pid"
	code=0
	wait "$pid" || code=$?
	[ "$code" -eq 1 ]
	# What an actor forked is told by the kernel that its parent is gone: it may take a moment.
	for _ in $(seq 50); do
		[ "$(session $pid)" -ne 0 ] || break
		sleep 0.1
	done
	[ "$(session $pid)" -eq 0 ]
	[ "$(cat $pool 2>/dev/null || echo 0)" = "$before" ]
	[ "$(jq -r .state "$RUN/run.json")" = interrupted ]
	run -0 "$NESTWALK" check "$RUN"
}
