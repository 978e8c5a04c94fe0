# How long single page faults take: percentiles on an axis of "nines"; a panel a kind and setting.
# Tables: NAME.tsv (lines), NAME.curves.tsv (their points).
call ARG1 . "/style.gp" ARG1 ARG2 ARG3 ARG4 ARG5 ARG6 ARG7

set table $nothing
array names[16]; array kinds[32]; array lows[32]; array highs[32]; array what[3]; array seen[6]; array whose[2048]
lanes = 0; panels = 0; last = 0
# What no row tells.
do for [i = 1 : 16] { names[i] = "" }
do for [i = 1 : 32] { kinds[i] = ""; lows[i] = 1e30; highs[i] = 0 }
do for [i = 1 : 3] { what[i] = "" }
do for [i = 1 : 6] { seen[i] = 0 }
do for [i = 1 : 2048] { whose[i] = 0 }
# Whose a line is, as one number, so that a panel is drawn by reading its many points twice only.
fresh(f) = f eq "fresh" ? 1 : 0
code(p, l, s, f) = ((p * 16 + l) * 4 + s) * 2 + f
panel_of(c) = c / 128
code_of(i) = whose[int(i)]
note(l, p, s) = (lanes = max(lanes, l), names[l] = strcol("label"), panels = max(panels, p), kinds[p] = strcol("kind"), \
	what[s] = strcol("what"), seen[2 * s - 1 + fresh(strcol("frames"))] = 1, \
	whose[int(column("line"))] = code(p, l, s, fresh(strcol("frames"))), 0)
plot [-1 : 1] [-1 : 1] table("") using (note(int(column("lane")), int(column("panel")), int(column("series")))):(0)
range(p) = (lows[p] = min(lows[p], positive(column("ns"))), highs[p] = max(highs[p], column("ns")), 0)
plot [-1 : 1] [-1 : 1] table(".curves") using (range(panel_of(code_of(column("line")))), last = max(last, column("nines")), 0):(0)
unset table
last = max(last, 2)

# A row has all settings of a kind side by side, or several kinds where there are few settings.
together = lanes > 1 ? max(1, int(4 / lanes)) : 3
together = min(together, max(panels, 1))
columns = together * max(lanes, 1)
rows = int(ceil(panels / (together + 0.)))
head = lanes > 1 ? 18 : 0
row_height = lanes > 1 ? 200 : 220
height = 134 + row_height * rows
eval start_picture(height)
set output directory . "/" . name . "." . picture_format
from_top(px) = 1. - px / (height + 0.)
left = 0.085; right = 0.985
# Between kinds there is room for an axis.
between = 0.012; apart = 0.075
wide = (right - left - apart * (together - 1) - between * (columns - together)) / columns
column_left(k, l) = left + (k - 1) * (lanes * wide + (lanes - 1) * between + apart) + (l - 1) * (wide + between)

set multiplot
set label 1 title_text at screen 0.02, from_top(24) font ",17" noenhanced textcolor rgb ink
set label 2 subtitle_text at screen 0.02, from_top(50) font ",12" noenhanced textcolor rgb grey
set label 3 "percent of the faults that take no longer than this" at screen left + (right - left) / 2., from_top(height - 14) center font ",13" noenhanced textcolor rgb ink
set dashtype 2 (5, 3)
# Lanes have panels of their own: these colours are no setting's. One actor alone is neither threads nor processes.
hue(s) = s == 1 ? 0 : s == 2 ? 5 : 4
dash(f) = f eq "fresh" ? 2 : 1
weight(f) = f eq "fresh" ? 1.3 : 2
# One legend over all panels: a plot of its own, as wide as they are together.
set lmargin at screen left; set rmargin at screen right
set tmargin at screen from_top(64); set bmargin at screen from_top(90)
set xrange [0 : 1]; set yrange [0 : 1]
unset border; unset xtics; unset ytics; unset grid
set key at screen left, from_top(76) left center horizontal Left reverse maxrows 1 font ",12" samplen 2.5
plot -1 with lines notitle, \
	for [s = 1 : 3] for [f in "recycled fresh"] keyentry with lines linewidth weight(f) dashtype dash(f) linecolor rgb colour(hue(s)) \
		title (seen[2 * s - 1 + fresh(f)] ? what[s] . ", " . f : "")
unset label 1; unset label 2; unset label 3; unset key
set border 3; set grid xtics ytics
set logscale y 10
set xrange [0 : last * 1.02]
time_label(ns) = ns >= 1e9 ? sprintf("%g s", ns / 1e9) : ns >= 1e6 ? sprintf("%g ms", ns / 1e6) : ns >= 1e3 ? sprintf("%g µs", ns / 1e3) : sprintf("%g ns", ns)
percent_label(n) = n < 2 ? "90" : n < 3 ? "99" : "99." . "99999999"[1 : int(n) - 2]
# A label takes the more room the more nines it has: some of those in between are left out.
room = wide * width / last
named(n) = room > 56 || n == 2 || n == 4 || (room > 38 && (n < 4 || n % 2 == 0))
mine(p, l, f) = (c = code_of(column("line")), c - c % 8 == code(p, l, 0, 0) && c % 2 == f ? column("nines") : NaN)
tint(x) = rgb(hue(code_of(column("line")) % 8 / 2))
do for [p = 1 : panels] {
	k = (p - 1) % together + 1
	row = int((p - 1) / together)
	low = lows[p] < 1e30 ? lows[p] / 1.25 : 1; high = highs[p] > 0 ? highs[p] * 1.25 : 10
	steps = high / low > 300 ? "1" : high / low > 20 ? "1 3" : "1 2 5"
	do for [l = 1 : lanes] {
		set lmargin at screen column_left(k, l)
		set rmargin at screen column_left(k, l) + wide
		set tmargin at screen from_top(128 + head + row_height * row)
		set bmargin at screen from_top(128 + row_height * (row + 1) - 56)
		set yrange [low : high]
		set xtics nomirror ("50" 0.30103)
		do for [n = 1 : int(last)] { set xtics add ((named(n) ? percent_label(n) : "") n) }
		set ytics nomirror ()
		do for [e = 0 : 12] { do for [m in steps] {
			v = int(m) * 10.**e
			if (v >= low && v <= high) { set ytics add ((l == 1 ? time_label(v) : "") v) }
		} }
		if (l == 1) { set label 5 kinds[p] at graph 0, screen from_top(116 + row_height * row) left font ",14" noenhanced textcolor rgb ink } else { unset label 5 }
		if (lanes > 1) { set label 6 names[l] at graph 0, screen from_top(134 + row_height * row) left font ",11" noenhanced textcolor rgb grey }
		plot \
			table(".curves") using (mine(p, l, 1)):"ns":(tint(0)) with lines linewidth weight("fresh") dashtype 2 linecolor rgb variable notitle, \
			table(".curves") using (mine(p, l, 0)):"ns":(tint(0)) with lines linewidth weight("recycled") linecolor rgb variable notitle
	}
}
unset multiplot
set output
