/* The middle of many readings of a short time, and the cost of reading the clock. No privilege. */
#ifndef NESTWALK_TIMING_H
#define NESTWALK_TIMING_H

#include <stddef.h>

/*
 * The mean of the middle half of the values, which are sorted in place. Like a median, it ignores the quarter that was
 * disturbed most. Unlike a median, it is not bound to the steps of a TSC (10 ns on AMD CPUs whose TSC moves at 100
 * MHz). NAN for no values.
 */
double timing_middle(double *x, size_t count);

/* What worker_tsc() costs between two readings, in TSC cycles. */
double timing_clock_cost(void);

#endif
