# Cycles of one page walk by hardware's count: a row a kind of page, a bar a setting; circles: net cost by time.
stats "table.tsv" using "row" nooutput; rows = int(STATS_max)
stats "table.tsv" using "lane" nooutput; lanes = int(STATS_max)
array names[lanes]; array inks[lanes]; array kinds[rows]
most = 1
set table $nothing
do for [l = 1 : lanes] { names[l] = ""; inks[l] = "" }
note(l, r) = (names[l] = strcol("label"), inks[l] = own_ink(1, l, strcol("colour")), kinds[r] = strcol("what") . "\n" . count_label(column("pages")) . " of them", 0)
plot [-1 : 1] [-1 : 1] "table.tsv" using (note(int(column("lane")), int(column("row"))), most = max(most, max(column("walk_cycles_hi"), column("net_cycles_hi"))), 0):(0)
unset table

keys = 16 * (lanes + 1); width = max(width, 600)
eval begin(150 + keys + (26 + 22 * lanes) * rows)
set lmargin at screen 0.215; set rmargin at screen 0.965
set tmargin at screen from_top(78 + keys); set bmargin at screen 64. / height
set yrange [rows + 0.5 : 0.5]; set xrange [0 : most * 1.15]
set grid noytics xtics
set xlabel "one walk (core cycles)" textcolor rgb ink
set ytics scale 0 ()
do for [r = 1 : rows] { set ytics add (kinds[r] r) }
set key at screen 0.205, from_top(64) left top vertical Left reverse samplen 1.5
bar = 0.8 / lanes
place(l) = column("row") + (l - 1 - (lanes - 1) / 2.) * bar
of(l, c) = column("lane") == l ? column(c) : NaN
# A bar's number stands in it, at its foot, where it has room; else behind everything.
inside(v) = v > most * 0.08
text_of(l) = seen_at(inside(of(l, "walk_cycles")) ? 0 : of(l, "walk_cycles") == of(l, "walk_cycles") ? max(column("walk_cycles_hi"), column("net_cycles_hi")) : NaN)
plot for [l = 1 : lanes] "table.tsv" using (of(l, "walk_cycles") / 2.):(place(l)):(of(l, "walk_cycles") / 2.):(bar * 0.46) with boxxyerror \
		fillstyle solid own_tone(l, 0.75) noborder linecolor rgb inks[l] notitle, \
	for [l = 1 : lanes] "table.tsv" using (of(l, "walk_cycles")):(place(l)):"walk_cycles_lo":"walk_cycles_hi" with xerrorbars linetype 1 linewidth 1.2 \
		pointtype 0 linecolor rgb ink notitle, \
	for [l = 1 : lanes] "table.tsv" using (of(l, "net_cycles")):(place(l)) with points pointtype 6 pointsize 1.6 * points linewidth 1.4 linecolor rgb ink notitle, \
	for [l = 1 : lanes] "table.tsv" using (text_of(l)):(place(l)):(sprintf(column("walk_cycles") < 10 ? "%.1f" : "%.0f", column("walk_cycles"))):\
		(inside(column("walk_cycles")) ? 0xFFFFFF : 0x222222) with labels left offset 0.8, 0 font ",11" textcolor rgb variable notitle, \
	for [l = 1 : lanes] keyentry with boxes fillstyle solid own_tone(l, 0.75) noborder linecolor rgb inks[l] title names[l], \
	keyentry with points pointtype 6 pointsize 1.6 * points linewidth 1.4 linecolor rgb ink title "what translation adds to an access, by time"
unset multiplot
set output
