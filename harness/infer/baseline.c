#include "infer/baseline.h"

#include "record/database.h"

static const char schema[] =
	"CREATE TABLE baseline (point INTEGER PRIMARY KEY, bytes INTEGER, leaf_bytes INTEGER, pieces INTEGER, entries INTEGER,"
	" in_reach INTEGER);";

/*
 * The lines of a baseline lie one after the other, in pages that a hypervisor may hold in smaller pieces: the TLB needs an
 * entry for each piece. Nothing is smaller than 4K, which needs no proof. A run that does not tell how much memory the
 * lines take has a line for each page. entries: what the first level holds of such pieces: the least that a curve of this
 * run showed, or else what CPUID advertises.
 */
static const char find_baselines[] =
	"CREATE TEMP TABLE first_level AS SELECT run, page_size_bytes, MIN(entries) AS entries FROM tlb_level"
	" JOIN curve USING (curve) WHERE level = 1 AND stride_pages = 1 AND entries IS NOT NULL GROUP BY run, page_size_bytes;"
	"INSERT INTO first_level SELECT run, page_size_bytes, SUM(entries) FROM tlb_advertised a WHERE level = 1"
	" AND NOT EXISTS (SELECT 1 FROM first_level f WHERE f.run = a.run"
	" AND f.page_size_bytes = a.page_size_bytes) GROUP BY run, page_size_bytes;"
	"INSERT INTO baseline WITH packed AS (SELECT p.point, p.run, json_extract(memory, '$.baseline_page_bytes') AS page_bytes,"
	" COALESCE(json_extract(memory, '$.baseline_bytes'), 64 * json_extract(params, '$.pages')) AS bytes"
	" FROM point p JOIN part USING (point) WHERE p.status = 'ok' AND NOT p.emulated"
	" AND json_extract(metrics, '$.baseline_cycles.median') IS NOT NULL),"
	" held AS (SELECT p.*, CASE page_bytes WHEN 4096 THEN 4096 ELSE (SELECT MIN(leaf_bytes) FROM effective_leaf e"
	" WHERE e.run = p.run AND e.page_size_bytes = p.page_bytes) END AS leaf_bytes FROM packed p)"
	" SELECT point, bytes, leaf_bytes, (bytes + leaf_bytes - 1) / leaf_bytes, entries,"
	" (bytes + leaf_bytes - 1) / leaf_bytes <= entries FROM held h LEFT JOIN first_level f ON f.run = h.run"
	" AND f.page_size_bytes = h.leaf_bytes;"
	"DROP TABLE first_level;";

int infer_baseline_add(sqlite3 *db, struct reason *why)
{
	return database_run(db, schema, why);
}

int infer_baseline_fill(sqlite3 *db, struct reason *why)
{
	return database_run(db, find_baselines, why);
}
