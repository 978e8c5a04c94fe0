-- One random access over one working set, by page size and the size of what is behind.
-- state: measured, missing (not measured here: why is in report.md), none (means nothing there).
-- speedup: cost of 4K on 4K over that of the cell.
WITH lane AS (
	SELECT h.*, log2(page_size_bytes) AS page, CASE substr(ltrim(backing, '0123456789'), 1, 1) WHEN 'K' THEN 10 WHEN 'M' THEN 20 WHEN 'G' THEN 30 ELSE 0 END
		+ log2(CAST(backing AS INTEGER)) AS behind,
		(SELECT group_concat(name || ' ' || value, ', ') FROM parameter p WHERE p.point = h.point AND name NOT IN ('page_size_bytes', 'backing', 'working_set_bytes')) AS others
	FROM huge_pages h WHERE status = 'ok' AND NOT emulated AND gross_cycles IS NOT NULL),
named AS (
	SELECT *, series || CASE WHEN MIN(others) OVER same <> MAX(others) OVER same THEN ', ' || others ELSE '' END AS label FROM lane WINDOW same AS (PARTITION BY series)),
measured AS (
	SELECT label, run, place_rank, setting, paging, CAST(page AS INTEGER) AS page, CAST(behind AS INTEGER) AS behind, working_set_bytes,
		FIRST_VALUE(point) OVER (PARTITION BY label, page, behind, working_set_bytes ORDER BY backing) AS point
	FROM named WHERE page IN (12, 21, 30) AND behind IN (12, 21, 30)),
/* The largest working set that was measured in every cell in which any was. */
common AS (
	SELECT working_set_bytes FROM measured GROUP BY working_set_bytes
	HAVING COUNT(DISTINCT label || page || behind) = (SELECT COUNT(DISTINCT label || page || behind) FROM measured) ORDER BY 1 DESC LIMIT 1),
/* Sizes as powers of two. */
size (bits) AS (VALUES (12), (21), (30)),
cell AS (
	SELECT l.*, p.bits AS page, b.bits AS behind, (SELECT point FROM measured m JOIN common USING (working_set_bytes)
		WHERE m.label = l.label AND m.page = p.bits AND m.behind = b.bits) AS point
	FROM (SELECT DISTINCT label, run, place_rank, setting, paging FROM named) l JOIN size p JOIN size b),
compared AS (
	SELECT u.point, ratio_of_pairs(o.point, u.point, 'gross_cycles') AS faster FROM cell o JOIN cell u USING (label)
	WHERE o.page = 12 AND o.behind = 12 AND o.point <> u.point GROUP BY u.point)
SELECT c.label, c.setting, place_colour(c.setting, c.paging, c.run) AS colour, size(1 << page) AS page_size, size(1 << behind) AS backing,
	CASE WHEN point IS NOT NULL THEN 'measured'
		/* Without a second table a page is its own backing. */
		WHEN c.paging = 'native' AND page <> behind THEN 'none' ELSE 'missing' END AS state, IIF(point IS NOT NULL, size(1 << behind), NULL) AS measured_on,
	common.working_set_bytes,
	gross_cycles, COALESCE(gross_cycles_lo, gross_cycles) AS gross_cycles_lo, COALESCE(gross_cycles_hi, gross_cycles) AS gross_cycles_hi,
	gross_ns, COALESCE(gross_ns_lo, gross_ns) AS gross_ns_lo, COALESCE(gross_ns_hi, gross_ns) AS gross_ns_hi,
	faster ->> 0 AS speedup, COALESCE(faster ->> 1, faster ->> 0) AS speedup_lo, COALESCE(faster ->> 2, faster ->> 0) AS speedup_hi
FROM cell c JOIN common LEFT JOIN huge_pages USING (point) LEFT JOIN compared USING (point)
ORDER BY c.place_rank, c.label, page, behind
