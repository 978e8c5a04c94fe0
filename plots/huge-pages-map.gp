# Cost of a random access as a map: rows page sizes, columns what is behind them; a panel a setting.
# Table: NAME.tsv.
call ARG1 . "/style.gp" ARG1 ARG2 ARG3 ARG4 ARG5 ARG6 ARG7

set table $nothing
array names[16]; array owners[16]
lanes = 0; low = 1e30; high = 0
# What no row tells.
do for [i = 1 : 16] { names[i] = ""; owners[i] = 0 }
note(l) = (lanes = max(lanes, l), names[l] = strcol("label"), owners[l] = place_colour(strcol("setting"), strcol("label")), 0)
plot [-1 : 1] [-1 : 1] table("") using (note(int(column("lane"))), low = min(low, positive(column("gross_cycles"))), \
	high = max(high, column("gross_cycles")), 0):(0)
unset table
if (high <= 0) { high = 10 }
low = min(low, high)

height = 500
eval start_picture(height)
set output directory . "/" . name . "." . picture_format
from_top(px) = 1. - px / (height + 0.)
panels = max(2, lanes)
left = 0.1; right = 0.985; between = 0.06
wide = (right - left - between * (panels - 1)) / panels

# Pale enough that the numbers on it can be read; the scale is logarithmic.
set palette defined (0 "#eef5fa", 0.5 "#9cc9e3", 1 "#4a9fd0")
set logscale cb
set cbrange [low / 1.05 : high * 1.05]
unset colorbox
set multiplot
set label 1 title_text at screen 0.02, from_top(24) font ",17" noenhanced textcolor rgb ink
set label 2 subtitle_text at screen 0.02, from_top(50) font ",12" noenhanced textcolor rgb grey
set label 4 "host pages behind it" at screen (left + right) / 2., from_top(height - 16) center font ",13" noenhanced textcolor rgb ink
unset grid; unset key
set border 0
set xrange [0.5 : 3.5]; set yrange [3.5 : 0.5]
set xtics ("4K" 1, "2M" 2, "1G" 3) scale 0; set ytics ("4K" 1, "2M" 2, "1G" 3) scale 0
set tmargin at screen from_top(110); set bmargin at screen from_top(height - 56)
is(l, s) = column("lane") == l && strcol("state") eq s
digits(v) = v < 10 ? sprintf("%.2f", v) : v < 100 ? sprintf("%.1f", v) : sprintf("%.0f", v)
interval(c) = column(c . "_lo") < column(c . "_hi") ? sprintf(" [%s, %s]", digits(column(c . "_lo")), digits(column(c . "_hi"))) : ""
known(c) = column(c) > -1e300
text_of(x) = sprintf("%s ns", digits(column("gross_ns"))) . \
	(known("speedup") ? sprintf("\n%.2f× as fast%s", column("speedup"), column("speedup_lo") < column("speedup_hi") ? \
	sprintf("\n[%.2f, %.2f]", column("speedup_lo"), column("speedup_hi")) : "") : "")
do for [l = 1 : lanes] {
	set lmargin at screen left + (wide + between) * (l - 1)
	set rmargin at screen left + (wide + between) * (l - 1) + wide
	set label 3 names[l] at graph 0, screen from_top(92) left font ",14" noenhanced textcolor rgb colour(owners[l])
	if (l == 1) { set ylabel "pages of the space under test" offset -1.2, 0 textcolor rgb ink } else { unset ylabel }
	plot \
		table("") using (is(l, "measured") ? column("column") : NaN):"row":(0.485):(0.48):"gross_cycles" with boxxyerror \
			fillstyle solid 1 noborder linecolor palette notitle, \
		table("") using (is(l, "missing") ? column("column") : NaN):"row":(0.485):(0.48) with boxxyerror \
			fillstyle solid 1 noborder linecolor rgb "#efefef" notitle, \
		table("") using (is(l, "missing") ? column("column") : NaN):"row":(0.485):(0.48) with boxxyerror \
			fillstyle pattern 4 noborder linecolor rgb "#b5b5b5" notitle, \
		table("") using (seen_at(is(l, "measured") ? column("column") : NaN)):(column("row") - 0.2):(digits(column("gross_cycles")) . " cycles") with labels center \
			font ",15" textcolor rgb ink notitle, \
		table("") using (seen_at(is(l, "measured") ? column("column") : NaN)):(column("row") + 0.17):(text_of(0)) with labels center \
			font ",11" textcolor rgb ink notitle, \
		table("") using (seen_at(is(l, "missing") ? column("column") : NaN)):"row":("not measured") with labels center \
			font ",12" textcolor rgb ink notitle, \
		table("") using (seen_at(is(l, "none") ? column("column") : NaN)):"row":("–") with labels center \
			font ",12" textcolor rgb grey notitle
	unset label 1; unset label 2; unset label 4
}
unset multiplot
set output
