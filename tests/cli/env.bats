#!/usr/bin/env bats
# nestwalk env: this machine, recorded machines, register dumps, and bad input.
bats_require_minimum_version 1.5.0

setup() {
	NESTWALK="${NESTWALK:-$BATS_TEST_DIRNAME/../../build/nestwalk}"
	FIXTURES="$BATS_TEST_DIRNAME/../fixtures"
	WORK="$(mktemp -d "$BATS_TMPDIR/nestwalk-env-XXXXXX")"
}

teardown() {
	rm -rf "$WORK"
}

# Check that the output is one line that begins like every message, and check the exit code.
fails_with() {
	local code=$1 words=$2
	[ "$status" -eq "$code" ]
	[ "${#lines[@]}" -eq 1 ]
	[[ "$output" == "nestwalk: "*"$words"* ]]
}

@test "env describes this machine" {
	run "$NESTWALK" env
	[ "$status" -eq 0 ]
	for title in CPU TLBs Topology 'Memory and page sizes' KVM 'Hardware counters' Kernel Mitigations Noise; do
		[[ "$output" == *"$title"* ]]
	done
}

@test "env fits a terminal of 100 columns" {
	run "$NESTWALK" env --root "$FIXTURES/machines/intel-ept"
	[ "$status" -eq 0 ]
	for line in "${lines[@]}"; do
		[ "${#line}" -le 100 ] || [[ "$line" == *"$FIXTURES"* ]]
	done
}

@test "env --json writes JSON" {
	run "$NESTWALK" env --json
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "{" ]
	[ "${lines[-1]}" = "}" ]
	[[ "$output" == *'"kind": "live"'* ]]
	[[ "$output" == *'"line_bytes": 64'* ]]
}

@test "env --cpuid decodes every dump, and shows only the CPU part" {
	for dump in "$FIXTURES"/cpuid/*.txt; do
		run "$NESTWALK" env --cpuid "$dump"
		[ "$status" -eq 0 ]
		[[ "$output" == *"as CPUID advertises them: not measured"* ]]
		[[ "$output" != *"/dev/kvm"* ]]
		[[ "$output" != *"Topology"* ]]
	done
}

@test "Zen 5 has 4096 entries in its second level, not 128" {
	run "$NESTWALK" env --cpuid "$FIXTURES/cpuid/amd-zen5-turin.txt"
	[ "$status" -eq 0 ]
	[[ "$output" =~ L2\ +data\ +4K\ +4096\ +8\ +0x80000006 ]]
	[[ "$output" =~ L1\ +data\ +4K\ +96\ +full\ +0x80000005 ]]
	[[ "$output" =~ page-table\ levels\ +hardware\ 5 ]]
}

@test "a dump can come through a pipe" {
	run bash -c "'$NESTWALK' env --cpuid /dev/stdin < '$FIXTURES/cpuid/intel-haswell.txt'"
	[ "$status" -eq 0 ]
	[[ "$output" =~ L2\ +unified\ +4K,\ 2M\ +1024 ]]
}

@test "sizes of transparent huge pages: their switches, and which are offered" {
	run -0 "$NESTWALK" env --root "$FIXTURES/machines/amd-nested"
	[[ $output =~ THP\ by\ size\ +16K\ never,\ 32K\ madvise,\ 64K\ inherit,\ 1M\ always,\ 2M\ inherit ]]
	[[ $output =~ THP\ offered\ +32K,\ 64K,\ 1M,\ 2M\ .*--mthp ]]
	run -0 "$NESTWALK" env --root "$FIXTURES/machines/intel-shadow"
	[[ $output =~ THP\ offered\ +128K\  ]]
	"$NESTWALK" env --root "$FIXTURES/machines/intel-shadow" --json |
		jq -e '.page_sizes.thp.sizes[] | select(.page_bytes == 65536) | .offered == false and
			(.offered_note | contains("--mthp 64K"))'
}

@test "recorded machines: module, paging mode, what they run on" {
	while read -r machine outer paging; do
		run "$NESTWALK" env --root "$FIXTURES/machines/$machine"
		[ "$status" -eq 0 ]
		[[ "$output" =~ runs\ on\ \(outer\)\ +${outer//_/ } ]]
		[[ "$output" =~ paging\ of\ guests\ +$paging ]]
	done <<-END
		intel-ept bare-metal nested
		intel-shadow bare-metal shadow
		amd-nested bare-metal nested
		amd-shadow bare-metal shadow
		xen-pv Xen_PV unknown
		container KVM nested
	END
}

@test "facts that need a live machine are null with a reason" {
	run "$NESTWALK" env --json --root "$FIXTURES/machines/intel-ept"
	[ "$status" -eq 0 ]
	[[ "$output" == *'"usable": null'* ]]
	[[ "$output" == *'"usable_reason": "recorded machine: not tried"'* ]]
	[[ "$output" == *'"available": null'* ]]
}

@test "a container without /dev/kvm is told how to get it, and its limits are seen" {
	run "$NESTWALK" env --root "$FIXTURES/machines/container"
	[ "$status" -eq 0 ]
	[[ "$output" == *"--device /dev/kvm"* ]]
	[[ "$output" == *"724 MiB (cgroup limit"* ]]
	[[ "$output" =~ may\ run\ on\ +2-3 ]]
	[[ "$output" =~ CPU\ quota\ +1.50 ]]
}

@test "--root and --cpuid together: the files of one, the registers of the other" {
	run "$NESTWALK" env --root "$FIXTURES/machines/xen-pv" --cpuid "$FIXTURES/cpuid/amd-zen2-rome.txt"
	[ "$status" -eq 0 ]
	[[ "$output" =~ L2\ +data\ +4K\ +2048 ]]
	[[ "$output" =~ runs\ on\ \(outer\)\ +Xen\ PV ]]
}

@test "an unknown vendor is said to be one" {
	sed 's/^CPUID 00000000: .*/CPUID 00000000: 0000000D-746E6543-736C7561-48727561/' \
		"$FIXTURES/cpuid/intel-haswell.txt" >"$WORK/dump"
	run "$NESTWALK" env --cpuid "$WORK/dump"
	[ "$status" -eq 0 ]
	[[ "$output" == *"how a CPU of vendor 'CentaurHauls' tells its TLBs is not known"* ]]
	[[ "$output" =~ cache\ line\ +64\ bytes ]]
}

