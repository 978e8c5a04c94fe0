#!/usr/bin/env bats
# The tables behind figures do not change unnoticed: tests/fixtures/tables/README.md. Measures nothing, draws nothing.

setup() {
	root=$BATS_TEST_DIRNAME/../..
	nestwalk=${NESTWALK:-$root/build/nestwalk}
	tables=$root/tests/fixtures/tables
	compare=$BATS_TEST_DIRNAME/compare-tables
	export NESTWALK_PLOTS=$root/plots
}

# Make tables only: without gnuplot in the path nothing is drawn. Of ONE+TWO the runs are drawn into one report.
tables_of() {
	local run=("$root/tests/fixtures/runs/${1%+*}" "$root/tests/fixtures/runs/${1#*+}")

	[ "${1%+*}" != "$1" ] || unset 'run[1]'
	[ "$1" != reference ] || run=("$root/results/reference")
	PATH=/nonexistent "$nestwalk" report "${run[@]}" -o "$BATS_TEST_TMPDIR/$1" 2>/dev/null || :
	[ -s "$BATS_TEST_TMPDIR/$1/report.md" ]
}

@test "the tables of every recorded run are the golden ones" {
	local folder name failed=

	for folder in "$tables"/*/; do
		name=$(basename "$folder")
		tables_of "$name"
		"$compare" "$folder" "$BATS_TEST_TMPDIR/$name" "$tables/intended.list" || failed="$failed $name"
	done
	[ -z "$failed" ] || { echo "tables differ:$failed"; false; }
}

@test "the comparison sees a table, a row or a column that is missing, and a number that changed" {
	local copy=$BATS_TEST_TMPDIR/copy

	"$compare" "$tables/joined" "$tables/joined"
	cp -r "$tables/joined" "$copy"
	rm "$copy/levels.tsv"
	run "$compare" "$tables/joined" "$copy"
	[ "$status" -eq 1 ]
	[ "$output" = "levels: the table is missing" ]

	cp "$tables/joined/levels.tsv" "$copy"
	sed -i '$d' "$copy/overview.tsv"
	run "$compare" "$tables/joined" "$copy"
	[ "$status" -eq 1 ]
	[[ "$output" == "overview: missing 1 times: "* ]]

	awk -F '\t' -v OFS='\t' '!/^#/ { $2 = "" } { print }' "$tables/joined/overview.tsv" >"$copy/overview.tsv"
	run "$compare" "$tables/joined" "$copy"
	[ "$status" -eq 1 ]
	[[ "${lines[0]}" == "overview: the column "*" is missing" ]]

	sed 's/\t1\.33333\t/\t1.33334\t/' "$tables/joined/comparison.tsv" >"$copy/comparison.tsv"
	cp "$tables/joined/overview.tsv" "$copy"
	run "$compare" "$tables/joined" "$copy"
	[ "$status" -eq 1 ]
	[[ "$output" == *"comparison: new "* ]]
	[[ "$output" == *"comparison: missing "* ]]
}

@test "rows in another order, ranks that are gone, renamed columns and further rows that are meant are no difference" {
	local copy=$BATS_TEST_TMPDIR/copy

	mkdir "$BATS_TEST_TMPDIR/old" "$copy"
	printf '# head\nlane\tlabel\tns\tns_lo\n1\thost\t2.50\t2.50\n2\tvcpu\t3\t1\n' >"$BATS_TEST_TMPDIR/old/a.tsv"
	printf 'ns\tseries\tns_lo\tcolour\n3.0\tvcpu\t1\tred\n2.5\thost\tNA\tblue\n9\tguest\t8\tgreen\n' >"$copy/a.tsv"
	printf 'drop * lane\nrename a label series\nmore a\n' >"$BATS_TEST_TMPDIR/meant"
	"$compare" "$BATS_TEST_TMPDIR/old" "$copy" "$BATS_TEST_TMPDIR/meant"
	run "$compare" "$BATS_TEST_TMPDIR/old" "$copy"
	[ "$status" -eq 1 ]
}

@test "a level whose cost is not known adds no 0 to a zone's" {
	local file=$BATS_TEST_TMPDIR/run.sqlite

	type sqlite3 || skip "no sqlite3 to forget a cost with"
	"$nestwalk" export "$root/tests/fixtures/runs/complete" -o "$file"
	sqlite3 "$file" 'UPDATE tlb_level SET added_cycles = NULL'
	PATH=/nonexistent "$nestwalk" report "$file" -o "$BATS_TEST_TMPDIR/out" 2>/dev/null || :
	grep -rh 'beyond' "$BATS_TEST_TMPDIR/out" --include='*zones*.tsv' | grep -q 'cost not known'
	run grep -rF '+0 cycles' "$BATS_TEST_TMPDIR/out" --include='*.tsv'
	[ "$status" -eq 1 ]
}
