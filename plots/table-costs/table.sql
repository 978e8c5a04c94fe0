-- Page tables of a process, by the size of its pages and how far apart they are; all numbers per page.
-- most: yes: of the most pages that this setting has of this layout. flat: a table of 8 bytes for each 4K
-- of the span, without levels. _lo, _hi: 95 % interval of the median.
SELECT series AS label, place_colour(setting, paging, run) AS colour, setting, paging,
	size(page_size_bytes) || CASE WHEN distance_bytes = page_size_bytes THEN ', side by side'
		ELSE ', one in each ' || size(distance_bytes) END AS what,
	size(page_size_bytes) AS page_size, distance_bytes, pages,
	IIF(pages = MAX(pages) OVER (PARTITION BY series, page_size_bytes, distance_bytes), 'yes', 'no') AS most,
	build_ns, build_ns_lo, build_ns_hi, build_cycles, build_cycles_lo, build_cycles_hi,
	teardown_ns, teardown_ns_lo, teardown_ns_hi, teardown_cycles, teardown_cycles_lo, teardown_cycles_hi,
	table_bytes_per_page AS table_bytes, table_bytes_per_page_lo AS table_bytes_lo, table_bytes_per_page_hi AS table_bytes_hi,
	expected_table_bytes / pages AS expected_bytes, flat_table_bytes / pages AS flat_bytes,
	faults_per_page AS faults, faults_per_page_lo AS faults_lo, faults_per_page_hi AS faults_hi
FROM page_table_cost
WHERE status = 'ok' AND NOT emulated AND build_ns > 0
ORDER BY page_size_bytes, distance_bytes, place_rank, series, pages
