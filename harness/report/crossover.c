/* How much slower nested and shadow paging are, against the mix of TLB misses and page-table changes; where they cross. */
#include "report/crossover.h"

#include "base/units.h"
#include "report/comparison.h"
#include "report/lanes.h"
#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME "crossover"
#define MISSES_LEAST 0x1p-4 /* a program that does nothing but touch new pages has about 1 */
#define MISSES_MOST 0x1p20 /* at 20 ns a miss, one that changes its page tables every 20 ms */
#define AN_OCTAVE 4 /* points of a line: enough for it to look smooth */

#define FAULT(which) \
	{ \
		.metric = "fault_ns", .where = { \
			{ "kind", CONDITION_WORD, "anon-write", 0 }, \
			{ "frames", CONDITION_WORD, which, 0 }, \
			{ "actors", CONDITION_NUMBER, NULL, 1 } \
		} \
	}
#define MISS \
	.metric = "net_ns", .where = { { "page_size_bytes", CONDITION_NUMBER, NULL, (double)PAGE_4K }, \
		{ "stride_pages", CONDITION_NUMBER, NULL, 1 }, { "pages", CONDITION_BEYOND, NULL, 0 } }
#define NESTED_VCPU .base_setting = "vcpu", .base_paging = "nested"

/* What is taken for a change of the page tables, and for a miss. */
static const struct sort {
	const char *title, *change_words;
	const char *setting; /* whose paging modes are held against each other */
	struct quantity change, miss;
} sorts[] = {
	{ "page faults on recycled frames", "a fault on a recycled frame", "guest", FAULT("recycled"), { MISS } },
	{ "page faults on fresh frames", "a fault on a fresh frame", "guest", FAULT("fresh"), { MISS } },
	{ "bare vCPU: faults on warm memory", "a fault on warm memory", "vcpu",
		{ NESTED_VCPU, .metric = "fault_ns",
			.where = { { "kind", CONDITION_WORD, "guest-warm", 0 }, { "flush", CONDITION_WORD, "none", 0 },
				{ "order", CONDITION_WORD, "shuffled", 0 } } },
		{ NESTED_VCPU, MISS } },
};

#define SORTS (sizeof(sorts) / sizeof(sorts[0]))

struct mix {
	const struct sort *sort;
	struct chosen change, miss;
	struct crossover_costs costs[PLACES_MAX];
	bool drawn[PLACES_MAX]; /* has both costs; the base has them, too, and no line */
	size_t base, lines;
	size_t nested, shadow; /* places; PLACES_MAX: not measured */
	struct crossing crossing; /* first: nested, second: shadow */
};

struct subject {
	const struct report *report;
	struct places places;
	struct mix mix[SORTS];
	size_t mixes;
};

static bool is_mode(const struct subject *subject, const struct mix *mix, size_t place, const char *paging)
{
	const struct place *at = &subject->places.place[place];

	return (mix->drawn[place] || place == mix->base) && !strcmp(at->setting, mix->sort->setting) && at->paging &&
	       !strcmp(at->paging, paging);
}

static void find_modes(const struct subject *subject, struct mix *mix)
{
	mix->nested = mix->shadow = PLACES_MAX;
	for (size_t p = 0; p < subject->places.count; p++) {
		if (is_mode(subject, mix, p, "nested"))
			mix->nested = p;
		if (is_mode(subject, mix, p, "shadow"))
			mix->shadow = p;
	}
	if (mix->nested != PLACES_MAX && mix->shadow != PLACES_MAX)
		mix->crossing = crossover_crossing(&mix->costs[mix->nested], &mix->costs[mix->shadow]);
}

