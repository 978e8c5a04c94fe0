# TLB levels as inferred and as advertised (left), and what missing each costs (right). A row a curve.
stats "table.tsv" using "row" nooutput
rows = int(STATS_max)
array panels[rows]; array names[rows]; array inks[rows]
set table $nothing
least = 1e300; most = 0; costliest = 1; levels = 1
note(r) = (panels[r] = strcol("panel"), names[r] = strcol("curve"), inks[r] = strcol("colour"), 0)
plot [-1 : 1] [-1 : 1] "table.tsv" using (note(int(column("row"))), levels = max(levels, int(column("level"))), \
	least = min(least, column("entries_lo")), most = max(most, column("entries_hi")), costliest = max(costliest, column("added_cycles_hi")), 0):(0)
unset table
if (most == 0) { least = 16; most = 4096 }

eval begin(190 + 52 * rows)
set tmargin at screen from_top(112); set bmargin at screen 62. / height
set yrange [rows + 0.5 : 0.5]
set label 3 "entries" at screen 0.30, from_top(98) font ",13" noenhanced textcolor rgb ink
set label 4 "a miss adds (core cycles)" at screen 0.70, from_top(98) font ",13" noenhanced textcolor rgb ink
set border 1; set grid noytics xtics; unset ytics; unset key

# A row's names, left of it; the panel's once.
do for [r = 1 : rows] {
	set label (10 + r) names[r] at screen 0.285, first r right font ",12" noenhanced textcolor rgb inks[r]
	if (r > 1 && panels[r] eq panels[max(1, r - 1)]) { continue }
	set label (10 + rows + r) panels[r] at screen 0.02, first (r - 0.38) left font ",12" noenhanced textcolor rgb ink
	if (r > 1) { set arrow r from screen 0.02, first (r - 0.62) to screen 0.985, first (r - 0.62) nohead linewidth 0.5 linecolor rgb "#cccccc" }
}
shape(l) = l == 1 ? 7 : l == 2 ? 5 : 9
hue(x) = int("0x" . strcol("colour")[2:7])
is_found(l) = column("level") == l && (strcol("kind") eq "inferred" || strcol("kind") eq "unconfirmed")
of(l, key) = is_found(l) ? column(key) : NaN
kind(k, key) = strcol("kind") eq k ? column(key) : NaN
interval(lo, hi) = lo == hi ? "" : sprintf(" [%g, %g]", lo, hi)
entries_text(l) = sprintf("L%d%s: %g%s", l, strcol("kind") eq "unconfirmed" ? "?" : "", column("entries"), interval(column("entries_lo"), column("entries_hi")))
cost_text(x) = sprintf(column("added_cycles") < 10 ? "%.1f" : "%.0f", column("added_cycles"))

# --- Entries.
set lmargin at screen 0.30; set rmargin at screen 0.665
low = least / 2.2; high = most * 3.2
set xrange [low : high]
set logscale x 2
set xtics ()
do for [e = 0 : 40] { if (2.**e >= low && 2.**e <= high) { set xtics add ((e % 2 == 0 ? count_label(2.**e) : "") 2.**e) } }
plot for [l = 1 : levels] "table.tsv" using (of(l, "entries")):"row":"entries_lo":"entries_hi":(hue(0)) \
		with xerrorbars linetype 1 linewidth 2 pointtype shape(l) pointsize 1.1 * points linecolor rgb variable notitle, \
	for [l = 1 : levels] "table.tsv" using (seen_at_log(of(l, "entries"))):(column("row") - 0.3):(entries_text(l)):(hue(0)) \
		with labels center font ",11" textcolor rgb variable notitle, \
	"table.tsv" using (kind("advertised", "entries")):"row" with points pointtype 12 pointsize 2.1 * points linewidth 1.3 linecolor rgb ink notitle, \
	"table.tsv" using (seen_at_log(kind("advertised", "entries"))):(column("row") + 0.3):(sprintf("%g", column("entries"))) \
		with labels center font ",10" textcolor rgb grey notitle, \
	"table.tsv" using (strcol("kind") eq "unresolved" ? sqrt(low * high) : 1e-99):"row":("not resolved") with labels center font ",11" textcolor rgb grey notitle
unset label; unset arrow

# --- Costs.
set lmargin at screen 0.70; set rmargin at screen 0.985
unset logscale x
set xrange [-0.8 : costliest * 1.9]
set nonlinear x via squash(x) inverse stretch(x)
set xtics (0, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
set key at screen 0.985, from_top(74) right bottom horizontal maxrows 1 font ",11"
plot for [l = 1 : levels] "table.tsv" using (of(l, "added_cycles")):"row":"added_cycles_lo":"added_cycles_hi":(hue(0)) \
		with xerrorbars linetype 1 linewidth 2 pointtype shape(l) pointsize 1.1 * points linecolor rgb variable notitle, \
	"table.tsv" using (kind("walk", "added_cycles")):"row":"added_cycles_lo":"added_cycles_hi":(hue(0)) \
		with xerrorbars linetype 1 linewidth 2 pointtype 2 pointsize 1.1 * points linecolor rgb variable notitle, \
	for [l = 1 : levels] "table.tsv" using (seen_at(of(l, "added_cycles"))):(column("row") - 0.3):(cost_text(0)):(hue(0)) \
		with labels center font ",11" textcolor rgb variable notitle, \
	"table.tsv" using (seen_at(kind("walk", "added_cycles"))):(column("row") + 0.3):(cost_text(0)):(hue(0)) \
		with labels center font ",11" textcolor rgb variable notitle, \
	for [l = 1 : levels] keyentry with points pointtype shape(l) pointsize 1.1 * points linecolor rgb ink title sprintf("L%d", l), \
	keyentry with points pointtype 2 pointsize 1.1 * points linewidth 2 linecolor rgb ink title "walk", \
	keyentry with points pointtype 12 pointsize 1.8 * points linewidth 1.3 linecolor rgb ink title "advertised"
unset multiplot
set output
