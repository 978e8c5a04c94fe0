#!/usr/bin/env bats
# nestwalk run, measuring: short runs on this machine, on the host and (where /dev/kvm works) in a bare vCPU.
# Counts, shapes and orders of magnitude only: no test here depends on how fast the machine is.

# commas belong to --param; $stderr is set by run --separate-stderr; each test has a RUN of its own
# shellcheck disable=SC2030,SC2031,SC2054,SC2154
load helpers

# Few pages, so that a round is short.
SMALL=(--param page_size=4K --param stride=1 --param pages=8,64,512)
# A sweep of 39 counts, up to 32 MiB: large enough to show a TLB level, and long enough to be interrupted.
SWEEP=(-s host --param page_size=4K --param stride=1 --param "pages=8-32,40,48,56,64,72,80,96,112,128,160,192,256,384,512")

# One run that several tests look at: host and, where there is one, vCPU.
setup_file() {
	"${NESTWALK:-build/nestwalk}" run "${ROUNDS[@]}" "${SMALL[@]}" --seed 7 -o "$BATS_FILE_TMPDIR/both" \
		>"$BATS_FILE_TMPDIR/said" 2>&1
}

field() {
	jq -er "$1" "$RUN/run.json"
}

# The tests below that look at the run of setup_file.
look_at_both() {
	RUN=$BATS_FILE_TMPDIR/both
}

@test "a small run is complete and valid" {
	look_at_both
	grep -q "results: $RUN" "$BATS_FILE_TMPDIR/said"
	[ "$(field .state)" = complete ]
	[ "$(field .seed)" = 7 ]
	have 3 '.setting == "host"'
	is_sound
	# Each point got the pages that it asked for, as the kernel counts them.
	every_ok '.memory.page_bytes == 4096'
	every_ok '.memory.faults_counted >= .memory.faults_expected * 0.999 - 4'
}

@test "each point has as many samples as rounds were asked for, less those that were disturbed" {
	look_at_both
	[ "$(field .rounds)" = 3 ]
	every_ok '.setting == "host-again" or (.samples.round | length) + .contaminated == 3'
	# The control takes part in every second round, beginning with the first.
	every_ok '.setting != "host-again" or (.samples.round | length) + .contaminated == 2'
	every_ok '.samples.round | . == (. | unique) and max < 3'
	grep -q "effort quick, 3 rounds over all points, however long they take" "$BATS_FILE_TMPDIR/said"
	grep -q "round 1 of 3" "$BATS_FILE_TMPDIR/said"
}

@test "a sample of a round that there was not is found" {
	look_at_both
	cp -r "$RUN" "$BATS_TEST_TMPDIR/changed"
	jq '.rounds = 0' "$RUN/run.json" >"$BATS_TEST_TMPDIR/changed/run.json"
	run -1 "$NESTWALK" check "$BATS_TEST_TMPDIR/changed"
	[[ $output == *"rounds is not a whole number from 1"* ]]
	jq '.rounds = 3' "$RUN/run.json" >"$BATS_TEST_TMPDIR/changed/run.json"
	jq -c 'if .samples.round then .samples.round[-1] = 3 else . end' "$RUN/points.jsonl" \
		>"$BATS_TEST_TMPDIR/changed/points.jsonl"
	run -1 "$NESTWALK" check "$BATS_TEST_TMPDIR/changed"
	[[ $output == *"samples round: 3, but the run has 3 rounds"* ]]
}

@test "the clock costs less than 1 % of the shortest lap" {
	jq -e '.clock.overhead_fraction > 0 and .clock.overhead_fraction < 0.01' "$BATS_FILE_TMPDIR/both/run.json"
}

@test "a hit in L1 takes a few cycles, and more pages hardly ever less" {
	look_at_both
	need_whole
	# Every x86-64 core has a load-to-use latency between 3 and 10 cycles.
	jq -se 'map(select(.setting == "host" and .pass == "sweep")) |
		(map(select(.params.pages == 8))[0].metrics.gross_cycles.median) as $few |
		(map(select(.params.pages == 512))[0].metrics.gross_cycles.median) as $many |
		$few > 2 and $few < 30 and $many > 0.5 * $few' "$RUN/points.jsonl"
}

@test "a vCPU's exits are counted" {
	need_kvm
	look_at_both
	have 3 '.setting == "vcpu"'
	# At least the one exit that ends each timed region.
	every_ok '.setting != "vcpu" or .kvm.exits == null or .kvm.exits >= (.samples.round | length)'
}

@test "host and vCPU are measured in pairs" {
	need_kvm
	look_at_both
	need_whole
	# Where neither was disturbed, each round has a sample of both.
	jq -se 'map(select(.params.pages == 64 and .pass == "sweep" and .setting != "host-again")) | length == 2 and
		(any(.[]; .contaminated > 0) or (map(.samples.round) | unique | length) == 1)' "$RUN/points.jsonl"
}

