-- What of the page table a walk needs for itself from a distance on.
WITH distance AS (
	SELECT DISTINCT distance_bytes AS d, (distance_bytes >= 1 << 21) + (distance_bytes >= 1 << 30) + (distance_bytes >= 1 << 39)
		+ (distance_bytes >= 1 << 48) AS level
	FROM json_each(:points) JOIN walk_depth w ON w.point = value ->> 'point' WHERE value ->> 'drawn')
SELECT ROW_NUMBER() OVER (ORDER BY d) AS x, bytes(d) AS distance,
	/* An entry of a level covers 4K << 9 * level; a cache line holds eight entries. */
	CASE WHEN d >= 8 * (4096 << 9 * level) THEN ('["PTE line","PDE line","PDPTE line","PML4E line","PML5E line"]' ->> level)
		WHEN :page_size_bytes < 4096 << 9 * level THEN ('["","page table","page directory","PDPT","PML4"]' ->> level)
		ELSE ('["PTE","PDE","PDPTE","PML4E","PML5E"]' ->> level) END AS needs
FROM distance ORDER BY x
