# Time of a switch and of the touches after it against the pages touched; columns: page sizes; rows: settings.
# Table: NAME.tsv.
call ARG1 . "/style.gp" ARG1 ARG2 ARG3 ARG4 ARG5 ARG6 ARG7

set table $nothing
array names[16]; array owners[16]; array sizes[3]; array what[8]; array hues[8]; array dashes[8]; array marks[8]
lanes = 0; columns = 0; variants = 0; least = 1e30; most = 0; zero = 0; low = 1e30; high = 0
# These colours are no setting's and no page size's.
hue(b) = b eq "threads" ? "#332288" : b eq "processes" ? "#882255" : "#666666"
dash(v) = v eq "futex" ? 1 : 2
mark(b) = b eq "threads" ? 7 : b eq "processes" ? 5 : 9
# What no row tells.
do for [i = 1 : 16] { names[i] = ""; owners[i] = 0 }
do for [i = 1 : 8] { what[i] = ""; hues[i] = "#666666"; dashes[i] = 1; marks[i] = 7 }
do for [i = 1 : 3] { sizes[i] = "" }
note(l, c, v) = (lanes = max(lanes, l), names[l] = strcol("label"), owners[l] = place_colour(strcol("setting"), strcol("label")), \
	columns = max(columns, c), sizes[c] = strcol("page_size"), variants = max(variants, v), what[v] = strcol("what"), \
	hues[v] = hue(strcol("between")), dashes[v] = dash(strcol("via")), marks[v] = mark(strcol("between")) - (strcol("via") ne "futex"), 0)
# The core's rate while these were measured; a run may have no other.
all_ns = 0; all_cycles = 0
count_cycles(ns, cycles) = positive(ns * cycles) > 0 ? (all_ns = all_ns + ns, all_cycles = all_cycles + cycles) : 0
plot [-1 : 1] [-1 : 1] table("") using (note(int(column("lane")), int(column("size")), int(column("variant"))), \
	least = min(least, positive(column("pages"))), most = max(most, column("pages")), zero = zero || column("pages") == 0, \
	low = min(low, positive(column("total_ns_lo"))), high = max(high, column("total_ns_hi")), \
	count_cycles(column("switch_ns"), column("switch_cycles")), 0):(0)
unset table
ghz = all_ns > 0 ? all_cycles / all_ns : ghz
if (high <= 0) { high = 1000 }
low = min(low, high)
if (most <= 0) { most = 16 }
least = min(least, most)

row_height = lanes == 1 ? 400 : 300
keys = 80
height = keys + 52 + row_height * lanes + 38
eval start_picture(height)
set output directory . "/" . name . "." . picture_format
from_top(px) = 1. - px / (height + 0.)
left = 0.1; right = ghz > 0 ? 0.915 : 0.985; between = 0.02
wide = (right - left - between * (columns - 1)) / columns
time_label(ns) = ns >= 1e9 ? sprintf("%g s", ns / 1e9) : ns >= 1e6 ? sprintf("%g ms", ns / 1e6) : ns >= 1e3 ? sprintf("%g µs", ns / 1e3) : sprintf("%g ns", ns)
cycles_label(c) = c >= 1e6 ? sprintf("%g M", c / 1e6) : c >= 1e3 ? sprintf("%g k", c / 1e3) : sprintf("%g", c)

# 0 has no place on a logarithmic axis: it gets one to the left of a gap.
nothing = least / 8.
place(p) = p > 0 ? p : nothing
axis_from = zero ? nothing / 1.8 : least / 1.5
gap_from = nothing * 1.9; gap_to = least / 1.9

