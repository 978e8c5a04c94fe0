-- What hardware counted, per access, with the 95 % interval of the median. NA: not counted.
-- scaled: some of it was counted for a part of the time, and scaled up.
WITH shown AS (
	SELECT ROW_NUMBER() OVER (ORDER BY place_rank, curve) AS n, * FROM curve WHERE measured AND pages_label = :pages_label)
SELECT s.n AS curve, s.series AS label, p.pass, p.pages, misses AS dtlb_load_misses_l1_per_access,
	COALESCE(misses_lo, misses) AS dtlb_load_misses_l1_per_access_lo, COALESCE(misses_hi, misses) AS dtlb_load_misses_l1_per_access_hi,
	walks AS dtlb_load_walks_per_access, COALESCE(walks_lo, walks) AS dtlb_load_walks_per_access_lo, COALESCE(walks_hi, walks) AS dtlb_load_walks_per_access_hi,
	walk_cycles AS dtlb_walk_cycles_per_access, COALESCE(walk_cycles_lo, walk_cycles) AS dtlb_walk_cycles_per_access_lo,
	COALESCE(walk_cycles_hi, walk_cycles) AS dtlb_walk_cycles_per_access_hi,
	CASE WHEN EXISTS (SELECT 1 FROM hardware h WHERE h.point = p.point AND h.scaled) THEN 'yes' ELSE 'no' END AS scaled
FROM shown s JOIN curve_point p USING (curve) LEFT JOIN tlb_counted t USING (point)
WHERE s.curve IN (SELECT curve FROM tlb_counted)
ORDER BY s.n, p.pass DESC, p.pages
