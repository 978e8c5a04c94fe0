/* What one worker of a storm does. */
#include "base/units.h"
#include "space/smaps.h"
#include "system/storm_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Passes with fresh frames of 2M. In the usual region of 16M, 16 touches are timed together and 16 one by one. */
#define PASSES_OF_LARGE_PAGES 4u

unsigned storm_passes(const struct storm_experiment *experiment)
{
	if (experiment->frames == STORM_RECYCLED)
		return 1;
	return storm_rows[experiment->kind].page_bytes == PAGE_4K ? 1 : PASSES_OF_LARGE_PAGES;
}

/* The state of a worker of a storm. */
struct storm_worker {
	struct worker *worker;
	const struct storm_spec *spec;
	struct storm_share *share;
	struct storm_place place;
	uint64_t touches; /* in the region */
	uint64_t *tsc; /* of each touch: room for as many */
};

/* How many empty pairs of clock readings are timed: an interrupt or two do not move their median. */
#define EMPTY_PAIRS 1001u

static int by_size(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static double pair_overhead_tsc(void)
{
	uint64_t tsc[EMPTY_PAIRS];

	memset(tsc, 0, sizeof(tsc));
	touch_nothing_timed(EMPTY_PAIRS, tsc);
	qsort(tsc, EMPTY_PAIRS, sizeof(*tsc), by_size);
	return (double)tsc[EMPTY_PAIRS / 2];
}

static int notes_open(struct storm_worker *self, struct reason *why)
{
	uint64_t bytes = self->touches * sizeof(*self->tsc);

	self->tsc = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (self->tsc == MAP_FAILED) {
		self->tsc = NULL;
		return fail(why, errno, "no memory to note latencies in: %s", strerror(errno));
	}
	/* After a fork each first store to the notes would fault, within the time that is measured. */
	madvise(self->tsc, bytes, MADV_DONTFORK);
	memset(self->tsc, 0, bytes);
	return 0;
}

/* Make latencies of the notes of the last touches. Nothing is timed meanwhile. */
static void latencies_fill(struct storm_worker *self, uint64_t touches)
{
	double ns_per_tsc = self->spec->ns_per_tsc;

	for (uint64_t i = 0; i < touches; i++) {
		double tsc = (double)self->tsc[i] - self->share->overhead_tsc;

		histogram_add(&self->share->latencies, tsc > 0 ? (uint64_t)(tsc * ns_per_tsc + 0.5) : 0);
	}
}

/* A stretch of touches of the region that is mapped. */
struct stretch {
	uint64_t first, touches;
	bool timed; /* one by one */
	bool measured;
};

static int stretch_touch(struct storm_worker *self, const struct stretch *stretch, struct reason *why)
{
	const struct storm_row *row = self->place.row;
	struct storm_share *share = self->share;
	unsigned char *at = self->place.at + stretch->first * row->step_bytes;
	struct worker_usage usage;
	uint64_t from, elapsed;
	int error;

	worker_usage_begin(&usage);
	from = worker_tsc();
	if (stretch->timed && row->touch_timed)
		error = row->touch_timed(at, row->step_bytes, stretch->touches, self->tsc);
	else
		error = row->touch(at, row->step_bytes, stretch->touches);
	elapsed = worker_tsc() - from;
	worker_usage_end(&usage);
	if (error)
		return fail(why, -error == EINVAL ? EOPNOTSUPP : -error, "MADV_POPULATE_WRITE: %s (Linux 5.14 has it)",
			strerror(-error));
	if (!stretch->measured)
		return 0;
	share->verified_touches += stretch->touches;
	share->faults += usage.minor_faults + usage.major_faults;
	if (!stretch->timed) {
		share->touches += stretch->touches;
		share->touch_tsc += elapsed;
	} else if (row->touch_timed) {
		latencies_fill(self, stretch->touches);
	}
	return 0;
}

static int place_size_verify(const struct storm_place *place, struct reason *why)
{
	struct smaps_pages got;
	int error = smaps_read((uintptr_t)place->at, place->bytes, &got, why);

	if (error || got.anon_huge_bytes == place->bytes || got.hugetlb_bytes == place->bytes)
		return error;
	return fail(why, ENOMEM,
		"of %" PRIu64 " MiB asked for in pages of 2M the kernel gave %" PRIu64
		" MiB: memory is fragmented (`echo 1 | sudo tee /proc/sys/vm/compact_memory`) or transparent huge pages are off",
		place->bytes / MIB, (got.anon_huge_bytes + got.hugetlb_bytes) / MIB);
}

/* Verify the pages of the region, and note its frames, while it is mapped. */
static int region_look(struct storm_worker *self, struct reason *why)
{
	const struct storm_place *place = &self->place;
	int error = place->row->page_bytes == PAGE_4K ? 0 : place_size_verify(place, why);

	if (!error && self->spec->frames)
		error = frame_map_note(self->spec->frames, place->at, place->bytes, &self->share->frames, why);
	return error;
}

enum look { LOOK_AWAY, LOOK_AT_REGION };

/* One round: make the region fault, touch it, give it back. */
static int round_go(struct storm_worker *self, bool timed, bool measured, enum look look, struct reason *why)
{
	struct storm_place *place = &self->place;
	struct stretch all = { .touches = self->touches, .timed = timed, .measured = measured };
	int error = place->row->map(place, why);

	if (!error)
		error = stretch_touch(self, &all, why);
	if (!error && look == LOOK_AT_REGION)
		error = region_look(self, why);
	if (!error && place->row->unmap)
		error = place->row->unmap(place, why);
	return error;
}

/*
 * How long this thread has been ready to run without running: the second number of schedstat
 * (Documentation/scheduler/sched-stats.rst).
 */
static uint64_t delay_ns(void)
{
	FILE *file = fopen("/proc/thread-self/schedstat", "re");
	uint64_t ran, delayed;
	bool known = file && fscanf(file, "%" SCNu64 " %" SCNu64, &ran, &delayed) == 2;

	if (file)
		fclose(file);
	return known ? delayed : UINT64_MAX;
}

/* The thread's usage around the touches that are timed together. */
struct watch {
	struct worker_usage usage;
	struct helper_usage helper;
	uint64_t delay_ns, tsc;
};

static int watch_begin(struct storm_worker *self, struct watch *watch, struct reason *why)
{
	int error = place_helper(&self->place, why);

	watch->helper = self->place.helper;
	watch->delay_ns = delay_ns();
	worker_usage_begin(&watch->usage);
	watch->tsc = worker_tsc();
	return error;
}

/*
 * The CPU clock is exact. rusage is late by up to a timer tick, and may split time by ticks. So the exact time is
 * divided in rusage's proportion. Without a tick there is no proportion, and nothing is added.
 */
static void helper_usage_add(struct worker_usage *sum, const struct helper_usage *more)
{
	uint64_t system;

	sum->cpu_ns += more->cpu_ns;
	if (!more->user_ns && !more->system_ns)
		return;
	system = (uint64_t)((double)more->cpu_ns *
			    ((double)more->system_ns / (double)(more->user_ns + more->system_ns)));
	sum->system_ns += system;
	sum->user_ns += more->cpu_ns - system;
}

static int watch_end(struct storm_worker *self, struct watch *watch, struct reason *why)
{
	struct storm_share *share = self->share;
	struct helper_usage own, helper;
	uint64_t delay;
	int error;

	share->loop_tsc += worker_tsc() - watch->tsc;
	worker_usage_end(&watch->usage);
	delay = delay_ns();
	error = place_helper(&self->place, why);
	helper = self->place.helper;
	helper.cpu_ns -= watch->helper.cpu_ns;
	helper.user_ns -= watch->helper.user_ns;
	helper.system_ns -= watch->helper.system_ns;
	own = (struct helper_usage){ watch->usage.cpu_ns, watch->usage.user_ns, watch->usage.system_ns };
	helper_usage_add(&share->usage, &own);
	helper_usage_add(&share->usage, &helper);
	share->usage.elapsed_ns += watch->usage.elapsed_ns;
	share->usage.involuntary_switches += watch->usage.involuntary_switches;
	if (delay == UINT64_MAX)
		share->delay_ns = UINT64_MAX;
	else if (share->delay_ns != UINT64_MAX)
		share->delay_ns += delay - watch->delay_ns;
	return error;
}

/* Rounds until the window is over, and then unmeasured rounds until the windows of all others are over. */
static int window_measure(struct storm_worker *self, bool timed, struct reason *why)
{
	struct worker *worker = self->worker;
	double window_ns = (double)(timed ? self->spec->timed_window_ns : self->spec->window_ns);
	uint64_t window_tsc = (uint64_t)(window_ns / self->spec->ns_per_tsc), began;
	struct watch watch;
	int error = worker_meet(worker);

	if (!error && !timed)
		error = watch_begin(self, &watch, why);
	if (error)
		return error;
	began = worker_tsc();
	do
		error = round_go(self, timed, true, LOOK_AWAY, why);
	while (!error && !worker_canceled(worker) && worker_tsc() - began < window_tsc);
	if (!error && !timed)
		error = watch_end(self, &watch, why);
	worker_measured(worker);
	while (!error && workers_measuring(worker) && !worker_canceled(worker))
		error = round_go(self, timed, false, LOOK_AWAY, why);
	return error;
}

static int recycled_work(struct storm_worker *self, struct reason *why)
{
	/* One timed round that is not measured: it faults in the notes before they are needed. */
	int error = round_go(self, true, false, LOOK_AT_REGION, why);

	if (!error)
		error = window_measure(self, false, why);
	/* Where all happens in one call, no single touch can be timed. */
	if (!error && self->place.row->touch_timed)
		error = window_measure(self, true, why);
	/* The kernel may have run out of large pages meanwhile. */
	return error ? error : round_go(self, false, false, LOOK_AT_REGION, why);
}

/* One pass over each page. The memory stays. */
static int fresh_work(struct storm_worker *self, struct reason *why)
{
	struct storm_place *place = &self->place;
	struct stretch first = { .touches = self->touches / 2, .measured = true };
	struct stretch second = { .first = self->touches / 2,
		.touches = self->touches - self->touches / 2,
		.timed = true,
		.measured = true };
	int error = worker_meet(self->worker);

	for (unsigned pass = 0; !error && pass < storm_passes(&self->spec->experiment); pass++) {
		struct watch watch;

		error = watch_begin(self, &watch, why);
		if (!error)
			error = place->row->map(place, why);
		if (!error)
			error = stretch_touch(self, &first, why);
		if (!error)
			error = watch_end(self, &watch, why);
		if (!error)
			error = stretch_touch(self, &second, why);
		if (!error)
			error = region_look(self, why);
	}
	return error;
}

int storm_work(struct worker *worker, struct reason *why)
{
	const struct storm_spec *spec = worker->experiment;
	const struct storm_row *row = &storm_rows[spec->experiment.kind];
	struct storm_worker self = {
		.worker = worker,
		.spec = spec,
		.share = worker->result,
		.touches = spec->experiment.region_bytes / row->step_bytes,
	};
	bool fresh = spec->experiment.frames == STORM_FRESH;
	int error = notes_open(&self, why);

	if (error)
		return error;
	/* Stored to now, so that none of its pages faults later. */
	memset(self.share, 0, sizeof(*self.share));
	self.share->overhead_tsc = pair_overhead_tsc();
	error = place_open(&self.place, spec->experiment.kind, spec->experiment.region_bytes, why);
	if (!error)
		error = fresh ? fresh_work(&self, why) : recycled_work(&self, why);
	place_close(&self.place, fresh && !error);
	munmap(self.tsc, self.touches * sizeof(*self.tsc));
	return error;
}
