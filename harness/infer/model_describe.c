#include "infer/model_describe.h"

#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LEVEL_CHARS 128u
#define WORDS_MOST 10u
#define CYCLES_MOST 100000.0 /* 30 us: more is a mistake in writing */

/* What the words after name, size and ways of a level may say. */
struct allowed {
	bool inclusion; /* relative to the levels before */
	bool cycles;
	const char *cycles_begin; /* "+" where they are those that a hit adds; else "" */
};

/* One level's text, cut at its colons. */
struct words {
	char text[LEVEL_CHARS];
	char *word[WORDS_MOST];
	unsigned count;
};

/* The next level of a list, from *at on, which then stands behind it. */
static int words_cut(const char **at, struct words *words, struct reason *why)
{
	size_t length = strcspn(*at, ",");
	char *rest = words->text, *word;

	if (!length || length >= sizeof(words->text))
		return fail(why, EINVAL,
			length ? "'%.40s...' is too long for a level" : "a level is missing before '%.40s'", *at);
	if ((*at)[length] == ',' && !(*at)[length + 1])
		return fail(why, EINVAL, "a level is missing behind '%.40s'", *at);
	memcpy(words->text, *at, length);
	words->text[length] = 0;
	*at += length + ((*at)[length] == ',');
	words->count = 0;
	while ((word = strsep(&rest, ":")) != NULL) {
		if (words->count == WORDS_MOST)
			return fail(why, EINVAL, "a level has at most %u words, parted by colons", WORDS_MOST);
		words->word[words->count++] = word;
	}
	return 0;
}

static int number_read(const char *text, uint64_t most, uint64_t *number)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	*number = strtoull(text, &end, 10);
	return errno || *end || *number > most ? -EINVAL : 0;
}

/* "full" or "12way", for so many entries. */
static int ways_read(const char *word, uint64_t entries, struct model_shape *shape, struct reason *why)
{
	char digits[16] = "";
	size_t length = strspn(word, "0123456789");
	uint64_t ways = entries;

	if (strcmp(word, "full")) {
		if (!length || length >= sizeof(digits) || strcmp(word + length, "way"))
			return fail(why, EINVAL, "'%s' says no ways: 'full', or a number as in '12way'", word);
		memcpy(digits, word, length);
		if (number_read(digits, MODEL_WAYS_MOST, &ways) || !ways)
			return fail(why, EINVAL, "'%s': there can be 1 to %" PRIu32 " ways", word, MODEL_WAYS_MOST);
	} else if (entries > MODEL_WAYS_MOST) {
		return fail(why, EINVAL, "'full' of %" PRIu64 " entries: up to %" PRIu32 " can be", entries,
			MODEL_WAYS_MOST);
	}
	shape->ways = (uint32_t)ways;
	return model_describe_sets(shape, entries, why);
}

int model_describe_sets(struct model_shape *shape, uint64_t entries, struct reason *why)
{
	if (!entries || entries % shape->ways)
		return fail(
			why, EINVAL, "%" PRIu64 " entries are no multiple of %" PRIu32 " ways", entries, shape->ways);
	if (entries > MODEL_ENTRIES_MOST)
		return fail(why, EINVAL, "%" PRIu64 " entries are more than %" PRIu32 ", the most that are simulated",
			entries, MODEL_ENTRIES_MOST);
	shape->sets = (uint32_t)(entries / shape->ways);
	return 0;
}

/* A list of bits, "0-6+9", from *at on, added to masks from 0 on. Returns how many; 0: it is none. */
static unsigned bits_read(const char **at, uint64_t mask[MODEL_INDEX_BITS])
{
	unsigned count = 0;

	for (;;) {
		char *end;
		unsigned long first, last;

		if (!isdigit((unsigned char)**at))
			return 0;
		first = last = strtoul(*at, &end, 10);
		if (*end == '-' && isdigit((unsigned char)end[1]))
			last = strtoul(end + 1, &end, 10);
		if (last > 63 || first > last || count + (last - first) >= MODEL_INDEX_BITS)
			return 0;
		for (; first <= last; first++)
			mask[count++] |= UINT64_C(1) << first;
		*at = end;
		if (**at != '+')
			return count;
		(*at)++;
	}
}

