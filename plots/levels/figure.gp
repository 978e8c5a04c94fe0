# TLB levels as inferred and as advertised (left), and what missing each costs (right). A row a curve, in it two lines: what
# was inferred, and below it what is advertised, or what a walk costs. Numbers stand right of their marks.
stats "table.tsv" using "row" nooutput
rows = int(STATS_max)
array panels[rows]; array names[rows]; array inks[rows]
set table $nothing
least = 1e300; most = 0; costliest = 1; levels = 1; found = 0; walks = 0; advertised = 0
note(r) = (panels[r] = strcol("panel"), names[r] = strcol("curve"), inks[r] = strcol("colour"), \
	walks = walks || strcol("kind") eq "walk", advertised = advertised || strcol("kind") eq "advertised", 0)
plot [-1 : 1] [-1 : 1] "table.tsv" using (note(int(column("row"))), levels = max(levels, int(column("level"))), \
	least = min(least, positive(num("entries_lo"))), most = max(most, num("entries_hi")), costliest = max(costliest, num("added_cycles_hi")), 0):(0)
unset table
if (!(most > 0)) { least = 16; most = 4096 }

tall = 46; width = max(width, 700)
eval begin(170 + tall * rows)
set border 1; set grid noytics xtics; unset ytics

# The legend is a plot of its own.
shape(l) = l == 1 ? 7 : l == 2 ? 5 : 9
set lmargin at screen 0; set rmargin at screen 1; set tmargin at screen from_top(60); set bmargin at screen from_top(84)
set xrange [0 : 1]; set yrange [0 : 1]; unset border; unset tics; unset grid
set key at screen 20. / width, from_top(62) left top horizontal Left reverse samplen 1.5 width 2 maxrows 1 font ",12"
entries = "for [l = 1 : levels] keyentry with points pointtype shape(l) pointsize 1.1 * points linecolor rgb ink title sprintf('L%d, inferred', l), "
if (advertised) { entries = entries . "keyentry with points pointtype 12 pointsize 1.5 * points linewidth 1.3 linecolor rgb ink title 'advertised by CPUID', " }
if (walks) { entries = entries . "keyentry with points pointtype 2 pointsize 1.1 * points linewidth 2 linecolor rgb ink title 'beyond the last level', " }
eval "plot " . entries . "-1 with lines notitle"
unset label; unset key; set border 1; set grid noytics xtics

set tmargin at screen from_top(112); set bmargin at screen from_top(112 + tall * rows)
set yrange [rows + 0.5 : 0.5]
set label 3 "entries" at screen 0.30, from_top(100) font ",13" noenhanced textcolor rgb ink
set label 4 "a miss adds (core cycles)" at screen 0.70, from_top(100) font ",13" noenhanced textcolor rgb ink

# A row's names, left of it; the panel's once.
cut(s) = 19 + strstrt(s[20 : *], ", ")
cut_run(s) = 3 + strstrt(s[4 : *], " (")
split(s) = strlen(s) <= 36 ? s : cut(s) > 19 ? s[1 : cut(s)] . "\n" . s[cut(s) + 2 : *] : cut_run(s) > 3 ? s[1 : cut_run(s) - 1] . "\n" . s[cut_run(s) + 1 : *] : s
do for [r = 1 : rows] {
	set label (10 + r) split(names[r]) at screen 0.285, first r right font ",12" noenhanced textcolor rgb inks[r]
	if (r > 1 && panels[r] eq panels[max(1, r - 1)]) { continue }
	set label (10 + rows + r) panels[r] at screen 0.02, first (r - 0.25) left font ",12" noenhanced textcolor rgb ink
	if (r > 1) { set arrow r from screen 0.02, first (r - 0.5) to screen 0.985, first (r - 0.5) nohead linewidth 0.5 linecolor rgb "#cccccc" }
}
hue(x) = int("0x" . strcol("colour")[2:7])
is_found(l) = column("level") == l && (strcol("kind") eq "inferred" || strcol("kind") eq "unconfirmed")
of(l, key) = is_found(l) ? num(key) : NaN
kind(k, key) = strcol("kind") eq k ? num(key) : NaN
upper(x) = column("row") - 0.18
lower(x) = column("row") + 0.2
interval(lo, hi) = lo < hi ? sprintf(" [%g, %g]", lo, hi) : ""
entries_text(x) = sprintf("%g%s%s", num("entries"), strcol("kind") eq "unconfirmed" ? "?" : "", interval(num("entries_lo"), num("entries_hi")))
cost_text(x) = sprintf(num("added_cycles") < 9.95 ? "%.1f" : "%.0f", num("added_cycles"))
right_of(v, hi) = v > -1e300 ? (hi > v ? hi : v) : NaN

