# Rows of bars or of marks: a row for each kind of thing, in it a bar for each place it was measured in, and one or more
# panels of such rows side by side. A logarithmic axis has no zero that a bar could begin at: it has marks with intervals.
# A figure.gp sets the variables below and ends in: load "bars.gp"
# An example, of a table with the columns kind, setting, colour, call_ns, call_ns_lo, call_ns_hi, calls, calls_lo, calls_hi:
#
#   rows = "kind"; bars = "setting"; bar_colour = "colour"
#   values = "call_ns calls"; kinds = "time number"; scales = "log10 linear"; titles = "'one call' 'calls of a fault'"
#   load "bars.gp"
#
# draws two panels, with a row for each kind and in it a mark for each setting. Nothing is limited in number. A value that is
# missing (NULL in SQL, NA in the table) has no bar. These have to be set:
#
#   values    columns of table.tsv, a word each: a panel for each. The table has NAME_lo and NAME_hi, too, the ends of its
#             interval, which may be NA
#   rows      the column with the names of the rows, which stand in the order in which they appear
#   bars      the column whose values have a bar each in a row; ones that a row does not have take no room in it
#
# These may be set; what follows is what holds where they are not.
# What stands over each panel: 'in quotes' where it is more than a word. And below the last axis.
if (!exists("titles")) { titles = "" }
if (!exists("x_title")) { x_title = "" }
# A word for each panel, the last of which holds for all that follow. Scales: linear (from zero) or log10. Kinds of numbers:
# time (of ns), us, bytes, rate (20 k), number, and count, whose axis reaches one at least.
if (!exists("scales")) { scales = "linear" }
if (!exists("kinds")) { kinds = "number" }
# Whether axes have ticks; without, the values beside the bars say enough.
if (!exists("ticks")) { ticks = 1 }
# 1: marks with their intervals instead of bars, as always where an axis is logarithmic.
if (!exists("marks")) { marks = 0 }
marks = marks || strstrt(scales, "log") > 0
# Where values are written: "end" of each bar, or the right "edge" of the panel; "": nowhere.
if (!exists("labels")) { labels = "end" }
# The column with a few words below the name of a row.
if (!exists("row_note")) { row_note = "" }
# The column with the colour of a bar; "": by rank.
if (!exists("bar_colour")) { bar_colour = "" }
# The column that divides each bar in two or more, the first full, further ones paler, or, of marks, open; and a word after
# its values in the legend, such as "frames".
if (!exists("tones")) { tones = "" }
if (!exists("tones_are")) { tones_are = "" }
# The column that says "yes" where a mark is drawn in full; others are small and open, in the place of that one, and what
# the legend says of them.
if (!exists("full")) { full = "" }
if (!exists("open_title")) { open_title = "" }
# Columns with further values of (the first panel's) marks, from the least: a line with a tick at each goes from the mark to
# the last of them, which has a cross. And what the legend says of the ticks and of the cross.
if (!exists("trail")) { trail = "" }
if (!exists("trail_title")) { trail_title = "" }
if (!exists("trail_end")) { trail_end = "" }
# A column for each panel ("-": none) with a value that belongs to a row and to none of its bars, such as a formula's; it is
# taken from the first line of the row that is drawn in full. And what the legend says of it.
if (!exists("references")) { references = "" }
if (!exists("reference_title")) { reference_title = "" }
# The column with what theory says of each of the first panel's bars, for a mark on it; and what the legend says of it.
if (!exists("theory")) { theory = "" }
if (!exists("theory_title")) { theory_title = "" }
# The column with the same as the first panel's in core cycles: an axis above it says them.
if (!exists("cycles")) { cycles = "" }

mark = "\n"
n_panels = words(values)
of_panel(list, p) = word(list, p < words(list) ? p : words(list))
listed(list, name) = strstrt(list, mark . name . mark) > 0
label_of(c) = strlen(c) ? strcol(c) : "*"
is_full(x) = strlen(full) ? strcol(full) eq "yes" : 1

