#!/usr/bin/env bats
# nestwalk merge: runs of a host and of its guests in one directory. Measures nothing.

setup() {
	nestwalk=${NESTWALK:-$BATS_TEST_DIRNAME/../../build/nestwalk}
	runs=$BATS_TEST_DIRNAME/../fixtures/runs
	out=$BATS_TEST_TMPDIR/out
	export NESTWALK_PLOTS=$BATS_TEST_DIRNAME/../../plots
}

# What merge says on stderr; its exit code is lost.
complaints() {
	{ "$nestwalk" merge "$@" >/dev/null; } 2>&1 || :
}

# A copy of the guest's run in which a word of its run.json is another.
changed_guest() { # WORD OTHER
	cp -r "$runs/join-guest" "$BATS_TEST_TMPDIR/changed"
	sed -i "s/$1/$2/" "$BATS_TEST_TMPDIR/changed/run.json"
	echo "$BATS_TEST_TMPDIR/changed"
}

@test "usage errors: exit 2, and nothing is made" {
	run "$nestwalk" merge
	[ "$status" -eq 2 ]
	run "$nestwalk" merge "$runs/join-host" -o "$out"
	[ "$status" -eq 2 ]
	[[ "$output" == *"at least one to join"* ]]
	run "$nestwalk" merge "$runs/join-host" "$runs/join-guest=nested"
	[ "$status" -eq 2 ]
	[[ "$output" == *"-o"* ]]
	run "$nestwalk" merge "$runs/join-host" "$runs/join-guest=paravirtual" -o "$out"
	[ "$status" -eq 2 ]
	[[ "$output" == *"no paging mode 'paravirtual'"* ]]
	run "$nestwalk" merge "$runs/join-host=nested" "$runs/join-guest" -o "$out"
	[ "$status" -eq 2 ]
	[[ "$output" == *"the first run is the host's"* ]]
	[ ! -e "$out" ]
}

@test "help teaches with an example" {
	run "$nestwalk" merge --help
	[ "$status" -eq 0 ]
	[[ "$output" == *"nestwalk merge host guest=nested shadow -o all"* ]]
}

@test "a host, its guest and its vCPUs under the other paging mode: a valid run" {
	run "$nestwalk" merge "$runs/join-host" "$runs/join-guest=nested" "$runs/join-shadow" -o "$out"
	[ "$status" -eq 0 ]
	[[ "${lines[-1]}" == "$out: 18 points of 3 runs"* ]]
	run "$nestwalk" check "$out"
	[ "$status" -eq 0 ]
	[[ "$output" == *"18 points (16 ok, 2 skipped, 0 error), state complete: valid" ]]
	cmp "$runs/join-guest/run.json" "$out/joined/1-run.json"
	cmp "$runs/join-shadow/run.json" "$out/joined/2-run.json"
	cmp "$runs/join-host/topology.xml" "$out/topology.xml"
	[ "$(jq -c 'del(.joined)' "$out/run.json")" = "$(jq -c . "$runs/join-host/run.json")" ]
	[ "$(jq -c '[.joined[] | .as, .paging, .points]' "$out/run.json")" = '["guest","nested",4,"host","shadow",4]' ]
	[ "$(jq -r 'select(.setting == "guest") | [.paging, .accel, .joined] | join(" ")' "$out/points.jsonl" |
		sort | uniq -c | tr -s ' ')" = " 4 nested kvm 1" ]
}

@test "the report has a curve for each setting and paging mode" {
	cp -r "$runs/join-guest" "$BATS_TEST_TMPDIR/other"
	"$nestwalk" merge "$runs/join-host" "$runs/join-guest=nested" "$runs/join-shadow" "$BATS_TEST_TMPDIR/other=shadow" \
		-o "$out"
	"$nestwalk" report "$out"
	for label in host 'vcpu, nested paging' 'vcpu, shadow paging' 'guest, nested paging' 'guest, shadow paging'; do
		[ "$(cut -f 2 "$out/report/tlb-reach-4K-stride1.tsv" | grep -cx "$label")" -eq 4 ]
		grep -qF ">$label" "$out/report/tlb-reach-4K-stride1.svg"
	done
}

@test "a guest's paging mode is told by the user, or unknown with the reason" {
	run complaints "$runs/join-host" "$runs/join-guest" -o "$out"
	[[ "$output" == *"paging mode not known: a guest cannot see it: say RUN=nested or RUN=shadow"* ]]
	"$nestwalk" check "$out"
	[ "$(jq -c 'select(.setting == "guest") | .paging' "$out/points.jsonl" | sort -u)" = null ]
	[ "$(jq -r '.joined[0].paging_reason' "$out/run.json")" = "a guest cannot see it: say RUN=nested or RUN=shadow" ]
}

@test "vCPUs inside a guest are left out, and that is said" {
	run complaints "$runs/join-host" "$runs/join-guest=nested" -o "$out"
	[ "${#lines[@]}" -eq 1 ]
	[[ "$output" == "nestwalk: $runs/join-guest: left out, as they are of vCPUs inside the guest: 1 of its points" ]]
	[ "$(jq -r '.joined[0].warnings | length' "$out/run.json")" -eq 1 ]
}

@test "differences that make a comparison doubtful are named, there and in run.json" {
	guest=$(changed_guest Example_CPU Another_CPU)
	run complaints "$runs/join-host" "$guest=nested" -o "$out"
	[[ "${lines[0]}" == *"another CPU model: Another_CPU"* ]]
	jq -e '.joined[0].warnings | any(startswith("another CPU model"))' "$out/run.json"
}

