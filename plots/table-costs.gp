# Building page tables, tearing them down, and their bytes beside a flat table's, per page; a row a page size and distance,
# a dot a setting and paging mode. Table: NAME.tsv.
call ARG1 . "/style.gp" ARG1 ARG2 ARG3 ARG4 ARG5 ARG6 ARG7

set table $nothing
array names[16]; array owners[16]; array marks[16]; array kinds[16]
array low[3]; array high[3]; array first_of[16]
array values[3] = ["build_ns", "teardown_ns", "table_bytes"]
array titles[3] = ["building, per page", "tearing down, per page", "table bytes, per page"]
lanes = 0; rows = 0; fewer = 0
# Nested and shadow paging of one setting have one colour, and shapes of their own.
mark(p) = p eq "shadow" ? 9 : p eq "nested" ? 5 : 7
# What no row tells.
do for [i = 1 : 16] { names[i] = ""; owners[i] = 0; marks[i] = 7; kinds[i] = ""; first_of[i] = 0 }
do for [i = 1 : 3] { low[i] = 1e30; high[i] = 0 }
note(l, r) = (lanes = max(lanes, l), names[l] = strcol("label"), owners[l] = place_colour(strcol("setting"), strcol("label")), \
	marks[l] = mark(strcol("paging")), rows = max(rows, r), kinds[r] = strcol("what"), fewer = fewer || strcol("most") eq "no", \
	first_of[r] = first_of[r] > 0 ? first_of[r] : l, 0)
plot [-1 : 1] [-1 : 1] table("") using (note(int(column("lane")), int(column("row"))), \
	sum [i = 1 : 3] (low[i] = min(low[i], positive(column(values[i] . "_lo"))), high[i] = max(high[i], column(values[i] . "_hi")), 0), \
	low[3] = min(low[3], positive(column("flat_bytes"))), high[3] = max(high[3], column("flat_bytes")), 0):(0)
unset table
do for [i = 1 : 3] {
	if (high[i] <= 0) { high[i] = 100 }
	low[i] = min(low[i], high[i])
}

# A line for each lane, and one for the flat table.
row_height = 24 + 20 * (lanes + 1)
keys = 23 * (lanes + 1 + fewer)
height = 102 + keys + row_height * rows + 46
eval start_picture(height)
set output directory . "/" . name . "." . picture_format
from_top(px) = 1. - px / (height + 0.)
left = 0.165; right = 0.975; between = 0.035
wide = (right - left - between * 2) / 3

