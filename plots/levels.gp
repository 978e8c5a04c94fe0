# TLB levels as inferred and as advertised (left), and what missing each costs (right). A row a curve.
# Table: NAME.tsv.
call ARG1 . "/style.gp" ARG1 ARG2 ARG3 ARG4 ARG5 ARG6 ARG7

set table $nothing
rows = 0; least = 1e18; most = 0; costliest = 1; levels = 1
array panels[128]; array names[128]; array owners[128]
note(r) = (rows = max(rows, r), panels[r] = strcol("panel"), names[r] = strcol("curve"), \
	owners[r] = place_colour(strcol("setting"), strcol("curve")), 0)
known(key) = column(key) > -1e300
plot [-1 : 1] [-1 : 1] table("") using (note(int(column("row"))), levels = max(levels, int(column("level"))), \
	least = known("entries") ? min(least, column("entries_lo")) : least, \
	most = known("entries") ? max(most, column("entries_hi")) : most, \
	costliest = known("added_cycles") ? max(costliest, column("added_cycles_hi")) : costliest, 0):(0)
unset table
if (most == 0) { least = 16; most = 4096 }

height = 190 + 52 * rows
eval start_picture(height)
set output directory . "/" . name . "." . picture_format
from_top(px) = 1. - px / (height + 0.)
set multiplot
set tmargin at screen from_top(112); set bmargin at screen 62. / height
set yrange [rows + 0.5 : 0.5]
set label 1 title_text at screen 0.02, from_top(24) font ",17" noenhanced textcolor rgb ink
set label 2 subtitle_text at screen 0.02, from_top(50) font ",12" noenhanced textcolor rgb grey
set label 3 "entries" at screen 0.30, from_top(98) font ",13" noenhanced textcolor rgb ink
set label 4 "a miss adds (core cycles)" at screen 0.70, from_top(98) font ",13" noenhanced textcolor rgb ink
set border 1
set grid noytics xtics
unset ytics

# A row's names, left of it; the panel's once.
do for [r = 1 : rows] {
	set label (100 + r) names[r] at screen 0.285, first r right font ",12" noenhanced textcolor rgb colour(owners[r])
	if (r == 1 || panels[r] ne panels[max(1, r - 1)]) {
		set label (300 + r) panels[r] at screen 0.02, first (r - 0.38) left font ",12" noenhanced textcolor rgb ink
		if (r > 1) { set arrow (500 + r) from screen 0.02, first (r - 0.62) to screen 0.985, first (r - 0.62) nohead linewidth 0.5 linecolor rgb "#cccccc" }
	}
}
shape(l) = l == 1 ? 7 : l == 2 ? 5 : 9
interval(lo, hi) = lo == hi ? "" : sprintf(" [%g, %g]", lo, hi)
mine(k, l) = column("level") == l && (strcol("kind") eq k || (k eq "inferred" && strcol("kind") eq "unconfirmed"))
doubt(x) = strcol("kind") eq "unconfirmed" ? "?" : ""

# --- Entries.
set lmargin at screen 0.30; set rmargin at screen 0.665
low = least / 2.2; high = most * 3.2
set xrange [low : high]
set logscale x 2
set xtics ()
do for [e = 0 : 40] {
	p = 2.**e
	if (p >= low && p <= high) { set xtics add ((e % 2 == 0 ? count_label(p) : "") p) }
}
unset key
plot \
	for [l = 1 : levels] table("") using (mine("inferred", l) ? column("entries") : NaN):"row":"entries_lo":"entries_hi":(rgb(place_colour(strcol("setting"), strcol("curve")))) \
		with xerrorbars linetype 1 linewidth 2 pointtype shape(l) pointsize 1.1 * points linecolor rgb variable notitle, \
	for [l = 1 : levels] table("") using (mine("inferred", l) ? column("entries") : NaN):(column("row") - 0.3):(sprintf("L%d%s: %g%s", l, doubt(0), column("entries"), interval(column("entries_lo"), column("entries_hi")))):(rgb(place_colour(strcol("setting"), strcol("curve")))) \
		with labels center font ",11" textcolor rgb variable notitle, \
	for [l = 1 : levels] table("") using (mine("advertised", l) ? column("entries") : NaN):"row" \
		with points pointtype 12 pointsize 2.1 * points linewidth 1.3 linecolor rgb ink notitle, \
	for [l = 1 : levels] table("") using (mine("advertised", l) ? column("entries") : NaN):(column("row") + 0.3):(sprintf("%g", column("entries"))) \
		with labels center font ",10" textcolor rgb grey notitle, \
	table("") using (strcol("kind") eq "unresolved" ? sqrt(low * high) : NaN):"row":("not resolved") \
		with labels center font ",11" textcolor rgb grey notitle
unset label 1; unset label 2; unset label 3; unset label 4
do for [r = 1 : rows] { unset label (100 + r); unset label (300 + r); unset arrow (500 + r) }

# --- Costs.
set lmargin at screen 0.70; set rmargin at screen 0.985
unset logscale x
set xtics ()
set xrange [-0.8 : costliest * 1.9]
set nonlinear x via squash(x) inverse stretch(x)
set xtics (0, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
cost(k, l) = mine(k, l) && known("added_cycles") ? column("added_cycles") : NaN
digits(v) = v < 10 ? sprintf("%.1f", v) : sprintf("%.0f", v)
set key at screen 0.985, from_top(74) right bottom maxrows 1 font ",11"
plot \
	for [l = 1 : levels] table("") using (cost("inferred", l)):"row":"added_cycles_lo":"added_cycles_hi":(rgb(place_colour(strcol("setting"), strcol("curve")))) \
		with xerrorbars linetype 1 linewidth 2 pointtype shape(l) pointsize 1.1 * points linecolor rgb variable notitle, \
	table("") using (cost("walk", 0)):"row":"added_cycles_lo":"added_cycles_hi":(rgb(place_colour(strcol("setting"), strcol("curve")))) \
		with xerrorbars linetype 1 linewidth 2 pointtype 2 pointsize 1.1 * points linecolor rgb variable notitle, \
	for [l = 1 : levels] table("") using (cost("inferred", l)):(column("row") - 0.3):(digits(column("added_cycles"))):(rgb(place_colour(strcol("setting"), strcol("curve")))) \
		with labels center font ",11" textcolor rgb variable notitle, \
	table("") using (cost("walk", 0)):(column("row") + 0.3):(digits(column("added_cycles"))):(rgb(place_colour(strcol("setting"), strcol("curve")))) \
		with labels center font ",11" textcolor rgb variable notitle, \
	for [l = 1 : levels] keyentry with points pointtype shape(l) pointsize 1.1 * points linecolor rgb ink title sprintf("L%d", l), \
	keyentry with points pointtype 2 pointsize 1.1 * points linewidth 2 linecolor rgb ink title "walk", \
	keyentry with points pointtype 12 pointsize 1.8 * points linewidth 1.3 linecolor rgb ink title "advertised"
unset multiplot
set output
