# A column for each place, a line for each kind of load; the same touches once more are dashed.
columns = "label"; column_colour = "colour"; lines = "line"
x_column = "pages"; x_title = "pages touched after each load"
y_column = "first_cycles"; y_also = "warm_cycles"; y_ticks = "number"; y_title = "one touch (core cycles)"
below = "for [l = 1 : n_lines] data every ::panel_from::panel_to using 'pages':(here(strcol('line') eq line_name[l] ? num('warm_cycles') : NaN)) with linespoints \
	linewidth 1.5 dashtype 2 pointtype line_pt[l] pointsize 0.5 * points linecolor rgb line_ink[l] notitle, "
legend = "keyentry with lines linewidth 1.5 dashtype 2 linecolor rgb grey title 'the same touches once more', "
load "grid.gp"