# First reading: the names, and the ranges.
set table $nothing
n_rows = 0; n_bars = 0; n_tones = 0; row_list = mark; bar_list = mark; tone_list = mark; opened = 0
all_ns = 0.; all_cycles = 0.
array least[n_panels]; array most[n_panels]
do for [p = 1 : n_panels] { least[p] = 1e300; most[p] = -1e300 }
log_of(p) = is_log(of_panel(scales, p))
see(p, v) = (least[p] = min(least[p], log_of(p) ? positive(v) : v), most[p] = max(most[p], v), 0)
reference_of(p) = strlen(references) ? of_panel(references, p) : "-"
known(name) = strlen(name) && name ne "-"
note_names(r, b, t) = ( \
	listed(row_list, r) ? 0 : (n_rows = n_rows + 1, row_list = row_list . r . mark), \
	listed(bar_list, b) ? 0 : (n_bars = n_bars + 1, bar_list = bar_list . b . mark), \
	listed(tone_list, t) ? 0 : (n_tones = n_tones + 1, tone_list = tone_list . t . mark), \
	opened = opened || !is_full(0), 0)
see_panel(p) = (see(p, num(word(values, p))), see(p, num(word(values, p) . "_lo")), see(p, num(word(values, p) . "_hi")), \
	known(reference_of(p)) ? see(p, num(reference_of(p))) : 0, p == 1 && strlen(theory) ? see(p, num(theory)) : 0, p == 1 && strlen(trail) ? sum [i = 1 : words(trail)] see(p, num(word(trail, i))) : 0)
count_cycles(ns, of) = positive(ns * of) > 0 ? (all_ns = all_ns + ns, all_cycles = all_cycles + of, 0) : 0
plot [-1 : 1] [-1 : 1] data using (note_names(strcol(rows), label_of(bars), label_of(tones)), sum [p = 1 : n_panels] see_panel(p), \
	strlen(cycles) ? count_cycles(num(word(values, 1)), num(cycles)) : 0):(0)

# Second reading: how each looks, and which bars a row has.
array row_name[n_rows]; array row_words[n_rows]; array row_top[n_rows]; array row_room[n_rows]; array row_line[n_rows]
array bar_name[n_bars]; array bar_ink[n_bars]; array tone_name[n_tones]
array spot[n_rows * n_bars * n_tones]
array shapes[6] = [7, 5, 9, 11, 13, 15]
do for [i = 1 : n_rows] { row_name[i] = ""; row_words[i] = ""; row_line[i] = -1 }
do for [i = 1 : n_bars] { bar_name[i] = ""; bar_ink[i] = ink }
do for [i = 1 : n_tones] { tone_name[i] = "" }
do for [i = 1 : |spot|] { spot[i] = 0 }
split(list, n, into) = sprintf("rest = %s[2 : *]; do for [i = 1 : %d] { %s[i] = rest[1 : strstrt(rest, mark) - 1]; rest = rest[strstrt(rest, mark) + 1 : *] }", list, n, into)
eval split("row_list", n_rows, "row_name"); eval split("bar_list", n_bars, "bar_name"); eval split("tone_list", n_tones, "tone_name")
row_rank(r) = sum [i = 1 : n_rows] (row_name[i] eq r ? i : 0)
bar_rank(b) = sum [i = 1 : n_bars] (bar_name[i] eq b ? i : 0)
tone_rank(t) = sum [i = 1 : n_tones] (tone_name[i] eq t ? i : 0)
at(r, b, t) = ((r - 1) * n_bars + b - 1) * n_tones + t
note(r, b, t) = (spot[at(r, b, t)] = 1, row_words[r] = strlen(row_note) ? strcol(row_note) : "", \
	bar_ink[b] = strlen(bar_colour) ? strcol(bar_colour) : colour(n_bars == 1 ? 4 : b), \
	row_line[r] = row_line[r] < 0 && is_full(0) ? column(0) : row_line[r], 0)
plot [-1 : 1] [-1 : 1] data using (note(row_rank(strcol(rows)), bar_rank(label_of(bars)), tone_rank(label_of(tones)))):(0)
unset table
# Bars of one place that differ in something else have a colour each.
do for [b = 2 : n_bars] { do for [a = 1 : b - 1] { if (bar_ink[a] eq bar_ink[b]) { bar_ink[b] = colour(b) } } }
ghz = ghz >= 0 && all_ns > 0 ? all_cycles / all_ns : ghz
cycles_axis = strlen(cycles) && ghz > 0
has_reference = 0
do for [p = 1 : n_panels] { has_reference = has_reference || known(reference_of(p)) }

