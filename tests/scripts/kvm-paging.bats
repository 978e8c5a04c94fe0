#!/usr/bin/env bats
# scripts/kvm-paging on a machine made of files, whose modprobe and rmmod change these files as the kernel would. The real
# thing is in tests/emulated/kvm_paging.bats, by busybox (which has no need of the PATH that leads to the others here).

bats_require_minimum_version 1.5.0

setup() {
	script=$(realpath "$BATS_TEST_DIRNAME/../../scripts/kvm-paging")
	export NESTWALK_SYSROOT=$BATS_TEST_TMPDIR/root
	unset NESTWALK_STATE
	root=$NESTWALK_SYSROOT
	module=$root/sys/module
	state=$root/run/nestwalk/kvm-paging.state
	log=$BATS_TEST_TMPDIR/log
	bin=$BATS_TEST_TMPDIR/bin
	: >"$log"
	mkdir -p "$bin" "$root/proc/self" "$root/proc/sys/kernel/random" "$module" "$root/dev"
	echo 11111111-boot >"$root/proc/sys/kernel/random/boot_id"
	echo 0 >"$root/proc/sys/kernel/modules_disabled"
	printf 'Name:\tsh\nCapEff:\t000001ffffffffff\n' >"$root/proc/self/status"
	printf 'processor\t: 0\nflags\t\t: fpu lm svm npt lbrv\n' >"$root/proc/cpuinfo"
	# The default parameters of the modules.
	defaults kvm tdp_mmu=Y halt_poll_ns=200000 nx_huge_pages=N
	defaults kvm_amd npt=Y nested=1 sev=Y avic=N
	fake modprobe
	fake rmmod
	printf '#!/bin/sh\nexit 0\n' >"$bin/udevadm"
	chmod +x "$bin"/*
	export PATH=$bin:$PATH
	modprobe kvm halt_poll_ns=7
	modprobe kvm_amd nested=0
	: >"$log"
}

teardown() { [ ! "${started-}" ] || kill -KILL "$started" 2>/dev/null || :; }

defaults() {
	local name=$1 pair
	shift
	mkdir -p "$root/lib/$name"
	for pair; do
		echo "${pair#*=}" >"$root/lib/$name/${pair%%=*}"
	done
}

# fake modprobe|rmmod: a loaded module is a directory. $root/refuse has the pattern of command lines that fail, and
# $root/deaf that of command lines whose parameters are ignored.
fake() {
	{
		printf '#!/bin/sh\nroot=%q module=%q log=%q\n' "$root" "$module" "$log"
		cat <<-'SCRIPT'
			[ "$1" != -D ] || exec test -d "$root/lib/$2"
			said="${0##*/} $*"
			echo "$said" >>"$log"
			if echo "$said" | grep -qf "$root/refuse" 2>/dev/null; then
				echo "${0##*/}: ERROR: Key was rejected by service" >&2
				exit 1
			fi
			name=$1
			shift
		SCRIPT
		case $1 in
		rmmod) cat <<-'SCRIPT' ;;
			if [ "$(cat "$module/$name/refcnt")" != 0 ] || [ "$(ls "$module/$name/holders")" ]; then
				echo "rmmod: ERROR: Module $name is in use" >&2
				exit 1
			fi
			rm -r "${module:?}/$name" "$module/kvm/holders/$name" 2>/dev/null
			exit 0
		SCRIPT
		modprobe) cat <<-'SCRIPT' ;;
			[ ! -d "$module/$name" ] || exit 0
			[ "$name" = kvm ] || [ -d "$module/kvm" ] || "$0" kvm
			mkdir -p "$module/$name/holders"
			cp -r "$root/lib/$name" "$module/$name/parameters"
			echo 0 >"$module/$name/refcnt"
			echo live >"$module/$name/initstate"
			! echo "$said" | grep -qf "$root/deaf" 2>/dev/null || set --
			for pair; do
				file=$module/$name/parameters/${pair%%=*}
				case $(cat "$file")$pair in
				[YN]*=1) echo Y >"$file" ;;
				[YN]*=0) echo N >"$file" ;;
				*) echo "${pair#*=}" >"$file" ;;
				esac
			done
			if [ "$name" = kvm ]; then
				# The load is allowed or refused now, and takes effect with one of the others.
				cp "$module/kvm/parameters/tdp_mmu" "$root/tdp_mmu_allowed"
				exit
			fi
			touch "$module/kvm/holders/$name"
			cp "$root/tdp_mmu_allowed" "$module/kvm/parameters/tdp_mmu"
			rm -f "$root/dev/kvm"
			(umask 077 && : >"$root/dev/kvm")
			if grep -q N "$module/$name"/parameters/[en]pt; then
				for file in "$module"/kvm/parameters/tdp_mmu "$module/$name"/parameters/*sev*; do
					[ ! -e "$file" ] || echo N >"$file"
				done
			fi
		SCRIPT
		esac
	} >"$bin/$1"
	chmod +x "$bin/$1"
}

kvm_paging() { "$script" "$@"; }

# Print everything that can be read about the modules.
facts() { (cd "$module" && grep -r . . | sort); }

npt_is() { [ "$(cat "$module/kvm_amd/parameters/npt")" = "$1" ]; }

# refuses STATUS TEXT COMMAND...: with that text in one line, and nothing is changed, left behind or even tried.
refuses() {
	local status_wanted=$1 text=$2 before
	shift 2
	before=$(facts)
	run "-$status_wanted" kvm_paging "$@"
	[ "${#lines[@]}" -eq 1 ]
	[[ "$output" == *"$text"* ]] || { echo "$output" && return 1; }
	[ "$(facts)" = "$before" ]
	[ ! -s "$log" ]
	[ ! -e "$state" ]
}

# Run in the background with the signal handlers of a program that a terminal started (under bats SIGINT is ignored).
start() {
	env --default-signal=INT,QUIT "$script" "$@" >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
	started=$!
}

soon() {
	for _ in $(seq 1200); do
		! "$@" || return 0
		sleep 0.1
	done
	echo "never: $*"
	return 1
}

# A command that reports its start, and has a child.
sleeper() {
	echo "echo \$\$ >'$BATS_TEST_TMPDIR/runs'; sleep 1000 & echo \$! >'$BATS_TEST_TMPDIR/child'; wait"
}

runs() { [ -s "$BATS_TEST_TMPDIR/child" ]; }

# Whether a process has ended, except that it may wait to be reaped.
is_gone() { ! grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status" 2>/dev/null; }

@test "wrong usage: exit 2; help: exit 0" {
	for words in '' 'status more' 'no-such' 'with' 'with nested' 'with both true' 'restore now'; do
		read -ra arguments <<<"$words"
		run -2 kvm_paging "${arguments[@]}"
	done
	run -0 kvm_paging --help
	[[ "$output" == *"with nested|shadow COMMAND"*NESTWALK_STATE* ]]
	[ ! -s "$log" ]
}

@test "status: a line for each fact, no root needed" {
	printf 'CapEff:\t0000000000000000\n' >"$root/proc/self/status"
	run -0 kvm_paging status
	[ "${lines[0]}" = "module      kvm_amd" ]
	[ "${lines[1]}" = "parameter   npt=Y" ]
	[ "${lines[2]}" = "paging      nested" ]
	[[ "${lines[3]}" == "switchable  no: "* ]]
	[ "${lines[4]}" = "left over   nothing" ]
	printf 'CapEff:\t0000000000010000\n' >"$root/proc/self/status"
	run -0 kvm_paging status
	[ "${lines[3]}" = "switchable  yes, to shadow" ]
	[ ! -s "$log" ]
}

@test "shadow and restore: all other parameters are kept, and all come back" {
	facts >"$BATS_TEST_TMPDIR/before"
	chmod 666 "$root/dev/kvm"
	run -0 kvm_paging shadow
	[[ "$output" == *"kvm_amd has npt=N: paging is shadow; so has changed: kvm tdp_mmu was Y, is N, kvm_amd sev was Y, is N" ]]
	npt_is N
	[ "$(cat "$module/kvm_amd/parameters/nested" "$module/kvm/parameters/halt_poll_ns")" = $'0\n7' ]
	[ "$(stat -c %a "$root/dev/kvm")" = 666 ]
	grep -qx 'parameter kvm_amd sev=Y' "$state"
	grep -qx 'rmmod kvm' "$log"
	run -0 kvm_paging status
	[[ "$output" == *"left over   $state, of 20"*": npt=Y was kvm_amd's; "* ]]
	run -0 kvm_paging restore
	[[ "$output" == *"restored: kvm_amd has npt=Y" ]]
	facts | diff "$BATS_TEST_TMPDIR/before" -
	[ "$(stat -c %a "$root/dev/kvm")" = 666 ]
	[ -z "$(ls -A "${state%/*}")" ]
	run -0 kvm_paging restore
	[[ "$output" == *"nothing to restore"* ]]
}

@test "a mode that is already active is not loaded again" {
	printf 'CapEff:\t0000000000000000\n' >"$root/proc/self/status"
	refuses 0 "paging is nested already" nested
}

@test "refused while a VM runs: by whom" {
	echo 2 >"$module/kvm_amd/refcnt"
	refuses 1 "a VM is running: kvm_amd is in use; end" shadow
	mkdir -p "$root/proc/123/fd"
	echo my qemu >"$root/proc/123/comm"
	ln -s anon_inode:kvm-vm "$root/proc/123/fd/7"
	ln -s anon_inode:kvm-vcpu:0 "$root/proc/123/fd/8"
	refuses 1 "a VM is running: kvm_amd is in use, by my qemu (123); end" shadow
	mkdir -p "$root/proc/77/fd"
	echo nestwalk >"$root/proc/77/comm"
	ln -s /dev/kvm "$root/proc/77/fd/3"
	refuses 1 "by my qemu (123), nestwalk (77); end" shadow
	refuses 1 "a VM is running" with shadow true
}

@test "refused without the right to load modules" {
	printf 'CapEff:\t000001fffffeffff\n' >"$root/proc/self/status"
	refuses 1 "not switched to shadow paging: " shadow
	[[ "$output" == *sudo* || "$output" == *container* ]]
}

@test "refused where loading is disabled, or there is nothing to load" {
	echo 1 >"$root/proc/sys/kernel/modules_disabled"
	refuses 1 "kernel.modules_disabled" shadow
	echo 0 >"$root/proc/sys/kernel/modules_disabled"
	rm -r "$root/lib/kvm_amd"
	refuses 1 "reboot" shadow
}

@test "77: built in; a kernel that unloads no modules" {
	rm "$module/kvm_amd/refcnt"
	refuses 77 "this kernel cannot unload modules: boot with kvm_amd.npt=0" shadow
	rm "$module/kvm_amd/initstate"
	refuses 77 "kvm_amd is built into this kernel: boot with kvm_amd.npt=0" shadow
	refuses 77 "built into this kernel" nested
	refuses 77 "built into this kernel" with nested true
	run -0 kvm_paging status
	[[ "$output" == *"switchable  no: kvm_amd is built into this kernel"* ]]
}

@test "both vendors built in: the CPU tells whose it is" {
	cp -r "$module/kvm_amd" "$module/kvm_intel"
	rm "$module"/kvm_*/initstate
	refuses 77 "kvm_amd.npt=0" shadow
	printf 'flags\t\t: fpu lm vmx\nvmx flags\t: vnmi ept\n' >"$root/proc/cpuinfo"
	refuses 77 "kvm_intel.ept=0" shadow
}

