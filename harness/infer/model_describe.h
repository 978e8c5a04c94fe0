/*
 * Descriptions of machines as words, in both directions:
 *
 *	TLBs            L1:72:full,L2:3072:12way:plru:bits0-6+9:+7cycles
 *	caches          L1:32K:8way:4cycles,L2:1M:8way:14cycles,L3:32M:16way:exclusive:50cycles
 *	held entries    PDE:512:full,PDPTE:64:4way:random
 *	nested TLB      64:full
 *
 * Levels are parted by commas, words by colons. After a level's name, size and ways any of these may follow, in any order:
 * lru (where nothing is said), plru, random; inclusive, exclusive; cycles; and which bits of the page's or the line's number
 * choose the set: bits0-7 (where nothing is said, as many low bits as there are sets), bits0-6+9, bits0-7^8-15 (each bit of
 * the first list together with one of the second, by exclusive or). Pure.
 */
#ifndef NESTWALK_INFER_MODEL_DESCRIBE_H
#define NESTWALK_INFER_MODEL_DESCRIBE_H

#include "base/reason.h"
#include "infer/model_machine.h"

#include <stddef.h>

/*
 * Read words into a machine. 0, or -EINVAL with *why, which names the word and what could stand there; the machine is then
 * not to be used.
 */
int model_describe_tlbs(const char *text, struct model_machine *machine, struct reason *why);
int model_describe_caches(const char *text, struct model_machine *machine, struct reason *why);
int model_describe_held(const char *text, struct model_walker *walker, struct reason *why);
int model_describe_nested_tlb(const char *text, struct model_machine *machine, struct reason *why);

/* Sets, from entries and ways, for a shape that has its ways. -EINVAL: the entries are no multiple of the ways. */
int model_describe_sets(struct model_shape *shape, uint64_t entries, struct reason *why);

/* Which bits choose the set, "0-6+9" or "0-7^8-15", for a shape that has its sets. */
int model_describe_index(struct model_shape *shape, const char *bits, struct reason *why);

/* The words of a machine's levels and shapes, as above; "" where it has none. Cut where there is no room. */
struct model_words {
	char text[400];
};
struct model_words model_words_tlbs(const struct model_machine *machine);
struct model_words model_words_caches(const struct model_machine *machine);
struct model_words model_words_held(const struct model_walker *walker);
struct model_words model_words_nested_tlb(const struct model_machine *machine);

#endif
