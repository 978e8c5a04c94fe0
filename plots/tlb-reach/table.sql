-- Cost of one access against the number of pages touched. One row a point.
-- Cycles are core cycles; net = gross - baseline; _lo and _hi: the 95 % interval of the median.
-- lower_bound: yes: the TLB does not hold all pieces of the packed baseline, which misses too, so that net is a lower bound;
-- edge: the last point before; unknown: what pieces they are is not known.
-- reach_bytes: pages times page size. pass: sweep, or refine (fresh placements, near the steps).
SELECT DENSE_RANK() OVER (ORDER BY c.place_rank, c.curve) AS curve, c.series AS label, place_colour(c.setting, c.paging, c.run) AS colour,
	p.pass, p.pages, p.pages * c.page_size_bytes AS reach_bytes,
	r.gross_cycles, r.gross_cycles_lo, r.gross_cycles_hi, r.baseline_cycles, r.baseline_cycles_lo, r.baseline_cycles_hi,
	r.net_cycles, r.net_cycles_lo, r.net_cycles_hi, r.gross_ns, r.gross_ns_lo, r.gross_ns_hi,
	r.baseline_ns, r.baseline_ns_lo, r.baseline_ns_hi, r.net_ns, r.net_ns_lo, r.net_ns_hi, r.samples, r.discarded,
	CASE WHEN b.in_reach = 0 THEN 'yes' WHEN LEAD(b.in_reach = 0) OVER (PARTITION BY c.curve, p.pass ORDER BY p.pages) THEN 'edge'
		WHEN b.in_reach THEN 'no' ELSE 'unknown' END AS lower_bound
FROM curve c JOIN curve_point p USING (curve) JOIN tlb_reach r USING (point) LEFT JOIN baseline b USING (point)
WHERE c.measured AND c.pages_label = :pages_label
/* A pass at a time, so that each is an unbroken line to gnuplot. */
ORDER BY 1, p.pass DESC, p.pages
