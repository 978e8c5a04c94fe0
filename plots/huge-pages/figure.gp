# A row of panels for each setting: cost of a random access against the working set, and how many times as fast as with the
# smallest pages. A page size has a colour, what is behind it a dash.
rows = "label"; row_colour = "colour"; lines = "what"; line_order = "combination"; line_colour = "hue"; line_dash = "dash"
x_column = "working_set_bytes"; x_ticks = "bytes"; x_title = "working set, accessed at random"
y_column = "gross_cycles speedup"; y_title = "'one access, gross (core cycles)' 'times as fast as the smallest pages'"; y_ticks = "number"
each_panel = "unset object; if (measure_now == 2) { set object 1 rectangle from graph 0, graph 0 to graph 1, first 1 behind fillstyle solid 1 noborder fillcolor rgb '#f3f3f3' }"
below = "(measure_now == 2 ? 1 : NaN) with lines linewidth 1 linecolor rgb grey notitle, "
load "grid.gp"
