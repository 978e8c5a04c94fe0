#!/usr/bin/env bats
# The summary of a report: every number in it is computed once more, from points.jsonl and by jq. Measures nothing.

bats_require_minimum_version 1.5.0

setup() {
	nestwalk=${NESTWALK:-$BATS_TEST_DIRNAME/../../build/nestwalk}
	made=$BATS_TEST_TMPDIR/run
	out=$BATS_TEST_TMPDIR/report
	export NESTWALK_PLOTS=$BATS_TEST_DIRNAME/../../plots
}

# make_run SETTINGS: a made-up run of a host with a first TLB level of 72 entries and a second of 2048, the host once more, and a
# vCPU whose walks take 1.5 times as long. Nine samples of each point lie within 2 % of a median of their own.
make_run() {
	mkdir -p "$made"
	cat >"$made/run.json" <<-'END'
	{"schema": 1, "tool": "nestwalk", "version": "0.1.0", "seed": 42, "state": "complete", "started_utc": "then", "host": "made-up",
	 "weather": {"busy_share": 0.734},
	 "clock": {"tsc_hz": 2000000000, "cycles_per_tsc": {"median": 1.5, "lo": 1.5, "hi": 1.5, "unit": "cycles"}},
	 "counters": {"host": {"reason": "no PMU"}}, "machine": {"cpu": {"name": "made-up CPU"}, "outer": {"name": "bare-metal"},
	  "topology": {"caches": [{"level": 2, "type": "unified", "size_bytes": 1048576}]}}}
	END
	awk -v settings="$1" '
	function noisy(median) { return median * (0.98 + 0.04 * rand()) }
	function list(name, values,   i, k, v, sorted, text) {
		text = ""
		for (i = 0; i < 9; i++) {
			text = text (i ? "," : "") sprintf("%.7g", values[i])
			sorted[i] = values[i]
			for (k = i; k > 0 && sorted[k - 1] > sorted[k]; k--) { v = sorted[k]; sorted[k] = sorted[k - 1]; sorted[k - 1] = v }
		}
		samples = samples ",\"" name "\":[" text "]"
		metrics = metrics (metrics == "" ? "" : ",") sprintf("\"%s\":{\"median\":%.7g,\"lo\":%.7g,\"hi\":%.7g,\"unit\":\"%s\"}",
			name, sorted[4], sorted[1], sorted[7], name ~ /ns$/ ? "ns" : "cycles")
	}
	function both(name, values,   i, ns) {
		list(name "_cycles", values)
		for (i = 0; i < 9; i++) ns[i] = values[i] / 3
		list(name "_ns", ns)
	}
	function emit(bench, params) {
		printf "{\"bench\":\"%s\",\"setting\":\"%s\",\"paging\":\"%s\",\"outer\":\"bare-metal\",\"pass\":\"sweep\",\"params\":{%s}," \
			"\"status\":\"ok\",\"final\":true,\"metrics\":{%s},\"samples\":{\"round\":[0,1,2,3,4,5,6,7,8]%s}," \
			"\"memory\":{\"page_bytes\":4096,\"baseline_page_bytes\":2097152}}\n", bench, setting, setting ~ /host/ ? "native" : "shadow",
			params, metrics, samples
		metrics = samples = ""
	}
	function access(cost, base,   i, gross, baseline, net) {
		for (i = 0; i < 9; i++) { baseline[i] = noisy(base); net[i] = noisy(cost); gross[i] = baseline[i] + net[i] }
		both("gross", gross); both("baseline", baseline); both("net", net)
	}
	function fault(ns,   i, cycles) {
		for (i = 0; i < 9; i++) cycles[i] = noisy(3 * ns)
		both("fault", cycles)
	}
	BEGIN {
		srand(1)
		count = split(settings, name, " ")
		for (s = 1; s <= count; s++) {
			setting = name[s]
			for (i = 24; i <= 112; i++) {
				pages = int(2 ^ (i / 8) + 0.5)
				access(pages <= 72 ? 0.02 : pages <= 2048 ? 7 : (setting == "vcpu" ? 75 : 50), 4)
				emit("tlb-reach", "\"page_size_bytes\":4096,\"backing\":\"4K\",\"stride_pages\":1,\"pages\":" pages)
			}
		}
		setting = "host"
		for (bytes = 1048576; bytes <= 67108864; bytes *= 8) {
			access(60, 20); emit("huge-pages", "\"page_size_bytes\":4096,\"backing\":\"4K\",\"working_set_bytes\":" bytes)
			access(30, 20); emit("huge-pages", "\"page_size_bytes\":2097152,\"backing\":\"2M-thp\",\"working_set_bytes\":" bytes)
		}
		fault(512); emit("fault-storm", "\"kind\":\"anon-write\",\"frames\":\"recycled\",\"actors\":1")
		fault(6789); emit("fault-storm", "\"kind\":\"anon-write\",\"frames\":\"fresh\",\"actors\":1")
	}' >"$made/points.jsonl"
}

