#include "infer/geometry_internal.h"

#include <math.h>
#include <stdio.h>

/*
 * From one stride to the next measured one the capacity halves as often as bits between them choose the set. Extra
 * occupants of sets and clock noise move the count at which a level overflows by a way or two of its set: by less than
 * 1.3 times, whose logarithm is 0.4.
 */
#define RANK_OFF 0.4

/* A level that holds so many pages in what would be one set has more sets than strides show. 160: twice any first level. */
#define ONE_SET_MOST 256

/* A flip is judged where one set overflows and two would not: up to 1.8 times its capacity. */
#define TWO_SETS 1.8

double geometry_capacity(const struct geometry_view *view, unsigned stride, uint64_t flip_pages)
{
	const struct geometry_reading *below = NULL, *above = NULL;
	double share;

	for (size_t i = 0; i < view->count; i++) {
		const struct geometry_reading *reading = &view->at[i];

		if (reading->stride != stride || reading->point->placement.flip_pages != flip_pages)
			continue;
		if (reading->excess < view->step_cycles) {
			below = reading;
			above = NULL;
		} else if (!above) {
			above = reading;
		}
	}
	if (!below || !above)
		return NAN;
	share = (view->step_cycles - below->excess) / (above->excess - below->excess);
	return exp2(log2((double)below->point->placement.targets) * (1 - share) +
		    log2((double)above->point->placement.targets) * share);
}

static bool ranks_judge(struct geometry_ranks *ranks, char *reason, size_t room)
{
	unsigned last = ranks->farthest;

	for (unsigned k = ranks->farthest; k-- > 0;) {
		double octaves = log2(ranks->capacity[k] / ranks->capacity[last]), more = round(octaves);

		if (isnan(octaves))
			continue;
		if (fabs(octaves - more) > RANK_OFF || more < 0 || more > last - k) {
			snprintf(reason, room,
				"at a stride of %u pages the level overflows at %.0f pages, at one of %u at %.0f: no index that is linear in the page number's bits does that",
				1u << k, ranks->capacity[k], 1u << last, ranks->capacity[last]);
			return false;
		}
		ranks->rank[k] = ranks->rank[last] + more;
		last = k;
	}
	return true;
}

/* The second largest stride with a capacity; GEOMETRY_STRIDES where there is none. */
static unsigned second_farthest(const struct geometry_ranks *ranks)
{
	for (unsigned k = ranks->farthest; k-- > 0;)
		if (!isnan(ranks->capacity[k]))
			return k;
	return GEOMETRY_STRIDES;
}

bool geometry_ranks_find(const struct geometry_view *view, struct geometry_ranks *ranks, char *reason, size_t room)
{
	unsigned next;

	*ranks = (struct geometry_ranks){ .farthest = GEOMETRY_STRIDES, .sets = NAN };
	for (unsigned k = 0; k < GEOMETRY_STRIDES; k++) {
		ranks->rank[k] = NAN;
		ranks->capacity[k] = geometry_capacity(view, k, 0);
		if (!isnan(ranks->capacity[k]))
			ranks->farthest = k;
	}
	if (isnan(ranks->capacity[0])) {
		snprintf(reason, room, "not seen to overflow with pages side by side");
		return false;
	}
	next = second_farthest(ranks);
	if (next == GEOMETRY_STRIDES) {
		snprintf(reason, room, "measured at one stride only, which cannot tell sets");
		return false;
	}
	ranks->rank[ranks->farthest] = 0;
	if (!ranks_judge(ranks, reason, room))
		return false;
	if (ranks->rank[0] == 0 && ranks->capacity[0] > ONE_SET_MOST) {
		snprintf(reason, room,
			"holds about %.0f pages at every stride measured: its set depends on more bits than those of the strides, or on a hash of them",
			ranks->capacity[0]);
		return false;
	}
	ranks->sets = exp2(ranks->rank[0]);
	return true;
}

/* Whether flipping these bits in every second page moves it to another set: 1, 0, or NaN where that was not seen. */
static double flip_matters(const struct geometry_view *view, uint64_t flip_pages)
{
	double stays = 0, moves = 0;

	for (size_t i = 0; i < view->count; i++) {
		const struct geometry_reading *flipped = &view->at[i];
		const struct placement *placement = &flipped->point->placement;
		double one_set;

		if (placement->flip_pages != flip_pages)
			continue;
		one_set = geometry_capacity(view, flipped->stride, 0);
		if (!((double)placement->targets <= TWO_SETS * one_set))
			continue;
		for (size_t k = 0; k < view->count; k++) {
			const struct geometry_reading *plain = &view->at[k];

			if (plain->stride != flipped->stride || plain->point->placement.flip_pages ||
				plain->point->placement.targets != placement->targets ||
				plain->excess < view->step_cycles)
				continue;
			stays += flipped->excess >= view->step_cycles / 2;
			moves += flipped->excess < view->step_cycles / 2;
		}
	}
	return stays + moves > 0 ? moves > stays : NAN;
}

