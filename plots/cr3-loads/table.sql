-- Touches of pages after a load of CR3, and once more without one, per page. _lo, _hi: 95 % interval.
WITH loaded AS (
	SELECT *, MIN(guest_levels) OVER own <> MAX(guest_levels) OVER own AS several, place_colour(setting, paging) AS colour
	FROM cr3_switch
	WHERE status = 'ok' AND NOT emulated AND (first_touch_cycles IS NOT NULL OR exits_per_load IS NOT NULL)
	WINDOW own AS (PARTITION BY place)),
line AS (
	SELECT *, series || IIF(several, ', guest_levels ' || guest_levels, '') AS label,
		change || ' root, ' || IIF(pcid IN ('on', 1), 'with PCID', 'without PCID') AS what
	FROM loaded)
SELECT label, setting, colour, what, 'after loading the ' || what AS line, pages_touched AS pages,
	first_touch_cycles AS first_cycles, first_touch_cycles_lo AS first_cycles_lo, first_touch_cycles_hi AS first_cycles_hi,
	warm_touch_cycles AS warm_cycles, warm_touch_cycles_lo AS warm_cycles_lo, warm_touch_cycles_hi AS warm_cycles_hi,
	exits_per_load, exits_per_load_lo, exits_per_load_hi,
	-- Interpreted loads take an interpreter's time: the table does not tell it.
	IIF(interpreted, NULL, load_cycles) AS load_cycles, IIF(interpreted, NULL, load_cycles_lo) AS load_cycles_lo,
	IIF(interpreted, NULL, load_cycles_hi) AS load_cycles_hi
FROM line
WHERE EXISTS (SELECT 1 FROM line WHERE first_touch_cycles IS NOT NULL)
ORDER BY place_rank, label, CASE change WHEN 'same' THEN 1 WHEN 'other' THEN 2 ELSE 3 END, change, pcid, pages
