/*
 * A model machine for tests of level inference: TLB levels that are really simulated, page by page, along a random cycle;
 * what the simulation cannot give (noise, caches, dearer walks) is laid on top.
 */
#ifndef NESTWALK_TEST_MODEL_TLB_H
#define NESTWALK_TEST_MODEL_TLB_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define MODEL_TLBS 3
#define MODEL_POINTS 256

enum replacement { LRU, PLRU, RANDOM, NRU /* the first way not used since all others were */ };

struct model_tlb {
	unsigned sets, ways;
	enum replacement replacement;
	bool hashed; /* the set is a hash of the page, not its low bits */
	double added; /* cycles when this level misses */
};

struct model {
	struct model_tlb tlb[MODEL_TLBS]; /* ways 0: no such level */
	double growth, growth_from; /* cycles an octave that walks get dearer from so many pages on */
	double jump, jump_at; /* cycles added to net and */
	double baseline_jump; /* to the baseline from so many pages on */
	double jump_until; /* 0: for good */
	double noise; /* standard deviation, as a part of the cost */
	double outliers; /* part of the samples that cost up to three times as much */
	double disturbed; /* part of the samples of which a neighbour takes up to a quarter of the first level */
	double bursts; /* part of the samples that a neighbour adds misses to, by up to half of what a walk costs */
	double rough,
		rough_from; /* cycles by which placements differ on average from so many pages on: data cache sets */
	uint64_t stride;
	uint64_t (*set_of[MODEL_TLBS])(uint64_t page); /* modulo the sets, the set of a page; NULL: as `hashed` says */
};

/* xorshift64*: tests want reproducible numbers, not good ones. */
static inline uint64_t model_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

static inline double model_uniform(uint64_t *state)
{
	return (double)(model_random(state) >> 11) * 0x1p-53;
}

static inline double model_normal(uint64_t *state)
{
	return sqrt(-2 * log(1 - model_uniform(state))) * cos(2 * M_PI * model_uniform(state));
}

struct model_tlb_array {
	const struct model_tlb *tlb;
	uint32_t *tag; /* sets x ways: page + 1; 0: empty */
	uint32_t *stamp; /* of the last use */
	uint64_t *tree; /* a set's PLRU bits, by node, root 1; NRU bits, by way */
	uint64_t random;
	uint32_t now;
	uint64_t (*set_of)(uint64_t page);
	uint64_t salt; /* of the hash: other pages meet in other placements */
};

/* Point the bits on the way to a leaf away from it. */
static inline void model_tree_use(struct model_tlb_array *array, unsigned set, unsigned way)
{
	unsigned node = array->tlb->ways + way;

	for (; node > 1; node /= 2)
		if (node & 1)
			array->tree[set] &= ~(1ULL << (node / 2));
		else
			array->tree[set] |= 1ULL << (node / 2);
}

static inline unsigned model_victim(struct model_tlb_array *array, unsigned set)
{
	const uint32_t *stamp = array->stamp + (size_t)set * array->tlb->ways;
	unsigned victim = 0;

	if (array->tlb->replacement == NRU)
		return (unsigned)__builtin_ctzll(~array->tree[set]);
	if (array->tlb->replacement == RANDOM)
		return (unsigned)(model_random(&array->random) % array->tlb->ways);
	if (array->tlb->replacement == PLRU) {
		for (victim = 1; victim < array->tlb->ways;)
			victim = 2 * victim + (unsigned)(array->tree[set] >> victim & 1);
		return victim - array->tlb->ways;
	}
	for (unsigned way = 1; way < array->tlb->ways; way++)
		if (stamp[way] < stamp[victim])
			victim = way;
	return victim;
}

static inline void model_used(struct model_tlb_array *array, unsigned set, unsigned way)
{
	array->stamp[(size_t)set * array->tlb->ways + way] = array->now;
	if (array->tlb->replacement == PLRU)
		model_tree_use(array, set, way);
	if (array->tlb->replacement != NRU)
		return;
	array->tree[set] |= 1ULL << way;
	if (array->tree[set] == (1ULL << array->tlb->ways) - 1)
		array->tree[set] = 1ULL << way;
}

/* Look a page up, and put it in where it is missing. Whether it hit. */
static inline bool model_access(struct model_tlb_array *array, uint64_t page)
{
	uint64_t mixed = array->set_of	      ? array->set_of(page)
			 : array->tlb->hashed ? (page ^ array->salt) * 0x9e3779b97f4a7c15ULL >> 33
					      : page;
	unsigned set = (unsigned)(mixed % array->tlb->sets), ways = array->tlb->ways, way, empty = ways;
	uint32_t *tag = array->tag + (size_t)set * ways;

	for (way = 0; way < ways && tag[way] != page + 1; way++)
		empty = !tag[way] && empty == ways ? way : empty;
	array->now++;
	if (way == ways) {
		unsigned victim = empty < ways ? empty : model_victim(array, set);

		tag[victim] = (uint32_t)page + 1;
		model_used(array, set, victim);
		return false;
	}
	model_used(array, set, way);
	return true;
}

