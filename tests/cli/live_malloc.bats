#!/usr/bin/env bats
# malloc-storm and page-table-cost, measuring. Counts, shapes and orders of magnitude only.

# commas belong to --param; $stderr is set by run --separate-stderr; each test has a RUN of its own
# shellcheck disable=SC2030,SC2031,SC2054,SC2154
load helpers

need_glibc() {
	if [ "$("$NESTWALK" env --json | jq .allocator.is_glibc)" != true ]; then
		skip "the allocator is not glibc's"
	fi
	if env | grep -q '^GLIBC_TUNABLES=\|^MALLOC_'; then
		skip "the environment changes the allocator's thresholds"
	fi
}

@test "malloc: blocks have mappings of their own from 128 KiB at first, and above 32 MiB for good" {
	need_glibc
	measure -s host -b malloc-storm --param size=16,16K,256K,1M,40M --param touch=no
	every_ok '.params.pattern != "pair" or .metrics.mapped_share.median == (if .params.block_bytes > 33554432
		then 1 else 0 end)'
	every_ok '.params.pattern != "batch" or .metrics.mapped_share.median == (if .params.block_bytes > 131072
		then 1 else 0 end)'
	# A block with a mapping of its own is given back whole.
	every_ok '.metrics.mapped_share.median == 0 or .metrics.returned_bytes.median >= .params.block_bytes'
	every_ok '.params.pattern != "pair" or .metrics.mapped_share.median == 1 or .metrics.faults_per_call.median < 0.1'
	# A malloc() takes between a cycle and a millisecond.
	every_ok '.metrics.malloc_ns.median + .metrics.free_ns.median | . > 0.2 and . < 1e6'
	every_ok '.metrics.touch_ns.median == null and (.metrics.touch_ns.reason | contains("touched"))'
}

@test "malloc: touching memory that was just mapped takes a fault a page" {
	need_glibc
	grep -q '\[always\]' /sys/kernel/mm/transparent_hugepage/enabled && skip "THP always: pages of 2M fault at once"
	measure -s host -b malloc-storm --param size=256K,1M --param touch=yes
	every_ok '.params.pattern != "batch" or (.metrics.faults_per_call.median | . * 4096 - (4096 * 8)) <= .params.block_bytes'
	every_ok '.params.pattern != "batch" or .metrics.faults_per_call.median * 4096 >= .params.block_bytes'
	every_ok '.params.pattern != "pair" or .metrics.faults_per_call.median < 1'
	every_ok '.metrics.touch_ns.median > 0'
}

@test "malloc: another allocator is named, and not asked what only glibc tells" {
	lib=libc_malloc_debug.so.0
	LD_PRELOAD=$lib "$NESTWALK" env --json >"$BATS_TEST_TMPDIR/env" 2>/dev/null || skip "no other allocator here"
	[ "$(jq -r .allocator.name "$BATS_TEST_TMPDIR/env")" = "$lib" ] || skip "no $lib here"
	jq -e '.allocator | .is_glibc == false and .version == null and (.version_reason | length > 0)' \
		"$BATS_TEST_TMPDIR/env"
	LD_PRELOAD=$lib measure -b malloc-storm --param size=64,256K --param pattern=batch --param touch=yes
	[ "$(jq -r .machine.allocator.name "$RUN/run.json")" = "$lib" ]
	every_ok ".metrics.mapped_share.median == null and (.metrics.returned_bytes.reason | contains(\"$lib\"))"
	every_ok '.metrics.malloc_ns.median > 0'
}

@test "malloc: threads only where they are asked for, and never more than CPUs" {
	measure -s host -b malloc-storm --param size=64 --param touch=no
	every '.params.actors == 1'
	run ! "$NESTWALK" run -b malloc-storm --param actors=4096 -o "$BATS_TEST_TMPDIR/none"
	[[ "$output" == *"actors"* ]]
}

@test "page tables: the kernel's count is the formula's, and distance costs tables" {
	measure -s host -b page-table-cost --param page_size=4K --param pages=512,2048
	every_ok '(.metrics.table_bytes.median - .metrics.expected_table_bytes.median | fabs) <= 3 * 4096'
	every_ok '.metrics.faults_per_page.median | . >= 1 and . < 1.05'
	every_ok '.metrics.build_ns.median > 1 and .metrics.teardown_ns.median > 0'
	# A table for each page 2M apart, and two for each 1G apart; dense, one for 512.
	every_ok '(.params.distance_bytes | tostring) as $p | .metrics.table_bytes_per_page.median / 4096 |
		. > {"4096": 0.001, "2097152": 0.99, "1073741824": 1.99}[$p] and
		. < {"4096": 0.02, "2097152": 1.03, "1073741824": 2.03}[$p]'
	# One flat table would take 8 bytes for each 4K between.
	every_ok '.metrics.flat_table_bytes.median <= .params.pages * .params.distance_bytes / 512'
}

@test "page tables: what cannot be had is skipped with what to do" {
	measure -s host -b page-table-cost --param page_size=4K,2M,1G --param distance=1G --param pages=4
	every '.status == "ok" or (.reason | length > 20)'
	# More tables than there may be memory for, and more pages than any pool has.
	"$NESTWALK" run "${ROUNDS[@]}" -s host -b page-table-cost --param page_size=1G --param distance=1G \
		--param pages=60000 -o "$BATS_TEST_TMPDIR/large" || [ $? -eq 77 ]
	jq -e '.status == "skipped" and (.reason | contains("1G"))' "$BATS_TEST_TMPDIR/large/points.jsonl"
}

@test "both run on one CPU" {
	run --separate-stderr taskset -c "$(one_cpu)" "$NESTWALK" run "${ROUNDS[@]}" -s host -b malloc-storm,page-table-cost \
		--param size=64 --param distance=4K --param pages=512 -o "$RUN"
	went_well
	is_sound
}
