#include "infer/levels.h"

#include "base/statistics.h"
#include "infer/plateau.h"
#include "infer/step_judge.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The largest TLB published so far holds 4096 pages of a size (Zen 5): who misses four times that many, walks. */
#define MORE_THAN_ANY_TLB 16384.0
/*
 * Of the last level's entries, what leaves no set with room: 13 of 12 ways are 1.08, and pages are spread unevenly by chance.
 * The entries are told far better from run to run than the number of pages at which the rise levels off.
 */
#define WALKS_FROM TUNED(WALKS_FROM, 1.5)
/* Of the samples at the sweep's end, the least disturbed tenth. */
#define LOW_SHARE 0.1
/* Thousandths of a cycle or of a ns: finer than any clock here tells, and easy to read. */
#define PER_UNIT 1000.0
/* Of what a stride should divide a level's reach by, for the level to count as divided: entries are told to 15 %. */
#define DIVIDED 0.6

/* Room for one more element at the end of an array, zeroed and counted. NULL: no memory. */
static void *append(void *array_of, size_t *count, size_t bytes)
{
	void **array = array_of;
	char *more = reallocarray(*array, *count + 1, bytes);

	if (!more)
		return NULL;
	*array = more;
	return memset(more + bytes * (*count)++, 0, bytes);
}

static double rounded(double value)
{
	return round(value * PER_UNIT) / PER_UNIT;
}

static struct interval rounded_interval(struct interval value)
{
	return (struct interval){ rounded(value.median), rounded(value.lo), rounded(value.hi) };
}

/* The curve that is being told about, and where what is said goes. */
struct teller {
	const struct judged_curve *judged;
	size_t curve;
	struct inferred_levels *out;
};

