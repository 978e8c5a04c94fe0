# Cost of one access against the number of pages touched: where levels end (strip), gross and baseline, net.
# Tables: NAME.tsv (points), NAME.marks.tsv (levels); from reach-counted.gp also NAME.counters.tsv (hardware counters).
if (!exists("with_counters")) { with_counters = 0 }
call ARG1 . "/style.gp" ARG1 ARG2 ARG3 ARG4 ARG5 ARG6 ARG7

set table $nothing
# What is to be drawn: how many curves, their names, the range of everything. The axis of net costs holds all medians;
# a band of few samples may reach below it.
array labels[32]; array hues[32]
curves = 0
least_pages = 1e18; most_pages = 0; page_bytes = NaN
least_gross = 1e18; most_gross = 0; least_net = 0; most_net = 0
# Curves of one place that differ in something else have colours of their own.
taken(c, hue) = c > 1 ? (sum [k = 1 : c - 1] (hues[k] == hue)) : 0
note(c, label) = (curves = max(curves, c), labels[c] = label, \
	hues[c] = taken(c, label_colour(label)) ? c + 2 : label_colour(label), 0)
plot [-1 : 1] [-1 : 1] table("") using (note(int(column("curve")), strcol("label")), \
	least_pages = min(least_pages, column("pages")), most_pages = max(most_pages, column("pages")), \
	page_bytes = column("reach_bytes") / column("pages"), \
	least_gross = min(least_gross, min(column("gross_cycles_lo"), column("baseline_cycles_lo"))), \
	most_gross = max(most_gross, column("gross_cycles_hi")), \
	least_net = min(least_net, column("net_cycles")), most_net = max(most_net, column("net_cycles_hi")), 0):(0)
rows = 0
plot [-1 : 1] [-1 : 1] table(".marks") using (rows = max(rows, column("row")), 0):(0)
# What was counted: one panel of misses, and one of cycles where there is an event for them.
most_misses = 0; most_walk_cycles = 0
if (with_counters) {
	plot [-1 : 1] [-1 : 1] table(".counters") using ( \
		most_misses = max(most_misses, max(column("dtlb_load_misses_l1_per_access_hi"), column("dtlb_load_walks_per_access_hi"))), \
		most_walk_cycles = max(most_walk_cycles, column("dtlb_walk_cycles_per_access_hi")), 0):(0)
}
counted_panels = with_counters ? (most_walk_cycles > 0 ? 2 : 1) : 0
unset table

strip = 24. * (rows + 3)
counted_height = 190.
height = 790 + strip + counted_height * counted_panels
eval start_picture(height)
set output directory . "/" . name . "." . picture_format

from_top(px) = 1. - px / height
left = 0.085; right = 0.915
strip_top = from_top(70); strip_bottom = from_top(70 + strip)
gross_top = strip_bottom - 16. / height; net_bottom = (64. + counted_height * counted_panels) / height
gap = 46. / height
gross_bottom = net_bottom + gap + (gross_top - net_bottom - gap) * 0.5
net_top = gross_bottom - gap

set multiplot
set lmargin at screen left; set rmargin at screen right
set xrange [least_pages / 1.12 : most_pages * 1.12]
set logscale x 2

# A dotted line where a level is advertised, a shaded one where it was inferred, through every panel.
line_at(c) = column("curve") == c && strcol("kind") eq "level" ? column("pages") : NaN

# --- The strip: one row a curve, the advertised one last.
set tmargin at screen strip_top; set bmargin at screen strip_bottom
set yrange [rows + 0.6 : -2.4]
unset ytics; unset xtics; unset grid
set border 0
set label 1 title_text at screen left, from_top(26) font ",17" noenhanced textcolor rgb ink
set label 2 subtitle_text at screen left, from_top(52) font ",12" noenhanced textcolor rgb grey
set label 3 "memory in the pages touched" at graph 0, first -2 font ",12" noenhanced textcolor rgb grey
set label 4 "a TLB level ends at, pages" at graph 0, first 0 font ",12" noenhanced textcolor rgb grey
do for [e = 0 : 40] {
	p = 2.**e
	if (p >= least_pages && p <= most_pages && e % 2 == 1) {
		set label (100 + e) bytes_label(p * page_bytes) at p, first -1 center font ",12" noenhanced textcolor rgb grey
	}
}
row_of(c) = column("curve") == c ? column("row") : NaN
interval(lo, hi) = lo == hi ? "" : sprintf(" [%g, %g]", lo, hi)
mark_label(x) = sprintf("L%d%s: %g%s", column("level"), strcol("confirmed") eq "yes" ? "" : "?", column("pages"), interval(column("pages_lo"), column("pages_hi")))
row_label(x) = strcol("label") . (strcol("kind") eq "level" ? "" : column("curve") > 0 ? ": none resolved" : ": none")
plot \
	for [c = 1 : curves] table(".marks") using (line_at(c)):(row_of(c)):"pages_lo":"pages_hi" with xerrorbars \
		linetype 1 linewidth 2 pointtype 7 pointsize 0.8 * points linecolor rgb colour(hues[c]) notitle, \
	for [c = 1 : curves] table(".marks") using (column("curve") == c && strcol("kind") eq "level" ? column("pages_hi") : NaN):(row_of(c)):(mark_label(0)) \
		with labels left offset 1, 0 font ",12" textcolor rgb colour(hues[c]) notitle, \
	table(".marks") using (line_at(0)):(row_of(0)) with points pointtype 4 pointsize 1.1 * points linewidth 1.2 linecolor rgb ink notitle, \
	table(".marks") using (line_at(0)):(row_of(0)):(mark_label(0)) with labels left offset 1, 0 font ",12" textcolor rgb ink notitle, \
	last = 0, table(".marks") using (column("row") == last ? NaN : (last = column("row"), least_pages)):"row":(row_label(0)):(rgb(column("curve") > 0 ? hues[int(column("curve"))] : 0)) \
		with labels left font ",12" textcolor rgb variable notitle
