# What translation adds to one access against the memory touched, page sizes together: the picture for a newcomer.
# zones.tsv: which TLB level translates where, for the smallest pages.
stats "table.tsv" using "curve" nooutput
curves = int(STATS_max)
array names[curves]; array inks[curves]; array hosts[curves]; array sizes[curves]
set table $nothing
# The axis holds all medians; a band of few samples may reach below it.
least = 1e300; most = 0; low = -1; high = 10; zones = 0; same = ""
note(c) = (names[c] = strcol("label"), inks[c] = strcol("colour"), hosts[c] = strcol("setting") eq "host", sizes[c] = column("size"), 0)
plot [-1 : 1] [-1 : 1] "table.tsv" using (note(int(column("curve"))), least = min(least, column("reach_bytes")), \
	most = max(most, column("reach_bytes")), low = min(low, column("net_cycles") * 1.2), high = max(high, column("net_cycles_hi")), 0):(0)
plot [-1 : 1] [-1 : 1] "zones.tsv" using (zones = max(zones, column("zone")), 0):(0)
unset table
high = high * 2.5

eval begin(600)
set lmargin at screen 0.085; set rmargin at screen 0.925
set tmargin at screen from_top(72); set bmargin at screen from_top(536)
set logscale x 2
set xrange [least / 1.1 : most * 1.1]
set xtics ()
each = log(most / least) / log(2) > 9 ? 2 : 1
do for [e = 0 : 60] { if (2.**e >= least / 1.1 && 2.**e <= most * 1.1 && (e - 1) % each == 0) { set xtics add (bytes_label(2.**e) 2.**e) } }
set xlabel "memory touched, one cache line in each page" textcolor rgb ink
set yrange [low : high]
set nonlinear y via squash(y) inverse stretch(y)
set ytics (-20, -10, -5, -2, 0, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
set ylabel "translation adds to one access (core cycles)" offset 1, 0 textcolor rgb ink
if (ghz > 0) {
	set border 11
	set y2range [low / ghz : high / ghz]
	set nonlinear y2 via squash(y * ghz) inverse stretch(y) / ghz
	set y2tics nomirror (-10, -5, -2, 0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
	set y2label "ns" offset -1, 0 textcolor rgb ink
}
set key at graph 0.01, graph 0.82 top left Left reverse

# The host is the widest line: where others lie on it, its edges still show. A page size has a dash.
set dashtype 2 (6, 3)
set dashtype 3 (2, 3)
array shades[4] = ["#f2f6fa", "#e6edf4", "#d8e3ee", "#cbd9e8"]
of(c) = column("curve") == c ? column("reach_bytes") : NaN
middle(x) = sqrt(column("from_bytes") * column("to_bytes"))
plot for [z = 1 : zones] "zones.tsv" using (column("zone") == z ? middle(0) : NaN):(low):"from_bytes":"to_bytes":(low):(high) \
		with boxxyerror fillstyle solid 1 noborder linecolor rgb shades[(z - 1) % |shades| + 1] notitle, \
	"zones.tsv" using (middle(0)):(stretch(squash(low) + 0.95 * (squash(high) - squash(low)))):(strcol("what") . "\n" . strcol("cost")) \
		with labels center font ",13" textcolor rgb ink notitle, \
	0 with lines linewidth 0.8 linecolor rgb grey notitle, \
	for [c = 1 : curves] "table.tsv" using (of(c)):"net_cycles_lo":"net_cycles_hi" with filledcurves \
		fillstyle transparent solid 0.22 noborder linecolor rgb inks[c] notitle, \
	for [c = 1 : curves] "table.tsv" using (of(c)):"net_cycles" with lines linewidth (hosts[c] ? 4 : 2) dashtype int(min(sizes[c], 3)) \
		linecolor rgb inks[c] title names[c]
unset multiplot
set output
