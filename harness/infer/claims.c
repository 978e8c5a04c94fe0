#include "infer/claims.h"

#include "record/database.h"

static const char schema[] =
	"CREATE TABLE null_pair (run INTEGER, bench TEXT, metric TEXT, base INTEGER, point INTEGER, median REAL, ratio REAL,"
	" ratio_lo REAL, ratio_hi REAL, sure_lo REAL, sure_hi REAL, factor REAL,"
	" PRIMARY KEY (run, bench, metric, base, point)) WITHOUT ROWID;"
	"CREATE TABLE null_ratio (run INTEGER, bench TEXT, metric TEXT, ratio_lo REAL, ratio_hi REAL, rows INTEGER,"
	" significant INTEGER, PRIMARY KEY (run, bench, metric)) WITHOUT ROWID;"
	"CREATE TABLE walk_ratio (run INTEGER, bench TEXT, page_size_bytes INTEGER, stride_pages INTEGER, base INTEGER,"
	" curve INTEGER, control INTEGER, metric TEXT, ratio REAL, ratio_lo REAL, ratio_hi REAL, sure_lo REAL, sure_hi REAL,"
	" pairs INTEGER, pages_from INTEGER, pages_to INTEGER, differs INTEGER, reason TEXT);";

/*
 * How far the host is from itself: 99 of 100 pairs of points differ by less, in either direction. A median that may as well
 * be half as much, such as that of a difference near 0, has no ratio to speak of.
 */
static const char find_null[] =
	"INSERT INTO null_pair WITH told AS MATERIALIZED (SELECT p.run, p.bench, m.name AS metric, c.base, c.point, m.median,"
	" ratio_of_pairs(c.point, c.base, m.name) AS ratio FROM control_pair c JOIN point p ON p.point = c.base"
	" JOIN metric m ON m.point = c.base AND m.unit = 'ns' AND m.lo > m.median / 2 GROUP BY c.base, c.point, m.name)"
	" SELECT run, bench, metric, base, point, median, ratio ->> 0, ratio ->> 1, ratio ->> 2, ratio ->> 4, ratio ->> 5,"
	" MAX(ratio ->> 0, 1 / (ratio ->> 0)) FROM told WHERE ratio ->> 0 > 0;"
	"INSERT INTO null_ratio SELECT run, bench, metric, 1 / quantile(factor, 0.99), quantile(factor, 0.99), COUNT(*),"
	" COALESCE(SUM(sure_lo > 1 OR sure_hi < 1), 0) FROM null_pair GROUP BY run, bench, metric;";

/*
 * Ratios of settings at the pages where walks are read, pooled: of translation (net), of the whole access (gross) and of
 * the packed lines (baseline). Each is held against the host's first curve; so is the control.
 */
static const char find_walks[] =
	"INSERT INTO walk_ratio WITH walk AS MATERIALIZED (SELECT c.run, c.bench, c.page_size_bytes, c.stride_pages, c.setting,"
	" c.curve, w.pages_from, w.pages_to FROM tlb_walk w JOIN curve c USING (curve)),"
	" base AS (SELECT *, MIN(curve) FROM walk WHERE setting = 'host' GROUP BY run, bench, page_size_bytes, stride_pages),"
	" point_of AS MATERIALIZED (SELECT b.*, u.point AS under, u.pages, u.pass FROM base b JOIN curve_point u ON"
	" u.curve = b.curve AND u.pages BETWEEN b.pages_from AND b.pages_to),"
	" pair AS MATERIALIZED (SELECT u.run, u.bench, u.page_size_bytes, u.stride_pages, u.curve AS base, w.curve, 0 AS control,"
	" o.point AS over, u.under, u.pages_from, u.pages_to FROM point_of u JOIN walk w USING (run, bench, page_size_bytes,"
	" stride_pages) JOIN curve_point o ON o.curve = w.curve AND o.pages = u.pages AND o.pass IS u.pass"
	" WHERE w.curve <> u.curve UNION ALL"
	" SELECT u.run, u.bench, u.page_size_bytes, u.stride_pages, u.curve, NULL, 1, k.point, u.under, u.pages_from,"
	" u.pages_to FROM point_of u JOIN control_pair k ON k.base = u.under),"
	" told AS MATERIALIZED (SELECT p.*, m.column1 AS metric, ratio_of_pairs(over, under, m.column1) AS ratio FROM pair p,"
	" (VALUES ('net_ns'), ('gross_ns'), ('baseline_ns')) m GROUP BY base, curve, control, m.column1)"
	" SELECT run, bench, page_size_bytes, stride_pages, base, curve, control, metric, ratio ->> 0, ratio ->> 1,"
	" ratio ->> 2, ratio ->> 4, ratio ->> 5, ratio ->> 3, pages_from, pages_to, NULL, NULL FROM told"
	" WHERE ratio ->> 0 IS NOT NULL;"
	/* What the control may show, too, in whatever direction, is no difference: intervals have to lie apart. */
	"UPDATE walk_ratio SET differs = (sure_lo > 1 OR sure_hi < 1) AND NOT EXISTS (SELECT 1 FROM walk_ratio a"
	" WHERE a.base = walk_ratio.base AND a.metric = walk_ratio.metric AND a.control"
	" AND walk_ratio.ratio_lo <= MAX(1, COALESCE(a.sure_hi, a.ratio), 1 / COALESCE(a.sure_lo, a.ratio))"
	" AND walk_ratio.ratio_hi >= MIN(1, COALESCE(a.sure_lo, a.ratio), 1 / COALESCE(a.sure_hi, a.ratio)))"
	" WHERE NOT control;"
	/* Net is what is left of an access without its baseline: of different baselines, it is not the same thing. */
	"UPDATE walk_ratio SET ratio = NULL, ratio_lo = NULL, ratio_hi = NULL, sure_lo = NULL, sure_hi = NULL, differs = NULL,"
	" reason = (SELECT 'the packed lines alone take ' || ratio(b.ratio, b.ratio_lo, b.ratio_hi) || ' times as long: compare"
	" the whole access' FROM walk_ratio b WHERE b.base = walk_ratio.base AND b.curve = walk_ratio.curve"
	" AND b.metric = 'baseline_ns') WHERE metric = 'net_ns' AND (SELECT differs FROM walk_ratio b"
	" WHERE b.base = walk_ratio.base AND b.curve = walk_ratio.curve AND b.metric = 'baseline_ns');";

int infer_claims_add(sqlite3 *db, struct reason *why)
{
	return database_run(db, schema, why);
}

int infer_claims_fill(sqlite3 *db, struct reason *why)
{
	int rc = database_run(db, find_null, why);

	return rc ? rc : database_run(db, find_walks, why);
}
