# A row of panels for each place, in it one for each page size; a line while the sibling is idle, one while it is busy.
rows = "place"; columns = "panel"; lines = "sibling"; line_colour = "colour"
x_column = "pages"; x_title = "pages, one cache line in each"
y_column = "net_cycles"; y_scale = "squash"; y_ticks = "number"; y_title = "translation adds (core cycles)"; y_range = "row"
load "grid.gp"
