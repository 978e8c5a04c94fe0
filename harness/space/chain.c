#include "space/chain.h"

#include "space/permutation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

void cycle_draw(struct cycle *cycle, uint32_t count, const gsl_rng *random)
{
	permutation_cycle(cycle->order, count, random);
	for (uint32_t k = 0; k < count; k++)
		cycle->next[cycle->order[k]] = cycle->order[k + 1 < count ? k + 1 : 0];
}

struct chain chain_over_units(const struct chase *chase, uint64_t base, const uint64_t *offset,
	const struct cycle *cycle, const gsl_rng *random)
{
	uint64_t unit = chase->distance_bytes < chase->page_bytes ? chase->distance_bytes : chase->page_bytes;
	uint64_t lines = unit / LINE_BYTES;

	return (struct chain){
		.count = (uint32_t)chase->count,
		.order = cycle->order,
		.next = cycle->next,
		.base = base,
		.step_bytes = offset ? 0 : chase->distance_bytes,
		.offset = offset,
		.spread_lines = lines,
		.line_first = gsl_rng_uniform_int(random, lines),
	};
}

struct placement chain_placement(const struct chase *chase)
{
	return (struct placement){
		.targets = chase->count - chase->fillers,
		.stride_pages = chase->distance_bytes / chase->page_bytes,
		.flip_pages = chase->flip_pages,
		.fillers = chase->fillers,
	};
}

struct chain chain_over_placement(const struct placement *placement, const struct chase *chase, uint64_t base,
	const struct cycle *cycle, const gsl_rng *random)
{
	uint64_t lines = PAGE_4K / LINE_BYTES;

	return (struct chain){
		.count = (uint32_t)chase->count,
		.order = cycle->order,
		.next = cycle->next,
		.base = base,
		.placement = placement,
		.page_bytes = chase->page_bytes,
		.turn_pages = gsl_rng_uniform_int(random, placement->stride_pages),
		.spread_lines = lines,
		.line_first = gsl_rng_uniform_int(random, lines),
	};
}

struct chain chain_packed(uint64_t lines, uint64_t base, const struct cycle *cycle)
{
	return (struct chain){
		.count = (uint32_t)lines,
		.order = cycle->order,
		.next = cycle->next,
		.base = base,
		.step_bytes = LINE_BYTES,
		.spread_lines = 1,
	};
}

/* The multiplier scaled to the page: odd, and about 0.618 of the lines in a page. */
static uint64_t line_multiplier(uint64_t lines)
{
	return (SPREAD_GOLDEN_32 * lines >> 32) | 1;
}

/*
 * Lines of successive pages are spread: sets of L1, of L2 and of the rest are filled evenly at once. A TLB that splits a
 * large page into the smaller pages of a hypervisor beneath sees different parts of different pages.
 */
uint64_t chain_address(const struct chain *chain, uint32_t i)
{
	uint64_t line = (chain->line_first + i * line_multiplier(chain->spread_lines)) & (chain->spread_lines - 1);

	if (chain->placement)
		return chain->base + (placement_page(chain->placement, i) ^ chain->turn_pages) * chain->page_bytes +
		       line * LINE_BYTES;
	return chain->base + i * chain->step_bytes + (chain->offset ? chain->offset[i] : 0) + line * LINE_BYTES;
}

uint64_t chain_after(const struct chain *chain, uint64_t steps)
{
	return chain_address(chain, chain->order[steps % chain->count]);
}

uint64_t chain_start(const struct chain *chain, unsigned which, unsigned chains)
{
	return (uint64_t)chain->count * which / chains;
}

uint64_t chain_sum(const struct chain *chain)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < chain->count; i++)
		sum += chain_address(chain, i);
	return sum;
}

/* Pointers are written by ascending address, not in the chase's order: stores to neighbouring pages overlap. */
void chain_lay(const struct chain *chain, const struct space *space)
{
	for (uint32_t i = 0; i < chain->count; i++)
		*(uint64_t *)space_pointer(space, chain_address(chain, i)) = chain_address(chain, chain->next[i]);
}

int chain_prove(const struct chain *chain, struct reason *why)
{
	uint32_t at = 0;

	/* A cycle that returns to its start after `count` steps, and not before, visits each element once. */
	for (uint32_t k = 0; k < chain->count; k++) {
		if (at >= chain->count || (k && !at))
			return fail(why, EIO, "the chain comes back after %" PRIu32 " of %" PRIu32 " lines", k,
				chain->count);
		at = chain->next[at];
	}
	if (at)
		return fail(why, EIO, "the chain does not end where it started");
	return 0;
}

int chain_walk(const struct chain *chain, struct space *space, struct reason *why)
{
	uint64_t start = chain_address(chain, 0);
	int error;

	*space->call = (struct kernel_call){ .start = start, .count = chain->count };
	error = space_run(space, KERNEL_WALK, why);
	if (error)
		return error;
	if (space->call->end != start || space->call->sum != chain_sum(chain))
		return fail(why, EIO,
			"a walk of %" PRIu32 " lines ended at %#" PRIx64 " instead of %#" PRIx64
			", or on other lines: two lines share memory, or the space does not translate as laid out",
			chain->count, space->call->end, start);
	return 0;
}

static int pages_chain(const struct chain_pages *pages, const struct cycle *cycle, struct space *space,
	const gsl_rng *random, struct chain *chain, struct reason *why)
{
	const struct chase chase = {
		.page_bytes = pages->page_bytes, .count = pages->count, .distance_bytes = pages->page_bytes
	};
	int error;

	*chain = chain_over_units(&chase, (uintptr_t)pages->memory->at, NULL, cycle, random);
	chain_lay(chain, space);
	error = chain_prove(chain, why);
	return error ? error : chain_walk(chain, space, why);
}

int chain_over_pages(const struct chain_pages *pages, const void **start, struct reason *why)
{
	struct cycle cycle = { calloc(pages->count, sizeof(uint32_t)), calloc(pages->count, sizeof(uint32_t)) };
	const struct space_spec spec = {
		.setting = SETTING_HOST, .page_bytes = pages->page_bytes, .memory = pages->memory
	};
	gsl_rng *random = random_new(pages->seed);
	struct space *space = NULL;
	struct chain chain;
	int error = cycle.order && cycle.next && random ? 0 : fail(why, ENOMEM, "no memory for a chain");

	if (!error)
		error = space_open(&spec, &space, why);
	if (!error) {
		cycle_draw(&cycle, pages->count, random);
		error = pages_chain(pages, &cycle, space, random, &chain, why);
	}
	if (!error)
		*start = (const void *)(uintptr_t)chain_address(&chain, 0);
	space_close(space);
	gsl_rng_free(random);
	free(cycle.order);
	free(cycle.next);
	return error;
}
