#include "infer/crossover.h"

#include "infer/crossover_model.h"
#include "record/database.h"
#include "record/sql_functions.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MISSES_LEAST 0x1p-4 /* a program that does nothing but touch new pages has about 1 */
#define MISSES_MOST 0x1p20 /* at 20 ns a miss, one that changes its page tables every 20 ms */
#define AN_OCTAVE 4 /* points of a line: enough for it to look smooth */
#define PANELS_APART 8 /* seeds of two panels; costs of different panels never meet */

static const char schema[] =
	"CREATE TABLE crossover_cost (run INTEGER, panel INTEGER, panel_label TEXT, change_words TEXT, setting TEXT,"
	" place TEXT, seed INTEGER, is_base INTEGER, change INTEGER, change_metric TEXT, miss INTEGER, miss_metric TEXT,"
	" pages INTEGER, PRIMARY KEY (run, panel, place)) WITHOUT ROWID;"
	"CREATE TABLE crossover (run INTEGER, panel INTEGER, place TEXT, misses REAL, slowdown REAL, slowdown_lo REAL,"
	" slowdown_hi REAL, PRIMARY KEY (run, panel, place, misses)) WITHOUT ROWID;"
	"CREATE TABLE crossover_equal (run INTEGER, panel INTEGER, misses REAL, misses_lo REAL, misses_hi REAL,"
	" better_below TEXT, always TEXT, PRIMARY KEY (run, panel)) WITHOUT ROWID;";

/*
 * The costs of each place. `cost` says what is taken for a change of the page tables, and for a miss: at the most pages
 * of those where walks are read, before data misses the caches, too. Each is read at the base whose like most places
 * have. A bare vCPU has a handler of a few instructions, which no host has: its modes are held against each other.
 */
