#!/usr/bin/env bats
# Runs as containers, services and ordinary users have them, without a container runtime: the seccomp profile (sandbox.c),
# user namespaces, mounts, cgroups. Few points each: what counts is that a run ends with numbers, a report, and true reasons.

load helpers

setup_file() {
	${CC:-cc} -O1 -Wall -Wextra -Werror -o "$BATS_FILE_TMPDIR/sandbox" "$BATS_TEST_DIRNAME/sandbox.c"
}

setup() {
	NESTWALK=$(realpath "${NESTWALK:-build/nestwalk}")
	RUN=$BATS_TEST_TMPDIR/run
	SANDBOX=$BATS_FILE_TMPDIR/sandbox
	group=
	POINTS=(-b tlb-reach --effort quick --rounds 2 --param "page_size=4K" --param "stride=1" --param "pages=8,16")
}

need_root() {
	unshare -m true 2>/dev/null || skip "needs root, to make namespaces"
}

# ends_well COMMAND...: run nestwalk by that command (a container, a user), and a report of it after that.
ends_well() {
	# tlb-reach's parameters leave out fault-storm, which makes a run of its own.
	run --separate-stderr "$@" "$NESTWALK" run "${POINTS[@]}" -o "$RUN"
	went_well
	is_sound
	[ "$(points '.setting == "host" and (ok or disturbed)')" -gt 0 ]
	run --separate-stderr "$@" "$NESTWALK" run -s host -b fault-storm --effort quick --rounds 1 \
		-o "$RUN-storm"
	went_well
	run "$@" "$NESTWALK" report "$RUN"
	[ "$status" -eq 0 ]
	[ -s "$RUN/report/report.html" ]
}

# In a mount namespace of its own, after a shell's words.
mounted() {
	local words=$1
	shift
	# shellcheck disable=SC2016 # the words are the inner shell's
	unshare -m sh -c "$words"' && exec "$@"' sh "$@"
}

@test "under the default profile of containers" {
	ends_well "$SANDBOX" container
	[ "$(jq -r '.counters.host.available | length' "$RUN/run.json")" -eq 0 ]
	[[ "$(jq -r '.machine.counters.available_reason' "$RUN/run.json")" == *seccomp*"--cap-add PERFMON"* ]]
}

@test "root of a user namespace" {
	unshare -Ur true 2>/dev/null || skip "no user namespaces here"
	ends_well unshare -Ur
}

@test "root of an ordinary user's namespace is no root, and is told so" {
	need_root
	local his
	setpriv --reuid=54321 --regid=54321 --clear-groups -- unshare -Ur true 2>/dev/null || skip "no namespaces for users here"
	his=$(mktemp -d /tmp/nestwalk-user-XXXXXX)
	chmod 777 "$his"
	cp "$NESTWALK" "$his/nestwalk"
	run setpriv --reuid=54321 --regid=54321 --clear-groups -- unshare -Ur "$his/nestwalk" run -s host "${POINTS[@]}" \
		--reserve-huge 2M:4 -o "$his/run"
	rm -r "$his"
	[ "$status" -ne 0 ]
	[[ "$output" == *"reserving huge pages needs root, and this is root of a container only"* ]]
}

@test "an ordinary user, without /dev/kvm" {
	need_root
	local his
	his=$(mktemp -d /tmp/nestwalk-user-XXXXXX)
	chmod 777 "$his"
	cp "$NESTWALK" "$his/nestwalk"
	run --separate-stderr setpriv --reuid=54321 --regid=54321 --clear-groups -- "$his/nestwalk" run "${POINTS[@]}" -o "$his/run"
	mv "$his/run" "$RUN" && rm -r "$his"
	went_well
	is_sound
	[ "$(points '.setting == "host" and (ok or disturbed)')" -gt 0 ]
	# Where anybody may use /dev/kvm, this user is no exception.
	[ "$(stat -c %a /dev/kvm)" = 666 ] ||
		[[ "$(jq -rs 'map(select(.setting == "vcpu"))[0].reason' "$RUN/points.jsonl")" == *"no permission to open /dev/kvm"* ]]
	[ "$(stat -c %u "$RUN/run.json")" -eq 54321 ]
}

