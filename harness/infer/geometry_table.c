#include "infer/geometry_table.h"

#include "base/quiet.h"
#include "infer/geometry.h"
#include "record/database.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

static const char schema[] =
	"CREATE TABLE geometry (run INTEGER, setting TEXT, paging TEXT, place TEXT, place_rank INTEGER,"
	" page_size_bytes INTEGER, backing TEXT, others TEXT, level INTEGER, sets INTEGER, ways INTEGER, usable_ways INTEGER,"
	" full_pages INTEGER, entries INTEGER, entries_lo INTEGER, entries_hi INTEGER, index_function TEXT, replacement TEXT,"
	" reason TEXT, map INTEGER);"
	"CREATE TABLE geometry_capacity (map INTEGER, level INTEGER, stride_pages INTEGER, capacity_pages REAL,"
	" sets_reached INTEGER, PRIMARY KEY (map, level, stride_pages)) WITHOUT ROWID;"
	"CREATE TABLE geometry_point (point INTEGER PRIMARY KEY, map INTEGER, stride_pages INTEGER, target_cycles REAL);";

/* Points whose parameters are those of a placement, in one map for each place and kind of memory. */
static const char find_maps[] =
	"CREATE TEMP TABLE placed AS SELECT p.point, dense_rank() OVER (ORDER BY run, bench, place_rank, setting, paging, outer,"
	" page_size_bytes, backing, others) AS map, * FROM (SELECT p.*, lists, json_extract(params, '$.page_size_bytes')"
	" AS page_size_bytes, json_extract(params, '$.backing') AS backing,"
	" json_extract(params, '$.distance_bytes') / json_extract(params, '$.page_size_bytes') AS stride_pages,"
	" json_extract(params, '$.flip_pages') AS flip_pages, json_extract(params, '$.fillers') AS fillers,"
	" json_extract(params, '$.pages') AS pages,"
	" (SELECT group_concat(key || ' ' || atom, ', ') FROM (SELECT key, atom FROM json_each(params) WHERE key NOT IN ('pages',"
	" 'page_size_bytes', 'backing', 'distance_bytes', 'flip_pages', 'fillers') ORDER BY key)) AS others"
	" FROM point p JOIN part USING (point) WHERE p.status = 'ok' AND NOT emulated"
	" AND json_type(params, '$.page_size_bytes') = 'integer' AND json_type(params, '$.distance_bytes') = 'integer'"
	" AND json_type(params, '$.flip_pages') = 'integer' AND json_type(params, '$.fillers') = 'integer'"
	" AND json_type(params, '$.pages') = 'integer') p WHERE pages >= 1 AND pages < 1 << 40 AND fillers >= 0"
	" AND fillers < 1 << 16 AND page_size_bytes > 0 AND stride_pages > 0 AND stride_pages < 1 << 31"
	" AND stride_pages & (stride_pages - 1) = 0 AND flip_pages >= 0 AND flip_pages < stride_pages;";

/* The control's samples tell of the processor as all others do, but it is no place. */
static const char drop_control[] = "DELETE FROM geometry_point WHERE point IN (SELECT point FROM point WHERE control);"
				   "DELETE FROM geometry_capacity WHERE map NOT IN (SELECT map FROM geometry_point);"
				   "DELETE FROM geometry WHERE map NOT IN (SELECT map FROM geometry_point);"
				   "DROP TABLE placed;";

/* The maps of one run, and what they hold. */
struct maps {
	struct geometry_input *input;
	sqlite3_int64 *map;
	size_t count;
};

static void maps_free(struct maps *maps)
{
	for (size_t i = 0; i < maps->count; i++) {
		for (size_t k = 0; k < maps->input[i].points; k++) {
			free((double *)maps->input[i].point[k].gross);
			free((double *)maps->input[i].point[k].baseline);
		}
		free((struct geometry_point *)maps->input[i].point);
	}
	free(maps->input);
	free(maps->map);
}

