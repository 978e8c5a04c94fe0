# First touch of memory: time per page (left) and per MiB (right); a row a kind of memory.
# Table: NAME.tsv.
call ARG1 . "/style.gp" ARG1 ARG2 ARG3 ARG4 ARG5 ARG6 ARG7

set table $nothing
array kinds[16]
rows = 0; least = 1e30; most = 0; dearest = 0
plot [-1 : 1] [-1 : 1] table("") using (rows = max(rows, int(column("row"))), kinds[int(column("row"))] = strcol("backing"), \
	least = min(least, positive(column("ns_per_page_lo"))), most = max(most, column("ns_per_page_hi")), \
	dearest = max(dearest, column("us_per_mib_hi")), 0):(0)
unset table
if (most <= 0) { most = 1000 }
least = min(least, most)
if (dearest <= 0) { dearest = 1 }

height = 180 + 52 * rows
eval start_picture(height)
set output directory . "/" . name . "." . picture_format
from_top(px) = 1. - px / (height + 0.)
set multiplot
set tmargin at screen from_top(106); set bmargin at screen 56. / height
set yrange [rows + 0.55 : 0.45]
set label 1 title_text at screen 0.02, from_top(24) font ",17" noenhanced textcolor rgb ink
set label 2 subtitle_text at screen 0.02, from_top(50) font ",12" noenhanced textcolor rgb grey
set label 3 "a page" at screen 0.12, from_top(92) font ",13" noenhanced textcolor rgb ink
set label 4 "a MiB" at screen 0.57, from_top(92) font ",13" noenhanced textcolor rgb ink
set border 1
unset key
set grid noytics xtics
set ytics scale 0
set ytics ()
do for [r = 1 : rows] { set ytics add (kinds[r] r) }
time_label(ns) = ns >= 1e9 ? sprintf("%.3g s", ns / 1e9) : ns >= 1e6 ? sprintf("%.3g ms", ns / 1e6) : ns >= 1e3 ? sprintf("%.3g µs", ns / 1e3) : sprintf("%.3g ns", ns)

set lmargin at screen 0.12; set rmargin at screen 0.54
set logscale x 10
set xrange [least / 2 : most * 4]
set xtics ()
do for [e = 0 : 11] { if (10.**e > least / 2 && 10.**e < most * 4) { set xtics add (time_label(10.**e) 10.**e) } }
plot \
	table("") using "ns_per_page":"row":"ns_per_page_lo":"ns_per_page_hi" with xerrorbars linetype 1 linewidth 2 pointtype 7 \
		pointsize 1.1 * points linecolor rgb colour(1) notitle, \
	table("") using (seen_at_log(column("ns_per_page"))):(column("row") - 0.3):(time_label(column("ns_per_page"))) with labels center font ",12" textcolor rgb colour(1) notitle
unset label 1; unset label 2; unset label 3; unset label 4

set lmargin at screen 0.57; set rmargin at screen 0.965
unset logscale x
unset ytics
set xtics autofreq
set xrange [0 : dearest * 1.15]
set format x "%g µs"
plot \
	table("") using "us_per_mib":"row":"us_per_mib_lo":"us_per_mib_hi" with xerrorbars linetype 1 linewidth 2 pointtype 7 \
		pointsize 1.1 * points linecolor rgb colour(1) notitle, \
	table("") using (seen_at(column("us_per_mib"))):(column("row") - 0.3):(time_label(column("us_per_mib") * 1000)) with labels center font ",12" textcolor rgb colour(1) notitle
unset multiplot
set output
