#!/usr/bin/env bats
# What real machines, containers and distributions look like, as `nestwalk env` and short runs see them: trees made of
# those of tests/fixtures/machines, system calls that are refused (sandbox.c), odd host names and arguments.
bats_require_minimum_version 1.5.0

load helpers

setup_file() {
	${CC:-cc} -O1 -Wall -Wextra -Werror -o "$BATS_FILE_TMPDIR/sandbox" "$BATS_TEST_DIRNAME/sandbox.c"
}

setup() {
	NESTWALK="$(realpath "${NESTWALK:-build/nestwalk}")"
	MACHINES="$BATS_TEST_DIRNAME/../fixtures/machines"
	ROOT=$BATS_TEST_TMPDIR/root
	SANDBOX=$BATS_FILE_TMPDIR/sandbox
	RUN=$BATS_TEST_TMPDIR/run
	SMALL=(-s host -b tlb-reach --effort quick --rounds 2 --param "page_size=4K" --param "stride=1" --param "pages=8,16")
}

# machine NAME: a copy of a recorded machine that may be changed, in $ROOT.
machine() {
	rm -rf "$ROOT"
	cp -r "$MACHINES/$1" "$ROOT"
	chmod -R u+w "$ROOT"
}

# put PATH TEXT: a file of that machine.
put() {
	mkdir -p "$(dirname "$ROOT/$1")"
	printf '%b\n' "$2" >"$ROOT/$1"
}

# A fact of that machine.
fact() {
	"$NESTWALK" env --json --root "$ROOT" | jq -rc "$1"
}

# hosts NAME COMMAND...: run a command on a host of that name.
on_host() {
	unshare --uts true 2>/dev/null || skip "needs root to have a host name of its own"
	# shellcheck disable=SC2016 # the words are the inner shell's
	unshare --uts sh -c 'printf %s "$0" >/proc/sys/kernel/hostname && exec "$@"' "$@"
}

# --- sizes ---

@test "a cpuinfo of 768 CPUs is read to its end" {
	machine amd-shadow
	rm -f "$ROOT/cpuid.txt"
	awk 'BEGIN { for (f = 0; f < 300; f++) flags = flags " flag" 1000 + f
		for (c = 0; c < 768; c++) printf "processor\t: %d\nvendor_id\t: AuthenticAMD\ncpu family\t: 26\nmodel\t\t: 17\n" \
			"model name\t: AMD EPYC 9965\nstepping\t: 0\nflags\t\t:%s svm la57\n\n", c, flags }' >"$ROOT/proc/cpuinfo"
	[ "$(stat -c %s "$ROOT/proc/cpuinfo")" -gt 1048576 ]
	[ "$(fact '[.cpu.name, .cpu.family, .outer.name, .paging.levels_used]')" = '["AMD EPYC 9965",26,"bare-metal",5]' ]
}

@test "a list of a thousand CPUs, a long command line and a long text of a module are whole" {
	machine amd-nested
	local list
	list=$(seq -s, 1 2 2047)
	put proc/self/status "Cpus_allowed_list:\t0,$list"
	put proc/cmdline "$(printf 'other=%.0s' $(seq 1000)) mitigations=off"
	put sys/module/kvm_amd/parameters/words "$(printf 'word %.0s' $(seq 500))end"
	put sys/devices/system/cpu/isolated "$list"
	[ "$(fact .kernel.command_line)" = '["mitigations=off"]' ]
	[[ "$(fact .kvm.module_parameters.words)" == *" end" ]]
	[ "$(fact .noise.isolated_cpus)" = "$list" ]
	run -0 "$NESTWALK" env --root "$ROOT"
	[[ "$output" == *",2047"* ]]
}

@test "a value that is longer than any it could be is said to be, and no part of it is taken" {
	machine intel-ept
	put sys/module/kvm_intel/parameters/ept "Y$(printf 'x%.0s' $(seq 100))"
	[ "$(fact '.kvm.paging')" = null ]
	[[ "$(fact '.kvm.paging_reason')" == *"has 101 characters, more than"* ]]
}