static const char find_costs[] =
	"CREATE TEMP TABLE cost (panel, panel_label, change_words, setting, base_setting, base_paging, role, metric,"
	" conditions);"
	"INSERT INTO cost VALUES"
	" (0, 'page faults on recycled frames', 'a fault on a recycled frame', 'guest', 'host', NULL, 'change', 'fault_ns',"
	"  '{\"kind\": \"anon-write\", \"frames\": \"recycled\", \"actors\": 1}'),"
	" (1, 'page faults on fresh frames', 'a fault on a fresh frame', 'guest', 'host', NULL, 'change', 'fault_ns',"
	"  '{\"kind\": \"anon-write\", \"frames\": \"fresh\", \"actors\": 1}'),"
	" (2, 'bare vCPU: faults on warm memory', 'a fault on warm memory', 'vcpu', 'vcpu', 'nested', 'change', 'fault_ns',"
	"  '{\"kind\": \"guest-warm\", \"flush\": \"none\", \"order\": \"shuffled\"}');"
	"INSERT INTO cost SELECT panel, panel_label, change_words, setting, base_setting, base_paging, 'miss', 'net_ns',"
	" '{\"page_size_bytes\": 4096, \"stride_pages\": 1}' FROM cost;"
	"CREATE TEMP TABLE chosen AS WITH"
	" condition AS MATERIALIZED (SELECT panel, role, c.key, c.value, COUNT(*) OVER (PARTITION BY panel, role) AS number"
	"  FROM cost, json_each(conditions) c),"
	" wanted AS MATERIALIZED (SELECT panel, role, point FROM parameter p JOIN condition c ON c.key = p.name"
	"  AND c.value = p.value GROUP BY panel, role, point HAVING COUNT(*) = MAX(number)),"
	" candidate AS (SELECT w.*, p.run, CASE role WHEN 'change' THEN 0 ELSE (SELECT pages FROM curve_point"
	"  JOIN tlb_walk USING (curve)"
	"  WHERE curve_point.point = w.point AND pages BETWEEN pages_from AND pages_to) END AS good"
	"  FROM wanted w JOIN cost USING (panel, role) JOIN point p USING (point) WHERE p.setting = base_setting"
	"  AND (base_paging IS NULL OR p.paging = base_paging) AND p.pass IS NOT 'refine'),"
	" pair AS (SELECT c.run, c.panel, c.role, c.point AS base, c.good, o.point, p.place,"
	"  COUNT(*) OVER (PARTITION BY c.panel, c.role, c.point) AS places, MIN(a.point)"
	"  FROM candidate c JOIN cost q USING (panel, role) JOIN metric m ON m.point = c.point AND m.name = q.metric"
	"  AND m.median > 0 JOIN alike a ON a.base = c.point JOIN metric o ON o.point = a.point AND o.name = q.metric"
	"  AND o.median > 0 JOIN point p ON p.point = a.point WHERE c.good IS NOT NULL"
	"  GROUP BY c.panel, c.role, c.point, p.setting, p.paging),"
	" ranked AS (SELECT *, DENSE_RANK() OVER (PARTITION BY run, panel, role ORDER BY places DESC, good DESC, base) AS choice"
	"  FROM pair)"
	" SELECT run, panel, role, base, good, point, place FROM ranked WHERE choice = 1 UNION"
	" SELECT r.run, panel, role, base, good, base, p.place FROM ranked r JOIN point p ON p.point = base WHERE choice = 1;"
	/* Every place of the run has a number, by which the seeds of its resamples differ from those of others. */
	"INSERT INTO crossover_cost SELECT p.run, c.panel, panel_label, change_words, c.setting, p.place, p.number,"
	" COALESCE(f.point = f.base, m.point = m.base), f.point, c.metric, m.point, 'net_ns', bm.good"
	" FROM (SELECT run, setting, paging, place, ROW_NUMBER() OVER (PARTITION BY run ORDER BY place_rank, MIN(point)) - 1"
	"  AS number FROM point WHERE status = 'ok' AND setting IS NOT NULL AND NOT emulated AND NOT interpreted"
	"  GROUP BY run, setting, paging) p JOIN cost c ON c.role = 'change'"
	" LEFT JOIN chosen f ON f.run = p.run AND f.panel = c.panel AND f.role = 'change' AND f.place = p.place"
	" LEFT JOIN chosen m ON m.run = p.run AND m.panel = c.panel AND m.role = 'miss' AND m.place = p.place"
	" JOIN chosen bf ON bf.run = p.run AND bf.panel = c.panel AND bf.role = 'change' AND bf.point = bf.base"
	" JOIN chosen bm ON bm.run = p.run AND bm.panel = c.panel AND bm.role = 'miss' AND bm.point = bm.base"
	"  AND bm.place = bf.place"
	" WHERE f.point IS NOT NULL OR m.point IS NOT NULL OR p.setting = c.setting;"
	"DROP TABLE cost; DROP TABLE chosen;"
	/* A base that nothing is held against says nothing. */
	"DELETE FROM crossover_cost WHERE NOT EXISTS (SELECT 1 FROM crossover_cost o WHERE o.run = crossover_cost.run"
	" AND o.panel = crossover_cost.panel AND o.change IS NOT NULL AND o.miss IS NOT NULL AND NOT o.is_base);";

/* A place of one panel. */
struct crossover_place {
	char *name; /* owned */
	const char *mode; /* "nested", "shadow": of the setting whose modes are held against each other; else NULL */
	bool is_base;
	struct crossover_costs costs;
};

struct panel {
	sqlite3_int64 run, number;
	uint64_t seed;
	struct crossover_place *place; /* owned */
	size_t places;
};

static void panel_free(struct panel *panel)
{
	for (size_t i = 0; i < panel->places; i++) {
		free(panel->place[i].name);
		crossover_costs_free(&panel->place[i].costs);
	}
	free(panel->place);
}

