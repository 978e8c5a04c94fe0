/* The benches of this program: all files of benches/. */
#ifndef NESTWALK_BENCHES_H
#define NESTWALK_BENCHES_H

#include "bench.h"

/* Sorted by name; static storage. */
size_t benches_count(void);
const struct bench *benches_at(size_t index);

/* NULL: no bench has that name. */
const struct bench *benches_find(const char *name);

/* The linker names the ends of a section whose name is a C identifier (GNU ld manual, "Orphan Sections"). */
extern const struct bench *const __start_nestwalk_benches[], *const __stop_nestwalk_benches[];

#endif
