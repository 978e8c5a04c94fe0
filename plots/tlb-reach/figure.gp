# Cost of one access against the number of pages touched: where levels end (strip), gross and baseline, net; and below, on
# the same axis, what hardware counted. marks.tsv: levels. counters.tsv: hardware counters, without rows where there are none.
stats "table.tsv" using "curve" nooutput
curves = int(STATS_max)
array names[curves]; array inks[curves]
# The rows of a curve stand together: from here to there in table.tsv, and in counters.tsv, which may have none of it.
array row_from[curves]; array row_to[curves]; array counted_from[curves]; array counted_to[curves]
do for [c = 1 : curves] { row_from[c] = -1; row_to[c] = 0; counted_from[c] = -1; counted_to[c] = 0 }
set table $nothing
note(c) = (names[c] = strcol("label"), inks[c] = own_ink(1, c, strcol("colour")), \
	row_from[c] = row_from[c] < 0 ? int(column(0)) : row_from[c], row_to[c] = int(column(0)), 0)
note_counted(c) = (counted_from[c] = counted_from[c] < 0 ? int(column(0)) : counted_from[c], counted_to[c] = int(column(0)), 0)
# The axis of net costs holds all medians; a band of few samples may reach below it.
bounds = 0; from = 1e300; to = 0; least_gross = 1e300; most_gross = 0; least_net = 0; most_net = 0; rows = 1; misses = 0; cycles = 0; counted = 0
plot [-1 : 1] [-1 : 1] "table.tsv" using (note(int(column("curve"))), from = min(from, column("pages")), to = max(to, column("pages")), \
	page_bytes = column("reach_bytes") / column("pages"), bounds = bounds || strcol("lower_bound") eq "yes", \
	least_gross = min(min(least_gross, positive(column("gross_cycles_lo"))), positive(column("baseline_cycles_lo"))), most_gross = max(most_gross, column("gross_cycles_hi")), \
	least_net = min(least_net, column("net_cycles")), most_net = max(most_net, column("net_cycles_hi")), 0):(0)
plot [-1 : 1] [-1 : 1] "marks.tsv" using (rows = max(rows, column("row")), 0):(0)
plot [-1 : 1] [-1 : 1] "counters.tsv" using (counted = 1, note_counted(int(column("curve"))), \
	misses = max(misses, max(column("dtlb_load_misses_l1_per_access_hi"), column("dtlb_load_walks_per_access_hi"))), \
	cycles = max(cycles, column("dtlb_walk_cycles_per_access_hi")), 0):(0)
unset table
if (!(least_gross < 1e99) || !(most_gross > 0)) { least_gross = 1.; most_gross = 10. }
panels = counted ? (cycles > 0 ? 4 : 3) : 2

# Where a name is too long to stand left of the first mark, it stands above its marks.
longest = 14; first = to
do for [c = 1 : curves] { longest = max(longest, strlen(names[c])) }
set table $nothing
array row_name[rows]
plot [-1 : 1] [-1 : 1] "marks.tsv" using (first = min(first, column("pages_lo")), row_name[int(column("row"))] = strcol("label") . \
	(strcol("kind") eq "level" ? "" : column("curve") > 0 ? ": none resolved" : ": none"), 0):(0)
unset table
step = 7.4 * longest + 30 > 797. * log(first / from) / log(to / from * 1.25) ? 1.8 : 1
strip = 24 * (rows * step + 3); width = max(width, 700)
# With counters, panels are lower on paper, as all have to be on one page.
is_low = on_paper && panels > 2; tall = is_low ? 190 : 317; low_tall = on_paper ? 100 : 144
eval begin(196 + 2 * tall + strip + (low_tall + 46) * (panels - 2))
set lmargin at screen 0.085; set rmargin at screen 0.915
set logscale x 2
set xrange [from / 1.12 : to * 1.12]

