#!/usr/bin/env bats
# scripts/publish: a run as one tarball, always of the same bytes, and without what identifies anybody.
# shellcheck disable=SC2154 # $stderr is set by run

bats_require_minimum_version 1.5.0

setup() {
	publish=$BATS_TEST_DIRNAME/../../scripts/publish
	runs=$BATS_TEST_DIRNAME/../fixtures/runs
	export NESTWALK=${NESTWALK:-$BATS_TEST_DIRNAME/../../build/nestwalk}
	run=$BATS_TEST_TMPDIR/run
	to=$BATS_TEST_TMPDIR/to
	cp -r "$runs/complete" "$run"
}

# publish ARGUMENT...: pack $run, and set $tarball.
publish() {
	tarball=$("$publish" -o "$to" "$@" "$run")
	[ -s "$tarball" ]
}

unpack() {
	mkdir "$BATS_TEST_TMPDIR/unpacked"
	tar -C "$BATS_TEST_TMPDIR/unpacked" -xzf "$tarball"
	unpacked=$(echo "$BATS_TEST_TMPDIR"/unpacked/*)
}

# edit FILTER: change run.json by jq.
edit() {
	jq "$1" "$run/run.json" >"$run/new"
	mv "$run/new" "$run/run.json"
}

@test "the same run gives the same bytes, whenever, wherever and by whomever it is packed" {
	for arguments in '' --anonymous; do
		rm -rf "$to" "$BATS_TEST_TMPDIR"/other*
		publish $arguments
		cp -r "$run" "$BATS_TEST_TMPDIR/other"
		touch -d 2001-02-03 "$BATS_TEST_TMPDIR/other"/*
		chmod 600 "$BATS_TEST_TMPDIR/other/points.jsonl"
		mkdir "$BATS_TEST_TMPDIR/other/report"
		echo drawn >"$BATS_TEST_TMPDIR/other/report/report.md"
		again=$(cd / && umask 077 && TZ=Asia/Tokyo LC_ALL=C.UTF-8 "$publish" $arguments -o "$BATS_TEST_TMPDIR/other-to" "$BATS_TEST_TMPDIR/other")
		cmp "$tarball" "$again"
		cmp "$tarball.sha256" "$again.sha256"
	done
}

@test "checksums are beside the tarball and in it, and hold" {
	publish
	[ "$(basename "$tarball")" = nestwalk-fixture-20261122T014000Z.tar.gz ]
	(cd "$to" && sha256sum -c ./*.sha256)
	unpack
	(cd "$unpacked" && sha256sum -c SHA256SUMS)
	[ "$(wc -l <"$unpacked/SHA256SUMS")" -eq 3 ]
	for file in run.json points.jsonl topology.xml; do
		cmp "$run/$file" "$unpacked/$file"
	done
	[ "$(tar -tvzf "$tarball" | awk '{ print $2 }' | sort -u)" = 0/0 ]
}

@test "nothing is packed that a link leads to" {
	ln -s /etc/passwd "$run/notes"
	publish
	run ! grep -q notes <<<"$(tar -tzf "$tarball")"
}

@test "a run without anybody's names has none of the planted ones in any byte" {
	edit '.host = "Zebra7.lab.acme-corp.example" | .command_line += ["-o", "bobs-secret-dir", "/home/bobby/nest runs/x", "--plots=/srv/acme/plots"]
		| .machine.dmi = {"product_serial": "SN-4711-QX", "product_uuid": "4c4c4544-0042-3510-8052-b4c04f4d3232", "asset_tag": "ASSET99"}
		| .machine.kernel.command_line = ["root=UUID=11111111-2222-3333-4444-555555555555", "ip=10.11.12.13::10.11.12.1", "BOOT_IMAGE=/boot/acme-vmlinuz"]
		| .machine.kernel.version = "#1 SMP (builder@Zebra7) for zebra7"
		| .machine.note = "eth0 52:54:00:ab:cd:ef fe80::5054:ff:feab:cdef 2001:db8:1:2:3:4:5:6 mail bobby@acme-corp.example; ~bobby/x, serial SN-4711-QX"
		| .machine.id = "0123456789abcdef0123456789abcdef" | .machine["of Zebra7"] = true | .machine.reason_a = "as bobby said"'
	jq -c '.outer = "KVM" | .counters.note = "see /home/bobby/log on zebra7" | .x = "192.168.7.42:8080"' "$runs/complete/points.jsonl" >"$run/points.jsonl"
	sed -i 's,<info name="Backend",<info name="HostName" value="Zebra7"/><info name="DMIProductSerial" value="SN-4711-QX"/><info name="Backend",' "$run/topology.xml"
	mkdir -p "$run/guest/results"
	echo 'login: bobby' >"$run/guest/console.log"
	publish --anonymous
	unpack
	for word in zebra acme bobby bobs SN-4711 4c4c4544 ASSET99 11111111 10.11.12 52:54 fe80 2001:db8 192.168 0123456789abcdef secret /srv console; do
		run ! grep -raiF -- "$word" "$BATS_TEST_TMPDIR/unpacked"
		[[ "$(basename "$tarball")" != *"$word"* ]]
		run ! grep -qiF -- "$word" <<<"$(tar -tzf "$tarball")"
	done
	# The same name is the same word everywhere, and the copy can be read, checked and reported.
	"$NESTWALK" check "$unpacked"
	"$NESTWALK" report "$unpacked" -o "$BATS_TEST_TMPDIR/report"
	jq -e '.host as $host | .machine.kernel.version | contains("mail-") or contains($host)' "$unpacked/run.json"
	[ "$(jq -r '.counters.note' "$unpacked/points.jsonl" | sort -u | wc -l)" -eq 1 ]
	serial=$(jq -r .machine.dmi.product_serial "$unpacked/run.json")
	[[ "$(jq -r .machine.note "$unpacked/run.json")" == *"serial $serial" ]]
	# What helps a reader stays.
	jq -e '.machine.kernel.command_line[0] | startswith("root=")' "$unpacked/run.json"
}

@test "no number changes, and paths that are the same everywhere stay" {
	for name in complete laboratory joined guests counted storms; do
		rm -rf "$run" "$BATS_TEST_TMPDIR/unpacked"
		cp -r "$runs/$name" "$run"
		publish --anonymous
		unpack
		for file in run.json points.jsonl; do
			cmp <(jq -c '.. | numbers' "$run/$file") <(jq -c '.. | numbers' "$unpacked/$file")
		done
		cmp <(jq -c 'del(.reason)' "$run/points.jsonl") <(jq -c 'del(.reason)' "$unpacked/points.jsonl")
		"$NESTWALK" check "$unpacked"
		[ "$(find "$unpacked" -name '*run.json' | wc -l)" = "$(find "$run" -name '*run.json' | wc -l)" ]
	done
	edit '.machine.note = "see /sys/kernel/mm/transparent_hugepage/enabled, and/or 1/2 of /dev/kvm at 01:40:27"'
	rm -rf "$BATS_TEST_TMPDIR/unpacked"
	publish --anonymous
	unpack
	[ "$(jq -r .machine.note "$unpacked/run.json")" = "$(jq -r .machine.note "$run/run.json")" ]
}

@test "a host that is called like a word of results is replaced where it is the host, and nowhere else" {
	for host in host vcpu vm tlb 4K; do
		rm -rf "$BATS_TEST_TMPDIR/unpacked"
		edit ".host = \"$host\""
		publish --anonymous
		unpack
		[ "$(jq -r .host "$unpacked/run.json")" = host-1 ]
		cmp <(jq -c . "$run/points.jsonl") <(jq -c . "$unpacked/points.jsonl")
	done
}

@test "a text that is longer than any of nestwalk's is left out as a whole, and soon" {
	edit '.machine.note = "abcd-" * 40000 | .host = "zebra7" | .machine.again = "abcd-" * 40000'
	publish --anonymous
	unpack
	[ "$(jq -r '.machine.note, .machine.again' "$unpacked/run.json" | sort -u)" = text-1 ]
}

@test "joined runs still belong together" {
	rm -rf "$run"
	cp -r "$runs/joined" "$run"
	publish --anonymous
	unpack
	"$NESTWALK" check "$unpacked"
	[ "$(jq -r '[.host, .joined[].host] | unique | length' "$run/run.json")" = "$(jq -r '[.host, .joined[].host] | unique | length' "$unpacked/run.json")" ]
}

@test "a run that is not valid is not packed, and the others are" {
	cp -r "$run" "$BATS_TEST_TMPDIR/bad"
	echo '{}' >"$BATS_TEST_TMPDIR/bad/run.json"
	run --separate-stderr "$publish" -o "$to" "$BATS_TEST_TMPDIR/bad" "$run"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ "$stderr" == *"not packed"* ]]
	[ "$(find "$to" -name '*.gz' | wc -l)" -eq 1 ]
	run --separate-stderr "$publish" -o "$to" "$BATS_TEST_TMPDIR/nowhere"
	[ "$status" -eq 1 ]
	[[ "$stderr" == *nowhere* ]]
}

@test "wrong usage: one line, exit 2; help: exit 0" {
	for arguments in '' '-o' '--nonsense x' '-o x' "$run --anonymous"; do
		# shellcheck disable=SC2086 # several arguments
		run --separate-stderr "$publish" $arguments
		[ "$status" -eq 2 ]
		[ -z "$output" ]
		[ "${#stderr_lines[@]}" -eq 1 ]
	done
	run "$publish" --help
	[ "$status" -eq 0 ]
	[[ "$output" == "Usage: scripts/publish "* ]]
	run "$NESTWALK" export --anonymous "$run" "$run" -o "$BATS_TEST_TMPDIR/x"
	[ "$status" -eq 2 ]
	run "$NESTWALK" export --anonymous "$run"
	[ "$status" -eq 2 ]
}

@test "export --anonymous writes to a new directory only, and leaves nothing where it fails" {
	mkdir "$BATS_TEST_TMPDIR/there"
	run "$NESTWALK" export --anonymous "$run" -o "$BATS_TEST_TMPDIR/there"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
	echo 'no json' >>"$run/points.jsonl"
	run "$NESTWALK" export --anonymous "$run" -o "$BATS_TEST_TMPDIR/new"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
	[ ! -e "$BATS_TEST_TMPDIR/new" ]
}
