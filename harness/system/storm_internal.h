/* What the files of a storm share. Nothing else includes this. */
#ifndef NESTWALK_STORM_INTERNAL_H
#define NESTWALK_STORM_INTERNAL_H

#include "system/storm.h"

struct userfault;

/*
 * The CPU time of a helper that answers for a worker, on the worker's CPU. The split is rusage's, which follows the
 * clock by a timer tick.
 */
struct helper_usage {
	uint64_t cpu_ns, user_ns, system_ns;
};

/* Where one worker touches. */
struct storm_place {
	const struct storm_row *row;
	uint64_t bytes; /* of the region */
	unsigned char *at; /* its first byte, while it is mapped */
	void *map; /* the mapping that holds the region */
	uint64_t map_bytes;
	int fd; /* of the file or memfd behind it; -1 */
	int ready[2]; /* a pipe on which a forked child says that it is there; -1 */
	pid_t child; /* that keeps the pages; 0: none */
	struct userfault *userfault;
	struct helper_usage helper;
};

enum storm_expect {
	EXPECT_ONE, /* a fault a touch */
	EXPECT_NONE,
	EXPECT_ONE_OR_NONE, /* which of the two depends on the kernel; nothing in between */
};

/* A kind of storm. Its functions return 0, or -errno with *why. */
struct storm_row {
	uint64_t page_bytes; /* of the mapped pages */
	uint64_t step_bytes; /* from touch to touch */
	int (*open)(struct storm_place *place, struct reason *why); /* once for a worker; NULL: nothing to do */
	/* brings the region into the state in which each touch faults */
	int (*map)(struct storm_place *place, struct reason *why);
	int (*unmap)(struct storm_place *place, struct reason *why); /* after the touching; NULL: it stays */
	/* Touch `count` places `step` bytes apart. 0, or -errno. */
	int (*touch)(unsigned char *at, uint64_t step, uint64_t count);
	/* The same, with the TSC cycles of each touch in tsc[count]; NULL: all touches happen in one call. */
	int (*touch_timed)(unsigned char *at, uint64_t step, uint64_t count, uint64_t *tsc);
	enum storm_expect expect;
	unsigned regions; /* of ordinary memory that a worker takes at most, its file included */
};

extern const struct storm_row storm_rows[STORM_KINDS];

int place_open(struct storm_place *place, enum storm_kind kind, uint64_t bytes, struct reason *why);
/* @keep: the mapping, and a child that keeps pages, stay until the process ends. */
void place_close(struct storm_place *place, bool keep);
/* Bring `helper` up to date. */
int place_helper(struct storm_place *place, struct reason *why);

/* --- storm_touch.c --- */
int touch_store(unsigned char *at, uint64_t step, uint64_t count);
int touch_store_timed(unsigned char *at, uint64_t step, uint64_t count, uint64_t *tsc);
int touch_load(unsigned char *at, uint64_t step, uint64_t count);
int touch_load_timed(unsigned char *at, uint64_t step, uint64_t count, uint64_t *tsc);
int touch_populate(unsigned char *at, uint64_t step, uint64_t count);
/* What timing alone takes: as the timed ones, with nothing between the readings. */
void touch_nothing_timed(uint64_t count, uint64_t *tsc);

/* --- storm_file.c: a file descriptor whose pages are all in memory, each a page of its own --- */
int file_make(uint64_t bytes, int *fd, struct reason *why);
int memfd_make(uint64_t bytes, int *fd, struct reason *why);

/* --- storm_userfault.c --- */
struct userfault_spec {
	unsigned char *at;
	uint64_t bytes; /* the last page of it is the handler's: userfault_usage() */
	bool minor; /* pages exist, and only have to be mapped; else they are missing */
};
/* Faults of a range are answered by a thread, bound as the one that calls. -EPERM, -ENOSYS, -EOPNOTSUPP. */
int userfault_open(struct userfault **userfault, const struct userfault_spec *spec, struct reason *why);
/* CPU time of that thread so far; an error where it could not answer: the kernel then answers itself. */
int userfault_usage(struct userfault *userfault, struct helper_usage *usage, struct reason *why);
/* End it. NULL is allowed. */
void userfault_close(struct userfault *userfault);

/* --- storm_worker.c --- */
/* What a worker finds out. */
struct storm_share {
	uint64_t touches, touch_tsc, loop_tsc; /* of the window that is not timed one by one */
	uint64_t verified_touches, faults; /* of all windows */
	struct worker_usage usage; /* of that window, with its helpers' CPU time in user_ns and system_ns */
	uint64_t delay_ns; /* of that window: ready to run, and not running; UINT64_MAX: the kernel does not say */
	double overhead_tsc;
	struct frame_count frames;
	struct histogram latencies;
};
int storm_work(struct worker *worker, struct reason *why);

/* Passes that a worker with fresh frames makes, each over a region of its own: large pages are few in one. */
unsigned storm_passes(const struct storm_experiment *experiment);

#endif
