#!/usr/bin/env bats
# nestwalk model: theory in numbers. Measures nothing.
# shellcheck disable=SC2154 # $stderr is set by run

bats_require_minimum_version 1.5.0

setup() {
	nestwalk=${NESTWALK:-$BATS_TEST_DIRNAME/../../build/nestwalk}
	fixtures=$BATS_TEST_DIRNAME/../fixtures
	TLB=L1:72:full,L2:3072:12way:+7cycles
}

model() {
	"$nestwalk" model "$@"
}

# says CONDITION OPTION...: a jq condition holds for the answer.
says() {
	local condition=$1
	shift
	model --json "$@" | jq -e "$condition" >/dev/null || { model --json "$@" | jq -c '{machine, tables, curve: .curve[0:2]}' && false; }
}

# refused WORDS OPTION...: one line on stderr that has the words, and exit code 2.
refused() {
	local words=$1
	shift
	run --separate-stderr "$nestwalk" model "$@"
	echo "$stderr"
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ "$stderr" == "nestwalk: "*"$words"* ]]
}

@test "references: 24 nested of four levels, 4 native, 4 shadow; 2M leaves save a level" {
	says '.references[] | select(.page_size_bytes == 4096 and .host_page_size_bytes == 4096 and .held == null and .host_held == null)
		| .nested == 24 and .native == 4 and .shadow == 4'
	says '.references[] | select(.page_size_bytes == 2097152 and .host_page_size_bytes == 2097152 and .held == null and .host_held == null)
		| .nested == 15 and .native == 3 and .shadow == 3'
	says '.references[] | select(.page_size_bytes == 4096 and .host_page_size_bytes == 4096 and .held == "PDE" and .host_held == "PDE")
		| .nested == 2 and .native == 1'
	says '[.references[] | select(.page_size_bytes == 4096 and .host_page_size_bytes == 4096) | .nested] | max == 35' --walk 5 --host-walk 5
}

@test "tables: 80 trees against 44 for 4 VMs of 10 processes" {
	says '.tables | .guest.trees + .shadow.trees == 80 and .guest.trees + .nested.trees == 44'
	says '.tables | .guest.trees == 6 and .nested.trees == 2 and .guest.pages == 6 * (3 + 8) and .guest.bytes == .guest.pages * 4096' \
		--vms 2 --processes 3 --mapped 16M
	# Shared memory: a nested tree does not grow with the processes, but for the tables of the guests themselves.
	says '.tables.nested.pages_by_level[0] == 9' --vms 1 --processes 10 --mapped 16M --memory shared
	says '.tables.nested.pages_by_level[0] == 81' --vms 1 --processes 10 --mapped 16M --memory own
}

@test "exits: none nested, two shadow for a fault; one shadow for a load of CR3" {
	says '.exits | .cr3_load == {"nested": 0, "shadow": 1} and
		(.faults[] | select(.kind == "guest-warm" and .flush == "none") | .nested == 0 and .shadow == 2 and .shadow_per_table == 1)'
}

@test "the curve has a cliff where LRU has one, and says what a walk costs" {
	says '.curve | length == 4 and map(.pages) == [72, 73, 3072, 3330] and map(.native.translation_cycles)[0:3] == [0, 7, 7]' \
		--tlb "$TLB" --reference-cycles 30 --pages 72,73,3072,3330
	# 258 pages more put a thirteenth page into each of the 256 sets: all of them miss.
	says '.curve[0] | .native.walks == 1 and .native.translation_cycles == 7 + 4 * 30 and .nested.translation_cycles == 7 + 24 * 30
		and .shadow.references == 4' --tlb "$TLB" --reference-cycles 30 --pages 3330
}

@test "the same seed gives the same curve, another seed another" {
	local options=(--tlb L1:64:full:random --reference-cycles 30 --pages 100)
	[ "$(model --json "${options[@]}")" = "$(model --json "${options[@]}")" ]
	[ "$(model --json "${options[@]}")" != "$(model --json "${options[@]}" --seed 2)" ]
}

@test "what is unknown is no number" {
	says '.curve[0].native | .translation_cycles == null and .data_cycles == null and .references == 4' --tlb "$TLB" --pages 8K
	says '.curve == [] and .machine.tlb == null'
	model --tlb "$TLB" --pages 8K | grep -q "A latency is not known"
	model | grep -q "No curve: --tlb, --cpuid or --run"
}

