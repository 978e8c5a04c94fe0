# Time of a call that takes pages away against the pages; a line for each number of other CPUs that have them in their
# TLBs. Columns: calls; rows: settings. Table: NAME.tsv.
call ARG1 . "/style.gp" ARG1 ARG2 ARG3 ARG4 ARG5 ARG6 ARG7

set table $nothing
array names[16]; array owners[16]; array what[4]; array others[32]
lanes = 0; columns = 0; lines = 0; least = 1e30; most = 0; low = 1e30; high = 0
# What no row tells.
do for [i = 1 : 16] { names[i] = ""; owners[i] = 0 }
do for [i = 1 : 32] { others[i] = -1 }
do for [i = 1 : 4] { what[i] = "" }
note(l, c, k) = (lanes = max(lanes, l), names[l] = strcol("label"), owners[l] = place_colour(strcol("setting"), strcol("label")), \
	columns = max(columns, c), what[c] = strcol("operation"), lines = max(lines, k), others[k] = column("others"), 0)
# The core's rate while these were measured; a run may have no other.
all_ns = 0; all_cycles = 0
count_cycles(ns, cycles) = positive(ns * cycles) > 0 ? (all_ns = all_ns + ns, all_cycles = all_cycles + cycles) : 0
plot [-1 : 1] [-1 : 1] table("") using (note(int(column("lane")), int(column("row")), int(column("line"))), \
	least = min(least, column("pages")), most = max(most, column("pages")), \
	low = min(low, positive(column("operation_ns_lo"))), high = max(high, column("operation_ns_hi")), \
	count_cycles(column("operation_ns"), column("operation_cycles")), 0):(0)
unset table
ghz = all_ns > 0 ? all_cycles / all_ns : ghz
if (high <= 0) { high = 1000 }
low = min(low, high)

row_height = lanes == 1 ? 400 : 300
# The key goes by columns, beside each other as far as the picture is wide.
key_rows = int(ceil(lines / 5.))
keys = 34 + 23 * key_rows
height = keys + 40 + row_height * lanes + 40
eval start_picture(height)
set output directory . "/" . name . "." . picture_format
from_top(px) = 1. - px / (height + 0.)
left = 0.1; right = ghz > 0 ? 0.915 : 0.985; between = 0.02
wide = (right - left - between * (columns - 1)) / columns

# Flushed page by page up to here; CEILING_PAGES of the report has the source.
ceiling = 33.5
# More CPUs, darker; none is no shootdown and has the ink. These colours are no setting's.
array shades[5] = ["#D9A0CB", "#B9609F", "#93307A", "#5F1558", "#2E0435"]
shade(k) = others[k] == 0 ? ink : shades[lines < 3 ? 3 : 1 + int((k - 1 - (others[1] == 0)) * 4. / max(1, lines - 1 - (others[1] == 0)) + 0.5)]
array shapes[4] = [7, 5, 9, 11]
shape(k) = others[k] == 0 ? 13 : shapes[(k - 1) % |shapes| + 1]
cpus(k) = others[k] < 0 ? "" : others[k] == 0 ? "no other CPU" : others[k] == 1 ? "1 other" : sprintf("%g others", others[k])
time_label(ns) = ns >= 1e9 ? sprintf("%g s", ns / 1e9) : ns >= 1e6 ? sprintf("%g ms", ns / 1e6) : ns >= 1e3 ? sprintf("%g µs", ns / 1e3) : sprintf("%g ns", ns)
cycles_label(c) = c >= 1e6 ? sprintf("%g M", c / 1e6) : c >= 1e3 ? sprintf("%g k", c / 1e3) : sprintf("%g", c)

set multiplot
set label 1 title_text at screen 0.02, from_top(24) font ",17" noenhanced textcolor rgb ink
set label 2 subtitle_text at screen 0.02, from_top(50) font ",12" noenhanced textcolor rgb grey
set logscale x 2
set logscale y 10
set xrange [min(least, 8) / 1.4 : max(most, 64) * 1.4]
set yrange [low / 1.6 : high * 1.9]
mine(l, c, k, v) = column("lane") == l && column("row") == c && column("line") == k ? column(v) : NaN
# An interval is a line: what gnuplot draws as error bars clears a place around each point in SVG.
low_of(v) = v > 0 ? column("operation_ns_lo") : NaN
high_of(v) = column("operation_ns_hi") - column("operation_ns_lo")
do for [l = 1 : lanes] {
	do for [c = 1 : columns] {
		set lmargin at screen left + (wide + between) * (c - 1)
		set rmargin at screen left + (wide + between) * (c - 1) + wide
		set tmargin at screen from_top(keys + 52 + row_height * (l - 1))
		set bmargin at screen from_top(keys + 40 + row_height * l - 24)
		set xtics ()
		do for [e = 0 : 20] { if (2**e >= least && 2**e <= max(most, 64)) { set xtics add ((l == lanes && e % 2 == 0 ? count_label(2**e) : "") 2**e) } }
		set ytics ()
		do for [e = -1 : 12] { do for [m in "1 2 5"] { set ytics add ((c == 1 ? time_label(m * 10.**e) : "") m * 10.**e) } }
		if (c == 1) { set ylabel "one call" offset 1, 0 textcolor rgb ink } else { unset ylabel }
		if (l == lanes) { set xlabel "pages taken away by the call" textcolor rgb ink } else { unset xlabel }
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
		if (l == 1) { set label 3 what[c] at graph 0.5, screen from_top(keys + 38) center font ",14" noenhanced textcolor rgb ink }
		if (c == 1) { set label 4 names[l] at graph 0.02, graph 0.95 left font ",13" noenhanced textcolor rgb colour(owners[l]) }
		if (l == 1 && c == 1) { set label 5 "flushed page by page" at first 30, graph 0.05 right font ",11" noenhanced textcolor rgb grey; \
			set label 6 "whole TLB flushed" at first 37, graph 0.05 left font ",11" noenhanced textcolor rgb grey }
		set arrow 1 from first ceiling, graph 0 to first ceiling, graph 1 nohead linewidth 0.8 linecolor rgb grey back
		if (l == 1 && c == 1) { set key at screen left - 0.01, from_top(66) left top vertical Left reverse samplen 2 width 1 maxrows key_rows } else { unset key }
		plot \
			for [k = 1 : lines] table("") using "pages":(low_of(mine(l, c, k, "operation_ns"))):(0):(high_of(0)) with vectors nohead \
				linewidth 1 linecolor rgb shade(k) notitle, \
			for [k = 1 : lines] table("") using "pages":(mine(l, c, k, "operation_ns")) with linespoints linewidth 1.8 \
				pointtype shape(k) pointsize 0.7 * points linecolor rgb shade(k) notitle, \
			for [k = 1 : lines] keyentry with linespoints linewidth 1.8 pointtype shape(k) pointsize 0.9 * points linecolor rgb shade(k) title cpus(k)
		unset label 1; unset label 2; unset label 3; unset label 4; unset label 5; unset label 6
	}
}
unset multiplot
set output
