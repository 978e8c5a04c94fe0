# A grid of panels with lines in them. A figure.gp sets the variables below and ends in: load "grid.gp"
# An example, of a table with the columns setting, colour, page_size, cpus, pages, call_ns, call_ns_lo, call_ns_hi:
#
#   rows = "setting"; row_colour = "colour"; columns = "page_size"; lines = "cpus"
#   x_column = "pages"; y_column = "call_ns"; x_title = "pages"; y_title = "one call"
#   load "grid.gp"
#
# draws a row of panels for each setting, in it a panel for each page size, and in that a line for each number of CPUs.
# Nothing is limited in number. The rows of table.tsv that make a line stand together, in the order of x. Where a value
# is missing (NULL in SQL, NA in the table), its point is left out and the line goes on to the next.
#
# These have to be set: x_column, the table's column of x; y_column, that of y; x_title, what the x axis says.
# y_column may name several columns ("call_ns interrupts"): each has a panel of its own in a row, and y_title, y_scale and
# y_ticks have a word for each (with blanks: y_title = "'one call' 'interrupts of a call'").
#
# These may be set; what follows is what holds where they are not.
# Columns of the table: each different value is a row of panels, a column of them, a line. "": there is one.
if (!exists("rows")) { rows = "" }
if (!exists("columns")) { columns = "" }
if (!exists("lines")) { lines = "" }
# A column with numbers that lines are sorted by. "": lines have the order in which they appear in the table, as rows and
# columns have.
if (!exists("line_order")) { line_order = "" }
# Columns without rows wrap after so many.
if (!exists("wrap")) { wrap = 4 }
if (!exists("y_title")) { y_title = "" }
# What is added to y_column to get the columns of its interval. y_lo = "": no interval is drawn.
if (!exists("y_lo")) { y_lo = "_lo" }
if (!exists("y_hi")) { y_hi = "_hi" }
# Scales: log2, log10, linear (from 0), doublings (as log2, but 0 has a place), squash (linear near 0, logarithmic above).
if (!exists("x_scale")) { x_scale = "log2" }
if (!exists("y_scale")) { y_scale = "log10" }
# What ticks say: count (64 Ki), bytes (64 KiB), time (of ns: 20 µs), number (20 k).
if (!exists("x_ticks")) { x_ticks = "count" }
if (!exists("y_ticks")) { y_ticks = "time" }
# 1: x has ticks at the table's values, as far as there is room, instead of at powers.
if (!exists("x_at_values")) { x_at_values = 0 }
# Lines beside each other instead of over each other, by this share of the panel's width. A word for each y.
if (!exists("x_apart")) { x_apart = "0" }
# What panels have one range of y together: all, row, column, panel (each has its own).
if (!exists("y_range")) { y_range = "all" }
# The column with (the first) y in core cycles: a second axis tells them, of a logarithmic or linear scale. "": none does.
if (!exists("y_cycles")) { y_cycles = "" }
# Columns of the table with the colour of a row's or column's name, and the colour ("#0072B2"), dash (1 whole, 2 to 4
# dashed) and shape (gnuplot's pointtype) of a line. "": by rank; names have the ink.
# line_colour = "shade": from pale to dark, for lines that are numbers; the line with the name `line_of_none` has the ink.
if (!exists("row_colour")) { row_colour = "" }
if (!exists("column_colour")) { column_colour = "" }
if (!exists("line_colour")) { line_colour = "" }
if (!exists("line_dash")) { line_dash = "" }
if (!exists("line_shape")) { line_shape = "" }
# What a line is: linespoints, lines or points.
if (!exists("line_with")) { line_with = "linespoints" }
if (!exists("line_of_none")) { line_of_none = "" }
# A vertical line at an x, and what is on its left and right.
if (!exists("mark_x")) { mark_x = NaN }
if (!exists("mark_left")) { mark_left = "" }
if (!exists("mark_right")) { mark_right = "" }
# More to plot in each panel, below and above the lines: parts of a plot command, each ending in ", ". here(v) is v where the
# row of the table belongs to the panel, else NaN:  below = "data using 'pages':(here(num('ideal_ns'))) with lines notitle, "
# The panel's rows lie in between data every ::panel_from::panel_to, which is read faster than all of the table.
# num(COLUMN) is a number that may be missing. row_now, column_now and measure_now (of y_column) are the panel's ranks;
# x_from, x_to, y_from and y_to its ranges.
if (!exists("below")) { below = "" }
if (!exists("above")) { above = "" }
# More entries of the legend: parts of a plot command, too:  legend = "keyentry with lines dashtype 2 title 'ideal', "
if (!exists("legend")) { legend = "" }
# Commands that are run before each panel is drawn, for labels, arrows and other ticks.
if (!exists("each_panel")) { each_panel = "" }
# Ranges reach at least this far, where that has a meaning: x_least = 8 shows 8 though all x are larger.
if (!exists("x_least")) { x_least = 1e300 }
if (!exists("x_most")) { x_most = -1e300 }
if (!exists("y_least")) { y_least = 1e300 }
if (!exists("y_most")) { y_most = -1e300 }
# Pixels of the SVG below the last row of panels, for ticks of more lines than one and x_title.
if (!exists("foot")) { foot = 32 }
# More columns of the table that the range of (the first) y has to hold, for what is plotted below and above.
if (!exists("y_also")) { y_also = "" }
# No line leads to the point at this x: 0, say, where that is not the least of numbers, but none at all.
if (!exists("alone_at")) { alone_at = NaN }
# panel_height, in pixels of the SVG, is chosen by the number of panels.

