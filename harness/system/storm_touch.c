/*
 * The measured loops: nothing but the touches. Sanitizers are kept out, as their own shadow memory would take faults in
 * between.
 */
#include "base/units.h"
#include "space/backed.h"
#include "system/storm_internal.h"

#include <errno.h>
#include <sys/mman.h>

#define MEASURED __attribute__((noinline, no_sanitize("address", "undefined")))

MEASURED int touch_store(unsigned char *at, uint64_t step, uint64_t count)
{
	for (volatile unsigned char *page = at; count; count--, page += step)
		*page = 1;
	return 0;
}

MEASURED int touch_load(unsigned char *at, uint64_t step, uint64_t count)
{
	for (volatile unsigned char *page = at; count; count--, page += step)
		(void)*page;
	return 0;
}

MEASURED int touch_store_timed(unsigned char *at, uint64_t step, uint64_t count, uint64_t *tsc)
{
	for (volatile unsigned char *page = at; count; count--, page += step) {
		uint64_t from = worker_tsc_quick();

		*page = 1;
		*tsc++ = worker_tsc_quick() - from;
	}
	return 0;
}

MEASURED int touch_load_timed(unsigned char *at, uint64_t step, uint64_t count, uint64_t *tsc)
{
	for (volatile unsigned char *page = at; count; count--, page += step) {
		uint64_t from = worker_tsc_quick();

		(void)*page;
		*tsc++ = worker_tsc_quick() - from;
	}
	return 0;
}

MEASURED void touch_nothing_timed(uint64_t count, uint64_t *tsc)
{
	for (; count; count--) {
		uint64_t from = worker_tsc_quick();

		*tsc++ = worker_tsc_quick() - from;
	}
}

int touch_populate(unsigned char *at, uint64_t step, uint64_t count)
{
	return madvise(at, step * count, MADV_POPULATE_WRITE) ? -errno : 0;
}
