#!/usr/bin/env bats
# A bare vCPU with 5-level page tables in both paging modes, on an emulated CPU that has them, under a Linux that uses
# them itself.

load rig

setup_file() {
	boot_in_both_modes five_levels.commands -c max
}

setup() {
	judge_attempt
}

@test "the machine runs the job in both paging modes and comes to its end" {
	each_mode went_well env
	each_mode went_well reach
}

@test "the Linux there uses 5 levels itself" {
	each_mode has_five_levels
}

has_five_levels() {
	holds "$(results "$1")/env.out" '.[0].paging.levels_used == 5'
}

@test "5-level guest tables are measured in both modes, without an error" {
	each_mode run_is_sound
}

run_is_sound() {
	local run
	run=$(results "$1")/reach
	"$NESTWALK" check "$run"
	holds "$run/points.jsonl" 'all(.status != "error")'
	measured "$run/points.jsonl" true ".paging == \"$1\" and .params.guest_levels == 5"
	measured "$run/points.jsonl" '.params.page_size_bytes == 4096' '.kvm.pages_4k >= .params.pages'
}