nl = "\n"
name_of(c) = strlen(c) ? strcol(c) : "*"
word_of(text, k) = words(text) < k ? word(text, words(text)) : word(text, k)
n_measures = words(y_column)
y_of(m) = num(word(y_column, m))
lo_of(m) = strlen(y_lo) ? num(word(y_column, m) . y_lo) : NaN
hi_of(m) = strlen(y_lo) ? num(word(y_column, m) . y_hi) : NaN

set table $nothing

# First reading: how many names there are, the range of x, and the core's rate.
n_rows = 0; n_columns = 0; n_lines = 0; n_x = 0
row_list = nl; column_list = nl; line_list = nl; x_list = nl
all_ns = 0.; all_cycles = 0.
is_new(list, name) = strstrt(list, nl . name . nl) == 0
count_names(r, c, l, x) = ( \
	is_new(row_list, r) ? (n_rows = n_rows + 1, row_list = row_list . r . nl) : 0, \
	is_new(column_list, c) ? (n_columns = n_columns + 1, column_list = column_list . c . nl) : 0, \
	is_new(line_list, l) ? (n_lines = n_lines + 1, line_list = line_list . l . nl) : 0, \
	is_new(x_list, x) ? (n_x = n_x + 1, x_list = x_list . x . nl) : 0, 0)
count_cycles(ns, cycles) = positive(ns * cycles) > 0 ? (all_ns = all_ns + ns, all_cycles = all_cycles + cycles, 0) : 0
plot [-1 : 1] [-1 : 1] data using (count_names(name_of(rows), name_of(columns), name_of(lines), strcol(x_column)), \
	x_least = min(x_least, shown(x_scale, num(x_column))), x_most = max(x_most, num(x_column)), \
	strlen(y_cycles) ? count_cycles(y_of(1), num(y_cycles)) : 0, 0):(0)
if (x_most < x_least) { x_least = 1; x_most = 10 }
ghz = ghz >= 0 && all_ns > 0 ? all_cycles / all_ns : ghz
cycles_axis = strlen(y_cycles) && ghz > 0
n_rows = max(n_rows, 1); n_columns = max(n_columns, 1); n_lines = max(n_lines, 1); n_x = max(n_x, 1)

# Second reading: the names, how each looks, and the ranges of y.
array row_name[n_rows]; array row_ink[n_rows]; array column_name[n_columns]; array column_ink[n_columns]
array line_name[n_lines]; array line_ink[n_lines]; array line_dt[n_lines]; array line_pt[n_lines]; array line_at[n_lines]
array x_value[n_x]; array panel_first[n_rows * n_columns]; array panel_last[n_rows * n_columns]
do for [i = 1 : n_rows * n_columns] { panel_first[i] = -1; panel_last[i] = 0 }
do for [i = 1 : n_rows] { row_name[i] = nl; row_ink[i] = ink }
do for [i = 1 : n_columns] { column_name[i] = nl; column_ink[i] = ink }
do for [i = 1 : n_lines] { line_name[i] = nl; line_ink[i] = ""; line_dt[i] = 1; line_pt[i] = 0; line_at[i] = i }
do for [i = 1 : n_x] { x_value[i] = NaN }
n_ranges = n_measures * n_rows * n_columns
array y_lows[n_ranges]; array y_highs[n_ranges]
do for [i = 1 : n_ranges] { y_lows[i] = y_least; y_highs[i] = y_most }
range_of(r, c, m) = m + n_measures * ((y_range eq "row" || y_range eq "panel" ? r - 1 : 0) + \
	n_rows * (y_range eq "column" || y_range eq "panel" ? c - 1 : 0))