@test "shuffled frames and 4K pages on 2M backing work in a vCPU" {
	need_kvm
	grep -q '\[never\]' /sys/kernel/mm/transparent_hugepage/enabled && skip "THP is off"
	measure -s vcpu --param page_size=4K --param backing=2M-thp --param pages=8,64 --param frames=shuffled --param stride=1
	have 2 '.params.frames == "shuffled" and .params.backing == "2M-thp"'
}

@test "rounds of all benches take turns" {
	measure -s host -b tlb-reach,malloc-storm --param page_size=4K --param stride=1 --param pages=8,64 --param size=16
	have 2 '.bench == "tlb-reach" and .pass == "sweep" and .setting == "host"'
	have 1 '.bench == "malloc-storm"'
	need_whole
	# Every sample of a round is older than every sample of the next one, whichever bench it is of.
	jq -se 'map(select(.status == "ok" and .pass == "sweep").samples | [.round, .at_s] | transpose[]) | group_by(.[0]) |
		map(map(.[1])) | length == 3 and (. as $of | all(range(1; length); ($of[. - 1] | max) < ($of[.] | min)))' "$RUN/points.jsonl"
}

@test "a busy sibling is a curve of its own where this Linux owns it, and is skipped with the reason elsewhere" {
	measure -s host --param page_size=4K --param stride=1 --param pages=16,64 --param sibling=idle,busy
	have 2 '.params.sibling == "idle"'
	every '.params.sibling == "idle" or ok or disturbed or
		(.status == "skipped" and (.reason | startswith("this Linux sees no other thread of CPU")))'
	[ "$(points '.params.sibling == "busy" and .setting == "host"')" -eq 2 ]
}

@test "the same seed visits the same points in the same order" {
	measure "${SMALL[@]}" --seed 7
	diff <(jq -c 'select(.pass == "sweep") | [.params, .setting]' "$RUN/points.jsonl") \
		<(jq -c 'select(.pass == "sweep") | [.params, .setting]' "$BATS_FILE_TMPDIR/both/points.jsonl")
}

@test "levels are inferred from a run, and it can be reported" {
	command -v gnuplot >/dev/null || skip "no gnuplot"
	measure "${SWEEP[@]}"
	have 38 '.pass == "sweep"'
	"$NESTWALK" tlb --json "$RUN" | jq -e '(.levels | type) == "array" and (.noise | length) == 1 and
		([.levels[] | .entries >= 8 and .entries_lo <= .entries and .entries <= .entries_hi] | all)'
	run -0 "$NESTWALK" report "$RUN"
	[ -s "$RUN/report/report.html" ]
	[ -s "$RUN/report/overview.svg" ]
}

@test "sets and ways are inferred from a run, and too little of one has a reason" {
	measure -b tlb-geometry -s host --param page_size=4K --param distance=4K,16M --param flip=0 --param pages=8,16,256,8192
	need_whole
	have 2 '.params.fillers == 128 and .params.distance_bytes == 16777216'
	have 2 '.params.fillers == 0 and .params.distance_bytes == 4096'
	"$NESTWALK" tlb --json "$RUN" | jq -e '[.geometry[] | select(.setting == "host")] | map(.level) == [1, 2] and
		all(has("sets") and has("ways") and has("usable_ways") and has("index") and has("replacement")) and
		all((.entries | type) == "number" or (.reason | length) > 0)'
}

# bench_is_sound BENCH ARGUMENT...: a short run of it is valid, and has a point.
bench_is_sound() {
	RUN=$BATS_TEST_TMPDIR/$1
	measure -b "$@"
	have 1 ".bench == \"$1\""
}

# Each point says the unit that run.json says, and has no metric that run.json does not have.
units_are_those_of_the_run() {
	jq -es --slurpfile run "$RUN/run.json" 'all(.[]; .bench as $bench | .metrics | to_entries |
		all(.[]; .value.unit == $run[0].metrics[$bench][.key].unit))' "$RUN/points.jsonl"
}

@test "experiments give valid runs, which say what their metrics and params are" {
	need_kvm
	bench_is_sound cr3-switch --param touched=64
	units_are_those_of_the_run
	bench_is_sound vcpu-fault --param fault_pages=256
	units_are_those_of_the_run
	jq -e '.metrics["vcpu-fault"].touch_cycles ==
		{"unit": "cycles", "per": "page", "better": "less", "signed": true, "time": true}' "$RUN/run.json"
	bench_is_sound table-memory --param vms=1,2 --param processes=1,4 --param page_size=4K --param mapped=8M
	units_are_those_of_the_run
	jq -e '.axes["table-memory"].mapped_bytes.kind == "bytes"' "$RUN/run.json"
}

