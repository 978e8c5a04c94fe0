-- One random access over a working set, by page size and by the memory behind it. One row a point.
-- speedup: cost with the smallest pages over cost with these; pairs: samples of one round, 0: ratio of medians.
WITH lane AS (
	SELECT *, CAST(backing AS INTEGER) << CASE substr(ltrim(backing, '0123456789'), 1, 1) WHEN 'K' THEN 10 WHEN 'M' THEN 20 WHEN 'G' THEN 30 ELSE 0 END AS backing_bytes,
		(SELECT group_concat(name || ' ' || value, ', ') FROM parameter p WHERE p.point = h.point AND name NOT IN ('page_size_bytes', 'backing', 'working_set_bytes')) AS others
	FROM huge_pages h WHERE status = 'ok' AND NOT emulated AND gross_cycles IS NOT NULL),
/* Parameters are named where lanes of one place differ in them. */
named AS (
	SELECT *, series || CASE WHEN MIN(others) OVER same <> MAX(others) OVER same THEN ', ' || others ELSE '' END AS label,
		RANK() OVER (ORDER BY page_size_bytes, backing_bytes, backing) = 1 AND page_size_bytes = backing_bytes AS smallest
	FROM lane WINDOW same AS (PARTITION BY series)),
compared AS (
	SELECT u.point, ratio_of_pairs(o.point, u.point, 'gross_cycles') AS faster
	FROM named o JOIN named u USING (label, working_set_bytes) WHERE o.smallest AND NOT u.smallest GROUP BY u.point)
SELECT label, setting, place_colour(setting, paging, run) AS colour, size(page_size_bytes) || ' pages on ' || backing AS what,
	DENSE_RANK() OVER (ORDER BY page_size_bytes, backing_bytes, backing) AS combination,
	CASE size(page_size_bytes) WHEN '4K' THEN '#882255' WHEN '16K' THEN '#AA4499' WHEN '32K' THEN '#CC6677' WHEN '64K' THEN '#DDCC77'
		WHEN '128K' THEN '#999933' WHEN '256K' THEN '#44AA99' WHEN '512K' THEN '#88CCEE' WHEN '1M' THEN '#332288'
		WHEN '2M' THEN '#117733' WHEN '1G' THEN '#222222' ELSE '#777777' END AS hue,
	CASE backing_bytes WHEN 4096 THEN 1 WHEN 2097152 THEN 2 WHEN 1073741824 THEN 3 ELSE 4 END AS dash,
	size(page_size_bytes) AS page_size, backing, working_set_bytes,
	gross_cycles, COALESCE(gross_cycles_lo, gross_cycles) AS gross_cycles_lo, COALESCE(gross_cycles_hi, gross_cycles) AS gross_cycles_hi,
	gross_ns, COALESCE(gross_ns_lo, gross_ns) AS gross_ns_lo, COALESCE(gross_ns_hi, gross_ns) AS gross_ns_hi,
	net_cycles, COALESCE(net_cycles_lo, net_cycles) AS net_cycles_lo, COALESCE(net_cycles_hi, net_cycles) AS net_cycles_hi,
	faster ->> 0 AS speedup, COALESCE(faster ->> 1, faster ->> 0) AS speedup_lo, COALESCE(faster ->> 2, faster ->> 0) AS speedup_hi,
	COALESCE(faster ->> 3, 0) AS pairs,
	-- Of one sample there is no interval, and nothing to draw.
	IIF(samples > 1 AND faster ->> 3 <> 1 AND faster ->> 1 > 0, working_set_bytes, NULL) AS drawn_bytes,
	(SELECT size(page_size_bytes) || ' pages on ' || backing FROM named WHERE smallest LIMIT 1) AS compared_with, samples,
	-- no: the packed lines miss the TLB, too, and net is a lower bound.
	CASE b.in_reach WHEN 1 THEN 'yes' WHEN 0 THEN 'no' ELSE 'unknown' END AS baseline_in_reach
FROM named LEFT JOIN compared USING (point) LEFT JOIN baseline b USING (point)
ORDER BY place_rank, label, page_size_bytes, backing_bytes, backing, working_set_bytes
