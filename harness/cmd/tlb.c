#include "base/units.h"
#include "cmd/cmd.h"
#include "infer/levels_json.h"
#include "record/load.h"

#include <argp.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct arguments {
	const char *run;
	bool json, verbose;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'j':
		arguments->json = true;
		return 0;
	case 'v':
		arguments->verbose = true;
		return 0;
	case ARGP_KEY_ARG:
		if (arguments->run)
			argp_error(state, "one run at a time; `nestwalk report` compares settings");
		arguments->run = argument;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which run? Name a run directory");
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ .name = "json", .key = 'j', .doc = "print everything as one JSON object" },
	{ .name = "verbose", .key = 'v', .doc = "also the steps that were rejected, the noise floors and the laws" },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "RUN",
	.doc = "The TLB levels and walk costs that a run's curves show: entries with their interval, beside what CPUID advertises, and what an access costs more that misses a level.\vdocs/METHOD.md says how they are inferred, and where that ends.",
};

/* Whether two elements are about the same curve: they agree in all keys that name it. */
static bool same_curve(const json_t *a, const json_t *b)
{
	static const char *const names[] = { "bench", "setting", "paging", "outer", "page_size_bytes", "backing",
		"stride_pages", "frames", "guest_levels" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const json_t *left = json_object_get(a, names[i]), *right = json_object_get(b, names[i]);

		if ((left || right) && !json_equal(left, right))
			return false;
	}
	return true;
}

static double number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

static bool holds_data(const json_t *tlb, unsigned level, double page_bytes)
{
	const char *kind = json_string_value(json_object_get(tlb, "kind"));
	size_t i;
	json_t *size;

	/* The chase loads data: what holds instructions or stores only has no part in it. */
	if (!kind || !strcmp(kind, "instruction") || !strcmp(kind, "store"))
		return false;
	if (number(tlb, "level") != level || !isfinite(number(tlb, "entries")))
		return false;
	json_array_foreach (json_object_get(tlb, "page_sizes_bytes"), i, size) {
		if (json_number_value(size) == page_bytes)
			return true;
	}
	return false;
}

static double advertised_entries(const json_t *about, unsigned level, double page_bytes)
{
	const json_t *tlbs = json_object_get(json_object_get(about, "machine"), "tlbs_advertised");
	double entries = NAN;
	size_t i;
	json_t *tlb;

	/* A list, or an object that has the list beside the reason why it is empty. */
	if (json_is_object(tlbs))
		tlbs = json_object_get(tlbs, "entries");
	json_array_foreach (tlbs, i, tlb) {
		if (holds_data(tlb, level, page_bytes))
			entries = (isfinite(entries) ? entries : 0) + number(tlb, "entries");
	}
	return entries;
}

static const char *text(const json_t *object, const char *key, const char *otherwise)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : otherwise;
}

/* "7.0 [6.9, 7.2]", "7.0" without an interval, "-" without a value. */
static const char *interval(const json_t *object, const char *key, int digits, char *out, size_t size)
{
	char name[64];
	double lo, hi, value = number(object, key);

	snprintf(name, sizeof(name), "%s_lo", key);
	lo = number(object, name);
	snprintf(name, sizeof(name), "%s_hi", key);
	hi = number(object, name);
	if (!isfinite(value))
		snprintf(out, size, "-");
	else if (!isfinite(lo) || !isfinite(hi))
		snprintf(out, size, "%.*f", digits, value);
	else
		snprintf(out, size, "%.*f [%.*f, %.*f]", digits, value, digits, lo, digits, hi);
	return out;
}

static void print_heading(const json_t *curve)
{
	double bytes = number(curve, "page_size_bytes"), stride = number(curve, "stride_pages");
	double levels = number(curve, "guest_levels");
	const char *backing = text(curve, "backing", NULL), *frames = text(curve, "frames", NULL);
	struct size_text size;

	printf("\n%s (%s paging), %s pages", text(curve, "setting", "?"), text(curve, "paging", "unknown"),
		bytes >= 1 ? size_format((uint64_t)bytes, &size) : "?");
	if (backing)
		printf(" on %s", backing);
	if (stride > 1)
		printf(", %.0f pages apart", stride);
	if (frames && strcmp(frames, "contiguous"))
		printf(", %s frames", frames);
	if (isfinite(levels) && levels > 4)
		printf(", %.0f-level tables", levels);
	printf("\n");
}

static void print_level(const json_t *level, const json_t *about, bool verbose)
{
	double told = advertised_entries(about, (unsigned)number(level, "level"), number(level, "page_size_bytes"));
	char entries[64], cycles[64], ns[64], advertised[32] = "-";
	const char *note = text(level, "note", NULL);

	if (isfinite(told))
		snprintf(advertised, sizeof(advertised), "%.0f", told);
	printf("  %-5.0f  %-20s  %-10s  %-20s  %-20s%s\n", number(level, "level"),
		interval(level, "entries", 0, entries, sizeof(entries)), advertised,
		interval(level, "added_cycles", 1, cycles, sizeof(cycles)),
		interval(level, "added_ns", 2, ns, sizeof(ns)),
		json_is_true(json_object_get(level, "confirmed")) ? "" : "  not confirmed");
	if (note)
		printf("         %s\n", note);
	if (verbose)
		printf("         misses as of law '%s', clean up to %.0f pages, saturated from %.0f; noise floor %.2f cycles\n",
			text(level, "law", "?"), number(level, "clean_pages"), number(level, "saturated_pages"),
			number(level, "noise_cycles"));
}