set multiplot
set label 1 title_text at screen 0.02, from_top(24) font ",17" noenhanced textcolor rgb ink
set label 2 subtitle_text at screen 0.02, from_top(50) font ",12" noenhanced textcolor rgb grey
set dashtype 2 (5, 3)
set logscale x 2
set logscale y 10
set xrange [axis_from : most * 1.5]
set yrange [low / 1.6 : high * 1.9]
mine(l, c, v, k) = column("lane") == l && column("size") == c && column("variant") == v ? column(k) : NaN
# Not touching is no small number of touches: no line leads there, and a thin one shows the switch alone beside all others.
touching(l, c, v) = column("pages") > 0 ? mine(l, c, v, "total_ns") : NaN
alone(l, c, v) = column("pages") == 0 ? mine(l, c, v, "total_ns") : NaN
# An interval is a line: what gnuplot draws as error bars clears a place around each point in SVG.
low_of(v) = v > 0 ? column("total_ns_lo") : NaN
high_of(v) = column("total_ns_hi") - column("total_ns_lo")
do for [l = 1 : lanes] {
	do for [c = 1 : columns] {
		set lmargin at screen left + (wide + between) * (c - 1)
		set rmargin at screen left + (wide + between) * (c - 1) + wide
		set tmargin at screen from_top(keys + 60 + row_height * (l - 1))
		set bmargin at screen from_top(keys + 52 + row_height * l - 26)
		set xtics ()
		if (zero) { set xtics add ((l == lanes ? "0" : "") nothing) }
		do for [e = 0 : 30] { if (2.**e >= least && 2.**e <= most && (e % 2 == 0)) { set xtics add ((l == lanes ? count_label(2.**e) : "") 2.**e) } }
		set ytics ()
		do for [e = -1 : 12] { do for [m in "1 2 5"] { set ytics add ((c == 1 ? time_label(m * 10.**e) : "") m * 10.**e) } }
		if (c == 1) { set ylabel "switch and refill" offset 1, 0 textcolor rgb ink } else { unset ylabel }
		if (l == lanes) { set xlabel "pages touched after the switch" textcolor rgb ink } else { unset xlabel }
		unset y2label; unset y2tics
		set border 3
		if (ghz > 0 && c == columns) {
			set border 11
			set logscale y2 10
			set y2range [low / 1.6 * ghz : high * 1.9 * ghz]
			set y2tics nomirror ()
			do for [e = 0 : 13] { do for [m in "1 2 5"] { set y2tics add (cycles_label(m * 10.**e) m * 10.**e) } }
			set y2label "core cycles" offset -1, 0 textcolor rgb ink
		}
		if (l == 1) { set label 3 sizes[c] . " pages" at graph 0.5, screen from_top(keys + 44) center font ",14" noenhanced textcolor rgb ink }
		if (c == 1) { set label 4 names[l] at graph 0.02, graph 0.95 left font ",13" noenhanced textcolor rgb colour(owners[l]) }
		if (zero) { set object 1 rectangle from first gap_from, graph 0 to first gap_to, graph 1 behind fillstyle solid 1 noborder fillcolor rgb "#f3f3f3" }
		if (l == 1 && c == 1) { set key at screen left - 0.01, from_top(66) left top vertical Left reverse samplen 3.5 width 1 maxrows 2 } else { unset key }
		plot \
			for [v = 1 : variants] table("") using (gap_to):(alone(l, c, v)):(most * 1.5 - gap_to):(0) with vectors nohead \
				linewidth 0.6 dashtype (2, 4) linecolor rgb hues[v] notitle, \
			for [v = 1 : variants] table("") using (place(column("pages"))):(low_of(mine(l, c, v, "total_ns"))):(0):(high_of(0)) with vectors nohead \
				linewidth 1 linecolor rgb hues[v] notitle, \
			for [v = 1 : variants] table("") using (place(column("pages"))):(alone(l, c, v)) with points \
				pointtype marks[v] pointsize 1.1 * points linewidth 1.5 linecolor rgb hues[v] notitle, \
			for [v = 1 : variants] table("") using "pages":(touching(l, c, v)) with linespoints linewidth 1.8 dashtype dashes[v] \
				pointtype marks[v] pointsize 0.9 * points linecolor rgb hues[v] notitle, \
			for [v = 1 : variants] keyentry with linespoints linewidth 1.8 dashtype dashes[v] pointtype marks[v] pointsize 0.9 * points \
				linecolor rgb hues[v] title what[v]
		unset label 1; unset label 2; unset label 3; unset label 4
	}
}
unset multiplot
set output
