-- How many times as fast a random access is as with the smallest pages, where there are samples enough for an interval.
SELECT label, colour, what, combination, hue, dash, working_set_bytes, speedup, speedup_lo, speedup_hi
FROM drawn WHERE drawn_bytes IS NOT NULL ORDER BY rowid