@test "a read-only /proc/sys, and files of /proc that are masked" {
	need_root
	ends_well mounted "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys &&
		for file in kcore keys timer_list latency_stats; do [ ! -e /proc/\$file ] || mount --bind /dev/null /proc/\$file; done"
}

@test "a hidden /sys: measured, and every reason names it" {
	need_root
	ends_well mounted "mount -t tmpfs none /sys"
	run mounted "mount -t tmpfs none /sys" "$NESTWALK" env
	[ "$status" -eq 0 ]
	[[ "$output" == *"/sys is not there, or is hidden"* ]]
	[[ "$output" != *"this kernel has no transparent huge pages"* ]]
	[[ "$output" != *"CPU has no huge pages"* ]]
	[[ "$output" != *" 0 MiB"* ]]
}

@test "a /tmp that is read-only" {
	need_root
	NESTWALK_COPY=$(mktemp -d /var/tmp/nestwalk-container-XXXXXX)
	mkdir "$NESTWALK_COPY/build"
	cp "$NESTWALK" "$NESTWALK_COPY/build/nestwalk"
	cp -r "$BATS_TEST_DIRNAME/../../plots" "$NESTWALK_COPY/plots"
	run mounted "mount -t tmpfs -o ro none /tmp" sh -c "cd '$NESTWALK_COPY' && build/nestwalk run -s host -b fault-storm \
		--effort quick --rounds 1 -o run && build/nestwalk report run && ls run/report/report.html"
	rm -r "$NESTWALK_COPY"
	[ "$status" -eq 0 ] || { [ "$status" -eq 77 ] && [[ $output == *"$DISTURBED"* ]]; }
}

@test "a cpuset of one CPU" {
	ends_well taskset -c "$(one_cpu)"
}

@test "a memory limit of 512 MiB" {
	make_group $((512 * 1048576))
	ends_well in_group
	[ "$(jq .memory_budget_bytes "$RUN/run.json")" -le $((256 * 1048576)) ]
}

@test "a memory limit of 512 MiB: pages far apart, and their tables, stay within it" {
	make_group $((512 * 1048576))
	run in_group "$NESTWALK" run -b walk-depth --effort quick --rounds 1 -o "$RUN"
	went_well || [[ $output == *"pages so far apart take"* ]]
	is_sound
	# Those that there is no memory for say so.
	[ "$(points '.status == "skipped" and .params.distance_bytes == 1073741824 and (.reason | test("so far apart|huge pages|disturbed"))')" -gt 0 ]
	[ "$(points ok)" -gt 0 ] || [ "$(points disturbed)" -gt 0 ]
}

@test "/dev/kvm refused by the device rules of a container" {
	need_root
	need_kvm
	group=/sys/fs/cgroup/devices/nestwalk-test.$$
	mkdir "$group" 2>/dev/null && echo "c 10:232 rwm" >"$group/devices.deny" || { group='' && skip "cannot make device rules here"; }
	run in_group "$NESTWALK" env
	[ "$status" -eq 0 ]
	[[ "$output" == *"/dev/kvm: refused by the device rules"* ]]
	ends_well in_group
	[[ "$(jq -rs 'map(select(.setting == "vcpu"))[0].reason' "$RUN/points.jsonl")" == *"device rules"*"--device /dev/kvm"* ]]
}

@test "German numbers, and a host name of 64 bytes in Latin-1" {
	need_root
	# shellcheck disable=SC2016 # the words are the inner shell's
	ends_well env LC_ALL=de_DE.UTF-8 unshare --uts sh -c 'printf "r\374gen%059d" 7 >/proc/sys/kernel/hostname; exec "$@"' sh
	[ "$(jq -r '.host | length' "$RUN/run.json")" -eq 64 ]
	[[ "$(jq -r .host "$RUN/run.json")" == 'r?gen0'*7 ]]
}
