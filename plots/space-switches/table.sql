-- Switches on one CPU. switch: the handoff itself; refill: what the pages touched after it cost more
-- than the same touches once more; total: both. touch, warm: per page. _lo, _hi: 95 % interval.
WITH total AS (
	-- Both parts of a sample are of one round: added sample by sample, the interval is that of the sum.
	SELECT now.point, now.name, interval(now.value + later.value, r.seed) AS sum
	-- The bench's own points come first: the other way round the samples of the whole run would be read.
	FROM space_switch s JOIN run r USING (run) CROSS JOIN sample now ON now.point = s.point
		CROSS JOIN sample later ON later.point = now.point AND later.number = now.number
			AND later.name = CASE now.name WHEN 'switch_ns' THEN 'refill_ns' WHEN 'switch_cycles' THEN 'refill_cycles' END
	WHERE now.name IN ('switch_ns', 'switch_cycles')
	GROUP BY now.point, now.name)
SELECT s.series AS label, setting, place_colour(setting, paging, run) AS colour, size(page_size_bytes) AS page_size,
	size(page_size_bytes) || ' pages' AS panel, "between" || ', ' || via AS what, "between", via,
	CASE "between" WHEN 'threads' THEN '#332288' WHEN 'processes' THEN '#882255' ELSE '#666666' END AS line_colour,
	-- Open and dashed is what is not handed over by futex.
	CASE "between" WHEN 'threads' THEN 7 WHEN 'processes' THEN 5 ELSE 9 END - (via <> 'futex') AS shape, 1 + (via <> 'futex') AS dash,
	pages_touched AS pages,
	-- Where nothing is touched, nothing is to be paid later. Of medians alone the sum has no interval.
	IIF(pages_touched = 0, switch_ns, COALESCE(ns.sum ->> 0, switch_ns + refill_ns)) AS total_ns,
	IIF(pages_touched = 0, switch_ns_lo, ns.sum ->> 1) AS total_ns_lo, IIF(pages_touched = 0, switch_ns_hi, ns.sum ->> 2) AS total_ns_hi,
	IIF(pages_touched = 0, switch_cycles, COALESCE(cycles.sum ->> 0, switch_cycles + refill_cycles)) AS total_cycles,
	IIF(pages_touched = 0, switch_cycles_lo, cycles.sum ->> 1) AS total_cycles_lo,
	IIF(pages_touched = 0, switch_cycles_hi, cycles.sum ->> 2) AS total_cycles_hi,
	switch_ns, switch_ns_lo, switch_ns_hi, switch_cycles, switch_cycles_lo, switch_cycles_hi, refill_ns, refill_ns_lo, refill_ns_hi,
	touch_ns, touch_ns_lo, touch_ns_hi, warm_ns, warm_ns_lo, warm_ns_hi
FROM space_switch s LEFT JOIN total ns ON ns.point = s.point AND ns.name = 'switch_ns'
	LEFT JOIN total cycles ON cycles.point = s.point AND cycles.name = 'switch_cycles'
WHERE s.status = 'ok' AND NOT s.emulated AND switch_ns > 0
ORDER BY s.place_rank, s.series, page_size_bytes, CASE "between" WHEN 'threads' THEN 1 WHEN 'processes' THEN 2 ELSE 3 END, "between", via, pages_touched
