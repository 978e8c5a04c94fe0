-- The caches of the machine that hold data, as far as the packed lines reach.
/* Where runs differ in them, each names its own. */
WITH known AS (SELECT level, size_bytes, run, COUNT(*) OVER (PARTITION BY level, size_bytes) = (SELECT COUNT(DISTINCT run) FROM cache) AS by_all FROM cache)
SELECT 'L' || level || IIF(by_all, '', COALESCE(' (' || (SELECT group_concat(label, ', ') FROM known k JOIN run_label USING (run)
	WHERE k.level = known.level AND k.size_bytes = known.size_bytes) || ')', '')) AS name, level, size_bytes
FROM known WHERE size_bytes <= (SELECT MAX(bytes) FROM drawn) GROUP BY level, size_bytes ORDER BY level, size_bytes