# report RUN: what stands between the title and the next heading.
summary_of() {
	PATH=/nonexistent "$nestwalk" report "$1" -o "$out" 2>/dev/null || :
	awk '/^# / { on = 1; next } /^## / { exit } on' "$out/report.md" >"$BATS_TEST_TMPDIR/summary"
	[ -s "$BATS_TEST_TMPDIR/summary" ]
}

# The pages at which the table's row about something was read: the last numbers before its second column.
pages_in() {
	sed -n "s/^| $1, \([0-9 ]*[0-9]\)\( to \([0-9]*\)\)\? pages.*/\1 \3/p" "$BATS_TEST_TMPDIR/summary" | head -1
}

# What the summary must say, from the samples alone: a number a line.
expected() {
	jq -rs --argjson first "$1" --argjson second "$2" --argjson from "$3" --argjson to "$4" '
	def median: sort | if length % 2 == 1 then .[length / 2 | floor] else (.[length / 2 - 1] + .[length / 2]) / 2 end;
	def reach($setting; $a; $b): map(select(.bench == "tlb-reach" and .setting == $setting and .params.pages >= $a and .params.pages <= $b));
	def of($name): map(.samples[$name][]) | median;
	def pairs($over; $under; $name): [range(0; $over | length) as $i | range(0; 9) as $k
		| $over[$i].samples[$name][$k] / $under[$i].samples[$name][$k]] | median;
	def huge($size): map(select(.bench == "huge-pages" and .params.page_size_bytes == $size and .params.working_set_bytes == 67108864));
	def fault($frames): map(select(.bench == "fault-storm" and .params.frames == $frames));
	[(("host", "vcpu") as $s | ("cycles", "ns") as $u | (reach($s; $first; $first) | of("gross_" + $u)), (reach($s; $second; $second) | of("net_" + $u)),
		(reach($s; $from; $to) | of("net_" + $u))),
	pairs(reach("vcpu"; $from; $to); reach("host"; $from; $to); "net_ns"),
	pairs(reach("host-again"; $from; $to); reach("host"; $from; $to); "net_ns"),
	pairs(huge(4096); huge(2097152); "gross_ns"),
	(("recycled", "fresh") as $f | ("cycles", "ns") as $u | fault($f) | of("fault_" + $u)),
	73.4, 64, $first, $second, $from, $to] | .[]' "$made/points.jsonl"
}

@test "every number of the summary follows from points.jsonl" {
	local first second from to

	make_run 'host host-again vcpu'
	summary_of "$made"
	read -r first _ <<<"$(pages_in 'a hit in the first TLB level')"
	read -r second _ <<<"$(pages_in 'a hit in the second level adds')"
	read -r from to <<<"$(pages_in 'a page walk adds')"
	[ "$first" -le 72 ]
	[ "$second" -gt 72 ] && [ "$second" -le 2048 ]
	[ "$from" -gt 2048 ] && [ "$to" -gt "$from" ] && [ "$to" -le 6208 ]
	expected "$first" "$second" "$from" "$to" >"$BATS_TEST_TMPDIR/expected"

	# Without intervals, names of page sizes and the title's line: each number is one of those, and each of those is there.
	# Three digits are told, so that they are the same within half a per cent.
	sed -E '/^Measured by/d; s/\[[^]]*\]//g; s/\b(4K|2M)\b//g; s/([0-9]) ([0-9]{3})\b/\1\2/g' "$BATS_TEST_TMPDIR/summary" |
		grep -oE '[0-9]+(\.[0-9]+)?' >"$BATS_TEST_TMPDIR/told"
	run awk '
	function near(a, b) { return a >= b * 0.994 && a <= b * 1.006 }
	NR == FNR { expected[NR] = $1; n = NR; next }
	{
		known = 0
		for (i = 1; i <= n; i++) if (near($1, expected[i])) { known = 1; seen[i] = 1 }
		if (!known) print "nobody computed " $1
	}
	END { for (i = 1; i <= n; i++) if (!seen[i]) print "not told: " expected[i] }' "$BATS_TEST_TMPDIR/expected" "$BATS_TEST_TMPDIR/told"
	[ -z "$output" ] || { echo "$output"; cat "$BATS_TEST_TMPDIR/summary"; false; }

	# An interval holds its number, and nothing beyond 3 % of it, which is more than any sample is off.
	run awk '{
		while (match($0, /[0-9.]+ \[[0-9.]+, [0-9.]+\]/)) {
			split(substr($0, RSTART, RLENGTH), v, /[^0-9.]+/)
			if (v[2] > v[1] * 1.001 || v[3] < v[1] * 0.999 || v[2] < v[1] * 0.97 || v[3] > v[1] * 1.03) print v[1], v[2], v[3]
			intervals++
			$0 = substr($0, RSTART + RLENGTH)
		}
	} END { if (intervals < 10) print intervals + 0 " intervals" }' "$BATS_TEST_TMPDIR/summary"
	[ -z "$output" ] || { echo "$output"; false; }
}