static void print_walk(const json_t *walk)
{
	char cycles[64], ns[64];

	printf("  walk: %s cycles, %s ns per access, read between %.0f and %.0f pages",
		interval(walk, "cycles", 1, cycles, sizeof(cycles)), interval(walk, "ns", 2, ns, sizeof(ns)),
		number(walk, "pages_from"), number(walk, "pages_to"));
	if (json_is_true(json_object_get(walk, "grows")))
		printf("; %.0f cycles at %.0f pages", number(walk, "last_cycles"), number(walk, "last_pages"));
	printf("\n");
}

/* Print everything about the curve that `curve`, an element of any list, is about. */
static void print_curve(const json_t *inferred, const json_t *curve, const json_t *about, bool verbose)
{
	const json_t *element;
	size_t i, rejected = 0;
	bool headed = false;

	print_heading(curve);
	json_array_foreach (json_object_get(inferred, "levels"), i, element) {
		if (!same_curve(element, curve))
			continue;
		if (!headed)
			printf("  %-5s  %-20s  %-10s  %-20s  %-20s\n", "level", "entries", "advertised", "added cycles",
				"added ns");
		headed = true;
		print_level(element, about, verbose);
	}
	json_array_foreach (json_object_get(inferred, "walks"), i, element)
		if (same_curve(element, curve))
			print_walk(element);
	json_array_foreach (json_object_get(inferred, "unresolved"), i, element)
		if (same_curve(element, curve))
			printf("  not resolved: %s\n", text(element, "reason", "?"));
	json_array_foreach (json_object_get(inferred, "rejected"), i, element) {
		if (!same_curve(element, curve))
			continue;
		rejected++;
		if (verbose)
			printf("  rejected, %.0f to %.0f pages: %s\n", number(element, "pages_from"),
				number(element, "pages_to"), text(element, "reason", "?"));
	}
	if (rejected && !verbose)
		printf("  %zu other step%s rejected: --verbose says why\n", rejected, rejected > 1 ? "s" : "");
	json_array_foreach (json_object_get(inferred, "noise"), i, element)
		if (verbose && same_curve(element, curve) && number(element, "comparisons") > 0)
			printf("  noise: equals differ by %.2f cycles, 95 %% of them by less than %.2f (%.0f comparisons)\n",
				number(element, "null_cycles"), number(element, "null_cycles_p95"),
				number(element, "comparisons"));
}

/* The reason why no point of a curve was measured; NULL where one was. */
static const char *not_measured(const json_t *inferred, const json_t *curve)
{
	static const char prefix[] = "not measured: ";
	const json_t *element;
	size_t i;

	json_array_foreach (json_object_get(inferred, "unresolved"), i, element) {
		const char *reason = text(element, "reason", "");

		if (same_curve(element, curve) && !strncmp(reason, prefix, sizeof(prefix) - 1))
			return reason + sizeof(prefix) - 1;
	}
	return NULL;
}

/*
 * Print the curves that were not measured, once for all settings and strides with the same page size, backing and
 * reason.
 */
static void print_not_measured(const json_t *inferred)
{
	const json_t *noise = json_object_get(inferred, "noise"), *curve;
	bool headed = false;
	size_t i;

	json_array_foreach (noise, i, curve) {
		const char *reason = not_measured(inferred, curve);
		struct size_text size;
		bool said = false;

		for (size_t k = 0; k < i && reason && !said; k++) {
			const json_t *other = json_array_get(noise, k);
			const char *same = not_measured(inferred, other);

			said = same && !strcmp(same, reason) &&
			       !strcmp(text(other, "backing", ""), text(curve, "backing", "")) &&
			       number(other, "page_size_bytes") == number(curve, "page_size_bytes");
		}
		if (!reason || said)
			continue;
		printf("%s  %s pages on %s: %s\n", headed ? "" : "\nNot measured:\n",
			size_format((uint64_t)number(curve, "page_size_bytes"), &size), text(curve, "backing", "?"),
			reason);
		headed = true;
	}
}

static void print_title(const json_t *about)
{
	const json_t *machine = json_object_get(about, "machine");

	printf("TLB levels inferred on %s, outer: %s\n",
		text(json_object_get(machine, "cpu"), "name", "an unknown CPU"),
		text(json_object_get(machine, "outer"), "name", "unknown"));
}

/* Every curve has its entry in "noise", in the order of tables. */
static void print_all(const json_t *inferred, const struct loaded_run *run, bool verbose)
{
	const json_t *curve;
	size_t i;

	print_title(run->about);
	if (run->truncated)
		printf("The last line of points.jsonl was cut off and is left out.\n");
	json_array_foreach (json_object_get(inferred, "noise"), i, curve)
		if (verbose || !not_measured(inferred, curve))
			print_curve(inferred, curve, run->about, verbose);
	if (!verbose)
		print_not_measured(inferred);
	if (!json_array_size(json_object_get(inferred, "noise")))
		printf("No curve: the run has no points with a number of pages.\n");
}

int cmd_tlb(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	struct loaded_run run;
	struct reason why;
	json_t *inferred;
	uint64_t seed;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (run_load(arguments.run, &run, &why))
		return cmd_fail(EXIT_FAILED, &why);
	seed = (uint64_t)json_integer_value(json_object_get(run.about, "seed"));
	inferred = levels_json_infer(run.points, seed);
	if (!inferred) {
		run_unload(&run);
		fail(&why, ENOMEM, "not enough memory to infer levels");
		return cmd_fail(EXIT_FAILED, &why);
	}
	if (arguments.json) {
		json_dumpf(inferred, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
		putchar('\n');
	} else {
		print_all(inferred, &run, arguments.verbose);
	}
	json_decref(inferred);
	run_unload(&run);
	return EXIT_DONE;
}
