-- What a page under test costs by stride and number of pages, by the least disturbed samples; fillers' share taken off.
-- pages_lo, pages_hi: half way to the neighbouring counts. in_set: pages in each set that they reach, by the inferred
-- structure. capacity: sets reached times ways. One row a point.
SELECT p.series || COALESCE(', ' || NULLIF(m.others, 'frames contiguous, guest_levels 4'), '') AS label, place_colour(p.setting, p.paging, p.run) AS colour,
	g.stride_pages, t.pages, COALESCE(sqrt(t.pages * LAG(t.pages) OVER row), t.pages / 1.06) AS pages_lo,
	COALESCE(sqrt(t.pages * LEAD(t.pages) OVER row), t.pages * 1.06) AS pages_hi, g.target_cycles,
	t.pages / c.sets_reached AS in_set, c.sets_reached * m.ways AS capacity
FROM geometry_point g JOIN tlb_geometry t USING (point) JOIN point p USING (point) JOIN geometry m ON m.map = g.map AND m.level = 2
	LEFT JOIN geometry_capacity c ON c.map = g.map AND c.level = 2 AND c.stride_pages = g.stride_pages
WHERE t.page_size_bytes = 4096 AND t.flip_pages = 0 AND g.target_cycles IS NOT NULL
	/* Pages side by side have no fillers, and tell as much from twice the first level's entries on. */
	AND (t.fillers > 0 OR g.stride_pages = 1 AND t.pages > 144)
WINDOW row AS (PARTITION BY g.map, g.stride_pages ORDER BY t.pages)
ORDER BY p.place_rank, 1, g.stride_pages, t.pages
