/* Levels inferred from points as JSON, and told as JSON: how tests of the inference read and write. */
#ifndef NESTWALK_INFER_LEVELS_JSON_H
#define NESTWALK_INFER_LEVELS_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Infer the levels of every curve among `points` (a JSON array of points as in docs/RESULTS.md; a curve is the points
 * of one bench and setting whose params differ in `pages` only). Whatever is not shaped as documented is left out.
 * Returns a new object (the caller owns it), the one `nestwalk tlb --json` prints; NULL only where memory is short:
 * {"levels":[...],"walks":[...],"rejected":[...],"unresolved":[...],"noise":[...]}. Every element names its curve by
 * bench, setting, paging, outer and the params but `pages`; curves are in the order of tables (curve_compare()). The
 * other members are those of the structs in levels.h, with _lo and _hi for the ends of intervals, and null for NaN.
 *
 * @seed: of the bootstrap; the same points and seed give the same answer.
 */
json_t *levels_json_infer(const json_t *points, uint64_t seed);

/* The same where the last level is known to hold so many pages; 0: not known. */
json_t *levels_json_infer_known(const json_t *points, uint64_t seed, double entries);

/* levels_refine() of every curve among `points`. Returns how many page counts were written; 0 where memory is short. */
size_t levels_json_refine(const json_t *points, uint64_t *pages, size_t most);

#endif
