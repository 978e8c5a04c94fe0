#!/usr/bin/env bats
# nestwalk run and list: wrong usage, and the messages for it. Nothing here measures for more than a moment.
# shellcheck disable=SC2154 # $stderr is set by run --separate-stderr

bats_require_minimum_version 1.5.0

setup() {
	NESTWALK=${NESTWALK:-build/nestwalk}
	RUN=$BATS_TEST_TMPDIR/run
}

# Check that the last command was refused: one line on stderr with these words (argp adds one that points to --help).
refused_with() {
	[[ $stderr == *"$1"* ]]
	[ "$(grep -vc -- '--help' <<<"$stderr")" -eq 1 ]
	[ ! -e "$RUN/run.json" ]
}

@test "an unknown bench, setting, effort or parameter is named" {
	run -2 --separate-stderr "$NESTWALK" run -b tlb-rich -o "$RUN"
	refused_with "no bench named 'tlb-rich'"
	run -2 --separate-stderr "$NESTWALK" run -s guests -o "$RUN"
	refused_with "no setting named 'guests'"
	run -2 --separate-stderr "$NESTWALK" run --effort heroic -o "$RUN"
	refused_with "no effort named 'heroic'"
	run -2 --separate-stderr "$NESTWALK" run --param colour=red -o "$RUN"
	refused_with "no bench has a parameter 'colour'"
}

@test "bad values are named, with what would be good ones" {
	run -2 --separate-stderr "$NESTWALK" run --param page_size=3K -o "$RUN"
	refused_with "4K, 2M, 1G"
	run -2 --separate-stderr "$NESTWALK" run --param pages=few -o "$RUN"
	refused_with "'few' is neither a number"
	run -2 --separate-stderr "$NESTWALK" run --param pages -o "$RUN"
	refused_with "NAME=VALUES"
	run -2 --separate-stderr "$NESTWALK" run --seed -1 -o "$RUN"
	refused_with "--seed wants a whole number"
	run -2 --separate-stderr "$NESTWALK" run --seed 12x -o "$RUN"
	refused_with "--seed wants a whole number"
	run -2 --separate-stderr "$NESTWALK" run tlb-reach -o "$RUN"
	refused_with "did you mean -b tlb-reach"
	for rounds in 0 -1 1.5 many 100001; do
		run -2 --separate-stderr "$NESTWALK" run --rounds $rounds -o "$RUN"
		refused_with "--rounds wants a whole number from 1 to 100000, not '$rounds'"
	done
}

@test "a CPU that may not be used is refused, and those that may are named" {
	run -2 --separate-stderr "$NESTWALK" run --cpu 99999 -o "$RUN"
	refused_with "99999"
	run -2 --separate-stderr "$NESTWALK" run --cpu one -o "$RUN"
	refused_with "--cpu wants a whole number"
}

@test "a combination that only a guest can have is refused on a host" {
	run -2 --separate-stderr "$NESTWALK" run -s host --param page_size=4K --param backing=2M-thp -o "$RUN"
	refused_with "nothing to measure"
}

@test "parameters that no bench has together, or in this setting, are refused" {
	run -2 --separate-stderr "$NESTWALK" run --param stride=1 --param distance=2M -o "$RUN"
	refused_with "no bench has all these parameters"
	run -2 --separate-stderr "$NESTWALK" run -s host --param flush=cr3 -o "$RUN"
	refused_with "no bench has all these parameters"
	# Two benches have a parameter `kind`, and the one of this setting does not have this value.
	run -2 --separate-stderr "$NESTWALK" run -s host --param kind=guest-warm -o "$RUN"
	refused_with "'guest-warm' is none of anon-write"
}

@test "where several benches have a parameter, those that take its value run" {
	run --separate-stderr "$NESTWALK" run -s host --effort quick --rounds 1 --param kind=upgrade \
		--param region=2M -o "$RUN"
	[ "$(jq -c .benches "$RUN/run.json")" = '["fault-storm"]' ]
}

@test "a place that cannot be written is one line, and exit code 1" {
	run -1 --separate-stderr "$NESTWALK" run -o /dev/null/run
	refused_with "cannot make the directory /dev/null"
	run -1 --separate-stderr "$NESTWALK" run -o /proc/nestwalk-run
	refused_with "cannot make the directory /proc/nestwalk-run"
}

@test "a directory that holds a run is not written over" {
	mkdir "$RUN"
	echo '{}' >"$RUN/points.jsonl"
	run -1 --separate-stderr "$NESTWALK" run -o "$RUN"
	refused_with "holds a run already"
	[ "$(cat "$RUN/points.jsonl")" = '{}' ]
}

@test "list names benches, parameters, settings and efforts" {
	run -0 "$NESTWALK" list
	[[ $output == *tlb-reach* ]]
	[[ $output == *"--param page_size"* ]]
	[[ $output == *"host vcpu"* ]]
	[[ $output == *"--effort quick"* ]]
}

@test "list --json is JSON" {
	"$NESTWALK" list --json | jq -e '.[] | select(.name == "tlb-reach") | .params | map(.name) | index("pages")'
}

@test "list takes no arguments" {
	run -2 "$NESTWALK" list everything
}