# --- Entries.
set lmargin at screen 0.30; set rmargin at screen 0.665
low = least / 1.6; high = most * 5
set xrange [low : high]
set logscale x 2
set xtics nomirror out scale 0.5 ()
do for [e = 0 : 40] { if (2.**e >= low && 2.**e <= high) { set xtics add ((e % 2 == 0 ? count_label(2.**e) : "") 2.**e) } }
plot for [l = 1 : levels] "table.tsv" using (of(l, "entries")):(upper(0)):(num("entries_lo")):(num("entries_hi")):(hue(0)) \
		with xerrorbars linetype 1 linewidth 2 pointtype shape(l) pointsize 1.1 * points linecolor rgb variable notitle, \
	for [l = 1 : levels] "table.tsv" using (seen_at_log(right_of(of(l, "entries"), num("entries_hi")))):(upper(0)):(entries_text(0)):(hue(0)) \
		with labels left offset 0.8, 0 font ",11" textcolor rgb variable notitle, \
	"table.tsv" using (kind("advertised", "entries")):(lower(0)) with points pointtype 12 pointsize 1.5 * points linewidth 1.3 linecolor rgb ink notitle, \
	"table.tsv" using (seen_at_log(kind("advertised", "entries"))):(lower(0)):(sprintf("%g", num("entries"))) \
		with labels left offset 0.8, 0 font ",11" textcolor rgb grey notitle, \
	"table.tsv" using (strcol("kind") eq "unresolved" ? low * 1.1 : 1e-99):(upper(0)):("not resolved") with labels left font ",11" textcolor rgb grey notitle
unset label; unset arrow

# --- Costs.
set lmargin at screen 0.70; set rmargin at screen 0.985
unset logscale x
set xrange [-0.8 : costliest * 2]
set nonlinear x via squash(x) inverse stretch(x)
set xtics (0, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
plot for [l = 1 : levels] "table.tsv" using (of(l, "added_cycles")):(upper(0)):(num("added_cycles_lo")):(num("added_cycles_hi")):(hue(0)) \
		with xerrorbars linetype 1 linewidth 2 pointtype shape(l) pointsize 1.1 * points linecolor rgb variable notitle, \
	"table.tsv" using (kind("walk", "added_cycles")):(lower(0)):(num("added_cycles_lo")):(num("added_cycles_hi")):(hue(0)) \
		with xerrorbars linetype 1 linewidth 2 pointtype 2 pointsize 1.1 * points linecolor rgb variable notitle, \
	for [l = 1 : levels] "table.tsv" using (seen_at(right_of(of(l, "added_cycles"), num("added_cycles_hi")))):(upper(0)):(cost_text(0)):(hue(0)) \
		with labels left offset 0.8, 0 font ",11" textcolor rgb variable notitle, \
	"table.tsv" using (seen_at(right_of(kind("walk", "added_cycles"), num("added_cycles_hi")))):(lower(0)):(cost_text(0)):(hue(0)) \
		with labels left offset 0.8, 0 font ",11" textcolor rgb variable notitle
unset multiplot
set output