/* Take the point of a row into the last map. */
static int point_take(struct maps *maps, sqlite3_stmt *row, struct reason *why)
{
	struct geometry_input *input = &maps->input[maps->count - 1];
	struct geometry_point *grown =
		reallocarray((struct geometry_point *)input->point, input->points + 1, sizeof(*grown));
	const char *text = (const char *)sqlite3_column_text(row, 6);
	json_t *lists = json_loads(text ? text : "{}", 0, NULL), *quiet = json_object_get(lists, "quiet");
	size_t gross, baseline;

	if (!grown) {
		json_decref(lists);
		return fail(why, ENOMEM, "out of memory");
	}
	input->point = grown;
	grown += input->points++;
	*grown = (struct geometry_point){
		.id = sqlite3_column_int64(row, 7),
		.placement = {
			.targets = (uint64_t)sqlite3_column_int64(row, 2),
			.stride_pages = (uint64_t)sqlite3_column_int64(row, 3),
			.flip_pages = (uint64_t)sqlite3_column_int64(row, 4),
			.fillers = (uint64_t)sqlite3_column_int64(row, 5),
		},
		.gross = quiet_samples(json_object_get(lists, "gross_cycles"), quiet, &gross),
		.baseline = quiet_samples(json_object_get(lists, "baseline_cycles"), quiet, &baseline),
	};
	json_decref(lists);
	if ((gross && !grown->gross) || (baseline && !grown->baseline))
		return fail(why, ENOMEM, "out of memory");
	grown->samples = gross == baseline ? gross : 0;
	return 0;
}

static int map_begin(struct maps *maps, sqlite3_stmt *row, struct reason *why)
{
	struct geometry_input *input = reallocarray(maps->input, maps->count + 1, sizeof(*input));
	sqlite3_int64 *map;

	if (!input)
		return fail(why, ENOMEM, "out of memory");
	maps->input = input;
	map = reallocarray(maps->map, maps->count + 1, sizeof(*map));
	if (!map)
		return fail(why, ENOMEM, "out of memory");
	maps->map = map;
	map[maps->count] = sqlite3_column_int64(row, 0);
	input[maps->count++] = (struct geometry_input){ .page_bytes = (uint64_t)sqlite3_column_int64(row, 1) };
	return 0;
}

static int maps_read(sqlite3 *db, sqlite3_int64 run, struct maps *maps, struct reason *why)
{
	sqlite3_stmt *rows = database_prepare(db,
		"SELECT map, page_size_bytes, pages, stride_pages, flip_pages, fillers, lists, point FROM placed WHERE run = ?1 ORDER BY map",
		why);
	int rc = rows ? 1 : -EIO;

	if (rows)
		sqlite3_bind_int64(rows, 1, run);
	while (rc > 0 && (rc = database_step(rows, why)) > 0) {
		int error = 0;

		if (!maps->count || maps->map[maps->count - 1] != sqlite3_column_int64(rows, 0))
			error = map_begin(maps, rows, why);
		if (!error)
			error = point_take(maps, rows, why);
		rc = error ? error : rc;
	}
	sqlite3_finalize(rows);
	return rc;
}

