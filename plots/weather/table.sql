-- The canary beside the samples, against the time of the run: core cycles of one access of a chase that costs its floor while
-- nobody uses the core's other thread. time_s: the middle of an interval of width_s. quiet_percent: of its samples, those that
-- were quiet from end to end. cycles: median; _lo, _hi: 10 % of the samples are below, 90 % are.
WITH reading AS (
	SELECT t.value AS at_s, w.value AS cycles, q.value AS quiet
	FROM sample w JOIN point p USING (point) JOIN sample q ON q.point = w.point AND q.number = w.number AND q.name = 'quiet'
	JOIN sample t ON t.point = w.point AND t.number = w.number AND t.name = 'at_s'
	WHERE w.name = 'weather' AND w.value > 0 AND p.status = 'ok' AND NOT p.emulated AND p.run = :run),
-- Some forty intervals; shorter ones than half a second hold few samples.
width AS (SELECT MAX(MAX(at_s) / 40.0, 0.5) AS width_s FROM reading),
-- The last sample is in the last interval, not alone behind it.
placed AS (SELECT MIN(CAST(at_s / width_s AS INTEGER), 39) AS nth, * FROM reading, width)
SELECT (nth + 0.5) * width_s AS time_s, width_s, COUNT(*) AS samples, 100.0 * AVG(quiet) AS quiet_percent,
	NULL AS quiet_percent_lo, NULL AS quiet_percent_hi,
	median(cycles) AS cycles, quantile(cycles, 0.1) AS cycles_lo, quantile(cycles, 0.9) AS cycles_hi,
	(SELECT value FROM fact WHERE path = 'weather.quiet_below_cycles' AND run = :run) AS quiet_below_cycles
FROM placed GROUP BY nth ORDER BY time_s
