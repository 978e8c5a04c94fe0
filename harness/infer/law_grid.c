#include "infer/law_grid.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BEYOND 1.1 /* times the saturation: at C no law has saturated, but the saturation is read off noisy points */

static double dot(const double *a, const double *b, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/* Take the part along the unit vector `u` off `v`. */
static void orthogonal(double *v, const double *u, size_t n)
{
	double along = dot(v, u, n);

	for (size_t i = 0; i < n; i++)
		v[i] -= along * u[i];
}

/* A vector shorter than this part of what it was lay along the others: it explains nothing of its own. */
#define INDEPENDENT 1e-6

static void unit(double *v, size_t n, double scale)
{
	double length = sqrt(dot(v, v, n));

	for (size_t i = 0; i < n; i++)
		v[i] = length > INDEPENDENT * scale ? v[i] / length : 0;
}

void grid_free(struct grid *grid)
{
	free(grid->ln_c);
	free(grid->root);
	free(grid->flat);
	free(grid->basis);
	free(grid->ln_cell);
	free(grid->x2);
	free(grid->posterior);
}

/* The two unit vectors of one cell: a step by its law at its C, and the growth of that step by the octave above C. */
static void basis_make(struct grid *grid, const struct window *window, const struct law_table *laws, size_t cell)
{
	size_t n = grid->points;
	double *step = grid->basis + cell * 2 * n, *growth = step + n, scale = sqrt(dot(grid->root, grid->root, n));

	for (size_t i = 0; i < n; i++) {
		double above = log(window->at[i]->pages) - grid->ln_cell[cell];

		step[i] = grid->root[i] * law_miss(laws, cell / C_STEPS, above);
		growth[i] = step[i] * fmax(above, 0) / M_LN2;
	}
	orthogonal(step, grid->flat, n);
	unit(step, n, scale);
	orthogonal(growth, grid->flat, n);
	orthogonal(growth, step, n);
	unit(growth, n, scale);
}

int grid_make(
	const struct window *window, const struct law_table *laws, const struct readings *bracket, struct grid *grid)
{
	/*
	 * All clean pages fit, so C is no less; but what passes for clean may hide a few misses, of which random
	 * replacement has about 2 (N / C - 1) just above C. And at C no law has saturated.
	 */
	double least = log(bracket->clean / (1 + window->clean / 2)), most = log(bracket->saturated * BEYOND);
	size_t n = window->count;

	*grid = (struct grid){
		.points = n,
		.cells = LAW_SHAPES * C_STEPS,
		.ln_c = malloc(C_STEPS * sizeof(double)),
		.root = malloc(n * sizeof(double)),
		.flat = malloc(n * sizeof(double)),
		.basis = malloc(LAW_SHAPES * C_STEPS * 2 * n * sizeof(double)),
		.ln_cell = malloc(LAW_SHAPES * C_STEPS * sizeof(double)),
		.x2 = malloc(LAW_SHAPES * C_STEPS * sizeof(double)),
		.posterior = malloc(C_STEPS * sizeof(double)),
	};
	if (!grid->ln_c || !grid->root || !grid->flat || !grid->basis || !grid->ln_cell || !grid->x2 ||
		!grid->posterior)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		grid->root[i] = grid->flat[i] = sqrt(window->weight[i]);
	unit(grid->flat, n, sqrt(dot(grid->root, grid->root, n)));
	for (size_t c = 0; c < C_STEPS; c++)
		grid->ln_c[c] = least + (most - least) * (double)c / (C_STEPS - 1);
	for (size_t cell = 0; cell < grid->cells; cell++) {
		double ln_c = law_nearest(laws, cell / C_STEPS, grid->ln_c[cell % C_STEPS]);
		bool exists = fabs(ln_c - grid->ln_c[cell % C_STEPS]) <= 0.5 * (most - least) / (C_STEPS - 1);

		grid->ln_cell[cell] = exists ? ln_c : NAN;
		if (!exists)
			continue;
		grid->of_law[laws->shape[cell / C_STEPS].law]++;
		basis_make(grid, window, laws, cell);
	}
	return 0;
}

/* Cost only rises with pages: a step or growth downwards explains nothing. */
double grid_fit(struct grid *grid, const struct window *window, const double *low)
{
	double *y = malloc(grid->points * sizeof(*y)), rest, least = INFINITY;

	if (!y)
		return NAN;
	for (size_t i = 0; i < grid->points; i++)
		y[i] = grid->root[i] * (low[i] - window->lower);
	orthogonal(y, grid->flat, grid->points);
	rest = dot(y, y, grid->points);
	for (size_t cell = 0; cell < grid->cells; cell++) {
		const double *step = grid->basis + cell * 2 * grid->points;
		double rise, growth;

		grid->x2[cell] = INFINITY;
		if (isnan(grid->ln_cell[cell]))
			continue;
		rise = fmax(dot(y, step, grid->points), 0);
		growth = fmax(dot(y, step + grid->points, grid->points), 0);
		grid->x2[cell] = fmax(rest - rise * rise - growth * growth, 0);
		least = fmin(least, grid->x2[cell]);
	}
	free(y);
	return least;
}

double grid_average(struct grid *grid, const struct law_table *laws, double least)
{
	double freedom = (double)grid->points > 6 ? (double)grid->points - 5 : 1; /* three linear, C and the ways */
	double dispersion = fmax(1, least / freedom), sum = 0, mean = 0;

	memset(grid->posterior, 0, C_STEPS * sizeof(*grid->posterior));
	for (size_t cell = 0; cell < grid->cells; cell++) {
		double weight;

		if (isnan(grid->ln_cell[cell]))
			continue;
		weight = exp(-(grid->x2[cell] - least) / (2 * dispersion)) /
			 grid->of_law[laws->shape[cell / C_STEPS].law];

		grid->posterior[cell % C_STEPS] += weight;
		sum += weight;
	}
	for (size_t c = 0; c < C_STEPS; c++) {
		grid->posterior[c] /= sum;
		mean += grid->posterior[c] * grid->ln_c[c];
	}
	return mean;
}
