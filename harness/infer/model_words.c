/* From a machine to the words that describe it. */
#include "infer/model_describe.h"

#include "base/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void add(struct model_words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct model_words *words, const char *format, ...)
{
	size_t used = strlen(words->text);
	va_list args;

	va_start(args, format);
	vsnprintf(words->text + used, sizeof(words->text) - used, format, args);
	va_end(args);
}

/* The lowest or the highest bit of each mask, as a list: "0-6+9". */
static void bits_add(struct model_words *words, const struct model_index *index, bool highest)
{
	unsigned first = 0, last = 0;

	for (unsigned i = 0; i <= index->bits; i++) {
		unsigned bit = 0;

		if (i < index->bits)
			bit = (unsigned)(highest ? 63 - __builtin_clzll(index->mask[i])
						 : __builtin_ctzll(index->mask[i]));
		if (i && i < index->bits && bit == last + 1) {
			last = bit;
			continue;
		}
		if (i)
			add(words, last > first ? "%s%u-%u" : "%s%u",
				words->text[strlen(words->text) - 1] == 's' ||
						words->text[strlen(words->text) - 1] == '^'
					? ""
					: "+",
				first, last);
		first = last = bit;
	}
}

static void shape_add(struct model_words *words, const struct model_shape *shape)
{
	if (shape->sets == 1)
		add(words, ":full");
	else
		add(words, ":%" PRIu32 "way", shape->ways);
	add(words, ":%s", model_replacement_names[shape->replacement]);
	if (!shape->index.bits)
		return;
	add(words, ":bits");
	bits_add(words, &shape->index, false);
	if (__builtin_popcountll(shape->index.mask[0]) < 2)
		return;
	add(words, "^");
	bits_add(words, &shape->index, true);
}

static uint64_t entries_of(const struct model_shape *shape)
{
	return (uint64_t)shape->sets * shape->ways;
}

static void level_add(struct model_words *words, const struct model_level *level, const char *cycles_begin)
{
	shape_add(words, &level->shape);
	if (level->inclusion != MODEL_NEITHER)
		add(words, ":%s", model_inclusion_names[level->inclusion]);
	if (!isnan(level->cycles))
		add(words, ":%s%gcycles", cycles_begin, level->cycles);
}

struct model_words model_words_tlbs(const struct model_machine *machine)
{
	struct model_words words = { "" };

	for (unsigned i = 0; i < machine->tlbs; i++) {
		struct model_level level = machine->tlb[i];

		if (!i)
			level.cycles = NAN;
		add(&words, "%sL%u:%" PRIu64, i ? "," : "", i + 1, entries_of(&level.shape));
		level_add(&words, &level, "+");
	}
	return words;
}

struct model_words model_words_caches(const struct model_machine *machine)
{
	struct model_words words = { "" };
	struct size_text size;

	for (unsigned i = 0; i < machine->caches; i++) {
		const struct model_level *level = &machine->cache[i];

		add(&words, "%sL%u:%s", i ? "," : "", i + 1,
			size_format(entries_of(&level->shape) * LINE_BYTES, &size));
		level_add(&words, level, "");
	}
	return words;
}

struct model_words model_words_held(const struct model_walker *walker)
{
	struct model_words words = { "" };

	for (unsigned level = 2; level <= MODEL_TREE_LEVELS_MOST; level++) {
		if (!walker->held[level].ways)
			continue;
		add(&words, "%s%s:%" PRIu64, words.text[0] ? "," : "", model_entry_names[level],
			entries_of(&walker->held[level]));
		shape_add(&words, &walker->held[level]);
	}
	return words;
}

struct model_words model_words_nested_tlb(const struct model_machine *machine)
{
	struct model_words words = { "" };

	if (machine->nested_tlb.ways) {
		add(&words, "%" PRIu64, entries_of(&machine->nested_tlb));
		shape_add(&words, &machine->nested_tlb);
	}
	return words;
}
