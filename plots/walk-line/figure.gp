# What a walk adds against the references that it takes: points for each place and leaf size, and the line of each place.
lines = "points"; line_colour = "colour"; line_shape = "shape"; line_with = "points"; x_apart = "0.02"
x_column = "references"; x_scale = "linear"; x_ticks = "number"; x_at_values = 1; x_title = "entries of page tables that each walk has to fetch"
y_column = "net_cycles"; y_scale = "linear"; y_ticks = "number"
stats "lines.tsv" using "place" nooutput
places = int(STATS_max)
array place_ink[places]
set table $nothing
plot [-1 : 1] [-1 : 1] "lines.tsv" using (place_ink[int(column("place"))] = strcol("colour"), 0):(0)
unset table
below = "for [k = 1 : places] 'lines.tsv' using (column('references')):(column('place') == k ? column('line_cycles') : NaN) with lines linewidth 1.2 linecolor rgb place_ink[k] notitle, "
each_panel = "set ylabel 'a walk adds (core cycles)' offset -0.5, 0 noenhanced textcolor rgb ink"
y_also = "line_cycles"; panel_height = 400
load "grid.gp"
