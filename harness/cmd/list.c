/* nestwalk list: the benches, their parameters, and the settings they run in; or the counters. */
#include "cmd/list.h"
#include "cmd/cmd.h"
#include "machine/memory.h"
#include "measure/benches.h"
#include "measure/rounds.h"

#include <argp.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

struct wanted {
	bool json, counters, all;
};

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "print JSON", 0 },
	{ "counters", 'c', NULL, 0,
		"the hardware events instead: what each metric counts on this CPU, by which event, and whether it can be counted here",
		0 },
	{ "all", 'a', NULL, 0, "with --counters: every microarchitecture", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct wanted *wanted = state->input;

	(void)arg;
	switch (key) {
	case 'j':
		wanted->json = true;
		return 0;
	case 'c':
		wanted->counters = true;
		return 0;
	case 'a':
		wanted->all = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "list takes no arguments");
		return 0;
	case ARGP_KEY_END:
		if (wanted->all && !wanted->counters)
			argp_error(state, "--all goes with --counters");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "List the benches, what each answers, its parameters (for `nestwalk run --param NAME=VALUES`) with the values measured unless you choose, the settings it runs in, and the efforts; or the hardware events.",
};

/* One value as --param takes it. */
static const char *axis_number(const struct axis *axis, uint64_t value, struct size_text *text)
{
	if (axis->kind == AXIS_CHOICE)
		return axis->choices[value];
	if (axis->kind != AXIS_COUNT)
		return size_format(value, text);
	snprintf(text->text, sizeof(text->text), "%" PRIu64, value);
	return text->text;
}

/* The page size that a value stands for; 0: none. */
static uint64_t page_bytes_of(const struct axis *axis, uint64_t value)
{
	if (axis->choices == backing_names)
		return backing_page_bytes((enum backing)value);
	return axis->kind == AXIS_PAGE_SIZE ? value : 0;
}

/* The default values of an axis on a machine whose kernel offers huge pages of these sizes, as text. */
static const char *axis_values(const struct axis *axis, uint64_t mthp_bytes, char *text, size_t bytes)
{
	size_t used = 0;

	if (axis->ladder.per_octave) {
		struct size_text first, last;

		snprintf(text, bytes, "%s-%s, %u an octave", axis_number(axis, axis->ladder.first, &first),
			axis_number(axis, axis->ladder.last, &last), axis->ladder.per_octave);
		return text;
	}
	text[0] = '\0';
	/* Values that go on up to this machine's CPUs are shortened to the first ones, which show how they go on. */
	for (size_t i = 0; i < axis->count && used < bytes && (axis->limit == LIMIT_NONE || i < 3); i++) {
		struct size_text value;

		if (page_is_mthp(page_bytes_of(axis, axis->values[i])) &&
			!(page_bytes_of(axis, axis->values[i]) & mthp_bytes))
			continue;
		used += (size_t)snprintf(
			text + used, bytes - used, "%s%s", used ? "," : "", axis_number(axis, axis->values[i], &value));
	}
	if (axis->limit != LIMIT_NONE && used < bytes)
		snprintf(text + used, bytes - used, " .. %s", axis->limit == LIMIT_CPUS ? "all CPUs" : "all but one");
	return text;
}

#define VALUES_WIDTH 36 /* after a longer list of values the description gets a line of its own */

static void print_bench(const struct bench *bench, uint64_t mthp_bytes)
{
	char values[320];

	printf("%s: %s\n  settings:", bench->name, bench->question);
	for (unsigned s = 0; s < SETTING_SPACES; s++)
		if (bench->settings & SETTING_BIT(s))
			printf(" %s", setting_name((enum setting)s));
	printf("\n");
	for (size_t i = 0; i < bench->axis_count; i++) {
		axis_values(&bench->axes[i], mthp_bytes, values, sizeof(values));
		printf("  --param %-10s %-*s%s%s\n", bench->axes[i].name, VALUES_WIDTH, values,
			strlen(values) > VALUES_WIDTH ? "\n                     " : " ", bench->axes[i].help);
	}
}

/* The seconds that an effort takes where no bench is named. */
static double all_seconds(const struct effort *effort)
{
	double seconds = 0;

	for (size_t i = 0; i < benches_count(); i++)
		seconds += effort_seconds(effort, benches_at(i));
	return seconds;
}

static json_t *bench_json(const struct bench *bench, uint64_t mthp_bytes)
{
	json_t *axes = json_array(), *settings = json_array();
	char values[320];

	for (unsigned s = 0; s < SETTING_SPACES; s++)
		if (bench->settings & SETTING_BIT(s))
			json_array_append_new(settings, json_string(setting_name((enum setting)s)));
	for (size_t i = 0; i < bench->axis_count; i++)
		json_array_append_new(
			axes, json_pack("{s:s, s:s, s:s, s:s}", "name", bench->axes[i].name, "key", bench->axes[i].key,
				      "values", axis_values(&bench->axes[i], mthp_bytes, values, sizeof(values)),
				      "help", bench->axes[i].help));
	return json_pack("{s:s, s:s, s:o, s:o}", "name", bench->name, "question", bench->question, "settings", settings,
		"params", axes);
}

/* The page sizes between 4K and 2M that the kernel offers, or those that it does not. */
static void print_mthp(uint64_t mthp_bytes, const char *what)
{
	const char *before = what;

	for (uint64_t bytes = MTHP_LEAST_BYTES; bytes <= MTHP_MOST_BYTES; bytes *= 2) {
		struct size_text size;

		if (!(bytes & mthp_bytes))
			continue;
		printf("%s%s", before, size_format(bytes, &size));
		before = ", ";
	}
}

int cmd_list(int argc, char **argv)
{
	struct wanted wanted = { .json = false };
	struct machine_source source;
	uint64_t mthp_bytes;
	json_t *all;

	cmd_parse(&argp, argc, argv, &wanted);
	if (wanted.counters)
		return list_counters(wanted.json, wanted.all);
	machine_source_live(&source);
	mthp_bytes = mthp_offered(&source);
	machine_source_close(&source);
	if (wanted.json) {
		all = json_array();
		for (size_t i = 0; i < benches_count(); i++)
			json_array_append_new(all, bench_json(benches_at(i), mthp_bytes));
		json_dumpf(all, stdout, JSON_INDENT(2));
		printf("\n");
		json_decref(all);
		return EXIT_DONE;
	}
	for (size_t i = 0; i < benches_count(); i++)
		print_bench(benches_at(i), mthp_bytes);
	printf("\nefforts:\n");
	for (size_t i = 0; i < EFFORTS; i++)
		printf("  --effort %-9s at most %4.0f s  %s\n", efforts[i].name,
			effort_seconds_most(all_seconds(&efforts[i])), efforts[i].meaning);
	printf("\npage sizes of hosts between 4K and 2M (transparent huge pages),");
	print_mthp(mthp_bytes, " offered: ");
	print_mthp(~mthp_bytes, mthp_bytes ? "; not offered: " : " not offered: ");
	printf("\n  `nestwalk run --mthp SIZE,...` turns them on for a run\n");
	return EXIT_DONE;
}
