# What malloc and free cost against the size of a block, and page faults below: a column a pattern, two rows a setting.
# Tables: NAME.tsv (points), NAME.turns.tsv (where the allocator turns to mmap).
call ARG1 . "/style.gp" ARG1 ARG2 ARG3 ARG4 ARG5 ARG6 ARG7

set table $nothing
array names[16]; array owners[16]; array seen[2]
lanes = 0; least = 1e30; most = 0; low = 1e30; high = 0; faults = 1
# What no row tells.
do for [i = 1 : 16] { names[i] = ""; owners[i] = 0 }
seen[1] = 0; seen[2] = 0
column_of(p) = p eq "pair" ? 1 : 2
note(l) = (lanes = max(lanes, l), names[l] = strcol("label"), owners[l] = place_colour(strcol("setting"), strcol("label")), \
	seen[column_of(strcol("pattern"))] = 1, 0)
smallest(c) = (low = min(low, positive(column(c))), high = max(high, column(c)))
plot [-1 : 1] [-1 : 1] table("") using (note(int(column("lane"))), least = min(least, column("block_bytes")), \
	most = max(most, column("block_bytes")), smallest("malloc_ns"), smallest("free_ns"), smallest("touch_ns"), \
	faults = max(faults, column("faults_per_call")), \
	rate = ghz > 0 ? ghz : positive(column("malloc_cycles") / column("malloc_ns")), ghz = rate > 0 ? rate : 0, 0):(0)
unset table
if (high <= 0) { high = 1000 }
low = min(low, high)
low = low / 1.5; high = high * 2

block_height = 520
height = 110 + block_height * lanes
eval start_picture(height)
set output directory . "/" . name . "." . picture_format
from_top(px) = 1. - px / (height + 0.)
array titles[2] = ["pair: each block is freed before the next", "batch: many blocks live at a time"]
array patterns[2] = ["pair", "batch"]
columns = seen[1] + seen[2]
first_column = seen[1] ? 1 : 2
left = 0.085; right = ghz > 0 ? 0.925 : 0.985; between = 0.03
wide = (right - left - between * (columns - 1)) / columns

set multiplot
set label 1 title_text at screen 0.02, from_top(24) font ",17" noenhanced textcolor rgb ink
set label 2 subtitle_text at screen 0.02, from_top(50) font ",12" noenhanced textcolor rgb grey
set dashtype 2 (5, 3)
# These colours are no setting's.
array whats[3] = ["malloc_ns", "free_ns", "touch_ns"]
array words[3] = ["malloc", "free", "touching"]
hue(w) = w == 1 ? 5 : w == 2 ? 4 : 6
dash(t) = t eq "no" ? 2 : 1
weight(t) = t eq "no" ? 1.3 : 2
# One legend over all panels: a plot of its own, as wide as they are together.
set lmargin at screen left; set rmargin at screen right
set tmargin at screen from_top(64); set bmargin at screen from_top(90)
set xrange [0 : 1]; set yrange [0 : 1]
unset border; unset xtics; unset ytics; unset grid
set key at screen left, from_top(76) left center horizontal Left reverse maxrows 1 font ",12" samplen 2.5
plot -1 with lines notitle, \
	for [w = 1 : 3] keyentry with lines linewidth 2.5 linecolor rgb colour(hue(w)) title words[w], \
	keyentry with lines linewidth 2 linecolor rgb grey title "touched blocks", \
	keyentry with lines linewidth 1.3 dashtype 2 linecolor rgb grey title "untouched blocks"
