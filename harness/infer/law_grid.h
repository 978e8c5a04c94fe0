/*
 * Least squares of a step against every law (miss_law.h), number of ways and capacity C on a grid. The lower plateau,
 * the step's height and the growth of the upper plateau an octave (walks get dearer) are free in each cell.
 */
#ifndef NESTWALK_INFER_LAW_GRID_H
#define NESTWALK_INFER_LAW_GRID_H

#include "infer/miss_law.h"
#include "infer/step_window.h"

#define C_STEPS 96 /* candidates for C, spaced evenly in ln C: 2 % apart where the bracket is widest */

/* A cell is a shape of the law table and a C: shape * C_STEPS + index of C. */
struct grid {
	size_t points, cells;
	double *ln_c; /* C_STEPS */
	double *root; /* square roots of the weights */
	double *flat; /* the constant's unit vector */
	double *basis; /* cells x 2 x points: the step; its growth by the octave */
	double *ln_cell; /* cells: the exact ln C; NaN where the law has no TLB of about that size */
	double of_law[LAWS]; /* cells of each law that are not NaN */
	double *x2; /* cells: the misfit of the last fit */
	double *posterior; /* C_STEPS: weights of the last fit, summed over laws */
};

/* 0; -ENOMEM, and grid_free() is due all the same. @bracket: what was read off the window. */
int grid_make(
	const struct window *window, const struct law_table *laws, const struct readings *bracket, struct grid *grid);
void grid_free(struct grid *grid);

/* Misfit of every cell to these costs, one a point of the window, into grid->x2. Returns the least; NaN: no memory. */
double grid_fit(struct grid *grid, const struct window *window, const double *low);

/*
 * Mean of ln C after a fit whose least misfit was `least`, by weight exp(-(X2 - least) / 2 c); fills grid->posterior,
 * which sums to 1. Laws weigh equally, in however many ways and sizes they come.
 */
double grid_average(struct grid *grid, const struct law_table *laws, double least);

#endif