@test "caches and held entries make walks cheaper, and tell where references hit" {
	local caches=(--caches "L1:32K:8way:4cycles,L2:1M:8way:14cycles" --memory-cycles 200)
	says '.curve[0].nested | .references == 24 and (.reference_lines | add) > 23.9 and .translation_cycles < 24 * 14' \
		--tlb "$TLB" "${caches[@]}" --pages 8K
	says '.curve[0] | .nested.references == 5 and .native.references == 1 and .native.shortened_walks == 1' \
		--tlb "$TLB" "${caches[@]}" --walk-caches PDE:512:full --pages 8K
}

@test "lines for people are 80 columns wide, and blanks do not end them" {
	model --tlb "$TLB" --caches L1:32K:8way:4cycles,L2:1M:8way:14cycles,L3:32M:16way:exclusive:50cycles --memory-cycles 200 \
		--walk-caches PDE:512:full,PDPTE:64:full --host-leaf 2M --walk 5 --pages 8-16K >"$BATS_TEST_TMPDIR/out"
	awk 'length($0) > 80 || / $/ { print; bad = 1 } END { exit bad }' "$BATS_TEST_TMPDIR/out"
	for words in "44" "80" "References of a walk" "Exits of a guest" "16 384"; do
		grep -q "$words" "$BATS_TEST_TMPDIR/out"
	done
}

@test "CPUID: a dump's TLBs, and what it does not tell" {
	says '.machine | (.tlb | startswith("L1:72:full:lru,L2:3072")) and .source == "a register dump of CPUID" and .caches == null' \
		--cpuid="$fixtures/cpuid/amd-zen4-genoa.txt"
	says '.machine.tlb == "L1:64:4way:lru,L2:1536:6way:lru"' --cpuid="$fixtures/cpuid/intel-skylakex.txt"
	says '.machine.notes | any(test("need not be true"))' --cpuid="$fixtures/cpuid/intel-skylakex.txt"
}

@test "a run: its TLB levels; words count more" {
	says '.machine | .tlb == "L1:64:full:lru" and .source == "what the run has found" and (.notes | length) == 1' \
		--run "$fixtures/runs/complete"
	# Sets, ways, index, replacement and what a miss adds.
	says '.machine.tlb | test("^L1:72:full:[a-z]+,L2:3072:12way:[a-z]+:bits[-0-9+]+:[+][67][.0-9]*cycles$")' \
		--run "$BATS_TEST_DIRNAME/../../results/reference" --pages 64
	says '.machine.tlb == "L1:16:full:lru"' --run "$fixtures/runs/complete" --tlb L1:16:full
	run "$nestwalk" model --run "$BATS_TEST_TMPDIR/none"
	[ "$status" -eq 1 ]
}

@test "mistakes are named with what can stand there" {
	refused "--tlb: 'L2' stands where L1 is due" --tlb L2:64:full
	refused "3072 entries are no multiple of 13 ways" --tlb L1:72:full,L2:3072:13way
	refused "'fifo' is not known here: lru, plru, random" --tlb L1:72:full:fifo
	refused "--leaf: '64K' is no page of x86-64: 4K, 2M or 1G" --leaf 64K
	refused "--walk: '3': tables have 4 or 5 levels" --walk 3
	refused "--pages: '0' is no list of numbers" --pages 0
	refused "--pages: 8 pages follow 64: numbers must ascend" --pages 64,8
	refused "--walk-from: there is no cache L2" --walk-from L2 --caches L1:32K:8way
	refused "--memory: 'mine': shared or own" --memory mine
	refused "--reference-cycles: '-1' is no number of cycles" --reference-cycles=-1
	refused "--walk-caches: 'PTE' is no entry that is held: PDE" --walk-caches PTE:4:full
	refused "--vms: '0' is no number from 1" --vms 0
	refused "span more than 64 TiB" --leaf 1G --stride 1024 --pages 64K
	run "$nestwalk" model results/reference
	[ "$status" -eq 2 ]
	[[ "$output" == *"a run is named as in --run RUN"* ]]
	run "$nestwalk" model --cpuid --run x
	[ "$status" -eq 2 ]
}

@test "--help teaches by examples that work" {
	model --help | grep -A2 -F -- "--tlb L1:72:full,L2:3072:12way:+7cycles"
	model --tlb L1:64:full,L2:1536:12way:+8cycles --walk-caches PDE:32:full \
		--caches L1:32K:8way:4cycles,L2:1M:16way:14cycles --memory-cycles 200 --pages 4K >/dev/null
}
