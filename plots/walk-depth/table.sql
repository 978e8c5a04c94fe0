-- What translation adds to one access to pages that lie a distance apart. One row a point.
-- x: the distance by its rank. _lo, _hi: 95 % interval.
WITH lane AS (
	SELECT *, (SELECT group_concat(name || ' ' || value, ', ') FROM parameter p WHERE p.point = w.point
		AND name NOT IN ('page_size_bytes', 'distance_bytes', 'placement', 'pages')
		AND (name <> 'backing' OR value NOT LIKE size(w.page_size_bytes) || '%')) AS others,
		DENSE_RANK() OVER (ORDER BY distance_bytes) AS x
	FROM walk_depth w WHERE status = 'ok' AND NOT emulated AND net_cycles IS NOT NULL AND page_size_bytes = :page_size_bytes)
/* Parameters are named where lanes of one place differ in them. */
SELECT series || CASE WHEN MIN(others) OVER same <> MAX(others) OVER same THEN ', ' || others ELSE '' END AS label, setting,
	place_colour(setting, paging) AS colour, placement,
	CASE placement WHEN 'scattered' THEN 'scattered: each page at a random place of its unit'
		WHEN 'aligned' THEN 'aligned: each at the start of its unit' ELSE placement END AS placed,
	pages, thousands(pages) || ' pages' AS line, x, distance_bytes,
	net_cycles, COALESCE(net_cycles_lo, net_cycles) AS net_cycles_lo, COALESCE(net_cycles_hi, net_cycles) AS net_cycles_hi,
	net_ns, COALESCE(net_ns_lo, net_ns) AS net_ns_lo, COALESCE(net_ns_hi, net_ns) AS net_ns_hi,
	gross_cycles, COALESCE(gross_cycles_lo, gross_cycles) AS gross_cycles_lo, COALESCE(gross_cycles_hi, gross_cycles) AS gross_cycles_hi
FROM lane WHERE pages >= :pages_from WINDOW same AS (PARTITION BY series)
ORDER BY place_rank, label, placement DESC, pages, x
