-- How long one page fault of a guest takes, touch, fault, handler and return. _lo, _hi: 95 % interval.
SELECT series || CASE WHEN MIN(guest_levels) OVER alike < MAX(guest_levels) OVER alike
		THEN ', guest_levels ' || guest_levels ELSE '' END
	|| CASE WHEN MIN(pages_touched) OVER alike < MAX(pages_touched) OVER alike
		THEN ', pages_touched ' || pages_touched ELSE '' END AS label,
	paging_colour(paging, run) AS colour, paging, IIF(emulated, 'yes', 'no') AS emulated,
	kind || COALESCE(', ' || "order", '') || COALESCE(', ' || NULLIF(flush, 'none'), '') AS what,
	fault_ns, fault_ns_lo, fault_ns_hi, fault_cycles, fault_cycles_lo, fault_cycles_hi
FROM vcpu_fault
-- Of an interpreter and of an emulator only the counts mean something.
WHERE status = 'ok' AND exits_per_fault IS NOT NULL AND fault_ns IS NOT NULL AND NOT emulated AND NOT interpreted
WINDOW alike AS (PARTITION BY series)
ORDER BY place_rank, label, MIN(point) OVER (PARTITION BY kind, "order", flush), point
