# A panel for each place, in it a line for each call and number of pages.
columns = "label"; column_colour = "colour"; wrap = 3
lines = "line"; line_colour = "line_colour"; line_dash = "dash"; line_shape = "shape"
x_column = "others"; x_scale = "doublings"; x_at_values = 1; x_title = "other CPUs that have the pages in their TLBs"
y_column = "operation_ns"; y_cycles = "operation_cycles"; y_title = "one call"
load "grid.gp"
