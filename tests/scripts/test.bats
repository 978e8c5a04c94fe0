#!/usr/bin/env bats
# scripts/test, on programs that pass, fail, crash, are skipped and stop half way: nothing gets lost in the count.

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
