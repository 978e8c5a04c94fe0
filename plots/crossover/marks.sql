-- Where nested and shadow paging cost the same; NA where they do nowhere in the picture.
WITH shown AS (SELECT DISTINCT run, panel, DENSE_RANK() OVER (ORDER BY panel, run) AS number FROM crossover_cost WHERE is_base),
equal AS (
	SELECT e.*, CASE WHEN e.misses < 100 THEN number(e.misses) ELSE thousands(e.misses) END || CASE
			WHEN misses_lo IS NULL THEN ''
			WHEN misses_hi = 9e999 THEN ' [' || CASE WHEN misses_lo < 100 THEN number(misses_lo) ELSE thousands(misses_lo) END || ' and more]'
			ELSE ' [' || CASE WHEN misses_lo < 100 THEN number(misses_lo) ELSE thousands(misses_lo) END || ', ' ||
				CASE WHEN misses_hi < 100 THEN number(misses_hi) ELSE thousands(misses_hi) END || ']' END AS words,
		(f.median + e.misses * m.median) / (bf.median + e.misses * bm.median) AS slowdown
	FROM crossover_equal e JOIN crossover_cost c USING (run, panel) JOIN point p ON p.point = c.change AND p.setting = c.setting AND p.paging = 'shadow'
	JOIN crossover_cost b USING (run, panel) JOIN metric f ON f.point = c.change AND f.name = c.change_metric JOIN metric m ON m.point = c.miss AND m.name = c.miss_metric
	JOIN metric bf ON bf.point = b.change AND bf.name = b.change_metric JOIN metric bm ON bm.point = b.miss AND bm.name = b.miss_metric
	WHERE b.is_base AND e.misses BETWEEN 1 / 16. AND 1048576)
SELECT number AS panel, misses, MAX(misses_lo, 1 / 16.) AS misses_lo, MIN(misses_hi, 1048576) AS misses_hi, slowdown, words
FROM shown LEFT JOIN equal USING (run, panel) ORDER BY number