static int cost_read(
	sqlite3 *db, sqlite3_stmt *place, int column, struct crossover_cost *cost, uint64_t seed, struct reason *why)
{
	sqlite3_stmt *samples = database_prepare(db,
		"SELECT median, value FROM metric m LEFT JOIN sample s USING (point, name) WHERE m.point = ?1 AND m.name = ?2"
		" ORDER BY number",
		why);
	struct sql_numbers numbers = { 0 };
	int rc = samples ? 1 : -EIO;

	if (samples) {
		sqlite3_bind_value(samples, 1, sqlite3_column_value(place, column));
		sqlite3_bind_value(samples, 2, sqlite3_column_value(place, column + 1));
	}
	while (rc > 0 && (rc = database_step(samples, why)) > 0) {
		double value = database_number(samples, 1);

		cost->ns = database_number(samples, 0);
		if (isfinite(value) && sql_numbers_add(&numbers, value))
			rc = -ENOMEM;
	}
	if (!rc)
		rc = crossover_cost_resample(cost, numbers.number, numbers.count, seed);
	if (rc == -ENOMEM)
		fail(why, ENOMEM, "out of memory");
	free(numbers.number);
	sqlite3_finalize(samples);
	return rc;
}

static int place_add(sqlite3 *db, sqlite3_stmt *row, struct panel *panel, struct reason *why)
{
	static const char *const modes[] = { "nested", "shadow" };
	struct crossover_place *grown = reallocarray(panel->place, panel->places + 1, sizeof(*grown)), *place;
	const char *mode = (const char *)sqlite3_column_text(row, 3);
	uint64_t seed = statistics_seed(
		panel->seed, (uint64_t)panel->number * PANELS_APART + (uint64_t)sqlite3_column_int64(row, 1));
	int rc;

	if (!grown)
		return fail(why, ENOMEM, "out of memory");
	panel->place = grown;
	place = &grown[panel->places++];
	*place = (struct crossover_place){
		.name = strdup((const char *)sqlite3_column_text(row, 0)),
		.is_base = sqlite3_column_int(row, 2),
		.costs = { .change.ns = NAN, .miss.ns = NAN },
	};
	if (!place->name)
		return fail(why, ENOMEM, "out of memory");
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (mode && !strcmp(mode, modes[i]))
			place->mode = modes[i];
	rc = cost_read(db, row, 4, &place->costs.change, statistics_seed(seed, 0), why);
	return rc ? rc : cost_read(db, row, 6, &place->costs.miss, statistics_seed(seed, 1), why);
}

static int panel_read(sqlite3 *db, struct panel *panel, struct reason *why)
{
	sqlite3_stmt *rows = database_prepare(db,
		"SELECT c.place, seed, is_base, CASE WHEN p.setting = c.setting THEN p.paging END, change, change_metric, miss,"
		" miss_metric FROM crossover_cost c JOIN point p ON p.point = c.change WHERE c.run = ?1 AND c.panel = ?2"
		" AND miss IS NOT NULL ORDER BY seed",
		why);
	int rc = rows ? 1 : -EIO;

	if (rows) {
		sqlite3_bind_int64(rows, 1, panel->run);
		sqlite3_bind_int64(rows, 2, panel->number);
	}
	while (rc > 0 && (rc = database_step(rows, why)) > 0) {
		int error = place_add(db, rows, panel, why);

		rc = error ? error : rc;
	}
	sqlite3_finalize(rows);
	return rc;
}

/* Bind a number, of which NaN becomes NULL. */
static void bind_known(sqlite3_stmt *statement, int at, double number)
{
	if (isnan(number))
		sqlite3_bind_null(statement, at);
	else
		sqlite3_bind_double(statement, at, number);
}

static int slowdown_store(sqlite3_stmt *insert, const struct crossover_place *place, const struct crossover_place *base,
	double misses, struct reason *why)
{
	struct interval slowdown = crossover_slowdown(&place->costs, &base->costs, misses);
	int rc;

	sqlite3_bind_text(insert, 3, place->name, -1, SQLITE_STATIC);
	sqlite3_bind_double(insert, 4, misses);
	bind_known(insert, 5, slowdown.median);
	bind_known(insert, 6, slowdown.lo);
	bind_known(insert, 7, slowdown.hi);
	rc = database_step(insert, why);
	sqlite3_reset(insert);
	return rc;
}

