# Helpers for the tests that measure. Each run measures a fixed number of rounds and has no time limit, so that no test
# depends on the speed of the machine. On a busy machine every sample of a point may be disturbed, retakes included.
# Such a point is skipped with that reason, and tests do not check it like a measured point.
# shellcheck shell=bash disable=SC2034,SC2154 # used in the tests; $status, $output and $stderr are set by run

bats_require_minimum_version 1.5.0

# The reason of a point whose samples were all disturbed, and the message of a run that has no other points.
DISTURBED="every sample was disturbed"
# jq definitions for conditions.
JQ='def ok: .status == "ok"; def disturbed: .status == "skipped" and (.reason | startswith("every sample was disturbed"));'

# Enough for an interval, a pair of samples and a median.
ROUNDS=(--effort quick --rounds 3)

setup() {
	NESTWALK=${NESTWALK:-build/nestwalk}
	RUN=$BATS_TEST_TMPDIR/run
}

# Number of points for which a jq condition holds.
points() {
	jq -s "$JQ map(select($1)) | length" "$RUN/points.jsonl"
}

# Whether a jq condition holds for each point; those for which it does not are printed.
every() {
	jq -es "$JQ map(select($1 | not) | del(.samples)) | . == [] or (tostring | halt_error)" "$RUN/points.jsonl"
}

# Whether a jq condition holds for each point that was measured.
every_ok() {
	every "(ok | not) or ($1)"
}

# have NUMBER CONDITION: at least NUMBER points for which CONDITION holds were measured or disturbed.
have() {
	[ "$(points "($2) and (ok or disturbed)")" -ge "$1" ] || { echo "fewer than $1 points: $2" && false; }
}

# Check that the last `run` of nestwalk measured points, or that all of them were disturbed.
went_well() {
	[ "$status" -eq 0 ] || { [ "$status" -eq 77 ] && [[ $output$stderr == *"$DISTURBED"* ]]; }
}

# Check that the run is valid, has no error, and gives a reason for each point without numbers.
is_sound() {
	"$NESTWALK" check "$RUN"
	every '.status != "error"'
	every 'ok or (.reason | length > 0)'
}

# Check that all points were measured, except those that were disturbed.
is_whole() {
	is_sound
	every 'ok or disturbed'
}

# measure ARGUMENT...: a short run into $RUN, which must succeed and be sound.
measure() {
	run --separate-stderr "$NESTWALK" run "${ROUNDS[@]}" -o "$RUN" "$@"
	went_well
	is_sound
}

# Skip a test that compares points with one another where one of them was disturbed.
need_whole() {
	[ "$(points disturbed)" -eq 0 ] || skip "the machine is too busy: a point was disturbed"
}

need_kvm() {
	[[ -r /dev/kvm && -w /dev/kvm ]] || skip "no usable /dev/kvm"
}

# until_so COMMAND...: wait until it succeeds, for as long as a very busy machine may need.
until_so() {
	for _ in $(seq 1200); do
		! "$@" || return 0
		sleep 0.1
	done
	echo "waited in vain: $*"
	return 1
}

# Whether a file has at least that many lines.
has_lines() {
	[ -e "$1" ] && [ "$(wc -l <"$1")" -ge "$2" ]
}

# A CPU that this shell may use.
one_cpu() {
	taskset -pc $$ | sed 's/.*: *\([0-9]*\).*/\1/'
}

# Make a memory cgroup with this limit, as $group; teardown removes it.
make_group() {
	[ "$(id -u)" -eq 0 ] || skip "needs root to make a cgroup"
	! grep -q __asan_init "$NESTWALK" || skip "the sanitizers' own memory is more than the limit"
	group=/sys/fs/cgroup/memory/nestwalk-test.$$
	[ -d /sys/fs/cgroup/memory ] || group=/sys/fs/cgroup/nestwalk-test.$$
	mkdir "$group" 2>/dev/null || skip "cannot make a memory cgroup here"
	limit=$group/memory.max
	[ -e "$limit" ] || limit=$group/memory.limit_in_bytes
	echo "$1" >"$limit" 2>/dev/null || skip "cannot limit a memory cgroup here"
}

# Run a command in that cgroup.
in_group() {
	bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" "$@"
}

# Describe a run for the reader of a failed test: its state, the points without numbers and the reasons, and how many
# times each reason was given.
tell_run() {
	echo "--- $1: $(jq -r '"state \(.state), \(.reason // "no reason"), rounds \(.rounds)"' "$1/run.json" 2>&1)"
	jq -r '.status + if .status == "ok" then "" else
		": \(.bench) \(.setting) \(.params | tojson): \(.reason)" end' "$1/points.jsonl" 2>&1 | sort | uniq -c | head -n 60
}

# bats prints this only where the test failed.
teardown() {
	[ -z "${group:-}" ] || rmdir "$group"
	[ -z "${BATS_TEST_COMPLETED:-}${BATS_TEST_SKIPPED:-}" ] || return 0
	echo "--- last status ${status:-none}, output: ${output-} ${stderr-}" | tail -n 15
	for about in "$BATS_TEST_TMPDIR"/*/run.json "$BATS_FILE_TMPDIR"/*/run.json; do
		[ ! -e "$about" ] || tell_run "${about%/run.json}"
	done
}
