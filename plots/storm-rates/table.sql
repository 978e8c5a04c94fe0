-- Page faults a second of all actors together, mapping and unmapping included. One actor alone begins both lines.
-- ideal: so many times one actor alone. efficiency: the rate over that. _lo, _hi: 95 % interval.
WITH storm AS (SELECT *, MAX(actors) OVER (PARTITION BY kind) AS kind_most, MAX(actors) OVER () AS most,
		series || CASE WHEN MIN(region_bytes) OVER alike < MAX(region_bytes) OVER alike
			THEN ', region ' || size(region_bytes) ELSE '' END AS label
	FROM fault_storm WHERE status = 'ok' AND NOT emulated AND actors >= 1 AND faults_per_s > 0
		-- What takes no fault has no rate of them.
		AND faults_per_page IS NOT 0
	WINDOW alike AS (PARTITION BY series)),
-- A line of the picture. There is none of processes where there was never more than one.
line AS (SELECT label, kind, frames, way.value AS way,
		-- Alone under the same name where it was measured so, otherwise under any.
		COALESCE(MIN(point) FILTER (WHERE actors = 1 AND "as" = way.value), MIN(point) FILTER (WHERE actors = 1)) AS alone
	FROM storm JOIN JSON_EACH('["threads", "processes"]') AS way
	-- Kinds that several actors were measured with have panels; where there are none of them, all have.
	WHERE kind_most > 1 OR most = 1
	GROUP BY label, kind, frames, way
	HAVING way = 'threads' OR MAX(actors) FILTER (WHERE "as" = way.value) > 1),
row AS (SELECT line.way, line.alone, storm.*, IIF(line.alone, ratio_of_pairs(storm.point, line.alone, 'faults_per_s'), NULL) AS ratio
	FROM line JOIN storm USING (label, kind, frames)
	WHERE storm.point = line.alone OR (storm.actors > 1 AND storm."as" = line.way)
	GROUP BY storm.point, line.way)
SELECT row.kind, label, setting, way AS "as", frames, way || ', ' || frames AS line,
	place_colour(setting, paging, run) AS place_colour, IIF(way = 'threads', '#E69F00', '#CC79A7') AS colour, IIF(frames = 'fresh', 2, 1) AS dash, actors,
	row.faults_per_s, row.faults_per_s_lo, row.faults_per_s_hi, alone.value * actors AS ideal_per_s,
	(ratio ->> 0) / 1.0 / actors AS efficiency, (ratio ->> 1) / 1.0 / actors AS efficiency_lo, (ratio ->> 2) / 1.0 / actors AS efficiency_hi,
	system_share
FROM row LEFT JOIN (SELECT point AS alone, faults_per_s AS value FROM fault_storm) AS alone USING (alone)
ORDER BY INSTR('anon-write anon-read zero-write thp-write hugetlb-write shared-write file-read file-copy fork-copy'
		|| ' dontneed-write free-write upgrade populate userfault-missing userfault-minor', row.kind),
	place_rank, label, way DESC, frames DESC, actors
