/* What `nestwalk list` has besides benches. */
#ifndef NESTWALK_LIST_H
#define NESTWALK_LIST_H

#include <stdbool.h>

/*
 * The catalogue of hardware events for this CPU, and what can be counted here; with `all`, of every microarchitecture.
 * Returns an enum exit_code.
 */
int list_counters(bool json, bool all);

#endif
