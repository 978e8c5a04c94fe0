# What all figures share. Each script is run as
#   gnuplot -d -c SCRIPT PLOTS DIR NAME svg|png TITLE SUBTITLE GHZ
# and draws DIR/NAME.svg or .png from the tables DIR/NAME*.tsv. GHZ: core cycles per ns, for axes in both; 0: unknown.

plots = ARG1
directory = ARG2
name = ARG3
picture_format = ARG4
title_text = ARG5
subtitle_text = ARG6
ghz = ARG7 + 0.

table(part) = directory . "/" . name . part . ".tsv"

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

# Okabe and Ito's colours, told apart by colour-blind readers, and two dark shades. A setting has one colour in every figure.
array colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A3600", "#004D38"]
colour(i) = i < 1 ? "#222222" : colours[(int(i) - 1) % |colours| + 1]
setting_colour(s) = s eq "host" ? 1 : s eq "vcpu" ? 2 : s eq "guest" ? 3 : 4
# Two paging modes of a setting may stand side by side: shadow paging has the dark shade of its colour.
place_colour(s, label) = strstrt(label, "shadow paging") == 0 || setting_colour(s) == 1 ? setting_colour(s) : \
	s eq "vcpu" ? 7 : s eq "guest" ? 8 : setting_colour(s)
# The same from a label alone, which begins with the setting.
label_colour(label) = place_colour(substr(label, 1, 4) eq "host" ? "host" : substr(label, 1, 4) eq "vcpu" ? "vcpu" : \
	substr(label, 1, 5) eq "guest" ? "guest" : label, label)
rgb(i) = int("0x" . substr(colour(i), 2, 7))
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

# Where all is measured in one setting, colours tell paging modes apart: shadow paging is what vCPUs have elsewhere, too.
paging_colour(p) = p eq "native" ? 1 : p eq "shadow" ? 2 : p eq "nested" ? 6 : 4