unset label 1; unset label 2; unset label 3; unset label 4
do for [e = 0 : 40] { unset label (100 + e) }

# --- Gross and baseline.
# The first curve is the widest: where others lie on it, its edges still show.
weight(c) = c == 1 ? 3.2 : 1.6
set border 3
set grid xtics ytics
set xtics scale 0.5
set xtics ()
do for [e = 0 : 40] {
	p = 2.**e
	if (p >= least_pages / 1.12 && p <= most_pages * 1.12) {
		set xtics add (count_label(p) p)
	}
}
set tmargin at screen gross_top; set bmargin at screen gross_bottom
low = least_gross / 1.25; high = most_gross * 1.35
set yrange [low : high]
set logscale y 10
set ytics nomirror
if (high / low < 20) {
	set ytics (0.5, 0.7, 1, 1.5, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 30, 40, 50, 60, 80, 100, 150, 200, 300)
} else {
	set ytics (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
}
set ylabel "gross: one access (core cycles)" offset 1, 0 textcolor rgb ink
if (ghz > 0) {
	set border 11
	set y2range [low / ghz : high / ghz]
	set logscale y2 10
	set y2tics nomirror (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
	set y2label "gross: one access (ns)" offset -1.5, 0 textcolor rgb ink
}
set key top left Left reverse
swept(c) = column("curve") == c && strcol("pass") eq "sweep" ? column("pages") : NaN
again(c) = column("curve") == c && strcol("pass") eq "refine" ? column("pages") : NaN
plot \
	for [c = 1 : curves] table(".marks") using (line_at(c)):(low):"pages_lo":"pages_hi":(low):(high) \
		with boxxyerror fillstyle transparent solid 0.13 noborder linecolor rgb colour(hues[c]) notitle, \
	for [c = 1 : curves] table(".marks") using (line_at(c)):(low):(0):(high - low) with vectors nohead \
		linewidth 1 linecolor rgb colour(hues[c]) notitle, \
	table(".marks") using (line_at(0)):(low):(0):(high - low) with vectors nohead dashtype (2, 6) linewidth 1.6 \
		linecolor rgb ink notitle, \
	for [c = 1 : curves] table("") using (swept(c)):"gross_cycles_lo":"gross_cycles_hi" with filledcurves \
		linecolor rgb colour(hues[c]) notitle, \
	for [c = 1 : curves] table("") using (swept(c)):"baseline_cycles" with lines dashtype 2 linewidth 1 \
		linecolor rgb colour(hues[c]) notitle, \
	for [c = 1 : curves] table("") using (swept(c)):"gross_cycles" with linespoints linewidth weight(c) pointtype 7 \
		pointsize 0.25 * points linecolor rgb colour(hues[c]) notitle, \
	for [c = 1 : curves] table("") using (again(c)):"gross_cycles" with points pointtype 6 pointsize 0.7 \
		linewidth 1 linecolor rgb colour(hues[c]) notitle, \
	for [c = 1 : curves] keyentry with linespoints linewidth weight(c) pointtype 7 pointsize 0.25 * points \
		linecolor rgb colour(hues[c]) title labels[c], \
	keyentry with lines dashtype 2 linewidth 1 linecolor rgb ink title "baseline, packed", \
	keyentry with points pointtype 6 pointsize 0.7 linecolor rgb ink title "second pass", \
	keyentry with lines dashtype (2, 6) linewidth 1.6 linecolor rgb ink title "advertised"

# --- Net.
set tmargin at screen net_top; set bmargin at screen net_bottom
unset logscale y; unset logscale y2
unset key
low = min(-1, least_net * 1.2); high = max(10, most_net * 1.3)
set yrange [low : high]
set nonlinear y via squash(y) inverse stretch(y)
set ytics (-100, -50, -20, -10, -5, -2, 0, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
set ylabel "net: translation adds (core cycles)" offset 1, 0 textcolor rgb ink
if (ghz > 0) {
	set y2range [low / ghz : high / ghz]
	set nonlinear y2 via squash(y * ghz) inverse stretch(y) / ghz
	set y2label "net (ns)"
	set y2tics (-50, -20, -10, -5, -2, 0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
}
if (!counted_panels) { set xlabel "pages touched, one cache line in each" offset 0, 0.2 textcolor rgb ink }
plot \
	for [c = 1 : curves] table(".marks") using (line_at(c)):(low):"pages_lo":"pages_hi":(low):(high) \
		with boxxyerror fillstyle transparent solid 0.13 noborder linecolor rgb colour(hues[c]) notitle, \
	for [c = 1 : curves] table(".marks") using (line_at(c)):(low):(0):(high - low) with vectors nohead \
		linewidth 1 linecolor rgb colour(hues[c]) notitle, \
	table(".marks") using (line_at(0)):(low):(0):(high - low) with vectors nohead dashtype (2, 6) linewidth 1.6 \
		linecolor rgb ink notitle, \
	0 with lines linewidth 0.8 linecolor rgb grey notitle, \
	for [c = 1 : curves] table("") using (swept(c)):"net_cycles_lo":"net_cycles_hi" with filledcurves \
		linecolor rgb colour(hues[c]) notitle, \
	for [c = 1 : curves] table("") using (swept(c)):"net_cycles" with linespoints linewidth weight(c) pointtype 7 \
		pointsize 0.25 * points linecolor rgb colour(hues[c]) notitle, \
	for [c = 1 : curves] table("") using (again(c)):"net_cycles_lo":(0):(column("net_cycles_hi") - column("net_cycles_lo")) \
		with vectors nohead linewidth 0.8 linecolor rgb colour(hues[c]) notitle, \
	for [c = 1 : curves] table("") using (again(c)):"net_cycles" with points pointtype 6 pointsize 0.7 \
		linewidth 1 linecolor rgb colour(hues[c]) notitle

# --- What hardware counted, per access.
if (counted_panels) {
	unset nonlinear y; unset nonlinear y2; unset y2tics; unset y2label
	set border 3
	set tmargin at screen net_bottom - gap; set bmargin at screen net_bottom - gap - (counted_height - 46.) / height
	most = max(1.1, most_misses * 1.1)
	set yrange [0 : most]
	set ytics nomirror auto
	set ylabel "misses an access, counted" offset 1, 0 textcolor rgb ink
	if (counted_panels == 1) { set xlabel "pages touched, one cache line in each" offset 0, 0.2 textcolor rgb ink }
	set key left center Left reverse
	plot \
		for [c = 1 : curves] table(".marks") using (line_at(c)):(0):(0):(most) with vectors nohead \
			linewidth 1 linecolor rgb colour(hues[c]) notitle, \
		table(".marks") using (line_at(0)):(0):(0):(most) with vectors nohead dashtype (2, 6) linewidth 1.6 \
			linecolor rgb ink notitle, \
		1 with lines linewidth 0.8 linecolor rgb grey notitle, \
		for [c = 1 : curves] table(".counters") using (swept(c)):"dtlb_load_walks_per_access_lo":"dtlb_load_walks_per_access_hi" \
			with filledcurves linecolor rgb colour(hues[c]) notitle, \
		for [c = 1 : curves] table(".counters") using (swept(c)):"dtlb_load_misses_l1_per_access" with lines dashtype 2 \
			linewidth 1.2 linecolor rgb colour(hues[c]) notitle, \
		for [c = 1 : curves] table(".counters") using (swept(c)):"dtlb_load_walks_per_access" with linespoints \
			linewidth weight(c) pointtype 7 pointsize 0.25 * points linecolor rgb colour(hues[c]) notitle, \
		keyentry with linespoints linewidth 1.6 pointtype 7 pointsize 0.25 * points linecolor rgb ink title "page walks", \
		keyentry with lines dashtype 2 linewidth 1.2 linecolor rgb ink title "first level missed, second hit"
	unset key
}
if (counted_panels == 2) {
	set tmargin at screen net_bottom - gap - counted_height / height
	set bmargin at screen net_bottom - gap - (2 * counted_height - 46.) / height
	high = max(10, most_walk_cycles * 1.3)
	set yrange [0 : high]
	set nonlinear y via squash(y) inverse stretch(y)
	set ytics (0, 5, 20, 50, 100, 200, 500, 1000, 2000, 5000)
	set ylabel "walk cycles an access" offset 1, 0 textcolor rgb ink
	set xlabel "pages touched, one cache line in each" offset 0, 0.2 textcolor rgb ink
	plot \
		for [c = 1 : curves] table(".marks") using (line_at(c)):(0):(0):(high) with vectors nohead \
			linewidth 1 linecolor rgb colour(hues[c]) notitle, \
		table(".marks") using (line_at(0)):(0):(0):(high) with vectors nohead dashtype (2, 6) linewidth 1.6 \
			linecolor rgb ink notitle, \
		for [c = 1 : curves] table(".counters") using (swept(c)):"dtlb_walk_cycles_per_access_lo":"dtlb_walk_cycles_per_access_hi" \
			with filledcurves linecolor rgb colour(hues[c]) notitle, \
		for [c = 1 : curves] table(".counters") using (swept(c)):"dtlb_walk_cycles_per_access" with linespoints \
			linewidth weight(c) pointtype 7 pointsize 0.25 * points linecolor rgb colour(hues[c]) notitle
}
unset multiplot
set output
