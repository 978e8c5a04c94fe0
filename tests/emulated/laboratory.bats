#!/usr/bin/env bats
# The laboratory under Linux's own KVM, with nested paging and with shadow paging, on an emulated AMD CPU: what a guest's
# faults, CR3 loads and page tables cost in exits and bytes. Counts only: the times are the emulator's.

load rig

setup_file() {
	# 40 huge pages are 32 for a chase and some to spare.
	boot_in_both_modes laboratory.commands -a "hugepages=40"
}

setup() {
	judge_attempt
}

@test "the machine runs the laboratory in both paging modes and comes to its end" {
	for name in env fault switch tables depth huge; do
		each_mode went_well $name
	done
}

@test "every run is valid, without errors" {
	for name in fault switch tables depth huge; do
		each_mode run_is_sound $name
	done
}

run_is_sound() {
	local run
	run=$(results "$2")/$1
	"$NESTWALK" check "$run"
	holds "$run/points.jsonl" 'all(.status != "error")'
	measured "$run/points.jsonl" true true
}

@test "the paging mode is proven by what guest faults do, and is the one that was loaded" {
	holds "$(results nested)/env.out" '.[0].kvm | .paging_proven == "nested" and .exits_per_guest_fault < 0.1'
	holds "$(results shadow)/env.out" '.[0].kvm | .paging_proven == "shadow" and .exits_per_guest_fault >= 1'
	each_mode run_says_proof
}

run_says_proof() {
	holds "$(results "$1")/fault/run.json" ".[0].paging_proof.paging == \"$1\""
}

# medians MODE NAME PARAMS METRIC CONDITION: there are points with these params, and the condition holds for the median of each that was measured.
medians() {
	measured "$(results "$1")/$2/points.jsonl" "$3" ".metrics.$4.median | $5"
}

@test "a guest fault on warm memory takes no exit nested, and at least one shadow" {
	local warm='.params.kind == "guest-warm" and .params.flush == "none"'
	medians nested fault "$warm" exits_per_fault '. < 0.1'
	medians shadow fault "$warm" exits_per_fault '. >= 1'
	medians nested fault "$warm" pf_taken_per_fault '. < 0.1'
	medians shadow fault "$warm" pf_taken_per_fault '. >= 1'
}

@test "a guest fault on cold memory takes one exit nested: for the memory" {
	medians nested fault '.params.kind == "guest-cold" and .params.flush == "none"' exits_per_fault '. > 0.9 and . < 1.2'
}

@test "a fault of the backing alone takes one exit in both modes, and none of the guest's" {
	for mode in nested shadow; do
		medians $mode fault '.params.kind == "backing-only"' exits_per_fault '. > 0.9 and . < 1.2'
		medians $mode fault '.params.kind == "backing-only"' pf_guest_per_fault '. == 0'
	done
}

@test "a CR3 load takes no exit nested, and one shadow" {
	medians nested switch '.params.pcid == "off"' exits_per_load '. < 0.1'
	medians shadow switch '.params.pcid == "off"' exits_per_load '. > 0.9 and . < 1.2'
}

@test "table memory follows the formula of its paging mode: V trees nested, V times P shadow" {
	for mode in nested shadow; do
		holds "$(results $mode)/tables/points.jsonl" \
			"map(select(.status == \"ok\").metrics) | length >= 8 and
			 all((.hypervisor_table_bytes.median / .expected_${mode}_bytes.median - 1 | fabs) < 0.1)"
	done
	# 4 VMs of 10 processes with shared memory: far fewer nested.
	medians nested tables '.params.vms == 4 and .params.processes == 10 and .params.memory == "shared"' \
		hypervisor_table_bytes '. < 400000'
	medians shadow tables '.params.vms == 4 and .params.processes == 10 and .params.memory == "shared"' \
		hypervisor_table_bytes '. > 1000000'
}

@test "hugetlb pages make 2M leaves in both modes" {
	for mode in nested shadow; do
		measured "$(results $mode)/huge/points.jsonl" '.params.backing == "2M-hugetlb"' '.kvm.pages_2m >= 8'
	done
}
