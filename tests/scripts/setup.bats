#!/usr/bin/env bats
# scripts/setup against fake package managers that only record their arguments.

# A PATH with the few tools that setup itself uses, so that everything else is missing.
setup() {
	setup=$BATS_TEST_DIRNAME/../../scripts/setup
	bin=$BATS_TEST_TMPDIR/bin
	asked=$BATS_TEST_TMPDIR/asked
	mkdir "$bin"
	touch "$asked"
	for tool in cat env grep head ln mktemp rm sh true; do
		ln -s "$(type -P $tool)" "$bin/"
	done
	fake id 'echo 0'
}

# fake NAME SCRIPT: a command that writes its name and arguments down, then does SCRIPT.
fake() {
	printf '#!/bin/sh\necho "%s $*" >>"%s"\n%s\n' "$1" "$asked" "$2" >"$bin/$1"
	chmod +x "$bin/$1"
}

run_setup() {
	run env -i PATH="$bin" TMPDIR="$BATS_TEST_TMPDIR" "$setup" "$@" </dev/null
}

@test "wrong usage: exit 2" {
	run_setup --no-such-option
	[ "$status" -eq 2 ]
	[[ "$output" == Usage:* ]]
}

@test "where everything is there, nothing is said or asked for" {
	# This machine has all that the tests need, or they would not run.
	run "$setup" build test
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "--check says what is missing and how to get it, and asks for nothing" {
	fake apt-get 'exit 0'
	run_setup --check build
	[ "$status" -eq 1 ]
	[[ "$output" == *"jansson.h"* ]]
	[[ "$output" == *"apt-get install -y --no-install-recommends gcc "*" libjansson-dev "* ]]
	[ "$(grep -c apt-get "$asked")" -eq 0 ]
}

@test "apt-get: lists are refreshed only after installing failed, then it is tried once more" {
	fake apt-get 'case "$*" in *install*) echo "E: no such package"; exit 100 ;; esac'
	run_setup lint
	[ "$status" -eq 1 ]
	[ "$(grep -c 'apt-get.* install .* cppcheck' "$asked")" -eq 2 ]
	[ "$(grep -c 'apt-get.* update' "$asked")" -eq 1 ]
	[[ "$output" == *"E: no such package"* ]]
	[[ "$output" == *"apt-get update && apt-get install -y"* ]]
}

@test "a package manager that installs nothing is not believed" {
	fake apt-get 'exit 0'
	run_setup lint
	[ "$status" -eq 1 ]
	[[ "$output" == *"not all is there"*"missing: clang-format cppcheck"* ]]
}

@test "an installed package is found" {
	for command in clang-format cppcheck groff; do
		fake $command ''
	done
	fake apt-get 'ln -s apt-get "${0%/*}/shellcheck"'
	run_setup lint
	[ "$status" -eq 0 ]
	grep -qE 'apt-get .*install -y --no-install-recommends shellcheck$' "$asked"
}

@test "dnf and pacman are asked for their own names" {
	fake dnf 'exit 1'
	run_setup test
	[ "$status" -eq 1 ]
	grep -qE '^dnf .*install .*libcmocka-devel' "$asked"
	rm "$bin/dnf"
	fake pacman 'exit 1'
	run_setup test
	[ "$status" -eq 1 ]
	grep -qE '^pacman -S .*cmocka bats jq' "$asked"
}

@test "not root: sudo where it asks no password, otherwise the command for a person" {
	fake id 'echo 1000'
	fake apt-get 'exit 100'
	run_setup lint
	[ "$status" -eq 1 ]
	[[ "$output" == *"no sudo"*"missing: clang-format"* ]]
	fake sudo 'exit 1'
	run_setup lint
	[ "$status" -eq 1 ]
	[[ "$output" == *"password"*"sudo apt-get install -y"* ]]
	[ "$(grep -c "^apt-get" "$asked")" -eq 0 ]
	fake sudo 'shift; exec "$@"'
	run_setup lint
	grep -q '^sudo -n .*apt-get .*install' "$asked"
	grep -q '^apt-get .*install' "$asked"
}

@test "an unknown distribution: the needed packages are named" {
	run_setup build
	[ "$status" -eq 1 ]
	[[ "$output" == *"no apt-get, dnf or pacman"*"jansson.h"*"libjansson-dev"* ]]
}
