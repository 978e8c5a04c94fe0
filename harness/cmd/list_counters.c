/* nestwalk list --counters: what hardware can count here, by which event, and why not. */
#include "cmd/list.h"

#include "base/member.h"
#include "cmd/cmd.h"
#include "cmd/print.h"
#include "counters/counters.h"
#include "counters/encode.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	enum count_flag flag;
	const char *name, *text;
} flags[] = {
	{ COUNT_GENERIC, "generic", "generic: the kernel chooses the event" },
	{ COUNT_STORES_TOO, "stores-too", "loads and stores are counted together" },
	{ COUNT_ADDS_EPT, "adds-ept", "the second dimension is added" },
	{ COUNT_DIFFERENCE, "difference", "a difference of counts" },
	{ COUNT_ERRATUM, "erratum", "the vendor lists a defect" },
};

#define FLAGS (sizeof(flags) / sizeof(flags[0]))

/* A metric of a microarchitecture as JSON. @here: it is this CPU's, so that it is tried. */
static json_t *metric_json(const struct microarch *microarch, enum count_metric metric, bool here)
{
	const struct count_meaning *meaning = &count_meanings[metric];
	const struct count_row *row = &microarch->rows[metric];
	json_t *events = json_array(), *marks = json_array();
	struct reason why = { "" };
	size_t resolves = 0, terms = count_terms(row);
	int error = 0;
	json_t *object;

	for (size_t i = 0; i < FLAGS; i++)
		if (row->flags & flags[i].flag)
			json_array_append_new(marks, json_string(flags[i].name));
	for (size_t i = 0; i < terms; i++) {
		struct perf_event_attr attr;
		bool encodes = !encode_event(microarch, row->term[i].event, &attr, &why);

		json_array_append_new(events,
			json_pack("{s:s, s:i, s:o, s:o}", "event", row->term[i].event, "sign", row->term[i].sign,
				"type", encodes ? json_integer(attr.type) : json_null(), "config",
				encodes ? json_sprintf("0x%llx", (unsigned long long)attr.config) : json_null()));
		resolves += encodes;
	}
	object = json_pack("{s:s, s:s, s:s?, s:o, s:o, s:s?, s:{s:f, s:f}, s:b}", "name", meaning->name, "meaning",
		meaning->meaning, "counts", row->counts, "events", events, "flags", marks, "nearest", row->proxy,
		"bounds_per_access", "least", meaning->bounds.least, "most", meaning->bounds.most, "resolves",
		terms && resolves == terms);
	if (!terms)
		fail(&why, 0, "%s", row->why_not);
	else if (here)
		error = counting_try(microarch, metric, &resolves, &why);
	json_object_set_new(
		object, "counts_here", here || !terms ? json_boolean(here && terms && !error) : json_null());
	if (!terms || error || resolves < terms)
		json_object_set_new(object, "reason", json_string(why.text));
	return object;
}

static json_t *microarch_json(const struct microarch *microarch, bool here)
{
	json_t *metrics = json_array();

	for (unsigned m = 0; m < COUNT_METRICS; m++)
		json_array_append_new(metrics, metric_json(microarch, (enum count_metric)m, here));
	return json_pack("{s:s, s:s, s:s, s:b, s:b, s:o}", "pmu", microarch->pmu, "name", microarch->name, "manual",
		microarch->manual, "here", here, "generic", microarch->fallback != FALLBACK_NO, "metrics", metrics);
}

static const char *text_or_empty(const json_t *object, const char *key)
{
	const char *text = member_text(object, key);

	return text ? text : "";
}

/* "A + B - C" */
static void print_events(const json_t *events)
{
	char line[512];
	size_t at = 0, i;
	json_t *event;

	json_array_foreach (events, i, event) {
		bool minus = json_integer_value(json_object_get(event, "sign")) < 0;

		at += (size_t)snprintf(line + at, sizeof(line) - at, "%s%s", i ? minus ? " - " : " + " : "",
			text_or_empty(event, "event"));
		if (at >= sizeof(line))
			break;
	}
	if (i)
		print_row("event", "%s", line);
}

static void print_flags(const json_t *marks)
{
	size_t i;
	json_t *mark;

	json_array_foreach (marks, i, mark) {
		for (size_t f = 0; f < FLAGS; f++)
			if (!strcmp(flags[f].name, json_string_value(mark)))
				print_row("note", "%s", flags[f].text);
	}
}

static void print_metric(const json_t *metric)
{
	const json_t *counts_here = json_object_get(metric, "counts_here");
	const char *reason = text_or_empty(metric, "reason");

	printf("\n%s: %s\n", text_or_empty(metric, "name"), text_or_empty(metric, "meaning"));
	if (!json_array_size(json_object_get(metric, "events"))) {
		print_row("no event", "%s", reason);
		if (*text_or_empty(metric, "nearest"))
			print_row("nearest (not this)", "%s", text_or_empty(metric, "nearest"));
		return;
	}
	print_row("counts", "%s", text_or_empty(metric, "counts"));
	print_events(json_object_get(metric, "events"));
	print_flags(json_object_get(metric, "flags"));
	if (!json_is_true(json_object_get(metric, "resolves")))
		print_row("here", "not resolved: %s", reason);
	else if (json_is_boolean(counts_here))
		print_row("here", "%s%s", json_is_true(counts_here) ? "can be counted" : "no: ", reason);
}

static void print_microarch(const json_t *microarch)
{
	size_t i;
	json_t *metric;

	printf("%s%s (libpfm4: %s)\n", json_is_true(json_object_get(microarch, "here")) ? "This CPU: " : "",
		text_or_empty(microarch, "name"), text_or_empty(microarch, "pmu"));
	print_row("meanings from", "%s", text_or_empty(microarch, "manual"));
	json_array_foreach (json_object_get(microarch, "metrics"), i, metric) {
		print_metric(metric);
	}
}

static json_t *all_json(const struct microarch *here)
{
	json_t *list = json_array();
	const struct microarch *one;

	for (size_t i = 0; (one = catalogue_at(i)); i++)
		json_array_append_new(list, microarch_json(one, one == here));
	return list;
}

int list_counters(bool json, bool all)
{
	const struct microarch *here;
	struct reason why;
	json_t *list, *microarch;
	size_t i;

	/*
	 * libpfm4 reads this variable when it starts, and then also encodes events of other CPUs. A value that is
	 * already set stays.
	 */
	if (all)
		setenv("LIBPFM_ENCODE_INACTIVE", "1", 1);
	if (encode_detect(&here, &why))
		return cmd_fail(EXIT_FAILED, &why);
	list = all ? all_json(here) : microarch_json(here, true);
	if (json) {
		json_dumpf(list, stdout, JSON_INDENT(2));
		printf("\n");
	} else if (all) {
		json_array_foreach (list, i, microarch) {
			printf("%s", i ? "\n\n" : "");
			print_microarch(microarch);
		}
	} else {
		print_microarch(list);
	}
	json_decref(list);
	return EXIT_DONE;
}
