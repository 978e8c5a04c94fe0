#include "counters/reading.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>

int reading_decode(const uint64_t *buffer, size_t bytes, const uint64_t *id, size_t events, struct reading *out,
	struct reason *why)
{
	if (!bytes)
		return fail(why, EBUSY, "the counters were taken by others");
	if (bytes != READING_WORDS(events) * sizeof(uint64_t) || buffer[0] != events)
		return fail(why, EIO, "%zu bytes with %" PRIu64 " counts were read where a group has %zu", bytes,
			bytes >= sizeof(uint64_t) ? buffer[0] : 0, events);
	*out = (struct reading){ .enabled_ns = buffer[1], .running_ns = buffer[2] };
	for (size_t i = 0; i < events; i++) {
		size_t at = 0;

		while (at < events && buffer[4 + 2 * at] != id[i])
			at++;
		if (at == events)
			return fail(why, EIO, "a group's counts do not contain event %" PRIu64, id[i]);
		out->count[i] = buffer[3 + 2 * at];
	}
	return 0;
}

uint64_t reading_rdpmc(uint32_t counter)
{
	uint32_t low, high;

	/* Volatile, because the compiler would otherwise merge two readings into one. */
	__asm__ volatile("rdpmc" : "=a"(low), "=d"(high) : "c"(counter));
	return (uint64_t)high << 32 | low;
}

static uint64_t read_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

/* Nanoseconds since the page's times were written: perf_event.h at cap_user_time. */
static uint64_t since_update_ns(const volatile struct perf_event_mmap_page *page, uint64_t cycles)
{
	uint16_t shift = page->time_shift;
	uint64_t multiplier = page->time_mult, whole, rest;

	if (page->cap_user_time_short)
		cycles = page->time_cycles + ((cycles - page->time_cycles) & page->time_mask);
	whole = cycles >> shift;
	rest = cycles & ((UINT64_C(1) << shift) - 1);
	return page->time_offset + whole * multiplier + (rest * multiplier >> shift);
}

static void compiler_barrier(void)
{
	__asm__ volatile("" ::: "memory");
}

void reading_page(const volatile struct perf_event_mmap_page *page, read_counter rdpmc, struct page_reading *out)
{
	uint32_t sequence;

	do {
		uint32_t index;

		sequence = page->lock;
		compiler_barrier();
		index = page->index;
		out->enabled_ns = page->time_enabled;
		out->running_ns = page->time_running;
		out->count = (uint64_t)page->offset;
		out->on = page->cap_user_rdpmc && index;
		if (page->cap_user_time) {
			uint64_t delta_ns = since_update_ns(page, read_tsc());

			out->enabled_ns += delta_ns;
			if (index)
				out->running_ns += delta_ns;
		}
		if (out->on) {
			unsigned unused = 64 - page->pmc_width;
			/*
			 * The value is shifted up as unsigned and down as signed, which extends the counter's own
			 * sign bit.
			 */
			int64_t counter = (int64_t)(rdpmc(index - 1) << unused) >> unused;

			out->count += (uint64_t)counter;
		}
		compiler_barrier();
	} while (page->lock != sequence);
}

struct counted reading_between(uint64_t count, uint64_t enabled_ns, uint64_t running_ns)
{
	struct counted counted = { .count = (double)count };

	if (running_ns >= enabled_ns)
		return counted;
	counted.scaled = true;
	counted.count = running_ns ? (double)count * ((double)enabled_ns / (double)running_ns) : NAN;
	return counted;
}
