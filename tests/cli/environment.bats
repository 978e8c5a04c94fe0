#!/usr/bin/env bats
# What nestwalk inherits: variables of libraries, and switches, limits and policies of the process. Nothing here measures.
# shellcheck disable=SC2154 # $stderr is set by run --separate-stderr
bats_require_minimum_version 1.5.0

setup_file() {
	cc -O1 -o "$BATS_FILE_TMPDIR/refuse" "$BATS_TEST_DIRNAME/../refuse/refuse.c"
}

setup() {
	NESTWALK="${NESTWALK:-$BATS_TEST_DIRNAME/../../build/nestwalk}"
	FIXTURES="$BATS_TEST_DIRNAME/../fixtures"
	ROOT=$BATS_TEST_TMPDIR/root
	REFUSE=$BATS_FILE_TMPDIR/refuse
}

# put FILE LINE...: a file of a recorded machine.
put() {
	mkdir -p "$(dirname "$ROOT/$1")"
	printf '%s\n' "${@:2}" >"$ROOT/$1"
}

# What env says of this machine, but for what changes from one moment to the next: others may move this process to other CPUs.
lasting() {
	"$@" "$NESTWALK" env --json | jq '(.topology | del(.allowed_cpus)), .cpu, .counters.metrics'
}

@test "no variable makes this machine another one" {
	lasting env >"$BATS_TEST_TMPDIR/plain"
	for variable in HWLOC_XMLFILE="$FIXTURES/machines/intel-ept/topology.xml" 'HWLOC_SYNTHETIC=core:6 pu:2' \
		HWLOC_FSROOT="$FIXTURES/machines/intel-ept" HWLOC_COMPONENTS=synthetic HWLOC_ALLOW=all \
		LIBPFM_FORCE_PMU=amd64_k7 LIBPFM_ENCODE_INACTIVE=1 LIBPFM_DISABLED_PMUS=perf; do
		lasting env HWLOC_THISSYSTEM=1 "$variable" >"$BATS_TEST_TMPDIR/with"
		cmp "$BATS_TEST_TMPDIR/plain" "$BATS_TEST_TMPDIR/with"
	done
}

@test "a CPU of another machine is refused, whatever a topology in the environment says" {
	absent=$(($(getconf _NPROCESSORS_CONF) + 3))
	run -2 --separate-stderr env HWLOC_SYNTHETIC="core:$((absent + 1)) pu:1" HWLOC_THISSYSTEM=1 \
		"$NESTWALK" run -s host -b tlb-reach --cpu $absent -o "$BATS_TEST_TMPDIR/run"
	[[ $stderr == *"CPU $absent is not there"* ]]
	run -2 --separate-stderr env HWLOC_XMLFILE="$FIXTURES/machines/intel-ept/topology.xml" \
		"$NESTWALK" env --weather 1s --cpu 99
	[[ $stderr == *"CPU 99 is not there"* ]]
}

@test "pictures do not depend on gnuplot's variables" {
	"$NESTWALK" report "$FIXTURES/runs/join-host" -o "$BATS_TEST_TMPDIR/plain" >/dev/null
	echo 'set terminal dumb; set title "somebody else"' >"$BATS_TEST_TMPDIR/.gnuplot"
	env GNUTERM=dumb GNUPLOT_LIB=/nowhere GNUPLOT_FONTPATH=/nowhere GDFONTPATH=/nowhere FIT_LOG=/nowhere \
		"$NESTWALK" report "$FIXTURES/runs/join-host" -o "$BATS_TEST_TMPDIR/with" >/dev/null
	[ "$(ls "$BATS_TEST_TMPDIR/plain")" = "$(ls "$BATS_TEST_TMPDIR/with")" ]
	ls "$BATS_TEST_TMPDIR"/plain/*.svg
	for picture in "$BATS_TEST_TMPDIR"/plain/*.svg; do
		cmp "$picture" "$BATS_TEST_TMPDIR/with/${picture##*/}"
	done
}

