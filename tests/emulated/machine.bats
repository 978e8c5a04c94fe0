#!/usr/bin/env bats
# The rig itself: the results of an emulated machine come out, and no failure there looks like success.

load rig

setup_file() {
	attempt build_image || true
}

setup() {
	judge_attempt
	job=$BATS_TEST_TMPDIR/"a job"
	out=$BATS_TEST_TMPDIR/"what came, out"
	mkdir "$job"
}

# boot SCRIPT [OPTION...]: run it as the job.
boot() {
	printf '#!/bin/busybox sh\n%s\n' "$1" >"$job/run"
	chmod +x "$job/run"
	shift
	"$BATS_TEST_DIRNAME/machine" "$@" "$IMAGE" "$job" "$out"
}

# Check that no emulator is left whose kernel command line has this word.
nothing_left_of() {
	! pgrep -f "qemu-system.*$1"
}

@test "a job that fails is a failure, and what it wrote comes out whole, with blanks and commas in paths" {
	run -1 boot 'echo said; mkdir -p a/b; seq 100000 >a/b/numbers; cat /proc/modules >modules; exit 3'
	[[ "$output" == *"the job failed with exit status 3"* ]]
	[ "$(cat "$out/job.log")" = said ]
	seq 100000 | cmp - "$out/a/b/numbers"
	# The modules that are loaded at boot, and no others.
	diff <(cut -d ' ' -f 1 "$out/modules" | sort) <(sort "$IMAGE/modules")
}

@test "a panic, after which QEMU exits with 0, is no success, and is shown" {
	run -1 boot 'echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger'
	[[ "$output" == *"the guest ended before its job did"*"Kernel panic"* ]]
}

@test "a guest that does not end is ended at the deadline" {
	run -1 boot 'sleep 1000' -t 3 -a hang-$$
	[[ "$output" == *"stopped at the deadline, after 3 s"* ]]
	nothing_left_of hang-$$
}

@test "a signal that stops the rig stops the emulator, and nothing is left behind" {
	export TMPDIR=$BATS_TEST_TMPDIR/tmp
	mkdir "$TMPDIR"
	boot 'sleep 1000' -a stopped-$$ &
	for _ in $(seq 600); do
		! pgrep -f "qemu-system.*stopped-$$" >/dev/null || break
		sleep 0.1
	done
	rig=$(pgrep -f "machine -a stopped-$$" | head -n 1)
	kill -TERM "$rig"
	wait $! || true
	nothing_left_of stopped-$$
	[ -z "$(ls -A "$TMPDIR")" ]
}
