#!/usr/bin/env bats
# guest-images/kernel: where distributions put kernels and their modules, on trees of empty files. What it fetches, and what
# is made of a kernel, is in tests/emulated/image.bats.

bats_require_minimum_version 1.5.0

setup() {
	kernel=$(realpath "$BATS_TEST_DIRNAME/../../guest-images/kernel")
	tree=$BATS_TEST_TMPDIR/tree
	bin=$BATS_TEST_TMPDIR/bin
	mkdir -p "$tree/boot" "$bin"
	# Without apt-get nothing is fetched.
	for tool in awk cat dirname find grep mkdir mktemp rm sed sh sort tail; do
		ln -s "$(type -P $tool)" "$bin/"
	done
	printf '#!/bin/sh\necho 1.2.3-running\n' >"$bin/uname"
	chmod +x "$bin/uname"
}

# install IMAGE MODULES: a kernel that a guest can boot.
install_kernel() {
	mkdir -p "$tree/$(dirname "$1")" "$tree/$2/kernel"
	: >"$tree/$1"
	echo "kernel/drivers/char/virtio_console.ko:" >"$tree/$2/modules.dep"
}

# chosen IMAGE MODULES: what is chosen.
chosen() {
	run -0 env -i PATH="$bin" BOOT="$tree/boot" GUEST="$BATS_TEST_TMPDIR/guest" "$kernel"
	[ "${lines[0]}" = "$tree/$1" ]
	[ "${lines[1]}" = "$tree/$2" ]
}

@test "Arch: usr/lib/modules/VERSION/vmlinuz, where /boot has an image without a version" {
	: >"$tree/boot/vmlinuz-linux"
	install_kernel usr/lib/modules/6.9.5-arch1-1/vmlinuz usr/lib/modules/6.9.5-arch1-1
	chosen usr/lib/modules/6.9.5-arch1-1/vmlinuz usr/lib/modules/6.9.5-arch1-1
}

@test "openSUSE and Fedora: the image beside the modules, and links to it in /boot" {
	install_kernel usr/lib/modules/6.4.0-150600/vmlinuz usr/lib/modules/6.4.0-150600
	ln -sf ../usr/lib/modules/6.4.0-150600/vmlinuz "$tree/boot/vmlinuz-6.4.0-150600"
	ln -s /nonexistent "$tree/boot/vmlinuz-6.5.0-gone"
	chosen usr/lib/modules/6.4.0-150600/vmlinuz usr/lib/modules/6.4.0-150600
	mv "$tree/usr/lib/modules/6.4.0-150600/vmlinuz" "$tree/boot/vmlinuz-6.4.0-150600"
	chosen boot/vmlinuz-6.4.0-150600 usr/lib/modules/6.4.0-150600
}

@test "systemd's kernel-install: /boot/MACHINE/VERSION/linux" {
	install_kernel boot/0123abcd/6.8.1-200.fc40.x86_64/linux lib/modules/6.8.1-200.fc40.x86_64
	chosen boot/0123abcd/6.8.1-200.fc40.x86_64/linux lib/modules/6.8.1-200.fc40.x86_64
}

@test "Alpine: the image is named by its flavour" {
	install_kernel boot/vmlinuz-lts lib/modules/6.6.31-0-lts
	chosen boot/vmlinuz-lts lib/modules/6.6.31-0-lts
}

@test "a kernel for debugging, or for rescue, is never the newest" {
	local version
	install_kernel boot/vmlinuz-5.14.0-427.el9.x86_64 lib/modules/5.14.0-427.el9.x86_64
	for version in 5.14.0-503.el9.x86_64+debug 6.9.0-debug 6.9.0+rt-debug 6.9.9.debug 6.10.0-dbg 0-rescue-0123abcd; do
		install_kernel "boot/vmlinuz-$version" "lib/modules/$version"
		install_kernel "usr/lib/modules/$version/vmlinuz" "usr/lib/modules/$version"
		chosen boot/vmlinuz-5.14.0-427.el9.x86_64 lib/modules/5.14.0-427.el9.x86_64
	done
	# Whoever runs one has asked for it.
	install_kernel boot/vmlinuz-1.2.3-running lib/modules/1.2.3-running
	chosen boot/vmlinuz-1.2.3-running lib/modules/1.2.3-running
}

@test "the newest of several places, by version and not by place" {
	install_kernel boot/vmlinuz-6.10.0 lib/modules/6.10.0
	install_kernel usr/lib/modules/6.9.0/vmlinuz usr/lib/modules/6.9.0
	chosen boot/vmlinuz-6.10.0 lib/modules/6.10.0
	install_kernel usr/lib/modules/6.11.0/vmlinuz usr/lib/modules/6.11.0
	chosen usr/lib/modules/6.11.0/vmlinuz usr/lib/modules/6.11.0
}

@test "none: what was looked for is said" {
	run -77 env -i PATH="$bin" BOOT="$tree/boot" GUEST="$BATS_TEST_TMPDIR/guest" "$kernel"
	[[ "$output" == *"$tree/boot/vmlinuz-*"*"$tree/usr/lib/modules/*/vmlinuz"*"no apt-get"*"KERNEL=VMLINUZ"* ]]
}