# --- The strip: one row a curve, the advertised one last. It is the legend, too.
set tmargin at screen from_top(70); set bmargin at screen from_top(70 + strip)
set yrange [rows * step + 0.6 : -2.4]
unset tics; unset grid; unset key; set border 0
set label 3 "memory in the pages touched" at graph 0, first -2 font ",12" noenhanced textcolor rgb grey
set label 4 "a TLB level ends at, pages" at graph 0, first 0 font ",12" noenhanced textcolor rgb grey
each = log(to / from) / log(2) > 6 ? 2 : 1
do for [e = 1 : 41 : each] { if (2.**e >= from && 2.**e <= to) { set label 10 + e bytes_label(2.**e * page_bytes) at 2.**e, first -1 center font ",12" noenhanced textcolor rgb grey } }
# The first curve is the widest: where others lie on it, its edges still show.
weight(c) = c == 1 ? 3.2 : 1.6
own_size = on_paper ? 0.5 : 0.25
do for [r = 1 : rows] { set label 60 + r row_name[r] at graph 0.028, first r * step - (step - 1) left font ",12" noenhanced textcolor rgb r > curves ? ink : inks[r] }
do for [c = 1 : curves] { set arrow c from graph 0, first c * step - (step - 1) to graph 0.022, first c * step - (step - 1) nohead linewidth weight(c) dashtype own_dash(c) linecolor rgb inks[c] }
hue(x) = column("curve") > 0 ? int("0x" . inks[int(column("curve"))][2:7]) : 0x222222
is_level(c) = column("curve") == c && strcol("kind") eq "level"
mark(c) = is_level(c) ? column("pages") : NaN
interval(lo, hi) = lo == hi ? "" : sprintf(" [%g, %g]", lo, hi)
mark_text(x) = sprintf("L%d%s: %g%s", column("level"), strcol("confirmed") eq "yes" ? "" : "?", column("pages"), interval(column("pages_lo"), column("pages_hi")))
row(x) = column("row") * step
plot for [c = 1 : curves] "marks.tsv" using (mark(c)):(row(0)):"pages_lo":"pages_hi" with xerrorbars linetype 1 linewidth 2 pointtype 7 \
		pointsize 0.8 * points linecolor rgb inks[c] notitle, \
	"marks.tsv" using (mark(0)):(row(0)) with points pointtype 4 pointsize 1.1 * points linewidth 1.2 linecolor rgb ink notitle, \
	"marks.tsv" using (seen_at_log(strcol("kind") eq "level" ? column("pages_hi") : NaN)):(row(0)):(mark_text(0)):(hue(0)) with labels left offset 1, 0 \
		font ",12" textcolor rgb variable notitle
unset label; unset arrow

# --- What the panels share: levels as lines through all of them (inferred with a shaded interval, advertised dotted), and curves.
set border 3; set grid xtics ytics; set tics nomirror out scale 0.5; set key top left Left reverse
swept(c) = column("curve") == c && strcol("pass") eq "sweep" ? column("pages") : NaN
again(c) = column("curve") == c && strcol("pass") eq "refine" ? column("pages") : NaN
ends = "for [c = 1 : curves] 'marks.tsv' using (mark(c)):(low):'pages_lo':'pages_hi':(low):(high) with boxxyerror fillstyle transparent solid 0.13 \
	noborder linecolor rgb inks[c] notitle, for [c = 1 : curves] 'marks.tsv' using (mark(c)):(low):(0):(high - low) with vectors nohead linewidth 1 \
	linecolor rgb inks[c] notitle, 'marks.tsv' using (mark(0)):(low):(0):(high - low) with vectors nohead dashtype (2, 6) linewidth 1.6 linecolor rgb ink notitle, "
own_rows(file) = file eq "table.tsv" ? "every ::row_from[c]::row_to[c]" : "every ::max(counted_from[c], 0)::counted_to[c]"
of_curve(file) = sprintf("for [c = 1 : curves] '%s' %s using", file, own_rows(file))
curve_of(file, key) = of_curve(file) . sprintf(" (swept(c)):'%s_lo':'%s_hi' with filledcurves linecolor rgb inks[c] notitle, ", key, key) . \
	of_curve(file) . sprintf(" (swept(c)):'%s' with linespoints linewidth weight(c) dashtype own_dash(c) pointtype own_shape(c) pointsize own_size * points linecolor rgb inks[c] notitle, ", key)
# Net costs from where on they are lower bounds are dotted.
known(c) = strcol("lower_bound") ne "yes" ? swept(c) : NaN
bounded(c) = strcol("lower_bound") eq "yes" || strcol("lower_bound") eq "edge" ? swept(c) : NaN
net = of_curve("table.tsv") . " (swept(c)):'net_cycles_lo':'net_cycles_hi' with filledcurves linecolor rgb inks[c] notitle, " . \
	of_curve("table.tsv") . " (known(c)):'net_cycles' with linespoints linewidth weight(c) dashtype own_dash(c) pointtype own_shape(c) pointsize own_size * points linecolor rgb inks[c] notitle, " . \
	of_curve("table.tsv") . " (bounded(c)):'net_cycles' with lines linewidth weight(c) dashtype (1, 3) linecolor rgb inks[c] notitle, "
dashed(file, key) = of_curve(file) . sprintf(" (swept(c)):'%s' with lines dashtype 2 linewidth 1 linecolor rgb inks[c] notitle, ", key)
second(key) = of_curve("table.tsv") . sprintf(" (again(c)):'%s' with points pointtype 6 pointsize 0.7 linewidth 1 linecolor rgb inks[c] notitle, ", key)
whisker = of_curve("table.tsv") . " (again(c)):'net_cycles_lo':(0):(column('net_cycles_hi') - column('net_cycles_lo')) with vectors nohead \
	linewidth 0.8 linecolor rgb inks[c] notitle, "
