#include "record/sql_functions.h"

#include "base/format.h"
#include "base/number.h"
#include "base/statistics.h"
#include "base/units.h"
#include "base/vocabulary.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The seed of interval(x). Any number will do, as long as the same samples always get the same interval. */
#define DEFAULT_SEED 1

int sql_numbers_add(struct sql_numbers *numbers, double number)
{
	if (!isfinite(number))
		return 0;
	if (numbers->count == numbers->room) {
		size_t room = numbers->room ? 2 * numbers->room : 16;
		double *grown = reallocarray(numbers->number, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		numbers->number = grown;
		numbers->room = room;
	}
	numbers->number[numbers->count++] = number;
	return 0;
}

void sql_result_numbers(sqlite3_context *context, const double *values, size_t count)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out) {
		sqlite3_result_error_nomem(context);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		fputs(i ? "," : "[", out);
		if (isfinite(values[i]))
			fprintf(out, "%.17g", values[i]);
		else
			fputs("null", out);
	}
	fputc(']', out);
	if (fclose(out))
		sqlite3_result_error_nomem(context);
	else
		sqlite3_result_text(context, text, (int)size, free);
}

static double number_argument(sqlite3_value *value)
{
	int type = sqlite3_value_numeric_type(value);

	return type == SQLITE_INTEGER || type == SQLITE_FLOAT ? sqlite3_value_double(value) : NAN;
}

static void result_number(sqlite3_context *context, double value)
{
	if (isfinite(value))
		sqlite3_result_double(context, value);
	else
		sqlite3_result_null(context);
}

static void result_text(sqlite3_context *context, struct text text)
{
	sqlite3_result_text(context, text.text, -1, SQLITE_TRANSIENT);
}

/* --- statistics --- */

/* The state of an aggregate: its numbers, and its second argument, which is the same in all rows. */
struct collected {
	struct sql_numbers numbers;
	double extra;
	bool has_extra;
};

static void rows_collect(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct collected *collected = sqlite3_aggregate_context(context, sizeof(*collected));

	if (!collected) {
		sqlite3_result_error_nomem(context);
		return;
	}
	if (count > 1) {
		collected->extra = number_argument(values[1]);
		collected->has_extra = true;
	}
	if (sql_numbers_add(&collected->numbers, number_argument(values[0])))
		sqlite3_result_error_nomem(context);
}

static void finish_with(
	sqlite3_context *context, void (*finish)(sqlite3_context *context, const struct collected *collected))
{
	struct collected none = { .has_extra = false };
	struct collected *collected = sqlite3_aggregate_context(context, 0);

	finish(context, collected ? collected : &none);
	if (collected)
		free(collected->numbers.number);
}

static void median_finish(sqlite3_context *context, const struct collected *collected)
{
	result_number(context, statistics_median(collected->numbers.number, collected->numbers.count));
}

static void quantile_finish(sqlite3_context *context, const struct collected *collected)
{
	if (collected->extra >= 0 && collected->extra <= 1)
		result_number(context,
			statistics_quantile(collected->numbers.number, collected->numbers.count, collected->extra));
	else
		sqlite3_result_null(context);
}

static void spread_finish(sqlite3_context *context, const struct collected *collected)
{
	result_number(context, statistics_spread(collected->numbers.number, collected->numbers.count));
}

static void interval_finish(sqlite3_context *context, const struct collected *collected)
{
	uint64_t seed = DEFAULT_SEED;
	struct interval interval;

	if (collected->has_extra)
		number_whole(collected->extra, UINT64_MAX, &seed);
	interval = statistics_median_interval(collected->numbers.number, collected->numbers.count, seed);
	sql_result_numbers(
		context, (double[]){ interval.median, interval.lo, interval.hi, (double)collected->numbers.count }, 4);
}

static void median_end(sqlite3_context *context)
{
	finish_with(context, median_finish);
}

static void quantile_end(sqlite3_context *context)
{
	finish_with(context, quantile_finish);
}

static void spread_end(sqlite3_context *context)
{
	finish_with(context, spread_finish);
}

static void interval_end(sqlite3_context *context)
{
	finish_with(context, interval_finish);
}

/* --- formatting --- */

static void number_function(sqlite3_context *context, int count, sqlite3_value **values)
{
	(void)count;
	if (isfinite(number_argument(values[0])))
		result_text(context, format_number(number_argument(values[0])));
}

static void thousands_function(sqlite3_context *context, int count, sqlite3_value **values)
{
	(void)count;
	if (isfinite(number_argument(values[0])))
		result_text(context, format_count(number_argument(values[0])));
}

static void bytes_function(sqlite3_context *context, int count, sqlite3_value **values)
{
	(void)count;
	if (isfinite(number_argument(values[0])))
		result_text(context, format_bytes(number_argument(values[0])));
}

