#!/usr/bin/env bats
# nestwalk compare: what differs beyond chance. Made-up runs; measures nothing.
# shellcheck disable=SC2154 # $status, $output and $lines are set by run

bats_require_minimum_version 1.5.0

setup() {
	nestwalk=${NESTWALK:-$BATS_TEST_DIRNAME/../../build/nestwalk}
	runs=$BATS_TEST_DIRNAME/../fixtures/runs
	cd "$BATS_TEST_TMPDIR" || exit
}

# Write a made-up run: make_run NAME SEED [JQ of run.json] [JQ of each point]
# 24 points of tlb-reach on the host, of 15 samples that spread by 0.5 %, and medians off by up to 0.2 %, by the seed.
make_run() {
	local name=$1 seed=$2 about=${3:-.} point=${4:-.}
	mkdir "$name"
	jq -n "{schema: 1, tool: \"nestwalk\", version: \"0.1.0\", command_line: [\"nestwalk run\"], effort: \"normal\", seed: $seed,
		state: \"complete\", reason: null, started_utc: \"2026-11-22T01:40:00Z\", finished_utc: \"2026-11-22T01:41:00Z\",
		duration_s: 60, host: \"made-up\", benches: [\"tlb-reach\"], settings: [\"host\"], cpu: 1, numa_node: 0,
		clock: {tsc_hz: 2000000000, cycles_per_tsc: {median: 1.5, lo: 1.499, hi: 1.501, unit: \"ratio\"}},
		machine: {cpu: {name: \"made-up CPU\", microcode: \"0x1\"}, outer: {name: \"bare-metal\"}, kernel: {release: \"6.1.0\"},
			page_sizes: {thp: {mode: \"madvise\"}}, noise: {governors: [\"performance\"]}, mitigations: {retbleed: \"none\"},
			effective_leaf: {\"4K\": {page_size_bytes: 4096, leaf_bytes: 4096, reason: null, proof: null}}},
		metrics: {\"tlb-reach\": {gross_ns: {unit: \"ns\", per: \"access\", better: \"less\", signed: false, time: true},
			net_ns: {unit: \"ns\", per: \"access\", better: \"less\", signed: true, time: true}}},
		axes: {\"tlb-reach\": {page_size_bytes: {kind: \"page_size\", help: \"\"}, pages: {kind: \"count\", help: \"\"}}}}
		| $about" >"$name/run.json"
	jq -nc "def noise(x): (x * 12.9898 | sin) * 43758.5453 | . - floor - 0.5;
		def list(values): {median: (values | sort | .[7]), lo: (values | sort | .[4]), hi: (values | sort | .[10]), unit: \"ns\"};
		range(24) as \$i | (5 + \$i) as \$cost | (1 + 0.004 * noise($seed * 100 + \$i)) as \$luck |
		[range(15) | \$cost * \$luck * (1 + 0.01 * noise($seed * 1000 + \$i * 15 + .))] as \$gross |
		[\$gross[] | . - 4] as \$net |
		{bench: \"tlb-reach\", setting: \"host\", paging: \"native\", outer: \"bare-metal\", pass: \"sweep\",
		params: {page_size_bytes: 4096, pages: (16 * (\$i + 1))}, status: \"ok\", reason: null, final: true,
		metrics: {gross_ns: list(\$gross), net_ns: list(\$net)},
		samples: {gross_ns: \$gross, net_ns: \$net, round: [range(15)]}, discarded: 0, contaminated: 0} | $point" >"$name/points.jsonl"
}

# A jq filter for a point: at so many pages, times are so many times as long.
slower() {
	echo "if .params.pages == $1 then (.metrics.gross_ns[\"median\", \"lo\", \"hi\"], .samples.gross_ns[]) *= $2 else . end"
}

compare() {
	run --separate-stderr "$nestwalk" compare "$@"
	# Lines are broken to fit a terminal.
	flat=$(tr '\n' ' ' <<<"$output" | tr -s ' ')
}

# The columns of the longest line of $output.
widest() {
	LC_ALL=C.UTF-8 wc -L <<<"$output" | cut -d' ' -f1
}

@test "two runs of one machine are alike" {
	make_run a 1
	make_run b 2
	compare a b
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "24 rows compared, 0 worse, 0 better, 24 not distinguishable" ]
	[[ "$output" == *"pages "*"base"*"other"*"ratio"* ]]
	[[ "$output" == *"in all: setting host, paging native, page_size_bytes 4K"* ]]
	[ "$(grep -c '~$' <<<"$output")" -eq 24 ]
	[[ "$flat" == *"24 of 24 rows rest on fewer than three runs a side"* ]]
	[[ "$flat" == *"two runs then differ by 0.1 % to"* ]]
}

@test "a planted change is found, and the direction is the metric's" {
	make_run a 1
	make_run b 2 . "$(slower 160 1.1)"
	compare a b
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "24 rows compared, 1 worse, 0 better, 23 not distinguishable" ]
	[[ "$(grep 'worse$' <<<"$output")" == "160 "*" 1."[01]* ]]
	compare b a
	[ "${lines[0]}" = "24 rows compared, 0 worse, 1 better, 23 not distinguishable" ]
	[[ "$(grep 'better$' <<<"$output")" == "160 "*" 0.9"* ]]
	more='.metrics["tlb-reach"].gross_ns.better = "more"'
	make_run more-a 1 "$more"
	make_run more-b 2 "$more" "$(slower 160 1.1)"
	compare more-a more-b
	[ "${lines[0]}" = "24 rows compared, 0 worse, 1 better, 23 not distinguishable" ]
}

@test "all rows 10 % slower are found, too" {
	make_run a 1
	make_run b 2 . '(.metrics.gross_ns["median", "lo", "hi"], .samples.gross_ns[]) *= 1.1'
	compare a b
	[ "${lines[0]}" = "24 rows compared, 24 worse, 0 better, 0 not distinguishable" ]
}

@test "a threshold is an exit code" {
	make_run a 1
	make_run b 2 . "$(slower 160 1.1)"
	compare --threshold 5% a b
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = "24 rows compared, 1 worse, 0 better, 23 not distinguishable" ]
	[ -z "$stderr" ]
	compare --threshold 0.2 a b
	[ "$status" -eq 0 ]
	compare --threshold 5% b a
	[ "$status" -eq 0 ]
	compare --threshold 0% a a
	[ "$status" -eq 0 ]
	for wrong in x 5x -1% ''; do
		compare --threshold "$wrong" a b
		[ "$status" -eq 2 ]
	done
}

@test "three runs a side are observations" {
	for i in 1 2 3; do
		make_run "a$i" "$i"
		make_run "b$i" "1$i" . "$(slower 160 1.2)"
	done
	compare -f json a1,a2,a3 b1,b2,b3
	[ "$status" -eq 0 ]
	[ "$(jq -c '[.worse, .better, .alike, .sides]' <<<"$output")" = '[1,0,23,["a1,a2,a3","b1,b2,b3"]]' ]
	jq -e '.rows | all(.test == "runs" and .base_count == 3 and .luck == null)' <<<"$output"
	jq -e '.rows[] | select(.verdict == "worse") | .parameters.pages == 160 and (.ratio - 1.2 | fabs < 0.01)' <<<"$output"
	[[ "$output" != *"three runs a side"* ]]
	compare -f json a1,a2 b1,b2
	jq -e '.worse == 1 and (.rows | all(.test == "samples"))' <<<"$output"
}

@test "runs of one kernel are a side" {
	for i in 1 2 3; do
		make_run "a$i" "$i"
		make_run "b$i" "1$i" '.machine.kernel.release = "6.18.0"' "$(slower 160 1.2)"
	done
	compare -f json --by kernel a1 b1 a2 b2 a3 b3
	[ "$(jq -c '[.worse, .alike, .sides]' <<<"$output")" = '[1,23,["6.1.0","6.18.0"]]' ]
	jq -e '.rows | all(.test == "runs")' <<<"$output"
	[[ "$output" != *"kernel differs"* ]]
	compare -f json --by machine.kernel.release=6.18.0,6.1.0 a1 b1
	[ "$(jq -c '[.better, .alike, .sides]' <<<"$output")" = '[1,23,["6.18.0","6.1.0"]]' ]
}

@test "a third run is held against the base as well" {
	make_run a 1
	make_run b 2
	make_run c 3 . "$(slower 160 1.1)"
	compare a b c
	[ "${lines[0]}" = "48 rows compared, 1 worse, 0 better, 47 not distinguishable" ]
	[ "$(grep -c '^other: ' <<<"$output")" -eq 2 ]
	[[ "$output" == *"tlb-reach, gross_ns (less is better): c"* ]]
	[[ "$flat" == *"not shown (--all shows them): 47 rows that cannot be told apart, 0 that are unknown"* ]]
	compare --all a b c
	[ "$(grep -c '~$' <<<"$output")" -eq 47 ]
}

@test "within a run, settings are compared by pairs" {
	make_run a 1
	jq -c '., (.setting = "vcpu" | .paging = "nested" | .params.guest_levels = 4
		| if .params.pages == 160 then (.metrics.gross_ns.median, .samples.gross_ns[]) *= 1.1 else . end)' a/points.jsonl >both
	mv both a/points.jsonl
	compare -f json a --by setting
	[ "$(jq -c '[.worse, .alike, .sides]' <<<"$output")" = '[1,23,["host","vcpu"]]' ]
	jq -e '.rows | all(.test == "pairs" and .base_count == 15 and .parameters.guest_levels == 4 and .luck == null)' <<<"$output"
	compare a --by setting=vcpu,host
	[ "${lines[0]}" = "24 rows compared, 0 worse, 1 better, 23 not distinguishable" ]
	compare a --by place
	[[ "$output" == *"other: vcpu, nested paging"* ]]
	compare -f json a --by pages=16,32
	jq -e '.compared == 2 and .worse == 2' <<<"$output"
}

@test "a file of export compares like its runs" {
	make_run a 1
	make_run b 2 . "$(slower 160 1.1)"
	"$nestwalk" export a b -o both.sqlite
	compare -f json a b
	jq -S 'del(.warnings)' <<<"$output" >of-runs
	compare -f json both.sqlite
	[ "$status" -eq 0 ]
	diff <(jq -S 'del(.warnings)' <<<"$output") of-runs
	compare both.sqlite a
	[ "$status" -eq 1 ]
}

@test "benches and metrics are chosen" {
	make_run a 1
	make_run b 2
	compare --metric net_ns a b
	[[ "$output" == *"tlb-reach, net_ns (less is better)"* ]]
	[[ "$output" != *"gross_ns"* ]]
	compare --metric all a b
	[ "${lines[0]}" = "48 rows compared, 0 worse, 0 better, 48 not distinguishable" ]
	compare --bench walk-depth a b
	[ "$status" -eq 1 ]
	[ "$stderr" = "nestwalk: nothing in common to compare: no point of these benches was measured" ]
	compare --metric no_such a b
	[ "$status" -eq 1 ]
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "Markdown, JSON and CSV" {
	make_run a 1
	make_run b 2 . "$(slower 160 1.1)"
	compare -f markdown a b
	[ "${lines[0]}" = "24 rows compared, 1 worse, 0 better, 23 not distinguishable." ]
	[[ "$output" == *"| row | base | other | ratio | verdict |"* ]]
	[[ "$(grep 'worse |$' <<<"$output")" == "| pages 160 | 14"*" | worse |" ]]
	compare -f json a b
	[ "$(jq -c '[.compared, .worse, .better, .differs, .alike, .unknown, (.rows | length), .level]' <<<"$output")" = '[24,1,0,0,23,0,24,0.01]' ]
	jq -e '.warnings | length > 0 and all(type == "string")' <<<"$output"
	jq -e '.rows[] | select(.verdict == "worse") | .base == "a" and .other == "b" and .metric == "gross_ns" and .ratio_lo < .ratio
		and .ratio < .ratio_hi and .p < 0.01 and .luck > 0 and .control == null and .reason == null' <<<"$output"
	compare -f csv a b
	[ "${#lines[@]}" -eq 25 ]
	[[ "${lines[0]}" == "base,other,bench,metric,unit,better,parameters,base_median,"*",p,luck,control"$'\r' ]]
	[ "$(grep -c ',worse,' <<<"$output")" -eq 1 ]
	compare -f xml a b
	[ "$status" -eq 2 ]
}

@test "eighty columns, whatever names there are" {
	long=$(printf 'x%.0s' {1..300})
	words='.params.words = "one two three four five six seven eight nine ten \(.params.pages)"'
	make_run a 1 ".machine.kernel.release = \"$long\"" "$words | .params.$long = .params.pages | .params[\"é\"] = \"\(\"ü\" * 200)\(.params.pages)\""
	make_run b 2 . "$words | .params.$long = .params.pages | .params[\"é\"] = \"\(\"ü\" * 200)\(.params.pages)\" | $(slower 160 1234567)"
	compare a b
	[ "$status" -eq 0 ]
	[ "$(widest)" -le 80 ]
	[ "$(grep -o ü <<<"$output" | wc -l)" -ge 4800 ]
	compare "$runs/complete" "$runs/counted"
	[ "$(widest)" -le 80 ]
	compare "$runs/guests" --by setting --metric all --all
	[ "$(widest)" -le 80 ]
}

@test "colour is for terminals, and not with NO_COLOR" {
	make_run a 1
	make_run b 2 . "$(slower 160 1.1)"
	compare a b
	[[ "$output" != *$'\033'* ]]
	run env TERM=xterm script -qec "'$nestwalk' compare a b" /dev/null
	[[ "$output" == *$'\033[31mworse\033[0m'* ]]
	run env TERM=xterm NO_COLOR=1 script -qec "'$nestwalk' compare a b" /dev/null
	[[ "$output" == *worse* && "$output" != *$'\033'* ]]
	run env TERM=dumb script -qec "'$nestwalk' compare a b" /dev/null
	[[ "$output" != *$'\033'* ]]
}

@test "every dimension that differs is told" {
	make_run a 1
	make_run b 2 '.version = "0.2.0" | .effort = "quick" | .machine.cpu.microcode = "0x2" | .machine.cpu.name = "other CPU"
		| .machine.kernel.release = "6.18.0" | .machine.page_sizes.thp.mode = "always" | .machine.noise.governors = ["powersave"]
		| .machine.mitigations.retbleed = "IBRS" | .machine.effective_leaf["4K"].leaf_bytes = 16384 | .machine.outer.name = "KVM"
		| .host = "elsewhere" | .clock.cycles_per_tsc.median = 1.6 | del(.machine.noise.smt_active)'
	compare -f json a b
	for words in "nestwalk differs: 0.1.0, 0.2.0" "effort differs: normal, quick" "microcode differs: 0x1, 0x2" \
		"CPU differs: made-up CPU, other CPU" "kernel differs: 6.1.0, 6.18.0" "transparent huge pages differs: madvise, always" \
		"governor differs: performance, powersave" "mitigations differs: none, IBRS" "effective leaf differs: 4096, 16384" \
		"what the host runs on differs: bare-metal, KVM" "host differs: made-up, elsewhere" "core clock differs: 3.00 to 3.20 GHz"; do
		jq -e --arg words "$words" '.warnings | any(startswith($words))' <<<"$output"
	done
	make_run c 3
	compare -f json a c
	jq -e '.warnings | all(contains("differs: ") | not)' <<<"$output"
}

@test "runs that did not go well are told" {
	make_run a 1
	make_run b 2 '.state = "interrupted" | .reason = "SIGINT" | .weather.quiet_share = 0.3' \
		'.contaminated = 9 | .samples.quiet = [range(15) | if . < 3 then 1 else 0 end]'
	printf '{"bench": "tlb-reach", "sett' >>b/points.jsonl
	compare -f json a b
	for words in "b is interrupted: SIGINT" "b is truncated" "b: the core was quiet in 30.0 % of readings" \
		"b: 216 rounds have no sample" "b: 24 points have fewer than 5 quiet samples" "these runs have no A/A control"; do
		jq -e --arg words "$words" '.warnings | any(startswith($words))' <<<"$output"
	done
}

@test "the host against itself is a limit" {
	make_run a 1
	jq -c '., (.setting = "host-again" | .samples.gross_ns[] *= 1.3)' a/points.jsonl >both
	mv both a/points.jsonl
	make_run b 2 . "$(slower 160 1.1)"
	make_run c 3 . "$(slower 160 1.5)"
	compare -f json a b
	jq -e '.compared == 24 and .alike == 24 and (.warnings | any(startswith("A/A: ")))' <<<"$output"
	compare -f json a c
	jq -e '.worse == 1 and (.rows[] | select(.verdict == "worse") | .control > 1.25)' <<<"$output"
}

@test "too few samples are no answer" {
	make_run a 1 . 'del(.samples[][4:])'
	make_run b 2 . "del(.samples[][4:]) | $(slower 160 2)"
	compare a b
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "24 rows compared, 0 worse, 0 better, 0 not distinguishable, 24 unknown" ]
	[[ "$flat" == *"24 of 24 rows have too few samples (4 against 4"* ]]
	[ "$(grep -c '?$' <<<"$output")" -eq 24 ]
}

@test "an emulator's times compare with nothing" {
	make_run a 1
	make_run b 2 . '.paging = "native" | .outer = "QEMU TCG"'
	compare a b
	[ "$status" -eq 1 ]
	[ "$stderr" = "nestwalk: nothing in common to compare: what both sides have are times of an emulated machine, or of interpreted code" ]
	compare "$runs/laboratory-emulated" "$runs/laboratory-emulated"
	[[ "$output$stderr" != *_ns* ]]
}

@test "a run that cannot be read is named, and the rest is compared" {
	make_run a 1
	make_run b 2
	for bad in "$runs/bad-schema" no-such "$runs/wrong-points"; do
		compare a "$bad" b
		[ "$status" -eq 0 ]
		[ "${lines[0]}" = "24 rows compared, 0 worse, 0 better, 24 not distinguishable" ]
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ "$stderr" == "nestwalk: "*"$bad"* ]]
	done
	compare a "$runs/bad-schema"
	[ "$status" -eq 1 ]
	[ "${#stderr_lines[@]}" -eq 2 ]
	compare no-such "$runs/bad-schema"
	[ "$status" -eq 1 ]
}

@test "unknown metrics and missing samples leave the other rows" {
	make_run a 1
	make_run b 2 . 'if .params.pages == 16 then .metrics.gross_ns = {median: null, lo: null, hi: null, unit: "ns", reason: "none"} | del(.samples.gross_ns)
		elif .params.pages == 32 then del(.samples)
		elif .params.pages == 48 then .status = "skipped" | .metrics = {} | del(.samples) else . end'
	compare -f json a b
	[ "$status" -eq 0 ]
	jq -e '.compared == 22 and .unknown == 1 and (.rows[] | select(.verdict == "unknown") | .parameters.pages == 32 and .reason != null)' <<<"$output"
}

@test "nothing in common is one message" {
	make_run a 1
	compare a "$runs/storms"
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	[ "$stderr" = "nestwalk: nothing in common to compare: no point was measured in the same way on both sides" ]
	compare a "$runs/empty"
	[ "$status" -eq 1 ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	compare a --by setting
	[ "$status" -eq 1 ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	compare a
	[ "$status" -eq 1 ]
	[[ "$stderr" == *"--by"* ]]
	compare a --by no-such
	[ "$status" -eq 1 ]
	[[ "$stderr" == "nestwalk: nothing is called 'no-such'"* ]]
	compare
	[ "$status" -eq 2 ]
}

@test "runs without traits tell no direction" {
	make_run a 1 'del(.metrics, .axes)'
	make_run b 2 'del(.metrics, .axes)' "$(slower 160 1.1)"
	compare --threshold 1% a b
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "24 rows compared, 0 worse, 0 better, 23 not distinguishable, 1 different" ]
	[[ "$flat" == *"runs too old to tell one"* ]]
}

@test "strangers' names reach the terminal as text" {
	evil=$'evil\033[2Jname\377\302\233'
	make_run a 1 ".host = \"h\\u001b[31m|x|\\u0007\" | .machine.kernel.release = \"<script>\\u202e\`id\`\"" '.params.word = "\u001b]0;title\u0007\u009b"'
	make_run "$evil" 2 '.state = "interrupted" | .reason = "\u009b31m"' '.params.word = "\u001b]0;title\u0007\u009b"'
	for format in text markdown json csv; do
		compare -f "$format" a "$evil"
		[ "$status" -eq 0 ]
		[[ "$output$stderr" != *$'\033'* && "$output$stderr" != *$'\a'* && "$output$stderr" != *$'\302\233'* ]]
		iconv -f UTF-8 -t UTF-8 <<<"$output" >/dev/null
	done
	compare a "$evil/none" "$evil"
	[[ "$stderr" != *$'\033'* ]]
}
