# A panel for each place, a line for each kind of page; dashed: what pages would reach that are held whole.
columns = "label"; column_colour = "colour"; lines = "what"; line_colour = "hue"
x_column = "lines_per_page"; x_most = 512; y_column = "reach_bytes"; y_scale = "log2"; y_ticks = "bytes"; y_also = "whole_bytes"
x_apart = "0.012"
x_title = "lines used of each page"; y_title = "memory reached before the first TLB level overflows"
# A line over the whole panel, from the first and the last of these rows.
whole(l) = strcol("what") eq line_name[l] ? here(num("whole_bytes")) : NaN
below = "for [l = 1 : n_lines] data every ::panel_from::panel_to using (x_from):(whole(l)):(x_to - x_from):(0) with vectors nohead dashtype 2 linewidth 1.4 linecolor rgb line_ink[l] notitle, "
legend = "keyentry with lines dashtype 2 linewidth 1.4 linecolor rgb ink title 'pages held whole would reach this far', "
load "grid.gp"