/* Mean cycles of translation per access, warm, along a cycle over pages. */
static inline double model_cycle(const struct model *model, const uint32_t *order, uint64_t pages, uint64_t *random)
{
	struct model_tlb_array array[MODEL_TLBS] = { 0 };
	unsigned levels = 0, warm = 2, laps = pages < 512 ? 8 : 1;
	double cost = 0;

	for (; levels < MODEL_TLBS && model->tlb[levels].ways; levels++) {
		size_t entries = (size_t)model->tlb[levels].sets * model->tlb[levels].ways;

		array[levels] = (struct model_tlb_array){ .tlb = &model->tlb[levels],
			.set_of = model->set_of[levels],
			.random = model_random(random) | 1,
			.salt = model_random(random),
			.tag = calloc(entries, sizeof(uint32_t)),
			.stamp = calloc(entries, sizeof(uint32_t)),
			.tree = calloc(model->tlb[levels].sets, sizeof(uint64_t)) };
	}
	for (unsigned lap = 0; lap < warm + laps; lap++)
		for (uint64_t i = 0; i < pages; i++)
			for (unsigned level = 0; level < levels && !model_access(&array[level], order[i]); level++)
				cost += lap >= warm ? model->tlb[level].added : 0;
	for (unsigned level = 0; level < levels; level++) {
		free(array[level].tag);
		free(array[level].stamp);
		free(array[level].tree);
	}
	return cost / (double)pages / laps;
}

/* The same along one random cycle of `pages` pages a stride apart. */
static inline double model_net(const struct model *model, uint64_t pages, uint64_t *random)
{
	uint32_t *order = calloc(pages, sizeof(*order));
	double cost;

	for (uint64_t i = 0; i < pages; i++) {
		uint64_t other = model_random(random) % (i + 1);

		order[i] = order[other];
		order[other] = (uint32_t)(i * (model->stride ? model->stride : 1));
	}
	cost = model_cycle(model, order, pages, random);
	free(order);
	return cost;
}

/* What is laid on top of the simulated cost. */
static inline double model_extra(const struct model *model, uint64_t pages)
{
	double extra = 0;

	if (model->growth > 0 && (double)pages > model->growth_from)
		extra += model->growth * log2((double)pages / model->growth_from);
	if (model->jump_at > 0 && (double)pages >= model->jump_at &&
		(model->jump_until == 0 || (double)pages < model->jump_until))
		extra += model->jump;
	return extra;
}

static inline double model_disturb(const struct model *model, double cost, uint64_t *random)
{
	cost *= 1 + model->noise * model_normal(random);
	if (model_uniform(random) < model->outliers)
		cost *= 1 + 2 * model_uniform(random);
	return cost;
}

/* One sample of a chase: core cycles for an access. */
struct model_sample {
	double gross, baseline;
};

/*
 * The samples of one point. Placements differ by their hash and by what random replacement does, of which two are
 * simulated; and a neighbour that takes part of the TLB may be there or not in each sample.
 */
static inline void model_samples(
	const struct model *model, uint64_t pages, struct model_sample *out, size_t samples, uint64_t *random)
{
	double packed = 4 + (model->baseline_jump > 0 && (double)pages >= model->jump_at ? model->baseline_jump : 0);
	double translation[2];

	translation[0] = model_net(model, pages, random);
	translation[1] = pages < 1024 ? model_net(model, pages, random) : translation[0];
	for (size_t i = 0; i < samples; i++) {
		double cost = translation[i % 2];

		if (model->disturbed > 0 && model_uniform(random) < model->disturbed) {
			struct model squeezed = *model;

			squeezed.tlb[0].ways -= (unsigned)(model_random(random) % (squeezed.tlb[0].ways / 4));
			cost = model_net(&squeezed, pages, random);
		}
		if (model->bursts > 0 && model_uniform(random) < model->bursts)
			cost += model_uniform(random) / 2 * model->tlb[0].added;
		if (model->rough > 0 && (double)pages >= model->rough_from)
			cost -= model->rough * log(1 - model_uniform(random));
		out[i].gross = model_disturb(model, packed + cost + model_extra(model, pages), random);
		out[i].baseline = model_disturb(model, packed, random);
	}
}

/* As the bench's: 8 an octave where levels of real CPUs end, 4 where they do not. Returns how many. */
static inline size_t model_ladder(uint64_t first, uint64_t last, uint64_t *pages)
{
	size_t count = 0;

	for (int i = 0; i < MODEL_POINTS; i++) {
		uint64_t value = (uint64_t)llround((double)first * exp2(i / 8.0));
		bool flat = value < 32 || (value > 256 && value < 1024) || value > 8192;

		if (value > last)
			break;
		if ((!count || value != pages[count - 1]) && (!flat || i % 2 == 0))
			pages[count++] = value;
	}
	return count;
}

#endif