@test "walk-depth gives a valid run" {
	bench_is_sound walk-depth --param page_size=4K --param distance=4K,2M,1G --param pages=16,64
}

@test "walk-parallel gives a valid run, and says where walks saturate" {
	bench_is_sound walk-parallel --param page_size=4K --param chains=1,2,12 --param lines=8192
	need_whole
	run "$NESTWALK" query "$RUN" "SELECT COUNT(*) FROM walk_overlap WHERE one_cycles > most_cycles AND chains_most = 12" -f csv
	[ "$status" -eq 0 ]
	[[ ${lines[1]} =~ ^[1-3] ]]
}

@test "walk-cache gives a valid run" {
	bench_is_sound walk-cache --param entries=2,64,1024
	every '.params.entry != "PDE" or .params.entries >= 32'
}

@test "huge-pages gives a valid run" {
	bench_is_sound huge-pages --param page_size=4K,2M --param working_set=1M,4M
}

@test "a run that can measure nothing ends at once" {
	run -77 "$NESTWALK" run -s host --rounds 100000 --param page_size=4K --param stride=262144 --param pages=16777216 \
		-o "$RUN"
	# No round begins.
	[[ $output != *"round 1 of"* ]]
}

@test "the paging mode of a run is proven, and is what its points say" {
	need_kvm
	look_at_both
	proven=$(jq -r .paging_proof.paging "$RUN/run.json")
	[ "$proven" != null ] || skip "not provable here: $(jq -r .paging_proof.reason "$RUN/run.json")"
	every ".setting != \"vcpu\" or .paging == \"$proven\""
}

@test "more memory than allowed is skipped with its reason, exit code 77" {
	run -77 --separate-stderr "$NESTWALK" run "${ROUNDS[@]}" -s host --param page_size=4K --param stride=262144 \
		--param pages=16777216 -o "$RUN"
	[[ $stderr == *"nothing could be measured"*"MiB of memory under test"* ]]
	[ "$(points '.status == "skipped"')" -ge 1 ]
	[ "$(points ok)" -eq 0 ]
	is_sound
}

@test "huge pages that are not reserved are skipped with what to do" {
	[ "$(cat /sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages 2>/dev/null || echo 0)" -eq 0 ] ||
		skip "this machine has 1G pages reserved"
	run -77 --separate-stderr "$NESTWALK" run "${ROUNDS[@]}" -s host --param page_size=1G --param stride=1 -o "$RUN"
	[[ $stderr == *"1G"* ]]
	[ "$(points '.status == "skipped" and (.reason | test("1G"))')" -eq 1 ]
}

@test "huge pages are reserved for the run, measured, and given back, also when the run is killed" {
	[ "$(id -u)" -eq 0 ] || skip "needs root to reserve huge pages"
	pool=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
	[ -w $pool ] || skip "no hugetlb pool of 2M pages"
	before=$(cat $pool)
	run --separate-stderr "$NESTWALK" run "${ROUNDS[@]}" -s host --reserve-huge 2M:40 --param page_size=2M \
		--param backing=2M-hugetlb --param stride=1 --param pages=8,16 -o "$RUN"
	[ "$status" -ne 1 ] || [[ $stderr != *"kernel found"* ]] || skip "memory too fragmented for 40 huge pages"
	went_well
	[ "$(cat $pool)" = "$before" ]
	have 2 '.params.backing == "2M-hugetlb"'
	is_sound

	"$NESTWALK" run --rounds 100000 "${SWEEP[@]}" --reserve-huge 2M:40 -o "$RUN-killed" 2>/dev/null &
	pid=$!
	until_so pool_is_not "$before"
	kill -KILL "$pid"
	wait "$pid" || true
	until_so pool_is "$before"
}

pool_is() {
	[ "$(cat $pool)" = "$1" ]
}

pool_is_not() {
	! pool_is "$1"
}

@test "without permission for /dev/kvm the host is measured and the vCPU skipped with what to do" {
	[ "$(id -u)" -eq 0 ] || skip "needs root to become somebody who may not"
	[ -e /dev/kvm ] || skip "no /dev/kvm to be refused"
	[ "$(stat -c %a /dev/kvm)" != 666 ] || skip "everybody may use /dev/kvm here"
	# Another user cannot read the directories of a test.
	place=$(mktemp -d /tmp/nestwalk-unprivileged-XXXXXX)
	chmod 777 "$place"
	install -m 755 "$NESTWALK" "$place/nestwalk"
	run --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups "$place/nestwalk" run "${ROUNDS[@]}" \
		"${SMALL[@]}" -o "$place/run"
	mv "$place/run" "$RUN"
	rm -r "$place"
	went_well
	have 3 '.setting == "host"'
	[ "$(points '.setting == "vcpu" and .status == "skipped" and (.reason | test("/dev/kvm"))')" -ge 1 ]
	every '.setting != "vcpu" or .status == "skipped"'
}

