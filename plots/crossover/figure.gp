# Slow-down of paging modes against TLB misses for each page-table change. A panel for each kind of change; marks.tsv: where two
# modes cost the same, a row for each panel.
data = "table.tsv"
set table $nothing
n = 0; low = 1; high = 1.2
plot [-1 : 1] [-1 : 1] data using (n = max(n, column("panel")), low = min(low, min(positive(column("slowdown")), positive(column("slowdown_lo")))), \
	high = max(high, max(column("slowdown"), column("slowdown_hi"))), 0):(0)
n = int(n); n_lines = 0; mark = "\n"; seen_lines = mark
plot [-1 : 1] [-1 : 1] data using (strstrt(seen_lines, mark . strcol("label") . mark) ? 0 : (n_lines = n_lines + 1, seen_lines = seen_lines . strcol("label") . mark, 0)):(0)
array panels[n]; array bases[n]; array names[n_lines]; array inks[n_lines]; array cross[n]; array cross_lo[n]; array cross_hi[n]; array words[n]
do for [i = 1 : n] { cross[i] = 0 }
k = 0; seen_lines = mark
plot [-1 : 1] [-1 : 1] data using (panels[int(column("panel"))] = strcol("panel_label"), bases[int(column("panel"))] = strcol("base"), \
	strstrt(seen_lines, mark . strcol("label") . mark) ? 0 : (k = k + 1, names[k] = strcol("label"), inks[k] = strcol("colour"), seen_lines = seen_lines . names[k] . mark, 0)):(0)
note(c) = (cross[c] = column("misses"), cross_lo[c] = column("misses_lo"), cross_hi[c] = column("misses_hi"), words[c] = strcol("words"), 0)
plot [-1 : 1] [-1 : 1] "marks.tsv" using (strcol("words") eq "NA" ? 0 : note(int(column("panel")))):(0)
unset table

width = max(width, max(600, 300 * n)); least = 1 / 16.; most = 2.**20
key_columns = max(1, int(width / 260)); key_rows = int(ceil(n_lines / (key_columns + 0.))); head = 84 + 22 * key_rows
eval begin(head + 430)
# The legend is a plot of its own, as wide as the picture.
set lmargin at screen 0; set rmargin at screen 1; set tmargin at screen from_top(60); set bmargin at screen from_top(60 + 22 * key_rows)
set xrange [0 : 1]; set yrange [0 : 1]
unset border; unset tics; unset grid
set key at screen 20. / width, from_top(62) left top horizontal Left reverse maxcols key_columns maxrows key_rows
plot for [k = 1 : n_lines] keyentry with lines linewidth 2.4 dashtype own_dash(k) linecolor rgb inks[k] title names[k], -1 with lines notitle
unset label 1; unset label 2; unset key
set border 3; set tics out scale 0.5 textcolor rgb ink; set grid xtics ytics
left = 0.075; right = 0.972; between = 0.045; wide = (right - left - between * (n - 1)) / n
set label 3 "TLB misses for each change of a page table (page fault)" at screen left + (right - left) / 2., 16. / height center \
	font ",13" noenhanced textcolor rgb ink
set logscale x 2; set logscale y 10
set xrange [least : most]
# Room below for words, above for a mark's.
set yrange [low / (high / low) ** 0.14 : high * (high / low) ** 0.16]
misses_label(e) = e < 0 ? sprintf("1/%d", 2**(-e)) : count_label(2**e)
each = n == 1 ? 2 : n == 2 ? 4 : 6
ticks = high / low < 6 ? "0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1 1.2 1.4 1.6 1.8 2 2.5 3 3.5 4 5 6 7 8 9 10" : "0.01 0.02 0.05 0.1 0.2 0.5 1 1.5 2 3 5 7 10 15 20 30 50 70 100 200 500 1000"
mine(c, k) = column("panel") == c && strcol("label") eq names[k] ? column("misses") : NaN
set tmargin at screen from_top(head + 10); set bmargin at screen 66. / height
do for [c = 1 : n] {
	set lmargin at screen left + (wide + between) * (c - 1); set rmargin at screen left + (wide + between) * (c - 1) + wide
	set xtics nomirror (); set ytics nomirror ()
	do for [e = -4 : 20] { if ((e + 4) % (each / 2) == 0) { set xtics add (((e + 4) % each == 0 ? misses_label(e) : "") 2.**e) } }
	do for [t in ticks] { set ytics add ((c == 1 ? sprintf("%g", t + 0.) : "") t + 0.) }
	if (c == 1) { set ylabel "times as long" offset 1, 0 textcolor rgb ink } else { unset ylabel }
	set label 4 panels[c] at graph 0, screen from_top(head) left font fit(panels[c], 13, (wide + between) * width) noenhanced textcolor rgb ink
	set label 5 "changes decide" at graph 0.015, graph 0.04 left font ",11" noenhanced textcolor rgb grey
	set label 6 "misses decide" at graph 0.985, graph 0.04 right font ",11" noenhanced textcolor rgb grey
	# Where no line goes: those against the host are above 1 on the left, shadow over nested paging is below 1 on the right.
	if (bases[c][1 : 4] eq "host") { set label 7 bases[c] . " = 1" at graph 0.015, first 1 left offset 0, -0.7 font ",11" noenhanced textcolor rgb grey } else { \
		set label 7 bases[c] . " = 1" at graph 0.985, first 1 right offset 0, 0.6 font ",11" noenhanced textcolor rgb grey }
	unset label 8; unset arrow 1; unset object 1
	if (cross[c] > 0) {
		set object 1 rectangle from first (cross_lo[c] > 0 ? cross_lo[c] : cross[c]), graph 0.08 to first (cross_hi[c] > 0 ? cross_hi[c] : cross[c]), graph 0.9 \
			fillcolor rgb "#dddddd" fillstyle solid 0.7 noborder behind
		set arrow 1 from first cross[c], graph 0.08 to first cross[c], graph 0.9 nohead linewidth 1 linecolor rgb grey
		where = log(cross[c] / least) / log(most / least)
		if (where < 0.25) { set label 8 "equal at " . words[c] at graph 0.015, graph 0.945 left font ",11" noenhanced textcolor rgb ink }
		if (where >= 0.25 && where <= 0.75) { set label 8 "equal at " . words[c] at first cross[c], graph 0.945 center font ",11" noenhanced textcolor rgb ink }
		if (where > 0.75) { set label 8 "equal at " . words[c] at graph 0.985, graph 0.945 right font ",11" noenhanced textcolor rgb ink }
	}
	plot 1 with lines linewidth 1.6 linecolor rgb ink notitle, \
		for [k = 1 : n_lines] data using (mine(c, k)):"slowdown_lo":"slowdown_hi" with filledcurves fillstyle transparent solid 0.22 noborder linecolor rgb inks[k] notitle, \
		for [k = 1 : n_lines] data using (mine(c, k)):"slowdown" with lines linewidth 2.4 dashtype own_dash(k) linecolor rgb inks[k] notitle, \
		"marks.tsv" using (column("panel") == c ? seen_at_log(column("misses")) : 1e-99):(seen_at_log(column("slowdown"))) with points \
			pointtype 7 pointsize 1.2 * points linecolor rgb ink notitle
	unset label 3
}
unset multiplot
set output