/* Changes alone, misses alone, and what a line is drawn through. */
static int lines_store(sqlite3 *db, const struct panel *panel, const struct crossover_place *base, struct reason *why)
{
	sqlite3_stmt *insert = database_prepare(db, "INSERT INTO crossover VALUES (?, ?, ?, ?, ?, ?, ?)", why);
	int steps = AN_OCTAVE * (int)log2(MISSES_MOST / MISSES_LEAST);
	int rc = insert ? 0 : -EIO;

	if (insert) {
		sqlite3_bind_int64(insert, 1, panel->run);
		sqlite3_bind_int64(insert, 2, panel->number);
	}
	for (size_t p = 0; p < panel->places && !rc; p++) {
		const struct crossover_place *place = &panel->place[p];

		if (place->is_base)
			continue;
		rc = slowdown_store(insert, place, base, 0, why);
		for (int i = 0; i <= steps && !rc; i++)
			rc = slowdown_store(insert, place, base, MISSES_LEAST * exp2((double)i / AN_OCTAVE), why);
		if (!rc)
			rc = slowdown_store(insert, place, base, INFINITY, why);
	}
	sqlite3_finalize(insert);
	return rc;
}

static int crossing_store(sqlite3 *db, const struct panel *panel, struct reason *why)
{
	const struct crossover_place *mode[2] = { NULL, NULL };
	struct crossing crossing;
	sqlite3_stmt *insert;
	int rc;

	for (size_t i = 0; i < panel->places; i++)
		if (panel->place[i].mode)
			mode[!strcmp(panel->place[i].mode, "shadow")] = &panel->place[i];
	if (!mode[0] || !mode[1])
		return 0;
	crossing = crossover_crossing(&mode[0]->costs, &mode[1]->costs);
	insert = database_prepare(db, "INSERT INTO crossover_equal VALUES (?, ?, ?, ?, ?, ?, ?)", why);
	if (!insert)
		return -EIO;
	sqlite3_bind_int64(insert, 1, panel->run);
	sqlite3_bind_int64(insert, 2, panel->number);
	bind_known(insert, 3, crossing.misses.median);
	bind_known(insert, 4, crossing.misses.lo);
	bind_known(insert, 5, crossing.misses.hi);
	sqlite3_bind_text(insert, 6, mode[crossing.better_below]->mode, -1, SQLITE_STATIC);
	if (crossing.always >= 0)
		sqlite3_bind_text(insert, 7, mode[crossing.always]->mode, -1, SQLITE_STATIC);
	rc = database_step(insert, why);
	sqlite3_finalize(insert);
	return rc;
}

static int panel_infer(sqlite3 *db, struct panel *panel, struct reason *why)
{
	const struct crossover_place *base = NULL;
	int rc = panel_read(db, panel, why);

	for (size_t i = 0; i < panel->places; i++)
		if (panel->place[i].is_base)
			base = &panel->place[i];
	if (!rc && base)
		rc = lines_store(db, panel, base, why);
	if (!rc && base)
		rc = crossing_store(db, panel, why);
	return rc;
}

int infer_crossover_add(sqlite3 *db, struct reason *why)
{
	return database_run(db, schema, why);
}

int infer_crossover_fill(sqlite3 *db, struct reason *why)
{
	sqlite3_stmt *panels;
	int rc = database_run(db, find_costs, why);

	if (rc)
		return rc;
	panels = database_prepare(db,
		"SELECT DISTINCT run, panel, r.seed FROM crossover_cost JOIN run r USING (run) ORDER BY run, panel",
		why);
	rc = panels ? 1 : -EIO;
	while (rc > 0 && (rc = database_step(panels, why)) > 0) {
		struct panel panel = {
			.run = sqlite3_column_int64(panels, 0),
			.number = sqlite3_column_int64(panels, 1),
			.seed = (uint64_t)sqlite3_column_int64(panels, 2),
		};
		int error = panel_infer(db, &panel, why);

		panel_free(&panel);
		rc = error ? error : rc;
	}
	sqlite3_finalize(panels);
	return rc;
}
