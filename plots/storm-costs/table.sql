-- What one page fault costs one actor alone, by kind. Where a page takes no fault: per page touched.
-- recycled frames return again and again; no storm of the run had the fresh ones before. _lo, _hi: 95 % interval.
WITH kinds (rank, kind, meaning) AS (VALUES
	(1, 'anon-write', 'first write to anonymous memory'),
	(2, 'anon-read', 'first read of anonymous memory'),
	(3, 'zero-write', 'write to what was read before'),
	(4, 'thp-write', 'first write, a transparent huge page'),
	(5, 'hugetlb-write', 'first write, a page of the hugetlb pool'),
	(6, 'shared-write', 'write to a page that a memfd has'),
	(7, 'file-read', 'read of a file, 64K mapped at a time'),
	(8, 'file-copy', 'write to a private mapping of a file'),
	(9, 'fork-copy', 'write after fork: the page is copied'),
	(10, 'dontneed-write', 'write after MADV_DONTNEED'),
	(16, 'free-write', 'write after MADV_FREE'),
	(17, 'upgrade', 'write after PROT_READ is taken back'),
	(13, 'populate', 'a page of one MADV_POPULATE_WRITE'),
	(14, 'userfault-missing', 'another thread gives the page'),
	(15, 'userfault-minor', 'another thread maps a page of a memfd'))
SELECT kind, meaning,
	-- Some kinds take no fault, as the CPU or an earlier call does it all.
	IIF(MAX(faults_per_page) OVER (PARTITION BY kind) < 0.01, 'no fault: ', '') || meaning AS note,
	series || CASE WHEN MIN(region_bytes) OVER alike < MAX(region_bytes) OVER alike
		THEN ', region ' || size(region_bytes) ELSE '' END AS label,
	place_colour(setting, paging, run) AS colour, setting, frames,
	fault_ns, fault_ns_lo, fault_ns_hi, fault_cycles, fault_cycles_lo, fault_cycles_hi,
	faults_per_page, faults_per_page_lo, faults_per_page_hi, fresh_share
FROM fault_storm LEFT JOIN kinds USING (kind)
-- One actor alone is neither threads nor processes.
WHERE point IN (SELECT MIN(point) FROM fault_storm
	WHERE status = 'ok' AND NOT emulated AND actors = 1 AND fault_ns IS NOT NULL
	GROUP BY series, region_bytes, kind, frames)
WINDOW alike AS (PARTITION BY series)
ORDER BY rank IS NULL, rank, kind, place_rank, label, frames DESC
