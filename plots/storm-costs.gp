# What one page fault costs: a row a kind; in it a colour a setting and paging mode, recycled frames full, fresh ones pale.
# Table: NAME.tsv.
call ARG1 . "/style.gp" ARG1 ARG2 ARG3 ARG4 ARG5 ARG6 ARG7

# Runs of storms alone tell the clock rate by their points.
set table $nothing
array names[16]; array hues[16]; array kinds[32]; array means[32]; array middles[32]; array seen[2]
lanes = 0; rows = 0; bars = 2; least = 1e30; most = 0
# What no row tells.
do for [i = 1 : 16] { names[i] = ""; hues[i] = 0 }
do for [i = 1 : 32] { kinds[i] = ""; means[i] = ""; middles[i] = 1 }
seen[1] = 0; seen[2] = 0
frames_of(f) = f eq "fresh" ? 2 : 1
note(l, r) = (lanes = max(lanes, l), names[l] = strcol("label"), hues[l] = place_colour(strcol("setting"), strcol("label")), \
	rows = max(rows, r), kinds[r] = strcol("kind"), means[r] = strcol("meaning"), \
	middles[r] = column("middle"), bars = max(bars, column("place")), seen[frames_of(strcol("frames"))] = 1, 0)
plot [-1 : 1] [-1 : 1] table("") using (note(int(column("lane")), int(column("row"))), \
	least = min(least, positive(column("fault_ns_lo"))), most = max(most, column("fault_ns_hi")), \
	rate = ghz > 0 ? ghz : positive(column("fault_cycles") / column("fault_ns")), ghz = rate > 0 ? rate : 0, 0):(0)
unset table
if (most <= 0) { most = 1000 }
least = min(least, most)
# A setting has its colour; where it was measured in several ways (paging modes), the others take what is left.
taken(l, h) = sum [i = 1 : 16] (i < l && hues[i] == h)
do for [l = 2 : lanes] {
	do for [h in "5 4 2 6 3"] { if (taken(l, hues[l]) && !taken(l, int(h))) { hues[l] = int(h) } }
}

bar = 16.
# Names of settings and frames, in two columns.
key_rows = lanes > 1 ? int((lanes + 3) / 2) : 1
keys = 20 * key_rows
top = (ghz > 0 ? 116 : 82) + keys
height = top + 60 + bar * (bars + 1.2)
eval start_picture(height)
set output directory . "/" . name . "." . picture_format
from_top(px) = 1. - px / (height + 0.)
set lmargin at screen 0.275; set rmargin at screen 0.965
set tmargin at screen from_top(top); set bmargin at screen 56. / height
set yrange [bars + 1.2 : 0]
set label 1 title_text at screen 0.02, from_top(24) font ",17" noenhanced textcolor rgb ink
set label 2 subtitle_text at screen 0.02, from_top(50) font ",12" noenhanced textcolor rgb grey
set border 1
set grid noytics xtics
set logscale x 10
low = least / 1.6; high = most * 3
set xrange [low : high]
time_label(ns) = ns >= 1e6 ? sprintf("%.3g ms", ns / 1e6) : ns >= 1e3 ? sprintf("%.3g µs", ns / 1e3) : sprintf("%.3g ns", ns)
cycles_label(c) = c >= 1e6 ? sprintf("%.3g M", c / 1e6) : c >= 1e3 ? sprintf("%.3g k", c / 1e3) : sprintf("%.3g", c)
steps = high / low > 300 ? "1" : high / low > 30 ? "1 3" : "1 2 5"
set xtics ()
do for [e = -1 : 10] { do for [m in steps] {
	v = int(m) * 10.**e
	if (v >= low && v <= high) { set xtics add (time_label(v) v) }
} }
set xlabel "one fault" textcolor rgb ink
if (ghz > 0) {
	set border 5
	set logscale x2 10
	set x2range [low * ghz : high * ghz]
	set x2tics nomirror ()
	do for [e = -1 : 11] { do for [m in steps] {
		v = int(m) * 10.**e
		if (v >= low * ghz && v <= high * ghz) { set x2tics add (cycles_label(v) v) }
	} }
	set label 4 "core cycles" at graph 0, screen from_top(76 + keys) left font ",12" textcolor rgb ink
}
unset ytics
# The name of a kind, and under it what it means.
do for [r = 1 : rows] {
	set label (100 + r) kinds[r] at screen 0.265, first middles[r] - 8. / bar right font ",13" noenhanced textcolor rgb ink
	set label (200 + r) means[r] at screen 0.265, first middles[r] + 8. / bar right font ",10" noenhanced textcolor rgb grey
}
set key at screen 0.265, from_top(66) left top Left reverse samplen 1.5
if (lanes > 1) { set key vertical maxrows key_rows width 2 } else { set key horizontal maxrows 1 width 2 }
is(l, f) = column("lane") == l && frames_of(strcol("frames")) == f
mine(l, f, c) = is(l, f) ? column(c) : NaN
tint(f) = f == 1 ? 0.85 : 0.3
plot \
	for [l = 1 : lanes] for [f = 1 : 2] table("") using (mine(l, f, "fault_ns")):"place":(low):"fault_ns":(column("place") - 0.4):(column("place") + 0.4) \
		with boxxyerror fillstyle solid tint(f) noborder linecolor rgb colour(hues[l]) notitle, \
	for [l = 1 : lanes] for [f = 1 : 2] table("") using (mine(l, f, "fault_ns")):"place":"fault_ns_lo":"fault_ns_hi" with xerrorbars \
		linetype 1 linewidth 1.2 pointtype 0 linecolor rgb ink notitle, \
	for [l = 1 : lanes] for [f = 1 : 2] table("") using (seen_at_log(mine(l, f, "fault_ns_hi"))):"place":(time_label(column("fault_ns"))) with labels left offset 0.7, 0 \
		font ",11" textcolor rgb ink notitle, \
	for [l = 1 : lanes] keyentry with boxes fillstyle solid 0.85 noborder linecolor rgb colour(hues[l]) title names[l], \
	keyentry with boxes fillstyle solid 0.85 noborder linecolor rgb grey title (seen[1] ? "recycled frames" : ""), \
	keyentry with boxes fillstyle solid 0.3 noborder linecolor rgb grey title (seen[2] ? "fresh frames" : "")
set output
