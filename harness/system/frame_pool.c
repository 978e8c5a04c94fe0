#include "system/frame_pool.h"

#include "base/units.h"
#include "space/backed.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* --- frames --- */

/* An entry of pagemap: bits 0-54 are the frame, bit 63 says that the page is there (admin-guide/mm/pagemap.rst). */
#define ENTRY_FRAME ((UINT64_C(1) << 55) - 1)
#define ENTRY_PRESENT (UINT64_C(1) << 63)
/* The number of entries read at a time: 2 MiB of pages. */
#define ENTRIES 512u

#define BITS_PER_WORD 64u

/* One more than the number of the last frame: each zone has lines "spanned N" and "start_pfn: N". */
static uint64_t frames_of_machine(void)
{
	FILE *file = fopen("/proc/zoneinfo", "re");
	uint64_t spanned = 0, number, most = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, " spanned %" SCNu64, &number) == 1)
			spanned = number;
		else if (sscanf(line, " start_pfn: %" SCNu64, &number) == 1 && number + spanned > most)
			most = number + spanned;
	}
	if (file)
		fclose(file);
	return most;
}

/* Without the privilege the kernel shows 0 for every frame. */
static bool frames_are_shown(void)
{
	volatile unsigned char own = 1;
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	bool shown = fd >= 0 &&
		     pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)&own / PAGE_4K * sizeof(entry))) ==
			     (ssize_t)sizeof(entry) &&
		     (entry & ENTRY_FRAME);

	if (fd >= 0)
		close(fd);
	return shown && own;
}

int frame_map_open(struct frame_map *map, struct reason *why)
{
	uint64_t frames = frames_of_machine();

	*map = (struct frame_map){ 0 };
	if (!frames_are_shown())
		return fail(why, EPERM, "/proc/self/pagemap shows no frame numbers: that takes root (CAP_SYS_ADMIN)");
	if (!frames)
		return fail(why, ENOENT, "/proc/zoneinfo does not say how many frames there are");
	/* Only those parts of the map take memory that are stored to. */
	map->had = mmap(
		NULL, frames / 8 + PAGE_4K, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map->had == MAP_FAILED)
		return fail(why, errno, "no memory for a map of %" PRIu64 " frames: %s", frames, strerror(errno));
	map->frames = frames;
	return 0;
}

void frame_map_close(struct frame_map *map)
{
	if (map->frames)
		munmap(map->had, map->frames / 8 + PAGE_4K);
	*map = (struct frame_map){ 0 };
}

/* Count a frame, and whether it was noted before. Where `note` is true it is noted now. */
static void entry_look(const struct frame_map *map, uint64_t entry, bool note, struct frame_count *count)
{
	uint64_t frame = entry & ENTRY_FRAME, bit = UINT64_C(1) << frame % BITS_PER_WORD, had;

	if (!(entry & ENTRY_PRESENT) || !frame || frame >= map->frames)
		return;
	/* Workers of several processes note at the same time. */
	had = atomic_fetch_or((_Atomic uint64_t *)map->had + frame / BITS_PER_WORD, note ? bit : 0);
	count->got++;
	count->fresh += !(had & bit);
}

static int range_look(const struct frame_map *map, uintptr_t at, uint64_t bytes, bool note, struct frame_count *count)
{
	uint64_t page = at / PAGE_4K, pages = bytes / PAGE_4K, entry[ENTRIES];
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	while (pages) {
		uint64_t many = pages < ENTRIES ? pages : ENTRIES;
		ssize_t got = pread(fd, entry, many * sizeof(*entry), (off_t)(page * sizeof(*entry)));

		if (got <= 0 || got % (ssize_t)sizeof(*entry)) {
			close(fd);
			return -EIO;
		}
		many = (uint64_t)got / sizeof(*entry);
		for (uint64_t i = 0; i < many; i++)
			entry_look(map, entry[i], note, count);
		page += many;
		pages -= many;
	}
	close(fd);
	return 0;
}

int frame_map_note(
	const struct frame_map *map, const void *at, uint64_t bytes, struct frame_count *count, struct reason *why)
{
	struct frame_count unused = { 0 };
	int error = map->frames ? range_look(map, (uintptr_t)at, bytes, true, count ? count : &unused) : 0;

	return error ? fail(why, -error, "/proc/self/pagemap: %s", strerror(-error)) : 0;
}

/* --- memory that is held --- */

void frame_pool_open(struct frame_pool *pool)
{
	if (pool->open)
		return;
	pool->open = true;
	frame_map_open(&pool->map, &pool->unseen);
}

void frame_pool_note_use(struct frame_pool *pool, uint64_t bytes)
{
	bytes = (bytes + PAGE_4K - 1) / PAGE_4K * PAGE_4K;
	if (bytes > pool->used_most_bytes)
		pool->used_most_bytes = bytes;
}

/*
 * Store to memory from a given CPU, as each CPU keeps a list of free pages. Where binding is refused, all stores take
 * pages from the list of one CPU.
 */