/* Bits as text: "0-6 and 9". */
static void bits_write(uint64_t bits, char *text, size_t room)
{
	int used = 0;

	text[0] = '\0';
	for (unsigned bit = 0; bits >> bit;) {
		unsigned first = bit, after;

		if (!(bits >> bit & 1)) {
			bit++;
			continue;
		}
		while (bits >> bit & 1)
			bit++;
		after = bit;
		used += snprintf(text + used, room - (size_t)used, "%s%u",
			!first || !(bits & ((UINT64_C(1) << first) - 1)) ? ""
			: bits >> after					 ? ", "
									 : " and ",
			first);
		if (after - first > 1)
			used += snprintf(text + used, room - (size_t)used, "-%u", after - 1);
	}
}

/*
 * Bits that choose a set that no higher bit chooses. false: strides were not measured between which only a part of the
 * bits does.
 */
static bool pivots_find(const struct geometry_ranks *ranks, uint64_t *pivots)
{
	unsigned last = 0;

	*pivots = 0;
	for (unsigned k = 1; k <= ranks->farthest; k++) {
		double falls = ranks->rank[last] - ranks->rank[k];

		if (isnan(falls))
			continue;
		if (falls != 0 && falls != k - last)
			return false;
		if (falls > 0)
			*pivots |= ((UINT64_C(1) << (k - last)) - 1) << last;
		last = k;
	}
	return true;
}

uint64_t geometry_set(const struct geometry_ranks *ranks, uint64_t page)
{
	return (ranks->fold ? page ^ page << ranks->fold : page) & ranks->index_bits;
}

/* The stride at which bits were flipped. */
static unsigned flip_stride(const struct geometry_view *view)
{
	for (size_t i = 0; i < view->count; i++)
		if (view->at[i].point->placement.flip_pages)
			return view->at[i].stride;
	return 0;
}

/* Whether a bit is known to choose no set: no twin moves, and the pages at the flips' stride share one set. */
static bool is_inert(const struct geometry_view *view, const struct geometry_ranks *ranks, unsigned bit)
{
	return flip_matters(view, UINT64_C(1) << bit) == 0 && ranks->rank[flip_stride(view)] == 0;
}

/*
 * Whether the set is the exclusive or of the lowest bits and as many above them: each alone moves a twin, both together
 * do not. A bit does not move it either where its partner is one of those in which pages at the flips' stride differ.
 */
static bool is_fold(const struct geometry_view *view, unsigned bits)
{
	unsigned seen = 0;

	for (unsigned bit = 0; bit < bits && bit + bits < flip_stride(view); bit++) {
		double alone = flip_matters(view, UINT64_C(1) << bit);
		double both = flip_matters(view, UINT64_C(1) << bit | UINT64_C(1) << (bit + bits));

		if (alone == 0 || both == 1)
			return false;
		seen += alone == 1 && both == 0;
	}
	return seen > 0;
}

bool geometry_index_find(const struct geometry_view *view, struct geometry_ranks *ranks, char *index, size_t index_room,
	char *reason, size_t room)
{
	unsigned sets_log2 = (unsigned)ranks->rank[0], next = second_farthest(ranks);
	uint64_t pivots, low = (UINT64_C(1) << sets_log2) - 1, folded = 0;
	char bits[64], high[64];

	if (!sets_log2) {
		snprintf(index, index_room, "none: one set");
		return true;
	}
	if (!pivots_find(ranks, &pivots)) {
		snprintf(reason, room, "strides were not measured between which some bits choose the set");
		return false;
	}
	for (unsigned bit = 0; pivots >> bit; bit++)
		if (!(pivots >> bit & 1) && !is_inert(view, ranks, bit))
			folded |= UINT64_C(1) << bit;
	bits_write(pivots, bits, sizeof(bits));
	if (!folded && ranks->rank[next] > 0) {
		snprintf(reason, room,
			"at the largest stride the capacity still shrinks: sets may be more, and ways fewer");
		return false;
	}
	ranks->index_bits = pivots;
	if (!folded && pivots == low)
		snprintf(index, index_room, "page number modulo %.0f", ranks->sets);
	else if (!folded)
		snprintf(index, index_room, "bits %s of the page number", bits);
	else if (pivots == low << sets_log2 && folded == low && is_fold(view, sets_log2)) {
		ranks->fold = sets_log2;
		bits_write(low, high, sizeof(high));
		snprintf(index, index_room, "XOR of bits %s and %s of the page number", high, bits);
	} else {
		ranks->index_bits = 0;
		bits_write(folded, high, sizeof(high));
		snprintf(reason, room,
			"bits %s of the page number choose the set, together with bits %s in a way that was not resolved",
			bits, high);
		return false;
	}
	return true;
}
