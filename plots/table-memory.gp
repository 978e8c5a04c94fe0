# What the hypervisor's page tables take against all processes of all VMs: marks measured, lines by formula.
# Columns: memory shared or own; rows: page sizes. Table: NAME.tsv.
call ARG1 . "/style.gp" ARG1 ARG2 ARG3 ARG4 ARG5 ARG6 ARG7

set table $nothing
array names[16]; array hues[16]; array marks[16]; array what[16]; array vms[16]; array seen[2]
lanes = 0; rows = 0; kinds = 0; least = 1e30; most = 0; low = 1e30; high = 0
seen[1] = 0; seen[2] = 0
do for [v = 1 : 16] { vms[v] = 0 }
column_of(m) = m eq "shared" ? 1 : 2
# What no row tells.
do for [i = 1 : 16] { names[i] = ""; hues[i] = 0; marks[i] = 0; what[i] = "" }
note(l, r, v) = (lanes = max(lanes, l), names[l] = strcol("label"), hues[l] = paging_colour(strcol("paging")), \
	marks[l] = strcol("emulated") eq "yes", rows = max(rows, r), what[r] = strcol("what"), \
	kinds = max(kinds, v), vms[v] = column("vms"), seen[column_of(strcol("memory"))] = 1, 0)
plot [-1 : 1] [-1 : 1] table("") using (note(int(column("lane")), int(column("combination")), int(column("vm"))), \
	least = min(least, column("trees")), most = max(most, column("trees")), \
	low = min(min(low, positive(column("expected_nested_bytes"))), positive(column("expected_shadow_bytes"))), \
	low = min(low, positive(column("hypervisor_bytes_lo"))), high = max(high, column("hypervisor_bytes_hi")), \
	high = max(high, max(column("expected_nested_bytes"), column("expected_shadow_bytes"))), 0):(0)
unset table
if (high <= 0) { high = 4096 }
low = min(low, high)

row_height = 300
keys = 20 * (lanes + 2)
height = 160 + keys + row_height * rows
eval start_picture(height)
set output directory . "/" . name . "." . picture_format
from_top(px) = 1. - px / (height + 0.)
array titles[2] = ["processes of a VM share their memory", "each process has its own memory"]
array sides[2] = ["shared", "own"]
columns = seen[1] + seen[2]
first_column = seen[1] ? 1 : 2
left = 0.1; right = 0.985; between = 0.03
wide = (right - left - between * (columns - 1)) / columns

set multiplot
set label 1 title_text at screen 0.02, from_top(24) font ",17" noenhanced textcolor rgb ink
set label 2 subtitle_text at screen 0.02, from_top(50) font ",12" noenhanced textcolor rgb grey
set logscale xy 2
set xrange [least / 1.25 : most * 1.6]
set yrange [low / 1.5 : high * 1.8]
set xtics ()
do for [p in "1 2 4 8 10 16 20 40 80 160 320 640"] { if (int(p) >= least && int(p) <= most) { set xtics add (p int(p)) } }
array shapes[6] = [7, 5, 9, 13, 11, 15]
shape(v) = shapes[(v - 1) % |shapes| + 1]
set dashtype 2 (6, 3)
is(l, r, m, v) = column("lane") == l && column("combination") == r && strcol("memory") eq m && column("vm") == v
cost(l, r, m, v, c) = is(l, r, m, v) ? column(c) : NaN
do for [r = 1 : rows] {
	do for [k = 1 : columns] {
		side = first_column + k - 1
		set lmargin at screen left + (wide + between) * (k - 1)
		set rmargin at screen left + (wide + between) * (k - 1) + wide
		set tmargin at screen from_top(100 + keys + row_height * (r - 1))
		set bmargin at screen from_top(100 + keys + row_height * r - 26)
		set ytics ()
		do for [e = 0 : 50] { if (2.**e >= low / 1.5 && 2.**e <= high * 1.8) { set ytics add ((k == 1 ? bytes_label(2.**e) : "") 2.**e) } }
		if (k == 1) { set ylabel "hypervisor's page tables" offset 0, 0 textcolor rgb ink } else { unset ylabel }
		if (r == 1) { set label 4 titles[side] at graph 0, screen from_top(88 + keys) left font ",12" noenhanced textcolor rgb grey } else { unset label 4 }
		set label 5 what[r] at graph 0.02, graph 0.94 left font ",13" noenhanced textcolor rgb ink
		if (r == rows) { set xlabel "processes of all VMs" textcolor rgb ink; set format x "%g" } else { unset xlabel }
		if (r == 1 && k == 1) { set key at screen left - 0.01, from_top(66) left top vertical Left reverse maxrows lanes + 2 samplen 2.5 } else { unset key }
		plot \
			for [l = 1 : lanes] for [v = 1 : kinds] table("") using "trees":(cost(l, r, sides[side], v, "expected_shadow_bytes")) with lines \
				linewidth 1.4 linecolor rgb colour(paging_colour("shadow")) notitle, \
			for [l = 1 : lanes] for [v = 1 : kinds] table("") using "trees":(cost(l, r, sides[side], v, "expected_nested_bytes")) with lines \
				linewidth 1.4 dashtype 2 linecolor rgb colour(paging_colour("nested")) notitle, \
			for [l = 1 : lanes] for [v = 1 : kinds] table("") using "trees":(cost(l, r, sides[side], v, "hypervisor_bytes")) with points \
				pointtype shape(v) - (marks[l] ? 1 : 0) pointsize 1.5 * points linewidth 1.5 linecolor rgb colour(hues[l]) notitle, \
			keyentry with lines linewidth 1.4 linecolor rgb colour(paging_colour("shadow")) title "formula, shadow paging: a tree for each process", \
			keyentry with lines linewidth 1.4 dashtype 2 linecolor rgb colour(paging_colour("nested")) title "formula, nested paging: a tree for each VM", \
			for [l = 1 : lanes] keyentry with points pointtype 7 - (marks[l] ? 1 : 0) pointsize 1.5 * points linewidth 1.5 linecolor rgb colour(hues[l]) title "measured: " . names[l], \
			for [v = 1 : kinds] keyentry with points pointtype shape(v) - 1 pointsize 1.5 * points linewidth 1.2 linecolor rgb grey \
				title (vms[v] > 0 ? sprintf("%g VM%s", vms[v], vms[v] == 1 ? "" : "s") : "")
		unset label 1; unset label 2
	}
}
unset multiplot
set output
