#!/usr/bin/env bats
# A whole Linux guest under Linux's own KVM, with nested paging and with shadow paging: QEMU, its ROMs and a guest image
# inside an emulated AMD machine. It shows that the paging mode is visible in the exits per page fault of the guest, by
# the guest's own count of faults and KVM's count of exits. Times are the emulator's.

load rig

# Print the path of a ROM, in one of the directories where QEMU looks for them. Links are not resolved, so that the ROM
# is found there.
rom() {
	local directory
	for directory in $(qemu-system-x86_64 -L help); do
		[ ! -e "$directory/$1" ] || { realpath -s "$directory/$1" && return; }
	done
	echo "QEMU has no $1 here" >&2
	return 1
}

# An image that also holds QEMU, with the files that it needs to boot a kernel on a machine without a display.
build_outer_image() {
	local bios apic loader
	build_image && bios=$(rom bios-256k.bin) && apic=$(rom kvmvapic.bin) && loader=$(rom linuxboot_dma.bin) &&
		"$REPOSITORY/guest-images/build" -m kvm-amd -p "$NESTWALK" -p "$(command -v qemu-system-x86_64)" \
			-f "$bios" -f "$apic" -f "$loader" "$BATS_FILE_TMPDIR/outer"
}

setup_file() {
	local job=$BATS_FILE_TMPDIR/job
	mkdir -p "$job/image"
	cp "$BATS_TEST_DIRNAME/linux_guest.job" "$job/run"
	if attempt build_outer_image; then
		cp "$IMAGE/vmlinuz" "$IMAGE/initramfs" "$job/image/"
		# 3G, as the guest's memory may take half of the memory, which also holds the images.
		attempt "$BATS_TEST_DIRNAME/machine" -m 3G "$BATS_FILE_TMPDIR/outer" "$job" \
			"$BATS_FILE_TMPDIR/results" || true
		rm -rf "$BATS_FILE_TMPDIR/outer" "$job"
	fi
}

setup() {
	judge_attempt
	export NESTWALK_PLOTS=$REPOSITORY/plots
}

@test "a Linux guest boots, measures and brings its results home, in both paging modes" {
	each_mode exits_well
	each_mode run_is_sound
}

exits_well() {
	went_well run "$1" || { cat "$(results "$1")"/run/guest/*.log && return 1; }
}

run_is_sound() {
	local run
	run=$(results "$1")/run
	"$NESTWALK" check "$run"
	holds "$run/points.jsonl" 'length == 3' "$JQ all(ok or disturbed)" \
		"all(.setting == \"guest\" and .paging == \"$1\" and .accel == \"kvm\" and .outer == \"KVM on QEMU TCG\")"
	holds "$run/run.json" '.[0].state == "complete"' '.[0].guests | length == 1' \
		'.[0].guests[0] | .status == "ok" and .reason == null'
	"$NESTWALK" check "$run/guest/results/run"
	holds "$run/guest/results/run/run.json" ".[0].guest.paging == \"$1\"" '.[0].machine.outer.name == "KVM"'
}

# facts MODE CONDITION...: these conditions hold for the host's facts about the guest.
facts() {
	local mode=$1 condition
	shift
	for condition; do
		holds "$(results "$mode")/run/run.json" ".[0].guests[0].facts | $condition"
	done
}

@test "a page fault of the guest causes no fault of the hypervisor under nested paging, and two under shadow paging" {
	facts nested '.guest_faults > 5000' '.kvm.pf_taken_per_guest_fault < 0.2'
	facts shadow '.guest_faults > 5000' '.kvm.pf_taken_per_guest_fault | . > 1.5 and . < 2.6'
}

@test "the guest is what was asked for: its memory there, and huge; its vCPU on a CPU of its own" {
	each_mode facts_are_sound
}

facts_are_sound() {
	facts "$1" '.shape | .accel == "kvm" and .memory_bytes == 768 * 1048576 and .warm' \
		'.memory.mapped_bytes == .shape.memory_bytes' '.memory.anon_huge_bytes > .shape.memory_bytes * 0.9' \
		'.vcpus_pinned == [0]' '.boot_ms > 0 and .run_ms > .boot_ms'
}

@test "storms take the faults that they are meant to take, in both paging modes" {
	for mode in nested shadow; do
		holds "$(results $mode)/run/points.jsonl" 'map(select(.bench == "fault-storm")) | length == 2'
		measured "$(results $mode)/run/points.jsonl" '.bench == "fault-storm"' \
			'.metrics | (.counted_per_expected.median - 1 | fabs) < 0.01 and .faults_per_page.median == 1'
	done
}

@test "both in one: a run that is valid, and a report that tells the modes apart and draws no time" {
	local both=$BATS_TEST_TMPDIR/both
	"$NESTWALK" merge "$(results nested)/run" "$(results shadow)/run" -o "$both"
	"$NESTWALK" check "$both"
	holds "$both/points.jsonl" 'map(select(.paging == "nested")) | length == 3' \
		'map(select(.paging == "shadow")) | length == 3'
	"$NESTWALK" report "$both"
	local all
	all=$(jq -se "$JQ map(select(ok)) | length" "$both/points.jsonl")
	grep -q "^$all of $all points were measured on an emulated machine" "$both/report/report.md"
	for mode in nested shadow; do
		jq -se "$JQ any(ok and .bench == \"tlb-reach\" and .paging == \"$mode\")" "$both/points.jsonl" || continue
		grep -q "^| tlb-reach | guest | $mode | 8 |" "$both/report/report.md"
	done
	[ -z "$(find "$both/report" -name '*.svg')" ]
}
