-- The caches of the machine that hold data, as far as the packed lines reach.
SELECT 'L' || level AS name, level, size_bytes FROM cache
WHERE size_bytes <= (SELECT MAX(bytes) FROM drawn) AND run = (SELECT MIN(run) FROM run) ORDER BY level
