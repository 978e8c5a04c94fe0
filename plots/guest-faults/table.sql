-- What one page fault of a guest takes, by KVM's own counts. One row a kind and paging mode.
-- emulated: yes: counted on an emulated machine: KVM's counts are real there, times are not.
-- fault_ns, fault_cycles: of a processor that ran the guest's code itself.
-- least_exits: the fewest exits that a fault can take in theory. Nested paging: one for memory that the host does not have, none
-- for what the guest's own tables say. Shadow paging: one, because the table in force is the hypervisor's.
SELECT series || CASE WHEN MIN(guest_levels) OVER alike < MAX(guest_levels) OVER alike
		THEN ', guest_levels ' || guest_levels ELSE '' END
	|| CASE WHEN MIN(pages_touched) OVER alike < MAX(pages_touched) OVER alike
		THEN ', pages_touched ' || pages_touched ELSE '' END AS label,
	paging_colour(paging, run) AS colour, paging, IIF(emulated, 'yes', 'no') AS emulated,
	kind || COALESCE(', ' || "order", '') || COALESCE(', ' || NULLIF(flush, 'none'), '') AS what,
	exits_per_fault, exits_per_fault_lo, exits_per_fault_hi,
	CASE WHEN paging = 'shadow' OR (paging = 'nested' AND kind IN ('guest-cold', 'backing-only')) THEN 1 WHEN paging = 'nested' THEN 0 END AS least_exits,
	pf_taken_per_fault, pf_taken_per_fault_lo, pf_taken_per_fault_hi,
	insn_emulation_per_fault, insn_emulation_per_fault_lo, insn_emulation_per_fault_hi,
	host_faults_per_fault, host_faults_per_fault_lo, host_faults_per_fault_hi,
	IIF(emulated OR interpreted, NULL, fault_ns) AS fault_ns, IIF(emulated OR interpreted, NULL, fault_ns_lo) AS fault_ns_lo,
	IIF(emulated OR interpreted, NULL, fault_ns_hi) AS fault_ns_hi,
	IIF(emulated OR interpreted, NULL, fault_cycles) AS fault_cycles,
	IIF(emulated OR interpreted, NULL, fault_cycles_lo) AS fault_cycles_lo,
	IIF(emulated OR interpreted, NULL, fault_cycles_hi) AS fault_cycles_hi
FROM vcpu_fault
WHERE status = 'ok' AND exits_per_fault IS NOT NULL
	-- What an emulator counted stands only where no processor did.
	AND emulated = (SELECT MIN(o.emulated) FROM vcpu_fault o WHERE o.run = vcpu_fault.run AND o.status = 'ok' AND o.exits_per_fault IS NOT NULL)
WINDOW alike AS (PARTITION BY series)
ORDER BY place_rank, label, MIN(point) OVER (PARTITION BY kind, "order", flush), point
