-- The fitted lines, from one reference, which every walk takes, to the most.
WITH RECURSIVE most AS (SELECT MAX("references") AS n FROM walk_line_point),
x(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x WHERE n < (SELECT n FROM most))
SELECT DENSE_RANK() OVER (ORDER BY place_rank, series) AS place, series AS label, place_colour(setting, paging, run) AS colour, x.n AS "references",
	base_cycles + reference_cycles * x.n AS line_cycles
FROM walk_line JOIN x WHERE reference_cycles IS NOT NULL ORDER BY place, x.n
