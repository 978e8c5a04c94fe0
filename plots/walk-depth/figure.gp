# What translation adds to one access against the distance of the pages: a colour for each place, a dash for each number of
# pages and placement. ticks.tsv: what each walk has to itself from a distance on.
lines = "line"; line_colour = "colour"; line_dash = "dash"
x_column = "x"; x_scale = "linear"; x_title = "how far apart the pages lie, and what each walk has to itself from there on"
y_column = "net_cycles"; y_ticks = "number"
stats "ticks.tsv" using "x" nooutput
distances = int(STATS_max); x_least = 1; x_most = distances
array distance[distances]
set table $nothing
plot [-1 : 1] [-1 : 1] "ticks.tsv" using (distance[int(column("x"))] = strcol("distance") . "\n" . strcol("needs"), 0):(0)
unset table
each_panel = "set ylabel 'translation adds (core cycles)' offset -0.5, 0 noenhanced textcolor rgb ink; set xtics (); do for [t = 1 : distances] { set xtics add (distance[t] t) }"
# Two lines of ticks, and room for each.
panel_height = 420; foot = 60; width = max(width, 600)
load "grid.gp"
