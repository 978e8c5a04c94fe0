-- TLB levels, inferred from each curve (with 95 % interval) and advertised by CPUID (curve 0).
-- kind: level, or none: nothing was resolved, or nothing is advertised.
-- confirmed: seen again by a second pass with fresh placements.
WITH shown AS (
	SELECT ROW_NUMBER() OVER (ORDER BY place_rank, curve) AS n, * FROM curve WHERE measured AND pages_label = :pages_label),
told AS (
	SELECT run, a.level, SUM(a.entries) AS entries FROM (SELECT DISTINCT run, page_size_bytes FROM shown) JOIN tlb_advertised a
	USING (run, page_size_bytes) GROUP BY run, a.level),
/* Runs that are told the same share a row of the strip. */
alike AS (SELECT run, group_concat(level || ':' || entries) AS all_levels FROM (SELECT * FROM told ORDER BY run, level) GROUP BY run),
groups AS (SELECT DENSE_RANK() OVER (ORDER BY MIN(run)) AS nth, MIN(run) AS run, COUNT(*) OVER () AS groups, group_concat(label, ', ') AS labels
	FROM alike LEFT JOIN run_label USING (run) GROUP BY all_levels),
advertised AS (SELECT nth, level, entries, 'advertised' || IIF(groups > 1, COALESCE(' (' || labels || ')', ''), '') AS label FROM told JOIN groups USING (run))
SELECT n AS "row", n AS curve, series AS label, CASE WHEN l.level IS NULL THEN 'none' ELSE 'level' END AS kind, l.level,
	CASE l.confirmed WHEN 0 THEN 'no' WHEN 1 THEN 'yes' END AS confirmed, l.entries AS pages,
	COALESCE(l.entries_lo, l.entries) AS pages_lo, COALESCE(l.entries_hi, l.entries) AS pages_hi
FROM shown LEFT JOIN tlb_level l USING (curve)
UNION ALL
SELECT (SELECT COUNT(*) FROM shown) + nth, 0, label, 'level', level, 'yes', entries, entries, entries FROM advertised
UNION ALL
SELECT (SELECT COUNT(*) + 1 FROM shown), 0, 'advertised', 'none', NULL, NULL, NULL, NULL, NULL WHERE NOT EXISTS (SELECT 1 FROM advertised)
ORDER BY 1, 5
