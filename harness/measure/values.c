#include "measure/values.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void values_free(struct values *values)
{
	free(values->value);
	*values = (struct values){ 0 };
}

/* The largest value that an axis may have on this machine. */
static uint64_t axis_most(const struct axis *axis, unsigned cpus)
{
	uint64_t limit = axis->limit == LIMIT_OTHER_CPUS ? cpus - 1 : cpus;

	return axis->limit == LIMIT_NONE || !cpus || limit > axis->most ? axis->most : limit;
}

static bool values_have(const struct values *values, uint64_t value)
{
	if (values->ascending && value > values->value[values->count - 1])
		return false;
	for (size_t i = 0; i < values->count; i++)
		if (values->value[i] == value)
			return true;
	return false;
}

/* Append a value that is not there yet. 0 or -ENOMEM. */
static int value_append(struct values *values, uint64_t value)
{
	if (values_have(values, value))
		return 0;
	if (values->count == values->room) {
		size_t room = values->room ? 2 * values->room : 64;
		uint64_t *grown = reallocarray(values->value, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		values->value = grown;
		values->room = room;
	}
	values->ascending = !values->count || (values->ascending && value > values->value[values->count - 1]);
	values->value[values->count++] = value;
	return 0;
}

static int value_add(const struct axis *axis, struct values *values, uint64_t value, struct reason *why)
{
	if (value < axis->least || value > axis->most)
		return fail(why, WRONG_REQUEST, "--param %s: %" PRIu64 " is not within %" PRIu64 " .. %" PRIu64,
			axis->name, value, axis->least, axis->most);
	return value_append(values, value) ? fail(why, ENOMEM, "out of memory") : 0;
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

/* "FROM-TO", "FROM-TO:STEP" or "FROM-TO*PER_OCTAVE". */
struct range {
	uint64_t from, to, step, per_octave; /* one of the last two is 0 */
};

/* Whether a text is a range. */
static bool range_parse(const char *text, struct range *range)
{
	char *copy = strdup(text), *dash = copy ? strchr(copy, '-') : NULL, *how = dash ? strpbrk(dash, ":*") : NULL;
	uint64_t number = 1;
	bool is_step = !how || *how == ':', is_range;

	if (how)
		*how++ = '\0';
	if (dash)
		*dash++ = '\0';
	is_range = dash && !size_parse(copy, &range->from) && !size_parse(dash, &range->to) &&
		   (!how || !size_parse(how, &number)) && number;
	range->step = is_step ? number : 0;
	range->per_octave = is_step ? 0 : number;
	free(copy);
	return is_range;
}

/* The value number k of an even ladder. At its lower end several round to the same number. */
static uint64_t ladder_value(uint64_t first, uint64_t per_octave, uint64_t k)
{
	return (uint64_t)llround((double)first * exp2((double)k / (double)per_octave));
}

static int range_add(
	const struct axis *axis, struct values *values, const char *text, const struct range *range, struct reason *why)
{
	int error = 0;

	if (range->from > range->to)
		return fail(why, WRONG_REQUEST, "--param %s: %s is empty", axis->name, text);
	if (range->from < axis->least || range->to > axis->most)
		return fail(why, WRONG_REQUEST, "--param %s: %s is not within %" PRIu64 " .. %" PRIu64, axis->name,
			text, axis->least, axis->most);
	if ((range->step && (range->to - range->from) / range->step >= VALUES_MOST) || range->per_octave >= VALUES_MOST)
		return fail(why, WRONG_REQUEST,
			"--param %s: %s has more than %d values; it may have a step (64-65536:64) or values an octave (64-64K*8)",
			axis->name, text, VALUES_MOST);
	if (range->per_octave && !range->from)
		return fail(why, WRONG_REQUEST, "--param %s: %s: there are no octaves above 0", axis->name, text);
	if (range->step)
		for (uint64_t value = range->from; !error && value <= range->to; value += range->step)
			error = value_add(axis, values, value, why);
	for (uint64_t k = 0; !range->step && !error; k++) {
		uint64_t value = ladder_value(range->from, range->per_octave, k);

		if (value > range->to)
			break;
		error = value_add(axis, values, value, why);
	}
	return error;
}

/* A number or a size ("64K"), or a range of them. */
static int number_add(const struct axis *axis, struct values *values, const char *text, struct reason *why)
{
	struct range range;
	uint64_t number;

	if (range_parse(text, &range))
		return range_add(axis, values, text, &range, why);
	if (!size_parse(text, &number))
		return value_add(axis, values, number, why);
	if (axis->kind == AXIS_BYTES)
		return fail(why, WRONG_REQUEST, "--param %s: '%s' is not a size, e.g. 64M, nor a range, e.g. 4K-64M*1",
			axis->name, text);
	return fail(why, WRONG_REQUEST,
		"--param %s: '%s' is neither a number nor a range (60-90, 64-260:8 with a step, 8-64K*8 with values an octave)",
		axis->name, text);
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

int values_parse(const struct axis *axis, const char *list, struct values *values, struct reason *why)
{
	static int (*const add[])(const struct axis *, struct values *, const char *, struct reason *) = {
		[AXIS_COUNT] = number_add,
		[AXIS_BYTES] = number_add,
		[AXIS_PAGE_SIZE] = page_size_add,
		[AXIS_CHOICE] = choice_add,
	};
	char *copy = strdup(list), *rest = NULL;
	int error = copy ? 0 : fail(why, ENOMEM, "out of memory");

	for (char *text = copy ? strtok_r(copy, ",", &rest) : NULL; text && !error; text = strtok_r(NULL, ",", &rest))
		error = add[axis->kind](axis, values, text, why);
	free(copy);
	if (!error && !values->count)
		return fail(why, WRONG_REQUEST, "--param %s: no value given", axis->name);
	values->asked = true;
	return error;
}

int values_within(const struct axis *axis, const struct values *values, unsigned cpus, struct reason *why)
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

static int offered_add(const uint64_t *list, size_t count, const struct axis *axis, const struct plan_request *request,
	struct values *values)
{
	int error = 0;

	for (size_t i = 0; i < count && !error; i++)
		if (is_offered(axis, list[i], request))
			error = value_append(values, list[i]);
	return error;
}

static int ladder_add(const struct axis *axis, struct values *values)
{
	int error = 0;

	for (uint64_t k = 0; !error; k++) {
		uint64_t value = ladder_value(axis->ladder.first, axis->ladder.per_octave, k);

		if (value > axis->ladder.last)
			break;
		error = value_append(values, value);
	}
	return error;
}

int values_usual(const struct axis *axis, const struct plan_request *request, struct values *values, struct reason *why)
{
	uint64_t most = axis_most(axis, request->cpus);
	int error;

	if (request->brief && axis->brief) {
		error = offered_add(axis->brief, axis->brief_count, axis, request, values);
	} else if (axis->ladder.per_octave) {
		error = ladder_add(axis, values);
	} else {
		error = offered_add(axis->values, axis->count, axis, request, values);
		if (!error && axis->limit != LIMIT_NONE && (!values->count || values->value[values->count - 1] < most))
			error = value_append(values, most);
	}
	return error ? fail(why, ENOMEM, "out of memory") : 0;
}
