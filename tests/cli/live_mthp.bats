#!/usr/bin/env bats
# Transparent huge pages between 4K and 2M as page sizes of a host. The tests turn on 64K, as root, and leave 128K off.

# commas belong to --param; $stderr is set by run --separate-stderr
# shellcheck disable=SC2054,SC2154
load helpers

FEW=(-b tlb-reach --param stride=1 --param pages=8,64,512)

switch() {
	echo "/sys/kernel/mm/transparent_hugepage/hugepages-$1kB/enabled"
}

# The word chosen in a size's switch.
switch_is() {
	grep -q "\[$2\]" "$(switch "$1")"
}

# Set a switch for the tests of this file; teardown_file gives back what it was.
switch_set() {
	sed 's/.*\[\(.*\)\].*/\1/' "$(switch "$1")" >"$BATS_FILE_TMPDIR/before-$1"
	echo "$2" >"$(switch "$1")"
}

can_switch() {
	[ "$(id -u)" -eq 0 ] && [ -e "$(switch 64)" ]
}

setup() {
	NESTWALK=${NESTWALK:-build/nestwalk}
	RUN=$BATS_TEST_TMPDIR/run
	can_switch || skip "needs root, and a kernel that has transparent huge pages of 64K"
}

setup_file() {
	can_switch || return 0
	switch_set 64 madvise
	switch_set 128 never
	"${NESTWALK:-build/nestwalk}" run "${ROUNDS[@]}" "${FEW[@]}" --param page_size=4K,64K,128K \
		-o "$BATS_FILE_TMPDIR/sizes" >"$BATS_FILE_TMPDIR/said" 2>&1
}

teardown_file() {
	for before in "$BATS_FILE_TMPDIR"/before-*; do
		[ ! -e "$before" ] || cat "$before" >"$(switch "${before##*-}")"
	done
}

look_at_sizes() {
	RUN=$BATS_FILE_TMPDIR/sizes
}

@test "pages of a size that is on are measured on the host, and the kernel took one fault for each" {
	look_at_sizes
	have 3 '.setting == "host" and .params.page_size_bytes == 65536 and .params.backing == "64K-thp"'
	every_ok '.params.page_size_bytes != 65536 or .memory.page_bytes == 65536 and .memory.page_bytes_source == "faults"'
	every_ok '.params.page_size_bytes != 65536 or
		(.memory | .faults_counted >= .faults_expected and .faults_counted <= 1.001 * .faults_expected + 4)'
	# Placing them takes system calls, so that no cost of a first touch is told.
	jq -e '.arenas["64K-thp"] | .bytes > 0 and .touch_ns_per_page == null and .touch_ns_per_page_reason' "$RUN/run.json"
	is_sound
}

@test "they are no leaves of a guest" {
	look_at_sizes
	[ "$(points '.setting == "vcpu" and .params.page_size_bytes > 4096')" -eq 0 ]
}

@test "a size that is off is one skipped curve with what to do" {
	look_at_sizes
	[ "$(points '.setting == "host" and .params.page_size_bytes == 131072')" -eq 1 ]
	[ "$(points '.setting == "host" and .params.page_size_bytes == 131072 and .status == "skipped" and
		(.reason | contains("echo madvise | sudo tee") and contains("--mthp 128K"))')" -eq 1 ]
	[ "$(points '.params.page_size_bytes == 131072 and ok')" -eq 0 ]
}

@test "sizes that are on are measured without being asked for, others are not mentioned" {
	measure -s host "${FEW[@]}"
	have 3 '.setting == "host" and .params.page_size_bytes == 65536'
	[ "$(points '.params.page_size_bytes == 131072')" -eq 0 ]
}

@test "behind a guest's pages they are measured where that is asked for" {
	need_kvm
	measure -s vcpu "${FEW[@]}" --param page_size=4K --param backing=64K-thp
	have 3 '.setting == "vcpu" and .params.backing == "64K-thp" and .params.page_size_bytes == 4096'
}

@test "huge-pages measures them" {
	measure -s host -b huge-pages --param page_size=64K --param working_set=1M,2M
	have 2 '.setting == "host" and .bench == "huge-pages" and .params.page_size_bytes == 65536'
}

@test "env and list say which sizes are offered" {
	run -0 "$NESTWALK" env
	[[ $output =~ "THP offered"[^\`]*" 64K" ]]
	[[ ! $output =~ "THP offered"[^\`]*" 128K" ]]
	"$NESTWALK" env --json | jq -e '.page_sizes.thp.sizes | map(select(.offered) | .page_bytes) | index(65536)'
	run -0 "$NESTWALK" list
	[[ $output =~ "offered: "[^\;]*64K.*"not offered: ".*128K ]]
	"$NESTWALK" list --json | jq -e '.[] | select(.name == "tlb-reach") | .params[] | select(.name == "page_size") |
		.values | contains(",64K,") and (contains("128K") | not)'
}

@test "--mthp turns a size on for the run, and restores the switch, also when the run is killed" {
	run --separate-stderr "$NESTWALK" run "${ROUNDS[@]}" -s host "${FEW[@]}" --mthp 128K --param page_size=128K -o "$RUN"
	went_well
	switch_is 128 never
	have 3 '.setting == "host" and .params.page_size_bytes == 131072'
	is_sound

	"$NESTWALK" run --rounds 100000 -s host "${FEW[@]}" --mthp 64K,128K -o "$RUN-killed" 2>/dev/null &
	pid=$!
	until_so switch_is 128 madvise
	kill -KILL "$pid"
	wait "$pid" || true
	until_so switch_is 128 never
	switch_is 64 madvise
}

@test "--mthp is refused to those who may not, and sizes that are none" {
	place=$(mktemp -d /tmp/nestwalk-unprivileged-XXXXXX)
	chmod 777 "$place"
	install -m 755 "$NESTWALK" "$place/nestwalk"
	run -1 --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups "$place/nestwalk" run "${ROUNDS[@]}" \
		-s host "${FEW[@]}" --mthp 128K -o "$place/run"
	rm -r "$place"
	[[ $stderr == *"needs root"* ]]
	switch_is 128 never
	run -2 --separate-stderr "$NESTWALK" run --mthp 2M -o "$RUN"
	[[ $stderr == *"between 4K and 2M"* ]]
}
