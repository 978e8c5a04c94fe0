#!/usr/bin/env bats
# What pages are held as, measured: a run's effective leaves, and how far the first TLB level reaches with pages that this test
# splinters itself. Counts and page sizes only: a busy machine may leave a leaf unknown, but never tells another.

# commas belong to --param
# shellcheck disable=SC2054
load helpers

# Both ends of a curve, and what lies between: fewer and more lines than any first level has entries.
REACH=(-b leaf-reach --param page_size=4K,2M --param lines_per_page=1,64 --param lines=16,23,32,45,128,1024,2048,4096)

setup_file() {
	"${NESTWALK:-build/nestwalk}" run "${ROUNDS[@]}" "${REACH[@]}" -o "$BATS_FILE_TMPDIR/reach" >"$BATS_FILE_TMPDIR/said" 2>&1
}

setup() {
	NESTWALK=${NESTWALK:-build/nestwalk}
	RUN=$BATS_FILE_TMPDIR/reach
}

answer() {
	run -0 "$NESTWALK" query "$RUN" "$1"
	[ "${lines[1]}" = "$2" ] || { echo "$output" && false; }
}

@test "the run is sound, and knows the leaf of its backings or why not" {
	is_sound
	jq -e '.machine.effective_leaf | .["4K"] and .["2M-thp"] and all(.[]; .leaf_bytes or .reason)' "$RUN/run.json"
	answer "SELECT COUNT(*) FROM effective_leaf" "$(printf '%8d' 4)"
}

@test "no page is held in pieces larger than itself, and 4K pages are 4K pages" {
	answer "SELECT COUNT(*) AS n FROM page_leaf WHERE leaf_bytes > page_size_bytes OR leaf_bytes NOT IN (4096, 2097152)" 0
	answer "SELECT COUNT(*) AS n FROM page_leaf WHERE page_size_bytes = 4096 AND leaf_bytes IS NOT 4096" 0
}

@test "a vcpu's 2M pages on 4K backing: KVM maps 4K leaves, and the TLB holds such pieces" {
	have 1 '.setting == "vcpu" and .params.page_size_bytes == 2097152 and .params.backing == "4K"' || skip "no vcpu here"
	every_ok '.setting != "vcpu" or .params.page_size_bytes != 2097152 or .params.backing != "4K" or
		.kvm.pages_4k >= .params.lines'
	answer "SELECT COUNT(*) AS n FROM page_leaf WHERE setting = 'vcpu' AND page_size_bytes = 2097152 AND backing = '4K'
		AND leaf_bytes <> 4096" 0
	# With 64 lines used of each page they reach no farther than 4K pages that lie as far apart.
	answer "SELECT COUNT(*) AS n FROM page_reach s JOIN page_reach p USING (run, setting, paging) WHERE s.setting = 'vcpu'
		AND s.page_size_bytes = 2097152 AND s.backing = '4K' AND p.page_size_bytes = 4096 AND s.lines_lo > 2 * p.lines_hi" 0
}

@test "a vcpu's 2M pages on 2M backing: KVM maps 2M leaves, and the TLB holds what it holds of the host's" {
	have 1 '.setting == "vcpu" and .params.page_size_bytes == 2097152 and .params.backing == "2M-thp"' || skip "no vcpu here"
	every_ok '.setting != "vcpu" or .params.page_size_bytes != 2097152 or .params.backing != "2M-thp" or
		.kvm.pages_2m >= .params.lines / .params.lines_per_page'
	answer "SELECT COUNT(*) AS n FROM page_leaf v JOIN page_leaf h USING (run, page_size_bytes, backing)
		WHERE v.setting = 'vcpu' AND h.setting = 'host' AND v.leaf_bytes <> h.leaf_bytes" 0
}
