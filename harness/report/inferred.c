#include "report/inferred.h"

#include "report/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool same_value(const json_t *a, const json_t *b)
{
	/* 4096 and 4096.0 are the same size. */
	if (json_is_number(a) && json_is_number(b))
		return json_number_value(a) == json_number_value(b);
	return json_equal(a, b);
}

static bool same_word(const json_t *element, const char *key, const char *word)
{
	const char *text = string_at(element, key);

	return !text || !word || !strcmp(text, word);
}

/* A guest whose paging is not known is not one of those whose paging is. */
static bool same_paging(const json_t *element, const char *paging)
{
	const json_t *told = json_object_get(element, "paging");

	return !told || json_is_null(told) == !paging;
}

bool inferred_is_about(const json_t *element, const struct panel_curve *curve)
{
	const json_t *params = json_object_get(element, "params");
	const char *key;
	json_t *value;

	if (!same_word(element, "bench", curve->bench) || !same_word(element, "setting", curve->setting) ||
		!same_paging(element, curve->paging) || !same_word(element, "paging", curve->paging))
		return false;
	json_object_foreach (curve->params, key, value) {
		const json_t *told = json_object_get(element, key);

		if (!told)
			told = json_object_get(params, key);
		if (told && !json_is_null(told) && !same_value(told, value))
			return false;
	}
	return true;
}

/* KEY is a number with KEY_lo and KEY_hi beside it, or an object with median, lo and hi. */
static struct estimate estimate_at(const json_t *element, const char *key)
{
	const json_t *value = json_object_get(element, key);
	struct estimate out = { NAN, NAN, NAN };
	char beside[64];

	if (json_is_object(value))
		return (struct estimate){ number_at(value, "median"), number_at(value, "lo"), number_at(value, "hi") };
	out.value = number_at(element, key);
	snprintf(beside, sizeof(beside), "%s_lo", key);
	out.lo = number_at(element, beside);
	snprintf(beside, sizeof(beside), "%s_hi", key);
	out.hi = number_at(element, beside);
	return out;
}

size_t inferred_levels(const json_t *inferred, const struct panel_curve *curve, struct level *out, size_t most)
{
	size_t count = 0, i;
	json_t *element;

	json_array_foreach (json_object_get(inferred, "levels"), i, element) {
		struct level level = {
			.level = (unsigned)json_integer_value(json_object_get(element, "level")),
			.entries = estimate_at(element, "entries"),
			.added_cycles = estimate_at(element, "added_cycles"),
			.added_ns = estimate_at(element, "added_ns"),
			.note = string_at(element, "note"),
			.unconfirmed = json_is_false(json_object_get(element, "confirmed")),
		};
		size_t at = count;

		if (count == most || !inferred_is_about(element, curve) || !isfinite(level.entries.value))
			continue;
		for (; at && out[at - 1].level > level.level; at--)
			out[at] = out[at - 1];
		out[at] = level;
		count++;
	}
	return count;
}

bool inferred_walk(const json_t *inferred, const struct panel_curve *curve, struct walk *out)
{
	size_t i;
	json_t *element;

	json_array_foreach (json_object_get(inferred, "walks"), i, element) {
		*out = (struct walk){
			.cycles = estimate_at(element, "cycles"),
			.ns = estimate_at(element, "ns"),
			.pages_from = number_at(element, "pages_from"),
			.pages_to = number_at(element, "pages_to"),
			.grows = json_is_true(json_object_get(element, "grows")),
		};
		if (inferred_is_about(element, curve) && isfinite(out->cycles.value))
			return true;
	}
	return false;
}

double inferred_noise(const json_t *inferred, const struct panel_curve *curve)
{
	size_t i;
	json_t *element;

	json_array_foreach (json_object_get(inferred, "noise"), i, element) {
		if (inferred_is_about(element, curve))
			return number_at(element, "null_cycles_p95");
	}
	return NAN;
}

static bool holds(const json_t *tlb, unsigned level, double page_bytes)
{
	const char *kind = string_at(tlb, "kind");
	size_t i;
	json_t *size;

	/* The chase loads data: what holds instructions or stores only has no part in it. */
	if (!kind || !strcmp(kind, "instruction") || !strcmp(kind, "store"))
		return false;
	if (number_at(tlb, "level") != level || !isfinite(number_at(tlb, "entries")))
		return false;
	json_array_foreach (json_object_get(tlb, "page_sizes_bytes"), i, size) {
		if (json_number_value(size) == page_bytes)
			return true;
	}
	return false;
}

double advertised_entries(const json_t *about, unsigned level, double page_bytes)
{
	const json_t *tlbs = json_at(about, "machine.tlbs_advertised");
	double entries = NAN;
	size_t i;
	json_t *tlb;

	/* A list, or an object that has the list beside the reason why it is empty. */
	if (json_is_object(tlbs))
		tlbs = json_object_get(tlbs, "entries");
	json_array_foreach (tlbs, i, tlb) {
		if (holds(tlb, level, page_bytes))
			entries = (isfinite(entries) ? entries : 0) + number_at(tlb, "entries");
	}
	return entries;
}

unsigned advertised_levels(const json_t *about, double page_bytes)
{
	unsigned levels = 0;

	for (unsigned level = 1; level <= LEVELS_MAX; level++) {
		if (isfinite(advertised_entries(about, level, page_bytes)))
			levels = level;
	}
	return levels;
}