# Where rows and bars are, in heights of a bar from the top. A row has room for its name, and a gap to the next.
longest = 0; down = 0.
do for [r = 1 : n_rows] {
	used = 0
	do for [i = at(r, 1, 1) : at(r, n_bars, n_tones)] { if (spot[i]) { used = used + 1 } }
	row_room[r] = max(used + has_reference, strlen(row_note) ? 2.4 : 1.2) + 0.8
	row_top[r] = down
	next = down + (row_room[r] - used - has_reference) / 2. + 0.5
	do for [i = at(r, 1, 1) : at(r, n_bars, n_tones)] { if (spot[i]) { spot[i] = next; next = next + 1 } }
	down = down + row_room[r]
	longest = max(longest, max(8.2 * strlen(row_name[r]), 6.4 * strlen(row_words[r])))
}
bar = marks ? 19. : 16.
left_px = longest + 34
width = max(width, left_px + (on_paper ? 140 : 190) * n_panels)
longest = 8.6 * max(max(strlen(open_title) * opened, strlen(reference_title) * has_reference), max(max(strlen(trail_title), strlen(trail_end)), strlen(theory_title)))
do for [b = 1 : n_bars] { longest = max(longest, 8.6 * strlen(bar_name[b])) }
do for [t = 1 : n_tones] { longest = max(longest, 8.6 * (strlen(tone_name[t]) + strlen(tones_are))) }
n_keys = n_bars * (strlen(bars) > 0) + n_tones * (strlen(tones) > 0) + has_reference + opened + 2 * (strlen(trail) > 0) + (strlen(theory) > 0)
key_columns = max(1, int((width - 60) / (90. + longest)))
key_rows = int(ceil(n_keys / (key_columns + 0.)))
gap_px = 26.
wide_px = (width - left_px - 24 - gap_px * (n_panels - 1)) / n_panels
title_lines = 1
do for [p = 1 : words(titles)] { title_lines = strstrt(folded(word(titles, p), wide_px), "\n") ? 2 : title_lines }
top = 66 + 22 * key_rows + (strlen(titles) ? 12 + 16 * title_lines : 0) + (cycles_axis ? 44 : 0)
eval begin(top + bar * down + (ticks ? 30 : 12) + (strlen(x_title) ? 36 : 8))
panel_left(p) = (left_px + (wide_px + gap_px) * (p - 1)) / width

# The legend is a plot of its own.
tone(t) = 0.85 * 0.35 ** (t - 1)
if (n_keys > 0) {
	set lmargin at screen 0; set rmargin at screen 1; set tmargin at screen from_top(60); set bmargin at screen from_top(60 + 22 * key_rows)
	set xrange [0 : 1]; set yrange [0 : 1]
	unset border; unset tics; unset grid
	set key at screen 20. / width, from_top(62) left top horizontal Left reverse samplen 1.5 width 1 maxcols key_columns maxrows key_rows font ",12"
	# An entry of a loop without turns would take room, too.
	entries = strlen(bars) == 0 ? "" : "for [b = 1 : n_bars] keyentry with " . (marks ? "points pointtype shapes[(b - 1) % 6 + 1] pointsize 1.1 * points" : \
		"boxes fillstyle solid own_tone(b, 0.85) noborder") . " linecolor rgb bar_ink[b] title bar_name[b], "
	if (strlen(tones)) { entries = entries . "for [t = 1 : n_tones] keyentry with " . (marks ? "points pointtype (t == 1 ? 7 : 6) pointsize 1.1 * points" : \
		"boxes fillstyle solid tone(t) noborder") . " linecolor rgb grey title tone_name[t] . (strlen(tones_are) ? ' ' . tones_are : ''), " }
	if (strlen(trail)) { entries = entries . "keyentry with points pointtype 1 pointsize 1.2 * points linewidth 1.2 linecolor rgb grey title trail_title, \
		keyentry with points pointtype 2 pointsize 1.2 * points linewidth 1.2 linecolor rgb grey title trail_end, " }
	if (strlen(theory)) { entries = entries . "keyentry with points pointtype 12 pointsize 1.2 * points linewidth 1.5 linecolor rgb ink title theory_title, " }
	if (has_reference) { entries = entries . "keyentry with points pointtype 12 pointsize 1.2 * points linewidth 1.5 linecolor rgb grey title reference_title, " }
	if (opened) { entries = entries . "keyentry with points pointtype 6 pointsize 0.7 * points linecolor rgb grey title open_title, " }
	eval "plot " . entries . "-1 with lines notitle"
	unset label 1; unset label 2; unset key
	set tics nomirror out scale 0.5 textcolor rgb ink
}

