# A grid of panels, with lines and their intervals in each. A figure.gp says what it wants and ends in: load "grid.gp"
#
#   x_column, y_column   columns of table.tsv that are drawn; the table is in the order: columns, rows, lines, x_column
#   columns, rows, lines columns of the table whose values are the panels of a row, the rows, and the lines of a panel, in
#                        the order in which they appear; "": there is one. Columns without rows wrap after `wrap`
#   x_title, y_title     what the axes say
# and, where it wants other than this:
if (!exists("columns")) { columns = "" }
if (!exists("rows")) { rows = "" }
if (!exists("lines")) { lines = "" }
# The interval of y; "": none is drawn.
if (!exists("y_lo")) { y_lo = y_column . "_lo" }
if (!exists("y_hi")) { y_hi = y_column . "_hi" }
# Scales: log2, log10, linear, and squash: linear near zero and logarithmic above. Ticks: count, bytes, time (of ns), number.
if (!exists("x_scale")) { x_scale = "log2" }
if (!exists("y_scale")) { y_scale = "log10" }
if (!exists("x_ticks")) { x_ticks = "count" }
if (!exists("y_ticks")) { y_ticks = "time" }
# The column with the same in core cycles: a second axis says them. "": there is no such axis.
if (!exists("y_cycles")) { y_cycles = "" }
# all: one range of y for all panels; row: each row has its own; panel: each panel.
if (!exists("y_range")) { y_range = "all" }
# Columns of the table with the colour of a row's or column's name, and the colour, dash and shape of a line; "": by rank.
# line_colour = "shade": from pale to dark by rank, for counts.
if (!exists("row_colour")) { row_colour = "" }
if (!exists("column_colour")) { column_colour = "" }
if (!exists("line_colour")) { line_colour = "" }
if (!exists("line_dash")) { line_dash = "" }
if (!exists("line_shape")) { line_shape = "" }
# A vertical line at x, and what it says on its left and right.
if (!exists("mark_x")) { mark_x = NaN }
if (!exists("mark_left")) { mark_left = "" }
if (!exists("mark_right")) { mark_right = "" }
# Further things to plot in a panel, each ending in ", ": below and above the lines. in_panel() is true for rows of the panel.
if (!exists("below")) { below = "" }
if (!exists("above")) { above = "" }
# Further entries of the legend, each ending in ", ".
if (!exists("legend")) { legend = "" }
if (!exists("wrap")) { wrap = 4 }
# Further settings for each panel: a text that is evaluated.
if (!exists("each_panel")) { each_panel = "" }

data = "table.tsv"
label_of(c) = strlen(c) ? strcol(c) : "*"
mark = "\n"
listed(list, name) = strstrt(list, mark . name . mark) > 0
set table $nothing

# First reading: how many different names there are, and the ranges.
n_columns = 0; n_rows = 0; n_lines = 0
column_list = mark; row_list = mark; line_list = mark
x_least = 1e300; x_most = -1e300; y_least = 1e300; y_most = -1e300; all_ns = 0.; all_cycles = 0.
in_log(v) = y_scale[1:3] eq "log" ? positive(v) : v
seen(v) = (y_least = min(y_least, in_log(v)), y_most = max(y_most, v), 0)
note_names(c, r, l) = ( \
	listed(column_list, c) ? 0 : (n_columns = n_columns + 1, column_list = column_list . c . mark), \
	listed(row_list, r) ? 0 : (n_rows = n_rows + 1, row_list = row_list . r . mark), \
	listed(line_list, l) ? 0 : (n_lines = n_lines + 1, line_list = line_list . l . mark), 0)
count_cycles(ns, cycles) = positive(ns * cycles) > 0 ? (all_ns = all_ns + ns, all_cycles = all_cycles + cycles, 0) : 0
in_log_x(v) = x_scale[1:3] eq "log" ? positive(v) : v
plot [-1 : 1] [-1 : 1] data using (note_names(label_of(columns), label_of(rows), label_of(lines)), \
	x_least = min(x_least, in_log_x(column(x_column))), x_most = max(x_most, column(x_column)), seen(column(y_column)), \
	strlen(y_lo) ? seen(column(y_lo)) : 0, strlen(y_hi) ? seen(column(y_hi)) : 0, \
	strlen(y_cycles) ? count_cycles(column(y_column), column(y_cycles)) : 0, 0):(0)