@test "the summary is at most eight sentences and one table" {
	make_run 'host host-again vcpu'
	summary_of "$made"
	# A sentence ends in a full stop that no digit follows.
	[ "$(grep -v '^|' "$BATS_TEST_TMPDIR/summary" | grep -oE '\.( |$)' | wc -l)" -le 8 ]
	[ "$(grep -c '^| ---' "$BATS_TEST_TMPDIR/summary")" -eq 1 ]
	grep -q 'translation takes 1\.[0-9]* \[.*\] times as long as on the host in the vcpu under shadow paging' "$BATS_TEST_TMPDIR/summary"
	grep -qF 'Nested paging is not held against shadow paging' "$BATS_TEST_TMPDIR/summary"
	grep -qF 'Hardware counted nothing: no PMU.' "$BATS_TEST_TMPDIR/summary"
	grep -qF 'was busy in 73.4 % of the looks at it.' "$BATS_TEST_TMPDIR/summary"
}

@test "the control is no place of a figure or table, and claims nothing" {
	make_run 'host host-again'
	summary_of "$made"
	[ "$(grep -c 'host-again' "$out/report.md")" -eq 0 ] || { grep -n host-again "$out/report.md"; false; }
	run grep -l 'host-again' "$out"/*.tsv
	[ "$status" -eq 1 ]
	# Where packed lines are compared it stands beside, under its own name.
	grep -q 'host, once more' "$out/baseline-ratio.tsv"
	[ "$("$nestwalk" query -f tsv "$made" "SELECT SUM(control) - SUM(setting = 'host' AND bench = 'tlb-reach') FROM point" | tail -1)" -eq 0 ]
	[ "$("$nestwalk" query -f tsv "$made" "SELECT COUNT(*) FROM tlb_reach WHERE setting <> 'host'" | tail -1)" -eq 0 ]
}

@test "a run without a control or a guest says so" {
	make_run 'host vcpu'
	summary_of "$made"
	grep -qF 'this run has no A/A control' "$BATS_TEST_TMPDIR/summary"
	make_run host
	summary_of "$made"
	grep -qF 'as no guest was measured' "$BATS_TEST_TMPDIR/summary"
	run ! grep -q 'Where walks are read' "$BATS_TEST_TMPDIR/summary"
}

@test "what a page of 2M is held in is told, and makes net a lower bound where the baseline misses" {
	local file=$BATS_TEST_TMPDIR/run.sqlite

	type sqlite3 || skip "no sqlite3 to say what a page is held in"
	make_run 'host host-again vcpu'
	summary_of "$made"
	grep -qF 'In what pieces the TLB holds a page of 2M is not known' "$BATS_TEST_TMPDIR/summary"
	grep -q 'unknown$' "$out/tlb-reach-4K-stride1.tsv"
	run ! grep -q 'page walk adds at least' "$BATS_TEST_TMPDIR/summary"
	"$nestwalk" export "$made" -o "$file"
	sqlite3 "$file" "INSERT OR REPLACE INTO effective_leaf (run, backing, page_size_bytes, leaf_bytes) VALUES (1, '2M-thp', 2097152, 4096);
		UPDATE baseline SET leaf_bytes = 4096, pieces = (bytes + 4095) / 4096, entries = 72, in_reach = (bytes + 4095) / 4096 <= 72"
	summary_of "$file"
	grep -qF 'A page of 2M is held in pieces of 4K' "$BATS_TEST_TMPDIR/summary"
	grep -qF 'From 4871 pages on net is a lower bound: the packed lines lie in pieces of 4K' "$out/report.md"
	[ "$(grep -c 'edge$' "$out/tlb-reach-4K-stride1.tsv")" -eq 2 ]
	grep -q '	4467	.*edge$' "$out/tlb-reach-4K-stride1.tsv"
	# The overview draws the same dotted, and says so.
	[ "$(grep -c 'edge$' "$out/overview.tsv")" -eq 2 ]
	grep -qF 'Dotted lines are lower bounds' "$out/report.md"
	grep -q 'cost .* or more an access on the host' "$out/report.md"
	# Where walks are read, 32 entries hold no baseline.
	sqlite3 "$file" 'UPDATE baseline SET entries = 32, in_reach = pieces <= 32'
	summary_of "$file"
	grep -q 'and a page walk adds at least [0-9.]* (' "$BATS_TEST_TMPDIR/summary"
	grep -q '^| a page walk adds at least, ' "$BATS_TEST_TMPDIR/summary"
}
