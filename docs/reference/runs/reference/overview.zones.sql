-- Regions of the first curve of each page size, by the TLB level that translates there. size: as in the other table.
WITH first AS (
	SELECT *, DENSE_RANK() OVER (ORDER BY page_size_bytes) AS size FROM (
		SELECT *, ROW_NUMBER() OVER (PARTITION BY page_size_bytes ORDER BY place_rank, curve) AS n
		FROM curve WHERE curve IN (SELECT value FROM json_each('[1,2,5,6]'))) WHERE n = 1),
ends AS (
	SELECT curve, level, entries, added_cycles FROM tlb_level WHERE curve IN (SELECT curve FROM first)
	UNION ALL SELECT curve, NULL, MAX(pages), NULL FROM curve_point WHERE curve IN (SELECT curve FROM first) GROUP BY curve),
edges AS (
	SELECT curve, level, COALESCE(LAG(entries) OVER along, (SELECT MIN(pages) FROM curve_point p WHERE p.curve = ends.curve)) AS pages_from,
		entries AS pages_to, ROW_NUMBER() OVER along AS zone,
		/* An access here has missed all levels before this one. Walks cost what is read where they are, if that is known. */
		SUM(added_cycles) OVER before AS added, COUNT(added_cycles) OVER before AS added_known
	FROM ends WINDOW along AS (PARTITION BY curve ORDER BY level NULLS LAST), before AS (along ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING))
SELECT size, zone, pages_from * page_size_bytes AS from_bytes, pages_to * page_size_bytes AS to_bytes,
	CASE WHEN level IS NOT NULL THEN 'L' || level || ' TLB' WHEN zone = 1 THEN 'no level resolved'
		-- Beyond a first level that shows no second one, nobody knows whether the next level translates or a walk does.
		WHEN zone = 2 THEN 'beyond' ELSE 'page walks' END AS what,
	CASE WHEN added_known < zone - 1 THEN 'cost not known' WHEN zone > 1 THEN '+' || number(IIF(level IS NULL AND zone > 2, COALESCE((SELECT cycles FROM tlb_walk w WHERE w.curve = edges.curve), added), added)) || ' cycles' || CASE WHEN level IS NULL THEN ' and more' ELSE '' END
		WHEN level IS NOT NULL THEN 'nothing added' ELSE ' ' END AS cost
FROM edges JOIN first USING (curve)
ORDER BY size, zone

