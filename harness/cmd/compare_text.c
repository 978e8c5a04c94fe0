#include "cmd/compare_print.h"

#include "base/format.h"
#include "base/text.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 80
#define VERDICT_COLUMNS 7 /* "differs" */
#define RATIO_COLUMNS 20 /* "1.003 [0.998, 1.007]" */
#define NUMBER_COLUMNS 9 /* "1 234 567" */
#define LABEL_LEAST 9 /* columns of what a row is called, whatever else there is */

/* Colours that are told apart by most people who see few; the word says the same. */
static const struct {
	const char *word, *colour;
} verdicts[COMPARE_VERDICTS] = {
	[COMPARE_ALIKE] = { "~", "" },
	[COMPARE_BETTER] = { "better", "\033[32m" },
	[COMPARE_WORSE] = { "worse", "\033[31m" },
	[COMPARE_DIFFERS] = { "differs", "\033[33m" },
	[COMPARE_UNKNOWN] = { "?", "" },
};

/* Characters of UTF-8, each of which is taken to be one column wide. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

/* The bytes of the first `columns` characters, or up to the last blank in them where the text is longer. */
static size_t line_bytes(const char *text, size_t columns)
{
	size_t at = 0, blank = 0;

	for (size_t seen = 0; text[at]; at++) {
		if (((unsigned char)text[at] & 0xc0) != 0x80 && seen++ == columns)
			return blank ? blank : at;
		if (text[at] == ' ')
			blank = at;
	}
	return at;
}

/* Print a text in lines of COLUMNS, each but the first after an indent. */
static void wrap(FILE *out, const char *text, size_t indent)
{
	size_t room = COLUMNS;

	do {
		size_t bytes = line_bytes(text, room);

		fprintf(out, "%*s%.*s\n", (int)(COLUMNS - room), "", (int)bytes, text);
		text += bytes + strspn(text + bytes, " ");
		room = COLUMNS - indent;
	} while (*text);
}

/* A number of at most NUMBER_COLUMNS. */
static struct text number_of(double number)
{
	struct text text = format_number(number);

	if (width_of(text.text) > NUMBER_COLUMNS)
		snprintf(text.text, sizeof(text.text), "%.3g", number);
	return text;
}

/* "54.2 ±2%": the median, and how far its interval reaches at most. */
static struct text median_text(const struct interval *told)
{
	double beyond = 100 * fmax(told->hi - told->median, told->median - told->lo) / fabs(told->median);
	struct text out = number_of(told->median), number = out;

	if (isfinite(beyond) && beyond < 999.5)
		snprintf(out.text, sizeof(out.text), "%.40s ±%.0f%%", number.text, beyond);
	else if (isfinite(beyond))
		snprintf(out.text, sizeof(out.text), "%.40s ±>999%%", number.text);
	return out;
}

static struct text ratio_text(const struct interval *ratio)
{
	struct text out = ratio->median < 10 ? format_ratio(ratio->median, ratio->lo, ratio->hi)
					     : format_estimate(ratio->median, ratio->lo, ratio->hi);

	/* A ratio of thousands has an interval that is not worth its columns. */
	return width_of(out.text) <= RATIO_COLUMNS ? out : number_of(ratio->median);
}

/* What rows of one table are called: parameters that are the same in all, and those that are not. */
struct names {
	json_t *constant; /* name -> text */
	json_t *varying; /* name -> true, in the order of parameters */
	json_t *of_setting; /* setting -> its parameters that follow from it, name -> text */
};

static json_t *fields_of(const struct compare_label *label)
{
	json_t *fields = json_loads(label->parameters, 0, NULL), *extra = json_loads(label->extra, 0, NULL);

	if (json_is_object(fields) && json_is_object(extra))
		json_object_update(fields, extra);
	json_decref(extra);
	return fields;
}

/* The text of a field; the caller frees it. */
static char *field_text(const json_t *value)
{
	char *text = json_is_string(value) ? strdup(json_string_value(value)) : json_dumps(value, JSON_ENCODE_ANY);

	return text ? text_clean(text) : NULL;
}

/* Names that vary are found row by row; a reader expects them in the order that rows have them. */
static void names_order(const struct compare_label *label, struct names *names)
{
	json_t *fields = fields_of(label), *ordered = json_object(), *unused;
	const char *name;

	json_object_foreach (fields, name, unused)
		if (json_object_get(names->varying, name))
			json_object_set_new(ordered, name, json_true());
	json_object_update_missing(ordered, names->varying);
	json_decref(names->varying);
	names->varying = ordered;
	json_decref(fields);
}

/*
 * Whether a parameter follows from the setting in all rows, as the paging mode often does; its texts are added to `told`,
 * setting -> text.
 */
static bool follows_setting(const struct comparison *found, size_t from, size_t to, const char *name, json_t *told)
{
	bool follows = true;

	for (size_t i = from; i < to && follows; i++) {
		json_t *fields = fields_of(&found->label[i]), *value = json_object_get(fields, name);
		const char *setting = json_string_value(json_object_get(fields, "setting"));
		json_t *before = setting ? json_object_get(told, setting) : NULL;

		value = value ? json_incref(value) : json_null();
		follows = setting && (!before || json_equal(before, value));
		if (follows)
			json_object_set(told, setting, value);
		json_decref(value);
		json_decref(fields);
	}
	return follows;
}

