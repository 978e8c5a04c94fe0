# What translation adds to one access against the memory touched, page sizes together: the picture for a newcomer.
# Tables: NAME.tsv (curves), NAME.zones.tsv (which TLB level translates where, for the smallest pages).
call ARG1 . "/style.gp" ARG1 ARG2 ARG3 ARG4 ARG5 ARG6 ARG7

height = 600
eval start_picture(height)
set output directory . "/" . name . "." . picture_format

# The axis holds all medians; a band of few samples may reach below it.
set table $nothing
array labels[64]; array settings[64]; array sizes[64]; array end_x[64]; array end_y[64]
curves = 0; least = 1e30; most = 0; low = -1; high = 10
note(c) = (curves = max(curves, c), labels[c] = strcol("label"), settings[c] = place_colour(strcol("setting"), strcol("label")), \
	sizes[c] = int(column("size")), end_x[c] = column("reach_bytes"), end_y[c] = column("net_cycles"), 0)
plot [-1 : 1] [-1 : 1] table("") using (note(int(column("curve"))), least = min(least, column("reach_bytes")), \
	most = max(most, column("reach_bytes")), low = min(low, column("net_cycles") * 1.2), \
	high = max(high, column("net_cycles_hi")), 0):(0)
zones = 0
plot [-1 : 1] [-1 : 1] table(".zones") using (zones = max(zones, column("zone")), 0):(0)
unset table

high = high * 2.5
from_top(px) = 1. - px / (height + 0.)
set lmargin at screen 0.085; set rmargin at screen 0.925
set tmargin at screen from_top(72); set bmargin at screen 64. / height
set label 1 title_text at screen 0.085, from_top(24) font ",17" noenhanced textcolor rgb ink
set label 2 subtitle_text at screen 0.085, from_top(50) font ",12" noenhanced textcolor rgb grey

set logscale x 2
set xrange [least / 1.1 : most * 1.1]
set xtics ()
do for [e = 0 : 60] {
	b = 2.**e
	if (b >= least / 1.1 && b <= most * 1.1 && e % 2 == 1) { set xtics add (bytes_label(b) b) }
}
set xlabel "memory touched, one cache line in each page" textcolor rgb ink
set yrange [low : high]
set nonlinear y via squash(y) inverse stretch(y)
set ytics (-20, -10, -5, -2, 0, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
set ylabel "translation adds to one access (core cycles)" offset 1, 0 textcolor rgb ink
if (ghz > 0) {
	set border 11
	set y2range [low / ghz : high / ghz]
	set nonlinear y2 via squash(y * ghz) inverse stretch(y) / ghz
	set y2tics nomirror (-10, -5, -2, 0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
	set y2label "ns" offset -1, 0 textcolor rgb ink
}
set key at graph 0.01, graph 0.80 top left Left reverse

# The host is the widest line: where others lie on it, its edges still show. A page size has a dash.
weight(s) = s == 1 ? 4 : 2
set dashtype 2 (6, 3)
set dashtype 3 (2, 3)
# Regions are told apart by shade, named on top.
array shades[4] = ["#f2f6fa", "#e6edf4", "#d8e3ee", "#cbd9e8"]
mine(c) = column("curve") == c ? column("reach_bytes") : NaN
middle(x) = sqrt(column("from_bytes") * column("to_bytes"))
rank(z) = (int(z) - 1) % |shades| + 1
set style fill solid 1 noborder
top_text(f) = stretch(squash(low) + f * (squash(high) - squash(low)))
plot \
	for [z = 1 : int(zones)] table(".zones") using (column("zone") == z ? middle(0) : NaN):(low):"from_bytes":"to_bytes":(low):(high) \
		with boxxyerror fillstyle solid 1 noborder linecolor rgb shades[rank(z)] notitle, \
	table(".zones") using (middle(0)):(top_text(0.95)):(sprintf("%s\n%s", strcol("what"), strcol("cost"))) \
		with labels center font ",13" textcolor rgb ink notitle, \
	0 with lines linewidth 0.8 linecolor rgb grey notitle, \
	for [c = 1 : curves] table("") using (mine(c)):"net_cycles_lo":"net_cycles_hi" with filledcurves \
		fillstyle transparent solid 0.22 noborder linecolor rgb colour(settings[c]) notitle, \
	for [c = 1 : curves] table("") using (mine(c)):"net_cycles" with lines linewidth weight(settings[c]) dashtype min(sizes[c], 3) \
		linecolor rgb colour(settings[c]) title labels[c]
set output
