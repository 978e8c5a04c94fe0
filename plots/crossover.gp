# Slow-down of paging modes against TLB misses for each page-table change. Columns: what a change is.
# Tables: NAME.tsv (lines), NAME.marks.tsv (where two modes cost the same; a row each column).
call ARG1 . "/style.gp" ARG1 ARG2 ARG3 ARG4 ARG5 ARG6 ARG7

set table $nothing
array names[8]; array hues[8]; array panels[4]; array bases[4]; array has[32]
lines = 0; columns = 0; least = 1e30; most = 0; low = 1; high = 1.2
# What no row tells.
do for [i = 1 : 8] { names[i] = ""; hues[i] = 0 }
do for [i = 1 : 4] { panels[i] = ""; bases[i] = "" }
do for [i = 1 : 32] { has[i] = 0 }
note(k, c) = (lines = max(lines, k), names[k] = strcol("label"), hues[k] = place_colour(strcol("setting"), strcol("label")), \
	columns = max(columns, c), panels[c] = strcol("panel_label"), bases[c] = strcol("base"), has[(c - 1) * 8 + k] = 1, 0)
plot [-1 : 1] [-1 : 1] table("") using (note(int(column("line")), int(column("panel"))), \
	least = min(least, column("misses")), most = max(most, column("misses")), \
	low = min(low, positive(column("slowdown_lo"))), high = max(high, column("slowdown_hi")), 0):(0)
array cross[4]; array cross_lo[4]; array cross_hi[4]; array cross_at[4]; array cross_words[4]
do for [i = 1 : 4] { cross[i] = 0; cross_lo[i] = 0; cross_hi[i] = 0; cross_at[i] = 0; cross_words[i] = "" }
mark(c) = (cross[c] = column("misses"), cross_lo[c] = column("misses_lo"), cross_hi[c] = column("misses_hi"), \
	cross_at[c] = column("slowdown"), cross_words[c] = strcol("words"), 0)
plot [-1 : 1] [-1 : 1] table(".marks") using (strcol("words") eq "NA" ? 0 : mark(int(column("panel")))):(0)
unset table

height = 540
eval start_picture(height)
set output directory . "/" . name . "." . picture_format
from_top(px) = 1. - px / (height + 0.)
left = 0.075; right = 0.972; between = 0.045
wide = (right - left - between * (columns - 1)) / columns

set multiplot
set label 1 title_text at screen 0.02, from_top(24) font ",17" noenhanced textcolor rgb ink
set label 2 subtitle_text at screen 0.02, from_top(50) font ",12" noenhanced textcolor rgb grey
set label 3 "TLB misses for each change of a page table (page fault)" at screen left + (right - left) / 2., from_top(height - 16) center \
	font ",13" noenhanced textcolor rgb ink
set logscale x 2
set logscale y 10
set xrange [least : most]
# Room below for words, above for a mark's.
bottom = low / (high / low) ** 0.14
set yrange [bottom : high * (high / low) ** 0.16]
misses_label(e) = e < 0 ? sprintf("1/%d", 2**(-e)) : count_label(2**e)
each = columns == 1 ? 2 : columns == 2 ? 4 : 6
ticks = high / low < 6 ? "0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1 1.2 1.4 1.6 1.8 2 2.5 3 3.5 4 5 6 7 8 9 10" : "0.01 0.02 0.05 0.1 0.2 0.5 1 1.5 2 3 5 7 10 15 20 30 50 70 100 200 500 1000"
mine(c, k) = column("panel") == c && column("line") == k ? column("misses") : NaN
set tmargin at screen from_top(116); set bmargin at screen 66. / height
do for [c = 1 : columns] {
	set lmargin at screen left + (wide + between) * (c - 1)
	set rmargin at screen left + (wide + between) * (c - 1) + wide
	set xtics ()
	do for [e = -4 : 20] { if ((e + 4) % (each / 2) == 0) { set xtics add (((e + 4) % each == 0 ? misses_label(e) : "") 2.**e) } }
	set ytics ()
	do for [t in ticks] { set ytics add ((c == 1 ? sprintf("%g", t + 0.) : "") t + 0.) }
	if (c == 1) { set ylabel "times as long" offset 1, 0 textcolor rgb ink } else { unset ylabel }
	set label 4 panels[c] at graph 0, screen from_top(106) left font ",13" noenhanced textcolor rgb ink
	set label 5 "changes decide" at graph 0.015, graph 0.04 left font ",11" noenhanced textcolor rgb grey
	set label 6 "misses decide" at graph 0.985, graph 0.04 right font ",11" noenhanced textcolor rgb grey
	# Where no line goes: those against the host are above 1 on the left, shadow over nested paging is below 1 on the right.
	if (bases[c] eq "host") { set label 7 "host = 1" at graph 0.015, first 1 left offset 0, -0.7 font ",11" noenhanced textcolor rgb grey }
	if (bases[c] ne "host") { set label 7 bases[c] . " = 1" at graph 0.985, first 1 right offset 0, 0.6 font ",11" noenhanced textcolor rgb grey }
	unset label 8; unset arrow 1; unset object 1
	if (cross[c] > 0) {
		set object 1 rectangle from first cross_lo[c], graph 0.08 to first cross_hi[c], graph 0.9 fillcolor rgb "#dddddd" fillstyle solid 0.7 noborder behind
		set arrow 1 from first cross[c], graph 0.08 to first cross[c], graph 0.9 nohead linewidth 1 linecolor rgb grey
		where = log(cross[c] / least) / log(most / least)
		if (where < 0.25) { set label 8 "equal at " . cross_words[c] at graph 0.015, graph 0.945 left font ",11" noenhanced textcolor rgb ink }
		if (where >= 0.25 && where <= 0.75) { set label 8 "equal at " . cross_words[c] at first cross[c], graph 0.945 center font ",11" noenhanced textcolor rgb ink }
		if (where > 0.75) { set label 8 "equal at " . cross_words[c] at graph 0.985, graph 0.945 right font ",11" noenhanced textcolor rgb ink }
	}
	if (c == 1) { set key at screen 0.02, from_top(64) left top vertical Left reverse maxrows 1 } else { unset key }
	plot \
		1 with lines linewidth 1.6 linecolor rgb ink notitle, \
		for [k = 1 : lines] table("") using (mine(c, k)):"slowdown_lo":"slowdown_hi" with filledcurves \
			fillstyle transparent solid 0.22 noborder linecolor rgb colour(hues[k]) notitle, \
		for [k = 1 : lines] table("") using (mine(c, k)):"slowdown" with lines linewidth 2.4 linecolor rgb colour(hues[k]) notitle, \
		for [k = 1 : lines] keyentry with lines linewidth 2.4 linecolor rgb colour(hues[k]) title names[k], \
		table(".marks") using (column("panel") == c ? seen_at_log(column("misses")) : 1e-99):(seen_at_log(column("slowdown"))) with points \
			pointtype 7 pointsize 1.2 * points linecolor rgb ink notitle
	unset label 1; unset label 2; unset label 3
}
unset multiplot
set output
