#!/usr/bin/env bats
# nestwalk run, measuring: short runs on this machine, on the host and (where /dev/kvm works) in a bare vCPU.
# Counts, shapes and orders of magnitude only: no test here depends on how fast the machine is.

# commas belong to --param; $stderr is set by run --separate-stderr; each test has a RUN of its own
# shellcheck disable=SC2030,SC2031,SC2054,SC2154
bats_require_minimum_version 1.5.0

# Small enough to be over in a few seconds.
SMALL=(--effort quick --param page_size=4K --param stride=1 --param pages=8,64,512)

# One run that several tests look at: host and, where there is one, vCPU.
setup_file() {
	"${NESTWALK:-build/nestwalk}" run "${SMALL[@]}" --seed 7 -o "$BATS_FILE_TMPDIR/both" >"$BATS_FILE_TMPDIR/said" 2>&1
}

setup() {
	NESTWALK=${NESTWALK:-build/nestwalk}
	RUN=$BATS_TEST_TMPDIR/run
	BOTH=$BATS_FILE_TMPDIR/both
}

field() {
	jq -er "$1" "$RUN/run.json"
}

# Number of points for which a jq condition holds.
points() {
	jq -s "map(select($1)) | length" "$RUN/points.jsonl"
}

need_kvm() {
	if ! [[ -r /dev/kvm && -w /dev/kvm ]]; then
		skip "no usable /dev/kvm"
	fi
}

@test "a small run is complete and valid" {
	RUN=$BOTH
	grep -q "results: $RUN" "$BATS_FILE_TMPDIR/said"
	[ "$(field .state)" = complete ]
	[ "$(field .seed)" = 7 ]
	[ "$(points '.status == "ok" and .setting == "host"')" -ge 3 ]
	[ "$(points '.status == "error"')" -eq 0 ]
	# What was asked for is what was got, by the kernel's own word.
	[ "$(points '.status == "ok" and .memory.page_bytes != 4096')" -eq 0 ]
	[ "$(points '.status == "ok" and .memory.faults_counted < .memory.faults_expected * 0.999 - 4')" -eq 0 ]
	run -0 "$NESTWALK" check "$RUN"
}

@test "the clock costs less than 1 % of the shortest lap" {
	jq -e '.clock.overhead_fraction > 0 and .clock.overhead_fraction < 0.01' "$BOTH/run.json"
}

@test "a hit in L1 takes a few cycles, and more pages never less" {
	# Every x86-64 core has a load-to-use latency between 3 and 10 cycles.
	jq -se 'map(select(.setting == "host" and .pass == "sweep")) |
		(map(select(.params.pages == 8))[0].metrics.gross_cycles.median) as $few |
		(map(select(.params.pages == 512))[0].metrics.gross_cycles.median) as $many |
		$few > 2.5 and $few < 12 and $many > 0.9 * $few' "$BOTH/points.jsonl"
}

@test "a vCPU's exits are counted" {
	need_kvm
	RUN=$BOTH
	[ "$(points '.status == "ok" and .setting == "vcpu"')" -ge 3 ]
	# At least the one exit that ends each timed region.
	[ "$(points '.setting == "vcpu" and .kvm.exits != null and .kvm.exits < (.samples.round | length)')" -eq 0 ]
}

@test "host and vCPU are measured in pairs" {
	need_kvm
	jq -se 'map(select(.params.pages == 64 and .pass == "sweep" and .status == "ok")) |
		(map(select(.setting == "host"))[0].samples.round) as $host |
		(map(select(.setting == "vcpu"))[0].samples.round) as $vcpu |
		($host | length) >= 3 and (($host - ($host - $vcpu)) | length) >= 3' "$BOTH/points.jsonl"
}

@test "shuffled frames and 4K pages on 2M backing work in a vCPU" {
	need_kvm
	grep -q '\[never\]' /sys/kernel/mm/transparent_hugepage/enabled && skip "THP is off"
	run -0 "$NESTWALK" run -s vcpu --effort quick --param page_size=4K --param backing=2M-thp --param pages=8,64 \
		--param frames=shuffled --param stride=1 -o "$RUN"
	[ "$(points '.status == "ok" and .params.frames == "shuffled" and .params.backing == "2M-thp"')" -ge 2 ]
}

@test "the same seed visits the same points in the same order" {
	"$NESTWALK" run "${SMALL[@]}" --seed 7 -o "$RUN"
	diff <(jq -c '[.params, .pass]' "$RUN/points.jsonl" | head -6) <(jq -c '[.params, .pass]' "$BOTH/points.jsonl" | head -6)
}

@test "levels are inferred from a run, and it can be reported" {
	command -v gnuplot >/dev/null || skip "no gnuplot"
	"$NESTWALK" run -s host --effort quick --param page_size=4K --param stride=1 -o "$RUN"
	"$NESTWALK" tlb --json "$RUN" | jq -e '(.levels | type) == "array" and (.noise | length) == 1 and
		([.levels[] | .entries >= 8 and .entries_lo <= .entries and .entries <= .entries_hi] | all)'
	run -0 "$NESTWALK" report "$RUN"
	[ -s "$RUN/report/report.html" ]
	[ -s "$RUN/report/overview.svg" ]
}