@test "77: kvm_pvm, another module, none" {
	rm -r "$module/kvm_amd"
	refuses 1 "no KVM module is loaded: as root, modprobe kvm_amd" shadow
	mkdir "$module/kvm_other"
	refuses 77 "kvm_other is neither kvm_intel nor kvm_amd" shadow
	mkdir "$module/kvm_pvm"
	refuses 77 "kvm_pvm runs guests without virtualisation hardware" shadow
	refuses 77 "always with shadow paging" nested
	run -0 kvm_paging status
	[ "${lines[2]}" = "paging      shadow" ]
	rm -r "$module"/kvm*
	echo 'flags : fpu' >"$root/proc/cpuinfo"
	refuses 77 "neither kvm_intel nor kvm_amd can be loaded" shadow
}

@test "77: a CPU without nested paging" {
	rmmod kvm_amd
	modprobe kvm_amd npt=0
	: >"$log"
	printf 'flags\t\t: fpu lm svm npt_other\n' >"$root/proc/cpuinfo"
	refuses 77 "npt is not among the flags" nested
}

@test "Intel: ept, and no value that reads as a description is given" {
	rmmod kvm_amd
	printf 'flags\t\t: fpu lm vmx\nvmx flags\t: vnmi ept\n' >"$root/proc/cpuinfo"
	defaults kvm_intel ept=Y vmentry_l1d_flush='not required' pml=Y
	modprobe kvm_intel
	: >"$log"
	run -0 kvm_paging shadow
	grep -qx 'modprobe kvm_intel pml=Y ept=0' "$log"
	[ "$(cat "$module/kvm_intel/parameters/ept")" = N ]
	run -0 kvm_paging restore
	grep -qx 'modprobe kvm_intel ept=Y pml=Y' "$log"
}