# Second reading: the names, and how each looks.
n_columns = max(n_columns, 1); n_rows = max(n_rows, 1); n_lines = max(n_lines, 1)
array column_name[n_columns]; array row_name[n_rows]; array line_name[n_lines]
array column_ink[n_columns]; array row_ink[n_rows]; array line_ink[n_lines]; array line_dt[n_lines]; array line_pt[n_lines]
array row_least[n_rows]; array row_most[n_rows]
array shapes[8] = [7, 5, 9, 11, 13, 6, 4, 8]
do for [i = 1 : n_rows] { row_least[i] = 1e300; row_most[i] = -1e300; row_name[i] = "*"; row_ink[i] = ink }
do for [i = 1 : n_columns] { column_name[i] = "*"; column_ink[i] = ink }
do for [i = 1 : n_lines] { line_name[i] = "*"; line_ink[i] = ink; line_dt[i] = 1; line_pt[i] = 7 }
part(c, shift) = int("0x" . substr(c, 2 + shift, 3 + shift))
pale(c, f) = sprintf("#%02x%02x%02x", int(255 - (255 - part(c, 0)) * f), int(255 - (255 - part(c, 2)) * f), int(255 - (255 - part(c, 4)) * f))
shade(k) = pale("#5F1558", n_lines < 2 ? 1. : 0.25 + 0.75 * (k - 1.) / (n_lines - 1.))
column_list = mark; row_list = mark; line_list = mark; c_at = 0; r_at = 0; l_at = 0
rank(names, n, name) = sum [i = 1 : n] (names[i] eq name ? i : 0)
row_rank(name) = sum [i = 1 : n_rows] (row_name[i] eq name ? i : 0)
note_column(c) = listed(column_list, c) ? 0 : (c_at = c_at + 1, column_list = column_list . c . mark, column_name[c_at] = c, \
	column_ink[c_at] = strlen(column_colour) ? strcol(column_colour) : ink, 0)
note_row(r) = listed(row_list, r) ? 0 : (r_at = r_at + 1, row_list = row_list . r . mark, row_name[r_at] = r, \
	row_ink[r_at] = strlen(row_colour) ? strcol(row_colour) : ink, 0)
note_line(l) = listed(line_list, l) ? 0 : (l_at = l_at + 1, line_list = line_list . l . mark, line_name[l_at] = l, \
	line_ink[l_at] = line_colour eq "shade" ? shade(l_at) : strlen(line_colour) ? strcol(line_colour) : colour(n_lines == 1 ? 4 : l_at), \
	line_dt[l_at] = strlen(line_dash) ? int(column(line_dash)) : 1, \
	line_pt[l_at] = strlen(line_shape) ? int(column(line_shape)) : shapes[(l_at - 1) % |shapes| + 1], 0)
seen_in(r, v) = (row_least[r] = min(row_least[r], in_log(v)), row_most[r] = max(row_most[r], v), 0)
note_range(r) = (seen_in(r, column(y_column)), strlen(y_lo) ? seen_in(r, column(y_lo)) : 0, strlen(y_hi) ? seen_in(r, column(y_hi)) : 0, 0)
plot [-1 : 1] [-1 : 1] data using (note_column(label_of(columns)), note_row(label_of(rows)), note_line(label_of(lines)), \
	note_range(row_rank(label_of(rows))), 0):(0)
unset table
if (y_most < y_least) { y_least = 1; y_most = 10 }
if (x_most < x_least) { x_least = 1; x_most = 10 }
ghz = all_ns > 0 ? all_cycles / all_ns : ghz
cycles_axis = strlen(y_cycles) && ghz > 0

