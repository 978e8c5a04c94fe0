# How many times as long as on the host things take: a row a thing, a dot a setting and paging mode, with its interval; the
# numbers right of it. Table: NAME.tsv.
call ARG1 . "/style.gp" ARG1 ARG2 ARG3 ARG4 ARG5 ARG6 ARG7

set table $nothing
array names[16]; array hues[16]; array what[64]; array group_of[64]; array groups[16]; array said[512]
lanes = 0; rows = 0; sections = 0; low = 0.9; high = 1.15
# What no row tells.
do for [i = 1 : 16] { names[i] = ""; hues[i] = 0; groups[i] = "" }
do for [r = 1 : 64] { what[r] = ""; group_of[r] = 0 }
do for [i = 1 : 512] { said[i] = "" }
cell(r, l) = (int(r) - 1) * 8 + int(l)
digits(v) = v < 9.995 ? sprintf("%.2f", v) : v < 99.95 ? sprintf("%.1f", v) : sprintf("%.0f", v)
note(l, r, g) = (lanes = max(lanes, l), names[l] = strcol("label"), hues[l] = place_colour(strcol("setting"), strcol("label")), \
	rows = max(rows, r), what[r] = strcol("what"), group_of[r] = g, sections = max(sections, g), groups[g] = strcol("group_label"), \
	said[cell(r, l)] = strcol("alike") eq "yes" ? "~" : digits(column("ratio")) . (strcol("alike") eq "no" ? "" : "?"), 0)
plot [-1 : 1] [-1 : 1] table("") using (note(int(column("lane")), int(column("row")), int(column("group"))), \
	low = min(low, positive(column("ratio_lo"))), high = max(high, column("ratio_hi")), 0):(0)
unset table

# Lines of the picture: a heading takes one, a row as many as its lanes need.
keys = 22 * lanes
between = 7. # from dot to dot
tall = 14 + between * max(1, lanes - 1)
heading = 24.
top = 74 + keys
height = int(top + rows * tall + sections * heading + 70)
eval start_picture(height)
set output directory . "/" . name . "." . picture_format
from_top(px) = 1. - px / (height + 0.)
# A column of numbers for each lane.
column_wide = 0.058
right = 0.985 - column_wide * lanes
left = 0.315
set lmargin at screen left; set rmargin at screen right - 0.012
set tmargin at screen from_top(top); set bmargin at screen 62. / height
# In pixels below the top of the plot.
high_y = rows * tall + sections * heading
set yrange [high_y : 0]
row_y(r) = (r - 0.5) * tall + group_of[int(r)] * heading
# Those lanes that a row has are spread around its middle.
before(r, l) = sum [i = 1 : 8] (i < l && strlen(said[cell(r, i)]) ? 1 : 0)
lane_y(r, l) = row_y(r) + (before(r, l) - (before(r, 9) - 1) / 2.) * between
set label 1 title_text at screen 0.02, from_top(24) font ",17" noenhanced textcolor rgb ink
set label 2 subtitle_text at screen 0.02, from_top(50) font ",12" noenhanced textcolor rgb grey

set border 1
set grid noytics xtics
unset ytics
set logscale x 10
low = low / 1.08; high = high * 1.1
set xrange [low : high]
set xtics ()
tick_label(v) = sprintf("%g", v)
# As many ticks as the axis has room for.
decades = log10(high / low)
ticks = decades < 0.35 ? "0.8 0.85 0.9 0.95 1 1.05 1.1 1.15 1.2 1.3 1.4 1.5" : decades < 0.8 ? "0.2 0.3 0.5 0.7 1 1.2 1.5 2 3 4 5" : decades < 1.3 ? "0.1 0.15 0.2 0.3 0.5 0.7 1 1.5 2 3 5 7 10 15 20" : \
	decades < 2.2 ? "0.01 0.02 0.05 0.1 0.2 0.5 1 2 5 10 20 50 100 200 500" : "0.001 0.01 0.1 1 10 100 1000 10000 100000"
do for [t in ticks] { if (t + 0. >= low && t + 0. <= high) { set xtics add (tick_label(t + 0.) t + 0.) } }
set xlabel "times as long" textcolor rgb ink
set arrow 1 from first 1, graph 0 to first 1, graph 1 nohead linewidth 1.6 linecolor rgb ink back

# Names of groups and of rows; every other row has a shade, so that the eye finds the numbers.
do for [g = 1 : sections] {
	first_row = 0
	do for [r = rows : 1 : -1] { if (group_of[r] == g) { first_row = r } }
	if (first_row) {
		at = (first_row - 1) * tall + (g - 1) * heading
		set label (100 + g) groups[g] at screen 0.02, first (at + heading * 0.62) left font ",13" noenhanced textcolor rgb grey front
		if (g > 1) { set arrow (100 + g) from screen 0.02, first (at + 2) to screen 0.985, first (at + 2) nohead linewidth 0.5 linecolor rgb "#bbbbbb" }
	}
}
do for [r = 1 : rows] {
	if (strlen(what[r])) {
		set label (200 + r) what[r] at screen left - 0.01, first row_y(r) right font ",12" noenhanced textcolor rgb ink
		if (r % 2) { set object (200 + r) rectangle from screen 0.02, first (row_y(r) - tall / 2.) to screen 0.985, first (row_y(r) + tall / 2.) \
			fillcolor rgb "#f5f5f5" fillstyle solid 1 noborder behind }
	}
}
set key at screen 0.02, from_top(64) left top vertical Left reverse maxrows 16
array shapes[8] = [7, 5, 9, 11, 13, 15, 4, 6]
shape(l) = shapes[(l - 1) % |shapes| + 1]
mine(l) = column("lane") == l ? column("ratio") : NaN
here(l) = lane_y(int(column("row")), l)
# A column of numbers for each lane, under its mark.
do for [l = 1 : lanes] {
	set label (400 + l) "" at screen right + column_wide * (l - 0.5), from_top(top - 10) point pointtype shape(l) pointsize 1.1 * points linecolor rgb colour(hues[l])
	do for [r = 1 : rows] {
		if (strlen(said[cell(r, l)])) { set label (1000 + cell(r, l)) said[cell(r, l)] at screen right + column_wide * (l - 0.5), first row_y(r) \
			center font ",11" noenhanced textcolor rgb colour(hues[l]) }
	}
}
plot \
	for [l = 1 : lanes] table("") using (mine(l)):(here(l)):"ratio_lo":"ratio_hi" with xerrorbars linetype 1 linewidth 2 \
		pointtype shape(l) pointsize 1.1 * points linecolor rgb colour(hues[l]) title names[l]
set output
