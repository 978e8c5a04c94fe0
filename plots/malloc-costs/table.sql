-- malloc() and free() of one block, and touching each of its pages. pattern: each block is freed before the next (pair),
-- or many live at a time (batch). mapped_share: of blocks that the allocator got by a mmap() of their own.
-- below_bytes, above_bytes: sizes between which malloc() turns to mmap(): less than half of the blocks below, half or more above.
-- _lo, _hi: 95 % interval.
WITH measured AS (
	SELECT *, series || IIF(MIN(actors) OVER alike <> MAX(actors) OVER alike, ', actors ' || actors, '') AS label
	FROM malloc_storm WHERE status = 'ok' AND NOT emulated AND malloc_ns IS NOT NULL AND pattern IS NOT NULL AND touch IS NOT NULL
	WINDOW alike AS (PARTITION BY place)),
unmapped AS (
	SELECT *, MIN(block_bytes) FILTER (WHERE mapped_share < 0.5) OVER (PARTITION BY label, pattern, touch) AS unmapped_bytes FROM measured),
turned AS (
	SELECT *, MIN(block_bytes) FILTER (WHERE mapped_share >= 0.5 AND block_bytes > unmapped_bytes)
		OVER (PARTITION BY label, pattern, touch) AS above_bytes FROM unmapped)
SELECT label, setting, place_colour(setting, paging, run) AS colour, pattern,
	CASE pattern WHEN 'pair' THEN 'pair: each block is freed before the next' WHEN 'batch' THEN 'batch: many blocks live at a time'
		ELSE pattern END AS panel,
	touch, block_bytes, malloc_ns, malloc_ns_lo, malloc_ns_hi, free_ns, free_ns_lo, free_ns_hi, touch_ns, touch_ns_lo, touch_ns_hi,
	malloc_cycles, malloc_cycles_lo, malloc_cycles_hi, free_cycles, free_cycles_lo, free_cycles_hi,
	faults_per_call, faults_per_call_lo, faults_per_call_hi, mapped_share, returned_bytes,
	MAX(block_bytes) FILTER (WHERE mapped_share < 0.5 AND block_bytes < above_bytes) OVER (PARTITION BY label, pattern, touch) AS below_bytes,
	above_bytes
FROM turned
ORDER BY place_rank, label, CASE pattern WHEN 'pair' THEN 1 WHEN 'batch' THEN 2 ELSE 3 END, pattern, touch, block_bytes
