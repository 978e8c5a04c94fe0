-- The canary beside the samples of each round: core cycles of one access of a chase that costs its floor while nobody uses the
-- core's other thread. quiet_percent: of the samples, those that were quiet from end to end. cycles: median; _lo, _hi: 10 % of
-- the samples are below, 90 % are.
WITH reading AS (
	SELECT p.run, p.pass, w.round, w.value AS cycles,
		COALESCE(q.value, w.value < (SELECT value FROM fact f WHERE f.run = p.run AND path = 'weather.quiet_below_cycles')) AS quiet
	FROM sample w JOIN point p USING (point) LEFT JOIN sample q ON q.point = w.point AND q.number = w.number AND q.name = 'quiet'
	WHERE w.name = 'weather' AND w.value > 0 AND p.status = 'ok' AND NOT p.emulated AND p.run = (SELECT MIN(run) FROM run))
SELECT ROW_NUMBER() OVER (ORDER BY pass = 'refine', round) AS time, pass, round, COUNT(*) AS samples, 100.0 * AVG(quiet) AS quiet_percent,
	NULL AS quiet_percent_lo, NULL AS quiet_percent_hi,
	median(cycles) AS cycles, quantile(cycles, 0.1) AS cycles_lo, quantile(cycles, 0.9) AS cycles_hi,
	(SELECT value FROM fact WHERE path = 'weather.quiet_below_cycles' AND run = (SELECT MIN(run) FROM run)) AS quiet_below_cycles
FROM reading GROUP BY pass, round ORDER BY time
