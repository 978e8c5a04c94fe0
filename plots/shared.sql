-- What the queries of several figures share, made before the first of them.

-- What names a run beside something that is not a place: " (LABEL)" of several runs, nothing of one.
CREATE TEMP VIEW of_run AS SELECT run, COALESCE(' (' || label || ')', '') AS words FROM run LEFT JOIN run_label USING (run);

-- What is compared, a row a quantity: in which setting and paging mode its base is, and which points it is.
CREATE TEMP TABLE quantity (number INTEGER PRIMARY KEY, group_label, what, told, after, metric, setting, paging, most, conditions);
INSERT INTO quantity VALUES
	-- most: of points that meet the conditions, the one with the most of this; for a level: within it, or, beyond all, where
	-- walks are read.
	(1, 'an access, by TLB level', '4K, first level: ', 'pages', ' pages', 'gross_ns', 'host', NULL, 'first', '{"page_size_bytes": 4096, "stride_pages": 1}'),
	(2, 'an access, by TLB level', '4K, second level: ', 'pages', ' pages', 'gross_ns', 'host', NULL, 'second', '{"page_size_bytes": 4096, "stride_pages": 1}'),
	(3, 'an access, by TLB level', '4K, beyond each level: ', 'pages', ' pages', 'gross_ns', 'host', NULL, 'beyond', '{"page_size_bytes": 4096, "stride_pages": 1}'),
	(4, 'an access, by TLB level', '2M, first level: ', 'pages', ' pages', 'gross_ns', 'host', NULL, 'first', '{"page_size_bytes": 2097152, "stride_pages": 1}'),
	(5, 'an access, by TLB level', '2M, second level: ', 'pages', ' pages', 'gross_ns', 'host', NULL, 'second', '{"page_size_bytes": 2097152, "stride_pages": 1}'),
	(6, 'an access, by TLB level', '2M, beyond each level: ', 'pages', ' pages', 'gross_ns', 'host', NULL, 'beyond', '{"page_size_bytes": 2097152, "stride_pages": 1}'),
	(7, 'an access to pages far apart', '4K pages 2 MiB apart, ', 'pages', ' of them', 'gross_ns', 'host', NULL, 'pages', '{"page_size_bytes": 4096, "distance_bytes": 2097152, "placement": "scattered"}'),
	(8, 'an access to pages far apart', '4K pages 1 GiB apart, ', 'pages', ' of them', 'gross_ns', 'host', NULL, 'pages', '{"page_size_bytes": 4096, "distance_bytes": 1073741824, "placement": "scattered"}'),
	(9, 'an access to pages far apart', '2M pages 1 GiB apart, ', 'pages', ' of them', 'gross_ns', 'host', NULL, 'pages', '{"page_size_bytes": 2097152, "distance_bytes": 1073741824, "placement": "scattered"}'),
	(10, 'an access to a large working set', '4K pages, ', 'working_set_bytes', '', 'gross_ns', 'host', NULL, 'working_set_bytes', '{"page_size_bytes": 4096}'),
	(11, 'an access to a large working set', '2M pages, ', 'working_set_bytes', '', 'gross_ns', 'host', NULL, 'working_set_bytes', '{"page_size_bytes": 2097152}'),
	(12, 'an access to a large working set', '1G pages, ', 'working_set_bytes', '', 'gross_ns', 'host', NULL, 'working_set_bytes', '{"page_size_bytes": 1073741824}'),
	(13, 'a page fault', 'new page, recycled frame', NULL, '', 'fault_ns', 'host', NULL, NULL, '{"kind": "anon-write", "frames": "recycled", "actors": 1}'),
	(14, 'a page fault', 'new page, fresh frame', NULL, '', 'fault_ns', 'host', NULL, NULL, '{"kind": "anon-write", "frames": "fresh", "actors": 1}'),
	(15, 'a page fault', 'new 2M page, recycled frame', NULL, '', 'fault_ns', 'host', NULL, NULL, '{"kind": "thp-write", "frames": "recycled", "actors": 1}'),
	(16, 'a page fault', 'shared memory', NULL, '', 'fault_ns', 'host', NULL, NULL, '{"kind": "shared-write", "frames": "recycled", "actors": 1}'),
	(17, 'a page fault', 'copy after fork()', NULL, '', 'fault_ns', 'host', NULL, NULL, '{"kind": "fork-copy", "frames": "recycled", "actors": 1}'),
	(18, 'memory from malloc()', 'malloc() of 16 bytes', NULL, '', 'malloc_ns', 'host', NULL, NULL, '{"block_bytes": 16, "pattern": "pair", "touch": "no", "actors": 1}'),
	(19, 'memory from malloc()', 'touching a block of 64 MiB', NULL, '', 'touch_ns', 'host', NULL, NULL, '{"block_bytes": 67108864, "pattern": "pair", "touch": "yes", "actors": 1}'),
	(20, 'taking a page away', 'munmap() of a page, other CPUs: ', 'others', '', 'operation_ns', 'host', NULL, 'others', '{"operation": "munmap", "pages": 1}'),
	(21, 'a switch of threads or processes', 'threads, by futex', NULL, '', 'switch_ns', 'host', NULL, NULL, '{"between": "threads", "via": "futex", "page_size_bytes": 4096, "pages_touched": 0}'),
	(22, 'a switch of threads or processes', 'processes, by futex', NULL, '', 'switch_ns', 'host', NULL, NULL, '{"between": "processes", "via": "futex", "page_size_bytes": 4096, "pages_touched": 0}'),
	(23, 'a switch of threads or processes', 'threads: then touching a page of 1024', NULL, '', 'touch_ns', 'host', NULL, NULL, '{"between": "threads", "via": "futex", "page_size_bytes": 4096, "pages_touched": 1024}'),
	(24, 'a switch of threads or processes', 'processes: then touching a page of 1024', NULL, '', 'touch_ns', 'host', NULL, NULL, '{"between": "processes", "via": "futex", "page_size_bytes": 4096, "pages_touched": 1024}'),
	(25, 'page tables, for each page', 'building them, 4K pages side by side', NULL, '', 'build_ns', 'host', NULL, 'pages', '{"page_size_bytes": 4096, "distance_bytes": 4096}'),
	(26, 'page tables, for each page', 'tearing them down', NULL, '', 'teardown_ns', 'host', NULL, 'pages', '{"page_size_bytes": 4096, "distance_bytes": 4096}'),
	-- Nothing of these has a host's counterpart: the same guest code under the other paging mode has to do.
	(27, 'a bare vCPU: shadow paging against nested', 'fault on warm memory', NULL, '', 'fault_ns', 'vcpu', 'nested', NULL, '{"kind": "guest-warm", "flush": "none", "order": "shuffled"}'),
	(28, 'a bare vCPU: shadow paging against nested', 'fault on cold memory', NULL, '', 'fault_ns', 'vcpu', 'nested', NULL, '{"kind": "guest-cold", "flush": "none", "order": "shuffled"}'),
	(29, 'a bare vCPU: shadow paging against nested', 'CR3 load, other root', NULL, '', 'load_ns', 'vcpu', 'nested', 'pages_touched', '{"change": "other", "pcid": "off"}'),
	(30, 'a bare vCPU: shadow paging against nested', 'CR3 load, other root, PCID', NULL, '', 'load_ns', 'vcpu', 'nested', 'pages_touched', '{"change": "other", "pcid": "on"}');

