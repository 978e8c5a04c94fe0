#include "measure/plan.h"

#include "measure/values.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A point takes 1 ms and more a sample, so that one round over so many takes minutes; its memory is some 5 KiB. */
#define POINTS_MOST VALUES_MOST

/* Most combinations of several axes do not fit and make no point. Trying so many takes less than a second. */
#define COMBINATIONS_MOST (1 << 24)

/* Of a curve in the second pass; the choosers take a handful for each step. */
#define REFINED_VALUES_MAX 160

struct product {
	struct plan *plan;
	unsigned settings;
	bool unusual; /* FIT_IF_ASKED combinations too */
	const struct values *axis;
	uint64_t tried;
};

const struct axis *plan_axis(const struct bench *bench, const char *name)
{
	for (size_t i = 0; i < bench->axis_count; i++)
		if (!strcmp(bench->axes[i].name, name) || !strcmp(bench->axes[i].key, name))
			return &bench->axes[i];
	return NULL;
}

unsigned plan_settings(const struct bench *bench, unsigned asked)
{
	return bench->chase && (asked & SETTING_BIT(SETTING_HOST)) ? asked | SETTING_BIT(SETTING_HOST_AGAIN)
								   : asked & ~SETTING_BIT(SETTING_HOST_AGAIN);
}

bool plan_same_memory(const struct chase *a, const struct chase *b)
{
	return a->page_bytes == b->page_bytes && a->backing == b->backing && a->frames == b->frames &&
	       a->levels == b->levels && a->sparse == b->sparse && a->scattered == b->scattered &&
	       a->shared_frames == b->shared_frames && a->unit_tables == b->unit_tables &&
	       a->table_pages == b->table_pages && (!a->sparse || a->distance_bytes == b->distance_bytes);
}

static struct memory_configuration *configuration_of(struct plan *plan, const struct chase *chase)
{
	for (size_t i = 0; i < plan->configurations; i++) {
		if (plan_same_memory(&plan->configuration[i].like, chase))
			return &plan->configuration[i];
	}
	if (plan->configurations == plan->room) {
		size_t room = plan->room ? 2 * plan->room : 4;
		struct memory_configuration *configuration =
			realloc(plan->configuration, room * sizeof(*configuration));

		if (!configuration)
			return NULL;
		plan->configuration = configuration;
		plan->room = room;
	}
	plan->configuration[plan->configurations] = (struct memory_configuration){ .like = *chase };
	return &plan->configuration[plan->configurations++];
}

static int pair_add(struct plan *plan, const struct paired_points *model, const uint64_t *value)
{
	struct memory_configuration *configuration = configuration_of(plan, &model->chase);
	struct paired_points *pair = malloc(sizeof(*pair));

	if (!configuration || !pair)
		goto no_memory;
	if (configuration->pairs == configuration->room) {
		size_t room = configuration->room ? 2 * configuration->room : 64;
		struct paired_points **list = realloc(configuration->pair, room * sizeof(struct paired_points *));

		if (!list)
			goto no_memory;
		configuration->pair = list;
		configuration->room = room;
	}
	*pair = *model;
	for (unsigned setting = 0; setting < SETTING_SPACES; setting++) {
		point_init(&pair->point[setting], plan->bench, (enum setting)setting);
		memcpy(pair->point[setting].value, value, plan->bench->axis_count * sizeof(*value));
		plan->points += !!(pair->settings & SETTING_BIT(setting));
	}
	configuration->pair[configuration->pairs++] = pair;
	return 0;
no_memory:
	free(pair);
	return -ENOMEM;
}

/*
 * Whether each axis that means nothing in this setting is at its first value. At other values the same point would be
 * measured again.
 */
static bool is_settled(const struct product *product, const uint64_t *value, enum setting setting)
{
	const struct bench *bench = product->plan->bench;

	for (size_t i = 0; i < bench->axis_count; i++)
		if (!(bench->axes[i].settings & SETTING_BIT(setting)) && value[i] != product->axis[i].value[0])
			return false;
	return true;
}

static enum fit bench_fit(const struct bench *bench, const uint64_t *value, enum setting setting, struct chase *chase)
{
	if (bench->chase)
		return bench->chase(value, setting, chase);
	return bench->experiment.fit ? bench->experiment.fit(value, setting) : FIT_ALWAYS;
}

static int combination_add(const struct product *product, const uint64_t *value)
{
	const struct bench *bench = product->plan->bench;
	struct paired_points model = { 0 };

	for (unsigned setting = 0; setting < SETTING_SPACES; setting++) {
		enum setting like = setting_like((enum setting)setting);
		struct chase chase = { 0 };
		enum fit fit;

		if (!(product->settings & SETTING_BIT(setting)) || !(bench->settings & SETTING_BIT(like)))
			continue;
		fit = bench_fit(bench, value, like, &chase);
		if (!is_settled(product, value, like) || fit == FIT_NEVER)
			continue;
		if (fit == FIT_IF_ASKED && !product->unusual)
			continue;
		model.chase = chase;
		model.settings |= SETTING_BIT(setting);
	}
	return model.settings ? pair_add(product->plan, &model, value) : 0;
}

