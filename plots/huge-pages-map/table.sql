-- One random access over one working set, by page size and the size of what is behind.
-- state: measured, missing (not measured here: why is in report.md), none (means nothing there).
-- speedup: cost of 4K on 4K over that of the cell.
WITH cell AS (
	SELECT value ->> 'label' AS label, value ->> 'place_rank' AS place_rank, value ->> 'setting' AS setting, value ->> 'paging' AS paging,
		value ->> 'page' AS page, value ->> 'backing' AS backing, value ->> 'point' AS point, value ->> 'state' AS state FROM json_each(:cells)),
compared AS (
	SELECT u.point, ratio_of_pairs(o.point, u.point, 'gross_cycles') AS faster FROM cell o JOIN cell u USING (label)
	WHERE o.page = 12 AND o.backing = 12 AND o.point <> u.point GROUP BY u.point)
SELECT label, c.setting, place_colour(c.setting, c.paging) AS colour, size(1 << page) AS page_size, size(1 << c.backing) AS backing, state,
	:working_set_bytes AS working_set_bytes,
	gross_cycles, COALESCE(gross_cycles_lo, gross_cycles) AS gross_cycles_lo, COALESCE(gross_cycles_hi, gross_cycles) AS gross_cycles_hi,
	gross_ns, COALESCE(gross_ns_lo, gross_ns) AS gross_ns_lo, COALESCE(gross_ns_hi, gross_ns) AS gross_ns_hi,
	faster ->> 0 AS speedup, COALESCE(faster ->> 1, faster ->> 0) AS speedup_lo, COALESCE(faster ->> 2, faster ->> 0) AS speedup_hi
FROM cell c LEFT JOIN huge_pages USING (point) LEFT JOIN compared USING (point)
ORDER BY c.place_rank, label, page, c.backing
