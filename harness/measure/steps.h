/* From curves of cost against pages to TLB levels: entries, added cost, the walk beyond the last; with intervals. */
#ifndef NESTWALK_STEPS_H
#define NESTWALK_STEPS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Infer the levels of every curve among `points` (a JSON array of points as in docs/RESULTS.md; a curve is the points
 * of one bench and setting whose params differ in `pages` only).
 * Returns a new object (the caller owns it), the one `nestwalk tlb --json` prints:
 * {"levels":[...],"walks":[...],"rejected":[...],"unresolved":[...],"noise":[...]}; NULL only where memory is short.
 * @seed: of the bootstrap; the same points and seed give the same answer.
 */
json_t *steps_infer(const json_t *points, uint64_t seed);

/*
 * Where a second, independent pass should measure to pin the steps down: page counts, ascending, without duplicates,
 * that bisect each candidate step of any curve with the given bench and params (but `pages`), on the grid of whole
 * pages, with points on the plateaus on both sides for confirmation.
 * @pages: room for `most` numbers. Returns how many were written.
 */
size_t steps_refine(const json_t *points, uint64_t *pages, size_t most);

#endif