/* 0 whether or not there is something to draw; -ENOMEM. */
static int add_mix(struct subject *subject, const struct sort *sort)
{
	struct mix *mix = &subject->mix[subject->mixes];
	uint64_t seed = (uint64_t)json_integer_value(json_object_get(subject->report->run->about, "seed"));

	*mix = (struct mix){ .sort = sort };
	if (!quantity_choose(subject->report, &subject->places, &sort->change, &mix->change) ||
		!quantity_choose(subject->report, &subject->places, &sort->miss, &mix->miss) ||
		mix->change.base != mix->miss.base)
		return 0;
	mix->base = mix->change.base;
	for (size_t p = 0; p < subject->places.count; p++) {
		const struct crossover_request request = { mix->change.point[p], mix->miss.point[p],
			sort->change.metric, sort->miss.metric,
			statistics_seed(seed, (uint64_t)(sort - sorts) * PLACES_MAX + p) };

		if (!request.change || !request.miss)
			continue;
		if (crossover_costs(&request, &mix->costs[p])) {
			for (size_t made = 0; made < p; made++)
				crossover_free(&mix->costs[made]);
			return -ENOMEM;
		}
		mix->drawn[p] = p != mix->base;
		mix->lines += mix->drawn[p];
	}
	find_modes(subject, mix);
	if (mix->lines)
		subject->mixes++;
	else
		crossover_free(&mix->costs[mix->base]);
	return 0;
}

static struct interval slowdown(const struct mix *mix, size_t place, double misses)
{
	return crossover_slowdown(&mix->costs[place], &mix->costs[mix->base], misses);
}

static struct estimate as_estimate(struct interval interval)
{
	return (struct estimate){ interval.median, interval.lo, interval.hi };
}

static void write_line(FILE *table, const struct subject *subject, size_t number, size_t place)
{
	const struct mix *mix = &subject->mix[number];
	const struct place *at = &subject->places.place[place];
	int steps = AN_OCTAVE * (int)log2(MISSES_MOST / MISSES_LEAST);

	for (int i = 0; i <= steps; i++) {
		double misses = MISSES_LEAST * exp2((double)i / AN_OCTAVE);

		fprintf(table, "%zu\t%s\t%s\t%s\t", number + 1, mix->sort->title,
			subject->places.place[mix->base].label, at->label);
		table_text(table, at->setting);
		fputc('\t', table);
		table_text(table, at->paging);
		fprintf(table, "\t%zu\t%.7g", place + 1, misses);
		table_estimate(table, as_estimate(slowdown(mix, place, misses)));
		fputc('\n', table);
	}
}

static int write_lines(const struct subject *subject, struct reason *why)
{
	FILE *table = table_open(subject->report, NAME, why);

	if (!table)
		return -EIO;
	fprintf(table,
		"# (C + misses M) of a setting over that of the base: C a change of its page tables, M a miss of its TLB.\n"
		"panel\tpanel_label\tbase\tlabel\tsetting\tpaging\tline\tmisses\tslowdown\tslowdown_lo\tslowdown_hi\n");
	for (size_t i = 0; i < subject->mixes; i++) {
		for (size_t p = 0; p < subject->places.count; p++) {
			if (subject->mix[i].drawn[p])
				write_line(table, subject, i, p);
		}
	}
	return table_close(subject->report, NAME, table, why);
}

/* "18.2", "1 340". */
static struct text misses_text(double misses)
{
	return misses < 100 ? number_text(misses) : count_text(misses);
}

static struct text crossing_text(struct interval at)
{
	struct text out;

	snprintf(out.text, sizeof(out.text), "%.24s", misses_text(at.median).text);
	if (isinf(at.hi))
		text_append(out.text, sizeof(out.text), " [%.24s and more]", misses_text(at.lo).text);
	else if (isfinite(at.lo) && isfinite(at.hi))
		text_append(out.text, sizeof(out.text), " [%.24s, %.24s]", misses_text(at.lo).text,
			misses_text(at.hi).text);
	return out;
}

