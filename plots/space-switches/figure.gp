# A row for each place, a column for each page size, a line for what is switched and how.
rows = "label"; row_colour = "colour"; columns = "panel"
lines = "what"; line_colour = "line_colour"; line_dash = "dash"; line_shape = "shape"
x_column = "pages"; x_scale = "doublings"; x_at_values = 1; x_title = "pages touched after the switch"
y_column = "total_ns"; y_cycles = "total_cycles"; y_title = "switch and refill"
# Not touching is no small number of touches: a thin line shows the switch alone beside all others.
alone_at = 0
below = "for [l = 1 : n_lines] data every ::panel_from::panel_to using 'pages':(here(num('pages') == 0 && strcol('what') eq line_name[l] ? num('total_ns') : NaN)):(x_to):(0) \
	with vectors nohead linewidth 0.6 dashtype (2, 4) linecolor rgb line_ink[l] notitle, "
load "grid.gp"