# A short run of some benches is valid and has a number of each.
bench_is_sound() {
	local benches=$1
	shift
	run -0 "$NESTWALK" run -b "$benches" --effort quick "$@" -o "$RUN-$benches"
	RUN=$RUN-$benches
	[ "$(points '.status == "error"')" -eq 0 ]
	for bench in ${benches//,/ }; do
		[ "$(points ".status == \"ok\" and .bench == \"$bench\"")" -ge 1 ]
	done
	run -0 "$NESTWALK" check "$RUN"
}

@test "experiments give valid runs, which say what their metrics and params are" {
	need_kvm
	bench_is_sound vcpu-fault,cr3-switch,table-memory
	jq -e '.metrics["vcpu-fault"].touch_cycles ==
		{"unit": "cycles", "per": "page", "better": "less", "signed": true, "time": true} and
		.axes["table-memory"].mapped_bytes.kind == "bytes"' "$RUN/run.json"
	# Each point says the unit that run.json says, and has no metric that run.json does not have.
	jq -es --slurpfile run "$RUN/run.json" 'all(.[]; .bench as $bench | .metrics | to_entries |
		all(.[]; .value.unit == $run[0].metrics[$bench][.key].unit))' "$RUN/points.jsonl"
}

@test "walk-depth gives a valid run" {
	bench_is_sound walk-depth --param page_size=4K --param distance=4K,2M,1G --param pages=16,64
}

@test "huge-pages gives a valid run" {
	bench_is_sound huge-pages --param page_size=4K,2M --param working_set=1M,4M
}

@test "a run that can measure nothing ends at once" {
	started=$SECONDS
	run -77 "$NESTWALK" run -s host --effort normal --param page_size=4K --param stride=262144 --param pages=16777216 \
		-o "$RUN"
	[ $((SECONDS - started)) -lt 30 ]
}

@test "the paging mode of a run is proven, and is what its points say" {
	need_kvm
	RUN=$BOTH
	proven=$(jq -r .paging_proof.paging "$RUN/run.json")
	[ "$proven" != null ] || skip "not provable here: $(jq -r .paging_proof.reason "$RUN/run.json")"
	[ "$(points ".setting == \"vcpu\" and .paging != \"$proven\"")" -eq 0 ]
}

@test "more memory than allowed is skipped with its reason, exit code 77" {
	run -77 --separate-stderr "$NESTWALK" run -s host --effort quick --param page_size=4K --param stride=262144 \
		--param pages=16777216 -o "$RUN"
	[[ $stderr == *"nothing could be measured"*"MiB of memory under test"* ]]
	[ "$(points '.status == "skipped" and .reason != null')" -ge 1 ]
	[ "$(points '.status == "ok"')" -eq 0 ]
	run -0 "$NESTWALK" check "$RUN"
}

@test "huge pages that are not reserved are skipped with what to do" {
	[ "$(cat /sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages 2>/dev/null || echo 0)" -eq 0 ] ||
		skip "this machine has 1G pages reserved"
	run -77 --separate-stderr "$NESTWALK" run -s host --effort quick --param page_size=1G --param stride=1 -o "$RUN"
	[[ $stderr == *"1G"* ]]
	[ "$(points '.status == "skipped" and (.reason | test("1G"))')" -eq 1 ]
}

@test "huge pages are reserved for the run, measured, and given back, also when the run is killed" {
	[ "$(id -u)" -eq 0 ] || skip "needs root to reserve huge pages"
	pool=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
	[ -w $pool ] || skip "no hugetlb pool of 2M pages"
	before=$(cat $pool)
	run --separate-stderr "$NESTWALK" run -s host --effort quick --reserve-huge 2M:40 --param page_size=2M \
		--param backing=2M-hugetlb --param stride=1 --param pages=8,16 -o "$RUN"
	[ "$status" -ne 1 ] || [[ $stderr != *"kernel found"* ]] || skip "memory too fragmented for 40 huge pages"
	[ "$status" -eq 0 ]
	[ "$(cat $pool)" = "$before" ]
	[ "$(points '.status == "ok" and .params.backing == "2M-hugetlb"')" -ge 2 ]
	run -0 "$NESTWALK" check "$RUN"

	"$NESTWALK" run -s host --effort normal --reserve-huge 2M:40 --param page_size=4K --param stride=1 \
		-o "$RUN-killed" 2>/dev/null &
	pid=$!
	for _ in $(seq 100); do
		[ "$(cat $pool)" = "$before" ] || break
		sleep 0.1
	done
	kill -KILL "$pid"
	wait "$pid" || true
	for _ in $(seq 100); do
		[ "$(cat $pool)" != "$before" ] || break
		sleep 0.1
	done
	[ "$(cat $pool)" = "$before" ]
}

