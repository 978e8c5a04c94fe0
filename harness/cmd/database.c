#include "cmd/database.h"

#include "infer/tables.h"
#include "measure/benches.h"
#include "measure/point.h"

#include <errno.h>
#include <stdlib.h>

/* What a bench's table has columns for, as lists of names. */
static int bench_describe(const struct bench *bench, struct database_bench *out)
{
	const struct metric *metrics = bench_metrics(bench);
	const char **parameters, **names;
	size_t count = 0;

	while (metrics[count].name)
		count++;
	parameters = calloc(bench->axis_count + 1, sizeof(*parameters));
	names = calloc(count + 1, sizeof(*names));
	*out = (struct database_bench){ bench->name, parameters, names };
	if (!parameters || !names)
		return -ENOMEM;
	for (size_t i = 0; i < bench->axis_count; i++)
		parameters[i] = bench->axes[i].key;
	for (size_t i = 0; i < count; i++)
		names[i] = metrics[i].name;
	return 0;
}

static int bench_tables_make(sqlite3 *db, struct reason *why)
{
	size_t count = benches_count();
	struct database_bench *known = calloc(count + 1, sizeof(*known));
	int rc = known ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && !rc; i++)
		rc = bench_describe(benches_at(i), &known[i]);
	if (rc)
		fail(why, ENOMEM, "out of memory");
	else
		rc = database_make_bench_tables(db, known, count, why);
	for (size_t i = 0; i < count && known; i++) {
		free((void *)known[i].parameters);
		free((void *)known[i].metrics);
	}
	free(known);
	return rc;
}

int cmd_database_open(
	const char *const *runs, size_t count, enum database_depth depth, sqlite3 **db, struct reason *why)
{
	int rc = database_open(db, why);

	if (!rc)
		rc = infer_tables_add(*db, why);
	for (size_t i = 0; i < count && !rc; i++)
		rc = database_load(*db, runs[i], depth, why);
	if (!rc)
		rc = bench_tables_make(*db, why);
	if (rc) {
		sqlite3_close(*db);
		*db = NULL;
	}
	return rc;
}
