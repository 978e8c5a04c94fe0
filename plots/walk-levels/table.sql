-- What a walk costs, by how far apart the pages lie. own: levels whose entry is no other page's, of levels.
-- walks: no: the TLB held these pages, and the cost is not a walk's. _lo, _hi: 95 % interval.
WITH bar AS (
	SELECT w.*, value ->> 'label' AS label, value ->> 'walks' AS walks, value ->> 'level' AS level, value ->> 'own' AS own,
		value ->> 'levels' AS levels, value ->> 'needs' AS needs
	FROM json_each(:bars) JOIN walk_depth w ON w.point = value ->> 'point' WHERE value ->> 'drawn')
SELECT DENSE_RANK() OVER (ORDER BY page_size_bytes) AS leaf, DENSE_RANK() OVER (ORDER BY place_rank, label) AS lane, label, setting, place_colour(setting, paging) AS colour, size(page_size_bytes) AS page_size, pages,
	DENSE_RANK() OVER (PARTITION BY page_size_bytes ORDER BY distance_bytes) AS x, bytes(distance_bytes) AS distance, needs, own, levels,
	CASE WHEN walks THEN 'yes' ELSE 'no' END AS walks,
	net_cycles, COALESCE(net_cycles_lo, net_cycles) AS net_cycles_lo, COALESCE(net_cycles_hi, net_cycles) AS net_cycles_hi,
	net_ns, COALESCE(net_ns_lo, net_ns) AS net_ns_lo, COALESCE(net_ns_hi, net_ns) AS net_ns_hi
FROM bar ORDER BY page_size_bytes, place_rank, label, distance_bytes