static void size_function(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct size_text size;
	uint64_t bytes;

	(void)count;
	if (number_whole(number_argument(values[0]), INT64_MAX, &bytes))
		sqlite3_result_text(context, size_format(bytes, &size), -1, SQLITE_TRANSIENT);
}

static void cell_function(sqlite3_context *context, int count, sqlite3_value **values)
{
	double x = number_argument(values[0]), lo = number_argument(values[1]), hi = number_argument(values[2]);

	(void)count;
	/* A count is often the same in all samples. Its interval would only repeat the number twice. */
	if (isfinite(x))
		result_text(context, lo == hi ? format_number(x) : format_estimate(x, lo, hi));
}

static void count_cell_function(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct text text = format_count(number_argument(values[0]));
	struct text interval = format_count_interval(number_argument(values[1]), number_argument(values[2])), both;

	(void)count;
	if (isfinite(number_argument(values[0]))) {
		snprintf(both.text, sizeof(both.text), "%s%s", text.text, interval.text);
		result_text(context, both);
	}
}

static void ratio_function(sqlite3_context *context, int count, sqlite3_value **values)
{
	(void)count;
	if (isfinite(number_argument(values[0])))
		result_text(context, format_ratio(number_argument(values[0]), number_argument(values[1]),
					     number_argument(values[2])));
}

static void ordinal_function(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct text text;
	uint64_t number;

	(void)count;
	if (!number_whole(number_argument(values[0]), INT64_MAX, &number))
		return;
	snprintf(text.text, sizeof(text.text), "%" PRIu64 "%s", number, format_ordinal_suffix(number));
	result_text(context, text);
}

/* --- vocabulary --- */

static const char *text_argument(sqlite3_value *value)
{
	return (const char *)sqlite3_value_text(value);
}

static void place_label_function(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct text label;

	(void)count;
	place_label(text_argument(values[0]), text_argument(values[1]), label.text, sizeof(label.text));
	result_text(context, label);
}

static void place_rank_function(sqlite3_context *context, int count, sqlite3_value **values)
{
	(void)count;
	sqlite3_result_int64(context, place_rank(text_argument(values[0]), text_argument(values[1])));
}

/* The number of a run, which colours may be asked without; of one run it does not matter. */
static unsigned run_argument(int count, int at, sqlite3_value **values)
{
	sqlite3_int64 run = at < count ? sqlite3_value_int64(values[at]) : 1;

	return run > 0 && run <= UINT_MAX ? (unsigned)run : 1;
}

static void place_colour_function(sqlite3_context *context, int count, sqlite3_value **values)
{
	sqlite3_result_text(context,
		place_colour(text_argument(values[0]), text_argument(values[1]), run_argument(count, 2, values)), -1,
		SQLITE_STATIC);
}

static void paging_colour_function(sqlite3_context *context, int count, sqlite3_value **values)
{
	sqlite3_result_text(
		context, paging_colour(text_argument(values[0]), run_argument(count, 1, values)), -1, SQLITE_STATIC);
}

static const struct {
	const char *name;
	int arguments;
	void (*function)(sqlite3_context *context, int count, sqlite3_value **values);
	void (*end)(sqlite3_context *context); /* of an aggregate, whose rows are collected */
} functions[] = {
	{ "median", 1, NULL, median_end },
	{ "quantile", 2, NULL, quantile_end },
	{ "spread", 1, NULL, spread_end },
	{ "interval", 1, NULL, interval_end },
	{ "interval", 2, NULL, interval_end },
	{ "number", 1, number_function, NULL },
	{ "thousands", 1, thousands_function, NULL },
	{ "bytes", 1, bytes_function, NULL },
	{ "size", 1, size_function, NULL },
	{ "cell", 3, cell_function, NULL },
	{ "count_cell", 3, count_cell_function, NULL },
	{ "ratio", 3, ratio_function, NULL },
	{ "ordinal", 1, ordinal_function, NULL },
	{ "place_label", 2, place_label_function, NULL },
	{ "place_rank", 2, place_rank_function, NULL },
	{ "place_colour", 2, place_colour_function, NULL },
	{ "place_colour", 3, place_colour_function, NULL },
	{ "paging_colour", 1, paging_colour_function, NULL },
	{ "paging_colour", 2, paging_colour_function, NULL },
};

int sql_functions_add(sqlite3 *db, struct reason *why)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;

		if (sqlite3_create_function_v2(db, functions[i].name, functions[i].arguments, flags, NULL,
			    functions[i].function, functions[i].end ? rows_collect : NULL, functions[i].end,
			    NULL) != SQLITE_OK)
			return fail(why, ENOMEM, "cannot add the SQL function %s: %s", functions[i].name,
				sqlite3_errmsg(db));
	}
	return 0;
}