zero = "0 with lines linewidth 0.8 linecolor rgb grey notitle, "
panel(pixels) = sprintf("set tmargin at screen from_top(%d); set bmargin at screen from_top(%d)", panel_top, panel_top + pixels)
set xtics nomirror scale 0.5 ()
each = log(to / from) / log(2) > 15 ? 2 : 1
do for [e = 0 : 41 : each] { if (2.**e >= from / 1.12 && 2.**e <= to * 1.12) { set xtics add (count_label(2.**e) 2.**e) } }
x_title = "set xlabel 'pages touched, one cache line in each' offset 0, 0.2 textcolor rgb ink"

panel_top = 70 + strip + 16
eval panel(tall)
low = least_gross / 1.25; high = most_gross * 1.35
set yrange [low : high]; set logscale y 10
set ytics (); eval ticks_of("ytics", "log10", low, high, 15, "number", 1)
set ylabel is_low ? "gross (core cycles)" : "gross: one access (core cycles)" offset 0, 0 textcolor rgb ink
if (ghz > 0) {
	set border 11; set y2range [low / ghz : high / ghz]; set logscale y2 10
	set y2tics nomirror (); eval ticks_of("y2tics", "log10", low / ghz, high / ghz, 15, "number", 1)
	set y2label is_low ? "gross (ns)" : "gross: one access (ns)" offset -0.5, 0 textcolor rgb ink
}
eval "plot " . ends . curve_of("table.tsv", "gross_cycles") . dashed("table.tsv", "baseline_cycles") . second("gross_cycles") . \
	"keyentry with lines dashtype 2 linewidth 1 linecolor rgb ink title 'baseline, packed', \
	keyentry with points pointtype 6 pointsize 0.7 linecolor rgb ink title 'second pass', \
	keyentry with lines dashtype (2, 6) linewidth 1.6 linecolor rgb ink title 'advertised'"

panel_top = panel_top + tall + 46
eval panel(tall)
unset logscale y; unset logscale y2; unset key
low = min(-1, least_net * 1.2); high = max(10, most_net * 1.3)
set yrange [low : high]; set nonlinear y via squash(y) inverse stretch(y)
set ytics (-100, -50, -20, -10, -5, -2, 0, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
set ylabel is_low ? "net (core cycles)" : "net: translation adds (core cycles)" offset 1, 0 textcolor rgb ink
if (ghz > 0) {
	set y2range [low / ghz : high / ghz]; set nonlinear y2 via squash(y * ghz) inverse stretch(y) / ghz
	set y2tics nomirror (-50, -20, -10, -5, -2, 0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
	set y2label "net (ns)" offset 0, 0 textcolor rgb ink
}
if (panels == 2) { eval x_title }
if (bounds) { set key top left Left reverse }
eval "plot " . ends . zero . net . whisker . second("net_cycles") . \
	(bounds ? "keyentry with lines dashtype (1, 3) linewidth 2 linecolor rgb ink title 'a lower bound: the baseline misses the TLB, too'" : "NaN notitle")

# --- What hardware counted, per access.
panel_top = panel_top + tall + 46
unset nonlinear y; unset nonlinear y2; unset y2tics; unset y2label; set border 3; low = 0
if (panels > 2) {
	eval panel(low_tall)
	high = max(1.1, misses * 1.1)
	set yrange [0 : high]; set ytics nomirror auto; set key top left Left reverse
	set ylabel is_low ? "misses" : "misses an access, counted" offset 1, 0 textcolor rgb ink
	if (panels == 3) { eval x_title }
	eval "plot " . ends . curve_of("counters.tsv", "dtlb_load_walks_per_access") . dashed("counters.tsv", "dtlb_load_misses_l1_per_access") . \
		"keyentry with linespoints linewidth 1.6 pointtype 7 pointsize 0.25 * points linecolor rgb ink title 'page walks', \
		keyentry with lines dashtype 2 linewidth 1 linecolor rgb ink title 'first level missed, second hit'"
}
if (panels > 3) {
	panel_top = panel_top + low_tall + 46
	eval panel(low_tall)
	high = max(10, cycles * 1.3)
	set yrange [0 : high]; set nonlinear y via squash(y) inverse stretch(y); unset key
	set ytics (0, 5, 20, 50, 100, 200, 500, 1000, 2000, 5000)
	set ylabel is_low ? "walk cycles" : "walk cycles an access" offset 1, 0 textcolor rgb ink
	eval x_title
	eval "plot " . ends . curve_of("counters.tsv", "dtlb_walk_cycles_per_access") . "NaN notitle"
}
unset multiplot
set output
