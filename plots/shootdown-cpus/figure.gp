# A row for each place: the time of a call on the left, its interrupts on the right; a line for each call and number of pages.
rows = "label"; row_colour = "colour"
lines = "line"; line_colour = "line_colour"; line_dash = "dash"; line_shape = "shape"
x_column = "others"; x_scale = "doublings"; x_at_values = 1; x_title = "other CPUs that have the pages in their TLBs"
y_column = "operation_ns interrupts"; y_cycles = "operation_cycles"; y_scale = "log10 doublings"; y_ticks = "time number"
y_title = "'one call' 'interrupts of one call, over all CPUs'"
# Interrupts are often the same for all calls.
x_apart = "0 0.006"
# As many interrupts as other CPUs.
below = "[x_from : x_to] (measure_now == 2 ? x : NaN) with lines linewidth 0.8 dashtype (2, 4) linecolor rgb grey notitle, "
each_panel = "if (measure_now == 2) { set label 8 'one each' at first x_most, first x_most right offset -2.5, 0.3 font ',11' textcolor rgb grey }"
load "grid.gp"
