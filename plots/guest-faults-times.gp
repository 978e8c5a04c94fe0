# How long one page fault of a guest takes: a row a kind of fault, a mark a paging mode.
# Table: NAME.tsv.
call ARG1 . "/style.gp" ARG1 ARG2 ARG3 ARG4 ARG5 ARG6 ARG7

set table $nothing
array names[16]; array hues[16]; array kinds[64]
lanes = 0; rows = 0; least = 1e30; most = 0
do for [r = 1 : 64] { kinds[r] = "" }
# What no row tells.
do for [i = 1 : 16] { names[i] = ""; hues[i] = 0 }
note(l, r) = (lanes = max(lanes, l), names[l] = strcol("label"), hues[l] = paging_colour(strcol("paging")), \
	rows = max(rows, r), kinds[r] = strcol("what"), 0)
plot [-1 : 1] [-1 : 1] table("") using (note(int(column("lane")), int(column("row"))), \
	least = min(least, positive(column("fault_ns_lo"))), most = max(most, column("fault_ns_hi")), 0):(0)
unset table
if (most <= 0) { most = 1000 }
least = min(least, most)

keys = 20 * lanes
height = 150 + keys + (26 + 22 * lanes) * rows
eval start_picture(height)
set output directory . "/" . name . "." . picture_format
from_top(px) = 1. - px / (height + 0.)
set lmargin at screen 0.215; set rmargin at screen 0.965
set tmargin at screen from_top(78 + keys); set bmargin at screen 64. / height
set yrange [rows + 0.5 : 0.5]
set label 1 title_text at screen 0.02, from_top(24) font ",17" noenhanced textcolor rgb ink
set label 2 subtitle_text at screen 0.02, from_top(50) font ",12" noenhanced textcolor rgb grey
set border 1
set grid noytics xtics
set logscale x 10
low = least / 2; high = most * 2
set xrange [low : high]
set xtics ()
time_label(ns) = ns >= 1e6 ? sprintf("%.3g ms", ns / 1e6) : ns >= 1e3 ? sprintf("%.3g µs", ns / 1e3) : sprintf("%.3g ns", ns)
do for [e = 0 : 9] {
	do for [m in "1 2 5"] {
		v = int(m) * 10.**e
		if (v >= low && v <= high) { set xtics add (time_label(v) v) }
	}
}
set xlabel "one fault" textcolor rgb ink
set ytics scale 0
set ytics ()
do for [r = 1 : rows] { if (strlen(kinds[r])) { set ytics add (kinds[r] r) } }
set key at screen 0.205, from_top(64) left top vertical Left reverse
place(l) = column("row") + (l - 1 - (lanes - 1) / 2.) * (0.8 / lanes)
mine(l) = column("lane") == l ? column("fault_ns") : NaN
shape(l) = l == 1 ? 7 : l == 2 ? 5 : 9
plot \
	for [l = 1 : lanes] table("") using (mine(l)):(place(l)):"fault_ns_lo":"fault_ns_hi" with xerrorbars linetype 1 linewidth 2 \
		pointtype shape(l) pointsize 1.1 * points linecolor rgb colour(hues[l]) \
		title names[l], \
	for [l = 1 : lanes] table("") using (seen_at_log(mine(l))):(place(l) - 0.32 / lanes - 0.02):(time_label(column("fault_ns"))) with labels center font ",11" \
		textcolor rgb colour(hues[l]) notitle
set output