@test "a module that does not load: all is put back at once, with the reason" {
	facts >"$BATS_TEST_TMPDIR/before"
	mkdir -p "$root/sys/kernel/security"
	echo 'none [integrity] confidentiality' >"$root/sys/kernel/security/lockdown"
	echo 'kvm_amd .*npt=0' >"$root/refuse"
	run -1 kvm_paging shadow
	[[ "$output" == *"Key was rejected by service (the kernel is locked down, integrity: "*"everything is as it was before" ]]
	facts | diff "$BATS_TEST_TMPDIR/before" -
	[ ! -e "$state" ]
	run -1 kvm_paging with shadow touch "$BATS_TEST_TMPDIR/ran"
	[ ! -e "$BATS_TEST_TMPDIR/ran" ]
	facts | diff "$BATS_TEST_TMPDIR/before" -
}

@test "a module that loads no more at all: said, remembered, and put back when it can be" {
	facts >"$BATS_TEST_TMPDIR/before"
	echo 'modprobe kvm_amd' >"$root/refuse"
	run -1 kvm_paging shadow
	[[ "$output" == *"KVM is NOT loaded"* ]]
	run -0 kvm_paging status
	[ "${lines[0]}" = "module      none" ]
	[[ "$output" == *"left over   $state"* ]]
	run -1 kvm_paging restore
	[[ "$output" == *"KVM is NOT loaded"* ]]
	rm "$root/refuse"
	run -0 kvm_paging restore
	facts | diff "$BATS_TEST_TMPDIR/before" -
	[ ! -e "$state" ]
}

