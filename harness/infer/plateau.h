/*
 * Where the costs of walks are read: at the same numbers of pages in every setting, where the curves are flattest.
 *
 * A walk gets dearer the more pages there are, so that a cost read at 3 000 pages in one setting and at 5 000 in another
 * says more of the pages than of the settings.
 */
#ifndef NESTWALK_INFER_PLATEAU_H
#define NESTWALK_INFER_PLATEAU_H

#include "infer/levels.h"

/*
 * Read all walks again that were found on curves of one question (struct curve). They begin as add_walk() in levels.c
 * makes them, with pages_from beyond the curve's last level. The plateau is the flattest half octave, of the curves put
 * together, beyond the last level of all of them and before lines of data leave the caches; where the level's sets and ways are
 * known, it is the half octave that begins one and a half times as far. A walk for which there is no number of pages that
 * all its curves have costs NaN. Costs are not rounded. Deterministic in `seed`. 0, or -ENOMEM.
 */
int plateau_read(const struct curve *curves, uint64_t seed, struct inferred_levels *levels);

#endif
