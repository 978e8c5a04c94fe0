#!/usr/bin/env bats
# nestwalk query: questions in SQL. Measures nothing.

setup() {
	nestwalk=${NESTWALK:-$BATS_TEST_DIRNAME/../../build/nestwalk}
	runs=$BATS_TEST_DIRNAME/../fixtures/runs
	run=$runs/complete
}

# Check for one line on stderr and exit code 1.
refused() {
	local words=$1
	shift
	run "$nestwalk" query "$@"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ "$output" == "nestwalk: "*"$words"* ]]
}

@test "a question has an answer in columns" {
	run "$nestwalk" query "$run" 'SELECT setting, COUNT(*) AS points FROM point GROUP BY setting ORDER BY setting'
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "setting  points" ]
	[[ "${lines[1]}" == "host "*[0-9] ]]
}

@test "every format" {
	q="SELECT 'a,b' AS x, 1.5 AS y"
	[ "$("$nestwalk" query "$run" "$q")" = $'x      y\na,b  1.5' ]
	[ "$("$nestwalk" query -f csv "$run" "$q")" = $'x,y\r\n"a,b",1.5\r' ]
	[ "$("$nestwalk" query -f tsv "$run" "$q")" = $'x\ty\na,b\t1.5' ]
	[ "$("$nestwalk" query -f json "$run" "$q" | jq -c '.[0]')" = '{"x":"a,b","y":1.5}' ]
	[ "$("$nestwalk" query -f markdown "$run" "$q")" = $'| x | y |\n| --- | ---: |\n| a,b | 1.5 |' ]
	run "$nestwalk" query -f xml "$run" "$q"
	[ "$status" -eq 2 ]
}

@test "a bench's table has columns for parameters and metrics, also where the run has no points of it" {
	[ "$("$nestwalk" query -f tsv "$run" 'SELECT COUNT(net_cycles_lo) > 0 FROM tlb_reach' | tail -1)" = 1 ]
	[ "$("$nestwalk" query -f tsv "$run" 'SELECT COUNT(*) FROM fault_storm WHERE actors = 1' | tail -1)" = 0 ]
}

@test "levels, samples and functions are there" {
	[ "$("$nestwalk" query -f tsv "$run" 'SELECT COUNT(*) > 0 FROM tlb_level' | tail -1)" = 1 ]
	[ "$("$nestwalk" query -f tsv "$run" "SELECT COUNT(*) > 0 FROM sample WHERE name = 'net_ns'" | tail -1)" = 1 ]
	[ "$("$nestwalk" query -f tsv "$run" 'SELECT COUNT(*) > 0 FROM sample JOIN metric USING (point, name)' | tail -1)" = 1 ]
	[ "$("$nestwalk" query -f tsv "$run" "SELECT COUNT(*) > 0 FROM alike" | tail -1)" = 1 ]
	[ "$("$nestwalk" query -f tsv "$run" "SELECT bytes(median(value)) FROM json_each('[1024]')" | tail -1)" = '1 KiB' ]
}

@test "a ratio that is not known is null, never 0" {
	for unknown in 'point, NULL, "net_ns"' 'NULL, point, "net_ns"' 'point, point, "no_such_metric"'; do
		[ "$("$nestwalk" query -f tsv "$run" "SELECT ratio_of_pairs($unknown) FROM (SELECT * FROM point LIMIT 1)" | tail -1)" = '[null,null,null,0,null,null]' ]
	done
}

@test "several runs are one database" {
	run "$nestwalk" query -f tsv "$run" "$runs/twice" 'SELECT COUNT(DISTINCT run) FROM tlb_reach'
	[ "${lines[1]}" = 2 ]
}

@test "the schema: a line for each table" {
	run "$nestwalk" query --schema "$run"
	[ "$status" -eq 0 ]
	for table in run fact point parameter metric sample latency counter hardware trait axis curve tlb_level alike crossover tlb_reach; do
		[[ $'\n'"$output" == *$'\n'"$table "* ]]
	done
}

@test "a query that begins with a comment, as those of figures do" {
	run "$nestwalk" query -f tsv "$run" $'-- one\n-- two\nSELECT 1 AS a'
	[ "$status" -eq 0 ]
	[ "${lines[1]}" = 1 ]
}

@test "a query only reads" {
	for sql in "INSERT INTO run (host) VALUES ('x')" 'UPDATE run SET host = 1' 'DELETE FROM run' 'DROP TABLE run' \
		'CREATE TABLE x (y)' 'CREATE TEMP TABLE x (y)' 'CREATE TEMP VIEW x AS SELECT 1' "ATTACH '/tmp/x' AS y" \
		'PRAGMA user_version' 'PRAGMA writable_schema = ON' 'VACUUM' \
		"VACUUM INTO '$BATS_TEST_TMPDIR/x'" 'BEGIN' 'REINDEX' 'ANALYZE'; do
		refused 'may only read' "$run" "$sql"
	done
	[ ! -e "$BATS_TEST_TMPDIR/x" ]
	refused 'not authorized' "$run" "SELECT load_extension('x')"
}

@test "a bad query is explained in one line" {
	refused 'no such column: nope' "$run" 'SELECT nope FROM point'
	refused 'no such table: nope' "$run" 'SELECT 1 FROM nope'
	refused 'syntax error' "$run" 'SELEKT'
	refused 'empty' "$run" ''
	refused 'empty' "$run" $'-- nothing but a comment\n'
	refused 'one query at a time' "$run" 'SELECT 1; SELECT 2'
	refused 'malformed JSON' "$run" "SELECT json_extract('{', '\$')"
	refused 'nowhere' "$runs/nowhere" 'SELECT 1'
	refused 'bad-schema' "$runs/bad-schema" 'SELECT 1'
}

@test "wrong usage" {
	run "$nestwalk" query
	[ "$status" -eq 2 ]
	run "$nestwalk" query "$run"
	[ "$status" -eq 2 ]
}

@test "the run is not touched" {
	cp -r "$run" "$BATS_TEST_TMPDIR/run"
	chmod -R a-w "$BATS_TEST_TMPDIR/run"
	"$nestwalk" query "$BATS_TEST_TMPDIR/run" 'SELECT COUNT(*) FROM tlb_level'
	[ "$(cd "$BATS_TEST_TMPDIR/run" && echo *)" = "$(cd "$run" && echo *)" ]
	chmod -R u+w "$BATS_TEST_TMPDIR/run"
}
