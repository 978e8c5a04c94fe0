-- What translation adds to one access, against the memory touched (one line in each page).
-- net: the access less one to as many lines packed into huge pages. size: 1 the smallest pages.
-- lower_bound: yes: the packed lines miss the TLB, too, so that net is a lower bound; edge: the last point before.
SELECT DENSE_RANK() OVER (ORDER BY c.page_size_bytes, c.place_rank, c.curve) AS curve,
	bytes(c.page_size_bytes) || ' pages, ' || c.series AS label, c.setting, place_colour(c.setting, c.paging, c.run) AS colour,
	c.series, bytes(c.page_size_bytes) || ' pages' AS pages_of, DENSE_RANK() OVER (ORDER BY c.page_size_bytes) AS size, p.pages, p.pages * c.page_size_bytes AS reach_bytes,
	r.net_cycles, r.net_cycles_lo, r.net_cycles_hi, r.net_ns,
	CASE WHEN b.in_reach = 0 THEN 'yes' WHEN LEAD(b.in_reach = 0) OVER (PARTITION BY c.curve ORDER BY p.pages) THEN 'edge'
		WHEN b.in_reach THEN 'no' ELSE 'unknown' END AS lower_bound
FROM curve c JOIN curve_point p USING (curve) JOIN tlb_reach r USING (point) LEFT JOIN baseline b USING (point)
WHERE c.curve IN (SELECT value FROM json_each('[1,2,5,6]')) AND p.pass = 'sweep'
ORDER BY 1, p.pages

