/* What getting memory costs, by the size of its pages: the first touch, fault and zeroing together. */
#include "base/statistics.h"
#include "base/units.h"
#include "report/huge.h"
#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME "huge-pages-touch"
#define METRIC "touch_ns_per_page"
#define SAMPLES_MAX 4096 /* of one kind of memory; more is no run of ours */

struct touch {
	const char *backing;
	double page_bytes; /* of the host */
	struct estimate ns; /* per page */
	size_t samples;
};

/*
 * One memory is touched once a round and then lent to every working set and setting: each of a combination's points
 * carries the same numbers, and they are taken once.
 */
static const json_t *point_of(const struct lanes *lanes, const struct combination *combination)
{
	size_t k;
	json_t *point;

	for (size_t i = 0; i < lanes->count; i++) {
		json_array_foreach (lanes->lane[i].points, k, point) {
			if (number_at(point, "params.page_size_bytes") == combination->page_bytes &&
				text_is(point, "params.backing", combination->backing) &&
				isfinite(metric_at(point, METRIC).value))
				return point;
		}
	}
	return NULL;
}

static size_t add_samples(const json_t *point, double *samples, size_t count)
{
	const json_t *from = json_object_get(json_object_get(point, "samples"), METRIC);
	size_t before = count, i;
	json_t *value;

	json_array_foreach (from, i, value) {
		if (json_is_number(value) && json_number_value(value) > 0 && count < SAMPLES_MAX)
			samples[count++] = json_number_value(value);
	}
	if (count == before && count < SAMPLES_MAX && metric_at(point, METRIC).value > 0)
		samples[count++] = metric_at(point, METRIC).value;
	return count;
}

static size_t gather(const struct lanes *lanes, uint64_t seed, double *samples, struct touch *out)
{
	struct combination combination[COMBINATIONS_MAX];
	size_t combinations = huge_combinations(lanes, combination), kinds = 0;

	for (size_t i = 0; i < combinations; i++) {
		struct touch touch = { .backing = combination[i].backing, .page_bytes = combination[i].backing_bytes };
		struct interval interval;
		size_t at = kinds;
		bool told = !isfinite(touch.page_bytes);

		for (size_t k = 0; k < kinds; k++)
			told = told || !strcmp(out[k].backing, touch.backing);
		for (size_t k = i; k < combinations && !told; k++) {
			const json_t *point = point_of(lanes, &combination[k]);

			if (point && !strcmp(combination[k].backing, touch.backing))
				touch.samples = add_samples(point, samples, touch.samples);
		}
		if (!touch.samples)
			continue;
		interval = statistics_median_interval(samples, touch.samples, seed);
		touch.ns = (struct estimate){ interval.median, interval.lo, interval.hi };
		for (; at && out[at - 1].page_bytes > touch.page_bytes; at--)
			out[at] = out[at - 1];
		out[at] = touch;
		kinds++;
	}
	return kinds;
}

static int write_table(const struct report *report, const struct touch *touch, size_t kinds, struct reason *why)
{
	FILE *table = table_open(report, NAME, why);

	if (!table)
		return -EIO;
	fprintf(table,
		"# First touch of memory, fault and zeroing together, by the host's pages. _lo, _hi: 95 %% interval of the median.\nrow\tbacking\tpage_bytes\tsamples\tns_per_page\tns_per_page_lo\tns_per_page_hi\tus_per_mib\tus_per_mib_lo\tus_per_mib_hi\n");
	for (size_t i = 0; i < kinds; i++) {
		fprintf(table, "%zu\t", i + 1);
		table_text(table, touch[i].backing);
		fprintf(table, "\t%.12g\t%zu", touch[i].page_bytes, touch[i].samples);
		table_estimate(table, touch[i].ns);
		table_estimate(table, estimate_scaled(touch[i].ns, (double)MIB / touch[i].page_bytes / NS_PER_US));
		fputc('\n', table);
	}
	return table_close(report, NAME, table, why);
}

static char *explain(const struct report *report, const struct touch *touch, size_t kinds)
{
	const char *outer = string_at(report->run->about, "machine.outer.name");
	char *markdown = NULL;
	size_t size;
	FILE *text = open_memstream(&markdown, &size);

	if (!text)
		return NULL;
	fprintf(text,
		"The other side: memory has to be got before it is used, and the first touch of a page takes a fault and the zeroing of all of it. A large page takes longer, and is needed less often:\n\n"
		"| memory | a page, µs | a MiB, µs | samples |\n| --- | ---: | ---: | ---: |\n");
	for (size_t i = 0; i < kinds; i++) {
		fputs("| ", text);
		markdown_text(text, touch[i].backing);
		fprintf(text, " | %s | %s | %zu |\n", estimate_text(estimate_scaled(touch[i].ns, 1. / NS_PER_US)).text,
			estimate_text(estimate_scaled(touch[i].ns, (double)MIB / touch[i].page_bytes / NS_PER_US)).text,
			touch[i].samples);
	}
	fprintf(text, "\nA sample is one allocation touched from end to end.");
	if (outer && strcmp(outer, "bare-metal"))
		fprintf(text,
			" This host is itself a guest: where the hypervisor beneath has to find the memory first, that is in the number, and large.");
	fputc('\n', text);
	return text_finish(text, &markdown);
}

static int prepare(struct report *report, struct reason *why)
{
	struct figure figure = { .script = NAME };
	struct touch touch[COMBINATIONS_MAX];
	double *samples = malloc(SAMPLES_MAX * sizeof(*samples));
	struct lanes lanes;
	size_t kinds;
	int rc = lanes_gather(report->run->points, point_is_of_huge, huge_axes, &lanes);

	if (rc || !samples) {
		free(samples);
		if (!rc)
			lanes_free(&lanes);
		return fail(why, ENOMEM, "out of memory");
	}
	lanes_drop_emulated(&lanes);
	kinds = gather(
		&lanes, (uint64_t)json_integer_value(json_object_get(report->run->about, "seed")), samples, touch);
	if (kinds) {
		rc = write_table(report, touch, kinds, why);
		if (!rc) {
			figure.name = strdup(NAME);
			figure.heading = strdup("What getting huge pages costs");
			figure.title = strdup("First touch of memory: fault and zeroing, by the size of its pages");
			figure.alt = strdup("Time of the first touch per page and per MiB, by page size");
			figure.text = explain(report, touch, kinds);
			rc = figure_add(report, &figure, why);
		}
	}
	lanes_free(&lanes);
	free(samples);
	return rc;
}

const struct figure_family touch_family = { .prepare = prepare };