# Where the panels are. Many columns and no rows wrap.
wrapped = n_rows == 1 && n_columns > wrap
across = wrapped ? wrap : n_columns
down = wrapped ? int(ceil(n_columns / (wrap + 0.))) : n_rows
width = max(width, 240 * across)
if (!exists("panel_height")) { panel_height = down == 1 ? 400 : 300 }
n_keys = n_lines * (strlen(lines) > 0) + strlen(legend) / 40
longest = 0
do for [l = 1 : n_lines] { longest = max(longest, strlen(line_name[l])) }
key_columns = max(1, int((width - 60) / (70. + 8. * longest)))
key_rows = n_keys > 0 ? int(ceil(n_keys / (key_columns + 0.))) : 0
head = 62 + 23 * key_rows
named_columns = strlen(columns) > 0
eval begin(head + 36 + (panel_height + (wrapped ? 22 : 0)) * down + 34)
left = 90. / width; right = 1 - (cycles_axis ? 82. : 16.) / width; gap = 22. / width
if (y_range eq "panel") { gap = 70. / width }
wide = (right - left - gap * (across - 1)) / across

# The legend is a plot of its own over all panels.
if (n_keys > 0) {
	set lmargin at screen 0; set rmargin at screen 1
	set tmargin at screen from_top(60); set bmargin at screen from_top(60 + 23 * key_rows)
	set xrange [0 : 1]; set yrange [0 : 1]
	unset border; unset tics; unset grid
	set key at screen 20. / width, from_top(62) left top horizontal Left reverse samplen 2.5 width 1 maxcols key_columns maxrows key_rows font ",12"
	plot for [l = 1 : n_lines * (strlen(lines) > 0)] keyentry with linespoints linewidth 2 dashtype line_dt[l] pointtype line_pt[l] pointsize 1.0 * points \
		linecolor rgb line_ink[l] title line_name[l], @legend -1 with lines notitle
	unset label 1; unset label 2; unset key
	set border 3; set grid xtics ytics; set tics nomirror out scale 0.5 textcolor rgb ink
}

# Ticks of an axis from `low` to `high`: powers of two for counts and sizes, 1, 2 and 5 of each power of ten elsewhere.
ticks_of(axis, kind, scale, low, high, shown) = scale eq "log2" ? \
	sprintf("do for [e = -4 : 62] { if (2.**e >= %g && 2.**e <= %g && e %% %d == 0) { set %s add ((%d ? tick_label('%s', 2.**e) : '') 2.**e) } }", \
		low, high, log(high / low) / log(2) > 9 ? 2 : 1, axis, shown, kind) : \
	scale eq "log10" ? \
	sprintf("do for [e = -3 : 15] { do for [m in '%s'] { v = m * 10.**e; if (v >= %g && v <= %g) { set %s add ((%d ? tick_label('%s', v) : '') v) } } }", \
		high / low > 2000 ? "1" : high / low > 3 ? "1 2 5" : "1 1.5 2 3 4 5 6 8", low, high, axis, shown, kind) : \
	scale eq "squash" ? \
	sprintf("do for [v in '-50 -20 -10 -5 -2 0 2 5 10 20 50 100 200 500 1000 2000 5000 10000'] { if (v >= %g && v <= %g) { set %s add ((%d ? tick_label('%s', real(v)) : '') real(v)) } }", \
		low, high, axis, shown, kind) : sprintf("set %s autofreq; set format %s '%s'", axis, axis[1:1], shown ? "%g" : "")

