/* Random access over a working set, by page size and what is behind it: points of that kind and their combinations. */
#ifndef NESTWALK_REPORT_HUGE_H
#define NESTWALK_REPORT_HUGE_H

#include "report/figure.h"
#include "report/lanes.h"

#define COMBINATIONS_MAX 12 /* three page sizes on four kinds of memory */
#define SETS_MAX 40 /* working sets: powers of two from 4K to 1T are 29 */

bool point_is_of_huge(const json_t *point);
extern const char *const huge_axes[];

/* Pages of one size on memory of one kind. */
struct combination {
	double page_bytes, backing_bytes;
	const char *backing; /* as results call it; borrowed */
	char label[48]; /* "2M pages on 4K" */
};

/* Those in the points, ascending in page size and backing; *out has room for COMBINATIONS_MAX. */
size_t huge_combinations(const struct lanes *lanes, struct combination *out);

/* The ok point of a lane; NULL: none. */
const json_t *huge_point(const struct lane *lane, const struct combination *combination, double working_set_bytes);

/* Size of the pages of a kind of memory, from how it is called ("2M-thp"); NaN for another name. */
double huge_backing_bytes(const char *backing);

/* The point with pages and backing of the smallest size measured, against which speed-ups are told; NULL: none. */
const struct combination *huge_smallest(const struct combination *combination, size_t count);

#endif