-- Points that meet all conditions of a quantity, and how good each is as a base: the greater the better; NULL: not at all.
-- Few points are of a base's setting, and most of those fail the first condition. Runs are compared in every setting.
CREATE TEMP TABLE candidate AS WITH wanted AS MATERIALIZED (
	SELECT number, point, run FROM quantity q JOIN point p ON (SELECT COUNT(*) FROM run) > 1 OR (p.setting = q.setting AND (q.paging IS NULL OR p.paging = q.paging))
	WHERE p.pass IS NOT 'refine' AND NOT control AND NOT EXISTS (
		SELECT 1 FROM json_each(q.conditions) c WHERE (SELECT value FROM parameter v WHERE v.point = p.point AND v.name = c.key) IS NOT c.value))
SELECT number, point, CASE
	WHEN most IS NULL THEN 0
	WHEN most NOT IN ('first', 'second', 'beyond') THEN (SELECT value FROM parameter v WHERE v.point = w.point AND v.name = most)
	ELSE (SELECT pages FROM curve_point JOIN curve USING (curve) JOIN tlb_clear t USING (run, page_size_bytes, stride_pages)
		LEFT JOIN tlb_walk USING (curve)
		WHERE curve_point.point = w.point AND pages BETWEEN CASE most WHEN 'first' THEN 1 WHEN 'second' THEN second_from ELSE pages_from END
			AND CASE most WHEN 'first' THEN first_to WHEN 'second' THEN second_to ELSE pages_to END) END AS good
FROM wanted w JOIN quantity USING (number);
CREATE INDEX temp.candidate_by_point ON candidate (point, number);

