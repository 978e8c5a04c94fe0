# Cycles of a page walk by the levels it fetches (left: a row of bars a leaf size), and references in theory (right).
stats "table.tsv" using "leaf" nooutput; leaves = int(STATS_max)
stats "table.tsv" using "lane" nooutput; lanes = int(STATS_max)
stats "table.tsv" using "x" nooutput; distances = int(STATS_max)
array names[lanes]; array inks[lanes]; array sizes[leaves]; array most[leaves]; array last[leaves]; array distance[leaves * distances]
do for [l = 1 : lanes] { names[l] = ""; inks[l] = ink }
do for [f = 1 : leaves] { most[f] = 1; last[f] = 1 }
do for [t = 1 : leaves * distances] { distance[t] = "" }
set table $nothing
note(f, l, x) = (names[l] = strcol("label"), inks[l] = strcol("colour"), last[f] = max(last[f], x), most[f] = max(most[f], column("net_cycles_hi")), \
	sizes[f] = sprintf("%d pages of %s, aligned", column("pages"), strcol("page_size")), \
	distance[distances * (f - 1) + x] = sprintf("%s\n%s\n%d of %d", strcol("distance"), strcol("needs"), column("own"), column("levels")), 0)
plot [-1 : 1] [-1 : 1] "table.tsv" using (note(int(column("leaf")), int(column("lane")), int(column("x")))):(0)
rows = 0; longest = 1
plot [-1 : 1] [-1 : 1] "theory.tsv" using (rows = rows + 1, longest = max(longest, column("references")), 0):(0)
unset table

row_height = 340 + 18 * max(0, lanes - 8)
width = max(width, 440 + distances * max(87, 30 * lanes))
eval begin(100 + row_height * leaves)
px(x) = x / (width + 0.)
# --- Measured.
set lmargin at screen px(110); set rmargin at screen 1 - px(326)
set grid noxtics ytics
bar = 0.8 / lanes
place(l) = column("x") + (l - 1 - (lanes - 1) / 2.) * bar
of(f, l) = column("leaf") == f && column("lane") == l ? column("net_cycles") : NaN
walks(f, l, w) = strcol("walks") eq w ? of(f, l) : NaN
digits(v) = sprintf(v < 10 ? "%.1f" : "%.0f", v)
do for [f = 1 : leaves] {
	set tmargin at screen from_top(102 + row_height * (f - 1)); set bmargin at screen from_top(102 + row_height * f - 74)
	set xrange [0.5 : last[f] + 0.5]; set yrange [0 : most[f] * (1.22 + 0.06 * max(0, lanes - 2))]
	set xtics scale 0 ()
	do for [t = 1 : last[f]] { set xtics add (distance[distances * (f - 1) + t] t) }
	set ylabel "one walk: net cost (core cycles)" offset 0.5, 0 textcolor rgb ink
	set label 3 sizes[f] at graph 0.02, graph 0.95 left font ",13" noenhanced textcolor rgb ink
	set label 4 "pages apart by" at screen px(100), graph 0 right offset 0, -0.95 font ",11" noenhanced textcolor rgb grey
	set label 5 "each its own" at screen px(100), graph 0 right offset 0, -2.05 font ",11" noenhanced textcolor rgb grey
	set label 6 "own entries" at screen px(100), graph 0 right offset 0, -3.15 font ",11" noenhanced textcolor rgb grey
	set key at graph 0.02, graph 0.9 left top Left reverse samplen 1
	if (f > 1) { unset key }
	plot for [l = 1 : lanes] "table.tsv" using (place(l)):(walks(f, l, "yes")):(bar * 0.92) with boxes fillstyle solid 0.75 noborder linecolor rgb inks[l] title names[l], \
		for [l = 1 : lanes] "table.tsv" using (place(l)):(walks(f, l, "no")):(bar * 0.92) with boxes fillstyle empty border linewidth 1 linecolor rgb inks[l] notitle, \
		for [l = 1 : lanes] "table.tsv" using (of(f, l) == of(f, l) ? place(l) : NaN):"net_cycles_lo":(0):(column("net_cycles_hi") - column("net_cycles_lo")) \
			with vectors heads size screen 0.004, 90 linewidth 1.2 linecolor rgb ink notitle, \
		for [l = 1 : lanes] "table.tsv" using (place(l)):(seen_at(of(f, l) == of(f, l) ? column("net_cycles_hi") : NaN)):(digits(column("net_cycles"))) with labels \
			offset 0, 0.7 font ",11" textcolor rgb inks[l] notitle, \
		keyentry with boxes linecolor rgb grey fillstyle empty title "no walk: the TLB holds these"
	unset label
}

# --- Theory: worst cases.
set lmargin at screen 1 - px(192); set rmargin at screen 1 - px(34)
set tmargin at screen from_top(140); set bmargin at screen from_top(368)
set xrange [0 : longest * 1.18]; set yrange [rows + 0.6 : 0.4]
unset ylabel; unset xtics; unset ytics; unset grid; unset key; set border 2
set label 3 "memory references of one walk in theory" at screen 1 - px(34), from_top(104) right font ",13" noenhanced textcolor rgb ink
set label 4 "nothing cached; grey: paging not in this run" at screen 1 - px(34), from_top(124) right font ",11" noenhanced textcolor rgb grey
kind = ""
named(k, what) = k eq kind ? what : (kind = k, k . "  " . what)
plot "theory.tsv" using (column("references") / 2.):($0 + 1):(column("references") / 2.):(0.34):(strcol("measured") eq "yes" ? 0x117733 : 0xBBBBBB) with boxxyerror \
		fillstyle solid 0.75 noborder linecolor rgb variable notitle, \
	"theory.tsv" using (column("references")):($0 + 1):(sprintf("%d", column("references"))) with labels left offset 0.5, 0 font ",12" textcolor rgb ink notitle, \
	"theory.tsv" using (0):($0 + 1):(named(strcol("paging"), strcol("pages"))) with labels right offset -0.8, 0 font ",12" textcolor rgb ink notitle
unset multiplot
set output
