#!/usr/bin/env bats
# nestwalk run with a Linux guest: refused options, and the reasons where no guest is possible. Boots no guest;
# tests/emulated/ does.
# shellcheck disable=SC2030,SC2031,SC2154 # each test has an environment of its own; $stderr is set by run --separate-stderr

bats_require_minimum_version 1.5.0

setup() {
	NESTWALK=${NESTWALK:-build/nestwalk}
	RUN=$BATS_TEST_TMPDIR/run
	# A QEMU that must not be started is in the path, and there is no image.
	BIN=$BATS_TEST_TMPDIR/bin
	mkdir "$BIN" "$BATS_TEST_TMPDIR/empty"
	printf '#!/bin/sh\n: >"%s/started"\nexit 1\n' "$BATS_TEST_TMPDIR" >"$BIN/qemu-system-x86_64"
	chmod +x "$BIN/qemu-system-x86_64"
	export NESTWALK_GUEST_IMAGE=$BATS_TEST_TMPDIR/empty
	# The host has hardly anything to measure.
	HOST=(-s "host,guest" -b tlb-reach --effort quick --rounds 2 --param page_size=4K --param stride=1 --param pages=8)
}

teardown() {
	[ ! -e "$BATS_TEST_TMPDIR/started" ]
}

# Check wrong usage: one line on stderr (argp adds one that points to --help) that names the option and says what is
# possible.
refused() { # OPTION VALUE WORDS
	run -2 --separate-stderr "$NESTWALK" run -s guest "$1" "$2" -o "$RUN"
	[[ $stderr == *"$1"*"$3"*"'$2'"* || $stderr == *"$1"*"'$2'"*"$3"* ]]
	[ "$(grep -vc -- '--help' <<<"$stderr")" -eq 1 ]
	[ ! -e "$RUN" ]
}

# Check that the last command measured nothing, and gives the reason in one line.
nothing_but() {
	[[ $output == *"$1"* ]]
	[ "${#lines[@]}" -eq 1 ]
	[ ! -e "$RUN" ]
}

@test "an impossible guest is refused, and the possible values are named" {
	for value in 0 -1 1.5 x 1025 ''; do
		refused --guest-cpus "$value" "a number from 1 to 1024"
	done
	for value in 64M 3T 1025M much ''; do
		refused --guest-memory "$value" "from 128M to 1024G in steps of 2M"
	done
	refused --guest-backing 3K "4K, 2M-thp, 2M-hugetlb, 1G-hugetlb"
	refused --guest-frames hot "cold, warm"
	refused --guest-levels 3 "4, 5"
	refused --guest-pmu maybe "off, on"
	refused --guest-thp sometimes "always, madvise, never"
	refused --accel hvf "kvm, tcg"
}

@test "help names every option of a guest" {
	run -0 "$NESTWALK" run --help
	for option in cpus memory backing frames levels pmu thp append image force; do
		[[ $output == *"--guest-$option"* ]]
	done
	[[ $output == *"--accel=kvm|tcg"* ]]
}

@test "a bench that runs in no Linux is no bench for a guest" {
	run -2 "$NESTWALK" run -s guest -b vcpu-fault --accel tcg -o "$RUN"
	nothing_but "no bench has all these parameters in these settings"
}

@test "no QEMU: a run for a guest is skipped, with what to do" {
	run -77 env PATH=/nowhere "$NESTWALK" run -s guest --accel tcg -b tlb-reach -o "$RUN"
	nothing_but "no qemu-system-x86_64 in PATH"
	[[ $output == *"scripts/setup guest"* ]]
}

@test "no image: likewise, and the image looked for is named" {
	export PATH=$BIN:$PATH
	run -77 "$NESTWALK" run -s guest --accel tcg -b tlb-reach -o "$RUN"
	nothing_but "$NESTWALK_GUEST_IMAGE/vmlinuz cannot be read"
	[[ $output == *"make guest-image"* ]]
	: >"$NESTWALK_GUEST_IMAGE/vmlinuz"
	run -77 "$NESTWALK" run -s guest --accel tcg -b tlb-reach -o "$RUN"
	nothing_but "$NESTWALK_GUEST_IMAGE/initramfs cannot be read"
	# An option overrides the environment.
	run -77 "$NESTWALK" run -s guest --accel tcg --guest-image /nowhere -b tlb-reach -o "$RUN"
	nothing_but "/nowhere/vmlinuz cannot be read"
}

@test "more memory than there is: likewise" {
	export PATH=$BIN:$PATH
	: >"$NESTWALK_GUEST_IMAGE/vmlinuz"
	: >"$NESTWALK_GUEST_IMAGE/initramfs"
	[ "$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)" -lt $((1 << 31)) ] || skip "a machine with 2 TiB"
	run -77 "$NESTWALK" run -s guest --accel tcg --guest-memory 1024G -b tlb-reach -o "$RUN"
	nothing_but "--guest-memory takes less"
}

@test "a KVM under which no stock kernel boots is named" {
	[ -e /sys/module/kvm_pvm ] || skip "this KVM is another one"
	run -77 env PATH="$BIN:$PATH" "$NESTWALK" run -s guest -b tlb-reach -o "$RUN"
	[ -w /dev/kvm ] || skip "/dev/kvm is not ours"
	nothing_but "this KVM is kvm_pvm"
	[[ $output == *"--guest-force"* ]]
	# Forced, the next thing is missing.
	run -77 env PATH="$BIN:$PATH" "$NESTWALK" run -s guest --guest-force -b tlb-reach -o "$RUN"
	nothing_but "vmlinuz cannot be read"
}

@test "no KVM: a guest needs an emulator, and is not given one unasked" {
	[ ! -e /dev/kvm ] || skip "/dev/kvm is here"
	run -77 env PATH="$BIN:$PATH" "$NESTWALK" run -s guest -b tlb-reach -o "$RUN"
	nothing_but "/dev/kvm"
}

@test "beside a host the guest's absence is a note with the reason, and the run is whole" {
	run env PATH=/nowhere "$NESTWALK" run "${HOST[@]}" --accel tcg -o "$RUN"
	[ "$status" -eq 0 ] || { [ "$status" -eq 77 ] && [[ $output == *disturbed* ]]; }
	[[ $output == *"nestwalk: no Linux guest: no qemu-system-x86_64 in PATH"* ]]
	run -0 "$NESTWALK" check "$RUN"
	[[ $output == *"state complete: valid" ]]
	[ "$(jq -c '[.state, (.guests | length), .guests[0].status, .guests[0].facts]' "$RUN/run.json")" = \
		'["complete",1,"skipped",null]' ]
	[[ "$(jq -r '.guests[0].reason' "$RUN/run.json")" == "no qemu-system-x86_64 in PATH"* ]]
	[ "$(jq -r .setting "$RUN/points.jsonl" | grep -v "^host-again$" | sort -u)" = host ]
	[ ! -e "$RUN/guest" ]
}
