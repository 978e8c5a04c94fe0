#include "made_up_run.h"

#include "infer/tables.h"
#include "record/database.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static FILE *file_open(char *path, size_t room, const char *directory, const char *name)
{
	FILE *out;

	snprintf(path, room, "%s/%s", directory, name);
	out = fopen(path, "w");
	assert_non_null(out);
	return out;
}

sqlite3 *made_up_inferred(const struct made_up_run *run)
{
	char directory[] = "/tmp/nestwalk-test-XXXXXX", about[64], points[64];
	struct reason why = { "" };
	FILE *out;
	sqlite3 *db;

	assert_non_null(mkdtemp(directory));
	out = file_open(about, sizeof(about), directory, "run.json");
	fputs(run->about, out);
	assert_int_equal(fclose(out), 0);
	out = file_open(points, sizeof(points), directory, "points.jsonl");
	run->points_write(out, run->context);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(database_open(&db, &why), 0);
	if (infer_tables_add(db, &why) || database_load(db, directory, DATABASE_SAMPLES, &why) ||
		database_make_bench_tables(db, NULL, 0, &why) || (run->more && database_run(db, run->more, &why)) ||
		database_fill_bench_tables(db, NULL, &why) || infer_tables_fill(db, &why))
		fail_msg("%s", why.text);
	assert_int_equal(unlink(about) | unlink(points) | rmdir(directory), 0);
	return db;
}

double number(sqlite3 *db, const char *sql)
{
	struct reason why = { "" };
	sqlite3_stmt *statement = database_prepare(db, sql, &why);
	double value;

	if (!statement)
		fail_msg("%s", why.text);
	value = database_step(statement, &why) > 0 ? database_number(statement, 0) : NAN;
	sqlite3_finalize(statement);
	return value;
}