static int combinations_add(struct product *product, size_t axis, uint64_t *value)
{
	int error = 0;

	if (axis == product->plan->bench->axis_count) {
		if (product->plan->points >= POINTS_MOST || product->tried++ >= COMBINATIONS_MOST)
			return -E2BIG;
		return combination_add(product, value);
	}
	for (size_t i = 0; !error && i < product->axis[axis].count; i++) {
		value[axis] = product->axis[axis].value[i];
		error = combinations_add(product, axis + 1, value);
	}
	return error;
}

int plan_make(struct plan *plan, const struct bench *bench, const struct plan_request *request, struct reason *why)
{
	struct values axis[AXES_MAX] = { 0 };
	struct product product = { .plan = plan, .settings = plan_settings(bench, request->settings), .axis = axis };
	uint64_t value[AXES_MAX] = { 0 };
	int error = 0;

	*plan = (struct plan){ .bench = bench };
	for (size_t i = 0; !error && i < request->param_count; i++) {
		const struct axis *named = plan_axis(bench, request->params[i].name);

		if (!named)
			continue;
		error = values_parse(named, request->params[i].values, &axis[named - bench->axes], why);
		product.unusual = product.unusual || named->unusual;
	}
	for (size_t i = 0; !error && i < bench->axis_count; i++)
		error = axis[i].asked ? values_within(&bench->axes[i], &axis[i], request->cpus, why)
				      : values_usual(&bench->axes[i], request, &axis[i], why);
	if (!error)
		error = combinations_add(&product, 0, value);
	if (error == -ENOMEM)
		fail(why, ENOMEM, "no memory for the plan of %s", bench->name);
	if (error == -E2BIG)
		error = fail(why, WRONG_REQUEST,
			"%s: more than %d points, which no run finishes; a range may have a step (64-65536:64) or values an octave (64-64K*8)",
			bench->name, POINTS_MOST);
	if (!error && !plan->points)
		error = fail(why, WRONG_REQUEST,
			"%s: these --param values leave nothing to measure in the settings chosen (a host page is its own backing)",
			bench->name);
	for (size_t i = 0; i < bench->axis_count; i++)
		values_free(&axis[i]);
	if (error)
		plan_free(plan);
	return error;
}

bool plan_same_curve(const struct bench *bench, const struct paired_points *a, const struct paired_points *b)
{
	/* Paired points have the same values. */
	for (size_t i = 0; i < bench->axis_count; i++)
		if ((int)i != bench->sweep_axis && a->point[0].value[i] != b->point[0].value[i])
			return false;
	return true;
}

/* Add the points of one curve, at the values of the sweep axis that were chosen for it. */
static int curve_refine(struct plan *plan, const struct paired_points *like, const uint64_t *steps, size_t count)
{
	const struct bench *bench = plan->bench;
	int error = 0;

	for (size_t k = 0; !error && k < count; k++) {
		struct paired_points model = *like;
		uint64_t value[AXES_MAX];

		memcpy(value, like->point[0].value, sizeof(value));
		value[bench->sweep_axis] = steps[k];
		model.finished = false;
		for (unsigned setting = 0; setting < SETTING_SPACES; setting++)
			if (model.settings & SETTING_BIT(setting))
				bench->chase(value, setting_like((enum setting)setting), &model.chase);
		error = pair_add(plan, &model, value);
	}
	return error;
}

int plan_refine(struct plan *plan, const struct plan *from, plan_choose choose, void *context, struct reason *why)
{
	uint64_t steps[REFINED_VALUES_MAX];
	int error = 0;

	*plan = (struct plan){ .bench = from->bench };
	for (size_t g = 0; g < from->configurations; g++) {
		const struct memory_configuration *configuration = &from->configuration[g];

		for (size_t c = 0; !error && c < configuration->pairs; c++) {
			bool first = true;

			for (size_t other = 0; other < c && first; other++)
				first = !plan_same_curve(
					from->bench, configuration->pair[other], configuration->pair[c]);
			if (!first)
				continue;
			error = curve_refine(plan, configuration->pair[c], steps,
				choose(configuration, configuration->pair[c], steps, REFINED_VALUES_MAX, context));
		}
	}
	for (size_t g = 0; g < plan->configurations; g++)
		for (size_t c = 0; c < plan->configuration[g].pairs; c++)
			for (unsigned setting = 0; setting < SETTING_SPACES; setting++)
				plan->configuration[g].pair[c]->point[setting].pass = PASS_REFINE;
	if (error) {
		plan_free(plan);
		return fail(why, ENOMEM, "no memory for the second pass of %s", from->bench->name);
	}
	return 0;
}

void plan_free(struct plan *plan)
{
	for (size_t g = 0; g < plan->configurations; g++) {
		for (size_t c = 0; c < plan->configuration[g].pairs; c++) {
			for (unsigned setting = 0; setting < SETTING_SPACES; setting++)
				point_free(&plan->configuration[g].pair[c]->point[setting]);
			free(plan->configuration[g].pair[c]);
		}
		free(plan->configuration[g].pair);
	}
	free(plan->configuration);
	*plan = (struct plan){ 0 };
}
