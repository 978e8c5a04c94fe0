/* What many readings of a short time come to. No privilege. */
#ifndef NESTWALK_TIMING_H
#define NESTWALK_TIMING_H

#include <stddef.h>

/*
 * The mean of the middle half of them, which are put in order: as a median, it does not notice the quarter that was
 * disturbed most; and it is not bound to the steps in which a TSC moves (AMD's, at 100 MHz: 10 ns). NAN for none.
 */
double timing_middle(double *x, size_t count);

/* What worker_tsc() costs between two readings, in TSC cycles. */
double timing_clock_cost(void);

#endif
