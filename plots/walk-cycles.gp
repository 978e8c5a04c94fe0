# Cycles of one page walk by hardware's count: a row a kind of page, a bar a setting; circles: net cost by time.
# Table: NAME.tsv.
call ARG1 . "/style.gp" ARG1 ARG2 ARG3 ARG4 ARG5 ARG6 ARG7

set table $nothing
array names[16]; array hues[16]; array kinds[16]
lanes = 0; rows = 0; most = 1
# What no row tells.
do for [i = 1 : 16] { names[i] = ""; hues[i] = 0; kinds[i] = "" }
note(l, r) = (lanes = max(lanes, l), names[l] = strcol("label"), hues[l] = place_colour(strcol("setting"), strcol("label")), \
	rows = max(rows, r), kinds[r] = sprintf("%s\n%s of them", strcol("what"), count_label(column("pages"))), 0)
plot [-1 : 1] [-1 : 1] table("") using (note(int(column("lane")), int(column("row"))), \
	most = max(most, max(column("walk_cycles_hi"), column("net_cycles"))), 0):(0)
unset table

row_height = 26 + 22 * lanes
keys = 20 * (lanes + 1)
height = 150 + keys + row_height * rows
eval start_picture(height)
set output directory . "/" . name . "." . picture_format
from_top(px) = 1. - px / (height + 0.)
set lmargin at screen 0.215; set rmargin at screen 0.965
set tmargin at screen from_top(78 + keys); set bmargin at screen 64. / height
set yrange [rows + 0.5 : 0.5]
set xrange [0 : most * 1.15]
set label 1 title_text at screen 0.02, from_top(24) font ",17" noenhanced textcolor rgb ink
set label 2 subtitle_text at screen 0.02, from_top(50) font ",12" noenhanced textcolor rgb grey
set border 3
set grid noytics xtics
set xlabel "one walk (core cycles)" textcolor rgb ink
set ytics scale 0
set ytics ()
do for [r = 1 : rows] { set ytics add (kinds[r] r) }
set key at screen 0.205, from_top(64) left top vertical Left reverse samplen 1.5
set style fill solid 0.75 noborder
bar = 0.8 / lanes
place(l) = column("row") + (l - 1 - (lanes - 1) / 2.) * bar
mine(l, c) = column("lane") == l ? column(c) : NaN
# A bar's number stands in it, at its foot, where it has room; else behind everything.
inside(v, yes) = v > most * 0.08 ? (yes ? 0 : NaN) : v > -1e300 ? (yes ? NaN : max(column("walk_cycles_hi"), column("net_cycles"))) : NaN
digits(v) = v < 10 ? sprintf("%.1f", v) : sprintf("%.0f", v)
plot \
	for [l = 1 : lanes] table("") using (mine(l, "walk_cycles") / 2.):(place(l)):(mine(l, "walk_cycles") / 2.):(bar * 0.46) with boxxyerror \
		linecolor rgb colour(hues[l]) notitle, \
	for [l = 1 : lanes] table("") using (mine(l, "walk_cycles")):(place(l)):"walk_cycles_lo":"walk_cycles_hi" with xerrorbars linetype 1 \
		linewidth 1.2 pointtype 0 linecolor rgb ink notitle, \
	for [l = 1 : lanes] table("") using (mine(l, "net_cycles")):(place(l)) with points pointtype 6 pointsize 1.6 * points linewidth 1.4 \
		linecolor rgb ink notitle, \
	for [l = 1 : lanes] table("") using (seen_at(inside(mine(l, "walk_cycles"), 1))):(place(l)):(digits(column("walk_cycles"))) \
		with labels left offset 0.6, 0 font ",11" textcolor rgb "white" notitle, \
	for [l = 1 : lanes] table("") using (seen_at(inside(mine(l, "walk_cycles"), 0))):(place(l)):(digits(column("walk_cycles"))) \
		with labels left offset 1.2, 0 font ",11" textcolor rgb ink notitle, \
	for [l = 1 : lanes] keyentry with boxes linecolor rgb colour(hues[l]) title names[l], \
	keyentry with points pointtype 6 pointsize 1.6 * points linewidth 1.4 linecolor rgb ink title "what translation adds to an access, by time"
set output
