#include "infer/alike.h"

#include "record/database.h"

static const char schema[] =
	"CREATE TABLE alike (base INTEGER, point INTEGER, PRIMARY KEY (base, point)) WITHOUT ROWID;"
	"CREATE TABLE alike_runs (base INTEGER, point INTEGER, PRIMARY KEY (base, point)) WITHOUT ROWID;"
	"CREATE TABLE tlb_clear (run INTEGER, page_size_bytes INTEGER, stride_pages INTEGER, first_to REAL,"
	" second_from REAL, second_to REAL, beyond_from REAL, PRIMARY KEY (run, page_size_bytes, stride_pages))"
	" WITHOUT ROWID;"
	"CREATE TABLE control_pair (base INTEGER, point INTEGER, PRIMARY KEY (base, point)) WITHOUT ROWID;";

/*
 * A point is another's like where it has all parameters of the other; a guest may have more, such as those of its own
 * page tables. To compare every point with every other would take too long: points of a bench have few different sets of
 * parameters, so each point is looked up by its values of each set. An emulator's times, and those of code that a
 * hypervisor interpreted, compare with nothing. The control is like the host and nothing else, in a table of its own. Of
 * several runs, points of the first are the bases of those that were measured in the same setting and paging mode in others.
 */
static const char find_alike[] =
	"CREATE TEMP TABLE measured AS SELECT point, run, bench, pass, setting, paging, control,"
	" (SELECT group_concat(name) FROM parameter q WHERE q.point = p.point) AS names FROM point p"
	" WHERE status = 'ok' AND setting IS NOT NULL AND NOT emulated AND NOT interpreted;"
	"CREATE TEMP TABLE shape AS SELECT bench, names, (SELECT COUNT(*) FROM parameter q WHERE q.point = m.first) AS size,"
	" first FROM (SELECT bench, names, MIN(point) AS first FROM measured GROUP BY bench, names) m;"
	/* Which sets of parameters hold which others: the second is that of `shape`. */
	"CREATE TEMP TABLE shape_name (shape INTEGER, name TEXT, PRIMARY KEY (shape, name)) WITHOUT ROWID;"
	"INSERT OR IGNORE INTO shape_name SELECT first, name FROM shape s CROSS JOIN parameter q ON q.point = s.first;"
	"CREATE TEMP TABLE cover AS SELECT o.bench, o.names, s.first AS shape, o.names IS s.names AS own FROM shape o"
	" JOIN shape s ON s.bench IS o.bench AND s.size = (SELECT COUNT(*) FROM shape_name n JOIN shape_name v"
	" ON v.shape = o.first AND v.name = n.name WHERE n.shape = s.first);"
	"CREATE TEMP TABLE shape_key AS SELECT m.point, m.run, m.pass, m.setting, m.paging, m.control, c.shape, c.own,"
	" (SELECT group_concat(quote(atom)) FROM (SELECT key, atom FROM json_each(params)"
	" WHERE EXISTS (SELECT 1 FROM shape_name n WHERE n.shape = c.shape AND n.name = key) ORDER BY key)) AS key"
	" FROM measured m JOIN part USING (point) JOIN cover c ON c.bench IS m.bench AND c.names IS m.names;"
	"CREATE INDEX temp.shape_key_index ON shape_key (run, shape, pass, key);"
	"INSERT INTO alike SELECT b.point, o.point FROM shape_key b JOIN shape_key o ON o.run = b.run AND o.shape = b.shape"
	" AND o.pass IS b.pass AND o.key IS b.key AND (o.setting <> b.setting OR o.paging IS NOT b.paging)"
	" WHERE b.own AND NOT o.control AND NOT b.control;"
	"INSERT INTO alike_runs SELECT b.point, o.point FROM shape_key o CROSS JOIN shape_key b"
	" ON b.run = (SELECT MIN(run) FROM run) AND b.shape = o.shape AND b.pass IS o.pass AND b.key IS o.key"
	" AND b.setting = o.setting AND b.paging IS o.paging WHERE o.run > (SELECT MIN(run) FROM run)"
	" AND b.own AND o.own AND NOT o.control AND NOT b.control;"
	"INSERT INTO control_pair SELECT b.point, o.point FROM shape_key o JOIN shape_key b ON b.run = o.run"
	" AND b.shape = o.shape AND b.pass IS o.pass AND b.key IS o.key AND b.setting = 'host' WHERE o.control AND o.own AND b.own;"
	"DROP TABLE measured; DROP TABLE shape; DROP TABLE shape_name; DROP TABLE cover; DROP TABLE shape_key;";

/*
 * A level's edge is smeared: half as many pages as the least that a level may hold surely fit, and twice as many as the
 * most surely do not. Where no level was resolved, the smallest first level of an x86-64 CPU (AMD K8's, 8 pages of 2M)
 * tells what surely fits.
 */
#define CLEAR "2"
#define SURELY_FITS "8"

static const char find_clear[] =
	"INSERT INTO tlb_clear SELECT run, page_size_bytes, stride_pages,"
	" COALESCE(MIN(CASE number WHEN 1 THEN least END) / " CLEAR ", " SURELY_FITS "),"
	" CASE WHEN MAX(number) > 1 THEN MAX(CASE number WHEN 1 THEN most END) * " CLEAR " END,"
	" MIN(CASE number WHEN 2 THEN least END) / " CLEAR ", MAX(CASE WHEN is_last THEN most END) * " CLEAR
	" FROM (SELECT c.run, c.page_size_bytes, c.stride_pages, COALESCE(l.entries_lo, l.entries) * 1. AS least,"
	" COALESCE(l.entries_hi, l.entries) * 1. AS most, ROW_NUMBER() OVER (PARTITION BY c.curve ORDER BY l.level) AS number,"
	" l.level = MAX(l.level) OVER (PARTITION BY c.curve) AS is_last FROM curve c LEFT JOIN tlb_level l"
	" ON l.curve = c.curve AND l.entries IS NOT NULL WHERE NOT c.emulated)"
	" WHERE page_size_bytes IS NOT NULL GROUP BY run, page_size_bytes, stride_pages;";

int infer_alike_add(sqlite3 *db, struct reason *why)
{
	return database_run(db, schema, why);
}

int infer_alike_fill(sqlite3 *db, struct reason *why)
{
	int rc = database_run(db, find_alike, why);

	return rc ? rc : database_run(db, find_clear, why);
}
