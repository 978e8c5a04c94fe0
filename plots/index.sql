-- The row of a run in the index of a site (`nestwalk site`): the columns there, in their order. Each can be sorted by.
WITH here AS (SELECT run.*, (SELECT curve FROM curve WHERE curve.run = run.run AND measured AND page_size_bytes = 4096 AND stride_pages = 1
		ORDER BY setting <> 'host', place_rank, curve LIMIT 1) AS first
	FROM run WHERE run = 1),
level AS (
	-- Sets times ways, where they are known, say more exactly what a level holds.
	SELECT l.level, COALESCE((SELECT g.entries FROM geometry g JOIN curve c USING (run, place, page_size_bytes)
		WHERE c.curve = l.curve AND g.level = l.level AND g.entries IS NOT NULL LIMIT 1), l.entries) AS entries
	FROM here JOIN tlb_level l ON l.curve = here.first)
SELECT host, cpu AS "CPU", "outer" AS "runs on", replace(substr(started_utc, 1, 16), 'T', ' ') AS started, effort,
	(SELECT CAST(entries AS INTEGER) FROM level WHERE level = 1) AS "L1 TLB, entries",
	(SELECT CAST(entries AS INTEGER) FROM level WHERE level = 2) AS "L2 TLB, entries",
	(SELECT round(cycles, 1) FROM tlb_walk WHERE curve = first) AS "page walk, cycles",
	(SELECT round(fault_ns) FROM fault_storm WHERE status = 'ok' AND NOT emulated AND setting = 'host' AND kind = 'anon-write'
		AND frames = 'recycled' AND actors = 1 AND fault_ns IS NOT NULL ORDER BY point LIMIT 1) AS "page fault, ns",
	(SELECT size(leaf_bytes) FROM effective_leaf WHERE page_size_bytes = 2097152 AND leaf_bytes IS NOT NULL ORDER BY backing DESC LIMIT 1)
		AS "2M page held in",
	state || IIF(truncated, ', cut off', '') AS state
FROM here