@test "more PMUs than fit a line are all named" {
	machine intel-ept
	for pmu in $(seq 200); do mkdir -p "$ROOT/sys/bus/event_source/devices/uncore_cha_$pmu"; done
	run -0 "$NESTWALK" env --root "$ROOT"
	[[ "$output" == *uncore_cha_200* ]]
}

@test "a host name of 64 characters is whole, as directory and in run.json" {
	local name
	name=$(printf '%064d' 7)
	cd "$BATS_TEST_TMPDIR"
	run -0 on_host "$name" "$NESTWALK" run "${SMALL[@]}"
	[ "$(ls results)" = "$name" ]
	[ "$(jq -r .host results/*/*/run.json)" = "$name" ]
}

@test "a host name leads nowhere but to one directory of results" {
	local name
	for name in .. a/b . ../../up; do
		rm -rf "$BATS_TEST_TMPDIR/one" && mkdir -p "$BATS_TEST_TMPDIR/one/two" && cd "$BATS_TEST_TMPDIR/one/two"
		run -0 on_host "$name" "$NESTWALK" run "${SMALL[@]}"
		[ "$(find "$BATS_TEST_TMPDIR/one" -name run.json | wc -l)" -eq 1 ]
		[ "$(find results -mindepth 3 -maxdepth 3 -name run.json | wc -l)" -eq 1 ]
		[ "$(jq -r .host results/*/*/run.json)" = "$name" ]
	done
}

# --- bytes that are no text ---

@test "a host name in Latin-1 is no lack of memory" {
	cd "$BATS_TEST_TMPDIR"
	run -0 on_host "$(printf 'r\374gen')" "$NESTWALK" run "${SMALL[@]}"
	[ "$(jq -r .host results/*/*/run.json)" = 'r?gen' ]
	"$NESTWALK" check results/*/*
}

@test "arguments keep their place, in UTF-8 and in Latin-1, with control characters" {
	local latin
	latin=$BATS_TEST_TMPDIR/$(printf 'r\374n')
	run -0 "$NESTWALK" run "${SMALL[@]}" -o "$latin"
	[ "$(jq -r '.command_line[-1]' "$latin/run.json")" = "$BATS_TEST_TMPDIR/r?n" ]
	run -0 "$NESTWALK" run "${SMALL[@]}" -o "$BATS_TEST_TMPDIR/rün"
	[ "$(jq -r '.command_line[-1]' "$BATS_TEST_TMPDIR/rün/run.json")" = "$BATS_TEST_TMPDIR/rün" ]
	run -0 "$NESTWALK" run "${SMALL[@]}" -o "$BATS_TEST_TMPDIR/$(printf 'a\033[1mb\tc')"
	[ "$(jq -r '.command_line[-1]' "$BATS_TEST_TMPDIR"/a*/run.json)" = "$BATS_TEST_TMPDIR/a?[1mb c" ]
}

@test "runs at paths in Latin-1 can be joined" {
	local latin runs=$BATS_TEST_DIRNAME/../fixtures/runs
	latin=$BATS_TEST_TMPDIR/$(printf 'r\374n')
	cp -r "$runs/join-guest" "$latin"
	run -0 "$NESTWALK" merge "$runs/join-host" "$latin" -o "$RUN"
	"$NESTWALK" check "$RUN"
}

@test "a path in Latin-1 names a recorded machine, and the kernel's texts may be anything" {
	machine amd-nested
	put proc/sys/kernel/version 'caf\0351 \0303\0251 \0302'
	mv "$ROOT" "$BATS_TEST_TMPDIR/$(printf 'm\374')"
	run -0 "$NESTWALK" env --json --root "$BATS_TEST_TMPDIR/$(printf 'm\374')"
	[ "$(jq -r .source.name <<<"$output")" = "$BATS_TEST_TMPDIR/m?" ]
	[ "$(jq -r .kernel.version <<<"$output")" = 'caf? é ?' ]
}

