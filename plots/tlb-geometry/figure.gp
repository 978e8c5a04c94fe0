# The map: a row for each stride, a cell for each number of pages, coloured by what a page costs; a panel for each place.
# Steps mark where the inferred sets and ways end.
n = 0; label_list = "\n"; low = 1e300; high = 0; from = 1e300; to = 0; tallest = 0
set table $nothing
plot [-1 : 1] [-1 : 1] "table.tsv" using (strstrt(label_list, "\n" . strcol("label") . "\n") ? 0 : (n = n + 1, label_list = label_list . strcol("label") . "\n"), \
	from = min(from, column("pages")), to = max(to, column("pages")), tallest = max(tallest, log(column("stride_pages")) / log(2)), 0):(0)
array names[n]; array inks[n]; n = 0
plot [-1 : 1] [-1 : 1] "table.tsv" using (n && names[max(n, 1)] eq strcol("label") ? 0 : (n = n + 1, names[n] = strcol("label"), inks[n] = strcol("colour"), 0)):(0)
unset table
width = max(width, 600); tall = 26 * (tallest + 1)
eval begin(100 + (tall + 90) * n)
set logscale x 2; set xrange [from / 1.1 : to * 1.1]; set yrange [tallest + 0.5 : -0.5]
set palette defined (0 "#eef5fa", 0.35 "#9cc9e3", 0.7 "#4a9fd0", 1 "#1f5f8b"); set logscale cb; set cbrange [4 : 100]
unset grid; unset colorbox; set border 3; set key at graph 0.99, graph 0.04 right bottom Left reverse spacing 1.1
shades = "for [v in '7 10 20 50 100'] keyentry with boxes fillstyle solid 1 noborder linecolor palette cb real(v) title v, \
	keyentry with lines linewidth 3 linecolor rgb '#D55E00' title 'sets × ways'"
set xtics (); do for [e = 0 : 30] { if (2.**e >= from && 2.**e <= to) { set xtics add (count_label(2.**e) 2.**e) } }
set ytics (); do for [e = 0 : int(tallest)] { set ytics add (count_label(2.**e) e) }
set ylabel "pages apart" offset 1, 0 textcolor rgb ink
level(x) = log(column("stride_pages")) / log(2)
mine(v) = strcol("label") eq names[l] ? v : NaN
do for [l = 1 : n] {
	y = 108 + (tall + 90) * (l - 1)
	set lmargin at screen 0.09; set rmargin at screen 0.97; set tmargin at screen from_top(y); set bmargin at screen from_top(y + tall)
	set label 4 names[l] at graph 0, screen from_top(y - 14) left font ",14" noenhanced textcolor rgb inks[l]
	if (l == n) { set xlabel "pages under test" offset 0, 0.2 textcolor rgb ink } else { unset xlabel }
	eval l == 1 ? "set key title 'a page (core cycles)'" : "unset key"
	plot "table.tsv" using (mine(column("pages"))):(level(0)):"pages_lo":"pages_hi":(level(0) - 0.46):(level(0) + 0.46):(max(column("target_cycles"), 4)) \
			with boxxyerror fillstyle solid 1 noborder linecolor palette notitle, \
		"table.tsv" using (mine(column("capacity"))):(level(0) - 0.5):(0):(1) with vectors nohead linewidth 3 linecolor rgb "#D55E00" notitle, @shades
	unset label
}
unset multiplot
set output
