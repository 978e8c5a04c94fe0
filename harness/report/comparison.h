/*
 * What settings and paging modes are compared by: a few quantities that stand for each bench, and for each of them a
 * point of every place (a setting and its paging) that was measured in the same way.
 *
 * Which points are meant is data: what their params and metrics have to be. An emulator's points and those of code that a
 * hypervisor interpreted never take part: all that is compared here are times.
 */
#ifndef NESTWALK_REPORT_COMPARISON_H
#define NESTWALK_REPORT_COMPARISON_H

#include "report/figure.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define PLACES_MAX 8 /* host, and vcpu and guest in each of nested, shadow and unknown paging, leave one more */
#define CONDITIONS_MAX 6

/* Where points were measured. Strings are borrowed from them. */
struct place {
	const char *setting, *paging; /* paging NULL: not known */
	char label[96]; /* "host", "guest, shadow paging" */
};

struct places {
	struct place place[PLACES_MAX]; /* by place_rank(): host first, then vcpu, then guest */
	size_t count;
};

/* All places that have an ok point of a processor; what is beyond PLACES_MAX is left out. */
void places_find(const struct report *report, struct places *out);

/* What a param has to be. The last three are about the TLB levels of a sweep of neighbouring pages, as inferred. */
enum condition_kind {
	CONDITION_NONE, /* ends a list */
	CONDITION_WORD,
	CONDITION_NUMBER,
	CONDITION_MOST, /* the greatest that as many places as possible have in common */
	CONDITION_FIRST_LEVEL, /* so few that the first level surely holds them */
	CONDITION_SECOND_LEVEL, /* more than the first level holds, so few that the second surely does */
	CONDITION_BEYOND, /* surely more than any level that was found holds */
};

struct condition {
	const char *key; /* in params */
	enum condition_kind kind;
	const char *word;
	double number;
};

/* A time that stands for something a program does. */
struct quantity {
	const char *group; /* under which heading it stands; the same pointer for all of a group */
	const char *what; /* "4K, first level: ", the value of param `told`, " pages" */
	const char *told, *after; /* NULL: `what` says all */
	const char *metric; /* in ns */
	const char *base_setting, *base_paging; /* what others are compared with; NULL: the host */
	struct condition where[CONDITIONS_MAX + 1];
};

/* A point for each place; NULL where it has none, or none that was measured like the base's. Borrowed from the run. */
struct chosen {
	const json_t *point[PLACES_MAX];
	size_t base; /* which of them the others are compared with */
	size_t others; /* how many have a point besides the base */
};

/*
 * Choose the base's point that meets the conditions and has its like in most other places; of several the one with the
 * greatest param that CONDITION_MOST or a level is about, then the first of the run. A point is another's like where bench, pass
 * and all params of the base's are the same; a guest's may have more (its own tables). False where the base or all
 * others have none.
 */
bool quantity_choose(
	const struct report *report, const struct places *places, const struct quantity *quantity, struct chosen *out);

/* "munmap of a page, 3 other CPUs": what the chosen point is of. Ends with a zero whatever the room. */
void quantity_label(const struct quantity *quantity, const struct chosen *chosen, char *label, size_t bytes);

/* What is compared, in the order of the picture; quantities of one group stand together. */
extern const struct quantity comparison_quantities[];
extern const size_t comparison_quantity_count;

#endif
