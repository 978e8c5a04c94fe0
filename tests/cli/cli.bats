#!/usr/bin/env bats
# What every subcommand has in common: help, version, usage errors and exit codes. Measures nothing.

setup() {
	nestwalk=${NESTWALK:-build/nestwalk}
}

@test "without arguments: usage on stderr, exit 2" {
	run bash -c "'$nestwalk' 2>&1 >/dev/null"
	[ "$status" -eq 2 ]
	[[ "$output" == Usage:* ]]
}

@test "--help names every subcommand, on stdout" {
	for flag in --help -h help; do
		run bash -c "'$nestwalk' $flag 2>/dev/null"
		[ "$status" -eq 0 ]
		for command in env list run tlb query export report merge check; do
			grep -qE "^  $command +[a-z]" <<<"$output"
		done
	done
}

@test "--version is one line: name and number" {
	for flag in --version -V; do
		run "$nestwalk" $flag
		[ "$status" -eq 0 ]
		[[ "$output" =~ ^nestwalk\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	done
}

@test "an unknown command is named, and --help pointed to: exit 2" {
	run "$nestwalk" rnu
	[ "$status" -eq 2 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ "$output" == *"'rnu'"*"--help"* ]]
}

@test "each subcommand has --help, --usage and --version" {
	for command in env list run tlb query export report merge check; do
		run "$nestwalk" $command --help
		[ "$status" -eq 0 ]
		[[ "${lines[0]}" == "Usage: nestwalk $command"* ]]
		run "$nestwalk" $command --usage
		[ "$status" -eq 0 ]
		run "$nestwalk" $command --version
		[ "$status" -eq 0 ]
		[[ "$output" == nestwalk\ * ]]
	done
}

@test "each subcommand refuses an unknown option: exit 2, and says how to get help" {
	for command in env list run tlb query export report merge check; do
		run "$nestwalk" $command --no-such-option
		[ "$status" -eq 2 ]
		[[ "$output" == *"no-such-option"* ]]
		[[ "$output" == *"nestwalk $command --help"* ]]
	done
}

@test "subcommands that read a run want one: exit 2" {
	for command in tlb report check; do
		run "$nestwalk" $command
		[ "$status" -eq 2 ]
	done
}

@test "subcommands without operands refuse one: exit 2" {
	for command in env list run; do
		run "$nestwalk" $command surplus
		[ "$status" -eq 2 ]
	done
}

@test "a run that is not there is one line on stderr: exit 1" {
	for command in tlb report check; do
		run bash -c "'$nestwalk' $command '$BATS_TEST_TMPDIR/nowhere' 2>&1 >/dev/null"
		[ "$status" -eq 1 ]
		[ "${#lines[@]}" -eq 1 ]
		[[ "$output" == nestwalk*"$BATS_TEST_TMPDIR/nowhere"* ]]
	done
}

@test "output that cannot be written is an error, not silence" {
	[ -w /dev/full ] || skip "no /dev/full here"
	for command in "env" "list" "--version" "--help"; do
		run bash -c "'$nestwalk' $command >/dev/full"
		[ "$status" -eq 1 ]
	done
}

@test "the man page describes every subcommand and every long option" {
	page=$BATS_TEST_DIRNAME/../../docs/nestwalk.1
	for command in env list run tlb query export report check; do
		grep -q "^\.SS nestwalk $command" "$page"
		for option in $("$nestwalk" $command --help | grep -oE -- '--[a-z][a-z-]+' | sort -u); do
			case $option in --help | --usage | --version) continue ;; esac
			grep -qF -- "${option//-/\\-}" "$page" || { echo "$command $option is not in the man page" && false; }
		done
	done
}

@test "the program is built so that a mistake in it is hard to exploit" {
	program=${NESTWALK:-$BATS_TEST_DIRNAME/../../build/nestwalk}
	[[ $program != *sanitize* ]] || skip "the sanitizers find mistakes in their own way"
	readelf -d "$program" | grep -q BIND_NOW
	readelf -l "$program" | grep -q GNU_RELRO
	readelf -h "$program" | grep -q 'DYN (Position-Independent Executable file)'
	# The stack is not executable.
	readelf -lW "$program" | grep GNU_STACK | grep -q 'RW '
	readelf --dyn-syms -W "$program" | grep -q __stack_chk_fail
	readelf --dyn-syms -W "$program" | grep -q __snprintf_chk
}
