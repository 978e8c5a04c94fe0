#!/usr/bin/env bats
# Limits of memory, huge pages and CPU time that cgroups and the process have, on recorded machines made up here; and what a
# kernel writes where it has no value.
bats_require_minimum_version 1.5.0

setup() {
	NESTWALK="${NESTWALK:-$BATS_TEST_DIRNAME/../../build/nestwalk}"
	ROOT=$BATS_TEST_TMPDIR/root
	put proc/meminfo 'MemTotal: 32000000 kB' 'MemAvailable: 16000000 kB'
}

# put FILE LINE...: a file of the recorded machine.
put() {
	mkdir -p "$(dirname "$ROOT/$1")"
	printf '%s\n' "${@:2}" >"$ROOT/$1"
}

# group DIRECTORY MIB CPUS: a v2 group with a limit of memory, of which 1 MiB is used, and a quota.
group() {
	put "$1/memory.max" $(($2 << 20))
	put "$1/memory.current" $((1 << 20))
	put "$1/cpu.max" "$(awk "BEGIN { print $3 * 100000 }") 100000"
}

# mounted LINE...: /proc/self/mountinfo, each line being "ROOT POINT" of a v2 hierarchy, or a whole line.
mounted() {
	local line number=30
	put proc/self/mountinfo '25 1 0:22 / /sys rw - sysfs sysfs rw'
	for line in "$@"; do
		case $line in
		*' - '*) echo "$line" ;;
		*) echo "$((number += 1)) 25 0:30 $line rw - cgroup2 cgroup2 rw" ;;
		esac
	done >>"$ROOT/proc/self/mountinfo"
}

# Check what env says: MIB that are available, the quota, and words about what set the limit.
says() {
	"$NESTWALK" env --json --root "$ROOT" | jq -c '[.memory.available_bytes / 1048576, .noise.cpu_quota_cpus,
		.memory.available_limited_by, .noise.cpu_quota_cpus_reason]' | tee "$BATS_TEST_TMPDIR/said"
	jq -e --argjson mib "$1" --argjson cpus "$2" '.[0] == $mib and .[1] == $cpus' "$BATS_TEST_TMPDIR/said"
	[ -z "${3-}" ] || jq -e --arg words "$3" '.[2] | contains($words)' "$BATS_TEST_TMPDIR/said"
}

AVAILABLE=15625 # MiB of 16000000 kB

@test "a space, a tab and a backslash in the place of a mount and in the name of a group" {
	put proc/self/cgroup '0::/user.slice/my job'
	mounted '/ /sys/fs/cgroup\040two'
	group 'sys/fs/cgroup two/user.slice/my job' 257 0.5
	says 256 0.5
	mounted '/user.slice/my\040job /sys/fs/cgroup'
	put proc/self/cgroup '0::/user.slice/my job/x'
	group sys/fs/cgroup/x 129 0.25
	says 128 0.25
	put proc/self/cgroup "0::/dev-disk\\x2dby/tab	bed"
	mounted '/dev-disk\134x2dby/tab\011bed /sys/fs/cgroup'
	group sys/fs/cgroup 65 2
	says 64 2
}

@test "two dots are a parent only where they are a whole component" {
	mounted '/ /sys/fs/cgroup'
	group sys/fs/cgroup/lxc.payload.web..1 257 0.5
	group sys/fs/cgroup/..data 65 1
	group sys/fs/cgroup/a.. 33 1.5
	put proc/self/cgroup '0::/lxc.payload.web..1'
	says 256 0.5
	put proc/self/cgroup '0::/..data'
	says 64 1
	put proc/self/cgroup '0::/a..'
	says 32 1.5
}

@test "a group outside of what is mounted has the limits of what is, and its name begins no other name" {
	mounted '/docker/web /sys/fs/cgroup'
	group sys/fs/cgroup 1025 1
	group sys/fs/cgroup-test/job 2 0.1
	put proc/self/cgroup '0::/docker/web-test/job'
	says 1024 1 'lies outside of what is mounted'
	# One that was moved out of its cgroup namespace.
	mounted '/ /sys/fs/cgroup'
	put proc/self/cgroup '0::/../web-test'
	says 1024 1 'lies outside of what is mounted'
}

@test "the groups above a namespace are seen where they are mounted" {
	mounted '/.. /sys/fs/cgroup'
	group sys/fs/cgroup 1025 1
	put proc/self/cgroup '0::/job'
	says 1024 1 'lies outside of what is mounted'
	# The namespace's parent has a name where the group lies beside the namespace.
	group sys/fs/cgroup/other 257 0.5
	put proc/self/cgroup '0::/../other'
	says 256 0.5
}

@test "of several mounts the one counts that shows this process's group" {
	group mnt/other 3 0.1
	group sys/fs/cgroup/mine 257 0.5
	group sys/fs/cgroup 1025 4
	put proc/self/cgroup '0::/mine'
	mounted '/others /mnt/other' '/ /sys/fs/cgroup'
	says 256 0.5 /sys/fs/cgroup/mine
	mounted '/ /sys/fs/cgroup' '/others /mnt/other' '/mine /mnt/mine'
	group mnt/mine 257 0.5
	says 256 0.5 /sys/fs/cgroup/mine
	# The limit above counts, too, wherever the group itself is mounted.
	group sys/fs/cgroup 129 0.25
	says 128 0.25
}