# Values with three digits.
three(v) = sprintf(v >= 99.95 ? "%.0f" : v >= 9.995 ? "%.1f" : "%.2f", v)
short(v) = v < 0.005 ? "0" : v >= 99.95 ? sprintf("%.0f", v) : sprintf("%.3g", v)
value_label(kind, v) = kind eq "us" ? value_label("time", v * 1000) : \
	kind eq "time" ? (v >= 999.5e6 ? three(v / 1e9) . " s" : v >= 999500 ? three(v / 1e6) . " ms" : v >= 999.5 ? three(v / 1e3) . " µs" : three(v) . " ns") : \
	kind eq "bytes" ? (v >= 2**30 ? short(v / 2.**30) . " GiB" : v >= 2**20 ? short(v / 2.**20) . " MiB" : v >= 1024 ? short(v / 1024.) . " KiB" : short(v) . " B") : \
	kind eq "rate" ? (v >= 999500 ? three(v / 1e6) . " M" : v >= 999.5 ? three(v / 1e3) . " k" : short(v)) : short(v)
# Bytes have ticks at powers of two.
ticks_on(axis, kind, scale, from, to) = ticks_of(axis, kind eq "bytes" && is_log(scale) ? "log2" : scale, from, to, wide_px / 55., kind, 1)

