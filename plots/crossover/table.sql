-- (C + misses M) of a setting over that of the base: C a change of its page tables, M a miss of its TLB.
SELECT DENSE_RANK() OVER (ORDER BY panel, c.run) AS panel, c.panel_label || (SELECT words FROM of_run w WHERE w.run = c.run) AS panel_label, b.place AS base, c.place AS label, p.setting, p.paging,
	place_colour(p.setting, p.paging, p.run) AS colour, misses, slowdown, slowdown_lo, slowdown_hi
FROM crossover JOIN crossover_cost c USING (run, panel, place) JOIN crossover_cost b USING (run, panel) JOIN point p ON p.point = c.change
-- 0 and Inf, changes and misses alone, have no place on a logarithmic axis.
WHERE b.is_base AND misses > 0 AND misses < 9e999
ORDER BY panel, place_rank, label, misses
