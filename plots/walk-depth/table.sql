-- What translation adds to one access to pages that lie a distance apart. One row a point of a line that is drawn.
-- x: the distance by its rank. _lo, _hi: 95 % interval.
SELECT value ->> 'label' AS label, setting, place_colour(setting, paging, run) AS colour, placement, pages,
	value ->> 'label' || ': ' || thousands(pages) || ' pages, ' || placement AS line,
	DENSE_RANK() OVER (ORDER BY placement DESC, pages DESC) AS dash, DENSE_RANK() OVER (ORDER BY distance_bytes) AS x, distance_bytes,
	net_cycles, COALESCE(net_cycles_lo, net_cycles) AS net_cycles_lo, COALESCE(net_cycles_hi, net_cycles) AS net_cycles_hi,
	net_ns, COALESCE(net_ns_lo, net_ns) AS net_ns_lo, COALESCE(net_ns_hi, net_ns) AS net_ns_hi,
	gross_cycles, COALESCE(gross_cycles_lo, gross_cycles) AS gross_cycles_lo, COALESCE(gross_cycles_hi, gross_cycles) AS gross_cycles_hi
FROM json_each(:points) JOIN walk_depth w ON w.point = value ->> 'point'
WHERE value ->> 'drawn'
ORDER BY place_rank, label, placement DESC, pages DESC, distance_bytes