static void store_on(int cpu, unsigned char *at, uint64_t bytes)
{
	cpu_set_t *set = CPU_ALLOC((size_t)cpu + 1);
	size_t size = CPU_ALLOC_SIZE((size_t)cpu + 1);

	if (set) {
		CPU_ZERO_S(size, set);
		CPU_SET_S((size_t)cpu, size, set);
		sched_setaffinity(0, size, set);
		CPU_FREE(set);
	}
	if (!madvise(at, bytes, MADV_POPULATE_WRITE) || errno != EINVAL)
		return;
	for (uint64_t offset = 0; offset < bytes; offset += PAGE_4K)
		*(volatile unsigned char *)(at + offset) = 1;
}

/*
 * Where frame numbers can be seen, draining goes on in steps while the last step got used frames. Six steps take 50 ms,
 * and some 200 ms where a hypervisor has no memory behind them yet. A storm that gets used frames after that is
 * repeated.
 */
#define STEP_BYTES (16 * MIB)
#define STEPS_MOST 6
#define USED_SHARE_ENOUGH 0.05

/* Room for the affinity of a thread on the largest machine that Linux supports (NR_CPUS of x86-64: 8192). */
#define CPUS_MOST 8192

/* Hold `bytes` more, a part from each CPU. *used: the share of their frames that storms used; 0: it cannot be seen. */
static int drain_more(struct frame_pool *pool, const struct frame_pool_request *request, uint64_t bytes, double *used,
	struct reason *why)
{
	uint64_t part = bytes / request->cpu_count / PAGE_4K * PAGE_4K;
	struct drained *list = realloc(pool->drained, (pool->drains + 1) * sizeof(*list));
	unsigned char *at =
		list ? mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : MAP_FAILED;
	cpu_set_t *before = CPU_ALLOC(CPUS_MOST);
	size_t size = CPU_ALLOC_SIZE(CPUS_MOST);
	bool known = before && !sched_getaffinity(0, size, before);
	struct frame_count count = { 0 };

	*used = 0;
	if (list)
		pool->drained = list;
	if (at != MAP_FAILED) {
		/* Freed frames lie scattered, where large pages would not take them. Forked workers need none of it. */
		madvise(at, bytes, MADV_NOHUGEPAGE);
		madvise(at, bytes, MADV_DONTFORK);
		for (unsigned i = 0; i < request->cpu_count; i++)
			store_on(request->cpus[i], at + i * part, i + 1 < request->cpu_count ? part : bytes - i * part);
		pool->drained[pool->drains++] = (struct drained){ .at = at, .bytes = bytes };
		pool->drained_bytes += bytes;
		pool->held_bytes += bytes;
		if (pool->map.frames && !range_look(&pool->map, (uintptr_t)at, bytes, false, &count) && count.got)
			*used = 1 - (double)count.fresh / (double)count.got;
	}
	if (known)
		sched_setaffinity(0, size, before);
	if (before)
		CPU_FREE(before);
	return at == MAP_FAILED ? fail(why, ENOMEM, "draining %" PRIu64 " MiB: no memory", bytes / MIB) : 0;
}

static int request_judge(
	const struct frame_pool *pool, const struct frame_pool_request *request, uint64_t more, struct reason *why)
{
	if (pool->held_bytes + more + request->bytes > request->most_bytes)
		return fail(why, ENOMEM,
			"no more fresh frames: storms may hold %" PRIu64 " MiB and hold %" PRIu64
			" MiB already; this storm takes %" PRIu64 " MiB and has to drain %" PRIu64 " MiB first",
			request->most_bytes / MIB, pool->held_bytes / MIB, request->bytes / MIB, more / MIB);
	return 0;
}

int frame_pool_drain(struct frame_pool *pool, const struct frame_pool_request *request, struct reason *why)
{
	uint64_t more = pool->used_most_bytes > pool->drained_bytes ? pool->used_most_bytes - pool->drained_bytes : 0;
	int error = request_judge(pool, request, more, why);
	double used = 1;

	if (!error && more)
		error = drain_more(pool, request, more, &used, why);
	/*
	 * While old frames are held, storms of recycled frames use others and give those back: there is always more to
	 * drain.
	 */
	for (unsigned step = 0; !error && pool->map.frames && used > USED_SHARE_ENOUGH && step < STEPS_MOST &&
				!request_judge(pool, request, STEP_BYTES, NULL);
		step++)
		error = drain_more(pool, request, STEP_BYTES, &used, why);
	return error;
}

int frame_pool_keep(struct frame_pool *pool, struct worker_group *group, uint64_t bytes, struct reason *why)
{
	if (pool->groups == pool->room) {
		size_t room = pool->room ? 2 * pool->room : 16;
		struct worker_group *list = realloc(pool->group, room * sizeof(*list));

		if (!list) {
			worker_group_dismiss(group);
			return fail(why, ENOMEM, "no memory for a list of worker groups");
		}
		pool->group = list;
		pool->room = room;
	}
	pool->group[pool->groups++] = *group;
	pool->held_bytes += bytes;
	return 0;
}

void frame_pool_close(struct frame_pool *pool)
{
	for (size_t i = 0; i < pool->drains; i++)
		munmap(pool->drained[i].at, pool->drained[i].bytes);
	for (size_t i = 0; i < pool->groups; i++)
		worker_group_dismiss(&pool->group[i]);
	free(pool->group);
	free(pool->drained);
	frame_map_close(&pool->map);
	*pool = (struct frame_pool){ 0 };
}
