-- Memory of page tables: what the hypervisor added, and what the formula of each paging mode says.
-- memory: shared: the processes of a VM map the same memory; own: each its own.
SELECT series || CASE WHEN MIN(mapped_bytes) OVER alike < MAX(mapped_bytes) OVER alike
		THEN ', mapped ' || size(mapped_bytes) ELSE '' END AS label,
	paging_colour(paging, run) AS colour, paging, IIF(emulated, 'yes', 'no') AS emulated,
	size(page_size_bytes) || ' pages on ' || backing AS what, memory,
	IIF(memory = 'shared', 'processes of a VM share their memory', 'each process has its own memory') AS whose,
	'measured: ' || series || ', ' || vms || IIF(vms = 1, ' VM', ' VMs') AS line, vms, processes, vms * processes AS trees,
	hypervisor_table_bytes AS hypervisor_bytes,
	COALESCE(hypervisor_table_bytes_lo, hypervisor_table_bytes) AS hypervisor_bytes_lo,
	COALESCE(hypervisor_table_bytes_hi, hypervisor_table_bytes) AS hypervisor_bytes_hi, guest_table_bytes AS guest_bytes,
	hypervisor_bytes_per_gib, expected_nested_bytes, expected_shadow_bytes
FROM table_memory
WHERE status = 'ok' AND vms > 0 AND expected_shadow_bytes IS NOT NULL
	-- What an emulator counted stands only where no processor did.
	AND emulated = (SELECT MIN(o.emulated) FROM table_memory o WHERE o.run = table_memory.run AND o.status = 'ok' AND o.expected_shadow_bytes IS NOT NULL)
WINDOW alike AS (PARTITION BY series)
ORDER BY place_rank, label, page_size_bytes,
	-- 4K comes before 2M.
	INSTR('KMG', SUBSTR(LTRIM(backing, '0123456789'), 1, 1)), CAST(backing AS INTEGER), backing, memory DESC, vms, processes