@test "each variable is told: those that are not heeded, and those that were heeded before" {
	env HWLOC_XMLFILE=/x GSL_RNG_TYPE=ranlux QEMU_MODULE_DIR=/x MALLOC_ARENA_MAX=1 LD_BIND_NOW=1 UNRELATED=1 \
		GLIBC_TUNABLES=glibc.malloc.perturb=0 "$NESTWALK" env --json | jq -c '.process.environment' |
		tee "$BATS_TEST_TMPDIR/said"
	jq -e '[.[] | select(.taken_out) | .variable] | sort == ["GSL_RNG_TYPE", "HWLOC_XMLFILE", "QEMU_MODULE_DIR"]' \
		"$BATS_TEST_TMPDIR/said"
	jq -e '[.[] | select(.taken_out | not) | .variable] | contains(["MALLOC_ARENA_MAX=1", "LD_BIND_NOW=1",
		"GLIBC_TUNABLES=glibc.malloc.perturb=0"])' "$BATS_TEST_TMPDIR/said"
	jq -e 'all(.[]; .why | length > 10) and all(.[]; .variable | startswith("UNRELATED") | not)' "$BATS_TEST_TMPDIR/said"
	run -0 env -i PATH="$PATH" "$NESTWALK" env
	[[ $output != *"ignored variable"* ]]
	run -0 env HWLOC_XMLFILE=/x "$NESTWALK" env
	[[ $output =~ ignored\ variable\ +HWLOC_XMLFILE ]]
}

@test "the same variable twice in the environment, as execve() allows" {
	run -0 python3 -c '
import ctypes, os, sys
libc = ctypes.CDLL(None)
words = [sys.argv[1].encode(), b"list", None]
variables = [b"HWLOC_XMLFILE=/a", b"HWLOC_XMLFILE=/b", b"A=1", b"HWLOC_XMLFILE=/c", None]
libc.execve(words[0], (ctypes.c_char_p * 3)(*words), (ctypes.c_char_p * 5)(*variables))
' "$(realpath "$NESTWALK")"
	[[ $output == *tlb-reach* ]]
}

@test "THP that is off for the process is told as that, not as a setting of the machine" {
	[[ "$(cat /sys/kernel/mm/transparent_hugepage/enabled)" == *'[madvise]'* ]] || skip "THP is not at madvise"
	"$REFUSE" no-thp -- "$NESTWALK" env --json | jq -e '.process.thp_disabled == true and
		.page_sizes.thp.mode == "never" and (.page_sizes.thp.mode_note | contains("PR_SET_THP_DISABLE")) and
		.page_sizes.thp.enabled == "madvise" and all(.page_sizes.thp.sizes[]; .offered != true)'
	"$NESTWALK" env --json | jq -e '.process.thp_disabled == false and .page_sizes.thp.mode == "madvise"'
}

@test "THP of a recorded process, and of a kernel that does not tell" {
	put sys/kernel/mm/transparent_hugepage/enabled 'always [madvise] never'
	put proc/self/status 'THP_enabled:	0'
	"$NESTWALK" env --json --root "$ROOT" | jq -e '.page_sizes.thp | .mode == "never" and
		(.mode_note | contains("THP_enabled: 0"))'
	put proc/self/status 'THP_enabled:	1'
	"$NESTWALK" env --json --root "$ROOT" | jq -e '.page_sizes.thp.mode == "madvise" and .process.thp_disabled == false'
	put proc/self/status 'Name: x'
	"$NESTWALK" env --json --root "$ROOT" | jq -e '.page_sizes.thp.mode == "madvise" and
		.process.thp_disabled == null and (.process.thp_disabled_reason | contains("THP_enabled"))'
}

@test "policies and limits that were inherited" {
	[[ $NESTWALK != *sanitize* ]] || skip "the sanitizers' own memory is more than the limit"
	run -0 setarch -R nice -n 7 bash -c 'ulimit -d 4000000; exec "$@"' - "$NESTWALK" env --json
	jq -e '.process | .nice >= 7 and .scheduling == "other" and .addresses_randomized == false and
		.data_limit_bytes == 4096000000' <<<"$output"
	run -0 chrt --idle 0 "$NESTWALK" env --json
	jq -e '.process.scheduling == "idle"' <<<"$output"
	run -0 "$NESTWALK" env --json
	jq -e '.process | .addresses_randomized == true and .data_limit_bytes == null and
		.data_limit_bytes_reason == "there is no limit" and .timer_slack_ns > 0' <<<"$output"
	run -0 "$REFUSE" get_mempolicy=EPERM -- "$NESTWALK" env --json
	jq -e '.process.memory_policy == null and (.process.memory_policy_reason | contains("not permitted"))' <<<"$output"
}

@test "the name of a process may hold what stands around it in /proc/self/stat" {
	put proc/self/stat "4242 (a) R 1 (b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 20 -5 1 0 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 17 1 0 3 0 0"
	"$NESTWALK" env --json --root "$ROOT" | jq -e '.process | .nice == -5 and .scheduling == "batch"'
	put proc/self/stat '4242 (a) S 1 2'
	"$NESTWALK" env --json --root "$ROOT" | jq -e '.process | .nice == null and .scheduling == null and
		.nice_reason == .scheduling_reason'
}