@test "without permission for /dev/kvm the host is measured and the vCPU skipped with what to do" {
	[ "$(id -u)" -eq 0 ] || skip "needs root to become somebody who may not"
	[ -e /dev/kvm ] || skip "no /dev/kvm to be refused"
	[ "$(stat -c %a /dev/kvm)" != 666 ] || skip "everybody may use /dev/kvm here"
	# Somebody else cannot look into the directories of a test.
	place=$(mktemp -d /tmp/nestwalk-unprivileged-XXXXXX)
	chmod 777 "$place"
	install -m 755 "$NESTWALK" "$place/nestwalk"
	run -0 setpriv --reuid=65534 --regid=65534 --clear-groups "$place/nestwalk" run "${SMALL[@]}" -o "$place/run"
	mv "$place/run" "$RUN"
	rm -r "$place"
	[ "$(points '.setting == "host" and .status == "ok"')" -ge 3 ]
	[ "$(points '.setting == "vcpu" and .status == "skipped" and (.reason | test("/dev/kvm"))')" -ge 1 ]
	[ "$(points '.setting == "vcpu" and .status != "skipped"')" -eq 0 ]
}

@test "without THP 2M points are skipped and the baseline says that it lies in 4K pages" {
	command -v perl >/dev/null || skip "needs perl to call prctl"
	# prctl(PR_SET_THP_DISABLE = 41, 1, 0, 0, 0) is inherited; 157 is prctl on x86-64.
	run -0 perl -e 'syscall(157, 41, 1, 0, 0, 0) == 0 or die; exec @ARGV' "$NESTWALK" run -s host --effort quick \
		--param page_size=4K,2M --param stride=1 --param pages=8,64 -o "$RUN"
	[ "$(points '.status == "ok" and .params.page_size_bytes == 4096 and .memory.baseline_page_bytes == 4096')" -ge 2 ]
	[ "$(points '.status == "ok" and .params.backing == "2M-thp"')" -eq 0 ]
	[ "$(points '.status == "skipped" and .params.backing == "2M-thp" and (.reason | test("huge pages"))')" -ge 1 ]
}

@test "an interrupted run keeps what it measured, says so, and can be read" {
	"$NESTWALK" run -s host --effort normal --param page_size=4K --param stride=1 -o "$RUN" 2>"$RUN.err" &
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
	[ "$(field .state)" = interrupted ]
	[ "$(points '.status == "ok"')" -ge 10 ]
	run -0 "$NESTWALK" check "$RUN"
	[[ $output == *interrupted* ]]
}

@test "a killed run keeps its finished points" {
	"$NESTWALK" run -s host --effort normal --param page_size=4K --param stride=1 -o "$RUN" 2>/dev/null &
	pid=$!
	for _ in $(seq 200); do
		[ "$(wc -l <"$RUN/points.jsonl" 2>/dev/null || echo 0)" -ge 20 ] && break
		sleep 0.1
	done
	kill -KILL "$pid"
	wait "$pid" || true
	[ "$(field .state)" = running ]
	# As after a power cut in the middle of a line.
	truncate -s -5 "$RUN/points.jsonl"
	run -0 "$NESTWALK" check "$RUN"
	[[ $output == *truncated* || $output == *"cut"* ]]
	[[ $output == *running* ]]
}

@test "a full disk is one line and exit code 1, and what was written stays" {
	run -1 --separate-stderr bash -c 'ulimit -f 64; exec "$@"' -- "$NESTWALK" run -s host --effort quick \
		--param page_size=4K --param stride=1 -o "$RUN"
	[[ $stderr == *"cannot write"*"points.jsonl"* ]]
	[ -s "$RUN/run.json" ]
	[ -s "$RUN/points.jsonl" ]
}

# Make a memory cgroup with this limit, as $group; teardown removes it.
make_group() {
	[ "$(id -u)" -eq 0 ] || skip "needs root to make a cgroup"
	! grep -q __asan_init "$NESTWALK" || skip "the sanitizers' own memory is more than the limit"
	group=/sys/fs/cgroup/memory/nestwalk-test.$$
	[ -d /sys/fs/cgroup/memory ] || group=/sys/fs/cgroup/nestwalk-test.$$
	mkdir "$group" 2>/dev/null || skip "cannot make a memory cgroup here"
	limit=$group/memory.max
	[ -e "$limit" ] || limit=$group/memory.limit_in_bytes
	echo "$1" >"$limit" 2>/dev/null || skip "cannot limit a memory cgroup here"
}

# Run a command in it.
in_group() {
	bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" "$@"
}

teardown() {
	[ -z "${group:-}" ] || rmdir "$group"
}

@test "too little memory for any run is one line, exit code 77" {
	make_group 8M
	run -77 --separate-stderr in_group "$NESTWALK" run -s host "${SMALL[@]}" -o "$RUN"
	[[ $stderr == *"MiB of memory are available"* ]]
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
}

@test "a memory cgroup's limit is kept" {
	make_group 64M
	run -0 in_group "$NESTWALK" run -s host --effort quick \
		--param page_size=4K --param stride=1 --param pages=8,64,512,65536 -o "$RUN"
	[ "$(field .memory_budget_bytes)" -le 33554432 ]
	[ "$(points '.status == "ok" and .params.pages == 512')" -ge 1 ]
	[ "$(points '.status == "skipped" and .params.pages == 65536 and (.reason | test("half of the available"))')" -eq 1 ]
}