@test "a dump of CPUID with the mark of byte order, with Windows' ends of lines" {
	local dump=$BATS_TEST_DIRNAME/../fixtures/cpuid/amd-zen3-milan.txt
	printf '\357\273\277' | cat - "$dump" >"$BATS_TEST_TMPDIR/bom.txt"
	sed 's/$/\r/' "$BATS_TEST_TMPDIR/bom.txt" >"$BATS_TEST_TMPDIR/both.txt"
	for other in bom both; do
		diff <("$NESTWALK" env --json --cpuid "$dump" | jq 'del(.source)') \
			<("$NESTWALK" env --json --cpuid "$BATS_TEST_TMPDIR/$other.txt" | jq 'del(.source)')
	done
	printf '\357\273' | cat - "$dump" >"$BATS_TEST_TMPDIR/half.txt"
	run -1 "$NESTWALK" env --cpuid "$BATS_TEST_TMPDIR/half.txt"
}

# --- witnesses ---

@test "CPU 0 is offline: the others are described" {
	machine amd-nested
	local cpus=$ROOT/sys/devices/system/cpu
	rm -r "$cpus/cpu0/topology"
	rm -rf "$cpus/cpu0/cache"
	echo 0 >"$cpus/cpu0/online"
	echo 1-3 >"$cpus/online"
	put sys/devices/system/cpu/cpufreq/policy1/scaling_driver acpi-cpufreq
	rm -rf "$cpus/cpufreq/policy0"
	[ "$(fact '.topology.pus > 0')" = true ]
	[ "$(fact .noise.scaling_driver)" = acpi-cpufreq ]
	rm -r "$cpus"/cpu*/topology
	[[ "$(fact .topology.pus_reason)" == *"topology of any CPU"* ]]
}

@test "both KVM modules built in: the CPU's vendor decides, for kvm-paging too" {
	local vendor
	for vendor in AuthenticAMD:kvm_amd:shadow HygonGenuine:kvm_amd:shadow GenuineIntel:kvm_intel:nested \
		CentaurHauls:kvm_intel:nested '  Shanghai  ':kvm_intel:nested; do
		machine intel-ept
		rm "$ROOT/cpuid.txt"
		put sys/module/kvm_amd/parameters/npt N
		put proc/cpuinfo "processor\t: 0\nvendor_id\t: ${vendor%%:*}\nflags\t\t: fpu"
		[ "$(fact '[.kvm.module, .kvm.paging] | join(":")')" = "${vendor#*:}" ]
		run -0 env NESTWALK_SYSROOT="$ROOT" "$BATS_TEST_DIRNAME/../../scripts/kvm-paging" status
		[[ "$output" == *"$(cut -d: -f2 <<<"$vendor")"*"paging      ${vendor##*:}"* ]]
	done
}

@test "a module of the other vendor is none, and without a vendor the flags decide" {
	machine intel-ept
	rm "$ROOT/cpuid.txt"
	put proc/cpuinfo "processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: fpu svm"
	[ "$(fact .kvm.module)" = null ]
	[[ "$(fact .kvm.paging_reason)" == *"kvm_intel is there, but this CPU (AuthenticAMD) needs kvm_amd"* ]]
	run -0 env NESTWALK_SYSROOT="$ROOT" "$BATS_TEST_DIRNAME/../../scripts/kvm-paging" status
	[[ "${lines[0]}" == "module      none" ]]
	put sys/module/kvm_amd/parameters/npt N
	put proc/cpuinfo "processor\t: 0\nflags\t\t: fpu svm"
	[ "$(fact '[.kvm.module, .kvm.paging] | join(":")')" = kvm_amd:shadow ]
	put proc/cpuinfo "processor\t: 0\nflags\t\t: fpu"
	[[ "$(fact .kvm.paging_reason)" == *"neither the CPU's vendor nor its flags"* ]]
}