row_rank(name) = sum [i = 1 : n_rows] (row_name[i] eq name ? i : 0)
column_rank(name) = sum [i = 1 : n_columns] (column_name[i] eq name ? i : 0)
line_rank(name) = sum [i = 1 : n_lines] (line_name[i] eq name ? i : 0)
r_seen = 0; c_seen = 0; l_seen = 0; x_seen = 0; r_at = 0; c_at = 0
note_row(r) = (r_at = row_rank(r), r_at > 0 ? 0 : (r_seen = r_seen + 1, r_at = r_seen, row_name[r_at] = r, \
	row_ink[r_at] = strlen(row_colour) ? strcol(row_colour) : ink, 0))
note_column(c) = (c_at = column_rank(c), c_at > 0 ? 0 : (c_seen = c_seen + 1, c_at = c_seen, column_name[c_at] = c, \
	column_ink[c_at] = strlen(column_colour) ? strcol(column_colour) : ink, 0))
note_line(l) = line_rank(l) > 0 ? 0 : (l_seen = l_seen + 1, line_name[l_seen] = l, \
	line_ink[l_seen] = strlen(line_colour) && line_colour ne "shade" ? strcol(line_colour) : "", \
	line_dt[l_seen] = strlen(line_dash) ? int(num(line_dash)) : own_dash(l_seen), \
	line_pt[l_seen] = strlen(line_shape) ? int(num(line_shape)) : 0, \
	line_at[l_seen] = strlen(line_order) ? num(line_order) : l_seen, 0)
note_panel(i) = (panel_first[i] = panel_first[i] < 0 ? int(column(0)) : panel_first[i], panel_last[i] = int(column(0)), 0)
note_x(v) = v == v && (sum [i = 1 : n_x] (x_value[i] == v)) == 0 ? (x_seen = x_seen + 1, x_value[x_seen] = v, 0) : 0
note_y(k, s, v) = (y_lows[k] = min(y_lows[k], shown(s, v)), y_highs[k] = max(y_highs[k], v), 0)
note_measure(k, m) = note_y(k, word_of(y_scale, m), y_of(m)) + note_y(k, word_of(y_scale, m), lo_of(m)) + \
	note_y(k, word_of(y_scale, m), hi_of(m)) + \
	(m == 1 && strlen(y_also) ? sum [i = 1 : words(y_also)] (note_y(k, word_of(y_scale, m), num(word(y_also, i)))) : 0)
plot [-1 : 1] [-1 : 1] data using (note_row(name_of(rows)), note_column(name_of(columns)), note_line(name_of(lines)), \
	note_panel(r_at + n_rows * (c_at - 1)), note_x(num(x_column)), sum [m = 1 : n_measures] (note_measure(range_of(r_at, c_at, m), m)), 0):(0)
unset table

# Lines in their order, values of x in theirs.
do for [i = 1 : n_lines - 1] { do for [k = n_lines - 1 : i : -1] { if (line_at[k + 1] < line_at[k]) {
	do for [a in "line_name line_ink line_dt line_pt line_at"] { eval sprintf("kept = %s[k]; %s[k] = %s[k + 1]; %s[k + 1] = kept", a, a, a, a) }
} } }
do for [i = 1 : n_x - 1] { do for [k = n_x - 1 : i : -1] { if (x_value[k + 1] < x_value[k]) {
	kept = x_value[k]; x_value[k] = x_value[k + 1]; x_value[k + 1] = kept
} } }
array shapes[8] = [7, 5, 9, 11, 13, 6, 4, 8]
drawn_with = line_with eq 'lines' ? 'linespoints' : line_with
part(c, shift) = int("0x" . c[2 + shift : 3 + shift])
mixed(a, b, f) = sprintf("#%02x%02x%02x", int(part(a, 0) + (part(b, 0) - part(a, 0)) * f), \
	int(part(a, 2) + (part(b, 2) - part(a, 2)) * f), int(part(a, 4) + (part(b, 4) - part(a, 4)) * f))
