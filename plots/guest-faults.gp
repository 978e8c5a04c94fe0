# What one page fault of a guest takes: a column a count, a row a kind of fault, a bar a paging mode.
# Table: NAME.tsv.
call ARG1 . "/style.gp" ARG1 ARG2 ARG3 ARG4 ARG5 ARG6 ARG7

set table $nothing
array names[16]; array hues[16]; array marks[16]; array kinds[64]; array most[4]
array columns[4] = ["exits_per_fault", "pf_taken_per_fault", "insn_emulation_per_fault", "host_faults_per_fault"]
array titles[4] = ["VM exits", "page faults taken by KVM", "instructions interpreted", "page faults of the host"]
lanes = 0; rows = 0
do for [i = 1 : 4] { most[i] = 1 }
# What no row tells.
do for [i = 1 : 16] { names[i] = ""; hues[i] = 0; marks[i] = 0 }
do for [i = 1 : 64] { kinds[i] = "" }
note(l, r) = (lanes = max(lanes, l), names[l] = strcol("label"), hues[l] = paging_colour(strcol("paging")), \
	marks[l] = strcol("emulated") eq "yes", rows = max(rows, r), kinds[r] = strcol("what"), 0)
plot [-1 : 1] [-1 : 1] table("") using (note(int(column("lane")), int(column("row"))), \
	sum [i = 1 : 4] (most[i] = max(most[i], column(columns[i])), 0)):(0)
unset table

row_height = 14 + 14 * lanes
keys = 20 * lanes
height = 130 + keys + row_height * rows
eval start_picture(height)
set output directory . "/" . name . "." . picture_format
from_top(px) = 1. - px / (height + 0.)
left = 0.215; right = 0.985; between = 0.02
wide = (right - left - between * 3) / 4

set multiplot
set tmargin at screen from_top(104 + keys); set bmargin at screen 26. / height
set yrange [rows + 0.5 : 0.5]
set label 1 title_text at screen 0.02, from_top(24) font ",17" noenhanced textcolor rgb ink
set label 2 subtitle_text at screen 0.02, from_top(50) font ",12" noenhanced textcolor rgb grey
set border 2
set grid noytics xtics
set style fill solid 0.75 noborder
bar = 0.8 / lanes
place(l) = column("row") + (l - 1 - (lanes - 1) / 2.) * bar
digits(v) = v < 0.005 ? "0" : v < 10 ? sprintf("%.2g", v) : sprintf("%.0f", v)
mine(l, c) = column("lane") == l ? column(c) : NaN
do for [i = 1 : 4] {
	set lmargin at screen left + (wide + between) * (i - 1)
	set rmargin at screen left + (wide + between) * (i - 1) + wide
	set xrange [0 : most[i] * 1.25]
	set xtics format "" scale 0
	set ytics scale 0
	set ytics ()
	do for [r = 1 : rows] { set ytics add ((i == 1 ? kinds[r] : "") r) }
	set label 3 titles[i] at graph 0, screen from_top(90 + keys) left font ",13" noenhanced textcolor rgb ink
	if (i == 1) { set key at screen left - 0.01, from_top(64) left top vertical Left reverse samplen 1.5 } else { unset key }
	plot \
		for [l = 1 : lanes] table("") using (mine(l, columns[i]) / 2.):(place(l)):(mine(l, columns[i]) / 2.):(bar * 0.46) with boxxyerror \
			fillstyle pattern (marks[l] ? 4 : 3) noborder linecolor rgb colour(hues[l]) notitle, \
		for [l = 1 : lanes] table("") using (seen_at(mine(l, columns[i]))):(place(l)):(digits(column(columns[i]))) with labels left offset 0.4, 0 \
			font ",11" textcolor rgb ink notitle, \
		for [l = 1 : lanes] keyentry with boxes fillstyle pattern (marks[l] ? 4 : 3) noborder linecolor rgb colour(hues[l]) title names[l]
	unset label 1; unset label 2
}
unset multiplot
set output