/* A row for each panel, also where nothing crosses in it: gnuplot wants a table with something in it. */
static int write_marks(const struct subject *subject, struct reason *why)
{
	FILE *table = table_open(subject->report, NAME ".marks", why);

	if (!table)
		return -EIO;
	fprintf(table, "# Where nested and shadow paging cost the same; NA where they do nowhere in the picture.\n"
		       "panel\tmisses\tmisses_lo\tmisses_hi\tslowdown\twords\n");
	for (size_t i = 0; i < subject->mixes; i++) {
		const struct mix *mix = &subject->mix[i];
		struct interval at = mix->crossing.misses;
		bool seen = mix->nested != PLACES_MAX && mix->shadow != PLACES_MAX && at.median >= MISSES_LEAST &&
			    at.median <= MISSES_MOST;

		fprintf(table, "%zu", i + 1);
		table_estimate(table,
			seen ? (struct estimate){ at.median, fmax(at.lo, MISSES_LEAST), fmin(at.hi, MISSES_MOST) }
			     : (struct estimate){ NAN, NAN, NAN });
		fputc('\t', table);
		table_number(table, seen ? slowdown(mix, mix->shadow, at.median).median : NAN);
		fprintf(table, "\t%s\n", seen ? crossing_text(at).text : "NA");
	}
	return table_close(subject->report, NAME ".marks", table, why);
}

static const double told[] = { 1, 64, 4096, 262144 }; /* misses for each change: columns of the table */

#define TOLD (sizeof(told) / sizeof(told[0]))

static struct text slowdown_text(struct interval at)
{
	return estimate_text(as_estimate(at));
}

static void explain_row(FILE *text, const struct subject *subject, const struct mix *mix, size_t place)
{
	fprintf(text, "| %s | %s | %s |", subject->places.place[place].label,
		estimate_text(metric_at(mix->change.point[place], mix->sort->change.metric)).text,
		estimate_text(metric_at(mix->miss.point[place], mix->sort->miss.metric)).text);
	if (place == mix->base) {
		for (size_t i = 0; i < TOLD + 2; i++)
			fputs(" 1 |", text);
		fputc('\n', text);
		return;
	}
	fprintf(text, " %s |", slowdown_text(slowdown(mix, place, 0)).text);
	for (size_t i = 0; i < TOLD; i++)
		fprintf(text, " %s |", number_text(slowdown(mix, place, told[i]).median).text);
	fprintf(text, " %s |\n", slowdown_text(slowdown(mix, place, INFINITY)).text);
}

static void explain_table(FILE *text, const struct subject *subject, const struct mix *mix)
{
	fprintf(text, "| | *C*: %s, ns | *M*: a miss, ns | changes alone |", mix->sort->change_words);
	for (size_t i = 0; i < TOLD; i++)
		fprintf(text, " *m* = %s |", count_text(told[i]).text);
	fputs(" misses alone |\n| --- | ---: | ---: | ---: |", text);
	for (size_t i = 0; i < TOLD + 1; i++)
		fputs(" ---: |", text);
	fputc('\n', text);
	for (size_t p = 0; p < subject->places.count; p++) {
		if (mix->drawn[p] || p == mix->base)
			explain_row(text, subject, mix, p);
	}
	fputc('\n', text);
}

static void explain_crossing(FILE *text, const struct mix *mix)
{
	static const char *const modes[] = { "nested", "shadow" };
	const struct crossing *crossing = &mix->crossing;

	if (isfinite(crossing->misses.median)) {
		fprintf(text,
			"Both cost the same at *m\\** = %s misses for each change. With fewer %s paging costs less, with more %s paging.",
			crossing_text(crossing->misses).text, modes[crossing->better_below],
			modes[!crossing->better_below]);
		if (crossing->misses.median < MISSES_LEAST || crossing->misses.median > MISSES_MOST)
			fputs(" That lies outside the picture.", text);
	} else if (crossing->always >= 0) {
		fprintf(text, "They do not cross: %s paging costs less at every mix.", modes[crossing->always]);
	} else {
		fputs("They cost the same at every mix.", text);
	}
	fputs("\n\n", text);
}