/* What follows from the setting is said once for each, and not in each row. */
static void settings_find(const struct comparison *found, size_t from, size_t to, struct names *names)
{
	const char *name, *setting;
	json_t *unused, *value;
	void *next;

	if (!json_object_get(names->varying, "setting"))
		return;
	json_object_foreach_safe(names->varying, next, name, unused)
	{
		json_t *told = json_object();

		if (strcmp(name, "setting") && follows_setting(found, from, to, name, told)) {
			json_object_foreach (told, setting, value) {
				json_t *of = json_object_get(names->of_setting, setting);

				if (!of)
					json_object_set_new(names->of_setting, setting, of = json_object());
				if (!json_is_null(value))
					json_object_set(of, name, value);
			}
			json_object_del(names->varying, name);
		}
		json_decref(told);
	}
}

/* Rows [from, to) of a table. */
static int names_find(const struct comparison *found, size_t from, size_t to, struct names *names)
{
	*names = (struct names){ json_object(), json_object(), json_object() };
	for (size_t i = from; i < to; i++) {
		json_t *fields = fields_of(&found->label[i]), *value;
		const char *name;
		void *next;

		json_object_foreach (fields, name, value) {
			json_t *first = json_object_get(names->constant, name);

			if (json_object_get(names->varying, name))
				continue;
			if (i == from)
				json_object_set(names->constant, name, value);
			else if (!first || !json_equal(first, value))
				json_object_set_new(names->varying, name, json_true());
		}
		/* A field that this row lacks is not the same in all. */
		json_object_foreach_safe(names->constant, next, name, value)
		{
			if (!json_object_get(fields, name))
				json_object_set_new(names->varying, name, json_true());
			if (json_object_get(names->varying, name))
				json_object_del(names->constant, name);
		}
		json_decref(fields);
	}
	names_order(&found->label[from], names);
	settings_find(found, from, to, names);
	return names->constant && names->varying && names->of_setting ? 0 : -ENOMEM;
}

static void names_free(struct names *names)
{
	json_decref(names->constant);
	json_decref(names->varying);
	json_decref(names->of_setting);
}

/* "host, 96": the values that vary. The caller frees it. */
static char *label_make(const struct compare_label *label, const struct names *names)
{
	json_t *fields = fields_of(label), *unused;
	const char *name, *between = "";
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	json_object_foreach (names->varying, name, unused) {
		char *value = json_object_get(fields, name) ? field_text(json_object_get(fields, name)) : strdup("-");

		fprintf(out, "%s%s", between, value ? value : "?");
		between = ", ";
		free(value);
	}
	json_decref(fields);
	return fclose(out) ? NULL : text;
}

/* "in all: page_size_bytes 4K, backing 4K" */
static void fields_print(FILE *out, const char *before, const json_t *fields)
{
	const char *name, *between = "";
	json_t *value;
	char *text = NULL;
	size_t size;
	FILE *line = json_object_size(fields) ? open_memstream(&text, &size) : NULL;

	if (!line)
		return;
	fprintf(line, "  %s: ", before);
	json_object_foreach ((json_t *)fields, name, value) {
		char *told = field_text(value);

		fprintf(line, "%s%s %s", between, name, told ? told : "?");
		between = ", ";
		free(told);
	}
	if (!fclose(line))
		wrap(out, text_clean(text), 4);
	free(text);
}

/* Columns of a table of numbers; what is left of the line is for what rows are called. */
struct widths {
	size_t label, base, other;
};

static struct widths widths_of(const struct compare_output *output, size_t from, size_t to)
{
	struct widths widths = { 0, 4, 5 };

	for (size_t i = from; i < to; i++) {
		const struct compare_row *row = &output->found->row[i];
		size_t base = width_of(median_text(&row->base_told).text),
		       other = width_of(median_text(&row->other_told).text);

		if (!compare_shows(output, i))
			continue;
		widths.base = base > widths.base ? base : widths.base;
		widths.other = other > widths.other ? other : widths.other;
	}
	widths.label = COLUMNS - widths.base - widths.other - RATIO_COLUMNS - VERDICT_COLUMNS - 8;
	if (widths.label > COLUMNS || widths.label < LABEL_LEAST)
		widths.label = LABEL_LEAST;
	return widths;
}

static void right(FILE *out, const char *text, size_t width)
{
	size_t own = width_of(text);

	fprintf(out, "%*s%s", (int)(own < width ? width - own : 0), "", text);
}