if (x_scale eq "log2") { set logscale x 2 }
if (x_scale eq "log10") { set logscale x 10 }
if (y_scale eq "log10") { set logscale y 10 }
if (y_scale eq "log2") { set logscale y 2 }
if (y_scale eq "squash") { set nonlinear y via squash(y) inverse stretch(y) }
x_from = x_scale[1:3] eq "log" ? x_least / 1.4 : x_least; x_to = x_scale[1:3] eq "log" ? x_most * 1.4 : x_most
set xrange [x_from : x_to]
y_from_of(v) = y_scale[1:3] eq "log" ? v / 1.5 : y_scale eq "squash" ? min(v * 1.2, -1) : min(v * 1.1, 0)
y_to_of(v) = y_scale[1:3] eq "log" ? v * 1.9 : y_scale eq "squash" ? v * 1.5 : v * 1.15
set dashtype 2 (5, 3); set dashtype 3 (2, 3)
in_panel(c, r) = (!strlen(columns) || strcol(columns) eq column_name[c]) && (!strlen(rows) || strcol(rows) eq row_name[r])
of_line(c, r, l) = in_panel(c, r) && (!strlen(lines) || strcol(lines) eq line_name[l]) ? column(y_column) : NaN
# An interval is a line: what gnuplot draws as error bars clears a place around each point in SVG.
low_of(v) = v == v && strlen(y_lo) ? column(y_lo) : NaN
high_of(v) = v == v && strlen(y_hi) ? column(y_hi) - column(y_lo) : NaN

do for [r = 1 : n_rows] {
	do for [c = 1 : n_columns] {
		i = wrapped ? (c - 1) % wrap + 1 : c
		k = wrapped ? (c - 1) / wrap + 1 : r
		top = head + 36 + (panel_height + (wrapped ? 22 : 0)) * (k - 1)
		lowest = wrapped ? c + wrap > n_columns : r == n_rows
		set lmargin at screen left + (wide + gap) * (i - 1); set rmargin at screen left + (wide + gap) * (i - 1) + wide
		set tmargin at screen from_top(top); set bmargin at screen from_top(top + panel_height - 28)
		y_from = y_from_of(y_range eq "row" ? row_least[r] : y_least); y_to = y_to_of(y_range eq "row" ? row_most[r] : y_most)
		if (y_from >= y_to) { y_from = 1; y_to = 10 }
		set yrange [y_from : y_to]
		set xtics (); eval ticks_of("xtics", x_ticks, x_scale, x_from, x_to, lowest)
		set ytics (); eval ticks_of("ytics", y_ticks, y_scale, y_from, y_to, i == 1)
		if (i == 1) { set ylabel y_title offset 1, 0 textcolor rgb ink } else { unset ylabel }
		if (lowest) { set xlabel x_title textcolor rgb ink } else { unset xlabel }
		unset y2label; unset y2tics; set border 3
		if (cycles_axis && (i == across || c == n_columns)) {
			set border 11; set logscale y2 10; set y2range [y_from * ghz : y_to * ghz]; set y2tics nomirror ()
			eval ticks_of("y2tics", "number", "log10", y_from * ghz, y_to * ghz, 1)
			set y2label "core cycles" offset -1, 0 textcolor rgb ink
		}
		if (named_columns && (k == 1 || wrapped)) { set label 3 column_name[c] at graph 0.5, screen from_top(top - 12) center font ",14" noenhanced textcolor rgb column_ink[c] }
		if (strlen(rows) && c == 1) { set label 4 row_name[r] at graph 0.02, graph 0.95 left font ",13" noenhanced textcolor rgb row_ink[r] front }
		if (mark_x == mark_x) { set arrow 1 from first mark_x, graph 0 to first mark_x, graph 1 nohead linewidth 0.8 linecolor rgb grey back }
		if (mark_x == mark_x && r == 1 && c == 1) {
			set label 5 mark_left at first mark_x, graph 0.05 right offset -0.5, 0 font ",11" noenhanced textcolor rgb grey
			set label 6 mark_right at first mark_x, graph 0.05 left offset 0.5, 0 font ",11" noenhanced textcolor rgb grey
		}
		eval each_panel
		plot @below for [l = 1 : n_lines] data using x_column:(low_of(of_line(c, r, l))):(0):(high_of(of_line(c, r, l))) with vectors nohead \
				linetype 1 linewidth 1 linecolor rgb line_ink[l] notitle, \
			for [l = 1 : n_lines] data using x_column:(of_line(c, r, l)) with linespoints linewidth 1.8 dashtype line_dt[l] \
				pointtype line_pt[l] pointsize 0.7 * points linecolor rgb line_ink[l] notitle, @above NaN notitle
		unset label
	}
}
unset multiplot
set output