-- What something takes in a place as a multiple of what it takes in another (base): two places of one run, or, across, the
-- same place of the first run and of another. ratio: as ratio_of_pairs() tells it. null_hi: the factor by which the host
-- differs from itself (A/A), where the runs have that, at the bench's points that take from half to twice as long.
-- alike: no: the 99 % interval is on one side of 1, and the 95 % one lies beyond the host's own; unknown: there is no interval.
CREATE TEMP TABLE quantity_ratio AS WITH pairing (across, base, point) AS (
	SELECT 0, base, point FROM alike UNION ALL SELECT 1, base, point FROM alike_runs),
-- The base whose like the most places have. Of its likes in one place the first stands.
pair AS MATERIALIZED (
	SELECT a.across, c.number, c.point AS base, c.good, b.run, b.place, MIN(a.point) AS point, COUNT(*) OVER (PARTITION BY a.across, c.number, c.point) AS places
	FROM candidate c JOIN quantity q USING (number) JOIN point b ON b.point = c.point JOIN metric m ON m.point = c.point AND m.name = q.metric AND m.median > 0
	JOIN pairing a ON a.base = c.point JOIN metric o ON o.point = a.point AND o.name = q.metric AND o.median > 0
	JOIN point p ON p.point = a.point
	WHERE typeof(c.good) IN ('integer', 'real')
		-- Machines differ in where levels end: the same number of pages has to be well within a level of both.
		AND CASE WHEN a.across THEN EXISTS (SELECT 1 FROM candidate k WHERE k.point = a.point AND k.number = c.number AND typeof(k.good) IN ('integer', 'real'))
			ELSE b.setting = q.setting AND (q.paging IS NULL OR b.paging = q.paging) END
	GROUP BY a.across, c.number, c.point, p.run, p.setting, p.paging),
chosen AS (
	SELECT *, DENSE_RANK() OVER (PARTITION BY across, number, run, IIF(across, place, '') ORDER BY places DESC, good DESC, base) AS choice FROM pair),
compared AS MATERIALIZED (
	SELECT c.across, c.number, c.base, c.point, ratio_of_pairs(c.point, c.base, q.metric) AS ratio
	FROM chosen c JOIN quantity q USING (number) WHERE choice = 1 GROUP BY c.across, c.number, c.base, c.point),
own AS MATERIALIZED (
	SELECT c.number AS of_number, c.base AS of_base, c.point AS of_point, quantile(n.factor, 0.99) AS factor
	FROM (SELECT DISTINCT number, base, point FROM compared) c JOIN quantity q USING (number) JOIN point p ON p.point = c.base JOIN point o ON o.point = c.point
	JOIN metric m ON m.point = c.base AND m.name = q.metric
	JOIN null_pair n ON n.run IN (p.run, o.run) AND n.bench = p.bench AND n.metric = q.metric AND n.median BETWEEN m.median / 2 AND m.median * 2
	GROUP BY c.number, c.base, c.point)
SELECT across, number, compared.base, compared.point, group_at,
	IIF(across, replace(group_label, ': shadow paging against nested', ''), group_label) AS group_label,
	what || COALESCE((SELECT CASE WHEN told LIKE '%bytes' THEN bytes(value) ELSE thousands(value) END
		FROM parameter v WHERE v.point = compared.base AND v.name = told) || after, '') AS what,
	b.median AS base_ns, b.lo AS base_ns_lo, b.hi AS base_ns_hi, o.median AS ns, o.lo AS ns_lo, o.hi AS ns_hi,
	ratio ->> 0 AS ratio, ratio ->> 1 AS ratio_lo, ratio ->> 2 AS ratio_hi, ratio ->> 3 AS pairs, ratio ->> 4 AS sure_lo, ratio ->> 5 AS sure_hi,
	1 / own.factor AS null_lo, own.factor AS null_hi,
	CASE WHEN ratio ->> 1 IS NULL OR ratio ->> 2 IS NULL OR ratio ->> 4 IS NULL THEN 'unknown'
		WHEN (ratio ->> 4 > 1 OR ratio ->> 5 < 1) AND (ratio ->> 1 > COALESCE(own.factor, 1) OR ratio ->> 2 < COALESCE(1 / own.factor, 1)) THEN 'no'
		ELSE 'yes' END AS alike
FROM compared JOIN (SELECT *, MIN(number) OVER (PARTITION BY group_label) AS group_at FROM quantity) q USING (number)
JOIN metric b ON b.point = compared.base AND b.name = q.metric JOIN metric o ON o.point = compared.point AND o.name = q.metric
LEFT JOIN own ON of_number = compared.number AND of_base = compared.base AND of_point = compared.point
-- A logarithmic axis has no place for others.
WHERE ratio ->> 0 > 0;
