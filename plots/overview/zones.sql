-- Regions of the first curve of the smallest pages, by the TLB level that translates there.
WITH ends AS (
	SELECT level, entries, added_cycles FROM tlb_level WHERE curve = :first
	UNION ALL SELECT NULL, MAX(pages), NULL FROM curve_point WHERE curve = :first),
edges AS (
	SELECT level, COALESCE(LAG(entries) OVER along, (SELECT MIN(pages) FROM curve_point WHERE curve = :first)) AS pages_from,
		entries AS pages_to, ROW_NUMBER() OVER along AS zone,
		/* An access here has missed all levels before this one. */
		SUM(added_cycles) OVER before AS added, COUNT(added_cycles) OVER before AS added_known
	FROM ends WINDOW along AS (ORDER BY level NULLS LAST), before AS (along ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING))
SELECT zone, pages_from * page_size_bytes AS from_bytes, pages_to * page_size_bytes AS to_bytes,
	bytes(page_size_bytes) || ' pages: ' || CASE WHEN level IS NOT NULL THEN 'L' || level || ' TLB'
		WHEN zone = 1 THEN 'no level resolved' ELSE 'page walks' END AS what,
	CASE WHEN added_known < zone - 1 THEN 'cost not known' WHEN zone > 1 THEN '+' || number(added) || ' cycles' || CASE WHEN level IS NULL THEN ' and more' ELSE '' END
		WHEN level IS NOT NULL THEN 'nothing added' ELSE ' ' END AS cost
FROM edges JOIN curve ON curve = :first
ORDER BY zone
