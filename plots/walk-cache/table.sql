-- What translation adds to a load that walks, by how many entries of an upper level all walks need. One row a point.
-- _lo, _hi: 95 % interval.
WITH lane AS (
	SELECT *, (SELECT group_concat(name || ' ' || value, ', ') FROM parameter p WHERE p.point = w.point
		AND name NOT IN ('entry', 'entries') AND (name <> 'backing' OR value NOT LIKE '4K%')) AS others
	FROM walk_cache w WHERE status = 'ok' AND NOT emulated AND net_cycles IS NOT NULL),
/* Parameters are named where lanes of one place differ in them. */
named AS (
	SELECT *, series || CASE WHEN MIN(others) OVER same <> MAX(others) OVER same THEN ', ' || others ELSE '' END AS label
	FROM lane WINDOW same AS (PARTITION BY series, entry))
SELECT CASE entry WHEN 'PDE' THEN 'PDEs: page tables, 2M apart' ELSE 'PDPTEs: 1024 page tables in units of 1G' END AS panel,
	label, setting, place_colour(setting, paging, run) AS colour, entry, entries,
	net_cycles, COALESCE(net_cycles_lo, net_cycles) AS net_cycles_lo, COALESCE(net_cycles_hi, net_cycles) AS net_cycles_hi, net_ns
FROM named
ORDER BY entry, place_rank, label, entries