@test "a mount that a later one covers is not there" {
	group sys/fs/cgroup/mine 3 0.1
	group mnt/all/mine 257 0.5
	put proc/self/cgroup '0::/mine'
	mounted '/ /mnt/all' '/ /sys/fs/cgroup' '99 31 0:50 / /sys/fs/cgroup rw - tmpfs tmpfs rw'
	says 256 0.5 /mnt/all/mine
}

@test "v1 beside v2: a controller's own hierarchy, and what v1 tells of groups that are not mounted" {
	put proc/self/cgroup '4:memory:/pod/inner' '3:cpu,cpuacct:/pod' '0::/x'
	put proc/self/mountinfo '25 1 0:22 / /sys rw - sysfs sysfs rw' \
		'31 25 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw' \
		'32 25 0:32 /pod /sys/fs/cgroup/cpu\040time rw - cgroup cgroup rw,cpu,cpuacct' \
		'33 25 0:33 /pod/inner /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory'
	group sys/fs/cgroup/unified/x 3 0.1
	put sys/fs/cgroup/memory/memory.limit_in_bytes 9223372036854771712
	put sys/fs/cgroup/memory/memory.usage_in_bytes $((3 << 20))
	put sys/fs/cgroup/memory/memory.stat 'cache 1' 'inactive_file 7' 'hierarchical_memory_limit 268435456' \
		'total_inactive_file 1048576'
	put 'sys/fs/cgroup/cpu time/cpu.cfs_quota_us' 50000
	put 'sys/fs/cgroup/cpu time/cpu.cfs_period_us' 100000
	says 254 0.5 hierarchical_memory_limit
	put 'sys/fs/cgroup/cpu time/cpu.cfs_quota_us' -1
	says 254 null
}

@test "memory.high of a group above is a limit, and swap is none" {
	put proc/self/cgroup '0::/a/b'
	mounted '/ /sys/fs/cgroup'
	group sys/fs/cgroup/a/b 257 1
	put sys/fs/cgroup/a/memory.high $((65 << 20))
	put sys/fs/cgroup/a/memory.max max
	put sys/fs/cgroup/a/memory.current $((1 << 20))
	put sys/fs/cgroup/a/b/memory.swap.max $((1 << 30))
	says 64 1 a/memory.high
}

@test "limits that are not known are said to be so" {
	put proc/self/cgroup '0::/mine'
	mounted
	says $AVAILABLE null 'no mounted cgroup hierarchy shows /mine, so its limits are not known'
	jq -e '.[3] | contains("not known")' "$BATS_TEST_TMPDIR/said"
	mounted '/others /mnt/other'
	group mnt/other 3 1
	says $AVAILABLE null 'not known'
	rm "$ROOT/proc/self/mountinfo"
	says $AVAILABLE null 'not known (no '
	mounted '/ /sys/fs/cgroup'
	group sys/fs/cgroup 1025 1
	says 1024 1 'there is no /sys/fs/cgroup/mine'
	mkdir "$ROOT/sys/fs/cgroup/mine"
	says 1024 1
	put sys/fs/cgroup/mine/memory.max much
	says 1024 1 "a limit is not known: /sys/fs/cgroup/mine/memory.max: 'much' is no limit"
	# Without cgroups there is no limit, and nothing is said.
	rm "$ROOT/proc/self/cgroup"
	says $AVAILABLE null
	jq -e '.[2] == "MemAvailable" and .[3] == "no cgroup limits CPU time"' "$BATS_TEST_TMPDIR/said"
}

@test "a mountinfo of more than a MiB hides no limit without a word" {
	put proc/self/cgroup '0::/job'
	group sys/fs/cgroup/job 257 0.5
	mounted '/ /sys/fs/cgroup'
	awk 'BEGIN { for (i = 0; i < 16; i++) layers = layers sprintf("/var/lib/docker/overlay2/l/%026d:", i)
		for (i = 0; i < 1200; i++)
			printf "%d 35 0:%d / /m/%064d rw - overlay overlay rw,lowerdir=%s\n", 100 + i, 50 + i, i, layers
		}' >>"$ROOT/proc/self/mountinfo"
	[ "$(wc -c <"$ROOT/proc/self/mountinfo")" -gt 800000 ]
	says 256 0.5 || says $AVAILABLE null 'limits of this process'\''s cgroup are not known'
}

# pool FREE OVERCOMMIT SURPLUS: the hugetlb pool of 2M pages.
pool() {
	local directory=sys/kernel/mm/hugepages/hugepages-2048kB
	put $directory/nr_hugepages "$1"
	put $directory/free_hugepages "$1"
	put $directory/resv_hugepages 0
	put $directory/nr_overcommit_hugepages "$2"
	put $directory/surplus_hugepages "$3"
}

