# What the tests that measure share. Each run measures so many rounds and has no limit of time, so that no test depends on
# how fast the machine is. On a busy machine each sample of a point may be disturbed, retakes included: such a point is
# skipped and says so, which is an answer, and what a test wants of a measured point it does not want of that one.
# shellcheck shell=bash disable=SC2034,SC2154 # used in the tests; $status, $output and $stderr are set by run

bats_require_minimum_version 1.5.0

# The words of a point whose samples were all disturbed, and of a run that has no other points.
DISTURBED="every sample was disturbed"
# An unquestioned jq vocabulary for conditions.
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

# Whether it holds for each point that was measured.
every_ok() {
	every "(ok | not) or ($1)"
}

# have NUMBER CONDITION: there are so many points of that kind, at least, that were measured or disturbed.
have() {
	[ "$(points "($2) and (ok or disturbed)")" -ge "$1" ] || { echo "fewer than $1 points: $2" && false; }
}

# The last `run` of nestwalk measured something, or all that it measured was disturbed.
went_well() {
	[ "$status" -eq 0 ] || { [ "$status" -eq 77 ] && [[ $output$stderr == *"$DISTURBED"* ]]; }
}

# The run is valid, has no error, and says why a point has no numbers.
is_sound() {
	"$NESTWALK" check "$RUN"
	every '.status != "error"'
	every 'ok or (.reason | length > 0)'
}

# All points were measured, but for those that were disturbed.
is_whole() {
	is_sound
	every 'ok or disturbed'
}

# measure ARGUMENT...: a short run into $RUN, which must go well and be sound.
measure() {
	run --separate-stderr "$NESTWALK" run "${ROUNDS[@]}" -o "$RUN" "$@"
	went_well
	is_sound
}

# Skip what compares points with one another where one of them was disturbed.
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

# A file has at least so many lines.
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

# Run a command in it.
in_group() {
	bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" "$@"
}

# What somebody who reads that a test failed wants to know of a run: its state, the points that have no numbers and why,
# and how many times each reason was given.
tell_run() {
	echo "--- $1: $(jq -r '"state \(.state), \(.reason // "no reason"), rounds \(.rounds)"' "$1/run.json" 2>&1)"
	jq -r '.status + if .status == "ok" then "" else
		": \(.bench) \(.setting) \(.params | tojson): \(.reason)" end' "$1/points.jsonl" 2>&1 | sort | uniq -c | head -n 60
}

# Printed by bats only where the test failed.
teardown() {
	[ -z "${group:-}" ] || rmdir "$group"
	[ -z "${BATS_TEST_COMPLETED:-}${BATS_TEST_SKIPPED:-}" ] || return 0
	echo "--- last status ${status:-none}, output: ${output-} ${stderr-}" | tail -n 15
	for about in "$BATS_TEST_TMPDIR"/*/run.json "$BATS_FILE_TMPDIR"/*/run.json; do
		[ ! -e "$about" ] || tell_run "${about%/run.json}"
	done
}
