#!/usr/bin/env bats
# scripts/test, on programs that pass, fail, crash, are skipped and stop half way: nothing gets lost in the count.

bats_require_minimum_version 1.5.0

setup() {
	test=$BATS_TEST_DIRNAME/../../scripts/test
	cd "$BATS_TEST_TMPDIR" || return
}

# program NAME SCRIPT
program() {
	printf '#!/bin/sh\n%s\n' "$2" >"$1"
	chmod +x "$1"
}

# totals PASSED FAILED SKIPPED: what the last line must be.
totals() {
	[ "${lines[-1]}" = "$1 passed, $2 failed, $3 skipped" ] || { echo "$output" && false; }
}

@test "TAP is counted test by test" {
	program ./tap 'echo 1..3; echo "ok 1 - a"; echo "ok 2 - b"; echo "ok 3 c # skip no kvm"'
	run "$test" ./tap
	[ "$status" -eq 0 ]
	totals 2 0 1
	[[ "$output" == *"skipped: c # skip no kvm"* ]]
}

@test "cmocka's way to say skipped is no failure" {
	program ./tap 'echo 1..2; echo "not ok 1 # SKIP a"; echo "ok 2 - b"'
	run "$test" ./tap
	[ "$status" -eq 0 ]
	totals 1 0 1
}

@test "a failure shows what the program said" {
	program ./tap 'echo 1..2; echo "ok 1 - a"; echo "not ok 2 - b"; echo "# 3 != 4"; exit 1'
	run "$test" ./tap
	[ "$status" -eq 1 ]
	totals 1 1 0
	[[ "$output" == *"# 3 != 4"* ]]
}

@test "a crash is a failure, even behind tests that passed" {
	program ./crash 'echo 1..2; echo "ok 1 - a"; echo "ok 2 - b"; kill -ABRT $$'
	run "$test" ./crash
	[ "$status" -eq 1 ]
	totals 2 1 0
	[[ "$output" == *"exit status 134"* ]]
}

@test "tests that did not run are a failure" {
	program ./short 'echo 1..3; echo "ok 1 - a"'
	run "$test" ./short
	[ "$status" -eq 1 ]
	totals 1 1 0
	[[ "$output" == *"2 of 3 tests did not run"* ]]
}

@test "a plain program is one test; 77 is skipped with its last line as the reason" {
	program ./good 'exit 0'
	program ./bad 'exit 1'
	program ./none 'echo looking; echo no /dev/kvm here; exit 77'
	run "$test" ./good ./bad ./none
	[ "$status" -eq 1 ]
	totals 1 1 1
	[[ "$output" == *"skipped: no /dev/kvm here"* ]]
}

@test "a program that is not there is a failure" {
	run "$test" ./nowhere
	[ "$status" -eq 1 ]
	totals 0 1 0
}

@test "nothing but skips is no success" {
	program ./none 'exit 77'
	run "$test" ./none
	[ "$status" -eq 1 ]
	totals 0 0 1
}

@test "NAME=VALUE reaches the programs after it" {
	program ./see '[ "$COLOUR" = blue ]'
	run "$test" COLOUR=red ./see COLOUR=blue ./see
	totals 1 1 0
}

@test "programs run side by side, and their results come in the order in which they were named" {
	# The first program waits for the second, so both must run at the same time.
	program ./first 'echo 1..1; for _ in $(seq 600); do [ -e second-ran ] && break; sleep 0.1; done; [ -e second-ran ] && echo "ok 1 - a"'
	program ./second ': >second-ran; echo 1..2; echo "not ok 1 - b"; echo "# it broke"; echo "ok 2 - c"; exit 1'
	program ./third 'exit 0'
	JOBS=2 run "$test" ./first ./second ./third
	[ "$status" -eq 1 ]
	totals 3 1 0
	[[ "${lines[0]}" == "pass  ./first "* ]]
	[[ "${lines[1]}" == "FAIL  ./second "* ]]
	[[ "${lines[2]}" == *"not ok 1 - b" ]]
	[[ "${lines[3]}" == *"# it broke" ]]
	[[ "${lines[4]}" == "pass  ./third "* ]]
}

@test "JOBS=1 and -j 1 run one program at a time, and -j waits for those before it" {
	program ./alone 'mkdir lock || exit 1; sleep 0.2; rmdir lock'
	ln -s alone b
	ln -s alone c
	JOBS=1 run "$test" ./alone ./b ./c
	totals 3 0 0
	JOBS=3 run "$test" ./alone -j 1 ./b ./c ./alone
	totals 4 0 0
	run "$test" -j none ./alone
	[ "$status" -eq 2 ]
}

@test "a program that hangs is stopped and is a failure, and those beside it are counted" {
	program ./hangs 'echo 1..2; echo "ok 1 - a"; exec sleep 1000'
	program ./good 'exit 0'
	LIMIT_S=2 JOBS=2 run "$test" ./hangs ./good ./good
	[ "$status" -eq 1 ]
	totals 3 1 0
	[[ "$output" == *"stopped after 2 s"* ]]
}

@test "a signal that stops it stops the programs, and nothing is left behind" {
	export TMPDIR=$BATS_TEST_TMPDIR/tmp
	mkdir "$TMPDIR"
	program ./hangs 'echo $$ >>pids; exec sleep 1000'
	JOBS=2 "$test" ./hangs ./hangs &
	until [ "$(sort -u pids 2>/dev/null | wc -l)" -eq 2 ]; do sleep 0.1; done
	kill -TERM $!
	wait $! || true
	while read -r pid; do run ! kill -0 "$pid"; done <pids
	[ -z "$(ls -A "$TMPDIR")" ]
}
