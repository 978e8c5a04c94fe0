-- TLB levels: inferred from the curves, and advertised by CPUID. One row a level of a curve.
-- kind: inferred, unconfirmed (not seen again by the second pass), advertised,
-- walk (translation beyond the last level), unresolved (no level found).
-- added: what an access that misses the level costs more, in core cycles and ns. _lo, _hi: 95 % interval.
WITH shown AS (
	SELECT DENSE_RANK() OVER (ORDER BY page_size_bytes, stride_pages, pages_label, place_rank, curve) AS "row", *
	FROM curve WHERE measured),
found AS (
	SELECT curve, 1 AS part, CASE WHEN confirmed THEN 'inferred' ELSE 'unconfirmed' END AS kind, level,
		entries, COALESCE(entries_lo, entries) AS entries_lo, COALESCE(entries_hi, entries) AS entries_hi,
		added_cycles, COALESCE(added_cycles_lo, added_cycles) AS added_cycles_lo, COALESCE(added_cycles_hi, added_cycles) AS added_cycles_hi,
		added_ns, COALESCE(added_ns_lo, added_ns) AS added_ns_lo, COALESCE(added_ns_hi, added_ns) AS added_ns_hi
	FROM tlb_level
	UNION ALL
	SELECT curve, 2, 'advertised', level, SUM(entries), SUM(entries), SUM(entries), NULL, NULL, NULL, NULL, NULL, NULL
	FROM curve c JOIN tlb_advertised a USING (run, page_size_bytes)
	GROUP BY curve, level
	UNION ALL
	SELECT curve, 3, 'walk', 0, NULL, NULL, NULL, cycles, COALESCE(cycles_lo, cycles), COALESCE(cycles_hi, cycles),
		ns, COALESCE(ns_lo, ns), COALESCE(ns_hi, ns) FROM tlb_walk
	UNION ALL
	SELECT curve, 4, 'unresolved', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
	FROM curve WHERE curve NOT IN (SELECT curve FROM tlb_level))
SELECT s."row", s.pages_label AS panel, s.series AS curve, s.setting, place_colour(s.setting, s.paging, s.run) AS colour, f.kind, f.level,
	f.entries, f.entries_lo, f.entries_hi, f.added_cycles, f.added_cycles_lo, f.added_cycles_hi, f.added_ns, f.added_ns_lo, f.added_ns_hi
FROM shown s JOIN found f USING (curve)
ORDER BY s."row", f.part, f.level
