# Cost of a random access against the working set (top), and speed-up over the smallest pages (bottom); a column a setting.
# Table: NAME.tsv.
call ARG1 . "/style.gp" ARG1 ARG2 ARG3 ARG4 ARG5 ARG6 ARG7

set table $nothing
array names[16]; array owners[16]; array what[16]; array hues[16]; array dashes[16]
lanes = 0; combinations = 0; least = 1e30; most = 0; low = 1e30; high = 0; slow = 0.9; fast = 1.1
# A page size has a colour that no setting has, a backing a dash.
hue(s) = s eq "4K" ? 5 : s eq "2M" ? 6 : s eq "1G" ? 0 : 4
dash(b) = b[1:2] eq "4K" ? 1 : b[1:2] eq "2M" ? 2 : 3
# What no row tells.
do for [i = 1 : 16] { names[i] = ""; owners[i] = 0 }
do for [i = 1 : 16] { what[i] = ""; hues[i] = 0; dashes[i] = 1 }
note(l, c) = (lanes = max(lanes, l), names[l] = strcol("label"), owners[l] = place_colour(strcol("setting"), strcol("label")), \
	combinations = max(combinations, c), what[c] = strcol("what"), hues[c] = hue(strcol("page_size")), dashes[c] = dash(strcol("backing")), 0)
plot [-1 : 1] [-1 : 1] table("") using (note(int(column("lane")), int(column("combination"))), \
	least = min(least, column("working_set_bytes")), most = max(most, column("working_set_bytes")), \
	low = min(low, positive(column("gross_cycles_lo"))), high = max(high, column("gross_cycles_hi")), \
	slow = min(slow, positive(column("speedup"))), fast = max(fast, column("speedup")), 0):(0)
unset table
if (high <= 0) { high = 10 }
low = min(low, high)

height = 860
eval start_picture(height)
set output directory . "/" . name . "." . picture_format
from_top(px) = 1. - px / (height + 0.)
left = 0.08; right = 0.985; between = 0.03
wide = (right - left - between * (lanes - 1)) / lanes

set multiplot
set label 1 title_text at screen 0.02, from_top(24) font ",17" noenhanced textcolor rgb ink
set label 2 subtitle_text at screen 0.02, from_top(50) font ",12" noenhanced textcolor rgb grey
set dashtype 2 (7, 3)
set dashtype 3 (2, 3)
set logscale x 2
set xrange [least / 1.3 : most * 1.3]
each = log(most / least) / log(2) > 8 ? 2 : 1
if (lanes > 1) { each = each * 2 }
mine(l, c, k) = column("lane") == l && column("combination") == c ? column(k) : NaN
do for [l = 1 : lanes] {
	set lmargin at screen left + (wide + between) * (l - 1)
	set rmargin at screen left + (wide + between) * (l - 1) + wide

	# --- Cost.
	set tmargin at screen from_top(128); set bmargin at screen from_top(500)
	set logscale y 10
	set yrange [low / 1.25 : high * 1.4]
	set xtics ()
	do for [e = 0 : 60] {
		b = 2.**e
		if (b >= least && b <= most && (e - 20) % each == 0) { set xtics add ("" b) }
	}
	set ytics (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
	set format y (l == 1 ? "%g" : "")
	if (l == 1) { set ylabel "one access, gross (core cycles)" offset 1, 0 textcolor rgb ink } else { unset ylabel }
	set label 3 names[l] at graph 0, screen from_top(112) left font ",14" noenhanced textcolor rgb colour(owners[l])
	set key at graph 0.02, graph 0.99 left top Left reverse font ",12" samplen 3.5 spacing 1.05
	has(c) = l == lanes
	plot \
		for [c = 1 : combinations] table("") using "working_set_bytes":(mine(l, c, "gross_cycles_lo")):(0):(mine(l, c, "gross_cycles_hi") - mine(l, c, "gross_cycles_lo")) with vectors nohead \
			linetype 1 linewidth 0.8 linecolor rgb colour(hues[c]) notitle, \
		for [c = 1 : combinations] table("") using "working_set_bytes":(mine(l, c, "gross_cycles")) with linespoints linewidth 2 dashtype dashes[c] \
			pointtype 7 pointsize 0.6 * points linecolor rgb colour(hues[c]) title (l == lanes ? what[c] : "")
	unset label 1; unset label 2; unset label 3; unset key

	# --- Speed-up.
	set tmargin at screen from_top(524); set bmargin at screen from_top(height - 64)
	set yrange [slow / 1.15 : fast * 1.15]
	set ytics (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 50)
	set format y (l == 1 ? "%g×" : "")
	if (l == 1) { set ylabel "times as fast as the smallest pages" offset 0, 0 textcolor rgb ink } else { unset ylabel }
	do for [e = 0 : 60] {
		b = 2.**e
		if (b >= least && b <= most && (e - 20) % each == 0) { set xtics add (bytes_label(b) b) }
	}
	set xlabel "working set, accessed at random" textcolor rgb ink
	set object 1 rectangle from graph 0, graph 0 to graph 1, first 1 behind fillstyle solid 1 noborder fillcolor rgb "#f3f3f3"
	plot 1 with lines linewidth 1 linecolor rgb grey notitle, \
		for [c = 1 : combinations] table("") using "working_set_bytes":(mine(l, c, "speedup_lo")):(0):(mine(l, c, "speedup_hi") - mine(l, c, "speedup_lo")) with vectors nohead \
			linetype 1 linewidth 0.8 linecolor rgb colour(hues[c]) notitle, \
		for [c = 1 : combinations] table("") using "working_set_bytes":(mine(l, c, "speedup")) with linespoints linewidth 2 dashtype dashes[c] \
			pointtype 7 pointsize 0.6 * points linecolor rgb colour(hues[c]) notitle
	unset object 1; unset xlabel
}
unset multiplot
set output
