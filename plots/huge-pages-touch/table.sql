-- First touch of memory, fault and zeroing together, by the host's pages. _lo, _hi: 95 % interval of the median.
WITH kind AS (SELECT backing, CAST(backing AS INTEGER) << 10 * INSTR('KMG', SUBSTR(LTRIM(backing, '0123456789'), 1, 1)) AS page_bytes,
		-- One memory is touched once a round and lent to each working set and setting: its numbers are taken once.
		MIN(point) AS point
	FROM huge_pages
	WHERE status = 'ok' AND NOT emulated AND gross_cycles IS NOT NULL AND touch_ns_per_page IS NOT NULL
	GROUP BY backing, page_size_bytes),
touch AS (SELECT backing, page_bytes, interval(value, (SELECT seed FROM run)) AS ns
	FROM kind JOIN sample USING (point) WHERE name = 'touch_ns_per_page' AND value > 0 AND page_bytes > 0 GROUP BY backing)
SELECT backing, page_bytes, ns ->> 3 AS samples, ns ->> 0 AS ns_per_page, ns ->> 1 AS ns_per_page_lo, ns ->> 2 AS ns_per_page_hi,
	1048.576 * (ns ->> 0) / page_bytes AS us_per_mib, 1048.576 * (ns ->> 1) / page_bytes AS us_per_mib_lo,
	1048.576 * (ns ->> 2) / page_bytes AS us_per_mib_hi
FROM touch
ORDER BY page_bytes, backing
