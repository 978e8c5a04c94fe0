#!/usr/bin/env bats
# Effective leaves: what `nestwalk env` and a run find, what check asks of it, and the table it becomes.
# shellcheck disable=SC2030,SC2031 # each test is a subshell with a run of its own
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

# curves LEAF_BYTES: points of 2M pages whose first level of 72 entries holds them in such pieces.
curves() {
	jq -n -c --argjson leaf "$1" '
		[1, 8, 64, 512][] as $per_page | [16, 23, 32, 64, 91, 128, 512, 768, 4096, 8192, 32768, 65536][] as $lines |
		(2097152 / $per_page) as $apart | select($lines <= 128 * $per_page) |
		(if $apart >= $leaf then $lines else $lines * $apart / $leaf end) as $entries |
		(if $entries > 72 then 7 else 0 end) as $net |
		{bench: "leaf-reach", setting: "host", paging: "native", outer: "bare-metal", pass: "sweep", status: "ok",
			reason: null, final: true, params: {page_size_bytes: 2097152, backing: "2M-thp", lines_per_page: $per_page,
				lines: $lines}, metrics: {net_cycles: {median: $net, lo: null, hi: null, unit: "cycles"}},
			samples: {gross_cycles: [4 + $net, 9 + $net, 4 + $net], baseline_cycles: [4, 4, 5], round: [0, 1, 2]}}' \
		>"$out/points.jsonl"
}

reaches() {
	run -0 "$nestwalk" query "$out" --format csv "SELECT lines_per_page, reach_bytes_lo, reach_bytes_hi FROM page_reach"
}

# leaf_told PREFIX: the line of the only leaf begins with it.
leaf_told() {
	run -0 "$nestwalk" query "$out" --format csv "SELECT leaf_bytes, told_by, reason FROM page_leaf"
	[[ "${lines[1]}" == "$1"* ]] || { echo "$output" && false; }
}

@test "pages held whole reach as far with many lines of each as with one, pages in pieces do not" {
	leaves '{}'
	curves 2097152
	reaches
	[ "${lines[1]%$'\r'}" = "1,$((64 * 2097152)),$((91 * 2097152))" ]
	[ "${lines[2]%$'\r'}" = "8,$((512 * 262144)),$((768 * 262144))" ]
	[ "${lines[4]%$'\r'}" = "512,$((32768 * 4096)),$((65536 * 4096))" ]
	leaf_told '2097152,reach,'
	curves 4096
	reaches
	[ "${lines[2]%$'\r'}" = "8,$((64 * 262144)),$((91 * 262144))" ]
	[ "${lines[4]%$'\r'}" = "512,$((64 * 4096)),$((91 * 4096))" ]
	leaf_told '4096,reach,'
}

@test "the probe's leaf and that of the curves must agree; without curves, the probe's is told" {
	leaves "{\"2M-thp\": $pieces}"
	curves 4096
	leaf_told '4096,reach,'
	curves 2097152
	leaf_told ',,"the probe found 4K, how far the pages reach tells 2M"'
	sed -i 's/"lines_per_page":[0-9]*,//; s/"lines":/"pages":/' "$out/points.jsonl"
	leaf_told '4096,probe,'
	# An emulator's times tell nothing.
	sed -i 's/"outer":"bare-metal"/"outer":"QEMU TCG"/' "$out/points.jsonl"
	leaf_told ',,an emulator'
}

@test "the control is no place of reach, of leaves or of geometry" {
	run -0 "$nestwalk" query "$BATS_TEST_DIRNAME/../../results/reference" --format csv "SELECT
		(SELECT COUNT(*) > 0 FROM point WHERE control AND bench = 'leaf-reach'),
		(SELECT COUNT(*) > 0 FROM point WHERE control AND bench = 'tlb-geometry'),
		(SELECT group_concat(DISTINCT setting) FROM (SELECT setting FROM page_reach ORDER BY setting)),
		(SELECT group_concat(DISTINCT setting) FROM (SELECT setting FROM page_leaf ORDER BY setting)),
		(SELECT group_concat(DISTINCT setting) FROM (SELECT setting FROM geometry ORDER BY setting)),
		(SELECT COUNT(*) FROM geometry_point JOIN point USING (point) WHERE control),
		(SELECT COUNT(*) FROM geometry_capacity WHERE map NOT IN (SELECT map FROM geometry))"
	[ "${lines[1]%$'\r'}" = '1,1,"host,vcpu","host,vcpu","host,vcpu",0,0' ]
}

