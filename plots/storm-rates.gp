# Page faults a second against the number of actors: a panel a kind and setting; threads and processes, recycled and fresh.
# Table: NAME.tsv.
call ARG1 . "/style.gp" ARG1 ARG2 ARG3 ARG4 ARG5 ARG6 ARG7

set table $nothing
array names[16]; array kinds[32]; array lows[32]; array highs[32]; array seen[4]
lanes = 0; panels = 0; most = 0
# What no row tells.
do for [i = 1 : 16] { names[i] = "" }
do for [i = 1 : 32] { kinds[i] = ""; lows[i] = 1e30; highs[i] = 0 }
do for [i = 1 : 4] { seen[i] = 0 }
line_of(a, f) = (a eq "processes" ? 2 : 0) + (f eq "fresh" ? 2 : 1)
note(l, p) = (lanes = max(lanes, l), names[l] = strcol("label"), \
	panels = max(panels, p), kinds[p] = strcol("kind"), seen[line_of(strcol("as"), strcol("frames"))] = 1, \
	lows[p] = min(lows[p], positive(column("faults_per_s_lo"))), \
	highs[p] = max(highs[p], max(column("faults_per_s_hi"), strcol("frames") eq "recycled" ? column("ideal_per_s") : 0)), 0)
plot [-1 : 1] [-1 : 1] table("") using (note(int(column("lane")), int(column("panel"))), \
	most = max(most, column("actors")), 0):(0)
unset table
alone = most <= 1

rate_label(r) = r >= 1e6 ? sprintf("%g M", r / 1e6) : r >= 1e3 ? sprintf("%g k", r / 1e3) : sprintf("%g", r)

# One actor alone makes no lines: a row a kind, a panel a setting.
if (alone) {
	low = 1e30; high = 0
	do for [p = 1 : panels] { low = min(low, lows[p]); high = max(high, highs[p]) }
	if (high <= 0) { high = 1000 }
	low = min(low, high) / 2; high = high * 2
	height = 150 + 30 * panels
	eval start_picture(height)
	set output directory . "/" . name . "." . picture_format
	from_top(px) = 1. - px / (height + 0.)
	left = 0.16; right = 0.965; between = 0.03
	wide = (right - left - between * (lanes - 1)) / lanes
	set multiplot
	set label 1 title_text at screen 0.02, from_top(24) font ",17" noenhanced textcolor rgb ink
	set label 2 subtitle_text at screen 0.02, from_top(50) font ",12" noenhanced textcolor rgb grey
	set tmargin at screen from_top(96); set bmargin at screen 52. / height
	set border 1
	set grid noytics xtics
	set logscale x 10
	set xrange [low : high]
	set yrange [panels + 0.5 : 0.5]
	set xtics ()
	do for [e = 0 : 10] { if (10.**e >= low && 10.**e <= high) { set xtics add (rate_label(10.**e) 10.**e) } }
	set xlabel "faults/s, one actor alone" textcolor rgb ink
	set ytics scale 0 ()
	mark(f) = f eq "fresh" ? 6 : 7
	of(l, f) = column("lane") == l && strcol("frames") eq f ? column("faults_per_s") : NaN
	do for [l = 1 : lanes] {
		set lmargin at screen left + (wide + between) * (l - 1)
		set rmargin at screen left + (wide + between) * (l - 1) + wide
		do for [p = 1 : panels] { set ytics add ((l == 1 ? kinds[p] : "") p) }
		if (lanes > 1) { set label 3 names[l] at graph 0, screen from_top(86) left font ",13" noenhanced textcolor rgb ink }
		if (l == 1) { set key at screen 0.965, from_top(70) right center horizontal Left reverse maxrows 1 } else { unset key }
		plot for [f in "recycled fresh"] table("") using (of(l, f)):"panel":"faults_per_s_lo":"faults_per_s_hi" with xerrorbars \
			linetype 1 linewidth 1.5 pointtype mark(f) pointsize 1.0 * points linecolor rgb ink title f . " frames"
		unset label 1; unset label 2
	}
	unset multiplot
	set output
	exit
}

