#!/usr/bin/env bats
# nestwalk report: what report.md says of runs that are unfinished, emulated, counted by hardware or hostile. Measures nothing.

setup() {
	nestwalk=${NESTWALK:-$BATS_TEST_DIRNAME/../../build/nestwalk}
	runs=$BATS_TEST_DIRNAME/../fixtures/runs
	out=$BATS_TEST_TMPDIR/report
	made=$BATS_TEST_TMPDIR/run
	export NESTWALK_PLOTS=$BATS_TEST_DIRNAME/../../plots
}

# write RUN: its report, without pictures where there need be none: without gnuplot in the path nothing is drawn.
write() {
	rm -rf "$out"
	PATH=/nonexistent "$nestwalk" report "$1" -o "$out" 2>/dev/null || :
	[ -s "$out/report.md" ]
	[ -s "$out/report.html" ]
}

# changed RUN SED: a copy of a run whose points went through sed.
changed() {
	mkdir -p "$made"
	cp "$runs/$1/run.json" "$made"
	sed -E "$2" "$runs/$1/points.jsonl" >"$made/points.jsonl"
	! cmp -s "$runs/$1/points.jsonl" "$made/points.jsonl"
}

says() {
	grep -qF -- "$1" "$out/${2:-report.md}" || { echo "${2:-report.md} does not say: $1"; return 1; }
}

says_not() {
	! grep -F -- "$1" "$out/${2:-report.md}"
}

@test "a run that did not end says so first, and that its last line was cut off" {
	write "$runs/truncated"
	says '**This run has not finished, or was killed.**'
	says 'The last line of its points was cut off and is left out.'
	write "$runs/killed"
	says '**This run has not finished, or was killed.**'
	says_not 'cut off'
	changed complete 's/$/ /'
	sed -i 's/"state": "complete"/"state": "interrupted"/; s/"reason": null/"reason": "by signal 2"/' "$made/run.json"
	write "$made"
	says '**This run was interrupted:** by signal 2.'
	write "$runs/complete"
	says_not '**This run'
}

@test "a run without any time of a processor says so" {
	for run in empty all-skipped emulated; do
		write "$runs/$run"
		says 'The run has no times of a processor, so no figure of times is drawn.'
	done
	write "$runs/system"
	says_not 'no times of a processor'
}