static void text_bind(sqlite3_stmt *statement, int at, const char *text)
{
	if (text && text[0])
		sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

static int row_store(
	sqlite3 *db, sqlite3_int64 map, unsigned level, const struct inferred_geometry *geometry, struct reason *why)
{
	const double number[] = { geometry->sets, geometry->ways, geometry->usable_ways, geometry->full_pages,
		geometry->entries, geometry->entries_lo, geometry->entries_hi };
	sqlite3_stmt *insert = database_prepare(db,
		"INSERT INTO geometry SELECT run, setting, paging, place, place_rank, page_size_bytes, backing, others, ?2,"
		" ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, map FROM placed WHERE map = ?1 LIMIT 1",
		why);
	int rc;

	if (!insert)
		return -EIO;
	sqlite3_bind_int64(insert, 1, map);
	sqlite3_bind_int(insert, 2, (int)level + 1);
	for (int i = 0; i < (int)(sizeof(number) / sizeof(number[0])); i++)
		database_bind_number(insert, 3 + i, number[i]);
	text_bind(insert, 10, geometry->index);
	text_bind(insert, 11, geometry->replacement);
	text_bind(insert, 12, geometry->reason);
	rc = database_step(insert, why);
	sqlite3_finalize(insert);
	return rc;
}

static int capacities_store(
	sqlite3 *db, sqlite3_int64 map, unsigned level, const struct inferred_geometry *geometry, struct reason *why)
{
	sqlite3_stmt *insert = database_prepare(db, "INSERT INTO geometry_capacity VALUES (?1, ?2, ?3, ?4, ?5)", why);
	int rc = insert ? 0 : -EIO;

	for (unsigned k = 0; k < GEOMETRY_STRIDES && !rc; k++) {
		if (!isfinite(geometry->capacity[k]))
			continue;
		sqlite3_reset(insert);
		sqlite3_bind_int64(insert, 1, map);
		sqlite3_bind_int(insert, 2, (int)level + 1);
		sqlite3_bind_int64(insert, 3, (sqlite3_int64)1 << k);
		database_bind_number(insert, 4, geometry->capacity[k]);
		database_bind_number(insert, 5, geometry->sets_reached[k]);
		rc = database_step(insert, why);
	}
	sqlite3_finalize(insert);
	return rc;
}

static int points_store(sqlite3 *db, sqlite3_int64 map, const struct geometry_input *input, struct reason *why)
{
	sqlite3_stmt *insert = database_prepare(db, "INSERT INTO geometry_point VALUES (?1, ?2, ?3, ?4)", why);
	double *cycles = calloc(input->points ? input->points : 1, sizeof(*cycles));
	int rc = !insert ? -EIO : cycles ? 0 : fail(why, ENOMEM, "out of memory");

	if (!rc)
		geometry_target_cycles(input, cycles);
	for (size_t i = 0; i < input->points && !rc; i++) {
		sqlite3_reset(insert);
		sqlite3_bind_int64(insert, 1, input->point[i].id);
		sqlite3_bind_int64(insert, 2, map);
		sqlite3_bind_int64(insert, 3, (sqlite3_int64)input->point[i].placement.stride_pages);
		database_bind_number(insert, 4, cycles[i]);
		rc = database_step(insert, why);
	}
	free(cycles);
	sqlite3_finalize(insert);
	return rc;
}

static int run_fill(sqlite3 *db, sqlite3_int64 run, struct reason *why)
{
	struct inferred_geometry(*out)[GEOMETRY_LEVELS] = NULL;
	struct maps maps = { 0 };
	int rc = maps_read(db, run, &maps, why);

	if (!rc && maps.count) {
		out = calloc(maps.count, sizeof(*out));
		if (!out || geometry_infer(maps.input, maps.count, out))
			rc = fail(why, ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < maps.count && !rc; i++) {
		rc = points_store(db, maps.map[i], &maps.input[i], why);
		for (unsigned level = 0; level < GEOMETRY_LEVELS && !rc; level++) {
			rc = row_store(db, maps.map[i], level, &out[i][level], why);
			if (!rc)
				rc = capacities_store(db, maps.map[i], level, &out[i][level], why);
		}
	}
	free(out);
	maps_free(&maps);
	return rc;
}

int infer_geometry_add(sqlite3 *db, struct reason *why)
{
	return database_run(db, schema, why);
}

int infer_geometry_fill(sqlite3 *db, struct reason *why)
{
	sqlite3_stmt *runs = NULL;
	int rc = database_run(db, find_maps, why);

	if (!rc) {
		runs = database_prepare(db, "SELECT DISTINCT run FROM placed ORDER BY run", why);
		rc = runs ? 1 : -EIO;
	}
	while (rc > 0 && (rc = database_step(runs, why)) > 0) {
		int error = run_fill(db, sqlite3_column_int64(runs, 0), why);

		rc = error ? error : rc;
	}
	sqlite3_finalize(runs);
	return rc ? rc : database_run(db, drop_control, why);
}
