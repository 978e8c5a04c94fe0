#!/usr/bin/env bats
# guest-images/: the same parts give the same bytes, modules come with their dependencies, and a missing part is
# reported in one line.

load rig

setup_file() {
	attempt build_image || true
}

setup() {
	judge_attempt
	build=$REPOSITORY/guest-images/build
	kernel=$REPOSITORY/guest-images/kernel
	place=$BATS_TEST_TMPDIR/"a place"
}

@test "the same parts give the same bytes, wherever and whenever" {
	"$build" -m kvm-amd -m kvm-intel -p "$NESTWALK" "$place"
	cmp "$IMAGE/initramfs" "$place/initramfs"
	cmp "$IMAGE/contents" "$place/contents"
}

@test "modules come after those they depend on, under either spelling" {
	"$build" -l kvm-amd -l kvm_intel -p "$NESTWALK" "$place"
	awk '{ at[$0] = NR }
		END { exit !(at["irqbypass"] && at["irqbypass"] < at["kvm"] && at["kvm"] < at["kvm_amd"] && at["kvm_intel"]) }' \
		"$place/modules"
	# Each module comes once.
	[ -z "$(sort "$place/modules" | uniq -d)" ]
}

@test "a module that the kernel does not have is named" {
	run -1 "$build" -l no-such-module -p "$NESTWALK" "$place"
	[[ "$output" == *"has no module no_such_module"* ]]
	[ ! -e "$place/initramfs" ]
}

@test "a file asked for lies at its own path, and one without a whole path is refused" {
	local file=$BATS_TEST_TMPDIR/"a file" to=$BATS_TEST_TMPDIR/unpacked
	echo here >"$file"
	"$build" -f "$file" -p "$NESTWALK" "$place"
	mkdir "$to"
	gzip -dc "$place/initramfs" | (cd "$to" && cpio --quiet -id)
	cmp "$file" "$to$file"
	run -1 "$build" -f "a file" -p "$NESTWALK" "$place"
	[[ "$output" == *"-f wants an absolute path, not a file"* ]]
}

@test "a given kernel is used, and one without modules refused" {
	mkdir -p "$place/boot"
	cp "$IMAGE/vmlinuz" "$place/boot/vmlinuz-1.2.3"
	run -1 "$kernel" "$place/boot/vmlinuz-1.2.3"
	[[ "$output" == *"vmlinuz-1.2.3"*"modules are not where they should be"* ]]
	mkdir -p "$place/lib/modules/1.2.3/kernel"
	run -0 "$kernel" "$place/boot/vmlinuz-1.2.3"
	[ "${lines[1]}" = "$(realpath "$place")/lib/modules/1.2.3" ]
}

@test "without being told: the running kernel, otherwise the newest that can be booted" {
	local version
	for version in 5.9.0 5.10.0 6.0.0-without-virtio "$(uname -r)"; do
		mkdir -p "$place/boot" "$place/lib/modules/$version/kernel"
		: >"$place/boot/vmlinuz-$version"
		[ "$version" = 6.0.0-without-virtio ] || echo "kernel/drivers/char/virtio_console.ko:" >"$place/lib/modules/$version/modules.dep"
	done
	run -0 env GUEST="$place" BOOT="$place/boot" "$kernel"
	[ "${lines[0]}" = "$place/boot/vmlinuz-$(uname -r)" ]
	rm "$place/boot/vmlinuz-$(uname -r)"
	run -0 env GUEST="$place" BOOT="$place/boot" "$kernel"
	[ "${lines[0]}" = "$place/boot/vmlinuz-5.10.0" ]
}

@test "no kernel fetched and none to be had: one line with the reason, exit 77, and nothing left behind" {
	mkdir -p "$place/bin"
	printf '#!/bin/sh\necho "E: no network here"; exit 100\n' >"$place/bin/apt-get"
	chmod +x "$place/bin/apt-get"
	cp "$place/bin/apt-get" "$place/bin/apt-cache"
	run -77 env PATH="$place/bin:$PATH" GUEST="$place" BOOT="$place" "$kernel"
	[ "${#lines[@]}" -eq 1 ]
	[[ "$output" == *"no kernel package can be had: E: no network here" ]]
	[ -z "$(ls -A "$place/kernel")" ]
}

@test "wrong usage: exit 2" {
	run -2 "$build"
	run -2 "$build" -x "$place"
	run -2 "$kernel" --no-such-option
	run -2 "$REPOSITORY/guest-images/pack" "$place"
}
