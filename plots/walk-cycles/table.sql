-- Core cycles of one page walk: counted by hardware, and what translation adds to an access by time.
SELECT DENSE_RANK() OVER (ORDER BY c.page_size_bytes, c.pages_label) AS "row", c.pages_label AS what, p.pages,
	DENSE_RANK() OVER (ORDER BY c.place_rank, c.series) AS lane, c.series AS label, c.setting, c.paging, place_colour(c.setting, c.paging, c.run) AS colour,
	cycles_per_walk AS walk_cycles, COALESCE(cycles_per_walk_lo, cycles_per_walk) AS walk_cycles_lo,
	COALESCE(cycles_per_walk_hi, cycles_per_walk) AS walk_cycles_hi,
	r.net_cycles, COALESCE(r.net_cycles_lo, r.net_cycles) AS net_cycles_lo, COALESCE(r.net_cycles_hi, r.net_cycles) AS net_cycles_hi
FROM json_each(:points) JOIN tlb_counted p ON p.point = value JOIN curve c USING (curve) JOIN tlb_reach r ON r.point = value
ORDER BY c.page_size_bytes, c.pages_label, c.place_rank, c.curve
