#!/usr/bin/env bats
# tests/busy: the command runs beside the load, its exit status comes out, and no load is left.

bats_require_minimum_version 1.5.0

setup() {
	busy=$BATS_TEST_DIRNAME/../busy
	cd "$BATS_TEST_TMPDIR" || return
}

# Processes of the session that a command leads.
left() {
	ps -o pid= -s "$1" | wc -l
}

@test "a command runs beside five others, which end with it" {
	run -3 setsid --wait "$busy" sh -c 'echo $PPID >session; pgrep -P $PPID >children; exit 3'
	# The command is one of them.
	[ "$(wc -l <children)" -eq 6 ]
	[ "$(left "$(cat session)")" -eq 0 ]
}

@test "the load ends even where the script is killed" {
	setsid "$busy" sh -c 'echo $PPID >session; mv session begun; exec sleep 2' &
	until [ -e begun ]; do sleep 0.1; done
	kill -KILL "$(cat begun)"
	for _ in $(seq 600); do
		[ "$(left "$(cat begun)")" -gt 0 ] || break
		sleep 0.1
	done
	[ "$(left "$(cat begun)")" -eq 0 ]
}

@test "without a command: usage, exit 2" {
	run -2 "$busy"
	[[ $output == Usage:* ]]
}
