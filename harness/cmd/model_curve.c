/* The curve of nestwalk model: chains are those of measurements, drawn by the same code, and each is simulated. */
#include "cmd/model.h"

#include "base/units.h"
#include "space/chain.h"
#include "space/permutation.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGES_MOST (UINT64_C(1) << 20) /* 4 GiB of 4K pages: some seconds, and some 500 MiB, with caches */
#define ACCESSES 50000u /* counted at least: random replacement is then known to some per mille */
/* Chains begin on an address on which a table of each level starts, as arenas that are much smaller do not mind. */
#define CHAIN_BASE (512 * GIB)

const enum paging model_mode_paging[MODEL_MODES] = {
	[MODEL_NATIVE] = PAGING_NATIVE,
	[MODEL_NESTED] = PAGING_NESTED,
	[MODEL_SHADOW] = PAGING_SHADOW,
};

void model_note(struct model_notes *notes, const char *format, ...)
{
	struct reason *grown = realloc(notes->at, (notes->count + 1) * sizeof(*grown));
	va_list args;

	if (!grown)
		return;
	notes->at = grown;
	va_start(args, format);
	vsnprintf(grown[notes->count++].text, sizeof(grown->text), format, args);
	va_end(args);
}

static int pages_add(struct model_request *request, uint64_t pages, struct reason *why)
{
	uint64_t *grown;

	if (request->counts && request->pages[request->counts - 1] >= pages)
		return fail(why, EINVAL, "%" PRIu64 " pages follow %" PRIu64 ": numbers must ascend", pages,
			request->pages[request->counts - 1]);
	grown = realloc(request->pages, (request->counts + 1) * sizeof(*grown));
	if (!grown)
		return fail(why, ENOMEM, "out of memory");
	request->pages = grown;
	grown[request->counts++] = pages;
	return 0;
}

/* From first to last: first times 1, 1.5, 2, 3, 4, ..., and last. */
static int range_add(struct model_request *request, uint64_t first, uint64_t last, struct reason *why)
{
	int error = 0;

	for (uint64_t octave = first; !error && octave < last; octave *= 2) {
		error = pages_add(request, octave, why);
		if (!error && octave > 1 && octave + octave / 2 < last)
			error = pages_add(request, octave + octave / 2, why);
	}
	return error ? error : pages_add(request, last, why);
}

int model_pages_parse(const char *text, struct model_request *request, struct reason *why)
{
	char *copy = strdup(text), *rest = copy, *word;
	int error = copy ? 0 : fail(why, ENOMEM, "out of memory");

	request->counts = 0;
	while (!error && (word = strsep(&rest, ",")) != NULL) {
		char *dash = strchr(word, '-');
		uint64_t first, last;

		if (dash)
			*dash = 0;
		if (size_parse(word, &first) || size_parse(dash ? dash + 1 : word, &last) || !first || last < first ||
			last > PAGES_MOST)
			error = fail(why, EINVAL,
				"'%s' is no list of numbers from 1 to %" PRIu64 ", as 8-1M and 64,72,80 are", text,
				PAGES_MOST);
		else
			error = range_add(request, first, last, why);
	}
	free(copy);
	return error;
}

/* The addresses of a measured chain, in the order in which it visits them. */
static int chain_make(const struct model_request *request, uint64_t pages, uint64_t *address, struct reason *why)
{
	struct cycle cycle = { calloc(pages, sizeof(uint32_t)), calloc(pages, sizeof(uint32_t)) };
	const struct chase chase = {
		.page_bytes = request->leaf_bytes,
		.count = pages,
		.distance_bytes = request->stride_pages * request->leaf_bytes,
	};
	gsl_rng *random = random_new(request->seed);
	int error = cycle.order && cycle.next && random ? 0 : fail(why, ENOMEM, "no memory for a chain");

	if (!error) {
		struct chain chain;

		cycle_draw(&cycle, (uint32_t)pages, random);
		chain = chain_over_units(&chase, CHAIN_BASE, NULL, &cycle, random);
		for (uint32_t k = 0; k < chain.count; k++)
			address[k] = chain_address(&chain, chain.order[k]);
	}
	gsl_rng_free(random);
	free(cycle.order);
	free(cycle.next);
	return error;
}

static int mode_simulate(const struct model_request *request, const struct model_chain *chain, enum model_mode mode,
	struct model_row *row, struct reason *why)
{
	struct model_chase *chase;
	int error = model_chase_open(&request->machine, model_mode_paging[mode], chain, request->seed, &chase);

	if (error)
		return fail(why, -error, "no memory to simulate %zu pages", chain->count);
	model_chase_measure(chase, ACCESSES, &row->counts[mode]);
	model_chase_close(chase);
	row->translation_cycles[mode] = model_translation_cycles(&request->machine, &row->counts[mode]);
	row->data_cycles[mode] = model_data_cycles(&request->machine, &row->counts[mode]);
	return 0;
}

int model_row_make(const struct model_request *request, size_t which, struct model_row *row, struct reason *why)
{
	struct model_chain chain = {
		.count = request->pages[which],
		.frames_seed = request->frames_random ? request->seed : 0,
	};
	uint64_t *address = calloc(chain.count, sizeof(*address));
	int error;

	*row = (struct model_row){ .pages = chain.count };
	if (!address)
		return fail(why, ENOMEM, "no memory for a chain of %zu pages", chain.count);
	error = chain_make(request, chain.count, address, why);
	chain.address = address;
	for (enum model_mode mode = 0; !error && mode < MODEL_MODES; mode++)
		error = mode_simulate(request, &chain, mode, row, why);
	free(address);
	return error;
}

void model_request_footprint(const struct model_request *request, struct model_footprint *footprint)
{
	const struct model_footprint_request asked = {
		.vms = request->vms,
		.processes = request->processes,
		.mapped_bytes = request->mapped_bytes,
		.guest = request->machine.guest.tree,
		.host = request->machine.host.tree,
		.shared = request->shared_memory,
	};

	model_footprint(&asked, footprint);
}