@test "malformed dumps: one line with file and line number, exit 1" {
	printf 'hello\n' >"$WORK/words"
	run "$NESTWALK" env --cpuid "$WORK/words"
	fails_with 1 "$WORK/words:1: 'hello' is not a CPUID line"

	: >"$WORK/empty"
	run "$NESTWALK" env --cpuid "$WORK/empty"
	fails_with 1 "$WORK/empty:1: is empty"

	head -c 2000 "$FIXTURES/cpuid/amd-zen5-turin.txt" >"$WORK/cut"
	run "$NESTWALK" env --cpuid "$WORK/cut"
	fails_with 1 "$WORK/cut:"

	head -n 20 "$FIXTURES/cpuid/amd-zen5-turin.txt" >"$WORK/lines"
	run "$NESTWALK" env --cpuid "$WORK/lines"
	fails_with 1 "$WORK/lines:20: "

	head -c 5000 /dev/urandom >"$WORK/binary"
	run "$NESTWALK" env --cpuid "$WORK/binary"
	fails_with 1 "$WORK/binary:"

	run "$NESTWALK" env --cpuid "$WORK"
	fails_with 1 "is a directory"

	run "$NESTWALK" env --cpuid "$WORK/none"
	fails_with 1 "No such file"
}

@test "a file that may not be read" {
	[ "$(id -u)" -ne 0 ] || skip "root may read everything"
	cp "$FIXTURES/cpuid/intel-haswell.txt" "$WORK/secret"
	chmod 0 "$WORK/secret"
	run "$NESTWALK" env --cpuid "$WORK/secret"
	fails_with 1 "Permission denied"
}

@test "a directory that is no recorded machine" {
	run "$NESTWALK" env --root "$WORK"
	fails_with 1 "neither proc nor sys"
	run "$NESTWALK" env --root "$WORK/none"
	fails_with 1 "$WORK/none"
	mkdir -p "$WORK/machine/proc"
	echo nonsense >"$WORK/machine/cpuid.txt"
	run "$NESTWALK" env --root "$WORK/machine"
	fails_with 1 "$WORK/machine/cpuid.txt:1:"
}

@test "a recorded machine with next to nothing: everything unknown, nothing of this machine" {
	mkdir -p "$WORK/machine/proc"
	run "$NESTWALK" env --json --root "$WORK/machine"
	[ "$status" -eq 0 ]
	[[ "$output" != *"$(uname -r)"* ]]
	[[ "$output" == *'"pus": null'* ]]
	[[ "$output" == *'"total_bytes": null'* ]]
}

@test "wrong usage: exit 2" {
	run "$NESTWALK" env --nonsense
	[ "$status" -eq 2 ]
	run "$NESTWALK" env surplus
	[ "$status" -eq 2 ]
	run "$NESTWALK" env --cpuid
	[ "$status" -eq 2 ]
}

@test "env --help explains" {
	run "$NESTWALK" env --help
	[ "$status" -eq 0 ]
	[[ "$output" == *"--cpuid"* ]]
}

@test "a full disk is an error" {
	[ -e /dev/full ] || skip "no /dev/full"
	run bash -c "'$NESTWALK' env --json --cpuid '$FIXTURES/cpuid/intel-haswell.txt' 2>&1 >/dev/full"
	fails_with 1 "No space left"
}
