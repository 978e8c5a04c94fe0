# What translation adds to one access against the memory touched, a panel for each page size: the picture for a newcomer.
# zones.tsv: which TLB level translates where, for the first place of each page size.
set table $nothing
# The axis holds all medians; a band of few samples may reach below it.
low = -1; high = 10; bounds = 0; zones = 0; curves = 0; sizes = 0; places = 0; seen = "\n"
note(c, s, p) = (curves = max(curves, c), sizes = max(sizes, s), strstrt(seen, "\n" . p . "\n") ? 0 : (places = places + 1, seen = seen . p . "\n"))
plot [-1 : 1] [-1 : 1] "table.tsv" using (note(column("curve"), column("size"), strcol("series")), \
	low = min(low, column("net_cycles") * 1.2), high = max(high, column("net_cycles_hi")), bounds = bounds || strcol("lower_bound") eq "yes", 0):(0)
plot [-1 : 1] [-1 : 1] "zones.tsv" using (zones = max(zones, column("zone")), 0):(0)
curves = int(curves); sizes = int(sizes)
array of_size[curves]; array place_of[curves]; array wide_line[curves]; array from_bytes[sizes]; array to_bytes[sizes]; array title_of[sizes]
array names[places]; array inks[places]
do for [s = 1 : sizes] { from_bytes[s] = 1e300; to_bytes[s] = 0; title_of[s] = "" }
do for [p = 1 : places] { names[p] = ""; inks[p] = "" }
known = 0
rank(name) = sum [p = 1 : places] (names[p] eq name ? p : 0)
place(name) = rank(name) > 0 ? rank(name) : (known = known + 1, names[known] = name, inks[known] = strcol("colour"), known)
note(c, s) = (of_size[c] = s, place_of[c] = place(strcol("series")), wide_line[c] = strcol("setting") eq "host", \
	title_of[s] = strcol("pages_of"), from_bytes[s] = min(from_bytes[s], column("reach_bytes")), to_bytes[s] = max(to_bytes[s], column("reach_bytes")), 0)
plot [-1 : 1] [-1 : 1] "table.tsv" using (note(int(column("curve")), int(column("size")))):(0)
unset table
# Other parameters make several lines of one place.
do for [p = 2 : places] { inks[p] = own_ink(1, p, inks[p]) }
high = high * 3

across = min(sizes, on_paper ? max(1, int(width / 330)) : 3); down = int(ceil(sizes / (across + 0.))); panel = on_paper && across == 1 ? 270 : sizes > 3 ? 380 : 440
width = across > 2 && !on_paper ? 1300 : width
left = 98.; right = width - (ghz > 0 ? 70. : 18.); gap = 40.; wide = (right - left - gap * (across - 1)) / across
longest = 0
do for [p = 1 : places] { longest = max(longest, strlen(names[p])) }
bound_title = "a lower bound: the baseline misses, too"
if (bounds) { longest = max(longest, strlen(bound_title)) }
key_columns = max(1, int((width - 60) / (74. + 7.6 * longest))); key_rows = int(ceil((places + bounds) / (key_columns + 0.)))
head = 66 + 19 * key_rows
eval begin(int(head + (panel + 40) * down + 28))
set lmargin at screen 0; set rmargin at screen 1; set tmargin at screen from_top(60); set bmargin at screen from_top(62 + 19 * key_rows)
set xrange [0 : 1]; set yrange [0 : 1]; unset border; unset tics; unset grid
set key at screen 20. / width, from_top(62) left top horizontal Left reverse samplen 3.2 width 1 maxcols key_columns maxrows key_rows font ",12"
plot for [p = 1 : places] keyentry with lines linewidth 3 dashtype own_dash(p) linecolor rgb inks[p] title names[p], \
	for [i = 1 : bounds] keyentry with lines linewidth 2 dashtype (1, 3) linecolor rgb ink title bound_title, -1 with lines notitle
unset label; unset key; set border 3; set grid xtics ytics; set tics nomirror out scale 0.5 textcolor rgb ink

