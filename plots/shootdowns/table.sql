-- One call that takes pages away, by how many, and by the other CPUs that have them in their TLBs.
-- _lo, _hi: 95 % interval of the median. interrupts: TLB shootdowns of /proc/interrupts per call, over all CPUs.
SELECT series AS label, setting, place_colour(setting, paging, run) AS colour, operation, others,
	CASE others WHEN 0 THEN 'no other CPU' WHEN 1 THEN '1 other' ELSE others || ' others' END AS cpus, pages,
	operation_ns, operation_ns_lo, operation_ns_hi, operation_cycles, operation_cycles_lo, operation_cycles_hi,
	per_page_ns, per_page_ns_lo, per_page_ns_hi, interrupts_per_operation AS interrupts,
	interrupts_per_operation_lo AS interrupts_lo, interrupts_per_operation_hi AS interrupts_hi, victim_ns, victim_ns_lo, victim_ns_hi
FROM tlb_shootdown
WHERE status = 'ok' AND NOT emulated AND operation_ns > 0
ORDER BY place_rank, series, CASE operation WHEN 'munmap' THEN 1 WHEN 'mprotect' THEN 2 ELSE 3 END, operation, others, pages
