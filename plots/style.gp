# What all figures share. gnuplot runs in a directory of its own that holds all scripts of plots/ and the figure's tables:
#   gnuplot -d -c style.gp svg|png TITLE SUBTITLE GHZ
# draws figure.svg or figure.png with figure.gp from table.tsv. GHZ: core cycles per ns, for axes in both; 0: unknown.

picture_format = ARG1
title_text = ARG2
subtitle_text = ARG3
ghz = ARG4 + 0.

# SVG takes its font from whoever looks at it; PNG is drawn here.
width = 960
start_picture(height) = picture_format eq "svg" ? \
	sprintf("set terminal svg size %d,%d dynamic noenhanced linewidth 1.2 background 'white' font 'DejaVu Sans,Verdana,sans-serif,13'", width, height) : \
	sprintf("set terminal pngcairo size %d,%d noenhanced linewidth 1.4 background 'white' font 'DejaVu Sans,12'", width * 3 / 2, height * 3 / 2)

# SVG draws points larger than PNG for the same number.
points = picture_format eq "svg" ? 0.6 : 1.

set datafile separator tab
set datafile commentschars "#"
set datafile columnheaders
set datafile missing "NA"
set encoding utf8
set style fill transparent solid 0.22 noborder

# Okabe and Ito's colours, told apart by colour-blind readers, and dark shades. A place (a setting with its paging mode) has
# its own in the column `colour` of a table, from place_colour(); these are for everything else.
array colours = ["#E69F00", "#56B4E9", "#CC79A7", "#332288", "#882255", "#117733", "#7A3600", "#666666"]
colour(i) = i < 1 ? "#222222" : colours[(int(i) - 1) % |colours| + 1]

# The colour of line c where one place may have several lines: its own once, then the first of `colours`, which are like no
# place's. The array `inks` holds the colours of the lines from `first` to the one before c.
is_extra(k) = sum [i = 1 : 5] (inks[k] eq colours[i])
own_ink(first, c, hue) = c <= first || !(sum [k = first : c - 1] (inks[k] eq hue)) ? hue : colours[int(sum [k = first : c - 1] (is_extra(k))) % 5 + 1]

grey = "#666666"
ink = "#222222"

set border 3 linewidth 0.8 linecolor rgb ink
set tics nomirror out scale 0.5 textcolor rgb ink
set grid xtics ytics linetype 1 linewidth 0.5 linecolor rgb "#e3e3e3"
set key noenhanced textcolor rgb ink samplen 2.5 spacing 1.15

# Axes of net costs are linear near zero and logarithmic above, so that both the first step and the last show.
# gnuplot's asinh loses all digits of large negative numbers, which makes it refuse its own inverse: hence the sign.
squash(y) = sgn(y) * asinh(abs(y) / 2.)
stretch(y) = sgn(y) * sinh(abs(y)) * 2.

# Of a number and one that may be unknown (NaN).
min(a, b) = b < a ? b : a
max(a, b) = b > a ? b : a
# For the range of a logarithmic axis, which what is not positive has no place on.
positive(v) = v > 0 ? v : NaN
# Where a label stands: out of sight where that is not known. Without any point at all gnuplot 5.4 ends in a plot of labels.
seen_at(v) = v > -1e300 && v < 1e300 ? v : -1e9
seen_at_log(v) = v > 0 && v < 1e300 ? v : 1e-99

# Counts and sizes at powers of two.
count_label(p) = p >= 2**20 ? sprintf("%g Mi", p / 2**20) : p >= 1024 ? sprintf("%g Ki", p / 2**10) : sprintf("%g", p)
bytes_label(b) = b >= 2**40 ? sprintf("%g TiB", b / 2.**40) : b >= 2**30 ? sprintf("%g GiB", b / 2.**30) : \
	b >= 2**20 ? sprintf("%g MiB", b / 2.**20) : b >= 2**10 ? sprintf("%g KiB", b / 2.**10) : sprintf("%g B", b)

time_label(ns) = ns >= 1e9 ? sprintf("%g s", ns / 1e9) : ns >= 1e6 ? sprintf("%g ms", ns / 1e6) : \
	ns >= 1e3 ? sprintf("%g µs", ns / 1e3) : sprintf("%g ns", ns)
# Cycles, rates and other plain numbers.
number_label(v) = v >= 1e6 ? sprintf("%g M", v / 1e6) : v >= 1e3 ? sprintf("%g k", v / 1e3) : sprintf("%g", v)
tick_label(kind, v) = kind eq "time" ? time_label(v) : kind eq "bytes" ? bytes_label(v) : kind eq "count" ? count_label(v) : \
	number_label(v)

# A picture of so many pixels begins, with its title.
begin(pixels) = sprintf("height = %d; %s; set output 'figure.%s'; set multiplot; from_top(px) = 1. - px / (height + 0.); \
set label 1 title_text at screen 0.02, from_top(24) font ',17' noenhanced textcolor rgb ink; \
set label 2 subtitle_text at screen 0.02, from_top(50) font ',12' noenhanced textcolor rgb grey", \
	pixels, start_picture(pixels), picture_format)

load "figure.gp"
