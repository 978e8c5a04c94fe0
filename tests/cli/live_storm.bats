#!/usr/bin/env bats
# Storms of page faults on this machine: counts, shapes, reasons, and that nothing is left over.

# commas belong to --param; $stderr is set by run --separate-stderr; each test has a RUN of its own
# shellcheck disable=SC2030,SC2031,SC2054,SC2154
load helpers

STORM=(run -b fault-storm "${ROUNDS[@]}")
ONE=(--param frames=recycled --param actors=1 --param region=4M)

# The share by which counts may differ. With sanitizers it is larger, as the program then has faults of its own.
own_faults() {
	if grep -q __asan_init "$NESTWALK"; then echo 0.5; else echo "$1"; fi
}

storm() {
	measure -b fault-storm "$@"
}

@test "faults are as many as the kernel counts, and their latencies are all there" {
	storm "${ONE[@]}" --param kind=anon-write,anon-read,file-read,free-write,upgrade,populate
	is_whole
	have 6 .final
	every_ok ".metrics.counted_per_expected.median | . == null or (. - 1 | fabs) <= $(own_faults 0.001)"
	every_ok '.params.kind != "free-write" or .metrics.faults_per_page.median <= 0.01'
	every_ok '.params.kind != "file-read" or .metrics.faults_per_page.median <= 0.07'
	every_ok '.params.kind != "upgrade" or (.metrics.faults_per_page.median | . <= 0.01 or . >= 0.99)'
	# Each bucket's faults, together, are those that were timed; populate cannot time one. 4 MiB are 64 times 64 KiB, which
	# is what one fault of a file brings.
	every_ok '.params.kind == "populate" or
		(.latencies | (.buckets | map(.[2]) | add) == .count and .count >= 64)'
	every_ok '.params.kind == "populate" or
		(.metrics | .latency_p50_ns.median <= (.latency_p99_ns.median // .latency_most_ns.median) and
			(.latency_p99_ns.median // 0) <= .latency_most_ns.median)'
	# An unknown metric has a reason.
	every_ok '.metrics | all(.median != null or (.reason | length) > 0)'
}

@test "threads and processes storm together" {
	[ "$(nproc)" -ge 2 ] || skip "needs two CPUs"
	storm --param frames=recycled --param as=threads,processes --param actors=2 --param region=4M \
		--param kind=anon-write,shared-write,fork-copy
	is_whole
	[ "$(points '.params.as == "processes"')" -eq 3 ]
	# fork-copy has no threads, as fork() in one thread copies the memory of all threads.
	[ "$(points '.params.as == "threads"')" -eq 2 ]
}

@test "one CPU is enough" {
	run --separate-stderr taskset -c "$(one_cpu)" "$NESTWALK" "${STORM[@]}" --param kind=anon-write,userfault-missing \
		--param region=4M -o "$RUN"
	[[ $status -eq 0 || $stderr == *"nothing could be measured"* ]]
	is_sound
	every '.params.actors == 1'
	[ "$(points '.params.kind == "anon-write"')" -ge 2 ]
}

@test "fresh frames are fresh where that can be seen, and else say why that is not known" {
	storm --param frames=fresh --param actors=1 --param kind=anon-write --param region=4M
	every_ok '.metrics.fresh_share | if .median == null then .reason | test("frame numbers") else .median >= 0.5 end'
	# Half of the 1024 pages are timed one by one: five of them are beyond 99 %, none is beyond 99.9 %.
	every_ok '.metrics.latency_p99_ns.median > 0'
	every_ok '.metrics.latency_p999_ns | .median == null and (.reason | test("too few faults"))'
}

@test "what the machine lacks is skipped with what to do" {
	command -v perl >/dev/null || skip "needs perl to call prctl"
	# No file without a name can be made in /proc. 157 is prctl, 41 is PR_SET_THP_DISABLE.
	TMPDIR=/proc run --separate-stderr perl -e 'syscall(157, 41, 1, 0, 0, 0) == 0 or die; exec @ARGV' "$NESTWALK" "${STORM[@]}" "${ONE[@]}" \
		--param kind=anon-write,file-read,file-copy,thp-write,hugetlb-write -o "$RUN"
	[[ $status -eq 0 || $stderr == *"nothing could be measured"* ]]
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
	run --separate-stderr "$NESTWALK" "${STORM[@]}" "${ONE[@]}" --reserve-huge 2M:8 --param kind=hugetlb-write \
		-o "$RUN"
	[ "$status" -ne 1 ] || [[ $stderr != *"kernel found"* ]] || skip "memory too fragmented for 8 huge pages"
	[ "$(cat $pool)" = "$before" ]
	went_well
	is_whole
	every_ok ".metrics.faults_per_page.median | . == null or (. - 1 | fabs) <= $(own_faults 0.01)"
}

@test "little memory is never overdrawn: what does not fit is skipped" {
	make_group 256M
	# The regions are of the default size, and of one that is larger than the limit.
	run --separate-stderr in_group "$NESTWALK" "${STORM[@]}" --rounds 1 --param region=16M,256M \
		--param kind=anon-write,thp-write,file-copy,fork-copy,shared-write,populate -o "$RUN"
	[[ $status -eq 0 || $stderr == *"nothing could be measured"* ]]
	is_sound
	[ "$(points '.params.region_bytes == 268435456')" -ge 6 ]
	every '.params.region_bytes != 268435456 or (.status == "skipped" and (.reason | test("MiB")))'
	every '.params.region_bytes != 16777216 or .params.actors != 1 or .params.frames != "recycled" or ok or disturbed'
	# v2: memory.events, v1: memory.oom_control.
	[ "$(cat "$group/memory.events" "$group/memory.oom_control" 2>/dev/null | sed -n 's/^oom_kill //p' | head -1)" -eq 0 ]
}

# Processes of the session that a run leads.
session() {
	ps -o pid= -s "$1" | wc -l
}

no_session() {
	[ "$(session "$1")" -eq 0 ]
}

# The run leads its session and at least two workers are active, or the run did not get its huge pages.
is_at_work() {
	[ "$(session "$1")" -ge 3 ] || grep -q "kernel found" "$RUN.err"
}

@test "an interrupted storm leaves no process, no memory and no reservation" {
	[ "$(nproc)" -ge 2 ] || skip "needs two CPUs"
	pool=/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages
	before=$(cat $pool 2>/dev/null || echo 0)
	reserve=()
	if [ "$(id -u)" -eq 0 ] && [ -e $pool ]; then
		reserve=(--reserve-huge 2M:16)
	fi
	setsid "$NESTWALK" "${STORM[@]}" "${reserve[@]}" --rounds 100000 --param as=processes --param actors=2 \
		--param region=4M --param kind=anon-write,hugetlb-write,fork-copy,userfault-missing -o "$RUN" 2>"$RUN.err" &
	pid=$!
	# Workers are started and ended with each sample.
	until_so is_at_work "$pid"
	if grep -q "kernel found" "$RUN.err"; then
		wait "$pid" || true
		skip "memory too fragmented for 16 huge pages"
	fi
	sleep 0.5
	kill -INT "$pid"
	code=0
	wait "$pid" || code=$?
	[ "$code" -eq 1 ]
	# The kernel ends a process that a worker forked when its parent is gone. This may take a moment.
	until_so no_session "$pid"
	[ "$(cat $pool 2>/dev/null || echo 0)" = "$before" ]
	[ "$(jq -r .state "$RUN/run.json")" = interrupted ]
	"$NESTWALK" check "$RUN"
}
