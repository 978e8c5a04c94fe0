-- Touches of pages after a load of CR3, and once more without one, per page. _lo, _hi: 95 % interval.
-- interpreted: KVM ran the load in software: only its counts are told.
WITH loaded AS (
	SELECT *, MIN(guest_levels) OVER own <> MAX(guest_levels) OVER own AS several, place_colour(setting, paging, run) AS colour
	FROM cr3_switch
	WHERE status = 'ok' AND NOT emulated AND (first_touch_cycles IS NOT NULL OR exits_per_load IS NOT NULL)
	WINDOW own AS (PARTITION BY place)),
line AS (
	SELECT *, series || IIF(several, ', guest_levels ' || guest_levels, '') AS label,
		change || ' root, ' || IIF(pcid IN ('on', 1), 'with PCID', 'without PCID') AS what
	FROM loaded)
SELECT label, setting, colour, what, 'after loading the ' || what AS line, pages_touched AS pages, IIF(interpreted, 'yes', 'no') AS interpreted,
	-- Interpreted loads take an interpreter's time, and it leaves its traces in caches and TLBs: no time is told.
	IIF(interpreted, NULL, first_touch_cycles) AS first_cycles, IIF(interpreted, NULL, first_touch_cycles_lo) AS first_cycles_lo,
	IIF(interpreted, NULL, first_touch_cycles_hi) AS first_cycles_hi,
	IIF(interpreted, NULL, warm_touch_cycles) AS warm_cycles, IIF(interpreted, NULL, warm_touch_cycles_lo) AS warm_cycles_lo,
	IIF(interpreted, NULL, warm_touch_cycles_hi) AS warm_cycles_hi,
	exits_per_load, exits_per_load_lo, exits_per_load_hi,
	IIF(interpreted, NULL, load_cycles) AS load_cycles, IIF(interpreted, NULL, load_cycles_lo) AS load_cycles_lo,
	IIF(interpreted, NULL, load_cycles_hi) AS load_cycles_hi,
	IIF(interpreted OR first_touch_cycles IS NULL, NULL, pages_touched) AS drawn_pages
FROM line
WHERE EXISTS (SELECT 1 FROM line WHERE first_touch_cycles IS NOT NULL)
ORDER BY place_rank, label, CASE change WHEN 'same' THEN 1 WHEN 'other' THEN 2 ELSE 3 END, change, pcid, pages
