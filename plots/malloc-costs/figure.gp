# What malloc, free and touching cost, and page faults below: a column for each pattern, two rows of panels for each place.
set table $nothing
labels = "\n"; panels = "\n"; n_labels = 0; n_panels = 0
least = 1e300; most = 0; low = 1e300; high = 0; faults = 1; all_ns = 0.; all_cycles = 0.
is_new(list, name) = strstrt(list, "\n" . name . "\n") == 0
note_names(l, p) = (is_new(labels, l) ? (n_labels = n_labels + 1, labels = labels . l . "\n") : 0, \
	is_new(panels, p) ? (n_panels = n_panels + 1, panels = panels . p . "\n") : 0, 0)
note_cost(w) = (low = min(low, positive(num(w . "_ns"))), high = max(high, num(w . "_ns_hi")), 0)
note_cycles(ns, cycles) = positive(ns * cycles) > 0 ? (all_ns = all_ns + ns, all_cycles = all_cycles + cycles, 0) : 0
plot [-1 : 1] [-1 : 1] "table.tsv" using (note_names(strcol("label"), strcol("panel")), least = min(least, num("block_bytes")), \
	most = max(most, num("block_bytes")), note_cost("malloc"), note_cost("free"), note_cost("touch"), \
	faults = max(faults, num("faults_per_call")), note_cycles(num("malloc_ns"), num("malloc_cycles")), 0):(0)
unset table
ghz = ghz >= 0 && all_ns > 0 ? all_cycles / all_ns : ghz
# What no machine has is off the picture.
if (!(low < 1e99) || !(high > 0)) { low = 1.; high = 10. }
low = low / 1.5; high = min(high, 1e99) * 2; faults = min(faults, 1e15)
# The n-th name of a list that has newlines around its names.
name_at(list, n) = n == 1 ? list[2 : 1 + strstrt(list[2 : *], "\n") - 1] : name_at(list[1 + strstrt(list[2 : *], "\n") : *], n - 1)

# Faults are linear near zero and logarithmic above: none, a few and thousands all show.
near(f) = asinh(f * 5.)
far(f) = sinh(f) / 5.
fault_high = far(near(faults) * 1.12)
dash(t) = t eq "no" ? 2 : 1
array costs[3] = ["malloc", "free", "touch"]
array hues[3] = [5, 4, 6]
mark_of(w, t) = (on_paper ? own_shape(w) : 7) - (t eq "no")
# Several places are lower on paper, so that two of them fit on a page.
block = on_paper && n_labels > 1 ? 420 : 500; tall = block - 240
width = max(width, 300 * n_panels + 180)
left = 85.; right = width - (ghz > 0 ? 78. : 18.); gap = 28.; wide = (right - left - gap * (n_panels - 1)) / n_panels
eval begin(120 + block * n_labels)
set dashtype 2 (5, 3)
set lmargin at screen 0; set rmargin at screen 1; set tmargin at screen from_top(60); set bmargin at screen from_top(82)
unset border; unset tics; unset grid; set xrange [0 : 1]; set yrange [0 : 1]
set key at screen 20. / width, from_top(62) left top horizontal Left reverse maxrows 1 font ",12" samplen 3.2
plot for [w = 1 : 3] keyentry with linespoints linewidth 2.5 pointtype mark_of(w, "yes") pointsize on_paper * points linecolor rgb colour(hues[w]) title (w == 3 ? "touching" : costs[w]), \
	keyentry with lines linewidth 2 linecolor rgb grey title "touched blocks", \
	keyentry with lines linewidth 1.3 dashtype 2 linecolor rgb grey title "untouched blocks", -1 with lines notitle
