# Cycles of a page walk by the levels it fetches (left: a row a leaf size), and references in theory (right).
# Tables: NAME.tsv (bars), NAME.theory.tsv (references).
call ARG1 . "/style.gp" ARG1 ARG2 ARG3 ARG4 ARG5 ARG6 ARG7

set table $nothing
array names[16]; array owners[16]; array sizes[8]; array last[8]; array most[8]; array ticks[8 * 32]
lanes = 0; leaves = 0
do for [l = 1 : 8] { last[l] = 0; most[l] = 0 }
# What no row tells.
do for [i = 1 : 16] { names[i] = ""; owners[i] = 0 }
do for [i = 1 : 8] { sizes[i] = "" }
do for [i = 1 : 256] { ticks[i] = "" }
note(f, l, x) = (leaves = max(leaves, f), lanes = max(lanes, l), names[l] = strcol("label"), \
	owners[l] = place_colour(strcol("setting"), strcol("label")), last[f] = max(last[f], x), most[f] = max(most[f], column("net_cycles_hi")), \
	sizes[f] = sprintf("%d pages of %s, aligned", column("pages"), strcol("page_size")), \
	ticks[32 * (f - 1) + x] = sprintf("%s\n%s\n%d of %d", strcol("distance"), strcol("needs"), column("own"), column("levels")), 0)
plot [-1 : 1] [-1 : 1] table("") using (note(int(column("leaf")), int(column("lane")), int(column("x")))):(0)
rows = 0; longest = 1
array what[16]; array kinds[16]
plot [-1 : 1] [-1 : 1] table(".theory") using (rows = rows + 1, what[rows] = strcol("pages"), \
	kinds[rows] = strcol("paging"), longest = max(longest, column("references")), 0):(0)
unset table
do for [f = 1 : leaves] { if (most[f] <= 0) { most[f] = 1 } }

row_height = 340
height = 100 + max(row_height * leaves, 330)
eval start_picture(height)
set output directory . "/" . name . "." . picture_format
from_top(px) = 1. - px / (height + 0.)

set multiplot
set label 1 title_text at screen 0.02, from_top(24) font ",17" noenhanced textcolor rgb ink
set label 2 subtitle_text at screen 0.02, from_top(50) font ",12" noenhanced textcolor rgb grey

# --- Measured.
set lmargin at screen 0.115; set rmargin at screen 0.66
set grid noxtics ytics
bar = 0.8 / lanes
place(l) = column("x") + (l - 1 - (lanes - 1) / 2.) * bar
mine(f, l) = column("leaf") == f && column("lane") == l ? column("net_cycles") : NaN
is(f, l, w) = strcol("walks") eq w ? mine(f, l) : NaN
digits(v) = v < 10 ? sprintf("%.1f", v) : sprintf("%.0f", v)
do for [f = 1 : leaves] {
	set tmargin at screen from_top(102 + row_height * (f - 1))
	set bmargin at screen from_top(102 + row_height * f - 74)
	set xrange [0.5 : last[f] + 0.5]
	set yrange [0 : most[f] * 1.22]
	set xtics ()
	do for [t = 1 : last[f]] { set xtics add (ticks[32 * (f - 1) + t] t) }
	set xtics scale 0
	set ylabel "one walk: net cost (core cycles)" offset 0.5, 0 textcolor rgb ink
	set label 3 sizes[f] at graph 0.02, graph 0.93 left font ",13" noenhanced textcolor rgb ink
	set label 11 "pages apart by" at screen 0.105, graph 0 right offset 0, -0.95 font ",11" noenhanced textcolor rgb grey
	set label 12 "each its own" at screen 0.105, graph 0 right offset 0, -2.05 font ",11" noenhanced textcolor rgb grey
	set label 13 "own entries" at screen 0.105, graph 0 right offset 0, -3.15 font ",11" noenhanced textcolor rgb grey
	set key at graph 0.02, graph 0.86 left top Left reverse samplen 1
	if (f > 1) { unset key }
	plot \
		for [l = 1 : lanes] table("") using (place(l)):(is(f, l, "yes")):(bar * 0.92) with boxes \
			fillstyle solid 0.75 noborder linecolor rgb colour(owners[l]) title names[l], \
		for [l = 1 : lanes] table("") using (place(l)):(is(f, l, "no")):(bar * 0.92) with boxes \
			fillstyle empty border linewidth 1 linecolor rgb colour(owners[l]) notitle, \
		for [l = 1 : lanes] table("") using (place(l)):(mine(f, l) > -1e300 ? column("net_cycles_lo") : NaN):(0):(column("net_cycles_hi") - column("net_cycles_lo")) \
			with vectors heads size screen 0.004, 90 linewidth 1.2 linecolor rgb ink notitle, \
		for [l = 1 : lanes] table("") using (place(l)):(seen_at(mine(f, l) > -1e300 ? column("net_cycles_hi") : NaN)):(digits(column("net_cycles"))) with labels \
			offset 0, 0.7 font ",11" textcolor rgb colour(owners[l]) notitle, \
		keyentry with boxes linecolor rgb grey fillstyle empty title "no walk: the TLB holds these"
	unset label 1; unset label 2
}
unset label 3; unset label 11; unset label 12; unset label 13

# --- Theory: worst cases.
set lmargin at screen 0.80; set rmargin at screen 0.965
set tmargin at screen from_top(140); set bmargin at screen from_top(102 + 340 - 74)
set xrange [0 : longest * 1.18]
set yrange [rows + 0.6 : 0.4]
unset ylabel; unset xtics; unset ytics; unset grid; unset key
set border 2
set label 3 "memory references of one walk in theory" at screen 0.965, from_top(104) right font ",13" noenhanced textcolor rgb ink
set label 4 "nothing cached; grey: paging not in this run" at screen 0.965, from_top(124) right font ",11" noenhanced textcolor rgb grey
do for [r = 1 : rows] {
	set label (20 + r) sprintf("%s  %s", r == 1 || kinds[r] ne kinds[max(1, r - 1)] ? kinds[r] : "", what[r]) at screen 0.793, first r right font ",12" noenhanced textcolor rgb ink
}
tint(x) = strcol("measured") eq "yes" ? rgb(3) : 0xBBBBBB
plot \
	row = 0, table(".theory") using (row = row + 1, column("references") / 2.):(row):(column("references") / 2.):(0.34):(tint(0)) with boxxyerror \
		fillstyle solid 0.75 noborder linecolor rgb variable notitle, \
	row = 0, table(".theory") using (row = row + 1, column("references")):(row):(sprintf("%d", column("references"))) with labels left offset 0.5, 0 \
		font ",12" textcolor rgb ink notitle
unset multiplot
set output
