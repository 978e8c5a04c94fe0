/* From curves of cost against pages to TLB levels: entries, added cost, the walk beyond the last; with intervals. */
#ifndef NESTWALK_STEPS_H
#define NESTWALK_STEPS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Infer the levels of every curve among `points` (a JSON array of points as in docs/RESULTS.md; a curve is the points
 * of one bench and setting whose params differ in `pages` only). Whatever is not shaped as documented is left out.
 * Returns a new object (the caller owns it), the one `nestwalk tlb --json` prints; NULL only where memory is short:
 * {"levels":[...],"walks":[...],"rejected":[...],"unresolved":[...],"noise":[...]}. Every element names its curve by
 * bench, setting, paging, outer and the params but `pages`; curves are in the order of tables: host first, then by page
 * size, backing and stride. Unknown numbers are null. Beside that,
 *
 * levels: "level" from 1; "entries", "entries_lo", "entries_hi": how many pages it holds at that stride;
 *	"added_cycles", "added_ns" (and _lo, _hi): what an access that misses this level costs more than one that hits
 *	it, be it a hit in the next level or a walk; "law" (steps_law.h), "law_misfit"; "clean_pages", "half_pages",
 *	"saturated_pages": up to which, and from which, none, half, nearly all accesses miss; "noise_cycles": the floor
 *	that the step had to exceed; "confirmed": seen again in the refine pass (false: that pass did not cover it, and
 *	"unresolved" says so too; a step that pass contradicts is rejected); "note": what comparing strides tells.
 * walks: "cycles", "ns" (and _lo, _hi): net cost per access right beyond the last level, read from "pages_from" to
 *	"pages_to"; "grows": it was seen to grow further on; "last_pages", "last_cycles", "last_ns": at the sweep's end.
 *	Only where what follows the last level can be no hit in a further one.
 * rejected: "pages_from", "pages_to", "effect_cycles", "noise_cycles", "reason". unresolved: "reason".
 * noise: differences between equals (odd and even rounds of a point; its two passes): "null_cycles" their median,
 *	"null_cycles_p95", "comparisons". One element a curve.
 *
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