@test "odd lines and pages neither crash nor invent a leaf" {
	leaves '{}'
	curves 4096
	for change in '.params.lines_per_page = 0' '.params.lines_per_page = -8' '.params.lines = "many"' '.params.backing = 7' \
		'.samples = {gross_cycles: [null, "x"]} | .metrics = {}' '.params.page_size_bytes = 3'; do
		jq -c "$change" "$out/points.jsonl" >"$BATS_TEST_TMPDIR/odd"
		cp "$BATS_TEST_TMPDIR/odd" "$out/points.jsonl"
		run -0 "$nestwalk" query "$out" "SELECT COUNT(*) AS n FROM page_leaf WHERE leaf_bytes IS NOT NULL"
		[[ "${lines[1]}" =~ ^\ *0$ ]]
		curves 4096
	done
}

@test "the report says what pages are held as, with the proof, and draws how far they reach" {
	leaves "{\"2M-thp\": $pieces, \"1G-hugetlb\": $unknown}"
	curves 4096
	run "$nestwalk" report "$out"
	[[ "$output" != *leaf* ]]
	grep -q "^\*\*This machine's 2M pages (2M-thp) are held in 4K pieces beneath: ask your provider or your hypervisor for hugepage backing" \
		"$out/report/report.md"
	grep -q "256 lines that lie 32K apart cost 11.0 core cycles an access. As many lines side by side cost 4.0, in as many 4K pages 11.1." \
		"$out/report/report.md"
	grep -q "With one line used of each page, the first TLB level reaches 153 MiB; with 512 lines, 305 KiB" "$out/report/report.md"
	[ "$(grep -c "2M pages on 2M-thp" "$out/report/leaf-reach.tsv")" -eq 4 ]
	grep -q '</svg>' "$out/report/leaf-reach.svg"
}

@test "where pages are held whole, or nobody knows, the report claims no pieces" {
	leaves '{}'
	curves 2097152
	run "$nestwalk" report "$out"
	[[ "$output" != *leaf* ]]
	grep -q "How much memory the first TLB level reaches" "$out/report/report.md"
	run grep -c "held in" "$out/report/report.md"
	[ "$output" = 1 ] # the explanation of the figure
}

@test "reach in bytes is entries times the leaf, and is withheld where that is unknown" {
	levels() {
		"$nestwalk" tlb --json "$reference" | jq -e "[.levels[] | select(.stride_pages == 1 and ($1))] |
			length > 0 and all($2)"
	}
	reference=$BATS_TEST_DIRNAME/../../results/reference
	levels '.page_size_bytes == 4096' '.leaf_bytes == 4096 and .reach_bytes == .entries * 4096'
	mkdir -p "$out"
	cp "$reference"/topology.xml "$out"
	jq "del(.machine.effective_leaf) | .machine.effective_leaf[\"2M-thp\"] = $pieces" "$reference/run.json" >"$out/run.json"
	sed 's/"page_size_bytes":4096,"backing":"4K"/"page_size_bytes":2097152,"backing":"2M-thp"/' \
		"$reference/points.jsonl" | grep '"tlb-reach"' >"$out/points.jsonl"
	reference=$out
	levels '.page_size_bytes == 2097152' '.leaf_bytes == 4096 and .reach_bytes == .entries * 4096'
	jq "del(.machine.effective_leaf)" "$out/run.json" >"$out/changed" && mv "$out/changed" "$out/run.json"
	levels '.page_size_bytes == 2097152' '.leaf_bytes == null and .reach_bytes == null'
	run -0 "$nestwalk" tlb "$out"
	[[ "$output" != *MiB* ]]
}