@test "a hidden hypervisor bit: firmware, clocks and the device tree tell of a guest" {
	local witness
	for witness in 'class/dmi/id/sys_vendor:Red Hat:Red Hat KVM' 'class/dmi/id/product_name:KVM:KVM' \
		'class/dmi/id/product_name:Standard PC (Q35 + ICH9, 2009):QEMU' 'class/dmi/id/product_name:HVM domU:Xen' \
		'class/dmi/id/bios_vendor:SeaBIOS:SeaBIOS' 'class/dmi/id/sys_vendor:Nutanix:Nutanix AHV' \
		'devices/system/clocksource/clocksource0/available_clocksource:kvm-clock tsc acpi_pm:KVM' \
		'firmware/devicetree/base/hypervisor/compatible:linux,kvm:named in the device tree'; do
		machine intel-ept
		[ "$(fact '[.outer.name, .outer.is_guest]')" = '["bare-metal",false]' ]
		put "sys/$(cut -d: -f1 <<<"$witness")" "$(cut -d: -f2 <<<"$witness")"
		[ "$(fact '[.outer.name, .outer.is_guest] | join(":")')" = "unknown hypervisor (${witness##*:}):true" ]
	done
}

@test "real machines of those who also make virtual ones are bare metal" {
	local maker
	for maker in "Amazon EC2" "Google" "Microsoft Corporation" "Xeon Systems" "KVM Switches Ltd"; do
		machine intel-ept
		put sys/class/dmi/id/sys_vendor "${maker/Xeon/A Xeon}"
		put sys/class/dmi/id/product_name "Google Compute Engine"
		[ "$(fact .outer.name)" = bare-metal ]
	done
}

@test "stolen time without any other witness: unknown, not bare metal" {
	machine intel-ept
	put proc/stat 'cpu  100 0 100 1000 0 0 0 77 0 0'
	[ "$(fact '[.outer.name, .outer.is_guest]')" = '[null,null]' ]
	[[ "$(fact .outer.name_reason)" == *"witnesses disagree"*"stolen time"* ]]
}

@test "arm64: its PMU is one, and a cache line that is unknown has no unit" {
	machine intel-ept
	rm -r "$ROOT/cpuid.txt" "$ROOT/sys/bus/event_source/devices"
	mkdir -p "$ROOT/sys/bus/event_source/devices/armv8_pmuv3_0"
	put proc/cpuinfo 'processor\t: 0\nBogoMIPS\t: 243.75\nFeatures\t: fp asimd\nCPU implementer\t: 0x41'
	run -0 "$NESTWALK" env --root "$ROOT"
	[[ "$output" != *"no PMU"* ]]
	grep -q '^  cache line  *unknown: ' <<<"$output"
	[[ "$(sed -n '/^  cache line/,/^  PCID/p' <<<"$output")" != *" bytes"* ]]
	[ "$(fact .counters.available)" = null ]
	mv "$ROOT/sys/bus/event_source/devices/armv8_pmuv3_0" "$ROOT/sys/bus/event_source/devices/software"
	[[ "$(fact .counters.available_reason)" == "no PMU"* ]]
}

# --- what happened ---

@test "openat2 refused, or not there, or no recorded machine: each is named" {
	run -1 "$SANDBOX" openat2=EPERM "$NESTWALK" env --root "$MACHINES/intel-ept"
	[[ "$output" == *"openat2 is refused"*seccomp* ]]
	run -1 "$SANDBOX" openat2=ENOSYS "$NESTWALK" env --root "$MACHINES/intel-ept"
	[[ "$output" == *"needs openat2"*"Linux 5.6"* ]]
	mkdir "$BATS_TEST_TMPDIR/nothing"
	run -1 "$NESTWALK" env --root "$BATS_TEST_TMPDIR/nothing"
	[[ "$output" == *"has neither proc nor sys"* ]]
	run -1 "$NESTWALK" env --root "$BATS_TEST_TMPDIR/none"
	[[ "$output" == *"No such file"* ]]
}

@test "a hidden /sys is not a machine without modules and frequencies" {
	machine intel-ept
	rm -r "$ROOT/sys"
	[[ "$(fact .noise.governors_reason)" == *"/sys is not there, or is hidden"* ]]
	[[ "$(fact .kvm.module_reason)" == *"/sys is not there, or is hidden"* ]]
	mkdir -p "$ROOT/sys/module" "$ROOT/sys/devices/system/cpu"
	[[ "$(fact .noise.governors_reason)" == "no cpufreq"* ]]
	[[ "$(fact .kvm.module_reason)" == "no KVM module"* ]]
}

