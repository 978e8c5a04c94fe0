# A panel for each kind of entry, a line for each place.
columns = "panel"; lines = "label"; line_colour = "colour"
x_column = "entries"; x_title = "entries of that level that the walks need"
y_column = "net_cycles"; y_ticks = "number"
each_panel = "if (i == 1) { set ylabel 'a walk adds (core cycles)' offset -0.5, 0 noenhanced textcolor rgb ink }"
load "grid.gp"