int model_describe_index(struct model_shape *shape, const char *bits, struct reason *why)
{
	const char *at = bits;
	unsigned count, folded;

	shape->index = (struct model_index){ 0 };
	count = folded = bits_read(&at, shape->index.mask);
	if (count && *at == '^') {
		at++;
		folded = bits_read(&at, shape->index.mask);
	}
	if (!count || *at || folded != count)
		return fail(why, EINVAL,
			"'%s' says no bits of an index: a list as in 0-6+9, or two as long as each other as in 0-7^8-15",
			bits);
	if (shape->sets != UINT32_C(1) << count)
		return fail(why, EINVAL, "'%s' are %u bits, which choose one of %" PRIu32 " sets; there are %" PRIu32,
			bits, count, UINT32_C(1) << count, shape->sets);
	shape->index.bits = count;
	return 0;
}

/* "14cycles" or "+7cycles", as `begin` says. true: it was that. */
static bool cycles_read(const char *word, const char *begin, double *cycles)
{
	size_t length = strlen(begin);
	char *end;
	double value;

	if (strncmp(word, begin, length) || !isdigit((unsigned char)word[length]))
		return false;
	value = strtod(word + length, &end);
	if (strcmp(end, "cycles") || !(value <= CYCLES_MOST))
		return false;
	*cycles = value;
	return true;
}

static int option_read(const char *word, const struct allowed *allowed, struct model_level *level, struct reason *why)
{
	for (unsigned i = 0; i < MODEL_REPLACEMENTS; i++)
		if (!strcmp(word, model_replacement_names[i])) {
			level->shape.replacement = (enum model_replacement)i;
			return 0;
		}
	for (unsigned i = MODEL_INCLUSIVE; allowed->inclusion && i < MODEL_INCLUSIONS; i++)
		if (!strcmp(word, model_inclusion_names[i])) {
			level->inclusion = (enum model_inclusion)i;
			return 0;
		}
	if (allowed->cycles && cycles_read(word, allowed->cycles_begin, &level->cycles))
		return 0;
	if (!strncmp(word, "bits", 4))
		return model_describe_index(&level->shape, word + 4, why);
	return fail(why, EINVAL, "'%s' is not known here: lru, plru, random, bits0-7%s%s%s%s", word,
		allowed->inclusion ? ", inclusive, exclusive" : "", allowed->cycles ? ", or cycles as in " : "",
		allowed->cycles ? allowed->cycles_begin : "", allowed->cycles ? "7cycles" : "");
}

/* Ways and options, from word `first` on. */
static int level_read(const struct words *words, unsigned first, uint64_t entries, const struct allowed *allowed,
	struct model_level *level, struct reason *why)
{
	int error;

	*level = (struct model_level){ .cycles = NAN };
	if (words->count <= first)
		return fail(why, EINVAL, "'%s': ways are missing behind it: 'full', or a number as in '12way'",
			words->word[words->count - 1]);
	error = ways_read(words->word[first], entries, &level->shape, why);
	for (unsigned i = first + 1; !error && i < words->count; i++)
		error = option_read(words->word[i], allowed, level, why);
	return error;
}

/* "L1" for the first level, and so on. */
static int name_check(const struct words *words, unsigned number, struct reason *why)
{
	const char *name = words->word[0];

	if (number >= MODEL_LEVELS)
		return fail(why, EINVAL, "there can be up to %u levels", MODEL_LEVELS);
	if (name[0] != 'L' || name[1] != (char)('1' + number) || name[2])
		return fail(
			why, EINVAL, "'%s' stands where L%u is due: levels are named in their order", name, number + 1);
	return words->count > 1 ? 0 : fail(why, EINVAL, "'%s': its size is missing behind it", name);
}

