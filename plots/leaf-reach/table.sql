-- Memory that the first TLB level reaches, by the lines used of each page. One row a curve: where it leaves its floor.
-- reach_bytes: between _lo and _hi, the two measured ends. whole_bytes: what pages held whole would reach: as many pages as
-- the level holds lines that lie a page apart, of these pages or, where no such curve shows its end, of 4K pages.
SELECT r.series AS label, place_colour(r.setting, r.paging, r.run) AS colour,
	size(page_size_bytes) || ' pages on ' || backing AS what,
	CASE page_size_bytes WHEN 4096 THEN '#666666' WHEN 1073741824 THEN '#332288'
		ELSE IIF(backing LIKE size(page_size_bytes) || '%', '#CC79A7', '#E69F00') END AS hue,
	page_size_bytes, backing, lines_per_page, lines_lo, lines_hi, reach_bytes, reach_bytes_lo, reach_bytes_hi,
	page_size_bytes * COALESCE((SELECT o.lines FROM page_reach o WHERE o.run = r.run AND o.series = r.series AND o.others IS r.others
			AND o.page_size_bytes = r.page_size_bytes AND o.backing = r.backing AND o.lines_per_page = 1),
		(SELECT o.lines FROM page_reach o WHERE o.run = r.run AND o.series = r.series AND o.page_size_bytes = 4096
			AND o.lines_per_page = 1 AND o.lines IS NOT NULL ORDER BY o.reach LIMIT 1)) AS whole_bytes
FROM page_reach r
WHERE reach_bytes IS NOT NULL
ORDER BY place_rank, label, page_size_bytes, what, r.others, lines_per_page
