# What translation adds to one access against the distance of the pages: a column of panels for each placement, a row for
# each setting, a line for each number of pages. ticks.tsv: what each distance means to the page table.
columns = "placed"; rows = "label"; row_colour = "colour"; lines = "line"; line_order = "pages"; line_colour = "shade"
x_column = "x"; x_scale = "linear"; x_title = "how far apart the pages lie; from there on each walk needs a … of its own"
y_column = "net_cycles"; y_scale = "squash"; y_ticks = "number"; y_title = "translation adds (core cycles)"
below = "0 with lines linewidth 0.8 linecolor rgb grey notitle, "
stats "ticks.tsv" using "x" nooutput
distances = int(STATS_max); x_least = 1; x_most = distances
array distance[distances]
set table $nothing
plot [-1 : 1] [-1 : 1] "ticks.tsv" using (distance[int(column("x"))] = strcol("distance") . "\n" . word(strcol("needs"), 1) . "\n" . word(strcol("needs"), 2), 0):(0)
unset table
each_panel = "if (i == 1) { set ylabel y_title offset -0.5, 0 noenhanced textcolor rgb ink }; set xtics (); do for [t = 1 : distances] { set xtics add ((lowest ? distance[t] : '') t) }"
# Three lines of ticks, and room for each.
panel_height = 310; foot = 80; width = max(width, 2 * 75 * distances + 120)
load "grid.gp"