# usable PAGES WORDS
usable() {
	"$NESTWALK" env --json --root "$ROOT" | jq -c '.page_sizes.hugetlb[0] | [.usable_pages, .usable_note]' |
		tee "$BATS_TEST_TMPDIR/said"
	jq -e --argjson pages "$1" --arg words "$2" '.[0] == $pages and (.[1] | contains($words))' "$BATS_TEST_TMPDIR/said"
}

@test "surplus huge pages can be had, as far as memory allows" {
	pool 0 512 0
	usable 512 nr_overcommit_hugepages
	pool 8 512 500
	usable 20 '12 of which'
	pool 8 512 512
	usable 8 '8 free huge pages'
	pool 0 0 0
	usable 0 'no free huge pages'
	put proc/meminfo 'MemTotal: 32000000 kB' 'MemAvailable: 32768 kB'
	pool 0 512 0
	usable 2 nr_overcommit_hugepages
}

@test "hugetlb cgroups limit what is reserved and what is used, on every level" {
	pool 512 0 0
	put proc/self/cgroup '0::/a/b'
	mounted '/ /sys/fs/cgroup'
	put sys/fs/cgroup/a/b/hugetlb.2MB.max max
	put sys/fs/cgroup/a/b/hugetlb.2MB.rsvd.max max
	usable 512 '512 free'
	put sys/fs/cgroup/a/hugetlb.2MB.rsvd.max $((6 << 20))
	put sys/fs/cgroup/a/hugetlb.2MB.rsvd.current $((2 << 20))
	usable 2 '/a (hugetlb.2MB.rsvd.max)'
	put sys/fs/cgroup/a/b/hugetlb.2MB.max 0
	usable 0 '/a/b (hugetlb.2MB.max)'
	# A limit of pages of another size is none of these.
	rm -r "$ROOT/sys/fs/cgroup"
	put sys/fs/cgroup/a/b/hugetlb.1GB.max 0
	usable 512 '512 free'
}

@test "hugetlb cgroups of v1, and limits that cannot be found" {
	pool 512 0 0
	put proc/self/cgroup '5:hugetlb:/a' '0::/'
	mounted '30 25 0:30 / /sys/fs/cgroup/hugetlb rw - cgroup cgroup rw,hugetlb'
	put sys/fs/cgroup/hugetlb/a/hugetlb.2MB.limit_in_bytes 9223372036852678656
	put sys/fs/cgroup/hugetlb/a/hugetlb.2MB.rsvd.limit_in_bytes $((4 << 20))
	usable 2 hugetlb.2MB.rsvd.limit_in_bytes
	put sys/fs/cgroup/hugetlb/a/hugetlb.2MB.limit_in_bytes 0
	usable 0 hugetlb.2MB.limit_in_bytes
	mounted
	usable 512 'not known'
}

@test "limits of the process itself: address space and data" {
	put proc/self/status 'Name: nestwalk' 'VmSize:   65536 kB' 'VmData:   32768 kB'
	put proc/self/limits 'Limit                     Soft Limit           Hard Limit           Units     ' \
		'Max data size             unlimited            unlimited            bytes     ' \
		'Max address space         536870912            unlimited            bytes     '
	says 448 null 'ulimit -v'
	sed -i 's/^Max data size             unlimited /Max data size             134217728 /' "$ROOT/proc/self/limits"
	says 96 null 'ulimit -d'
	put proc/self/limits 'Max address space         unlimited            unlimited            bytes     '
	says $AVAILABLE null MemAvailable
}

@test "what stands for no value is none, however it is spelled" {
	local cpus=sys/devices/system/cpu text
	for text in '                         (null)' '  (null)' N/A 'not required' '<unknown>'; do
		put $cpus/isolated "$text"
		put $cpus/nohz_full "$text"
		put $cpus/cpufreq/policy0/scaling_governor "$text"
		put proc/cpuinfo 'processor : 0' 'vendor_id : GenuineIntel' "microcode : $text"
		"$NESTWALK" env --json --root "$ROOT" | jq -e --arg text "${text##* }" '.noise |
			.isolated_cpus == null and (.isolated_cpus_reason | contains($text)) and
			.nohz_full_cpus == null and .governors == null'
		"$NESTWALK" env --json --root "$ROOT" | jq -e '.cpu.microcode == null and .cpu.microcode_reason != null'
		run ! grep -F '(null)' <("$NESTWALK" env --root "$ROOT" | grep 'isolated CPUs')
	done
	put $cpus/isolated ' 2-3'
	put $cpus/nohz_full ''
	"$NESTWALK" env --json --root "$ROOT" | jq -e '.noise | .isolated_cpus == "2-3" and .nohz_full_cpus == ""'
}

@test "a module's parameter without a value is left out, and a limit that is not a number is not 0" {
	put sys/module/kvm_intel/parameters/ept Y
	put sys/module/kvm_intel/parameters/name '(null)'
	put proc/sys/kernel/perf_event_paranoid -1
	put proc/sys/kernel/nmi_watchdog unlimited
	"$NESTWALK" env --json --root "$ROOT" | jq -e '(.kvm.module_parameters | has("name") | not) and
		.counters.perf_event_paranoid == -1 and .counters.nmi_watchdog == null'
}
