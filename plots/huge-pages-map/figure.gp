# Cost of a random access as a map: rows page sizes, columns what is behind them; a panel a setting.
n = 0; label_list = "\n"; low = 1e300; high = 0
set table $nothing
plot [-1 : 1] [-1 : 1] "table.tsv" using (strstrt(label_list, "\n" . strcol("label") . "\n") ? 0 : (n = n + 1, label_list = label_list . strcol("label") . "\n"), \
	low = min(low, positive(column("gross_cycles"))), high = max(high, column("gross_cycles")), 0):(0)
array names[n]; array inks[n]; n = 0
plot [-1 : 1] [-1 : 1] "table.tsv" using (n && names[max(n, 1)] eq strcol("label") ? 0 : (n = n + 1, names[n] = strcol("label"), inks[n] = strcol("colour"), 0)):(0)
unset table
if (high <= 0) { high = 10 }
low = min(low, high)

# Three maps side by side, further ones below.
across = n > 2 && !on_paper ? 3 : 2
width = across > 2 ? 1300 : max(width, 700); tall = 390
eval begin(110 + tall * int(ceil(n / (across + 0.))))
left = 96.; wide = (width - left - 18 - 56 * (across - 1.)) / across
# Pale enough that the numbers on it can be read; the scale is logarithmic.
set palette defined (0 "#eef5fa", 0.5 "#9cc9e3", 1 "#4a9fd0")
set logscale cb; set cbrange [low / 1.05 : high * 1.05]
unset colorbox; unset grid; unset key; set border 0
set xrange [0.5 : 3.5]; set yrange [3.5 : 0.5]
set xtics ("4K" 1, "2M" 2, "1G" 3) scale 0; set ytics ("4K" 1, "2M" 2, "1G" 3) scale 0
set label 3 "host pages behind it" at screen (left + width) / 2. / width, 16. / height center font ",13" noenhanced textcolor rgb ink
rank(size) = size eq "4K" ? 1 : size eq "2M" ? 2 : 3
at(s) = strcol("label") eq names[l] && strcol("state") eq s ? rank(strcol("backing")) : NaN
up(shift) = rank(strcol("page_size")) + shift
digits(v) = sprintf(v < 10 ? "%.2f" : v < 100 ? "%.1f" : "%.0f", v)
between(c, form) = column(c . "_lo") < column(c . "_hi") ? sprintf("\n[" . form . ", " . form . "]", column(c . "_lo"), column(c . "_hi")) : ""
faster(x) = !(column("speedup") > 0) ? "" : sprintf("\n%.2f× as fast", column("speedup")) . between("speedup", "%.2f")
do for [l = 1 : n] {
	x = left + (wide + 56) * ((l - 1) % across); y = 110 + tall * ((l - 1) / across)
	set lmargin at screen x / width; set rmargin at screen (x + wide) / width; set tmargin at screen from_top(y); set bmargin at screen from_top(y + 334)
	set label 4 names[l] at graph 0, screen from_top(y - 18) left font ",14" noenhanced textcolor rgb inks[l]
	if (x == left) { set ylabel "pages of the space under test" offset -1.2, 0 textcolor rgb ink } else { unset ylabel }
	plot "table.tsv" using (at("measured")):(up(0)):(0.485):(0.48):"gross_cycles" with boxxyerror fillstyle solid 1 noborder linecolor palette notitle, \
		"table.tsv" using (at("missing")):(up(0)):(0.485):(0.48) with boxxyerror fillstyle solid 1 noborder linecolor rgb "#efefef" notitle, \
		"table.tsv" using (at("missing")):(up(0)):(0.485):(0.48) with boxxyerror fillstyle pattern 4 noborder linecolor rgb "#b5b5b5" notitle, \
		"table.tsv" using (seen_at(at("measured"))):(up(-0.2)):(digits(column("gross_cycles")) . " cycles") with labels center font ",15" textcolor rgb ink notitle, \
		"table.tsv" using (seen_at(at("measured"))):(up(0.17)):(digits(column("gross_ns")) . " ns" . faster(0)) with labels center font ",11" textcolor rgb ink notitle, \
		"table.tsv" using (seen_at(at("missing"))):(up(0)):("not measured") with labels center font ",12" textcolor rgb ink notitle, \
		"table.tsv" using (seen_at(at("none"))):(up(0)):("–") with labels center font ",12" textcolor rgb grey notitle
	unset label
}
unset multiplot
set output