unset label 1; unset label 2; unset key
set border 3; set grid xtics ytics
set logscale x 2
set xrange [least / 1.4 : most * 1.4]
time_label(ns) = ns >= 1e9 ? sprintf("%g s", ns / 1e9) : ns >= 1e6 ? sprintf("%g ms", ns / 1e6) : ns >= 1e3 ? sprintf("%g µs", ns / 1e3) : sprintf("%g ns", ns)
cycles_label(c) = c >= 1e6 ? sprintf("%g M", c / 1e6) : c >= 1e3 ? sprintf("%g k", c / 1e3) : sprintf("%g", c)
count_of(f) = f >= 1e6 ? sprintf("%g M", f / 1e6) : f >= 1e3 ? sprintf("%g k", f / 1e3) : sprintf("%g", f)
# Faults are linear near zero and logarithmic above: none, a few and thousands all show.
near(f) = asinh(f * 5.)
far(f) = sinh(f) / 5.
fault_high = far(near(faults) * 1.12)
each = log(most / least) / log(2) * columns > 24 ? 4 : 2
is(l, k, t) = column("lane") == l && strcol("pattern") eq patterns[k] && strcol("touch") eq t
mine(l, k, t) = is(l, k, t) ? column("block_bytes") : NaN
turn(l, k) = column("lane") == l && strcol("pattern") eq patterns[k]
do for [l = 1 : lanes] {
	top = 128 + block_height * (l - 1)
	do for [c = 1 : columns] {
		k = first_column + c - 1
		set lmargin at screen left + (wide + between) * (c - 1)
		set rmargin at screen left + (wide + between) * (c - 1) + wide

		# --- Cost.
		set tmargin at screen from_top(top); set bmargin at screen from_top(top + 270)
		unset nonlinear y
		set logscale y 10
		set yrange [low : high]
		set xtics nomirror ()
		do for [e = 0 : 60] { if (2.**e >= least && 2.**e <= most && e % each == 0) { set xtics add ("" 2.**e) } }
		set ytics nomirror ()
		do for [e = 0 : 12] { if (10.**e >= low && 10.**e <= high) { set ytics add ((c == 1 ? time_label(10.**e) : "") 10.**e) } }
		if (c == 1) { set ylabel "one block" offset 1, 0 textcolor rgb ink } else { unset ylabel }
		if (ghz > 0) {
			set border 11
			set logscale y2 10
			set y2range [low * ghz : high * ghz]
			set y2tics nomirror ()
			do for [e = 0 : 13] { if (10.**e >= low * ghz && 10.**e <= high * ghz) { set y2tics add ((c == columns ? cycles_label(10.**e) : "") 10.**e) } }
			if (c == columns) { set y2label "core cycles" offset -1, 0 textcolor rgb ink }
		}
		set label 3 (columns * lanes == 1 ? "" : (lanes > 1 ? names[l] . "; " : "") . titles[k]) at graph 0, screen from_top(top - 14) left font ",13" noenhanced textcolor rgb ink
		plot \
			table(".turns") using (turn(l, k) ? sqrt(column("below_bytes") * column("above_bytes")) : NaN):(low):"below_bytes":"above_bytes":(low):(high) \
				with boxxyerror fillstyle solid 0.12 noborder linecolor rgb grey notitle, \
			for [w = 1 : 3] for [t in "no yes"] table("") using (mine(l, k, t)):(column(whats[w] . "_lo")):(0):(column(whats[w] . "_hi") - column(whats[w] . "_lo")) with vectors nohead \
				linetype 1 linewidth 0.8 linecolor rgb colour(hue(w)) notitle, \
			for [w = 1 : 3] for [t in "no yes"] table("") using (mine(l, k, t)):(column(whats[w])) with linespoints linewidth weight(t) dashtype dash(t) \
				pointtype (t eq "no" ? 6 : 7) pointsize 0.5 * points linecolor rgb colour(hue(w)) notitle, \
			table(".turns") using (turn(l, k) ? column("below_bytes") : 1e-9):(high / 1.6):(strcol("what") . " ") with labels right font ",11" textcolor rgb grey notitle
		unset label 3; unset ylabel
		unset y2tics; unset y2label; unset logscale y2
		set border 3

		# --- Faults.
		set tmargin at screen from_top(top + 286); set bmargin at screen from_top(top + block_height - 80)
		unset logscale y
		set nonlinear y via near(y) inverse far(y)
		set yrange [0 : fault_high]
		set xtics nomirror ()
		do for [e = 0 : 60] { if (2.**e >= least && 2.**e <= most && e % each == 0) { set xtics add (bytes_label(2.**e) 2.**e) } }
		set ytics nomirror ((c == 1 ? "0" : "") 0, (c == 1 ? "1" : "") 1)
		do for [e = 1 : 12] { if (10.**e <= fault_high) { set ytics add ((c == 1 ? count_of(10.**e) : "") 10.**e) } }
		if (c == 1) { set ylabel "page faults" offset 1, 0 textcolor rgb ink }
		middle = sqrt(most * 4096.)
		if (most > 65536) { set label 4 "one a page" at middle, middle / 4096 right offset -0.7, 0.4 front font ",11" noenhanced textcolor rgb grey }
		if (l == lanes) { set xlabel "size of the block" textcolor rgb ink }
		plot \
			table(".turns") using (turn(l, k) ? sqrt(column("below_bytes") * column("above_bytes")) : NaN):(0):"below_bytes":"above_bytes":(0):(fault_high) \
				with boxxyerror fillstyle solid 0.12 noborder linecolor rgb grey notitle, \
			x / 4096. with lines linewidth 0.8 linecolor rgb "#aaaaaa" notitle, \
			for [t in "no yes"] table("") using (mine(l, k, t)):"faults_per_call" with linespoints linewidth weight(t) dashtype dash(t) \
				pointtype (t eq "no" ? 6 : 7) pointsize 0.5 * points linecolor rgb ink notitle
		unset xlabel; unset ylabel; unset label 4
	}
}
unset multiplot
set output
