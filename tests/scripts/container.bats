#!/usr/bin/env bats
# Containerfile and its page, without a container runtime: what can be held against this tree and its program.

bats_require_minimum_version 1.5.0

setup() {
	root=$BATS_TEST_DIRNAME/../..
	NESTWALK=${NESTWALK:-$root/build/nestwalk}
}

@test "the image has the package of each library that the program names" {
	grep -q '^VERSION_ID="12"' /etc/os-release && command -v dpkg >/dev/null || skip "packages have other names here"
	local library path package
	for library in $(ldd "$NESTWALK" | awk '$3 ~ /^\// { print $1 }'); do
		# Only what the program itself names: the others come with these.
		readelf -d "$NESTWALK" | grep -q "NEEDED.*\[$library\]" || continue
		path=$(ldd "$NESTWALK" | awk -v name="$library" '$1 == name { print $3 }')
		package=$(dpkg -S "$path" 2>/dev/null || dpkg -S "$(readlink -f "$path")" 2>/dev/null || dpkg -S "/usr$path" 2>/dev/null) || continue
		package=${package%%:*}
		case $package in libc6 | libgslcblas0 | libasan* | libubsan*) continue ;; esac
		grep -qE "^	$package( |\$)" "$root/Containerfile" || { echo "no $package" && false; }
	done
}

@test "what the image copies is in the tree, and what it ignores is not needed" {
	[ -x "$root/scripts/setup" ]
	run ! grep -E '^(harness|benches|plots|scripts|Makefile|docs)' "$root/.containerignore"
}

@test "each reason that the page explains is one that the program gives" {
	local words
	for words in "perf_event_open is blocked by a seccomp filter" "no /dev/kvm although" "refused by the device rules" \
		"no permission to open /dev/kvm" "this is root of a container only" "userfaultfd is not allowed here" \
		"openat2 is refused" "/sys is not there, or is hidden"; do
		grep -qF "${words%% although}" "$root/docs/CONTAINERS.md"
		grep -rqF "$words" "$root/harness"
	done
}
