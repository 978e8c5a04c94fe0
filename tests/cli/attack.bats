#!/usr/bin/env bats
# What somebody may hand over to do harm: links, pipes, devices, names, files for libraries, numbers. No file outside is read or
# written, nothing hangs, and one line says what is wrong.

bats_require_minimum_version 1.5.0

setup() {
	nestwalk=$PWD/${NESTWALK:-build/nestwalk}
	case ${NESTWALK:-} in /*) nestwalk=$NESTWALK ;; esac
	runs=$BATS_TEST_DIRNAME/../fixtures/runs
	machines=$BATS_TEST_DIRNAME/../fixtures/machines
	cd "$BATS_TEST_TMPDIR" || return
	cp -r "$runs/join-host" run
	chmod -R u+w run
	echo precious >precious
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

# Nothing of these tests takes long: what is killed by this hangs.
soon() {
	timeout -k 1 20 "$nestwalk" "$@"
}

is_precious() {
	[ "$(cat precious)" = precious ]
}

# A report with one small figure, and so with each kind of file.
small_plots() {
	mkdir -p plots/small
	echo 'SELECT setting AS label, pages, net_ns FROM tlb_reach' >plots/small/table.sql
	printf '## Small\n\n{{figure: Small | Small}}\n' >plots/small/text.md
	echo 'lines = "label"; x_column = "pages"; y_column = "net_ns"; y_lo = ""; y_hi = ""; x_title = "x"; y_title = "y"; load "grid.gp"' \
		>plots/small/figure.gp
	echo '{{include: small}}' >plots/report.md
}

@test "a report is not written through links, pipes or second names" {
	small_plots
	soon report -p plots run
	files=$(cd run/report && echo *)
	[[ $files == *report.html*report.md*small.png*small.svg*small.tsv* ]]
	for file in $files; do
		ln -sf "$PWD/precious" "run/report/$file"
		ln -sf "$PWD/precious" "run/report/$file.partial"
	done
	soon report -p plots run
	is_precious
	for file in $files; do
		[ -f "run/report/$file" ] && [ ! -L "run/report/$file" ]
		ln -f precious "run/report/$file"
	done
	soon report -p plots run
	is_precious
	for file in $files; do
		rm "run/report/$file"
		mkfifo "run/report/$file"
	done
	soon report -p plots run
	[ -f run/report/report.md ]
}

@test "a site is not written through links, and waits for no pipe" {
	small_plots
	mkdir results
	mv run results
	soon site -p plots -o site results
	[ -s site/index.html ]
	for file in index.html index.html.partial; do
		ln -sf "$PWD/precious" "site/$file"
	done
	find site -name '*.json' -type f >rows
	[ -s rows ]
	while read -r row; do
		rm "$row" && mkfifo "$row"
	done <rows
	soon site -p plots -o site results
	is_precious
	[ -f site/index.html ] && [ ! -L site/index.html ]
	mkfifo site.conf
	run soon site -p plots -o site --conf site.conf results
	[ "$status" -ne 0 ] && [ "$status" -ne 124 ]
}

@test "a report that is itself a link is refused" {
	small_plots
	mkdir elsewhere
	ln -s "$PWD/elsewhere" run/report
	run soon report -p plots run
	[ "$status" -eq 1 ]
	[[ $output == *"run/report is a link"* ]]
	[ -z "$(ls elsewhere)" ]
}

@test "an export does not write through links" {
	for name in all.sqlite all.csv; do
		ln -s precious "$name"
		ln -s precious "$name.partial"
		ln -s precious "$name.partial-journal"
		soon export run -o "$name"
		is_precious
		[ -f "$name" ] && [ ! -L "$name" ]
	done
}

@test "a run's name is no command and no option" {
	small_plots
	for name in '<touch PWNED;' '|touch PWNED;' '$(touch PWNED)' '`touch PWNED`' '~' '%s%n' "it's" '"a"' 'a,b' 'a b'; do
		cp -r "$runs/join-host" "$name"
		chmod -R u+w "$name"
		soon report -p plots "./$name"
		[ -s "$name/report/report.html" ]
		soon check "./$name"
		soon report -p plots run -o "./$name.out"
	done
	[ ! -e PWNED ]
}

@test "gnuplot's own settings do not reach a report" {
	small_plots
	mkdir home
	echo 'system "touch PWNED"' >home/.gnuplot
	HOME=$PWD/home GNUTERM='x11; system "touch PWNED"' soon report -p plots run
	[ ! -e PWNED ] && [ ! -e run/report/PWNED ] && [ ! -e home/PWNED ]
}

@test "no file of a run is waited for, or read without end" {
	"$nestwalk" merge "$runs/join-host" "$runs/join-guest=nested" -o both
	for file in run.json points.jsonl topology.xml joined/1-run.json; do
		for kind in pipe zero directory link huge; do
			rm -rf bad
			cp -r both bad
			rm "bad/$file"
			case $kind in
			pipe) mkfifo "bad/$file" ;;
			zero) ln -s /dev/zero "bad/$file" ;;
			directory) mkdir "bad/$file" ;;
			link) ln -s "$PWD/both/$file" "bad/$file" ;;
			huge) truncate -s 20G "bad/$file" ;;
			esac
			for command in check tlb report; do
				[ "$command" = check ] || [[ $file != topology.xml && $file != joined/* ]] || continue
				run soon "$command" bad
				[ "$status" -eq 1 ] || { echo "$command $file $kind: $status $output" && false; }
				[ "${#output}" -lt 1000 ]
			done
			run soon merge bad "$runs/join-shadow" -o out
			[ "$status" -eq 1 ]
			[ ! -e out ]
		done
	done
}

@test "a line without an end is refused before the memory is full" {
	[[ $nestwalk != *sanitize* ]] || skip "the sanitizers' own memory is more than the limit"
	truncate -s 100M run/points.jsonl
	(ulimit -v 1500000 && run soon check run && [ "$status" -eq 1 ] && [[ $output == *"File too large"* ]])
}

# The library that reads topology.xml crashes on these.
bad_topologies() {
	sed 's/complete_cpuset/cgmplete_cpuset/' "$runs/join-host/topology.xml" >misspelt
	{ sed -n 1,3p "$runs/join-host/topology.xml" && yes '<object type="Group">' | head -n 300000; } >deep
	head -c 1000 "$runs/join-host/topology.xml" >short
	tr ' ' '\0' <"$runs/join-host/topology.xml" >zeros
}

@test "a topology that crashes hwloc is a finding" {
	bad_topologies
	for file in misspelt deep short zeros; do
		cp "$file" run/topology.xml
		run soon check run
		[ "$status" -eq 1 ]
		[[ ${lines[0]} == *"topology.xml:1: not a topology"* ]]
	done
}

@test "a recorded machine may hold anything" {
	bad_topologies
	cp -r "$machines/intel-ept" machine
	chmod -R u+w machine
	for file in misspelt deep short; do
		cp "$file" machine/topology.xml
		run soon env --root machine
		[ "$status" -le 1 ]
	done
	rm -f machine/topology.xml machine/cpuid.txt
	for kind in pipe link; do
		[ "$kind" = pipe ] && mkfifo machine/topology.xml machine/cpuid.txt
		[ "$kind" = link ] && ln -sf /dev/zero machine/topology.xml && ln -sf /dev/zero machine/cpuid.txt
		# A link leads to a file of the recording, which has none such.
		run soon env --root machine
		[ "$status" -le 1 ]
		[[ $kind = link || $output == *"not a regular file"* ]]
	done
	rm -f machine/topology.xml machine/cpuid.txt
	find machine -type f -name 'online' -o -type f -name 'cpuinfo' -o -type f -name 'meminfo' >names
	while read -r name; do
		rm "$name" && mkfifo "$name"
	done <names
	run soon env --root machine
	[ "$status" -le 1 ]
	mkfifo pipe
	run soon env --cpuid pipe
	[ "$status" -eq 1 ]
}

# join_list JSON: a run that says it was joined of these.
join_list() {
	rm -rf bad out
	cp -r "$runs/join-host" bad
	chmod -R u+w bad
	mkdir -p bad/joined
	jq ".joined = $1" "$runs/join-host/run.json" >bad/run.json
}

@test "a joined run names files of its own only" {
	echo secret >secret
	good='"as": "host", "paging": null, "paging_reason": "-", "accel": null, "accel_reason": "-", "host": "h", "outer": "none",
		"started_utc": null, "started_utc_reason": "-", "points": 0, "warnings": []'
	for file in ../secret joined/../../secret "$PWD/secret" /dev/zero joined/ joined joined//a ../bad/run.json joined/.. joined/link; do
		join_list "[{\"file\": \"$file\", $good}]"
		ln -s "$PWD/secret" bad/joined/link
		run soon check bad
		[ "$status" -eq 1 ]
		for others in "$runs/join-host bad" "bad $runs/join-shadow"; do
			# shellcheck disable=SC2086 # two runs
			run soon merge $others -o out
			[ "$status" -eq 1 ] || { echo "$file in '$others' was joined" && false; }
			[ ! -e out ]
		done
	done
}

@test "a list of joined runs may be anything" {
	for list in '[{"file": "joined/1-run.json"}]' '[{}]' '[null]' '[5]' '"text"' '[[]]' '{}' '[{"file": 5, "as": []}]'; do
		join_list "$list"
		for command in check tlb "query bad" "merge $runs/join-host"; do
			case $command in
			query*) run soon query bad 'SELECT * FROM run' ;;
			merge*) run soon merge "$runs/join-host" bad -o out ;;
			*) run soon "$command" bad ;;
			esac
			[ "$status" -le 1 ] || { echo "$command on $list: $status" && false; }
		done
	done
}

@test "numbers without meaning are numbers all the same" {
	for number in 1e200 -1e200 9223372036854775807 -9223372036854775808 99999999999999999999999 0 -1 0.5; do
		for key in 'params.pages' 'params.page_size_bytes' 'params.stride_pages' 'memory.faults_expected' 'metrics.net_cycles.median' \
			'samples.net_cycles[0]' 'samples.round[0]' 'joined' 'contaminated'; do
			jq -c ".$key = \"@\"" "$runs/join-host/points.jsonl" | sed "s/\"@\"/$number/" >run/points.jsonl
			for command in check tlb; do
				run soon "$command" run
				[ "$status" -le 1 ] || { echo "$command $key $number: $status" && false; }
			done
		done
		run soon query run "SELECT ordinal($number), size($number), bytes($number), interval(1, $number)"
		[ "$status" -le 1 ]
	done
}

@test "a seed is reported to its last digit" {
	small_plots
	echo '{{value: SELECT seed FROM run}}' >>plots/report.md
	sed -i 's/"seed": *[0-9]*/"seed": 9007199254740993/' run/run.json
	soon report -p plots run
	grep -q 9007199254740993 run/report/report.md
}

@test "deep nesting is told" {
	deep=$(printf '[%.0s' {1..3000})$(printf ']%.0s' {1..3000})
	jq -c '.counters = "@"' "$runs/join-host/points.jsonl" | sed "s/\"@\"/$deep/" >run/points.jsonl
	for command in check tlb; do
		run soon "$command" run
		[ "$status" -eq 1 ]
		[[ $output == *"points.jsonl:1"* ]]
	done
}
