-- What something takes in another run, as a multiple of what the same takes in the same place of the first run (base).
-- ratio: of two medians. _lo, _hi: 95 % interval. pairs: always 0, as samples of different runs are no pairs.
-- sure_lo, sure_hi: 99 % interval. null_lo, null_hi: what the host differs from itself by within these runs (A/A), where they
-- have that, at the bench's points that take from half to twice as long.
-- alike: no: the 99 % interval is on one side of 1, and _lo, _hi lies beyond the host's own; unknown: there is no interval.
SELECT DENSE_RANK() OVER (ORDER BY number, what) AS row, DENSE_RANK() OVER (ORDER BY group_at) AS "group", group_label, what,
	base.place AS base, DENSE_RANK() OVER (ORDER BY other.place_rank, other.place) AS lane, other.place AS label, other.setting, other.paging,
	place_colour(other.setting, other.paging, other.run) AS colour, base_ns, base_ns_lo, base_ns_hi, ns, ns_lo, ns_hi,
	ratio, ratio_lo, ratio_hi, pairs, sure_lo, sure_hi, null_lo, null_hi, alike
FROM quantity_ratio q JOIN point base ON base.point = q.base JOIN point other ON other.point = q.point
WHERE across
ORDER BY number, what, other.place_rank, other.place