shade(f) = f < 0.5 ? mixed("#D9A0CB", "#93307A", f * 2) : mixed("#93307A", "#2E0435", f * 2 - 1)
# The line of none is the first, where there is one: the others are counted after it.
nones = line_rank(line_of_none) == 1
counts = n_lines - nones
do for [l = 1 : n_lines] {
	k = l - nones
	f = counts < 3 ? 0.5 + 0.35 * (k - 1) : (k - 1.) / (counts - 1)
	if (!line_pt[l]) { line_pt[l] = k ? shapes[(k - 1) % |shapes| + 1] : 13 }
	if (!strlen(line_ink[l])) { line_ink[l] = !k ? ink : line_colour eq "shade" ? shade(f) : colour(n_lines == 1 ? 4 : l) }
}

# Third reading: the same with ranks for names, so that a panel and a line find their rows fast. gnuplot drops a row with a
# number that is missing: where a bound is, it is the point itself.
bound_or(v, y) = v == v ? v : y
set print $points; print "row\tcolumn\tmeasure\tline\tx\ty\tlo\thi"; unset print
set table $points append separator tab
plot [-1 : 1] [-1 : 1] for [m = 1 : n_measures] data using (row_rank(name_of(rows))):\
	(column_rank(name_of(columns))):(m):(line_rank(name_of(lines))):(num(x_column)):\
	(shown(word_of(y_scale, m), y_of(m))):(bound_or(lo_of(m), y_of(m))):(bound_or(hi_of(m), y_of(m))) with table
unset table

# Where the panels are. Many columns without rows wrap. Above the panels of a row is its name, above a panel its column's.
n_columns = n_columns * n_measures
own_range = y_range eq "panel" || y_range eq "column" || n_measures > 1
# So many pixels are the least that a panel and its axis need. On paper there is room for so many of them.
panel_px = own_range ? cycles_axis ? 300 : 250 : 200
if (on_paper) { wrap = max(1, min(wrap, int((width_most - 100) / panel_px))) }
wrapped = n_rows == 1 && n_columns > wrap && (n_measures == 1 || on_paper)
across = wrapped ? wrap : n_columns
down = wrapped ? int(ceil(n_columns / (wrap + 0.))) : n_rows
named_columns = strlen(columns) > 0 || n_measures > 1
row_head = (strlen(rows) > 0 ? 20 : 0) + (wrapped ? 30 : 0)
if (!exists("panel_height")) { panel_height = max(150, min(down == 1 ? 400 : on_paper && down > 2 ? 220 : down < 7 ? 270 : 220, int(18000. / down - row_head))) }
width = max(width, panel_px * across + 100)
left = 104.; right = width - (cycles_axis && n_measures == 1 ? 82. : 18.)
gap = own_range ? 66. + (cycles_axis ? 66 : 0) : 22.
wide = (right - left - gap * (across - 1)) / across

# The legend is a plot of its own over all panels.
longest = 0; n_keys = strlen(lines) ? n_lines : 0
do for [l = 1 : n_lines] { longest = max(longest, strlen(line_name[l])) }
do for [i = 1 : words(legend)] {
	if (word(legend, i) eq "keyentry") { n_keys = n_keys + 1 }
	if (word(legend, i) eq "title") { longest = max(longest, strlen(word(legend, i + 1))) }
}
key_columns = max(1, min(n_keys, int((width - 60) / (74. + 7.6 * longest))))
key_rows = n_keys > 0 ? int(ceil(n_keys / (key_columns + 0.))) : 0
head = 66 + 19 * key_rows + (named_columns && !wrapped ? 24 : 4)
foot = foot + (strstrt(folded(x_title, right - left), nl) ? 16 : 0)
eval begin(head + (row_head + panel_height) * down + foot)
set label 3 folded(x_title, right - left) at screen (left + right) / 2. / width, (strstrt(folded(x_title, right - left), nl) ? 34. : 18.) / height center noenhanced textcolor rgb ink
if (n_keys > 0) {
	set lmargin at screen 0; set rmargin at screen 1
	set tmargin at screen from_top(60); set bmargin at screen from_top(62 + 19 * key_rows)
	set xrange [0 : 1]; set yrange [0 : 1]
	unset border; unset tics; unset grid
	set key at screen 20. / width, from_top(62) left top horizontal Left reverse samplen 3.2 width 1 maxcols key_columns maxrows key_rows font ",12"
	plot for [l = 1 : strlen(lines) ? n_lines : 0] keyentry with @drawn_with linewidth 2 dashtype line_dt[l] pointtype line_pt[l] \
		pointsize 1.0 * points * (line_with ne 'lines') linecolor rgb line_ink[l] title line_name[l], @legend -1 with lines notitle
	unset label; unset key
	set border 3; set grid xtics ytics; set tics nomirror out scale 0.5 textcolor rgb ink
}