/* The first line of a row has its numbers, further ones what does not fit of its name. */
static void line_print(FILE *out, const char *label, const struct widths *widths, const char *const *cells)
{
	size_t bytes = line_bytes(label, widths->label), width = 0;

	for (size_t i = 0; i < bytes; i++)
		width += ((unsigned char)label[i] & 0xc0) != 0x80;
	fprintf(out, "%.*s%*s  ", (int)bytes, label, (int)(widths->label - width), "");
	right(out, cells[0], widths->base);
	fputs("  ", out);
	right(out, cells[1], widths->other);
	fprintf(out, "  %s", cells[2]);
	if (*cells[3])
		fprintf(out, "%*s%s%s%s", (int)(RATIO_COLUMNS + 2 - width_of(cells[2])), "", cells[4], cells[3],
			*cells[4] ? "\033[0m" : "");
	fputc('\n', out);
	for (label += bytes + strspn(label + bytes, " "); *label; label += bytes + strspn(label + bytes, " ")) {
		bytes = line_bytes(label, widths->label);
		fprintf(out, "%.*s\n", (int)bytes, label);
	}
}

static int rows_print(const struct compare_output *output, size_t from, size_t to, const struct names *names)
{
	struct widths widths = widths_of(output, from, to);
	const char *const head[] = { "base", "other", "ratio", "", "" };
	const char *name;
	json_t *unused;
	char *header = strdup("");

	json_object_foreach (names->varying, name, unused) {
		char *longer;

		if (asprintf(&longer, "%s%s%s", header, *header ? ", " : "", name) < 0)
			break;
		free(header);
		header = longer;
	}
	if (!header)
		return -ENOMEM;
	line_print(output->out, text_clean(header), &widths, head);
	free(header);
	for (size_t i = from; i < to; i++) {
		const struct compare_row *row = &output->found->row[i];
		struct text base = median_text(&row->base_told), other = median_text(&row->other_told);
		struct text ratio = ratio_text(&row->ratio);
		const char *const cells[] = { base.text, other.text, ratio.text, verdicts[row->verdict].word,
			output->colour ? verdicts[row->verdict].colour : "" };
		char *label;

		if (!compare_shows(output, i))
			continue;
		label = label_make(&output->found->label[i], names);
		if (!label)
			return -ENOMEM;
		line_print(output->out, label, &widths, cells);
		free(label);
	}
	return 0;
}

/* One bench, metric and other side. */
static int table_print(const struct compare_output *output, size_t from, size_t to)
{
	const struct comparison *found = output->found;
	const struct compare_label *label = &found->label[from];
	struct names names;
	const char *setting;
	json_t *fields;
	size_t shown = 0;
	char *title;
	int rc;

	for (size_t i = from; i < to; i++)
		shown += compare_shows(output, i);
	if (!shown)
		return 0;
	if (asprintf(&title, "%s, %s (%s)%s%s", label->bench, label->metric,
		    found->row[from].better == LESS   ? "less is better"
		    : found->row[from].better == MORE ? "more is better"
						      : "no direction is better",
		    found->sides > 2 ? ": " : "", found->sides > 2 ? output->side[found->row[from].side] : "") < 0)
		return -ENOMEM;
	fputs(output->colour ? "\n\033[1m" : "\n", output->out);
	wrap(output->out, text_clean(title), 2);
	fputs(output->colour ? "\033[0m" : "", output->out);
	free(title);
	rc = names_find(found, from, to, &names);
	if (!rc) {
		fields_print(output->out, "in all", names.constant);
		json_object_foreach (names.of_setting, setting, fields)
			fields_print(output->out, setting, fields);
		rc = rows_print(output, from, to, &names);
	}
	names_free(&names);
	return rc;
}

static void said_print(const struct compare_output *output, const char *before, const char *text)
{
	char *line;

	if (asprintf(&line, "%s%s", before, text) < 0)
		return;
	wrap(output->out, text_clean(line), 2);
	free(line);
}

static void end_print(const struct compare_output *output)
{
	struct compare_tally hidden = { { 0 } };
	size_t alike, unknown;
	char *line;

	for (size_t i = 0; i < output->found->rows; i++)
		hidden.of[output->found->row[i].verdict] += !compare_shows(output, i);
	alike = hidden.of[COMPARE_ALIKE];
	unknown = hidden.of[COMPARE_UNKNOWN];
	if (!alike && !unknown)
		return;
	if (asprintf(&line, "not shown (--all shows them): %zu rows that cannot be told apart, %zu that are unknown",
		    alike, unknown) < 0)
		return;
	fputc('\n', output->out);
	wrap(output->out, line, 2);
	free(line);
}

int compare_print_text(const struct compare_output *output, struct reason *why)
{
	const struct comparison *found = output->found;
	char *overview = compare_overview(found);
	int rc = overview ? 0 : -ENOMEM;

	if (overview)
		wrap(output->out, overview, 2);
	free(overview);
	said_print(output, "base: ", output->side[0]);
	for (size_t i = 1; i < found->sides; i++)
		said_print(output, "other: ", output->side[i]);
	for (size_t i = 0; i < output->warnings->lines; i++)
		said_print(output, "warning: ", output->warnings->line[i]);
	for (size_t from = 0, to; from < found->rows && !rc; from = to) {
		for (to = from; to < found->rows && found->row[to].group == found->row[from].group; to++)
			;
		rc = table_print(output, from, to);
	}
	if (!rc)
		end_print(output);
	return rc ? fail(why, ENOMEM, "out of memory") : 0;
}
