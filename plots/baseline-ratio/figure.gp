# A line a place, and one for the host against itself; a grey line where each cache ends.
lines = "label"; line_colour = "colour"
x_column = "bytes"; x_ticks = "bytes"; x_title = "lines of data, packed"
y_column = "ratio"; y_title = "times as long as on the host"; y_ticks = "number"
below = "1 with lines linewidth 1 linecolor rgb grey notitle, 'caches.tsv' using 'size_bytes':(y_from):(0):(y_to - y_from) with vectors nohead \
	dashtype 2 linewidth 1 linecolor rgb grey notitle, 'caches.tsv' using 'size_bytes':(y_to * (y_from / y_to) ** 0.04):'name' with labels right offset -0.5, 0 \
	font ',11' textcolor rgb grey notitle, "
load "grid.gp"
