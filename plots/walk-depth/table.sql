-- What translation adds to one access to pages that lie a distance apart. One row a point.
-- x: the distance by its rank. _lo, _hi: 95 % interval.
SELECT value ->> 'label' AS label, setting, place_colour(setting, paging) AS colour, placement,
	CASE placement WHEN 'scattered' THEN 'scattered: each page at a random place of its unit'
		WHEN 'aligned' THEN 'aligned: each at the start of its unit' ELSE placement END AS placed,
	pages, thousands(pages) || ' pages' AS line, DENSE_RANK() OVER (ORDER BY distance_bytes) AS x, distance_bytes,
	net_cycles, COALESCE(net_cycles_lo, net_cycles) AS net_cycles_lo, COALESCE(net_cycles_hi, net_cycles) AS net_cycles_hi,
	net_ns, COALESCE(net_ns_lo, net_ns) AS net_ns_lo, COALESCE(net_ns_hi, net_ns) AS net_ns_hi,
	gross_cycles, COALESCE(gross_cycles_lo, gross_cycles) AS gross_cycles_lo, COALESCE(gross_cycles_hi, gross_cycles) AS gross_cycles_hi
FROM json_each(:points) JOIN walk_depth w ON w.point = value ->> 'point'
ORDER BY place_rank, label, placement DESC, pages, distance_bytes
