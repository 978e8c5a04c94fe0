-- The time of one load, by how many independent chains are followed at once. Two rows a point: loads that walk, and as many
-- from packed lines, which do not. _lo, _hi: 95 % interval.
-- loads_per_us: of all chains together.
WITH lane AS (
	SELECT *, (SELECT group_concat(name || ' ' || value, ', ') FROM parameter p WHERE p.point = w.point
		AND name NOT IN ('page_size_bytes', 'lines', 'chains') AND (name <> 'backing' OR value NOT LIKE size(w.page_size_bytes) || '%')) AS others
	FROM walk_parallel w WHERE status = 'ok' AND NOT emulated AND gross_cycles IS NOT NULL),
/* Parameters are named where lanes of one place differ in them. */
named AS (
	SELECT *, series || CASE WHEN MIN(others) OVER same <> MAX(others) OVER same THEN ', ' || others ELSE '' END AS label
	FROM lane WINDOW same AS (PARTITION BY series, page_size_bytes, lines)),
both AS (
	SELECT 1 AS n, 'page walks' AS kind, point, gross_cycles AS load_cycles, gross_cycles_lo AS load_cycles_lo, gross_cycles_hi AS load_cycles_hi, gross_ns AS load_ns FROM named
	UNION ALL SELECT 2, 'packed, no walks', point, baseline_cycles, baseline_cycles_lo, baseline_cycles_hi, baseline_ns FROM named)
SELECT size(page_size_bytes) || ' pages, ' || bytes(lines * 4096) AS panel, label || ': ' || kind AS line, label, setting,
	place_colour(setting, paging, run) AS colour, kind, n AS dash, page_size_bytes, lines, chains,
	load_cycles, COALESCE(load_cycles_lo, load_cycles) AS load_cycles_lo, COALESCE(load_cycles_hi, load_cycles) AS load_cycles_hi,
	load_ns, 1000 / load_ns AS loads_per_us
FROM both JOIN named USING (point)
WHERE load_cycles IS NOT NULL
ORDER BY page_size_bytes, lines, place_rank, label, n, chains
