# Touches of pages after a load of CR3 (lines) and without one (dashed); a panel a setting and paging mode.
# Table: NAME.tsv.
call ARG1 . "/style.gp" ARG1 ARG2 ARG3 ARG4 ARG5 ARG6 ARG7

set table $nothing
array names[16]; array owners[16]; array what[8]
lanes = 0; variants = 0; least = 1e30; most = 0; low = 1e30; high = 0
do for [v = 1 : 8] { what[v] = "" }
# What no row tells.
do for [i = 1 : 16] { names[i] = ""; owners[i] = 0 }
note(l, v) = (lanes = max(lanes, l), names[l] = strcol("label"), owners[l] = place_colour(strcol("setting"), strcol("label")), \
	variants = max(variants, v), what[v] = strcol("what"), 0)
plot [-1 : 1] [-1 : 1] table("") using (note(int(column("lane")), int(column("variant"))), \
	least = min(least, column("pages")), most = max(most, column("pages")), \
	low = min(min(low, positive(column("first_cycles_lo"))), positive(column("warm_cycles_lo"))), \
	high = max(high, max(column("first_cycles_hi"), column("warm_cycles_hi"))), 0):(0)
unset table
if (high <= 0) { high = 10 }
low = min(low, high)

height = 560
eval start_picture(height)
set output directory . "/" . name . "." . picture_format
from_top(px) = 1. - px / (height + 0.)
left = 0.08; right = 0.985; between = 0.03
wide = (right - left - between * (lanes - 1)) / lanes
set multiplot
set label 1 title_text at screen 0.02, from_top(24) font ",17" noenhanced textcolor rgb ink
set label 2 subtitle_text at screen 0.02, from_top(50) font ",12" noenhanced textcolor rgb grey
set tmargin at screen from_top(106); set bmargin at screen 64. / height
set logscale xy
set logscale x 2
set xrange [least / 1.3 : most * 1.3]
set yrange [low / 1.5 : high * 2]
set xtics ()
do for [e = 0 : 30] { if (2.**e >= least && 2.**e <= most) { set xtics add (count_label(2.**e) 2.**e) } }
set ytics (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000)
set xlabel "pages touched after each load" textcolor rgb ink
mine(l, v, c) = column("lane") == l && column("variant") == v ? column(c) : NaN
# These colours are no setting's.
hue(v) = v == 1 ? 5 : v == 2 ? 6 : v == 3 ? 4 : 3
shape(v) = v == 1 ? 7 : v == 2 ? 5 : v == 3 ? 9 : 13
set dashtype 2 (4, 3)
do for [l = 1 : lanes] {
	set lmargin at screen left + (wide + between) * (l - 1)
	set rmargin at screen left + (wide + between) * (l - 1) + wide
	set label 3 names[l] at graph 0, screen from_top(90) left font ",14" noenhanced textcolor rgb colour(owners[l])
	set format y (l == 1 ? "%g" : "")
	if (l == 1) { set ylabel "one touch (core cycles)" offset 1, 0 textcolor rgb ink } else { unset ylabel }
	if (l == 1) { set key at graph 0.98, graph 0.03 right bottom Left reverse samplen 3.5 } else { unset key }
	plot \
		for [v = 1 : variants] table("") using "pages":(mine(l, v, "warm_cycles")) with linespoints linewidth 1.5 dashtype 2 \
			pointtype shape(v) pointsize 0.8 * points linecolor rgb colour(hue(v)) notitle, \
		for [v = 1 : variants] table("") using "pages":(mine(l, v, "first_cycles_lo")):(0):(mine(l, v, "first_cycles_hi") - mine(l, v, "first_cycles_lo")) with vectors nohead \
			linetype 1 linewidth 1 linecolor rgb colour(hue(v)) notitle, \
		for [v = 1 : variants] table("") using "pages":(mine(l, v, "first_cycles")) with linespoints linewidth 2.2 \
			pointtype shape(v) pointsize 1.1 * points linecolor rgb colour(hue(v)) title (strlen(what[v]) ? "after loading the " . what[v] : ""), \
		keyentry with lines linewidth 1.5 dashtype 2 linecolor rgb grey title "the same touches once more"
	unset label 1; unset label 2
}
unset multiplot
set output
