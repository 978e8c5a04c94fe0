# Time (left) and interrupts (right) of a call that takes pages away against the other CPUs that have them in their TLBs,
# with fewest pages and with most. A row a setting. Table: NAME.tsv.
call ARG1 . "/style.gp" ARG1 ARG2 ARG3 ARG4 ARG5 ARG6 ARG7

set table $nothing
array names[16]; array owners[16]; array what[4]; array others[32]
lanes = 0; operations = 0; lines = 0; few = 1e30; many = 0; low = 1e30; high = 0; interrupts = 1
# Of interrupts, too, 0 has a place.
height_of(side, v) = side == 1 ? v : spread(v)
# What no row tells.
do for [i = 1 : 16] { names[i] = ""; owners[i] = 0 }
do for [i = 1 : 32] { others[i] = -1 }
do for [i = 1 : 4] { what[i] = "" }
note(l, o, k) = (lanes = max(lanes, l), names[l] = strcol("label"), owners[l] = place_colour(strcol("setting"), strcol("label")), \
	operations = max(operations, o), what[o] = strcol("operation"), lines = max(lines, k), others[k] = column("others"), 0)
# The core's rate while these were measured; a run may have no other.
all_ns = 0; all_cycles = 0
count_cycles(ns, cycles) = positive(ns * cycles) > 0 ? (all_ns = all_ns + ns, all_cycles = all_cycles + cycles) : 0
plot [-1 : 1] [-1 : 1] table("") using (note(int(column("lane")), int(column("row")), int(column("line"))), \
	few = min(few, column("pages")), many = max(many, column("pages")), interrupts = max(interrupts, column("interrupts_hi")), \
	low = min(low, positive(column("operation_ns_lo"))), high = max(high, column("operation_ns_hi")), \
	count_cycles(column("operation_ns"), column("operation_cycles")), 0):(0)
unset table
ghz = all_ns > 0 ? all_cycles / all_ns : ghz
if (high <= 0) { high = 1000 }
low = min(low, high)
last = 1
do for [k = 1 : 32] { last = max(last, others[k]) }
interrupts = max(interrupts, last)

row_height = lanes == 1 ? 400 : 290
keys = 68
height = keys + 60 + row_height * lanes + 38
eval start_picture(height)
set output directory . "/" . name . "." . picture_format
from_top(px) = 1. - px / (height + 0.)
left = 0.085; right = 0.985; gap = ghz > 0 ? 0.14 : 0.07
wide = (right - left - gap) / 2.

# These colours are no setting's and no page size's; a call has a shape, too. Most pages: filled, whole line; fewest: open, dashed.
array hues[4] = ["#332288", "#882255", "#999933", "#666666"]
array shapes[4] = [7, 5, 9, 13]
set dashtype 2 (5, 3)
ends = many > few ? 2 : 1
pages_of(e) = e == 1 ? many : few
pages_label(p) = p == 1 ? "1 page" : sprintf("%g pages", p)
time_label(ns) = ns >= 1e9 ? sprintf("%g s", ns / 1e9) : ns >= 1e6 ? sprintf("%g ms", ns / 1e6) : ns >= 1e3 ? sprintf("%g µs", ns / 1e3) : sprintf("%g ns", ns)
cycles_label(c) = c >= 1e6 ? sprintf("%g M", c / 1e6) : c >= 1e3 ? sprintf("%g k", c / 1e3) : sprintf("%g", c)
# 0 has a place, and each doubling is as wide as the one before.
spread(x) = log(1 + max(x, -0.9)) / log(2)
room = spread(last) * 0.06

