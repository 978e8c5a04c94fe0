#!/usr/bin/env bats
# nestwalk export: results as one file. Measures nothing.

setup() {
	nestwalk=${NESTWALK:-$BATS_TEST_DIRNAME/../../build/nestwalk}
	runs=$BATS_TEST_DIRNAME/../fixtures/runs
	run=$runs/complete
	out=$BATS_TEST_TMPDIR/out
}

answer() {
	"$nestwalk" query -f tsv "$1" "$2" | tail -1
}

@test "an SQLite file gives the same answers as the run" {
	"$nestwalk" export "$run" -o "$out.sqlite"
	for sql in 'SELECT COUNT(*), SUM(net_ns) FROM tlb_reach' 'SELECT SUM(entries) FROM tlb_level' 'SELECT COUNT(*) FROM sample' \
		'SELECT ratio_of_pairs(point, base, "net_ns") FROM (SELECT * FROM alike LIMIT 1)' \
		'SELECT bytes(median(value)) FROM sample WHERE name = "gross_ns"' 'SELECT COUNT(*) FROM fact'; do
		[ "$(answer "$run" "$sql")" = "$(answer "$out.sqlite" "$sql")" ]
	done
	# The JSON parts of points are in the file as the tables that views make of them.
	"$nestwalk" query --schema "$out.sqlite" >"$BATS_TEST_TMPDIR/a"
	"$nestwalk" query --schema "$run" | grep -v '^part ' | cmp - "$BATS_TEST_TMPDIR/a"
}

@test "another program reads it" {
	type sqlite3 || skip "no sqlite3"
	"$nestwalk" export "$run" "$runs/twice" -o "$out.sqlite"
	[ "$(sqlite3 "$out.sqlite" 'PRAGMA integrity_check')" = ok ]
	[ "$(sqlite3 "$out.sqlite" 'PRAGMA user_version')" = 2 ]
	[ "$(sqlite3 "$out.sqlite" 'SELECT COUNT(DISTINCT run) FROM tlb_reach')" = 2 ]
}

@test "a file is asked alone, and only read" {
	"$nestwalk" export "$run" -o "$out.sqlite"
	before=$(cksum <"$out.sqlite")
	run "$nestwalk" query "$out.sqlite" "$run" 'SELECT 1'
	[ "$status" -eq 1 ]
	[[ "$output" == *"asked alone"* ]]
	run "$nestwalk" query "$out.sqlite" 'DELETE FROM run'
	[ "$status" -eq 1 ]
	[ "$(cksum <"$out.sqlite")" = "$before" ]
	[ "$(cd "$BATS_TEST_TMPDIR" && echo *sqlite*)" = out.sqlite ]
}

@test "the CSV table: a row a sample, with its parameters as JSON" {
	"$nestwalk" export "$run" -o "$out.csv"
	[ "$(head -1 "$out.csv" | tr -d '\r')" = run,host,point,bench,setting,paging,place,outer,pass,emulated,interpreted,status,reason,parameters,metric,unit,sample,round,contaminated,value ]
	samples=$(answer "$run" 'SELECT COUNT(*) FROM sample JOIN metric USING (point, name)')
	type sqlite3 || skip "no sqlite3 to read it with"
	csv() { sqlite3 -csv :memory: ".import $out.csv t" "$1"; }
	[ "$(csv "SELECT COUNT(*) FROM t WHERE sample <> ''")" = "$samples" ]
	[ "$(csv "SELECT COUNT(*) FROM t WHERE NOT json_valid(parameters)")" = 0 ]
	[ "$(csv "SELECT DISTINCT parameters ->> 'pages' FROM t WHERE point = 1")" = "$(answer "$run" 'SELECT pages FROM tlb_reach WHERE point = 1')" ]
	[ "$(csv "SELECT printf('%.6f', SUM(value)) FROM t WHERE metric = 'net_ns' AND sample <> ''")" = \
		"$(answer "$run" "SELECT printf('%.6f', SUM(value)) FROM sample WHERE name = 'net_ns'")" ]
}

@test "points that were not measured are in the CSV table, with the reason" {
	"$nestwalk" export "$runs/all-skipped" -o "$out.csv"
	grep -q 'only 8 MiB of memory are free' "$out.csv"
	# What is no sample was not disturbed, nor not disturbed.
	type sqlite3 || skip "no sqlite3 to read it with"
	[ "$(sqlite3 -csv :memory: ".import $out.csv t" "SELECT COUNT(*), SUM(sample || round || contaminated || value <> '') FROM t")" = "$(answer "$runs/all-skipped" "SELECT COUNT(*) || ',0' FROM point")" ]
}

@test "another file ending is refused, and the possible endings are named" {
	for name in out out.json out.sqlite.gz out.CSV; do
		run "$nestwalk" export "$run" -o "$BATS_TEST_TMPDIR/$name"
		[ "$status" -ne 0 ]
		[[ "$output" == *".sqlite or .csv"* ]]
		[ ! -e "$BATS_TEST_TMPDIR/$name" ]
	done
}

@test "a file that is there is replaced whole, or stays" {
	for ending in sqlite csv; do
		echo old >"$out.$ending"
		run "$nestwalk" export "$runs/nowhere" -o "$out.$ending"
		[ "$status" -eq 1 ]
		[ "$(cat "$out.$ending")" = old ]
		"$nestwalk" export "$run" -o "$out.$ending"
		[ "$(wc -c <"$out.$ending")" -gt 1000 ]
		[ ! -e "$out.$ending.partial" ]
	done
}

@test "a place that cannot be written to: one line, exit 1" {
	for ending in sqlite csv; do
		run "$nestwalk" export "$run" -o "/proc/nowhere.$ending"
		[ "$status" -eq 1 ]
		[ "${#lines[@]}" -eq 1 ]
		[[ "$output" == *"/proc/nowhere.$ending"* ]]
	done
}

@test "wrong usage" {
	run "$nestwalk" export
	[ "$status" -eq 2 ]
	run "$nestwalk" export "$run"
	[ "$status" -eq 2 ]
}