set multiplot
set tmargin at screen from_top(92 + keys); set bmargin at screen 46. / height
set yrange [rows + 0.5 : 0.5]
set label 1 title_text at screen 0.02, from_top(24) font ",17" noenhanced textcolor rgb ink
set label 2 subtitle_text at screen 0.02, from_top(50) font ",12" noenhanced textcolor rgb grey
set border 1
set grid noytics xtics
step = 20. / row_height
line(l) = column("row") + (l - 1 - lanes / 2.) * step
mine(l, c, m) = column("lane") == l && strcol("most") eq m ? column(c) : NaN
three(v) = v >= 999.5 ? sprintf("%.0f", v) : v >= 99.95 ? sprintf("%.0f", v) : v >= 9.995 ? sprintf("%.1f", v) : sprintf("%.2f", v)
time_label(ns) = ns >= 1e9 ? three(ns / 1e9) . " s" : ns >= 1e6 ? three(ns / 1e6) . " ms" : ns >= 1e3 ? three(ns / 1e3) . " µs" : three(ns) . " ns"
size_label(b) = b >= 2**20 ? sprintf("%.3g MiB", b / 2.**20) : b >= 2**10 ? sprintf("%.3g KiB", b / 2.**10) : sprintf("%.3g B", b)
value_label(i, v) = i < 3 ? time_label(v) : size_label(v)
tick_label(ns) = ns >= 1e9 ? sprintf("%g s", ns / 1e9) : ns >= 1e6 ? sprintf("%g ms", ns / 1e6) : ns >= 1e3 ? sprintf("%g µs", ns / 1e3) : sprintf("%g ns", ns)
known(v) = v > -1e300 && v < 1e300
# An interval is a line: what gnuplot draws as error bars clears a place around each point in SVG.
low_of(i, v) = v > 0 ? column(values[i] . "_lo") : NaN
high_of(i) = column(values[i] . "_hi") - column(values[i] . "_lo")
# Once a row, from the first lane that has it.
flat(i) = i == 3 && strcol("most") eq "yes" && first_of[int(column("row"))] == column("lane") ? column("flat_bytes") : NaN
do for [i = 1 : 3] {
	set lmargin at screen left + (wide + between) * (i - 1)
	set rmargin at screen left + (wide + between) * (i - 1) + wide
	set ytics scale 0
	set ytics ()
	do for [r = 1 : rows] { set ytics add ((i == 1 ? kinds[r] : "") r) }
	# Room for the numbers, which stand below each other at the right end.
	from = low[i] / 1.6; decades = log10(high[i] / from)
	to = high[i] * 10 ** (0.34 * max(decades, 0.6))
	set logscale x 10
	set xrange [from : to]
	set xtics scale 0.5 ()
	if (i < 3) {
		do for [e = -1 : 12] { do for [m in (decades < 0.9 ? "1 2 5" : decades < 2 ? "1 3" : "1")] { set xtics add (tick_label(m * 10.**e) m * 10.**e) } }
	} else {
		do for [e = 0 : 60] { if (e % (decades > 4 ? 6 : 3) == 0) { set xtics add (bytes_label(2.**e) 2.**e) } }
	}
	set label 3 titles[i] at graph 0, screen from_top(78 + keys) left font ",13" noenhanced textcolor rgb ink
	if (i == 1) { set key at screen left - 0.01, from_top(64) left top vertical Left reverse samplen 1.5 } else { unset key }
	do for [r = 2 : rows] { set arrow r from graph 0, first r - 0.5 to graph 1, first r - 0.5 nohead linewidth 0.5 linecolor rgb "#e3e3e3" back }
	plot \
		for [l = 1 : lanes] table("") using (mine(l, values[i], "no")):(line(l)) with points \
			pointtype marks[l] - 1 pointsize 0.7 * points linewidth 1 linecolor rgb colour(owners[l]) notitle, \
		for [l = 1 : lanes] table("") using (low_of(i, mine(l, values[i], "yes"))):(line(l)):(high_of(i)):(0) with vectors nohead \
			linewidth 2 linecolor rgb colour(owners[l]) notitle, \
		for [l = 1 : lanes] table("") using (mine(l, values[i], "yes")):(line(l)) with points pointtype marks[l] pointsize 1.1 * points linecolor rgb colour(owners[l]) notitle, \
		for [l = 1 : lanes] table("") using (known(mine(l, values[i], "yes")) ? to : 1e-99):(line(l)):(value_label(i, column(values[i]))) with labels right offset -0.4, 0 \
			font ",11" textcolor rgb ink notitle, \
		table("") using (flat(i)):(line(lanes + 1)) with points pointtype 12 pointsize 1.2 * points linewidth 1.5 linecolor rgb grey notitle, \
		table("") using (known(flat(i)) ? to : 1e-99):(line(lanes + 1)):(size_label(column("flat_bytes"))) with labels right offset -0.4, 0 \
			font ",11" textcolor rgb grey notitle, \
		for [l = 1 : lanes] keyentry with points pointtype marks[l] pointsize 1.1 * points linecolor rgb colour(owners[l]) title names[l], \
		keyentry with points pointtype 12 pointsize 1.2 * points linewidth 1.5 linecolor rgb grey title "a flat table: 8 bytes for each 4K of addresses", \
		keyentry with points pointtype 6 pointsize 0.7 * points linecolor rgb (fewer ? grey : "#ffffff") title (fewer ? "small, open: of fewer pages" : "")
	unset label 1; unset label 2
}
unset multiplot
set output