@test "remembered parameters that are refused: KVM is loaded without them, and that is no success" {
	run -0 kvm_paging shadow
	echo 'kvm_amd .*npt=Y' >"$root/refuse"
	run -1 kvm_paging restore
	[[ "$output" == *"not restored: "* && "$output" != *"NOT loaded"* ]]
	npt_is Y
	[ -e "$state" ]
	rm "$root/refuse"
	run -0 kvm_paging restore
	[ "$(cat "$module/kvm_amd/parameters/nested")" = 0 ]
}

@test "a module that loads and does not take the parameter: an error, put back" {
	facts >"$BATS_TEST_TMPDIR/before"
	echo 'kvm_amd .*npt=0' >"$root/deaf"
	run -1 kvm_paging shadow
	[[ "$output" == *"was loaded for shadow paging, but has npt=Y; everything is as it was before" ]]
	facts | diff "$BATS_TEST_TMPDIR/before" -
	[ ! -e "$state" ]
}

@test "further switches keep the state before the first" {
	facts >"$BATS_TEST_TMPDIR/before"
	run -0 kvm_paging shadow
	cp "$state" "$BATS_TEST_TMPDIR/state"
	run -0 kvm_paging nested
	npt_is Y
	[ "$(cat "$module/kvm_amd/parameters/sev")" = Y ]
	run -0 kvm_paging shadow
	cmp "$state" "$BATS_TEST_TMPDIR/state"
	# A switch that fails goes back to the mode before it.
	echo 'kvm_amd .*npt=1' >"$root/refuse"
	run -1 kvm_paging nested
	[[ "$output" == *"paging is shadow as before" ]]
	npt_is N
	cmp "$state" "$BATS_TEST_TMPDIR/state"
	rm "$root/refuse"
	run -0 kvm_paging restore
	facts | diff "$BATS_TEST_TMPDIR/before" -
}

@test "from shadow paging: nested paging gets back what shadow paging had turned off, and restore turns it off" {
	rmmod kvm_amd
	modprobe kvm_amd npt=0 nested=0
	facts >"$BATS_TEST_TMPDIR/before"
	run -0 kvm_paging nested
	npt_is Y
	[ "$(cat "$module/kvm_amd/parameters/sev" "$module/kvm/parameters/tdp_mmu")" = $'Y\nY' ]
	[ "$(cat "$module/kvm_amd/parameters/nested")" = 0 ]
	run -0 kvm_paging restore
	facts | diff "$BATS_TEST_TMPDIR/before" -
}

@test "kvm stays where another module holds it" {
	touch "$module/kvm/holders/kvmgt"
	run -0 kvm_paging shadow
	[[ "$output" == *"kvm stays loaded, for kvmgt"* ]]
	npt_is N
	run -1 grep 'rmmod kvm$' "$log"
	run -0 kvm_paging restore
	npt_is Y
}

@test "state from before a reboot is dropped" {
	run -0 kvm_paging shadow
	echo 22222222-boot >"$root/proc/sys/kernel/random/boot_id"
	run -0 kvm_paging status
	[[ "$output" == *"is from before a reboot"*"left over   nothing" ]]
	[ ! -e "$state" ]
	npt_is N
	run -0 kvm_paging restore
	[[ "$output" == *"nothing to restore"* ]]
}