@test "without THP 2M points are skipped and the baseline says that it lies in 4K pages" {
	command -v perl >/dev/null || skip "needs perl to call prctl"
	# prctl(PR_SET_THP_DISABLE = 41, 1, 0, 0, 0) is inherited; 157 is prctl on x86-64.
	run --separate-stderr perl -e 'syscall(157, 41, 1, 0, 0, 0) == 0 or die; exec @ARGV' "$NESTWALK" run "${ROUNDS[@]}" \
		-s host --param page_size=4K,2M --param stride=1 --param pages=8,64 -o "$RUN"
	went_well
	have 2 '.params.page_size_bytes == 4096'
	every_ok '.params.page_size_bytes != 4096 or .memory.baseline_page_bytes == 4096'
	[ "$(points 'ok and .params.backing == "2M-thp"')" -eq 0 ]
	[ "$(points '.status == "skipped" and .params.backing == "2M-thp" and (.reason | test("huge pages"))')" -ge 1 ]
}

@test "a run that is interrupted while it touches its memory says so of each point" {
	"$NESTWALK" run -s host -b tlb-reach --rounds 1000 --param page_size=4K,2M --param stride=4 -o "$RUN" 2>"$RUN.err" >/dev/null &
	pid=$!
	until_so test -s "$RUN/run.json"
	kill -INT "$pid"
	code=0
	wait "$pid" || code=$?
	[ "$code" -eq 1 ]
	run -0 "$NESTWALK" check "$RUN"
	[ "$(field .state)" = interrupted ]
	# Where the signal came late, some points were measured.
	jq -se 'length > 0 and all(.final and (.status == "ok" or (.reason | test("interrupted|huge pages"))))' "$RUN/points.jsonl"
}

@test "an interrupted run keeps what it measured, says so, and can be read" {
	"$NESTWALK" run --rounds 100000 "${SWEEP[@]}" -o "$RUN" 2>"$RUN.err" &
	pid=$!
	until_so has_lines "$RUN/samples.jsonl" 80
	kill -INT "$pid"
	code=0
	wait "$pid" || code=$?
	[ "$code" -eq 1 ]
	grep -q interrupted "$RUN.err"
	[ "$(field .state)" = interrupted ]
	[ "$(points ok)" -ge 10 ]
	run -0 "$NESTWALK" check "$RUN"
	[[ $output == *interrupted* ]]
}

@test "a killed run keeps its finished samples" {
	"$NESTWALK" run --rounds 100000 "${SWEEP[@]}" -o "$RUN" 2>/dev/null &
	pid=$!
	until_so has_lines "$RUN/samples.jsonl" 80
	kill -KILL "$pid"
	wait "$pid" || true
	[ "$(field .state)" = running ]
	# Cut the last line, as a power cut does.
	truncate -s -5 "$RUN/samples.jsonl"
	run -0 "$NESTWALK" check "$RUN"
	[[ $output == *running* ]]
	samples=$("$NESTWALK" query -f csv "$RUN" 'SELECT SUM(samples) FROM point' | tail -n 1 | tr -d '\r')
	[ "$samples" -ge "$(($(grep -c '"sample"' "$RUN/samples.jsonl") - 1))" ]
}

@test "a full disk is one line and exit code 1, and what was written stays" {
	run -1 --separate-stderr bash -c 'ulimit -f 64; exec "$@"' -- "$NESTWALK" run --rounds 100000 "${SWEEP[@]}" -o "$RUN"
	[[ $stderr == *"cannot write"*".jsonl"* ]]
	[ -s "$RUN/run.json" ]
	[ -s "$RUN/points.jsonl" ]
}

@test "too little memory for any run is one line, exit code 77" {
	make_group 8M
	run -77 --separate-stderr in_group "$NESTWALK" run -s host "${ROUNDS[@]}" "${SMALL[@]}" -o "$RUN"
	[[ $stderr == *"MiB of memory are available"* ]]
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
}

@test "a memory cgroup's limit is kept" {
	make_group 64M
	run --separate-stderr in_group "$NESTWALK" run -s host "${ROUNDS[@]}" --param page_size=4K --param stride=1 \
		--param pages=8,64,512,65536 -o "$RUN"
	went_well
	[ "$(field .memory_budget_bytes)" -le 33554432 ]
	have 1 '.params.pages == 512'
	[ "$(points '.status == "skipped" and .params.pages == 65536 and (.reason | test("half of the available"))')" -eq 1 ]
}
