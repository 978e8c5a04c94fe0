#!/usr/bin/env bats
# scripts/kvm-paging with Linux's own modules: what npt really is after each call, as an emulated AMD machine with busybox
# as its only shell shows it. What the script says and refuses elsewhere: tests/scripts/kvm-paging.bats.

load rig

setup_file() {
	local job=$BATS_FILE_TMPDIR/job
	mkdir "$job"
	cp "$BATS_TEST_DIRNAME/kvm_paging.job" "$job/run"
	cp "$REPOSITORY/scripts/kvm-paging" "$job/"
	if attempt build_image; then
		attempt "$BATS_TEST_DIRNAME/machine" "$IMAGE" "$job" "$BATS_FILE_TMPDIR/results" || true
	fi
}

setup() {
	judge_attempt
	cd "$BATS_FILE_TMPDIR/results" || return
}

# exits STEP STATUS
exits() {
	[ "$(cat "$1.status")" = "$2" ] || { echo "$1: $(cat "$1.status")" && cat "$1.out" "$1.err" && return 1; }
}

# shows STEP LINE...: these are among the facts after it.
shows() {
	local step=$1 line
	shift
	for line; do
		grep -qx "$line" "$step.facts" || { echo "$step: not $line" && cat "$step".* && return 1; }
	done
}

# Check that every parameter has its first value, and nothing is left behind.
as_before() {
	diff before.facts "$1.facts"
}

@test "shadow: npt is off, all else kept, and KVM behaves so; restore: as before" {
	shows before kvm_amd/parameters/npt=Y kvm_amd/parameters/nested=0 kvm/parameters/halt_poll_ns=12345
	exits shadow 0
	shows shadow kvm_amd/parameters/npt=N kvm_amd/parameters/nested=0 kvm/parameters/halt_poll_ns=12345
	holds env_shadow.out '.[0].kvm.paging_proven == "shadow"'
	exits restore 0
	as_before restore
	holds env_restored.out '.[0].kvm.paging_proven == "nested"'
}

@test "status tells what is there, before and after" {
	exits status 0
	[ "$(sed -n '1,2p;4,5p' status.out)" = "module      kvm_amd
parameter   npt=Y
switchable  yes, to shadow
left over   nothing" ]
	exits status_left 0
	grep -qx 'parameter   npt=N' status_left.out
	grep -q '^left over   /run/nestwalk/kvm-paging.state, of .*: npt=Y was kvm_amd' status_left.out
}

@test "a mode that is already active is not loaded again" {
	exits nested_already 0
	as_before nested_already
}

@test "refused while a VM runs, naming who holds it" {
	for step in refused refused_with; do
		exits $step 1
		grep -qE '^kvm-paging: not switched to shadow paging: a VM is running: .* by nestwalk \([0-9]+\)' $step.err
		# Only the VM remains.
		diff <(grep -v refcnt before.facts) <(grep -v refcnt $step.facts)
	done
	[ ! -e ran ]
}

@test "with: the command sees shadow paging, its status is ours, and all is as before" {
	exits with_status 7
	[ "$(cat with_status.out)" = N ]
	as_before with_status
}

@test "SIGINT in the middle of with, with a VM running: the VM is ended, and all is as before" {
	shows during_INT kvm_amd/parameters/npt=N
	exits interrupted 130
	as_before interrupted
}

@test "kill -9 in the middle: the next calls find it, keep what was before the first, and restore it" {
	shows during_KILL kvm_amd/parameters/npt=N
	exits killed 137
	shows killed kvm_amd/parameters/npt=N kvm-paging.state
	grep -q '^left over   /run/nestwalk/kvm-paging.state, .*: npt=Y was kvm_amd' killed_status.out
	# The command of the killed script still runs, with a VM.
	exits killed_busy 1
	grep -q 'not restored: a VM is running: .* by nestwalk' killed_busy.err
	shows killed_busy kvm_amd/parameters/npt=N kvm-paging.state
	exits again_nested 0
	shows again_nested kvm_amd/parameters/npt=Y kvm_amd/parameters/nested=0 kvm/parameters/halt_poll_ns=12345 \
		kvm-paging.state
	exits again_shadow 0
	shows again_shadow kvm_amd/parameters/npt=N kvm-paging.state
	exits killed_restore 0
	as_before killed_restore
}

@test "a module that does not load any more: said and remembered; once it can be loaded, all is as before" {
	exits broken 1
	grep -q 'KVM is NOT loaded' broken.err
	shows broken kvm-paging.state
	[ "$(head -n 1 broken_status.out)" = "module      none" ]
	exits repaired 0
	as_before repaired
}
