# A row for each place, a column for each page size, a line for what is switched and how.
rows = "label"; row_colour = "colour"; columns = "panel"
lines = "what"; line_colour = "line_colour"; line_dash = "dash"; line_shape = "shape"
x_column = "pages"; x_scale = "doublings"; x_at_values = 1; x_title = "pages touched after the switch"
y_column = "total_ns"; y_cycles = "total_cycles"; y_title = "switch and refill"
# Not touching is no small number of touches: the switch alone stands apart from the lines.
alone_at = 0
load "grid.gp"
