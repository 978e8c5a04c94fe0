-- What translation adds to an access while the core's other thread is idle and while this program keeps it busy, for curves that
-- were measured both ways. _lo, _hi: 95 % interval.
WITH both AS (
	SELECT run, place, page_size_bytes, stride_pages FROM tlb_reach WHERE status = 'ok' AND pass = 'sweep'
	GROUP BY run, place, page_size_bytes, stride_pages HAVING COUNT(DISTINCT sibling) > 1)
SELECT place, size(page_size_bytes) || ' pages' || CASE stride_pages WHEN 1 THEN '' ELSE ', every ' || ordinal(stride_pages) || ' page' END AS panel,
	sibling, CASE sibling WHEN 'busy' THEN '#D55E00' ELSE '#0072B2' END AS colour, page_size_bytes, stride_pages, pages,
	net_cycles, COALESCE(net_cycles_lo, net_cycles) AS net_cycles_lo, COALESCE(net_cycles_hi, net_cycles) AS net_cycles_hi
FROM tlb_reach JOIN both USING (run, place, page_size_bytes, stride_pages)
WHERE status = 'ok' AND NOT emulated AND pass = 'sweep' AND net_cycles IS NOT NULL
ORDER BY place_rank, place, page_size_bytes, stride_pages, sibling DESC, pages
