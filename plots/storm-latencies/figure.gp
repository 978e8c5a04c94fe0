# A row for each kind, in it a mark at the median for each place and number of actors, and ticks for the rarer percentiles;
# fresh frames are open.
values = "latency_p50_ns"; kinds = "time"; scales = "log10"; labels = ""; x_title = "one fault"
rows = "kind"; bars = "curve"; bar_colour = "colour"; tones = "frames"; tones_are = "frames"
trail = "latency_p90_ns latency_p99_ns latency_p999_ns latency_most_ns"
trail_title = "90, 99 and 99.9 % take no longer"; trail_end = "the longest of a sample"
load "bars.gp"