# A row has all settings of a kind side by side, or several kinds where there are few settings.
together = max(1, int(4 / max(lanes, 1)))
if (lanes == 1) { together = 3 }
together = min(together, max(panels, 1))
columns = together * lanes
rows = int(ceil(panels / (together + 0.)))
head = lanes > 1 ? 18 : 0
row_height = lanes > 1 ? 224 : 230
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
set label 3 "actors, each on a CPU of its own" at screen left + (right - left) / 2., from_top(height - 14) center font ",13" noenhanced textcolor rgb ink
set label 4 "faults/s" at screen 0.02, from_top(104) left font ",12" noenhanced textcolor rgb ink
set dashtype 2 (5, 3)
# Lanes have panels of their own: these colours are no setting's.
hue(a) = a eq "processes" ? 4 : 5
dash(f) = f eq "fresh" ? 2 : 1
weight(f) = f eq "fresh" ? 1.2 : 2
shape(a, f) = (a eq "processes" ? 5 : 7) - (f eq "fresh" ? 1 : 0)
# One legend over all panels: a plot of its own, as wide as they are together.
set lmargin at screen left; set rmargin at screen right
set tmargin at screen from_top(64); set bmargin at screen from_top(90)
set xrange [0 : 1]; set yrange [0 : 1]
unset border; unset xtics; unset ytics; unset grid
set key at screen left, from_top(76) left center horizontal Left reverse maxrows 1 font ",12" samplen 2.5
plot -1 with lines notitle, \
	for [a in "threads processes"] for [f in "recycled fresh"] keyentry with linespoints linewidth weight(f) dashtype dash(f) \
		pointtype shape(a, f) pointsize 1.0 * points linecolor rgb colour(hue(a)) title (seen[line_of(a, f)] ? a . ", " . f : ""), \
	keyentry with lines linewidth 0.8 linecolor rgb "#aaaaaa" title "one actor times their number"
unset label 1; unset label 2; unset label 3; unset label 4; unset key
set border 3; set grid xtics ytics
set logscale x 2
set logscale y 10
set xrange [1 / 1.15 : most * 1.15]
is(p, l, a, f) = column("panel") == p && column("lane") == l && strcol("as") eq a && strcol("frames") eq f
mine(p, l, a, f, c) = is(p, l, a, f) ? column(c) : NaN
# Every second power of two where a panel is narrow.
each = log(max(most, 2)) / log(2) * 30 > wide * width ? 2 : 1
do for [p = 1 : panels] {
	k = (p - 1) % together + 1
	row = int((p - 1) / together)
	low = lows[p] < 1e30 ? lows[p] / 1.25 : 1; high = highs[p] > 0 ? highs[p] * 1.25 : 10
	steps = high / low > 200 ? "1" : high / low > 20 ? "1 3" : high / low > 4 ? "1 2 5" : "1 1.5 2 3 4 5 6 8"
	do for [l = 1 : lanes] {
		set lmargin at screen column_left(k, l)
		set rmargin at screen column_left(k, l) + wide
		set tmargin at screen from_top(132 + head + row_height * row)
		set bmargin at screen from_top(132 + row_height * (row + 1) - 58)
		set yrange [low : high]
		set xtics nomirror ()
		do for [e = 0 : 12] { if (2**e <= most && e % each == 0) { set xtics add (sprintf("%d", 2**e) 2**e) } }
		if (log(most) / log(2) != int(log(most) / log(2))) { set xtics add (sprintf("%d", most) most) }
		set ytics nomirror ()
		do for [e = 0 : 10] { do for [m in steps] {
			v = real(m) * 10.**e
			if (v >= low && v <= high) { set ytics add ((l == 1 ? rate_label(v) : "") v) }
		} }
		if (l == 1) { set label 5 kinds[p] at graph 0, screen from_top(120 + row_height * row) left font ",14" noenhanced textcolor rgb ink } else { unset label 5 }
		if (lanes > 1) { set label 6 names[l] at graph 0, screen from_top(138 + row_height * row) left font ",11" noenhanced textcolor rgb grey }
		plot \
			for [a in "threads processes"] table("") using (mine(p, l, a, "recycled", "actors")):"ideal_per_s" with lines linewidth 0.8 linecolor rgb "#aaaaaa" notitle, \
			for [a in "threads processes"] for [f in "fresh recycled"] table("") using (mine(p, l, a, f, "actors")):"faults_per_s_lo":(0):(column("faults_per_s_hi") - column("faults_per_s_lo")) with vectors nohead \
				linetype 1 linewidth 1 linecolor rgb colour(hue(a)) notitle, \
			for [a in "threads processes"] for [f in "fresh recycled"] table("") using (mine(p, l, a, f, "actors")):"faults_per_s" with linespoints linewidth weight(f) \
				dashtype dash(f) pointtype shape(a, f) pointsize 1.0 * points linecolor rgb colour(hue(a)) notitle
	}
}
unset multiplot
set output
