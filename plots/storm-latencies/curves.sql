-- How long single page faults take, all samples of a point together: percent of them take no longer than ns.
-- nines: -log10(1 - percent / 100). The last row of a line is the longest of its faults.
WITH RECURSIVE
-- A dozen rows to each "nine", which is some 40 pixels wide in the picture.
step (step) AS (SELECT 0 UNION ALL SELECT step + 1 FROM step WHERE step < 12 * 18),
line AS (SELECT drawn.*, COALESCE(MAX(value), latency_most_ns) AS longest
	FROM drawn LEFT JOIN sample ON sample.point = drawn.point AND sample.name = 'latency_most_ns' GROUP BY line),
-- The middle of a bucket of whole ns, [from, to), and how many faults there are up to it.
bucket AS (SELECT point, (from_ns + to_ns - 1) / 2.0 AS ns, count, SUM(count) OVER (PARTITION BY point ORDER BY from_ns) AS upto
	FROM latency WHERE count > 0 AND to_ns > from_ns)
SELECT line, kind, label, what || ', ' || frames AS curve, IIF(frames = 'fresh', 2, 1) AS dash,
	CASE WHEN actors = 1 THEN '#222222' WHEN what LIKE '%threads' THEN '#E69F00' ELSE '#CC79A7' END AS colour,
	 100 * (1 - POWER(10, -step / 12.0)) AS percent, step / 12.0 AS nines,
	MIN(ns, COALESCE(longest, ns)) AS ns
-- Of a number of faults, 0.9 * 1000 may be a little more than 900.
FROM line JOIN step ON step < 12 * LOG10(faults) JOIN bucket ON bucket.point = line.point
	AND (1 - POWER(10, -step / 12.0)) * faults <= upto + 0.01
	AND ((1 - POWER(10, -step / 12.0)) * faults > upto - count + 0.01 OR upto = count)
UNION ALL
SELECT line, kind, label, what || ', ' || frames, IIF(frames = 'fresh', 2, 1),
	CASE WHEN actors = 1 THEN '#222222' WHEN what LIKE '%threads' THEN '#E69F00' ELSE '#CC79A7' END, 100, LOG10(faults), longest FROM line
ORDER BY line, nines
