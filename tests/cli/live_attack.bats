#!/usr/bin/env bats
# What somebody may have left where a run is measured.

load helpers

@test "a run does not write through links that are there, and measures a bench once" {
	mkdir "$RUN"
	echo precious >"$BATS_TEST_TMPDIR/precious"
	for name in run.json topology.xml; do
		ln -s ../precious "$RUN/$name"
		ln -s ../precious "$RUN/$name.partial"
	done
	measure -b tlb-shootdown,tlb-shootdown -b tlb-shootdown --param pages=1,1 --param operation=munmap
	[ "$(cat "$BATS_TEST_TMPDIR/precious")" = precious ]
	[ -f "$RUN/run.json" ] && [ ! -L "$RUN/run.json" ]
	[ -f "$RUN/topology.xml" ] && [ ! -L "$RUN/topology.xml" ]
	[ "$(jq -c .benches "$RUN/run.json")" = '["tlb-shootdown"]' ]
	[ "$(jq -c '[.params, .setting]' "$RUN/points.jsonl" | sort | uniq -d)" = "" ]
}
