#!/usr/bin/env bats
# Only a wrong command line exits with 2, and only what cannot be measured here with 77. An error of the kernel or of a library is a
# failure, whatever its number is. Nothing here measures.
# shellcheck disable=SC2154 # $stderr is set by run --separate-stderr
bats_require_minimum_version 1.5.0

setup_file() {
	cc -O1 -fPIC -shared -o "$BATS_FILE_TMPDIR/short.so" "$BATS_TEST_DIRNAME/../refuse/short_of_memory.c"
	cc -O1 -o "$BATS_FILE_TMPDIR/refuse" "$BATS_TEST_DIRNAME/../refuse/refuse.c"
}

setup() {
	NESTWALK="${NESTWALK:-$BATS_TEST_DIRNAME/../../build/nestwalk}"
	FIXTURES="$BATS_TEST_DIRNAME/../fixtures"
	RUN=$FIXTURES/runs/join-host
	REFUSE=$BATS_FILE_TMPDIR/refuse
}

# Each command with something to do, an argument a line.
commands() {
	cat <<-END
		env --json --root $FIXTURES/machines/intel-ept
		list
		list --counters
		check $RUN
		query $RUN SELECT(1)
		tlb --json $RUN
		merge $RUN $FIXTURES/runs/join-guest -o $BATS_TEST_TMPDIR/merged
		report $RUN -o $BATS_TEST_TMPDIR/report
		export $RUN -o $BATS_TEST_TMPDIR/all.csv
		run -s host -b tlb-reach --rounds 1 --param pages=60 --param page_size=4K -o /proc/nowhere
	END
}

# Check that each command, run with these words before it, exits with 0 or 1, and with 1 says why.
fails_or_not() {
	local words
	while read -r words; do
		rm -rf "$BATS_TEST_TMPDIR/merged" "$BATS_TEST_TMPDIR/report" "$BATS_TEST_TMPDIR/all.csv"
		# shellcheck disable=SC2086 # words
		run --separate-stderr "$@" "$NESTWALK" $words
		[ "$status" -eq 0 ] || { [ "$status" -eq 1 ] && [[ $output$stderr ]]; } || {
			echo "$* nestwalk $words: exit $status, $stderr"
			return 1
		}
	done < <(commands)
}

@test "the commands do their work where nothing fails" {
	local words
	while read -r words; do
		[[ $words != run* ]] || continue
		# shellcheck disable=SC2086 # words
		"$NESTWALK" $words >/dev/null
	done < <(commands)
}

@test "a JSON library without memory is a failure of each command" {
	! grep -q __asan_init "$NESTWALK" || skip "the sanitizers bring an allocator of their own"
	for at in 1 2 7 40 300; do
		fails_or_not env LD_PRELOAD="$BATS_FILE_TMPDIR/short.so" SHORT_OF=libjansson SHORT_AT=$at
	done
	run -1 env LD_PRELOAD="$BATS_FILE_TMPDIR/short.so" SHORT_OF=libjansson SHORT_AT=3 \
		"$NESTWALK" run -s host -b tlb-reach --param pages=60 --rounds 1 -o "$BATS_TEST_TMPDIR/run"
}

@test "a database or a random number generator without memory, too" {
	! grep -q __asan_init "$NESTWALK" || skip "the sanitizers bring an allocator of their own"
	for of in libsqlite3:1 libsqlite3:50 libgsl.:1; do
		fails_or_not env LD_PRELOAD="$BATS_FILE_TMPDIR/short.so" SHORT_OF="${of%:*}" SHORT_AT="${of#*:}"
	done
}

@test "a command line for which there is no memory is not a wrong one" {
	! grep -q __asan_init "$NESTWALK" || skip "the sanitizers bring an allocator of their own"
	for at in 2 3 4; do
		fails_or_not env LD_PRELOAD="$BATS_FILE_TMPDIR/short.so" SHORT_OF=libc.so SHORT_AT=$at
	done
}

@test "an EINVAL or ENOMEM of the kernel is a failure of each command" {
	for call in getdents64 rename sched_getaffinity mkdir; do
		for error in EINVAL ENOMEM ENOTSUP ENODEV; do
			run -1 --separate-stderr "$REFUSE" $call=$error -- "$NESTWALK" run -s host -b tlb-reach --rounds 1 \
				--param pages=60 --param page_size=4K -o "$BATS_TEST_TMPDIR/run-$call-$error"
			[[ $stderr == *"nestwalk: "* ]]
		done
		fails_or_not "$REFUSE" $call=EINVAL --
	done
}

@test "a kernel that does not tell the allowed CPUs is named, and does not keep nestwalk busy for ever" {
	run -1 timeout -s KILL 20 "$REFUSE" sched_getaffinity=EINVAL -- "$NESTWALK" run -s host -b tlb-reach \
		-o "$BATS_TEST_TMPDIR/run"
	[[ $output == *sched_getaffinity* ]]
	run -0 timeout -s KILL 20 "$REFUSE" sched_getaffinity=EPERM -- "$NESTWALK" env
	[[ $output == *sched_getaffinity* ]]
}

@test "a file that is not there is no wrong command line, a parameter is one" {
	run -1 "$NESTWALK" env --root /nowhere
	run -1 "$NESTWALK" env --cpuid /nowhere
	run -1 "$NESTWALK" check /nowhere
	run -2 "$NESTWALK" run --cpu 99999 -o "$BATS_TEST_TMPDIR/run"
	run -2 "$NESTWALK" run --param pages=few -o "$BATS_TEST_TMPDIR/run"
	run -2 "$NESTWALK" env --weather 10s --cpu 99999
	run -2 "$NESTWALK" env --weather 1ns
}

@test "a limit of the address space is named by what it refuses" {
	! grep -q __asan_init "$NESTWALK" || skip "the sanitizers bring an allocator of their own"
	run -0 bash -c 'ulimit -v 300000; exec "$@"' - "$NESTWALK" env
	[[ $output == *"ulimit -v"* ]]
}