int model_describe_tlbs(const char *text, struct model_machine *machine, struct reason *why)
{
	int error = 0;

	for (machine->tlbs = 0; !error && (*text || !machine->tlbs);) {
		struct model_level *level = &machine->tlb[machine->tlbs % MODEL_LEVELS];
		struct words words;
		uint64_t entries;

		error = words_cut(&text, &words, why);
		if (!error)
			error = name_check(&words, machine->tlbs, why);
		if (!error && (number_read(words.word[1], MODEL_ENTRIES_MOST, &entries) || !entries))
			error = fail(why, EINVAL, "'%s' is no number of entries", words.word[1]);
		if (!error)
			error = level_read(&words, 2, entries,
				&(struct allowed){ machine->tlbs > 0, machine->tlbs > 0, "+" }, level, why);
		machine->tlbs += !error;
	}
	return error;
}

int model_describe_caches(const char *text, struct model_machine *machine, struct reason *why)
{
	int error = 0;

	for (machine->caches = 0; !error && (*text || !machine->caches);) {
		struct model_level *level = &machine->cache[machine->caches % MODEL_LEVELS];
		struct words words;
		uint64_t bytes;

		error = words_cut(&text, &words, why);
		if (!error)
			error = name_check(&words, machine->caches, why);
		if (!error && (size_parse(words.word[1], &bytes) || !bytes || bytes % LINE_BYTES))
			error = fail(why, EINVAL,
				"'%s' is no size of a cache of lines of %" PRIu64 " bytes, as 32K and 1M are",
				words.word[1], LINE_BYTES);
		if (!error)
			error = level_read(&words, 2, bytes / LINE_BYTES,
				&(struct allowed){ machine->caches > 0, true, "" }, level, why);
		machine->caches += !error;
	}
	return error;
}

static unsigned entry_level(const char *name)
{
	for (unsigned level = 2; level <= MODEL_TREE_LEVELS_MOST; level++)
		if (!strcmp(name, model_entry_names[level]))
			return level;
	return 0;
}

int model_describe_held(const char *text, struct model_walker *walker, struct reason *why)
{
	int error = 0;

	memset(walker->held, 0, sizeof(walker->held));
	do {
		struct model_level level;
		struct words words;
		unsigned number;
		uint64_t entries;

		error = words_cut(&text, &words, why);
		if (error)
			break;
		number = entry_level(words.word[0]);
		if (!number || walker->held[number].ways)
			return fail(why, EINVAL, "'%s' %s: PDE, PDPTE, PML4E, PML5E", words.word[0],
				number ? "is there already" : "is no entry that is held");
		if (words.count < 2 || number_read(words.word[1], MODEL_ENTRIES_MOST, &entries) || !entries)
			return fail(why, EINVAL, "'%s': its number of entries must follow", words.word[0]);
		error = level_read(&words, 2, entries, &(struct allowed){ false, false, "" }, &level, why);
		walker->held[number] = level.shape;
	} while (!error && *text);
	return error;
}

int model_describe_nested_tlb(const char *text, struct model_machine *machine, struct reason *why)
{
	struct model_level level = { .cycles = NAN };
	struct words words;
	uint64_t entries;
	int error = words_cut(&text, &words, why);

	if (!error && *text)
		error = fail(why, EINVAL, "there is one nested TLB: '%s' is too much", text);
	if (!error && (number_read(words.word[0], MODEL_ENTRIES_MOST, &entries) || !entries))
		error = fail(why, EINVAL, "'%s' is no number of entries", words.word[0]);
	if (!error)
		error = level_read(&words, 1, entries, &(struct allowed){ false, false, "" }, &level, why);
	if (!error)
		machine->nested_tlb = level.shape;
	return error;
}
