-- Sizes between which malloc() turns to mmap(): less than half of the blocks below, half or more above.
SELECT label, pattern, panel, touch, below_bytes, above_bytes, 'mmap from ' || bytes(above_bytes) AS what
FROM drawn WHERE above_bytes IS NOT NULL
GROUP BY label, pattern, touch ORDER BY MIN(rowid)
