-- Percentiles of single page faults: medians over samples. _lo, _hi: 95 % interval. faults: of all samples together.
-- A percentile that too few faults lie beyond is NA. point: the number that the point has in `nestwalk query`.
WITH storm AS (SELECT *, MAX(actors) OVER (PARTITION BY series, region_bytes, kind) AS most,
		series || CASE WHEN MIN(region_bytes) OVER alike < MAX(region_bytes) OVER alike
			THEN ', region ' || size(region_bytes) ELSE '' END AS label
	FROM fault_storm JOIN (SELECT point, SUM(count) AS faults FROM latency WHERE count > 0 AND to_ns > from_ns GROUP BY point)
		USING (point)
	WHERE status = 'ok' AND NOT emulated AND actors >= 1
	WINDOW alike AS (PARTITION BY series)),
-- One actor alone is neither threads nor processes. Of several, the most tell enough.
line AS (SELECT MIN(point) AS point FROM storm WHERE actors = 1 GROUP BY label, kind, frames
	UNION ALL SELECT point FROM storm WHERE actors > 1 AND actors = most),
shown AS (SELECT storm.*, CASE WHEN actors = 1 THEN 1 WHEN "as" = 'threads' THEN 2 ELSE 3 END AS who,
		INSTR('anon-write anon-read zero-write thp-write hugetlb-write shared-write file-read file-copy fork-copy'
			|| ' dontneed-write free-write upgrade populate userfault-missing userfault-minor', kind) AS kind_rank,
		(SELECT COUNT(DISTINCT most) FROM storm WHERE most > 1) AS different
	FROM line JOIN storm USING (point)),
-- A percentile stands where at least ten faults take longer, and one in each sample: of 16 faults the longest is no 99.9 %.
resolved AS (SELECT *, MIN(faults / 10.0, faults / COALESCE(MAX(samples, 1), 1)) AS beyond FROM shown)
SELECT ROW_NUMBER() OVER (ORDER BY kind_rank, place_rank, label, who, frames DESC) AS line, point, kind, label,
	CASE WHEN who = 1 THEN 'one actor alone' WHEN different > 1 THEN 'most ' || "as" ELSE actors || ' ' || "as" END AS what,
	-- Where one place was measured, its name tells nothing apart.
	IIF((SELECT COUNT(DISTINCT label) FROM shown) > 1, label || ', ', '')
		|| CASE WHEN who = 1 THEN 'one actor alone' WHEN different > 1 THEN 'most ' || "as" ELSE actors || ' ' || "as" END AS curve,
	place_colour(setting, paging, run) AS colour, frames, actors, faults, samples,
	IIF(0.5 * beyond >= 1, latency_p50_ns, NULL) AS latency_p50_ns, IIF(0.5 * beyond >= 1, latency_p50_ns_lo, NULL) AS latency_p50_ns_lo, IIF(0.5 * beyond >= 1, latency_p50_ns_hi, NULL) AS latency_p50_ns_hi,
	IIF(0.1 * beyond >= 1, latency_p90_ns, NULL) AS latency_p90_ns, IIF(0.1 * beyond >= 1, latency_p90_ns_lo, NULL) AS latency_p90_ns_lo, IIF(0.1 * beyond >= 1, latency_p90_ns_hi, NULL) AS latency_p90_ns_hi,
	IIF(0.01 * beyond >= 1, latency_p99_ns, NULL) AS latency_p99_ns, IIF(0.01 * beyond >= 1, latency_p99_ns_lo, NULL) AS latency_p99_ns_lo, IIF(0.01 * beyond >= 1, latency_p99_ns_hi, NULL) AS latency_p99_ns_hi,
	IIF(0.001 * beyond >= 1, latency_p999_ns, NULL) AS latency_p999_ns, IIF(0.001 * beyond >= 1, latency_p999_ns_lo, NULL) AS latency_p999_ns_lo, IIF(0.001 * beyond >= 1, latency_p999_ns_hi, NULL) AS latency_p999_ns_hi,
	latency_most_ns, latency_most_ns_lo, latency_most_ns_hi, timing_overhead_ns
FROM resolved
ORDER BY line