@test "a file that is no state file is not taken for one, nor overwritten" {
	mkdir -p "${state%/*}"
	echo "parameter kvm_amd npt=0" >"$state"
	for command in shadow restore; do
		run -1 kvm_paging $command
		[[ "$output" == *"is not a state file"* ]]
	done
	[ "$(cat "$state")" = "parameter kvm_amd npt=0" ]
	npt_is Y
	run -0 kvm_paging status
	[[ "$output" == *"no state file of this version"* ]]
}

@test "NESTWALK_STATE names the file; where it cannot be written, nothing is changed" {
	NESTWALK_STATE=/dev/null/state refuses 1 "cannot write to /dev/null" shadow
	export NESTWALK_STATE=$BATS_TEST_TMPDIR/"another place"/state
	run -0 kvm_paging shadow
	[ -s "$NESTWALK_STATE" ] && [ ! -e "$state" ]
	run -0 kvm_paging restore
	npt_is Y
	[ ! -e "$NESTWALK_STATE" ]
}

@test "with: the command runs in that paging, with its input, and its status is ours" {
	facts >"$BATS_TEST_TMPDIR/before"
	run -0 kvm_paging with shadow sh -c "cat; cat '$module/kvm_amd/parameters/npt'" <<<'some input'
	[[ "$output" == *$'some input\nN'* ]]
	facts | diff "$BATS_TEST_TMPDIR/before" -
	run -7 kvm_paging with shadow -- sh -c 'exit 7'
	facts | diff "$BATS_TEST_TMPDIR/before" -
	run -127 kvm_paging with shadow no-such-command
	[[ "$output" == *"no-such-command: no such command"* ]]
	[ -z "$(ls -A "${state%/*}")" ]
	: >"$log"
	run -3 kvm_paging with nested sh -c 'exit 3'
	[ ! -s "$log" ]
}

@test "with: the reader of the output may end, and all is put back" {
	{ kvm_paging with shadow sleep 0.5 2>&1 || :; } | head -n 0
	grep -q 'npt=0' "$log"
	npt_is Y
}

@test "with: a VM that ends late is waited for" {
	run -0 kvm_paging with shadow sh -c "echo 1 >'$module/kvm_amd/refcnt'
		(sleep 1; echo 0 >'$module/kvm_amd/refcnt') >/dev/null 2>&1 3>&- &"
	npt_is Y
}

@test "with: a signal ends the command and what it started, and all is put back" {
	facts >"$BATS_TEST_TMPDIR/before"
	for signal in INT:130 TERM:143 HUP:129 QUIT:131; do
		rm -f "$BATS_TEST_TMPDIR/child"
		start with shadow sh -c "$(sleeper)"
		soon runs
		npt_is N
		kill -s "${signal%:*}" "$started"
		status=0
		wait "$started" || status=$?
		[ "$status" = "${signal#*:}" ]
		is_gone "$(cat "$BATS_TEST_TMPDIR/runs")"
		soon is_gone "$(cat "$BATS_TEST_TMPDIR/child")"
		facts | diff "$BATS_TEST_TMPDIR/before" -
		[ -z "$(ls -A "${state%/*}")" ]
	done
}

@test "with: nobody else switches meanwhile, and status says who is at work" {
	start with shadow sh -c "$(sleeper)"
	soon runs
	for command in nested restore; do
		run -1 kvm_paging $command
		[[ "$output" == *"process $started is switching, or running a command"* ]]
	done
	run -0 kvm_paging status
	[[ "$output" == *"at work     process $started"* ]]
	npt_is N
	kill -TERM "$started"
	wait "$started" || true
	npt_is Y
}

@test "kill -9: the next call finds the state before" {
	facts >"$BATS_TEST_TMPDIR/before"
	start with shadow sh -c "$(sleeper)"
	soon runs
	kill -KILL "$started"
	wait "$started" || true
	kill -KILL -- "-$(cat "$BATS_TEST_TMPDIR/runs")"
	npt_is N
	run -0 kvm_paging status
	[[ "$output" == *"left over   $state"*": npt=Y was kvm_amd's"* && "$output" != *"at work"* ]]
	# The next call runs, and restores the state before the first.
	run -0 kvm_paging with shadow true
	facts | diff "$BATS_TEST_TMPDIR/before" -
	[ ! -e "$state" ]
}

@test "kill -9 between unloading and loading: restore loads the modules" {
	facts >"$BATS_TEST_TMPDIR/before"
	run -0 kvm_paging shadow
	rmmod kvm_amd
	rmmod kvm
	run -0 kvm_paging status
	[ "${lines[0]}" = "module      none" ]
	run -0 kvm_paging nested
	npt_is Y
	run -0 kvm_paging restore
	facts | diff "$BATS_TEST_TMPDIR/before" -
}
