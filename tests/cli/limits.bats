#!/usr/bin/env bats
# What a kernel writes where it has no value, on recorded machines made up here.
bats_require_minimum_version 1.5.0

setup() {
	NESTWALK="${NESTWALK:-$BATS_TEST_DIRNAME/../../build/nestwalk}"
	ROOT=$BATS_TEST_TMPDIR/root
	put proc/meminfo 'MemTotal: 32000000 kB' 'MemAvailable: 16000000 kB'
}

# put FILE LINE...: a file of the recorded machine.
put() {
	mkdir -p "$(dirname "$ROOT/$1")"
	printf '%s\n' "${@:2}" >"$ROOT/$1"
}

@test "what stands for no value is none, however it is spelled" {
	local cpus=sys/devices/system/cpu text
	for text in '                         (null)' '  (null)' N/A 'not required' '<unknown>'; do
		put $cpus/isolated "$text"
		put $cpus/nohz_full "$text"
		put $cpus/cpufreq/policy0/scaling_governor "$text"
		put proc/cpuinfo 'processor : 0' 'vendor_id : GenuineIntel' "microcode : $text"
		"$NESTWALK" env --json --root "$ROOT" | jq -e --arg text "${text##* }" '.noise |
			.isolated_cpus == null and (.isolated_cpus_reason | contains($text)) and
			.nohz_full_cpus == null and .governors == null'
		"$NESTWALK" env --json --root "$ROOT" | jq -e '.cpu.microcode == null and .cpu.microcode_reason != null'
		run ! grep -F '(null)' <("$NESTWALK" env --root "$ROOT" | grep 'isolated CPUs')
	done
	put $cpus/isolated ' 2-3'
	put $cpus/nohz_full ''
	"$NESTWALK" env --json --root "$ROOT" | jq -e '.noise | .isolated_cpus == "2-3" and .nohz_full_cpus == ""'
}

@test "a module's parameter without a value is left out, and a limit that is not a number is not 0" {
	put sys/module/kvm_intel/parameters/ept Y
	put sys/module/kvm_intel/parameters/name '(null)'
	put proc/sys/kernel/perf_event_paranoid -1
	put proc/sys/kernel/nmi_watchdog unlimited
	"$NESTWALK" env --json --root "$ROOT" | jq -e '(.kvm.module_parameters | has("name") | not) and
		.counters.perf_event_paranoid == -1 and .counters.nmi_watchdog == null'
}
