#!/usr/bin/env bats
# Effective leaves: what `nestwalk env` and a run find, what check asks of it, and the table it becomes.
bats_require_minimum_version 1.5.0

setup() {
	nestwalk=${NESTWALK:-$BATS_TEST_DIRNAME/../../build/nestwalk}
	runs=$BATS_TEST_DIRNAME/../fixtures/runs
	out=$BATS_TEST_TMPDIR/run
}

# leaves JSON: a run whose machine has these effective leaves.
leaves() {
	rm -rf "$out"
	cp -r "$runs/complete" "$out"
	jq --argjson leaves "$1" '.machine.effective_leaf = $leaves' "$runs/complete/run.json" >"$out/run.json"
}

proof='{"lines": 256, "apart_bytes": 32768, "cycles": 11.0, "packed_cycles": 4.0, "control_cycles": 11.1}'
pieces="{\"page_size_bytes\": 2097152, \"leaf_bytes\": 4096, \"reason\": null, \"proof\": $proof}"
unknown='{"page_size_bytes": 1073741824, "leaf_bytes": null, "reason": "no such pages", "proof": null}'

@test "env tells the leaf of each backing, or why it is unknown, and the proof" {
	"$nestwalk" env --json >"$BATS_TEST_TMPDIR/env.json"
	jq -e '.effective_leaf | keys == ["1G-hugetlb", "2M-hugetlb", "2M-thp", "4K"]' "$BATS_TEST_TMPDIR/env.json"
	jq -e '.effective_leaf[] | (.leaf_bytes == null) == (.reason != null)' "$BATS_TEST_TMPDIR/env.json"
	# A page is held as a whole, or in pieces of a smaller page size.
	jq -e '.effective_leaf[] | select(.leaf_bytes) | .leaf_bytes <= .page_size_bytes and
		(.leaf_bytes | IN(4096, 2097152, 1073741824))' "$BATS_TEST_TMPDIR/env.json"
	# What is told is proven: hits and misses differ, and the chase costs what one of the two does.
	jq -e '[.effective_leaf[] | select(.leaf_bytes) | .proof |
		.control_cycles >= .packed_cycles + 3 and .lines == 256] | all' "$BATS_TEST_TMPDIR/env.json"
	jq -e '.effective_leaf["1G-hugetlb"].leaf_bytes == null' "$BATS_TEST_TMPDIR/env.json"
}

@test "a 4K page is held as a 4K page, unless this machine is an emulator's or too noisy to tell" {
	"$nestwalk" env --json >"$BATS_TEST_TMPDIR/env.json"
	jq -e '.effective_leaf["4K"].leaf_bytes | IN(4096, null)' "$BATS_TEST_TMPDIR/env.json"
	run -0 "$nestwalk" env
	[[ "$output" == *$'\nEffective leaf: '* ]]
	[[ "$output" == *$'\n  1G-hugetlb '*"unknown: zeroing a page of 1G"* ]]
}

@test "a recorded machine has no effective leaf: nothing can be probed there" {
	mkdir "$BATS_TEST_TMPDIR/machine"
	cp /proc/cpuinfo /proc/meminfo "$BATS_TEST_TMPDIR/machine"
	mkdir "$BATS_TEST_TMPDIR/machine/proc"
	mv "$BATS_TEST_TMPDIR"/machine/*info "$BATS_TEST_TMPDIR/machine/proc"
	run -0 "$nestwalk" env --json --root "$BATS_TEST_TMPDIR/machine"
	jq -e 'has("effective_leaf") | not' <<<"$output"
}

@test "check accepts leaves that are known or unknown, and runs that do not tell" {
	leaves "{\"2M-thp\": $pieces, \"1G-hugetlb\": $unknown}"
	run -0 "$nestwalk" check "$out"
	[ "${#lines[@]}" -eq 1 ]
	run -0 "$nestwalk" check "$runs/complete"
}

@test "check names each fault of a leaf" {
	while IFS='|' read -r change message; do
		leaves "$(jq -n --argjson leaf "$pieces" "{\"2M-thp\": (\$leaf | $change)}")"
		run -1 "$nestwalk" check "$out"
		[[ "${lines[0]}" == *"run.json:1: machine.effective_leaf.2M-thp$message" ]]
	done <<-'END'
		.leaf_bytes = 4194304|.leaf_bytes is no part of its page
		.leaf_bytes = "4K"|.leaf_bytes is not a whole number or null
		.leaf_bytes = null|.leaf_bytes is null without a reason beside it
		.proof = null|.proof is null without a reason beside it
		del(.proof.control_cycles)|.proof.control_cycles is missing
		del(.page_size_bytes)|.page_size_bytes is missing
		.reason = "noise"|.leaf_bytes is told with a reason why it is not
	END
	leaves '[]'
	run -1 "$nestwalk" check "$out"
	[[ "${lines[0]}" == *"machine.effective_leaf is not an object" ]]
}

@test "the table effective_leaf has a row a backing, NULL where unknown, and none of older runs" {
	leaves "{\"2M-thp\": $pieces, \"1G-hugetlb\": $unknown}"
	run -0 "$nestwalk" query "$out" "SELECT backing, page_size_bytes, COALESCE(leaf_bytes, 'NULL') AS leaf,
		COALESCE(reason, 'NULL') AS reason, lines, apart_bytes, cycles, packed_cycles, control_cycles FROM effective_leaf
		ORDER BY page_size_bytes"
	[ "${#lines[@]}" -eq 3 ]
	[[ "${lines[1]}" =~ ^2M-thp.*2097152.*4096.*NULL.*256.*32768.*11.*4.*11\.1 ]]
	[[ "${lines[2]}" =~ ^1G-hugetlb.*1073741824.*NULL.*no\ such\ pages ]]
	run -0 "$nestwalk" query "$runs/complete" "SELECT COUNT(*) AS leaves FROM effective_leaf"
	[[ "${lines[1]}" =~ ^\ *0$ ]]
}