unset label; unset key
set border 3; set grid xtics ytics; set tics nomirror out scale 0.5 textcolor rgb ink
set logscale x 2
set xrange [least / 1.4 : most * 1.4]
here(v) = strcol("label") eq label_now && strcol("panel") eq panel_now ? v : NaN
of(t, v) = strcol("touch") eq t ? here(v) : NaN
do for [l = 1 : n_labels] {
	label_now = name_at(labels, l)
	do for [c = 1 : n_panels] {
		panel_now = name_at(panels, c)
		# The panel's rows stand together: only these are read for each of its lines.
		set table $nothing
		rows_from = -1; rows_to = 0
		plot [1 : 2] [1 : 2] "table.tsv" using (here(1) == 1 ? (rows_from = rows_from < 0 ? int(column(0)) : rows_from, rows_to = int(column(0)), 0) : 0):(0)
		unset table
		rows_from = max(rows_from, 0)
		top = 138 + block * (l - 1)
		set lmargin at screen (left + (wide + gap) * (c - 1)) / width; set rmargin at screen (left + (wide + gap) * (c - 1) + wide) / width
		do for [part = 1 : 2] {
			set tmargin at screen from_top(part == 1 ? top : top + tall + 16); set bmargin at screen from_top(part == 1 ? top + tall : top + tall + 156)
			set xtics nomirror (); eval ticks_of("xtics", "log2", least / 1.4, most * 1.4, wide / 58., "bytes", part == 2)
			set ytics nomirror ()
			unset logscale y; unset nonlinear y; unset y2tics; unset y2label; set border 3; unset ylabel; unset xlabel
			if (part == 1) {
				set logscale y 10; set yrange [low : high]
				eval ticks_of("ytics", "log10", low, high, 13, "time", c == 1)
				if (c == 1) { set ylabel "one block" offset 1, 0 textcolor rgb ink }
				if (ghz > 0 && c == n_panels) {
					set border 11; set logscale y2 10; set y2range [low * ghz : high * ghz]; set y2tics nomirror ()
					eval ticks_of("y2tics", "log10", low * ghz, high * ghz, 13, "number", 1)
					set y2label "core cycles" offset -1, 0 textcolor rgb ink
				}
				set label 3 panel_now at graph 0.5, screen from_top(top - 10) center font fit(panel_now, 13, wide) noenhanced textcolor rgb ink
				if (c == 1) { set label 4 label_now at graph 0, screen from_top(top - 30) left font ",13" noenhanced textcolor rgb ink }
			} else {
				set nonlinear y via near(y) inverse far(y); set yrange [0 : fault_high]
				eval tick("ytics", "number", c == 1, 0)
				do for [e = 0 : 12] { if (10.**e <= fault_high) { eval tick("ytics", "number", c == 1, 10.**e) } }
				if (c == 1) { set ylabel "page faults" offset 1, 0 textcolor rgb ink }
				if (l == n_labels) { set xlabel "size of the block" textcolor rgb ink }
				middle = sqrt(most * 4096.)
				if (most > 65536) { set label 5 "one a page" at middle, middle / 4096 right offset -0.7, 0.4 front font ",11" noenhanced textcolor rgb grey }
			}
			bottom = part == 1 ? low : 0; roof = part == 1 ? high : fault_high
			plot "turns.tsv" using (here(sqrt(num("below_bytes") * num("above_bytes")))):(bottom):(num("below_bytes")):(num("above_bytes")):(bottom):(roof) \
					with boxxyerror fillstyle solid 0.12 noborder linecolor rgb grey notitle, \
				part == 2 ? x / 4096. : NaN with lines linewidth 0.8 linecolor rgb "#aaaaaa" notitle, \
				for [w = 1 : part == 1 ? 3 : 0] for [t in "no yes"] "table.tsv" every ::rows_from::rows_to using (of(t, num("block_bytes"))):(num(costs[w] . "_ns_lo")):(0):(num(costs[w] . "_ns_hi") - num(costs[w] . "_ns_lo")) \
					with vectors nohead linetype 1 linewidth 0.8 linecolor rgb colour(hues[w]) notitle, \
				for [w = 1 : part == 1 ? 3 : 1] for [t in "no yes"] "table.tsv" every ::rows_from::rows_to using (of(t, num("block_bytes"))):(num(part == 1 ? costs[w] . "_ns" : "faults_per_call")) \
					with linespoints linewidth (t eq "no" ? 1.3 : 2) dashtype dash(t) pointtype mark_of(w, t) pointsize (on_paper ? 0.8 : 0.5) * points \
					linecolor rgb (part == 1 ? colour(hues[w]) : ink) notitle, \
				"turns.tsv" using (part == 1 ? here(num("below_bytes")) : 1e-9):(high / 1.6):(strcol("what") . " ") with labels right font ",11" textcolor rgb grey notitle
			unset label
		}
	}
}
unset multiplot
set output