@test "an emulated machine's times are in no table and no sentence, its counts are" {
	write "$runs/emulated"
	says '6 of 6 points were measured on an emulated machine.'
	says '| tlb-reach | vcpu | nested | 64 | 3 | 192 | 192 | 12 | 0 |'
	says_not 'an access takes'
	[ ! -e "$out/tlb-reach-4K-stride1.tsv" ]
	write "$runs/laboratory-emulated"
	says '| guest-warm, shuffled | 2.00 | ≥ 1 | 2.00 | 0.0010 | 0 |'
	says_not 4300
	# Nor beside a processor's.
	write "$runs/system"
	says '4 of 125 points were measured on an emulated machine.'
	run grep -lE 'software|41580|36960' "$out"/*.tsv
	[ "$status" -eq 1 ]
	says_not 41580
	says_not 36960
}

@test "no picture of times has an emulated series" {
	run "$nestwalk" report "$runs/system" -o "$out"
	[ "$status" -eq 0 ]
	[ -e "$out/shootdowns.svg" ]
	run grep -l software "$out"/*.svg
	[ "$status" -eq 1 ]
}

@test "interpreted times are not told, interpreted counts are marked" {
	changed laboratory 's/^\{/{"interpreted":true,/'
	write "$made"
	[ ! -e "$out/guest-faults-times.tsv" ]
	says 'vcpu, nested paging, interpreted' guest-faults.tsv
	# The interpreter's traces are in the touches after it: they are no cost of a load either.
	says '| same root, without PCID | 0.0060 | – | – | – |'
	says_not '80.2 /'
	says_not '(cr3-loads.svg)'
	says_not '| 180'
	write "$runs/laboratory"
	says '| same root, without PCID | 0.0060 |'
	says '80.2 / 4.53 (16 pages)'
}

@test "interpreted faults take no part in comparisons and crossovers" {
	changed guests '/"vcpu-fault".*"shadow"|"shadow".*"vcpu-fault"/s/^\{/{"interpreted":true,/; /"vcpu-fault"/s/"interpreted":false,?//; s/,\}/}/'
	write "$made"
	says_not 'fault on warm memory' comparison.tsv
	says_not 'vcpu, shadow' crossover.tsv
	# Its accesses are not interpreted.
	says 'vcpu, shadow paging' comparison.tsv
}

@test "what cannot be told apart is ~, what has too few samples is ?" {
	write "$runs/complete"
	says '`~`: no difference is claimed; `?`: there are too few samples for an interval, so that no dot is drawn.'
	says '**vcpu, nested paging** against host, of 2 rows: 1 cannot be told apart (`~`), 1 took longer, 0 less long. Most was added to *an access, by TLB level: 4K, beyond each level: 4096 pages*: it took 1.50 times as long.'
	says '| vcpu, nested paging | 1.33 [1.33, 1.34] | ~ 1.000 [1.000, 1.000] |'
	# One pair of samples tells no difference.
	mkdir -p "$made"
	cp "$BATS_TEST_DIRNAME/../../results/reference/run.json" "$made"
	jq -c 'select(.bench == "tlb-reach" or .bench == "huge-pages") | if .samples.round then .samples |= map_values(.[0:1]) else . end' \
		"$BATS_TEST_DIRNAME/../../results/reference/points.jsonl" >"$made/points.jsonl"
	write "$made"
	says 'have too few samples to tell.'
	says_not 'Most was added'
	grep -q '| vcpu, shadow paging | [^|]* | ? [0-9.]* |' "$out/report.md"
}

@test "counters that agree with the times, and ones that do not" {
	write "$runs/counted"
	says '- **host, counters**: The walks **agree** with the accesses at all 2 points: 1.000 walks an access'
	says 'The cycles of walks **agree** with the net cycles at all 2 points: 95.6 cycles of walks an access by the counter, 95.6 net cycles'
	says 'The cycles of walks **disagree** with the net cycles at 2 of 2 points: 45.3 cycles of walks an access by the counter, 151.0 net cycles'
	says 'Scaled counts were taken for a part of the time and scaled up; they are estimates.'
	says 'Generic counts are of an event that the kernel chooses; what it counts differs between CPUs.'
	says '| hardware counters | cycles, dtlb_load_misses_l1, dtlb_load_walks, dtlb_walk_cycles |'
	grep -q $'\tyes$' "$out/tlb-reach-4K-stride1.counters.tsv"
	changed counted 's/("dtlb_load_walks_per_access":\{"median":)1,/\10.5,/'
	write "$made"
	says 'The walks **disagree** with the accesses at'
	says '0.500 walks an access'
}

@test "where nothing was counted nothing is said of counts, and the table of times is the same" {
	write "$runs/counted"
	grep -v '^#' "$out/tlb-reach-4K-stride1.tsv" >"$BATS_TEST_TMPDIR/with"
	write "$runs/complete"
	grep -v '^#' "$out/tlb-reach-4K-stride1.tsv" | cmp - "$BATS_TEST_TMPDIR/with"
	says_not 'counters**'
	says_not 'Cycles of one page walk'
	[ ! -e "$out/walk-cycles.tsv" ]
	[ ! -e "$out/tlb-reach-4K-stride1.counters.tsv" ]
	# Walks without an event for their cycles: they are told, the cycles of one are not.
	changed counted 's/"dtlb_walk_cycles_per_access"/"other_per_access"/g; s/"walk_cycles_per_walk"/"another"/g'
	write "$made"
	[ ! -e "$out/walk-cycles.tsv" ]
	says '| dtlb_load_walks | host | 8192 | 1.00 |'
}

@test "numbers that are not known have their reasons" {
	write "$runs/counted"
	says '| 23 | tlb-reach | host | stlb_flushes_per_access | the kernel refused it: Invalid argument |'
	write "$runs/storms"
	says '| 15 | fault-storm | guest, shadow paging | system_share | the guest has no clock of the system'
	says '| 1 | fault-storm | guest, shadow paging | fault_cycles, fault_ns | one call populates all pages |'
	says '`–`: blocks are not touched; the allocator does not tell.'
	write "$runs/system"
	says '`–`: no other CPU has the pages; /proc/interrupts says nothing of a guest.'
	says '`–`: munmap() was late.'
	says '| 1 | space-switch | guest, shadow paging | refill_cycles, refill_ns | the clock stood still |'
}

@test "what was skipped or failed is named with its reason" {
	write "$runs/system"
	says '| 2 | tlb-shootdown | guest, shadow paging | operation munmap, others 7 | skipped | this run may use 4 CPUs |'
	says '| error | \`\<no\>\` 1G pages \| \*here\* |'
	write "$runs/storms"
	says '| host | hugetlb-write (recycled) | no free pages |'
	says '| host | userfault-missing (recycled), userfault-minor (recycled) | userfaultfd is \<not\> allowed |'
	says '| error | a worker was killed: Killed |'
}

@test "a percentile that too few faults lie beyond is left out, with the reason" {
	write "$runs/storms"
	# 1000 faults: ten of them are beyond 99 %, one is beyond 99.9 %.
	says '| host | anon-write | recycled | one actor alone | 1000 | 100 [90, 110] | 100 [90, 110] | 200 [180, 220] | – | 6000 [5400, 6600] |'
	says '`–`: fewer than ten of these faults took longer'
	changed storms '/"kind":"anon-write"/s/("buckets":\[\[[0-9]+,[0-9]+),[0-9]+\]/\1,20000]/'
	write "$made"
	says '| 200 [180, 220] | 200 [180, 220] | 6000'
}

@test "what takes no fault has no rate of faults, and says so" {
	changed storms '/"kind":"shared-write"/s/"faults_per_page":\{"median":[0-9.]+,"lo":[0-9.]+,"hi":[0-9.]+/"faults_per_page":{"median":0,"lo":0,"hi":0/'
	write "$made"
	says 'No rate is given of what takes no fault here: shared-write.'
	says_not shared-write storm-rates.tsv
	says $'shared-write\twrite to a page that a memfd has\tno fault: write to a page' storm-costs.tsv
	write "$runs/storms"
	says_not 'No rate is given'
}

@test "huge pages scale in bytes zeroed a second" {
	changed storms '/"thp-write"/d; s/"kind":"anon-write"/"kind":"thp-write"/'
	write "$made"
	says '- **host**, thp-write, recycled frames: one actor alone zeroes 1942 GB/s, 48 threads together'
	says 'Processes fall short of an efficiency of 1, too'
	write "$runs/storms"
	says_not 'GB/s'
}

# weathered: a copy of a run whose every fourth round was quiet.
weathered() {
	mkdir -p "$made"
	jq '.weather = {floor_cycles: 4, quiet_below_cycles: 4.2, quiet_share: 0.27, busy_share: 0.73, pages: 64, lines: 64, readings: 1000}' \
		"$runs/complete/run.json" >"$made/run.json"
	jq -c 'if .samples.round then .samples += {at_s: [.samples.round[] | . * 1.0],
		weather: [.samples.round[] | if . % 4 == 0 then 4.1 else 9.5 end],
		quiet: [.samples.round[] | if . % 4 == 0 then 1 else 0 end]} else . end' \
		"$runs/complete/points.jsonl" >"$made/points.jsonl"
}

@test "the weather of a run is told and drawn, and of a run without it nothing is" {
	weathered
	run "$nestwalk" report "$made" -o "$out"
	[ "$status" -eq 0 ]
	says 'here 4.00 core cycles an access.'
	says "found the core's other thread busy in 73.0 %."
	says 'From one interval of 0.500 s to the next it was quiet in 0 to 100 % of the samples.'
	grep -q 'quiet samples' "$out/weather.svg"
	# Intervals are in their order, and their shares are those of their samples: a sample is as many seconds old as its round.
	awk -F '\t' '/^#/ { next } !head { for (i = 1; i <= NF; i++) at[$i] = i; head = 1; next }
		{ rows++; if ($at["time_s"] <= last || ($at["quiet_percent"] == 100) != (int($at["time_s"]) % 4 == 0)) bad = 1; last = $at["time_s"] } END { exit bad || rows < 3 }' "$out/weather.tsv"
	# The last sample of a longer run lies in its last interval, and not alone behind it.
	jq -c 'if .samples.at_s then .samples.at_s |= map(. * 10) else . end' "$made/points.jsonl" >"$made/later.jsonl"
	mv "$made/later.jsonl" "$made/points.jsonl"
	write "$made"
	[ "$(awk -F '\t' '!/^#/ && $1 + 0 > most { most = $1 + 0; width = $2 } END { print most + width / 2 }' "$out/weather.tsv")" = \
		"$(jq -s '[.[].samples.at_s[]?] | max' "$made/points.jsonl")" ]
	write "$runs/complete"
	says_not 'canary'
	says_not 'other thread'
	[ ! -e "$out/weather.tsv" ]
	jq '.weather = {floor_cycles: null, quiet_below_cycles: null, quiet_share: null, reason: "no memory for a canary"}' \
		"$runs/complete/run.json" >"$made/run.json"
	cp "$runs/complete/points.jsonl" "$made"
	write "$made"
	says "Whether somebody else used the core's other thread is not known: no memory for a canary."
	[ ! -e "$out/weather.tsv" ]
}

@test "what a busy sibling takes is drawn beside an idle one, and nothing is where only one was measured" {
	mkdir -p "$made"
	cp "$runs/complete/run.json" "$made"
	# The same curves twice: with the sibling busy, the chase starts to miss at a quarter of the pages.
	jq -c 'if .bench == "tlb-reach" and .params.pages then .params.sibling = "idle", (.params.sibling = "busy" | .params.pages = (.params.pages / 4 | floor)) else . end
		| select(.params.pages != 0)' "$runs/complete/points.jsonl" >"$made/points.jsonl"
	run "$nestwalk" report "$made" -o "$out"
	[ "$status" -eq 0 ]
	says 'What a busy sibling takes of the TLB'
	grep -q '	busy	' "$out/sibling.tsv"
	grep -q '	idle	' "$out/sibling.tsv"
	grep -q 'translation adds' "$out/sibling.svg"
	write "$runs/complete"
	says_not 'busy sibling'
	[ ! -e "$out/sibling.tsv" ]
}

@test "samples far above their median are counted, whatever disturbed them" {
	write "$runs/complete"
	says_not 'Not everything that disturbs'
	changed complete 's/("gross_cycles":\[)[0-9.]+,/\12222,/'
	write "$made"
	says 'more than twice the median of their points'
}

@test "where paging modes cross, and where they do not" {
	write "$runs/guests"
	says '= 76.3 [62.3, 89.7] misses for each change. With fewer nested paging costs less, with more shadow paging.'
	says '= 100 [96.9, 103] misses for each change.'
	says 'They do not cross: shadow paging costs less at every mix.'
	says 'vcpu, shadow paging has no line: it has no time of a fault on a recycled frame that was measured as on the host.'
	changed guests '/"setting":"guest","paging":"nested"/d'
	write "$made"
	says 'Of the two paging modes of a guest only shadow was measured, so nothing can cross.'
	says '`make bench-paging`'
	says_not '= 76.3'
}

@test "misses beside another baseline are said to be so, and their nets have no ratio" {
	write "$runs/guests"
	says_not 'another baseline'
	changed guests '/"guest","paging":"nested"/s/"baseline_ns":\[[^]]*\]/"baseline_ns":[2.5,2.51,2.52]/'
	write "$made"
	says "The *M* of guest, nested paging is what is left beside another baseline than the host's: the packed lines alone take 1.5"
	says 'an access with its data takes'
	[ "$("$nestwalk" query -f tsv "$made" "SELECT COUNT(*) FROM walk_ratio WHERE ratio IS NULL AND reason LIKE 'the packed lines%'" | tail -1)" -eq 1 ]
}

@test "what is known of PCID, and how far tables are from the formula" {
	write "$runs/system"
	says '**PCID is on** here'
	says 'in 13 points; the farthest is 20.0 % below it.'
	changed system '/"distance_bytes":2097152,"pages":512/{/"page_size_bytes":4096/d}'
	sed -i 's/"pcid": true/"pcid": false/' "$made/run.json"
	write "$made"
	says '**PCID is off**'
	says 'in 12 points, and all of them meet it.'
	sed -i 's/"pcid": false/"pcid": null/' "$made/run.json"
	write "$made"
	says '**Whether PCID is on is unknown**'
}

@test "one CPU has no shootdowns, and one actor says nothing of scaling" {
	changed system '/"others":([1-9]|1[0-9]|[34][0-9])/d'
	write "$made"
	says 'No other CPU took part'
	[ ! -e "$out/shootdown-cpus.tsv" ]
	# One other CPU makes two rows of a table, and no picture.
	changed system '/"others":([2-9]|1[0-9]|[34][0-9])/d'
	write "$made"
	says '## What other CPUs add to it'
	says_not '(shootdown-cpus.svg)'
	says '| host | munmap | 512 | 1 |'
	changed storms '/"actors":([2-9]|1[0-9]|[34][0-9])/d'
	write "$made"
	says 'says nothing of scaling'
	says_not processes storm-rates.tsv
}

@test "markup in names and reasons stays text, in Markdown and in HTML" {
	changed complete 's/no 1G pages reserved: [^"]*/`rm` | <b>x<\/b> ![i](http:\/\/x\/y.png)\\n# not a heading\\n| a | b |/'
	sed -i 's/"name": "Example_CPU[^"]*"/"name": "<script>alert(1)<\/script> | *x* [a](b)"/; s/"host": "fixture"/"host": "<img src=\\"http:\/\/x\/y\\"> **h**"/' "$made/run.json"
	grep -q 'script>alert' "$made/run.json"
	run "$nestwalk" report "$made" -o "$out"
	[ "$status" -eq 0 ]
	says '# What address translation costs: \<script\>alert(1)\</script\> \| \*x\* [a\](b)'
	# The reason is one cell of one line.
	says '| skipped | \`rm\` \| \<b\>x\</b\> ![i\](http://x/y.png) # not a heading \| a \| b \| |'
	[ "$(grep -c '^#.*not a heading' "$out/report.md")" -eq 0 ]
	for markup in '<script' '<b>' '<a href="b"' 'src="http' '<em>x</em>' '<strong>h</strong>' 'not a heading</h'; do
		says_not "$markup" report.html
	done
	says '&lt;script&gt;alert(1)&lt;/script&gt; | *x* [a](b)</h1>' report.html
	says '# not a heading' report.html
	says_not '<script' overview.svg
	says '&lt;script' overview.svg
}

# Every value of every other point, of its parameters, metrics, samples, counters and latencies.
@test "values of the wrong kind are left out, and never stop the report" {
	local name wrong

	mkdir "$made"
	for name in counted guests storms system laboratory; do
		cp "$runs/$name/run.json" "$made"
		for wrong in null -1 '"a\\tb|<\\n"' '[]' '{}' 1e308; do
			awk -v wrong="$wrong" 'NR % 2 { print; next }
				{ at = index($0, "\"params\":"); rest = substr($0, at)
				  gsub(/:(-?[0-9][-+.eE0-9]*|null|true|false|"[^"]*")/, ":" wrong, rest)
				  sub(/"status":[^,]*/, "\"status\":\"ok\"", rest)
				  print substr($0, 1, at - 1) rest }' "$runs/$name/points.jsonl" >"$made/points.jsonl"
			rm -rf "$out"
			run env PATH=/nonexistent "$nestwalk" report "$made" -o "$out"
			echo "$name with $wrong: $output"
			[ "$status" -le 1 ]
			[ -s "$out/report.html" ]
			says_not 'Not made'
		done
	done
}
