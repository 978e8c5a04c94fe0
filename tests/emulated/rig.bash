# Helpers for the tests in emulated machines; each of these files loads them. A machine is booted once in each file, in
# setup_file, and many tests judge its results.
# shellcheck shell=bash

bats_require_minimum_version 1.5.0

REPOSITORY=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
NESTWALK=$(realpath "${NESTWALK:-$REPOSITORY/build/nestwalk}")
export GUEST=${GUEST:-$REPOSITORY/build/guest}
IMAGE=$GUEST/image
# Use the image of this build, not one that lies beside the program.
export NESTWALK_GUEST_IMAGE=$IMAGE

# Record the exit status and the output, for judge_attempt.
attempt() {
	local status=0
	"$@" >"$BATS_FILE_TMPDIR/said" 2>&1 </dev/null || status=$?
	echo "$status" >"$BATS_FILE_TMPDIR/status"
	return "$status"
}

build_image() {
	command -v qemu-system-x86_64 >/dev/null || { echo "no qemu-system-x86_64 here: scripts/setup guest" && return 77; }
	"$REPOSITORY/guest-images/build" -m kvm-amd -m kvm-intel -p "$NESTWALK" "$IMAGE"
}

# boot_in_both_modes COMMANDS [OPTION OF machine...]: run COMMANDS, a file beside this one, in both paging modes.
boot_in_both_modes() {
	local commands=$1 job=$BATS_FILE_TMPDIR/job
	shift
	mkdir "$job"
	cp "$BATS_TEST_DIRNAME/both-modes" "$job/run"
	cp "$BATS_TEST_DIRNAME/$commands" "$job/commands"
	if attempt build_image; then
		attempt "$BATS_TEST_DIRNAME/machine" "$@" "$IMAGE" "$job" "$BATS_FILE_TMPDIR/results" || true
	fi
}

# For setup, to be called before each test. Skips the test where the machine could not be made. Where the machine did
# not end by itself, the first test fails and shows the reason, and the others are skipped.
judge_attempt() {
	local status
	status=$(cat "$BATS_FILE_TMPDIR/status")
	[ "$status" != 77 ] || skip "$(tail -n 1 "$BATS_FILE_TMPDIR/said")"
	[ "$status" = 0 ] || [ "$BATS_TEST_NUMBER" = 1 ] || skip "the machine did not end by itself"
	cat "$BATS_FILE_TMPDIR/said"
	[ "$status" = 0 ]
}

# The directory of what COMMANDS left in one paging mode.
results() {
	echo "$BATS_FILE_TMPDIR/results/$1"
}

# each_mode TEST...: run TEST with nested and then with shadow as its last argument. (No || here: behind one, a failing
# command in the middle of TEST would be passed over.)
each_mode() {
	for mode in nested shadow; do
		echo "$* $mode"
		"$@" $mode
	done
}

# holds FILE CONDITION...: each jq condition holds of the list of JSON values in FILE. Otherwise show which does not.
holds() {
	local file=$1 condition
	shift
	for condition; do
		jq -se "$condition" "$file" >/dev/null || { echo "not so: $condition" && jq -c 'del(.samples)' "$file" && return 1; }
	done
}

# The words of jq for points: on a busy machine each sample of a point may be disturbed, here too.
JQ='def ok: .status == "ok"; def disturbed: .status == "skipped" and (.reason | startswith("every sample was disturbed"));'

# went_well NAME MODE: nestwalk, as NAME of the commands, measured something, or all that it measured was disturbed.
went_well() {
	local status
	status=$(cat "$(results "$2")/$1.status")
	[ "$status" = 0 ] || { [ "$status" = 77 ] && grep -q "every sample was disturbed" "$(results "$2")/$1.err"; } ||
		{ cat "$(results "$2")/$1.err" && return 1; }
}

# measured FILE SELECTION CONDITION: there are such points, and the condition holds for each that was not disturbed.
measured() {
	holds "$1" "$JQ map(select(($2) and (ok or disturbed))) | length > 0 and all(disturbed or ($3))"
}
