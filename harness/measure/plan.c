#include "measure/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct values {
	uint64_t value[AXIS_VALUES_MAX];
	size_t count;
	bool asked; /* by --param */
};

struct product {
	struct plan *plan;
	unsigned settings;
	bool unusual; /* FIT_IF_ASKED combinations too */
	const struct values *axis;
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

/* The largest value that an axis may have on this machine. */
static uint64_t axis_most(const struct axis *axis, unsigned cpus)
{
	uint64_t limit = axis->limit == LIMIT_OTHER_CPUS ? cpus - 1 : cpus;

	return axis->limit == LIMIT_NONE || !cpus || limit > axis->most ? axis->most : limit;
}

static int value_add(const struct axis *axis, struct values *values, uint64_t value, struct reason *why)
{
	if (value < axis->least || value > axis->most)
		return fail(why, WRONG_REQUEST, "--param %s: %" PRIu64 " is not within %" PRIu64 " .. %" PRIu64,
			axis->name, value, axis->least, axis->most);
	for (size_t i = 0; i < values->count; i++)
		if (values->value[i] == value)
			return 0;
	if (values->count == AXIS_VALUES_MAX)
		return fail(why, WRONG_REQUEST, "--param %s: more than %d values", axis->name, AXIS_VALUES_MAX);
	values->value[values->count++] = value;
	return 0;
}

static int choice_add(const struct axis *axis, struct values *values, const char *text, struct reason *why)
{
	char known[320] = "";

	for (uint64_t i = 0; i <= axis->most; i++) {
		if (!strcmp(axis->choices[i], text))
			return value_add(axis, values, i, why);
		strncat(known, i ? ", " : "", sizeof(known) - strlen(known) - 1);
		strncat(known, axis->choices[i], sizeof(known) - strlen(known) - 1);
	}
	return fail(why, WRONG_REQUEST, "--param %s: '%s' is none of %s", axis->name, text, known);
}

static int count_add(const struct axis *axis, struct values *values, const char *text, struct reason *why)
{
	uint64_t from, to;
	int length = 0;
	int error = 0;

	/* %n tells whether something follows the number. A leading '-' would be read as a large number. */
	if (sscanf(text, "%" SCNu64 "-%" SCNu64 "%n", &from, &to, &length) == 2 && !text[length] && text[0] != '-') {
		for (uint64_t value = from; !error && value <= to; value++)
			error = value_add(axis, values, value, why);
		return from <= to ? error : fail(why, WRONG_REQUEST, "--param %s: %s is empty", axis->name, text);
	}
	length = 0;
	if (sscanf(text, "%" SCNu64 "%n", &from, &length) != 1 || text[length] || text[0] == '-')
		return fail(why, WRONG_REQUEST, "--param %s: '%s' is neither a number nor a range", axis->name, text);
	return value_add(axis, values, from, why);
}

static int bytes_add(const struct axis *axis, struct values *values, const char *text, struct reason *why)
{
	uint64_t bytes;

	if (size_parse(text, &bytes))
		return fail(why, WRONG_REQUEST, "--param %s: '%s' is not a size, e.g. 64M", axis->name, text);
	return value_add(axis, values, bytes, why);
}

/* Leaves of the CPU's tables are taken by every axis of page sizes, others by an axis that lists them. */
static bool is_page_size(const struct axis *axis, uint64_t bytes)
{
	for (size_t i = 0; i < axis->count; i++)
		if (axis->values[i] == bytes)
			return true;
	return bytes == PAGE_4K || bytes == PAGE_2M || bytes == PAGE_1G;
}

static int page_size_add(const struct axis *axis, struct values *values, const char *text, struct reason *why)
{
	uint64_t bytes;

	if (size_parse(text, &bytes))
		return fail(why, WRONG_REQUEST, "--param %s: '%s' is not a size, e.g. 4K", axis->name, text);
	if (!is_page_size(axis, bytes))
		return fail(why, WRONG_REQUEST, "--param %s: '%s' is none of the page sizes 4K, 2M, 1G%s", axis->name,
			text, is_page_size(axis, MTHP_LEAST_BYTES) ? ", 16K, 32K ... 1M" : "");
	return value_add(axis, values, bytes, why);
}

static int values_asked(const struct axis *axis, const char *list, struct values *values, struct reason *why)
{
	static int (*const add[])(const struct axis *, struct values *, const char *, struct reason *) = {
		[AXIS_COUNT] = count_add,
		[AXIS_BYTES] = bytes_add,
		[AXIS_PAGE_SIZE] = page_size_add,
		[AXIS_CHOICE] = choice_add,
	};
	char *copy = strdup(list), *rest = NULL;
	int error = copy ? 0 : -ENOMEM;

	for (char *text = copy ? strtok_r(copy, ",", &rest) : NULL; text && !error; text = strtok_r(NULL, ",", &rest))
		error = add[axis->kind](axis, values, text, why);
	free(copy);
	if (!error && !values->count)
		return fail(why, WRONG_REQUEST, "--param %s: no value given", axis->name);
	values->asked = true;
	return error;
}

/* Refuse values that are not possible on this machine. */
static int values_within(const struct axis *axis, const struct values *values, unsigned cpus, struct reason *why)
{
	for (size_t i = 0; i < values->count; i++)
		if (values->value[i] > axis_most(axis, cpus))
			return fail(why, WRONG_REQUEST,
				"--param %s: %" PRIu64 " is more than this run has: it may use %u CPU%s", axis->name,
				values->value[i], cpus, cpus == 1 ? "" : "s");
	return 0;
}

/* Whether a value is measured by default: it is within what this machine has, and a page size that it offers. */
static bool is_offered(const struct axis *axis, uint64_t value, const struct plan_request *request)
{
	if (axis->kind == AXIS_PAGE_SIZE && page_is_mthp(value) && !(value & request->mthp_bytes))
		return false;
	return value <= axis_most(axis, request->cpus);
}

static void values_brief(const struct axis *axis, const struct plan_request *request, struct values *values)
{
	for (size_t i = 0; i < axis->brief_count; i++)
		if (is_offered(axis, axis->brief[i], request))
			values->value[values->count++] = axis->brief[i];
}

static void values_default(const struct axis *axis, const struct plan_request *request, struct values *values)
{
	uint64_t most = axis_most(axis, request->cpus);

	if (!axis->ladder.per_octave) {
		for (size_t i = 0; i < axis->count; i++)
			if (is_offered(axis, axis->values[i], request))
				values->value[values->count++] = axis->values[i];
		if (axis->limit != LIMIT_NONE && (!values->count || values->value[values->count - 1] < most))
			values->value[values->count++] = most;
		return;
	}
	for (unsigned k = 0; values->count < AXIS_VALUES_MAX; k++) {
		uint64_t value =
			(uint64_t)llround((double)axis->ladder.first * exp2((double)k / axis->ladder.per_octave));

		if (value > axis->ladder.last)
			return;
		/* At the lower end steps are less than one page, so several round to the same count. */
		if (!values->count || value > values->value[values->count - 1])
			values->value[values->count++] = value;
	}
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

static int combinations_add(const struct product *product, size_t axis, uint64_t *value)
{
	int error = 0;

	if (axis == product->plan->bench->axis_count)
		return combination_add(product, value);
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
		error = values_asked(named, request->params[i].values, &axis[named - bench->axes], why);
		product.unusual = product.unusual || named->unusual;
	}
	for (size_t i = 0; !error && i < bench->axis_count; i++)
		if (!axis[i].asked && request->brief && bench->axes[i].brief)
			values_brief(&bench->axes[i], request, &axis[i]);
		else if (!axis[i].asked)
			values_default(&bench->axes[i], request, &axis[i]);
		else
			error = values_within(&bench->axes[i], &axis[i], request->cpus, why);
	if (!error && combinations_add(&product, 0, value))
		error = fail(why, ENOMEM, "no memory for the plan of %s", bench->name);
	if (!error && !plan->points)
		error = fail(why, WRONG_REQUEST,
			"%s: these --param values leave nothing to measure in the settings chosen (a host page is its own backing)",
			bench->name);
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
	uint64_t steps[AXIS_VALUES_MAX];
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
				choose(configuration, configuration->pair[c], steps, AXIS_VALUES_MAX, context));
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