set yrange [down : 0]
unset ytics
set grid noytics xtics
mine(b, t, f, v) = label_of(bars) eq bar_name[b] && label_of(tones) eq tone_name[t] && is_full(0) == f ? num(v) : NaN
place(b, t) = spot[at(row_rank(strcol(rows)), b, t)]
low_of(v) = positive(num(v . "_lo")) > 0 || !log_of(p) ? num(v . "_lo") : NaN
reference_at(p) = (r = row_rank(strcol(rows)), known(reference_of(p)) && row_line[r] == column(0) ? num(reference_of(p)) : NaN)
reference_place(x) = (r = row_rank(strcol(rows)), row_top[r] + (row_room[r] + spots_of(r) + has_reference) / 2. - 0.5)
spots_of(r) = sum [i = at(r, 1, 1) : at(r, n_bars, n_tones)] (spot[i] > 0)
end_of(v, hi) = v > -1e300 && hi > v ? hi : v
# gnuplot reads the columns of a loop without turns, too.
trail_of(i) = strlen(trail) ? word(trail, i) : word(values, 1)
theory_at(b, t) = strlen(theory) && p == 1 && mine(b, t, 1, value) > -1e300 ? num(strlen(theory) ? theory : value) : NaN
# Of further values, as many as are known.
farthest(v) = strlen(trail) && p == 1 ? most_of(v, words(trail)) : v
most_of(v, i) = i == 0 ? v : most_of(max(v, num(word(trail, i))), i - 1)
shape_of(b, t) = shapes[(b - 1) % 6 + 1] - (t > 1)
seen(v) = log_of(p) ? seen_at_log(v) : seen_at(v)
do for [p = 1 : n_panels] {
	value = word(values, p); kind = of_panel(kinds, p)
	if (most[p] < least[p] || most[p] <= 0) { least[p] = 1; most[p] = 10 }
	if (kind eq "count") { most[p] = max(most[p], 1) }
	set lmargin at screen panel_left(p); set rmargin at screen panel_left(p) + wide_px / width
	set tmargin at screen from_top(top); set bmargin at screen from_top(top + bar * down)
	# Room for what is written beside the longest bar.
	share = strlen(labels) ? min(0.5, (kind eq "number" || kind eq "count" ? 44. : 66.) / wide_px) : 0.05
	from = log_of(p) ? least[p] / 1.6 : 0.
	to = log_of(p) ? from * max(most[p] / from, 3.) ** (1 / (1 - share)) : most[p] / (1 - share)
	if (log_of(p)) { set logscale x 10 } else { unset logscale x }
	hidden = log_of(p) ? 1e-99 : -1e9
	set xrange [from : to]
	set border (marks ? 1 : 3)
	unset x2tics
	set xtics nomirror ()
	if (!ticks) { unset xtics } else { eval ticks_on("xtics", kind, of_panel(scales, p), from, to) }
	if (cycles_axis && p == 1) {
		set border (marks ? 5 : 7)
		set logscale x2 10; set x2range [from * ghz : to * ghz]; set x2tics nomirror ()
		eval ticks_on("x2tics", "number", "log10", from * ghz, to * ghz)
		set label 4 "core cycles" at graph 0, screen from_top(top - 38) left font ",12" textcolor rgb ink
	}
	if (strlen(titles)) { set label 3 folded(word(titles, p), wide_px) at graph 0, screen from_top(top + 2 - 16 * title_lines - (cycles_axis ? 44 : 0)) left font ",13" noenhanced textcolor rgb ink }
	if (strlen(x_title)) { set xlabel x_title textcolor rgb ink }
	do for [r = 1 : n_rows] {
		if (p == 1) {
			middle = row_top[r] + row_room[r] / 2.
			set label (100 + r) row_name[r] at screen (left_px - 10) / width, first middle - (strlen(row_note) ? 8. / bar : 0) right font ",13" noenhanced textcolor rgb ink
			if (strlen(row_note)) { set label (100 + n_rows + r) row_words[r] at screen (left_px - 10) / width, first middle + 8. / bar right font ",10" noenhanced textcolor rgb grey }
		}
		if (marks && r > 1) { set arrow r from graph 0, first row_top[r] to graph 1, first row_top[r] nohead linewidth 0.5 linecolor rgb "#e3e3e3" back }
	}
	plot for [b = 1 : n_bars] for [t = 1 : n_tones * !marks] data using (mine(b, t, 1, value)):(place(b, t)):(from):(mine(b, t, 1, value)):(place(b, t) - 0.41):(place(b, t) + 0.41) \
			with boxxyerror fillstyle solid own_tone(b, tone(t)) noborder linecolor rgb bar_ink[b] notitle, \
		for [b = 1 : n_bars] for [t = 1 : n_tones * opened] data using (mine(b, t, 0, value)):(place(b, t)) with points \
			pointtype shapes[(b - 1) % 6 + 1] - 1 pointsize 0.7 * points linewidth 1 linecolor rgb bar_ink[b] notitle, \
		for [b = 1 : n_bars] for [t = 1 : n_tones * (strlen(trail) > 0)] data using (p == 1 ? mine(b, t, 1, value) : NaN):(place(b, t)):(farthest(num(value)) - num(value)):(0) \
			with vectors nohead linewidth 1 linecolor rgb bar_ink[b] notitle, \
		for [i = 1 : words(trail)] for [b = 1 : n_bars] for [t = 1 : n_tones] data using (p == 1 ? mine(b, t, 1, trail_of(i)) : NaN):(place(b, t)) with points \
			pointtype (i == words(trail) ? 2 : 1) pointsize 1.2 * points linewidth 1.2 linecolor rgb bar_ink[b] notitle, \
		for [b = 1 : n_bars] for [t = 1 : n_tones] data using (mine(b, t, 1, value) > -1e300 ? low_of(value) : NaN):(place(b, t)):(num(value . "_hi") - low_of(value)):(0) with vectors nohead \
			linewidth (marks ? 2 : 1.2) linecolor rgb (marks ? bar_ink[b] : ink) notitle, \
		for [b = 1 : n_bars] for [t = 1 : n_tones * marks] data using (t > 1 ? mine(b, t, 1, value) : NaN):(place(b, t)) with points \
			pointtype shapes[(b - 1) % 6 + 1] pointsize 1.1 * points linecolor rgb "white" notitle, \
		for [b = 1 : n_bars] for [t = 1 : n_tones * marks] data using (mine(b, t, 1, value)):(place(b, t)) with points \
			pointtype shape_of(b, t) pointsize 1.1 * points linewidth 1.5 linecolor rgb bar_ink[b] notitle, \
		for [b = 1 : n_bars] for [t = 1 : n_tones * (labels eq "end")] data using (seen(end_of(mine(b, t, 1, value), num(value . "_hi")))):(place(b, t)):(value_label(kind, num(value))) \
			with labels left offset 0.6, 0 font ",11" noenhanced textcolor rgb ink notitle, \
		for [b = 1 : n_bars] for [t = 1 : n_tones * (labels eq "edge")] data using (mine(b, t, 1, value) > -1e300 ? to : hidden):(place(b, t)):(value_label(kind, num(value))) \
			with labels right offset -0.4, 0 font ",11" noenhanced textcolor rgb ink notitle, \
		for [b = 1 : n_bars] for [t = 1 : n_tones * (strlen(theory) > 0)] data using (theory_at(b, t)):(place(b, t)) with points \
			pointtype 12 pointsize 1.2 * points linewidth 1.5 linecolor rgb ink notitle, \
		for [i = 1 : known(reference_of(p))] data using (reference_at(p)):(reference_place(0)) with points pointtype 12 pointsize 1.2 * points linewidth 1.5 linecolor rgb grey notitle, \
		for [i = 1 : known(reference_of(p))] data using (reference_at(p) > -1e300 ? to : hidden):(reference_place(0)):(value_label(kind, reference_at(p))) \
			with labels right offset -0.4, 0 font ",11" noenhanced textcolor rgb grey notitle
	unset label; unset arrow; unset x2tics; unset logscale x2
}
unset multiplot
set output
