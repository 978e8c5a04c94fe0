# A panel for each setting: how many times as fast a random access is as with the smallest pages, against the working set. A
# page size has a colour, what is behind it a dash.
data = "gains.tsv"
columns = "label"; column_colour = "colour"; lines = "what"; line_order = "combination"; line_colour = "hue"; line_dash = "dash"; wrap = 3
x_column = "working_set_bytes"; x_ticks = "bytes"; x_title = "working set, accessed at random"
# Intervals of several lines at one working set stand beside each other.
x_apart = "0.01"
y_column = "speedup"; y_title = "times as fast as the smallest pages"; y_ticks = "number"; y_least = 0.8; y_most = 1.25
each_panel = "unset object; set object 1 rectangle from graph 0, graph 0 to graph 1, first 1 behind fillstyle solid 1 noborder fillcolor rgb '#f3f3f3'"
below = "1 with lines linewidth 1 linecolor rgb grey notitle, "
load "grid.gp"
