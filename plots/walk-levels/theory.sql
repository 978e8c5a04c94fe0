-- Memory references of one walk of which nothing is cached: native and shadow g, nested (g+1)(h+1)-1,
-- for g levels of the guest's table and h of the host's. measured: that paging is in this run.
WITH leaf (size, levels) AS (VALUES ('4K', :root), ('2M', :root - 1), ('1G', :root - 2)),
theory (n, paging, pages, "references") AS (
	SELECT 0, 'native or shadow', size, levels FROM leaf
	UNION ALL SELECT 1, 'nested', g.size || ' on ' || h.size, (g.levels + 1) * (h.levels + 1) - 1 FROM leaf g JOIN leaf h
	WHERE g.size = h.size OR g.size || h.size = '4K2M'),
here AS (SELECT DISTINCT paging FROM walk_depth WHERE status = 'ok' AND NOT emulated AND net_cycles IS NOT NULL)
SELECT paging, pages, "references", CASE WHEN EXISTS (SELECT 1 FROM here h WHERE instr(t.paging, h.paging)) THEN 'yes' ELSE 'no' END AS measured
FROM theory t ORDER BY n, "references" DESC
