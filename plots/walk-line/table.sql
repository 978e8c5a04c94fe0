-- What a walk adds to a load against the references to page tables that it takes: one row a point, with the line's cost.
-- references: entries that no cache of walks holds. _lo, _hi: 95 % interval.
SELECT l.series AS label, l.series || ', ' || size(w.page_size_bytes) || ' pages' AS points, l.setting, place_colour(l.setting, l.paging, l.run) AS colour, size(w.page_size_bytes) AS leaf, w.page_size_bytes,
	w.distance_bytes, bytes(w.distance_bytes) AS apart, w.pages, p."references", p.fetched,
	CASE size(w.page_size_bytes) WHEN '4K' THEN 7 WHEN '2M' THEN 5 ELSE 9 END AS shape,
	w.net_cycles, COALESCE(w.net_cycles_lo, w.net_cycles) AS net_cycles_lo, COALESCE(w.net_cycles_hi, w.net_cycles) AS net_cycles_hi, w.net_ns,
	l.base_cycles + l.reference_cycles * p."references" AS line_cycles
FROM walk_line l JOIN walk_line_point p USING (line) JOIN walk_depth w USING (point)
ORDER BY l.place_rank, l.series, w.page_size_bytes, w.distance_bytes
