# What translation adds to one access against the distance of the pages. Columns: placements; rows: settings.
# Tables: NAME.tsv (points), NAME.ticks.tsv (what each distance means to the page table).
call ARG1 . "/style.gp" ARG1 ARG2 ARG3 ARG4 ARG5 ARG6 ARG7

set table $nothing
array names[16]; array owners[16]; array counts[8]; array seen[2]
seen[1] = 0; seen[2] = 0
lanes = 0; shown = 0; high = 10; low = -1
column_of(p) = p eq "scattered" ? 1 : 2
# What no row tells.
do for [i = 1 : 16] { names[i] = ""; owners[i] = 0 }
do for [i = 1 : 8] { counts[i] = 0 }
note(l, c) = (lanes = max(lanes, l), names[l] = strcol("label"), owners[l] = place_colour(strcol("setting"), strcol("label")), \
	shown = max(shown, c), counts[c] = column("pages"), seen[column_of(strcol("placement"))] = 1, 0)
plot [-1 : 1] [-1 : 1] table("") using (note(int(column("lane")), int(column("count"))), \
	high = max(high, column("net_cycles_hi")), low = min(low, column("net_cycles") * 1.2), 0):(0)
array ticks[32]
last = 0
plot [-1 : 1] [-1 : 1] table(".ticks") using (last = max(last, int(column("x"))), \
	ticks[int(column("x"))] = strcol("distance") . "\n" . word(strcol("needs"), 1) . "\n" . word(strcol("needs"), 2), 0):(0)
unset table

row_height = 300
height = 200 + row_height * lanes
eval start_picture(height)
set output directory . "/" . name . "." . picture_format
from_top(px) = 1. - px / (height + 0.)

array titles[2] = ["scattered: each page at a random place of its unit", "aligned: each at the start of its unit, to meet in one TLB set"]
array kinds[2] = ["scattered", "aligned"]
columns = seen[1] + seen[2]
first_column = seen[1] ? 1 : 2
left = 0.075; right = 0.985; between = 0.035
wide = (right - left - between * (columns - 1)) / columns

# Few pages pale, many dark, each with a shape of its own; a setting has its colour.
array shapes[8] = [4, 6, 8, 5, 7, 9, 13, 11]
part(c, shift) = int("0x" . substr(c, 2 + shift, 3 + shift))
pale(c, f) = int(255 - (255 - part(c, 0)) * f) * 65536 + int(255 - (255 - part(c, 2)) * f) * 256 + int(255 - (255 - part(c, 4)) * f)
strength(i) = shown < 2 ? 1. : 0.35 + 0.65 * (i - 1.) / (shown - 1.)

set multiplot
set xrange [0.6 : last + 0.4]
high = high * 1.3
set yrange [low : high]
set nonlinear y via squash(y) inverse stretch(y)
set ytics (-20, -10, -5, -2, 0, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
set label 1 title_text at screen 0.02, from_top(24) font ",17" noenhanced textcolor rgb ink
set label 2 subtitle_text at screen 0.02, from_top(50) font ",12" noenhanced textcolor rgb grey
cost(l, k, c) = column("lane") == l && strcol("placement") eq k && column("count") == c ? column("net_cycles") : NaN
set label 3 "how far apart the pages lie; from there on each walk needs a … of its own" at screen left + (right - left) / 2., from_top(height - 16) center font ",13" noenhanced textcolor rgb ink

do for [l = 1 : lanes] {
	do for [k = 1 : columns] {
		which = first_column + k - 1
		set lmargin at screen left + (wide + between) * (k - 1)
		set rmargin at screen left + (wide + between) * (k - 1) + wide
		set tmargin at screen from_top(120 + row_height * (l - 1) + 14)
		set bmargin at screen from_top(120 + row_height * l - 12)
		set xtics ()
		do for [t = 1 : last] { set xtics add ((l == lanes ? ticks[t] : "") t) }
		set format y (k == 1 ? "%g" : "")
		if (k == 1) { set ylabel "translation adds (core cycles)" offset 1, 0 textcolor rgb ink } else { unset ylabel }
		if (l == 1) { set label 4 titles[which] at graph 0, screen from_top(118) left font ",12" noenhanced textcolor rgb grey } else { unset label 4 }
		set label 5 names[l] at graph 0.02, graph 0.93 left font ",14" noenhanced textcolor rgb colour(owners[l])
		if (l == 1 && k == 1) { set key at screen left - 0.01, from_top(84) left center horizontal Left reverse maxrows 1 font ",12" samplen 1.5 } else { unset key }
		plot \
			0 with lines linewidth 0.8 linecolor rgb grey notitle, \
			for [c = 1 : shown] table("") using "x":(cost(l, kinds[which], c) == cost(l, kinds[which], c) ? column("net_cycles_lo") : NaN):(0):(column("net_cycles_hi") - column("net_cycles_lo")) with vectors nohead \
				linetype 1 linewidth 1 linecolor rgb pale(colour(owners[l]), strength(c)) notitle, \
			for [c = 1 : shown] table("") using "x":(cost(l, kinds[which], c)) with linespoints linetype 1 linewidth 2 \
				pointtype shapes[c] pointsize 1.2 * points linecolor rgb pale(colour(owners[l]), strength(c)) notitle, \
			for [c = 1 : shown] keyentry with linespoints linetype 1 linewidth 2 pointtype shapes[c] pointsize 1.2 * points \
				linecolor rgb pale("#222222", strength(c)) title sprintf("%s%s", count_label(counts[c]), " pages")
		unset label 1; unset label 2; unset label 3
	}
}
unset multiplot
set output