# At the table's values: the next that has room.
ticks_at_values(room, label) = sprintf("before = -1e300; do for [i = 1 : n_x] { if (flat(x_scale, x_value[i]) - before >= (flat(x_scale, x_to) - flat(x_scale, x_from)) / %g) { \
	before = flat(x_scale, x_value[i]); eval tick('xtics', x_ticks, %d, x_value[i]) } }", room, label)
eval scale_axis("x", x_scale)
x_from = bent(x_scale, flat(x_scale, x_least) - 0.06 * span_of(x_scale, x_least, x_most))
x_to = bent(x_scale, flat(x_scale, x_most) + 0.06 * span_of(x_scale, x_least, x_most))
set xrange [x_from : x_to]
beside(x, l) = bent(x_scale, flat(x_scale, x) + (l - (n_lines + 1) / 2.) * word_of(x_apart, measure_now) * (flat(x_scale, x_to) - flat(x_scale, x_from)))
here(v) = (strlen(columns) ? strcol(columns) eq column_name[column_now] : 1) && (strlen(rows) ? strcol(rows) eq row_name[row_now] : 1) ? v : NaN

array line_first[n_lines]; array line_last[n_lines]
note_points(l) = (line_first[l] = line_first[l] < 0 ? int(column(0)) : line_first[l], line_last[l] = int(column(0)), 0)
do for [row_now = 1 : n_rows] {
	# A row's points are copied first, and each of its panels copies its own from them: all are read once a row only.
	set print $row; print "row\tcolumn\tmeasure\tline\tx\ty\tlo\thi"; unset print
	set table $row append separator tab
	plot $points using 1:2:3:4:5:6:7:8 with table if ($1 == row_now)
	unset table
	do for [c = 1 : n_columns] {
		column_now = n_measures > 1 ? (c - 1) / n_measures + 1 : c
		measure_now = n_measures > 1 ? (c - 1) % n_measures + 1 : 1
		scale = word_of(y_scale, measure_now); ticks = word_of(y_ticks, measure_now)
		i = wrapped ? (c - 1) % wrap + 1 : c
		k = wrapped ? (c - 1) / wrap + 1 : row_now
		top = head + (row_head + panel_height) * (k - 1) + row_head
		high = panel_height - 28
		at_left = left + (wide + gap) * (i - 1)
		lowest = wrapped ? c + wrap > n_columns : row_now == n_rows
		set lmargin at screen at_left / width; set rmargin at screen (at_left + wide) / width
		set tmargin at screen from_top(top); set bmargin at screen from_top(top + high)

		k = range_of(row_now, column_now, measure_now)
		# What no machine has is off the picture: its axis would overflow.
		y_least = max(y_lows[k], -1e99); y_most = min(y_highs[k], 1e99)
		if (y_most < y_least) { y_least = 1; y_most = 10 }
		if (scale eq "linear") { y_least = min(y_least, 0); y_most = max(y_most, 0) }
		if (scale eq "squash") { y_least = min(y_least, -1); y_most = max(y_most, 1) }
		unset logscale y; unset nonlinear y; eval scale_axis("y", scale)
		span = span_of(scale, y_least, y_most)
		y_from = scale eq "linear" && y_least == 0 ? 0 : bent(scale, flat(scale, y_least) - 0.07 * span)
		y_to = bent(scale, flat(scale, y_most) + 0.1 * span)
		set yrange [y_from : y_to]

		room = wide / (x_ticks eq "count" || x_ticks eq "number" ? 36. : 58.)
		set xtics nomirror out scale 0.5 ()
		if (x_at_values) { eval ticks_at_values(room, lowest) } else { eval ticks_of("xtics", x_scale, x_from, x_to, room, x_ticks, lowest) }
		set ytics nomirror out scale 0.5 ()
		eval ticks_of("ytics", scale, y_from, y_to, high / 20., ticks, i == 1 || own_range)
		unset y2label; unset y2tics; unset logscale y2; set border 3; unset ylabel
		if (i == 1 && n_measures == 1) { set ylabel y_title offset 1, 0 noenhanced textcolor rgb ink }
		if (cycles_axis && measure_now == 1 && (is_log(scale) || scale eq "linear") && (i == across || c == n_columns || own_range)) {
			set border 11; eval scale_axis("y2", is_log(scale) ? "log10" : scale); set y2range [y_from * ghz : y_to * ghz]; set y2tics nomirror out scale 0.5 ()
			eval ticks_of("y2tics", is_log(scale) ? "log10" : scale, y_from * ghz, y_to * ghz, high / 20., "number", 1)
			if (i == across || c == n_columns || n_measures > 1) { set y2label "core cycles" offset -1, 0 textcolor rgb ink }
		}
		if (row_now == 1 && named_columns) {
			name = n_measures == 1 ? column_name[column_now] : (strlen(columns) ? column_name[column_now] . ", " : "") . word_of(y_title, measure_now)
			set label 4 name at graph 0.5, screen from_top(top - (wrapped ? 12 : row_head + 8)) center font fit(name, 14, wide + gap / 2) noenhanced textcolor rgb column_ink[column_now]
		}
		if (strlen(rows) && c == 1) { set label 5 row_name[row_now] at screen at_left / width, screen from_top(top - (wrapped ? 34 : 10)) left font ",13" noenhanced textcolor rgb row_ink[row_now] }
		if (mark_x > x_from && mark_x < x_to) {
			set arrow 1 from first mark_x, graph 0 to first mark_x, graph 1 nohead linewidth 0.8 linecolor rgb grey back
			before = wide * (flat(x_scale, mark_x) - flat(x_scale, x_from)) / (flat(x_scale, x_to) - flat(x_scale, x_from))
			if (row_now == 1 && c == 1) {
				set label 6 fits(mark_left, before - 6) at first mark_x, graph 0.05 right offset -0.5, 0 font fit(mark_left, 11, before - 6) noenhanced textcolor rgb grey
				set label 7 fits(mark_right, wide - before - 6) at first mark_x, graph 0.05 left offset 0.5, 0 font fit(mark_right, 11, wide - before - 6) noenhanced textcolor rgb grey
			}
		}
		set print $panel; print "row\tcolumn\tmeasure\tline\tx\ty\tlo\thi"; unset print
		set table $panel append separator tab
		plot $row using 1:2:3:4:(beside($5, $4)):6:7:8 with table if ($2 == column_now && $3 == measure_now && $6 == $6)
		unset table
		# The points of a line stand together: only these are read for it.
		do for [l = 1 : n_lines] { line_first[l] = -1; line_last[l] = 0 }
		set table $nothing separator tab
		plot $panel using (note_points(int($4))) with table
		unset table
		panel_from = max(panel_first[row_now + n_rows * (column_now - 1)], 0); panel_to = panel_last[row_now + n_rows * (column_now - 1)]
		eval each_panel
		# An interval is a line: what gnuplot draws as error bars clears a place around each point in SVG.
		plot @below for [l = 1 : strlen(y_lo) ? n_lines : 0] $panel every ::max(line_first[l], 0)::line_last[l] using 5:($4 == l && $6 == $6 ? $7 : NaN):(0):($8 - $7) with vectors nohead \
				linetype 1 linewidth 1 linecolor rgb line_ink[l] notitle, \
			for [l = 1 : alone_at == alone_at ? n_lines : 0] $panel every ::max(line_first[l], 0)::line_last[l] using 5:($4 == l && $5 == alone_at ? $6 : NaN) with points \
				pointtype line_pt[l] pointsize 0.7 * points linecolor rgb line_ink[l] notitle, \
			for [l = 1 : n_lines] $panel every ::max(line_first[l], 0)::line_last[l] using 5:($4 == l && $5 != alone_at ? $6 : NaN) with @drawn_with linewidth 1.8 dashtype line_dt[l] \
				pointtype line_pt[l] pointsize 0.7 * points * (line_with ne 'lines') linecolor rgb line_ink[l] notitle, @above NaN notitle
		unset label
	}
}
unset multiplot
set output