@test "another schema is refused" {
	run "$nestwalk" merge "$runs/join-host" "$runs/bad-schema" -o "$out"
	[ "$status" -eq 1 ]
	[[ "$output" == *"schema 2"* ]]
	[ ! -e "$out" ]
}

@test "a run of another machine is refused" {
	other=$(changed_guest '"KVM"' '"bare-metal"')
	sed -i 's/"is_guest": true/"is_guest": false/' "$other/run.json"
	run "$nestwalk" merge "$runs/join-host" "$other" -o "$out"
	[ "$status" -eq 1 ]
	[[ "$output" == *"only runs of one host and of its guests"* ]]
	[ ! -e "$out" ]
}

@test "the same point twice: both runs are named, exit 1, nothing written; the later stands with --replace" {
	run "$nestwalk" merge "$runs/join-host" "$runs/join-shadow" "$runs/join-shadow" -o "$out"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ "$output" == *"vcpu, shadow paging, "*" is in $runs/join-shadow and in $runs/join-shadow"*"--replace"* ]]
	[ ! -e "$out" ]
	[ -z "$(find "$BATS_TEST_TMPDIR" -name 'out*')" ]
	run "$nestwalk" merge --replace "$runs/join-host" "$runs/join-shadow" "$runs/join-shadow" -o "$out"
	[ "$status" -eq 0 ]
	"$nestwalk" check "$out"
	[ "$(jq -c '[.joined[].points]' "$out/run.json")" = '[0,4]' ]
}

@test "an emulated guest stays marked, and is not drawn" {
	guest=$(changed_guest '"KVM"' '"QEMU TCG"')
	run "$nestwalk" merge "$runs/join-host" "$guest=nested" -o "$out"
	[ "$status" -eq 1 ]
	[[ "$output" == *"contradicts the run, which says software paging"* ]]
	"$nestwalk" merge "$runs/join-host" "$guest" -o "$out"
	"$nestwalk" check "$out"
	[ "$(jq -r 'select(.setting == "guest") | "\(.paging) \(.accel)"' "$out/points.jsonl" | sort -u)" = "software tcg" ]
	"$nestwalk" report "$out"
	run grep -l guest "$out"/report/*.tsv
	[ -z "$output" ]
	grep -q '4 of 14 points were measured on an emulated machine' "$out/report/report.md"
}

@test "the directory must not exist or be empty; a failure leaves nothing behind" {
	mkdir "$out"
	"$nestwalk" merge "$runs/join-host" "$runs/join-shadow" -o "$out/"
	"$nestwalk" check "$out"
	run "$nestwalk" merge "$runs/join-host" "$runs/join-shadow" -o "$out"
	[ "$status" -eq 1 ]
	[[ "$output" == *"is not empty; choose another directory with -o" ]]
	"$nestwalk" check "$out"
	run "$nestwalk" merge "$runs/join-host" "$runs/nowhere" -o "$BATS_TEST_TMPDIR/second"
	[ "$status" -eq 1 ]
	[[ "$output" == *"not a run directory"* ]]
	cp -r "$runs/join-host" "$BATS_TEST_TMPDIR/bare"
	rm "$BATS_TEST_TMPDIR/bare/topology.xml"
	run "$nestwalk" merge "$BATS_TEST_TMPDIR/bare" "$runs/join-shadow" -o "$BATS_TEST_TMPDIR/second"
	[ "$status" -eq 1 ]
	[[ "$output" == *"topology.xml"* ]]
	[ -z "$(find "$BATS_TEST_TMPDIR" -name 'second*')" ]
}

@test "a joined run can be joined again, run by run" {
	cd "$BATS_TEST_TMPDIR"
	"$nestwalk" merge "$runs/join-host" "$runs/join-guest=nested" -o nested-half
	"$nestwalk" merge "$runs/join-shadow" "$runs/join-guest=shadow" -o shadow-half
	"$nestwalk" merge nested-half shadow-half -o "$out"
	"$nestwalk" check "$out"
	[ "$(jq -c '[.joined[] | [.as, .paging, .file]]' "$out/run.json")" = \
		'[["guest","nested","joined/1-run.json"],["host","shadow","joined/2-run.json"],["guest","shadow","joined/3-run.json"]]' ]
	cmp "$out/joined/1-run.json" "$out/joined/3-run.json"
	[ "$(jq .started_utc "$out/joined/2-run.json")" = "$(jq .started_utc "$runs/join-shadow/run.json")" ]
}

@test "a guest's run that is itself joined of others is refused" {
	cp -r "$runs/join-guest" "$BATS_TEST_TMPDIR/guest"
	"$nestwalk" merge "$runs/join-host" "$runs/join-shadow" -o "$BATS_TEST_TMPDIR/both"
	cp -r "$BATS_TEST_TMPDIR/both/joined" "$BATS_TEST_TMPDIR/guest"
	jq --slurpfile both "$BATS_TEST_TMPDIR/both/run.json" '.joined = [$both[0].joined[] | .points = 0]' \
		"$runs/join-guest/run.json" >"$BATS_TEST_TMPDIR/guest/run.json"
	run "$nestwalk" merge "$runs/join-host" "$BATS_TEST_TMPDIR/guest=nested" -o "$out"
	[ "$status" -eq 1 ]
	[[ "$output" == *"itself joined of runs: name those runs instead" ]]
}

@test "a directory with an equals sign in its name is a directory" {
	cp -r "$runs/join-shadow" "$BATS_TEST_TMPDIR/ept=0"
	run "$nestwalk" merge "$runs/join-host" "$BATS_TEST_TMPDIR/ept=0" -o "$out"
	[ "$status" -eq 0 ]
}
