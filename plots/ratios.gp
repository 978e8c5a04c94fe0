# How many times as long as at the base things take: a row a thing, a dot a place with its interval; the numbers right of it.
# A ratio without an interval rests on too few samples for a dot: it stands in grey among the numbers.
data = "table.tsv"
set table $nothing
# Of a ratio without both bounds nothing is drawn.
bounded(c) = strcol("alike") eq "unknown" ? NaN : num(c)
rows = 0; lanes = 0; sections = 0; low = 0.9; high = 1.15
plot [-1 : 1] [-1 : 1] data using (rows = max(rows, column("row")), lanes = max(lanes, column("lane")), sections = max(sections, column("group")), \
	low = min(low, positive(bounded("ratio_lo"))), high = max(high, bounded("ratio_hi")), 0):(0)
rows = int(rows); lanes = int(lanes); sections = int(sections)
array names[lanes]; array inks[lanes]; array what[rows]; array group_of[rows]; array groups[sections]; array first_row[sections]; array said[rows * lanes]; array said_ink[rows * lanes]
do for [i = 1 : rows * lanes] { said[i] = ""; said_ink[i] = ink }
do for [g = 1 : sections] { first_row[g] = 0 }
cell(r, l) = (int(r) - 1) * lanes + int(l)
digits(v) = v < 9.995 ? sprintf("%.2f", v) : v < 99.95 ? sprintf("%.1f", v) : sprintf("%.0f", v)
note(r, l, g) = (names[l] = strcol("label"), inks[l] = strcol("colour"), what[r] = strcol("what"), group_of[r] = g, \
	groups[g] = strcol("group_label"), first_row[g] = first_row[g] ? first_row[g] : r, \
	said[cell(r, l)] = strcol("alike") eq "yes" ? "~" : digits(column("ratio")) . (strcol("alike") eq "no" ? "" : " ?"), \
	said_ink[cell(r, l)] = strcol("alike") eq "unknown" ? grey : strcol("colour"), 0)
plot [-1 : 1] [-1 : 1] data using (note(int(column("row")), int(column("lane")), int(column("group")))):(0)
unset table

# A heading takes one line, a row as many as the places of the fullest need. The numbers have a column for each place.
crowd = 1
do for [r = 1 : rows] { crowd = max(crowd, sum [l = 1 : lanes] (strlen(said[cell(r, l)]) > 0)) }
between = 7.; tall = 14 + between * max(1, crowd - 1); heading = 24.
column_px = lanes > 1 ? 56. : 92.; width = max(width, 640 + column_px * lanes)
longest = 0
do for [l = 1 : lanes] { longest = max(longest, strlen(names[l])) }
key_px = 40 + 8. * longest; key_columns = max(1, int((width - 40) / key_px)); top = 84 + 22 * int(ceil(lanes / (key_columns + 0.))) + (lanes > 1 ? 18 : 0)
eval begin(int(top + rows * tall + sections * heading + 70))
left = 0.315 * 960 / width; right = 1 - (14. + column_px * lanes) / width
wide = column_px / width
set lmargin at screen left; set rmargin at screen right - 12. / width
set tmargin at screen from_top(top); set bmargin at screen 62. / height
set yrange [rows * tall + sections * heading : 0]
row_y(r) = (r - 0.5) * tall + group_of[int(r)] * heading
# Those places that a row has are spread around its middle.
before(r, l) = sum [i = 1 : lanes] (i < l && strlen(said[cell(r, i)]) ? 1 : 0)
lane_y(r, l) = row_y(r) + (before(r, l) - (before(r, lanes + 1) - 1) / 2.) * between

set border 1; set grid noytics xtics; unset ytics
set logscale x 10
low = low / 1.08; high = high * 1.1; decades = log10(high / low)
set xrange [low : high]
set xtics ()
# As many ticks as the axis has room for.
ticks = decades < 0.35 ? "0.8 0.85 0.9 0.95 1 1.05 1.1 1.15 1.2 1.3 1.4 1.5" : decades < 0.8 ? "0.2 0.3 0.5 0.7 1 1.2 1.5 2 3 4 5" : \
	decades < 1.3 ? "0.1 0.15 0.2 0.3 0.5 0.7 1 1.5 2 3 5 7 10 15 20" : decades < 2.2 ? "0.01 0.02 0.05 0.1 0.2 0.5 1 2 5 10 20 50 100 200 500" : \
	"0.001 0.01 0.1 1 10 100 1000 10000 100000"
do for [t in ticks] { if (t + 0. >= low && t + 0. <= high) { set xtics add (sprintf("%g", t + 0.) t + 0.) } }
set xlabel "times as long" textcolor rgb ink
set arrow 1 from first 1, graph 0 to first 1, graph 1 nohead linewidth 1.6 linecolor rgb ink back

# Names of groups and of rows; every other row has a shade, so that the eye finds the numbers.
do for [g = 1 : sections] {
	at = (first_row[g] - 1) * tall + (g - 1) * heading
	set label 100 + g groups[g] at screen 20. / width, first at + heading * 0.62 left font ",13" noenhanced textcolor rgb grey front
	if (g > 1) { set arrow 100 + g from screen 20. / width, first at + 2 to screen 1 - 14. / width, first at + 2 nohead linewidth 0.5 linecolor rgb "#bbbbbb" }
}
do for [r = 1 : rows] {
	set label 1000 + r what[r] at screen left - 10. / width, first row_y(r) right font ",12" noenhanced textcolor rgb ink
	if (r % 2) { set object 1000 + r rectangle from screen 20. / width, first row_y(r) - tall / 2. to screen 1 - 14. / width, first row_y(r) + tall / 2. \
		fillcolor rgb "#f5f5f5" fillstyle solid 1 noborder behind }
}
array shapes[8] = [7, 5, 9, 11, 13, 15, 4, 6]
shape(l) = shapes[(l - 1) % |shapes| + 1]
do for [l = 1 : lanes] {
	# Columns of several places have the places' marks as their heads.
	if (lanes > 1) { set label 200000 + l "" at screen right + wide * (l - 0.5), from_top(top - 10) point pointtype shape(l) pointsize 1.1 * points linecolor rgb inks[l] }
	do for [r = 1 : rows] {
		if (strlen(said[cell(r, l)])) { set label 10000 + cell(r, l) said[cell(r, l)] at screen right + wide * (l - 0.5), first row_y(r) \
			center font ",11" noenhanced textcolor rgb said_ink[cell(r, l)] }
	}
}
set label 400000 "times as long" at screen right + wide * lanes / 2., from_top(top - (lanes > 1 ? 28 : 10)) center font ",11" noenhanced textcolor rgb grey
# The legend is made of labels, as a key would have no more columns than fit the plot.
unset key
do for [l = 1 : lanes] {
	set label 300000 + l names[l] at screen (30 + key_px * ((l - 1) % key_columns)) / width, from_top(76 + 22 * ((l - 1) / key_columns)) left offset 1, 0 \
		font ",12" noenhanced textcolor rgb ink point pointtype shape(l) pointsize 1.1 * points linecolor rgb inks[l]
}
mine(l) = column("lane") == l ? bounded("ratio") : NaN
here(l) = lane_y(int(column("row")), l)
plot for [l = 1 : lanes] data using (mine(l)):(here(l)):(bounded("ratio_lo")):(bounded("ratio_hi")) with xerrorbars linetype 1 linewidth 2 \
	pointtype shape(l) pointsize 1.1 * points linecolor rgb inks[l] notitle
unset multiplot
set output
