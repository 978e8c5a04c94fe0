#!/usr/bin/env bats
# A bare vCPU under KVM with nested paging and with shadow paging, on an emulated AMD CPU: both modes of Linux's own KVM,
# without virtualisation hardware. Counts and modes only: the times are the emulator's.

load rig

setup_file() {
	boot_in_both_modes four_levels.commands
}

setup() {
	judge_attempt
}

@test "the machine runs the job in both paging modes and comes to its end" {
	for name in env reach split leaf; do
		each_mode went_well $name
	done
}

@test "env tells the module, its paging mode, and that all is emulated" {
	holds "$(results nested)/env.out" '.[0].kvm | .module == "kvm_amd" and .paging == "nested" and .usable'
	holds "$(results shadow)/env.out" '.[0].kvm | .module == "kvm_amd" and .paging == "shadow" and .usable'
	each_mode outer_is_the_emulator
}

outer_is_the_emulator() {
	holds "$(results "$1")/env.out" '.[0].outer.name == "QEMU TCG"'
}

@test "a run in each mode is valid, has no error, and says its paging mode and the emulator at every point" {
	each_mode run_is_sound reach
	each_mode run_is_sound split
	each_mode run_is_sound leaf
}

run_is_sound() {
	local run
	run=$(results "$2")/$1
	"$NESTWALK" check "$run"
	holds "$run/points.jsonl" 'all(.status != "error")'
	measured "$run/points.jsonl" true ".paging == \"$2\" and .outer == \"QEMU TCG\""
}

# points MODE NAME PAGE_SIZE CONDITION: there are such points, and the condition holds for each that was measured.
points() {
	measured "$(results "$1")/$2/points.jsonl" ".params.page_size_bytes == $3" "$4"
}

@test "KVM maps 4K leaves for 4K pages and 2M leaves for 2M pages" {
	for mode in nested shadow; do
		points $mode reach 4096 '.kvm.pages_4k >= .params.pages'
		points $mode reach 2097152 '.kvm.pages_2m >= .params.pages'
	done
}

@test "4K pages on 2M backing: nested paging keeps 2M leaves, shadow paging has to split them" {
	points nested split 4096 '.kvm.pages_4k == 0 and .kvm.pages_2m > 0'
	points shadow split 4096 '.kvm.pages_4k >= .params.pages'
}

# 64 lines lie in 8 pages of 2M, the packed baseline and the vCPU's own pages in few others.
@test "2M pages on 4K backing are held in pieces of 4K in either mode, on 2M backing whole" {
	for mode in nested shadow; do
		points $mode leaf 2097152 '.params.backing != "4K" or (.kvm.pages_4k >= 64 and .kvm.pages_2m < 8)'
		points $mode leaf 2097152 '.params.backing != "2M-thp" or (.kvm.pages_2m >= 8 and .kvm.pages_4k < 64)'
	done
}

@test "an emulator's times tell no leaf: neither the probe's nor those of a run" {
	each_mode no_leaf_is_told
}

no_leaf_is_told() {
	local run
	run=$(results "$1")/leaf
	holds "$(results "$1")/env.out" '.[0].effective_leaf | length == 4 and all(.leaf_bytes == null and (.reason | length > 0))'
	holds "$run/run.json" '.[0].machine.effective_leaf | all(.leaf_bytes == null)'
	[ "$("$NESTWALK" query --format csv "$run" 'SELECT COUNT(*) FROM page_leaf WHERE leaf_bytes IS NOT NULL' | tail -n 1 | tr -d '\r')" = 0 ]
}

@test "a chase over mapped pages takes no page fault exits, in either mode" {
	for mode in nested shadow; do
		points $mode reach 4096 '.kvm.pf_taken == 0 and .kvm.pf_guest == 0'
	done
}

@test "5-level tables are skipped where the CPU has no LA57, with that reason" {
	each_mode skips_la57
}

skips_la57() {
	[ "$(cat "$(results "$1")/la57.status")" = 77 ]
	holds "$(results "$1")/la57/points.jsonl" 'length > 0' 'all(.status == "skipped" and (.reason | test("LA57")))'
}
