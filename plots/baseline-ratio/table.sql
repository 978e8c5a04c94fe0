-- How many times as long packed lines take as on the host: no translation by page walks, caches alone, by what they take in
-- memory. _lo, _hi: 95 % interval. control: yes: the host once more (A/A). in_reach: no: the TLB does not hold all pages of
-- the lines; unknown: what pieces they lie in is not known.
WITH packed AS (
	SELECT p.point, p.run, p.bench, b.bytes, CASE b.in_reach WHEN 1 THEN 'yes' WHEN 0 THEN 'no' ELSE 'unknown' END AS in_reach
	FROM baseline b JOIN point p USING (point) WHERE b.bytes > 0 AND p.setting = 'host' AND p.pass IS NOT 'refine'
		AND p.bench IN (SELECT bench FROM curve WHERE measured)),
held AS (
	SELECT h.*, o.place, o.place_rank, place_colour(o.setting, o.paging, o.run) AS colour, 0 AS control, a.point AS over
	FROM packed h JOIN alike a ON a.base = h.point JOIN point o ON o.point = a.point
	UNION ALL SELECT h.*, 'host, once more' || (SELECT words FROM of_run w WHERE w.run = h.run), -1, CASE h.run % 3 WHEN 1 THEN '#777777' WHEN 2 THEN '#AAAAAA' ELSE '#333333' END, 1, k.point FROM packed h JOIN control_pair k ON k.base = h.point),
-- Points of other page sizes and strides have the same packed lines.
compared AS (
	SELECT run, place, place_rank, colour, control, bytes, MIN(in_reach) AS in_reach, ratio_of_pairs(over, point, 'baseline_ns') AS ratio
	FROM held GROUP BY run, place, control, bytes)
SELECT place AS label, colour, CASE WHEN control THEN 'yes' ELSE 'no' END AS control, bytes, in_reach,
	ratio ->> 0 AS ratio, COALESCE(ratio ->> 1, ratio ->> 0) AS ratio_lo, COALESCE(ratio ->> 2, ratio ->> 0) AS ratio_hi, ratio ->> 3 AS pairs,
	(SELECT MIN(level) FROM cache WHERE cache.run = compared.run AND size_bytes >= bytes) AS cache
FROM compared WHERE ratio ->> 0 > 0
ORDER BY place_rank, place, bytes
