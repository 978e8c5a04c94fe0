#!/usr/bin/env bats
# scripts/setup against fake package managers that only record their arguments.

# A PATH with the few tools that setup itself uses, so that everything else is missing.
setup() {
	setup=$BATS_TEST_DIRNAME/../../scripts/setup
	bin=$BATS_TEST_TMPDIR/bin
	asked=$BATS_TEST_TMPDIR/asked
	mkdir "$bin"
	touch "$asked"
	for tool in cat env grep head ln mktemp rm sed sh true; do
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
	run env -i PATH="$bin" TMPDIR="$BATS_TEST_TMPDIR" OS_RELEASE="$BATS_TEST_TMPDIR/os-release" "$setup" "$@" </dev/null
}

# distribution LINE...: an /etc/os-release.
distribution() {
	printf '%s\n' "$@" >"$BATS_TEST_TMPDIR/os-release"
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
	distribution ID=fedora VERSION_ID=40
	fake dnf 'exit 1'
	run_setup test
	[ "$status" -eq 1 ]
	grep -qE '^dnf .*install .*libcmocka-devel' "$asked"
	rm "$bin/dnf" "$BATS_TEST_TMPDIR/os-release"
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
	[[ "$output" == *"no apt-get, dnf, pacman, zypper or apk"*"jansson.h"*"libjansson-dev"* ]]
}

@test "each distribution has its own names, and one command installs them" {
	local one name manager
	for one in 'ID=debian:apt-get:apt-get update && apt-get install -y --no-install-recommends qemu-system-x86 busybox-static' \
		'ID=ubuntu;ID_LIKE=debian:apt-get:qemu-system-x86 busybox-static' \
		'ID=linuxmint;ID_LIKE="ubuntu debian":apt-get:qemu-system-x86 busybox-static' \
		'ID=fedora:dnf:dnf install -y qemu-system-x86-core busybox' \
		'ID=nobara;ID_LIKE=fedora:dnf:qemu-system-x86-core busybox' \
		'ID=arch:pacman:pacman -Sy --needed qemu-system-x86 busybox' \
		'ID=manjaro;ID_LIKE=arch:pacman:qemu-system-x86 busybox' \
		'ID="opensuse-tumbleweed";ID_LIKE="opensuse suse":zypper:zypper install -y --no-recommends qemu-x86 busybox-static' \
		'ID=sles;ID_LIKE=suse:zypper:qemu-x86 busybox-static' \
		'ID=alpine:apk:apk add qemu-system-x86_64 busybox-static'; do
		IFS=: read -r name manager words <<<"$one"
		tr ';' '\n' <<<"$name" >"$BATS_TEST_TMPDIR/os-release"
		fake "$manager" 'exit 1'
		run_setup --check guest
		rm "$bin/$manager"
		[ "$status" -eq 1 ]
		[[ "$output" == *"$words"* ]]
		# One line is a command.
		[ "$(grep -c '^  ' <<<"$output")" -eq 1 ]
	done
}

@test "RHEL and its kin: their repositories, and what has no package" {
	local one
	fake dnf 'exit 1'
	for one in rhel:'subscription-manager repos --enable codeready-builder-for-rhel-9-x86_64-rpms' centos:'set-enabled crb' \
		rocky:'install -y epel-release' almalinux:'set-enabled crb' ol:'oracle-epel-release-el9'; do
		distribution "ID=${one%%:*}" 'ID_LIKE="rhel fedora"' VERSION_ID=9.4
		run_setup --check guest
		[ "$status" -eq 1 ]
		[[ "$output" == *"${one#*:}"*"dnf install -y qemu-kvm-core cpio"* ]]
		[[ "$output" == *"no package of these:"*"busybox: put a static one in PATH"* ]]
		[ "$(grep -c 'dnf install.* busybox' <<<"$output")" -eq 0 ]
	done
	distribution ID=rocky VERSION_ID=8.10
	run_setup --check build
	[[ "$output" == *powertools*"jansson-devel"*"cmark-gfm.h: build https://"* ]]
}

@test "RHEL: where installing fails, EPEL and CRB are turned on and it is tried again" {
	distribution ID=centos VERSION_ID=9
	fake dnf 'case "$*" in *cppcheck*) [ -e "${0%/*}/epel" ] || exit 1 ;; *epel-release*) : >"${0%/*}/epel" ;; esac'
	run_setup lint
	grep -q '^dnf install -y epel-release' "$asked"
	[ "$(grep -c 'install .*cppcheck' "$asked")" -eq 2 ]
}

@test "sudo takes the one command of RHEL as a whole" {
	distribution ID=centos VERSION_ID=9
	fake dnf 'exit 1'
	fake id 'echo 1000'
	fake sudo 'exit 1'
	run_setup lint
	[ "$status" -eq 1 ]
	[[ "$output" == *"sudo sh -c 'dnf install -y epel-release"*"cppcheck"*"'"* ]]
}

@test "an unknown distribution that says nothing of itself goes by its package manager" {
	for one in dnf:qemu-kvm-core pacman:qemu-system-x86 zypper:qemu-x86 apk:qemu-system-x86_64 microdnf:qemu-kvm-core; do
		distribution ID=somebodys
		fake "${one%%:*}" 'exit 1'
		run_setup --check guest
		rm "$bin/${one%%:*}"
		[[ "$output" == *"${one#*:} "* ]]
	done
}

@test "nothing is written to a directory for temporary files" {
	fake apt-get 'exit 100'
	run env -i PATH="$bin" TMPDIR=/nonexistent "$setup" lint </dev/null
	[ "$status" -eq 1 ]
	[[ "$output" == *"apt-get failed"* ]]
	[[ "$output" != *mktemp* ]]
}

@test "RHEL's qemu-kvm, and tools outside of a user's PATH, are there" {
	fake qemu-kvm ''
	fake busybox ''
	for tool in cpio xz zstd; do fake $tool ''; done
	fake modinfo ''
	run_setup --check guest
	[ "$status" -eq 0 ]
}
