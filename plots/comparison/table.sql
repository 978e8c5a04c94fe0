-- What something takes in a setting and paging mode, as a multiple of what it takes in another (base).
-- _lo, _hi: 95 % interval. pairs: samples of one round; 0: two runs, and the ratio of their medians.
-- sure_lo, sure_hi: 99 % interval. null_lo, null_hi: what the host differs from itself by (A/A), where the run has that, at the
-- bench's points that take from half to twice as long.
-- alike: no: the 99 % interval is on one side of 1, and _lo, _hi lies beyond the host's own; unknown: there is no interval.
SELECT DENSE_RANK() OVER (ORDER BY number, what) AS row, DENSE_RANK() OVER (ORDER BY group_at) AS "group", group_label, what,
	base.place AS base, DENSE_RANK() OVER (ORDER BY other.place_rank, other.place) AS lane, other.place AS label, other.setting, other.paging,
	place_colour(other.setting, other.paging, other.run) AS colour, base_ns, base_ns_lo, base_ns_hi, ns, ns_lo, ns_hi,
	ratio, ratio_lo, ratio_hi, pairs, sure_lo, sure_hi, null_lo, null_hi, alike
FROM quantity_ratio q JOIN point base ON base.point = q.base JOIN point other ON other.point = q.point
WHERE NOT across
ORDER BY number, other.place_rank, other.place