@test "counters refused by a sandbox are not said to be missing" {
	run -0 "$SANDBOX" perf_event_open=EPERM "$NESTWALK" env --json
	[[ "$(jq -r .counters.available_reason <<<"$output")" == *"blocked by a seccomp filter"*"PERFMON"* ]]
}

@test "a run directory that cannot be: each reason, and what to do" {
	: >"$BATS_TEST_TMPDIR/file"
	run -1 "$NESTWALK" run "${SMALL[@]}" -o "$BATS_TEST_TMPDIR/file"
	[[ "$output" == *"something else of that name is there; choose another with -o"* ]]
	run -1 "$NESTWALK" run "${SMALL[@]}" -o "$BATS_TEST_TMPDIR/file/run"
	[[ "$output" == *"something else of that name is there; choose another with -o"* ]]
	run -1 "$NESTWALK" run "${SMALL[@]}" -o /proc/nestwalk/run
	[[ "$output" == *"cannot make the directory /proc/nestwalk: No such file"*"choose another with -o"* ]]
	mkdir -p "$RUN/points.jsonl"
	run -1 "$NESTWALK" run "${SMALL[@]}" -o "$RUN"
	[[ "$output" == *"holds a run already"* ]]
}

# --- distributions ---

@test "a report needs no /tmp: TMPDIR, or what else can be written to" {
	unshare -m true 2>/dev/null || skip "needs root to mount"
	local elsewhere
	elsewhere=$(mktemp -d /var/tmp/nestwalk-field-XXXXXX)
	cp -r "$BATS_TEST_DIRNAME/../fixtures/runs/join-host" "$elsewhere/run"
	cp -r "$BATS_TEST_DIRNAME/../../plots" "$elsewhere/plots"
	mkdir "$elsewhere/build"
	cp "$NESTWALK" "$elsewhere/build/nestwalk"
	run unshare -m sh -c "mount -t tmpfs -o ro none /tmp && cd '$elsewhere' && TMPDIR=/var/tmp build/nestwalk report run -o one &&
		unset TMPDIR && build/nestwalk report run -o two"
	find "$elsewhere" -name '*.svg' >"$BATS_TEST_TMPDIR/drawn"
	rm -r "$elsewhere"
	[ "$status" -eq 0 ]
	grep -q /one/ "$BATS_TEST_TMPDIR/drawn"
	grep -q /two/ "$BATS_TEST_TMPDIR/drawn"
}

@test "RHEL's QEMU is found, in PATH and in /usr/libexec" {
	local image=$BATS_TEST_TMPDIR/image bin=$BATS_TEST_TMPDIR/bin
	mkdir "$image" "$bin"
	: >"$image/vmlinuz" && : >"$image/initramfs"
	guest() { run env PATH="$bin" "$NESTWALK" run -s guest --accel tcg -b tlb-reach --guest-image "$image" --rounds 1 -o "$RUN-$RANDOM"; }
	if [ ! -e /usr/libexec/qemu-kvm ]; then
		guest
		[ "$status" -eq 77 ]
		[[ "$output" == *"no qemu-system-x86_64 in PATH, nor qemu-kvm"*"/usr/libexec"* ]]
	fi
	printf '#!/bin/sh\necho "this is the QEMU of RHEL" >&2\nexit 1\n' >"$bin/qemu-kvm"
	chmod +x "$bin/qemu-kvm"
	guest
	[ "$status" -eq 1 ]
	[[ "$output" == *"this is the QEMU of RHEL"* ]]
}

@test "a hybrid CPU: which kind of core is described is said" {
	machine hybrid
	[ "$(fact .cpu.core_kind)" = performance ]
	run -0 "$NESTWALK" env --root "$ROOT"
	[[ "$output" == *"kind of core"*"performance: one of several"* ]]
	sed -i 's/^CPUID 0000001A: 40/CPUID 0000001A: 20/' "$ROOT/cpuid.txt"
	[ "$(fact .cpu.core_kind)" = efficiency ]
	machine intel-ept
	[[ "$(fact '.cpu | [.core_kind, .core_kind_reason] | join(" ")')" == *"all cores are of one kind"* ]]
}