set multiplot
set label 1 title_text at screen 0.02, from_top(24) font ",17" noenhanced textcolor rgb ink
set label 2 subtitle_text at screen 0.02, from_top(50) font ",12" noenhanced textcolor rgb grey
mine(l, o, e, v) = column("lane") == l && column("row") == o && column("pages") == pages_of(e) ? column(v) : NaN
# Counts are often the same for all calls: side by side they can be told apart.
place(side, o, e) = spread(column("others")) + (side == 1 ? 0 : (o - (operations + 1) / 2. + (e - (ends + 1) / 2.) / 2.) * room / 5.)
set xrange [-room : spread(last) + room]
# A tick at each number measured, as far as there is room.
array ticks[32]
before = -1e9
do for [k = 1 : lines] {
	ticks[k] = others[k] >= 0 && (spread(others[k]) - before) * 14 > spread(last)
	if (ticks[k]) { before = spread(others[k]) }
}
# An interval is a line: what gnuplot draws as error bars clears a place around each point in SVG.
low_of(side, v) = v >= 0 ? height_of(side, column(value . "_lo")) : NaN
high_of(side, v) = height_of(side, column(value . "_hi")) - height_of(side, column(value . "_lo"))
do for [l = 1 : lanes] {
	do for [side = 1 : 2] {
		set lmargin at screen left + (wide + gap) * (side - 1)
		set rmargin at screen left + (wide + gap) * (side - 1) + wide
		set tmargin at screen from_top(keys + 68 + row_height * (l - 1))
		set bmargin at screen from_top(keys + 60 + row_height * l - 26)
		set xtics ()
		do for [k = 1 : lines] { if (ticks[k]) { set xtics add ((l == lanes ? sprintf("%g", others[k]) : "") spread(others[k])) } }
		if (l == lanes) { set xlabel "other CPUs that have the pages in their TLBs" textcolor rgb ink } else { unset xlabel }
		unset y2label; unset y2tics
		set border 3
		if (l == 1) { set label 3 (side == 1 ? "one call" : "interrupts of one call, over all CPUs") at graph 0, screen from_top(keys + 52) left font ",14" noenhanced textcolor rgb ink }
		if (side == 1) { set label 4 names[l] at graph 0.02, graph 0.95 left font ",13" noenhanced textcolor rgb colour(owners[l]) }
		if (side == 1) {
			set logscale y 10
			set yrange [low / 1.6 : high * 2.2]
			set ytics ()
			do for [e = -1 : 12] { do for [m in "1 2 5"] { set ytics add (time_label(m * 10.**e) m * 10.**e) } }
			if (ghz > 0) {
				set border 11
				set logscale y2 10
				set y2range [low / 1.6 * ghz : high * 2.2 * ghz]
				set y2tics nomirror ()
				do for [e = 0 : 13] { do for [m in "1 2 5"] { set y2tics add (cycles_label(m * 10.**e) m * 10.**e) } }
				set y2label "core cycles" offset -1, 0 textcolor rgb ink
			}
		} else {
			unset logscale y
			set ytics ()
			do for [n in "0 1 2 4 8 16 32 64 128 256 512 1024 2048 4096"] { set ytics add (n spread(int(n))) }
			set yrange [-0.04 * spread(interrupts) : spread(interrupts) * 1.12]
			set label 5 "one each" at first spread(last), first spread(last) right offset -2.5, 0 font ",11" noenhanced textcolor rgb grey
		}
		if (l == 1 && side == 1) { set key at screen left - 0.01, from_top(66) left top vertical Left reverse samplen 3 width 1 maxrows 2 } else { unset key }
		# As many interrupts as other CPUs: only where interrupts are drawn.
		each(x) = side == 2 ? x : NaN
		value = side == 1 ? "operation_ns" : "interrupts"
		# The key goes by columns: a call, with most pages over fewest.
		plot \
			[-room : spread(last) + room] each(x) with lines linewidth 0.8 dashtype (2, 4) linecolor rgb grey notitle, \
			for [o = 1 : operations] for [e = 1 : ends] table("") using (place(side, o, e)):(low_of(side, mine(l, o, e, value))):(0):(high_of(side, 0)) with vectors nohead \
				linewidth 1 linecolor rgb hues[o] notitle, \
			for [e = 1 : ends] for [o = 1 : operations] table("") using (place(side, o, e)):(height_of(side, mine(l, o, e, value))) with linespoints linewidth 1.8 dashtype e \
				pointtype shapes[o] - (e == 2) pointsize 1.1 * points linecolor rgb hues[o] notitle, \
			for [o = 1 : operations] for [e = 1 : ends] keyentry with linespoints linewidth 1.8 dashtype e pointtype shapes[o] - (e == 2) \
				pointsize 1.1 * points linecolor rgb hues[o] title sprintf("%s, %s", what[o], pages_label(pages_of(e)))
		unset label 1; unset label 2; unset label 3; unset label 4; unset label 5
	}
}
unset multiplot
set output