set logscale x 2
set yrange [low : high]
set nonlinear y via squash(y) inverse stretch(y)
ns_squash(y) = squash(y * ghz); ns_stretch(y) = stretch(y) / ghz
array shades[4] = ["#f2f6fa", "#e6edf4", "#d8e3ee", "#cbd9e8"]
of(c) = column("curve") == c ? column("reach_bytes") : NaN
known_of(c) = strcol("lower_bound") ne "yes" ? of(c) : NaN
bounded_of(c) = strcol("lower_bound") eq "yes" || strcol("lower_bound") eq "edge" ? of(c) : NaN
middle(x) = sqrt(column("from_bytes") * column("to_bytes"))
in_zone(z) = column("size") == s && column("zone") == z ? middle(0) : NaN
# Words that are wider than their zone stand in the table only; the second half of long ones has a line of its own.
room(x) = wide * log(column("to_bytes") / column("from_bytes")) / log(to_bytes[s] * 1.21 / from_bytes[s])
cost(x) = strstrt(strcol("cost"), " and more") ? strcol("cost")[1 : strstrt(strcol("cost"), " and more") - 1] . "\nand more" : strcol("cost")
zone_words(x) = strlen(cost(0)) * 5.2 > room(0) ? (strlen(strcol("what")) * 6.4 > room(0) ? "" : strcol("what")) : strcol("what") . "\n" . cost(0)
do for [s = 1 : sizes] {
	i = (s - 1) % across; k = (s - 1) / across
	top = head + 32 + (panel + 40) * k
	set lmargin at screen (left + (wide + gap) * i) / width; set rmargin at screen (left + (wide + gap) * i + wide) / width
	set tmargin at screen from_top(top); set bmargin at screen from_top(top + panel - 34)
	set label 3 title_of[s] at graph 0.5, screen from_top(top - 14) center font ",14" noenhanced textcolor rgb ink
	set xrange [from_bytes[s] / 1.1 : to_bytes[s] * 1.1]
	set xtics nomirror ()
	eval ticks_of("xtics", "log2", from_bytes[s] / 1.1, to_bytes[s] * 1.1, wide / 64., "bytes", 1)
	set ytics nomirror ()
	eval ticks_of("ytics", "squash", low, high, (panel - 34) / 20., "number", i == 0)
	unset ylabel; unset y2label; unset y2tics; set border 3
	if (i == 0) { set ylabel "translation adds to one access (core cycles)" offset -0.5, 0 textcolor rgb ink }
	if (ghz > 0 && (i == across - 1 || s == sizes)) {
		set border 11
		set y2range [low / ghz : high / ghz]
		set nonlinear y2 via ns_squash(y) inverse ns_stretch(y)
		set y2tics nomirror ()
		eval ticks_of("y2tics", "squash", low / ghz, high / ghz, (panel - 34) / 20., "number", 1)
		set y2label "ns" offset -1, 0 textcolor rgb ink
	}
	if (s == sizes) { set label 4 "memory touched, one cache line in each page" at screen (left + right) / 2. / width, 14. / height center noenhanced textcolor rgb ink }
	# The host is the widest line: where others lie on it, its edges still show.
	plot for [z = 1 : zones] "zones.tsv" using (in_zone(z)):(low):"from_bytes":"to_bytes":(low):(high) \
			with boxxyerror fillstyle solid 1 noborder linecolor rgb shades[(z - 1) % |shades| + 1] notitle, \
		"zones.tsv" using (seen_at_log(column("size") == s ? middle(0) : NaN)):(stretch(squash(low) + 0.93 * (squash(high) - squash(low)))):(zone_words(0)) \
			with labels center font ",11" textcolor rgb ink notitle, \
		0 with lines linewidth 0.8 linecolor rgb grey notitle, \
		for [c = 1 : curves] "table.tsv" using (of_size[c] == s ? of(c) : NaN):"net_cycles_lo":"net_cycles_hi" with filledcurves \
			fillstyle transparent solid 0.22 noborder linecolor rgb inks[place_of[c]] notitle, \
		for [c = 1 : curves] "table.tsv" using (of_size[c] == s ? known_of(c) : NaN):"net_cycles" with lines linewidth (wide_line[c] ? 4 : 2) \
			dashtype own_dash(place_of[c]) linecolor rgb inks[place_of[c]] notitle, \
		for [c = 1 : curves] "table.tsv" using (of_size[c] == s ? bounded_of(c) : NaN):"net_cycles" with lines linewidth (wide_line[c] ? 4 : 2) \
			dashtype (1, 3) linecolor rgb inks[place_of[c]] notitle
	unset label
}
unset multiplot
set output
