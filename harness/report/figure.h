/*
 * What a figure is: a gnuplot script, derived tables for it, and sentences that explain it.
 *
 * To add one: a script in plots/, a file here with its struct figure_family, and that family's name in the list of
 * report.c. What a family applies to is decided by what points have (params, metrics), never by a bench's name.
 */
#ifndef NESTWALK_REPORT_FIGURE_H
#define NESTWALK_REPORT_FIGURE_H

#include "base/reason.h"
#include "record/load.h"
#include "report/panels.h"

#include <jansson.h>
#include <stdio.h>

/* All of a figure's texts are owned by it. */
struct figure {
	const char *script; /* of plots/, without ".gp" */
	char *name; /* of NAME.svg and NAME.png, and of the tables that the script reads */
	char *heading; /* of its section in the report; Markdown */
	char *title; /* in the picture; plain text */
	char *alt; /* what a reader who cannot see it is told; plain text */
	char *text; /* its explanation; Markdown */
	char *missing; /* why it was not drawn; NULL: it was */
};

/* A report being made. */
struct report {
	const struct loaded_run *run;
	const char *directory;
	json_t *inferred; /* levels_json_infer()'s answer */
	struct panel_set curves;
	struct figure *figure;
	size_t figures;
	double ghz; /* core cycles per ns over the run; NaN where it is not known */
};

struct figure_family {
	/* Write the tables of each figure of the family that this run has data for, and add it to the report. */
	int (*prepare)(struct report *report, struct reason *why);
};

extern const struct figure_family overview_family, levels_family, reach_family, depth_family, walks_family, huge_family,
	huge_map_family, touch_family, faults_family, switches_family, tables_family, shootdowns_family,
	space_switches_family, table_costs_family, storm_costs_family, storm_rates_family, storm_latencies_family,
	malloc_family;
extern const struct figure_family comparison_family, crossover_family;
extern const struct figure_family walk_cycles_family;

/* A derived table DIRECTORY/NAME.tsv, to be written and then closed. NULL with *why. */
FILE *table_open(const struct report *report, const char *name, struct reason *why);
/* 0, or -errno with *why where not all of it could be written. */
int table_close(const struct report *report, const char *name, FILE *table, struct reason *why);

/* Add a figure and take over its texts, also where that fails for want of memory (-ENOMEM; a text may be NULL then). */
int figure_add(struct report *report, const struct figure *figure, struct reason *why);

/* What is known of a figure beforehand. Its script has its name, which therefore must outlive the report. */
struct figure_words {
	const char *name, *heading, *title, *alt;
};

/* figure_add() with words that are copied; takes over `text`, which may be NULL for want of memory. */
int figure_add_words(struct report *report, const struct figure_words *words, char *text, struct reason *why);

/* The first point of a curve that measured exactly so many pages; NULL: none did. */
const json_t *curve_point(const struct panel_curve *curve, double pages);

/* "AMD EPYC ...", or "unknown CPU". */
const char *report_cpu(const struct report *report);

/* Where the measured Linux ran, as said in every title: "on bare metal", "host is itself a KVM guest". The caller frees. */
char *report_where(const struct report *report);

/* Whether a curve may be drawn: its times are a processor's and not an emulator's, and there are some. */
bool curve_drawable(const struct panel_curve *curve);

/* Whether any curve of the panel may be. */
bool panel_drawable(const struct panel *panel);

#endif