static int add_unresolved(const struct teller *to, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* An entry that says why something about a curve is not known. */
static int add_unresolved(const struct teller *to, const char *format, ...)
{
	struct inferred_unresolved *entry = append(&to->out->unresolved, &to->out->unresolveds, sizeof(*entry));
	va_list args;

	if (!entry)
		return -ENOMEM;
	entry->curve = to->curve;
	va_start(args, format);
	vsnprintf(entry->reason, sizeof(entry->reason), format, args);
	va_end(args);
	return 0;
}

static int add_level(const struct teller *to, const struct judged_step *step, int number)
{
	struct inferred_level *level = append(&to->out->level, &to->out->levels, sizeof(*level));
	const struct capacity *capacity = &step->capacity;

	if (!level)
		return -ENOMEM;
	*level = (struct inferred_level){
		.curve = to->curve,
		.level = number,
		.entries = round(capacity->entries),
		.entries_lo = floor(capacity->lo),
		.entries_hi = ceil(capacity->hi),
		.added_cycles = rounded_interval(step->added_cycles),
		.added_ns = rounded_interval(step->added_ns),
		.law = capacity->law,
		.law_misfit = rounded(capacity->misfit),
		.clean_pages = capacity->clean,
		.half_pages = capacity->half,
		.saturated_pages = capacity->saturated,
		.noise_cycles = rounded(step->step.tolerance),
		.confirmed = step->confirmed,
	};
	if (step->confirmed)
		return 0;
	return add_unresolved(to, "level %d at about %.0f pages is not confirmed: no independent pass around it",
		number, capacity->entries);
}

static double sweep_end(const struct curve *curve)
{
	const struct curve_series *sweep = &curve->pass[CURVE_SWEEP];

	return sweep->count ? sweep->at[sweep->count - 1].pages : NAN;
}

/*
 * Whether what lies beyond the last level can only be walks, and not hits in a level that the sweep did not reach: dearer
 * than any hit, or so many pages that no TLB holds them. That the cost was seen to grow is not enough: a few noisy points
 * at the end of a short sweep grow, too.
 */
static bool is_walk_plateau(const struct judged_curve *judged, const struct judged_step *last)
{
	return last->step.upper - last->step.lower > DEAR_CYCLES || sweep_end(judged->curve) >= MORE_THAN_ANY_TLB;
}

/*
 * From how many pages on every access walks; NaN where that does not show. A rise that was not resolved lies beyond the last
 * level: if it is dearer than any hit, what follows it is walks, and twice the pages that it begins at are more than the
 * level holds that ends there. Otherwise nobody knows what follows.
 */
static double walks_from(const struct judged_curve *judged, const struct judged_step *last)
{
	const struct judged_step *step = last;

	/* Sets and ways are told exactly. The end of a level that fills up set by set is not. */
	if (last && judged->curve->entries_known > 0 && is_walk_plateau(judged, last))
		return round(WALKS_FROM * judged->curve->entries_known);
	while (step && ++step < judged->step + judged->count)
		if (step->verdict == STEP_UNRESOLVED) {
			if (!(step->step.upper - step->step.lower > DEAR_CYCLES))
				return NAN;
			return fmax(2 * step->step.onset, step->step.shape == STEP_OPEN ? 0 : step->step.saturation);
		}
	return last && is_walk_plateau(judged, last) ? round(WALKS_FROM * last->capacity.entries) : NAN;
}

/* The least cost that a tenth of a point's samples stay below, of a reading of struct curve_sample. */
static double low_of(const struct curve_point *point, size_t offset, double *x)
{
	curve_column(point, offset, x);
	return rounded(statistics_quantile(x, point->count, LOW_SHARE));
}

/* The walk beyond the last level: from how many pages on, and what is at the sweep's end. plateau_read() does the rest. */
static int add_walk(const struct teller *to, double pages_from)
{
	const struct curve_series *sweep = &to->judged->curve->pass[CURVE_SWEEP];
	const struct curve_point *end = &sweep->at[sweep->count - 1];
	struct inferred_walk *walk = append(&to->out->walk, &to->out->walks, sizeof(*walk));
	double *x = malloc((end->count + 1) * sizeof(*x));

	if (walk && x)
		*walk = (struct inferred_walk){
			.curve = to->curve,
			.cycles = { NAN, NAN, NAN },
			.ns = { NAN, NAN, NAN },
			.pages_from = pages_from,
			.pages_to = NAN,
			.grows = to->judged->walks_grow,
			.last_pages = end->pages,
			.last_cycles = rounded(end->net),
			.last_ns = rounded(end->net_ns),
			.last_low_cycles = low_of(end, offsetof(struct curve_sample, net), x),
			.last_low_ns = low_of(end, offsetof(struct curve_sample, net_ns), x),
		};
	free(x);
	return walk && x ? 0 : -ENOMEM;
}

/* A rise of less than a miss must cost is noise, and nobody asks why it is no level. */
static int add_rejected(const struct teller *to, const struct judged_step *step)
{
	struct inferred_rejected *entry;

	if (step->step.upper - step->step.lower < STEP_LEAST_CYCLES)
		return 0;
	entry = append(&to->out->rejected, &to->out->rejecteds, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	*entry = (struct inferred_rejected){
		.curve = to->curve,
		.pages_from = step->step.onset,
		.pages_to = step->step.saturation,
		.effect_cycles = rounded(step->step.upper - step->step.lower),
		.noise_cycles = rounded(step->step.tolerance),
	};
	snprintf(entry->reason, sizeof(entry->reason), "%s", step->reason);
	return 0;
}

/* What stays open about a curve: nothing measured, no step, or an end before the next level could show. */
static int tell_open(const struct teller *to, const struct judged_step *last, int levels)
{
	const struct judged_curve *judged = to->judged;
	const struct curve *curve = judged->curve;
	size_t points = curve->pass[CURVE_SWEEP].count;
	bool open = false;
	int error = 0;

	if (!points)
		return add_unresolved(to, "not measured: %s", curve->reason ? curve->reason : "no point has samples");
	if (points < CURVE_LEAST_POINTS)
		return add_unresolved(
			to, "too few points: %zu numbers of pages measured, %d are needed", points, CURVE_LEAST_POINTS);
	for (size_t i = 0; i < judged->count && !error; i++)
		if (judged->step[i].verdict == STEP_UNRESOLVED) {
			error = add_unresolved(to, "%s", judged->step[i].reason);
			open = true;
		}
	if (open || error)
		return error;
	if (!levels)
		return add_unresolved(to,
			"no step between %.0f and %.0f pages that is above the noise floor of %.2f cycles and persists",
			curve->pass[CURVE_SWEEP].at[0].pages, sweep_end(curve), judged->null.most);
	if (is_walk_plateau(judged, last))
		return 0;
	return add_unresolved(to,
		"the sweep ends at %.0f pages: whether what follows level %d is a further level or walks does not show",
		sweep_end(curve), levels);
}

static int add_noise(const struct teller *to)
{
	struct inferred_noise *noise = append(&to->out->noise, &to->out->noises, sizeof(*noise));

	if (!noise)
		return -ENOMEM;
	*noise = (struct inferred_noise){
		.curve = to->curve,
		.null_cycles = rounded(to->judged->null.median),
		.null_cycles_p95 = rounded(to->judged->null.most),
		.comparisons = to->judged->null.comparisons,
	};
	return 0;
}

static int tell(const struct teller *to)
{
	const struct judged_step *last = NULL;
	int levels = 0, error = 0;

	for (size_t i = 0; i < to->judged->count && !error; i++) {
		const struct judged_step *step = &to->judged->step[i];

		if (step->verdict == STEP_REJECTED)
			error = add_rejected(to, step);
		if (step->verdict != STEP_LEVEL)
			continue;
		error = add_level(to, step, ++levels);
		last = step;
	}
	if (!error)
		error = tell_open(to, last, levels);
	if (!error && isfinite(walks_from(to->judged, last)))
		error = add_walk(to, walks_from(to->judged, last));
	return error ? error : add_noise(to);
}

/* Whether `one` is a level at stride 1, and `other` the same level of the same curve but for a greater stride. */
static bool differ_in_stride(
	const struct curve *curves, const struct inferred_level *one, const struct inferred_level *other)
{
	const struct curve *near = &curves[one->curve], *far = &curves[other->curve];

	return one->level == other->level && near->family == far->family && near->stride == 1 && far->stride > 1;
}

/* Whether level 1 in the setting and page size of `curve` holds fewer pages at the stride too: coalesced entries. */
static bool first_level_divided(
	const struct curve *curves, const struct inferred_levels *levels, const struct curve *curve)
{
	double most = 0;

	for (size_t i = 0; i < levels->levels; i++)
		for (size_t k = 0; k < levels->levels; k++) {
			const struct inferred_level *one = &levels->level[i], *other = &levels->level[k];
			const struct curve *far = &curves[other->curve];

			if (one->level == 1 && differ_in_stride(curves, one, other) && far->stride == curve->stride &&
				far->setting == curve->setting && far->page_bytes == curve->page_bytes)
				most = fmax(most, one->entries / other->entries);
		}
	return most >= DIVIDED * (double)curve->stride;
}

/* Compare strides: a level that holds so much less at a stride tells how its entries or its sets are used. */
static void add_notes(const struct curve *curves, struct inferred_levels *levels)
{
	for (size_t i = 0; i < levels->levels; i++)
		for (size_t k = 0; k < levels->levels; k++) {
			struct inferred_level *one = &levels->level[i], *other = &levels->level[k];
			const struct curve *far = &curves[other->curve];
			double stride = (double)far->stride, ratio = one->entries / other->entries;

			if (!differ_in_stride(curves, one, other) || !(ratio >= DIVIDED * stride))
				continue;
			if (one->level == 1)
				snprintf(one->note, sizeof(one->note),
					"coalescing: holds %.1f times more neighbouring pages than pages %.0f apart, so an entry covers several neighbouring pages",
					ratio, stride);
			else
				snprintf(one->note, sizeof(one->note),
					"holds %.1f times more neighbouring pages than pages %.0f apart: %s", ratio,
					stride,
					first_level_divided(curves, levels, far)
						? "coalescing, as in level 1, or a stride using fewer of its sets"
						: "a stride uses fewer of its sets (level 1 shows no coalescing)");
			memcpy(other->note, one->note, sizeof(other->note));
		}
}

/* Round what walks cost. One that no number of pages tells in all settings is not told, and the reason is. */
static int walks_settle(struct inferred_levels *levels)
{
	size_t kept = 0;
	int error = 0;

	for (size_t i = 0; i < levels->walks && !error; i++) {
		struct inferred_walk walk = levels->walk[i];

		walk.cycles = rounded_interval(walk.cycles);
		walk.ns = rounded_interval(walk.ns);
		if (isfinite(walk.cycles.median))
			levels->walk[kept++] = walk;
		else
			error = add_unresolved(&(struct teller){ NULL, walk.curve, levels },
				"what walks cost: no number of pages beyond the last level was measured in all settings");
	}
	levels->walks = kept;
	return error;
}

int levels_infer(const struct curve *curves, size_t count, uint64_t seed, struct inferred_levels *out)
{
	struct judged_curve *judged = malloc(sizeof(*judged));
	int error = judged ? 0 : -ENOMEM;

	*out = (struct inferred_levels){ 0 };
	for (size_t i = 0; i < count && !error; i++) {
		error = curve_judge(&curves[i], statistics_seed(seed, i), judged);
		if (!error)
			error = tell(&(struct teller){ judged, i, out });
	}
	if (!error)
		error = plateau_read(curves, seed, out);
	if (!error)
		error = walks_settle(out);
	if (!error)
		add_notes(curves, out);
	free(judged);
	return error;
}

void levels_free(struct inferred_levels *levels)
{
	free(levels->level);
	free(levels->walk);
	free(levels->rejected);
	free(levels->unresolved);
	free(levels->noise);
	*levels = (struct inferred_levels){ 0 };
}
