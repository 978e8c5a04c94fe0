#!/usr/bin/env bats
# A run with a Linux guest from end to end, on this machine, under QEMU's emulator: everything but KVM. Its times are the
# emulator's, and each test here is about how that is said.
# shellcheck disable=SC2030,SC2031 # each test has an environment of its own

load rig

# The kernel command line word by which the guests of this file are found.
MARK=nestwalk-test-$BATS_ROOT_PID

# run_guest NAME ARGUMENT...: of it there are NAME (the run directory), NAME.out, NAME.err, NAME.status.
run_guest() {
	local name=$BATS_FILE_TMPDIR/$1 status=0
	shift
	"$NESTWALK" run --accel tcg --effort quick --rounds 2 --guest-append "$MARK" -o "$name" "$@" >"$name.out" 2>"$name.err" </dev/null ||
		status=$?
	echo $status >"$name.status"
}

# Send SIGINT as a person at a terminal would, once points have been measured.
interrupt_guest() {
	local name=$BATS_FILE_TMPDIR/interrupted process status=0
	"$NESTWALK" run --accel tcg --rounds 100000 --guest-append "$MARK" -o "$name" -s guest -b tlb-reach \
		--param page_size=4K --param stride=1 --param pages=8,64 >"$name.out" 2>"$name.err" </dev/null &
	process=$!
	for _ in $(seq 1200); do
		grep -q "guest: measuring" "$name.err" && break
		kill -0 $process || break
		sleep 0.1
	done
	sleep 2
	# (A process in the background of a script ignores SIGINT until it asks for it, as nestwalk does.)
	kill -INT $process || true
	wait $process || status=$?
	echo $status >"$name.status"
}

setup_file() {
	if attempt build_image; then
		run_guest both -s "host,guest" -b "tlb-reach,fault-storm" --param page_size=4K --param stride=1 --param pages=8,64 \
			--param kind=anon-write --param actors=1 --param region=4M
		interrupt_guest
	fi
}

setup() {
	judge_attempt
	export NESTWALK_PLOTS=$REPOSITORY/plots
	both=$BATS_FILE_TMPDIR/both interrupted=$BATS_FILE_TMPDIR/interrupted
}

# points SETTING CONDITION...: there are points of that setting, and each condition holds of all.
points() {
	local setting=$1 condition
	shift
	for condition; do
		holds "$both/points.jsonl" "map(select(.setting == \"$setting\")) | length > 0 and all($condition)"
	done
}

@test "a guest boots, measures what its host does, and brings it home" {
	[ "$(cat "$both.status")" = 0 ] || { cat "$both.err" "$both"/guest/*.log && return 1; }
	"$NESTWALK" check "$both"
	"$NESTWALK" check "$both/guest/results/run"
	holds "$both/run.json" '.[0] | .state == "complete" and (.guests | length) == 1' '.[0].guests[0].status == "ok"'
	# Host and guest have the same points.
	[ "$(jq -c 'select(.setting == "host") | [.bench, .params]' "$both/points.jsonl" | sort)" = \
		"$(jq -c 'select(.setting == "guest") | [.bench, .params]' "$both/points.jsonl" | sort)" ]
	holds "$both/points.jsonl" "$JQ map(select(.setting == \"guest\")) | length > 0 and all(ok or disturbed)"
	# The guest has as many rounds as the host.
	holds "$both/guest/results/run/run.json" '.[0].rounds == 2'
}

@test "a run under an emulator says so at every point, and in its facts" {
	points guest '.paging == "software" and .accel == "tcg" and (.outer | startswith("QEMU TCG"))'
	points host '.paging == "native" and .accel == null and (.outer | startswith("QEMU TCG") | not)'
	holds "$both/run.json" '.[0].guests[0].facts | .shape.accel == "tcg" and .kvm == null and (.kvm_reason | length) > 0' \
		'.[0].guests[0].facts | .guest_faults > 5000 and .memory.mapped_bytes > 64 * 1048576'
	holds "$both/guest/results/run/run.json" '.[0].guest.paging == "software"'
}

# host_was_measured TABLE: there is a point of the host for it.
host_was_measured() {
	local bench=fault-storm
	[[ $1 != tlb-reach-* ]] || bench=tlb-reach
	jq -se ".[] | select(.setting == \"host\" and .bench == \"$bench\" and .status == \"ok\")" "$both/points.jsonl" >/dev/null
}

@test "the report draws no time of an emulator beside the processor's" {
	local table
	"$NESTWALK" report "$both"
	grep -q 'points were measured on an emulated machine' "$both/report/report.md"
	for table in tlb-reach-4K-stride1 storm-costs storm-rates storm-latencies; do
		# Where all of a host's samples were disturbed, it has no row, and there may be no table.
		[ -e "$both/report/$table.tsv" ] || ! host_was_measured "$table" || return 1
		[ -e "$both/report/$table.tsv" ] || continue
		! host_was_measured "$table" || grep -qw host "$both/report/$table.tsv"
		run ! grep -E 'guest|software|emulat' "$both/report/$table.tsv"
	done
	run ! grep -l '>guest' "$both"/report/*.svg
}

@test "the console says nothing while the guest measures, and is kept" {
	[ -e "$both/guest/console.log" ]
	[ -e "$both/guest/qemu.log" ]
	[ "$(grep -vc 'Power down' "$both/guest/console.log")" -eq 0 ] || { cat "$both/guest/console.log" && return 1; }
	grep -q 'points measured' "$both/guest/results/job.log"
	[ -s "$both/guest/results/kernel" ]
}

@test "Ctrl-C brings home what the guest has measured" {
	[ "$(cat "$interrupted.status")" = 1 ] || { cat "$interrupted.err" "$interrupted"/guest/*.log && return 1; }
	grep -q 'interrupted; what was measured is kept' "$interrupted.err"
	"$NESTWALK" check "$interrupted"
	holds "$interrupted/run.json" '.[0].state == "interrupted"' \
		'.[0].guests[0] | .status == "error" and (.reason | test("interrupted"))'
	holds "$interrupted/points.jsonl" 'length > 0' 'all(.setting == "guest" and .final)'
}

@test "no emulator is left" {
	run ! pgrep -f "qemu-system.*$MARK"
}
