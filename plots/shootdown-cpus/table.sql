-- The same calls with fewest and with most pages, against the number of other CPUs. interrupts: TLB
-- shootdowns of /proc/interrupts per call, over all CPUs. _lo, _hi: 95 % interval of the median.
WITH call AS (
	SELECT *, MIN(pages) OVER own AS fewest, MAX(pages) OVER own AS most,
		MIN(others) OVER own AS others_least, MAX(others) OVER own AS others_most
	FROM tlb_shootdown WHERE status = 'ok' AND NOT emulated AND operation_ns > 0 WINDOW own AS (PARTITION BY run))
SELECT series AS label, setting, place_colour(setting, paging, run) AS colour, operation,
	operation || ', ' || thousands(pages) || IIF(pages = 1, ' page', ' pages') AS line,
	-- A call has a colour and a shape; with fewest pages the shape is open and the line dashed.
	CASE operation WHEN 'munmap' THEN '#332288' WHEN 'mprotect' THEN '#882255' WHEN 'dontneed' THEN '#999933' ELSE '#666666' END AS line_colour,
	CASE operation WHEN 'munmap' THEN 7 WHEN 'mprotect' THEN 5 WHEN 'dontneed' THEN 9 ELSE 13 END - (pages < most) AS shape,
	1 + (pages < most) AS dash,
	others, pages, operation_ns, operation_ns_lo, operation_ns_hi, operation_cycles, operation_cycles_lo, operation_cycles_hi,
	per_page_ns, per_page_ns_lo, per_page_ns_hi, interrupts_per_operation AS interrupts,
	interrupts_per_operation_lo AS interrupts_lo, interrupts_per_operation_hi AS interrupts_hi, victim_ns, victim_ns_lo, victim_ns_hi
FROM call
-- Against one number of CPUs there is nothing to draw.
WHERE pages IN (fewest, most) AND others_least < others_most
ORDER BY place_rank, series, CASE operation WHEN 'munmap' THEN 1 WHEN 'mprotect' THEN 2 ELSE 3 END, operation, pages, others