/* Why a place has no line. */
static void explain_lack(FILE *text, const struct subject *subject, const struct mix *mix)
{
	for (size_t p = 0; p < subject->places.count; p++) {
		const struct place *at = &subject->places.place[p];

		if (mix->drawn[p] || p == mix->base || strcmp(at->setting, mix->sort->setting))
			continue;
		fprintf(text, "%s has no line: ", at->label);
		if (!mix->change.point[p])
			fprintf(text, "it has no time of %s that was measured as on the %s", mix->sort->change_words,
				subject->places.place[mix->base].label);
		else
			fprintf(text, "its misses at %s pages were not measured",
				count_text(number_at(mix->miss.point[mix->base], "params.pages")).text);
		fputs(".\n\n", text);
	}
}

static void explain_mix(FILE *text, const struct subject *subject, const struct mix *mix)
{
	bool nested = mix->nested != PLACES_MAX, shadow = mix->shadow != PLACES_MAX;

	fprintf(text, "**%s**, against %s; a miss is read at %s pages:\n\n", mix->sort->title,
		subject->places.place[mix->base].label,
		count_text(number_at(mix->miss.point[mix->base], "params.pages")).text);
	explain_table(text, subject, mix);
	if (nested && shadow)
		explain_crossing(text, mix);
	else if (nested || shadow)
		fprintf(text,
			"Of the two paging modes of a guest only %s was measured, so that nothing can cross. `make bench-paging` measures both, where this machine lets its mode be changed.\n\n",
			nested ? "nested" : "shadow");
	explain_lack(text, subject, mix);
}

static char *explain(const struct subject *subject)
{
	char *markdown = NULL;
	size_t size;
	FILE *text = open_memstream(&markdown, &size);

	if (!text)
		return NULL;
	fputs("Nested paging makes a TLB miss dearer, because two page tables are walked; shadow paging makes each change of a page table dearer, because the hypervisor takes part in it. Which is better depends on the program. The model: for each change of its page tables (a page fault) a program misses the TLB *m* times, and spends *C* + *m* × *M* on both, where *C* is what a change costs, and *M* a miss. Drawn is that sum as a multiple of the base's, against *m*. At the left end changes decide, and the line is at the ratio of *C*; at the right end misses decide, and it is at the ratio of *M*.\n\n"
	      "*C* is the time of a page fault of anonymous memory, one actor. *M* is the net time of an access to one of more 4K pages than any TLB level that was found holds, at the most pages that all have in common. Bands are 95 % intervals: the samples of each cost were drawn again 1000 times, independently, and all medians, lines and crossings computed anew; a cost with one sample gives none. The grey strip is where the crossing may lie. What the program does besides is not in the model: it makes every difference smaller.\n\n",
		text);
	for (size_t i = 0; i < subject->mixes; i++)
		explain_mix(text, subject, &subject->mix[i]);
	for (size_t i = 0; i < subject->mixes; i++) {
		if (!strcmp(subject->mix[i].sort->setting, "vcpu"))
			fputs("A bare vCPU has a fault handler of a few instructions, which no host has: its modes are held against each other, and the line is shadow over nested paging.\n\n",
				text);
	}
	return text_finish(text, &markdown);
}

static int add_figure(struct report *report, const struct subject *subject, struct reason *why)
{
	static const struct figure_words words = {
		.name = NAME,
		.heading = "Where paging modes cross",
		.title = "Slow-down by paging, against the mix of TLB misses and page-table changes",
		.alt = "Relative cost of paging modes against TLB misses for each change of a page table",
	};
	int rc = write_lines(subject, why);

	if (!rc)
		rc = write_marks(subject, why);
	return rc ? rc : figure_add_words(report, &words, explain(subject), why);
}

static int prepare(struct report *report, struct reason *why)
{
	struct subject subject = { .report = report };
	int rc = 0;

	places_find(report, &subject.places);
	for (size_t i = 0; i < SORTS && !rc; i++)
		rc = add_mix(&subject, &sorts[i]);
	if (rc)
		fail(why, ENOMEM, "out of memory");
	else if (subject.mixes)
		rc = add_figure(report, &subject, why);
	for (size_t i = 0; i < subject.mixes; i++) {
		for (size_t p = 0; p < PLACES_MAX; p++)
			crossover_free(&subject.mix[i].costs[p]);
	}
	return rc;
}

const struct figure_family crossover_family = { .prepare = prepare };
