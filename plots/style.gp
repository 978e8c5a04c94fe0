# What all figures share. gnuplot runs in a directory that holds the figure's script and tables, and finds the scripts of plots/:
#   call 'style.gp' svg|png|pdf TITLE SUBTITLE GHZ MM FILE
# draws FILE with figure.gp from table.tsv. GHZ: core cycles per ns, for axes in both; 0: unknown; negative: the
# runs that are drawn differ, and there is no such axis. MM: the width of a figure on paper; 0: it is for a screen.

picture_format = ARG1
title_text = ARG2
subtitle_text = ARG3
ghz = ARG4 + 0.
paper_mm = ARG5 + 0.
picture_file = ARG6
on_paper = paper_mm > 0

# Figures are laid out in pixels of the SVG. On paper, 800 of them are as wide as a page of text (17.5 cm): what figures write
# with ",11" is 6.8 pt high then. A figure that has to be wider is made smaller, down to 6 pt, and is refused beyond that. A PDF
# for a screen has 96 of them in an inch.
mm_of(px) = on_paper ? paper_mm : px * 25.4 / 96
pt_per_px(px) = mm_of(px) / 25.4 * 72 / px
width = on_paper ? paper_mm * 800 / 175 : 960
width_most = on_paper ? paper_mm / 25.4 * 72 * 11 / 6 : 1e9
# A page of A4 has no more room above its margins and a caption.
height_most = on_paper ? 230. / paper_mm : 1e9
# SVG takes its font from whoever looks at it; PNG and PDF are drawn here. A PDF holds the letters that it uses; its points
# are 1/96 of an inch where they are a font's.
start_picture(height) = picture_format eq "svg" ? \
	sprintf("set terminal svg size %d,%d dynamic noenhanced linewidth 1.2 background 'white' font 'DejaVu Sans,Verdana,sans-serif,13'", width, height) : \
	picture_format eq "pdf" ? \
	sprintf("set terminal pdfcairo size %.3fcm,%.3fcm noenhanced linewidth %.3f fontscale %.4f background 'white' font 'DejaVu Sans,12.5'", \
		mm_of(width) / 10, mm_of(width) / 10 * height / width, 2.4 * pt_per_px(width), 0.75 * pt_per_px(width)) : \
	sprintf("set terminal pngcairo size %d,%d noenhanced linewidth 1.4 background 'white' font 'DejaVu Sans,12'", width * 3 / 2, height * 3 / 2)
refusal(height) = width > width_most ? "of what it has side by side, letters would be smaller than 6 pt" : \
	height > height_most * width ? sprintf("it would be %.0f mm high, more than a page has room for", paper_mm * height / width) : ""

# SVG draws points larger than PNG for the same number.
points = picture_format eq "svg" ? 0.6 : picture_format eq "pdf" ? 0.8 * pt_per_px(width) : 1.

# A figure.gp may name another table of its folder.
data = "table.tsv"
set datafile separator tab
set datafile commentschars "#"
set datafile columnheaders
set datafile missing "NA"
# Without it gnuplot sets a signal handler before each number that it computes. x86-64 has no signal for what divides by zero.
set datafile nofpe_trap
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
# Printers know no colours: on paper, lines and bars differ in dash, shape and pattern, too.
set dashtype 2 (5, 3); set dashtype 3 (2, 3); set dashtype 4 (9, 3, 2, 3)
own_dash(k) = on_paper ? (int(k) - 1) % 4 + 1 : 1
own_tone(k, full) = on_paper ? full * 0.6 ** (k - 1) : full
array own_shapes[6] = [7, 5, 9, 11, 13, 15]
own_shape(k) = on_paper ? own_shapes[(int(k) - 1) % 6 + 1] : 7

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
tick_label(kind, v) = kind eq "time" ? time_label(v) : kind eq "us" ? time_label(v * 1000) : kind eq "bytes" ? bytes_label(v) : kind eq "count" ? count_label(v) : \
	number_label(v)

# column() of what is missing drops the whole row.
num(c) = strcol(c) eq "NA" ? NaN : column(c)

# Scales: where a value is, and back. A value that has no place is NaN.
flat(s, v) = s eq "linear" ? v : s eq "squash" ? squash(v) : s eq "doublings" ? log(1 + max(v, -0.9)) / log(2) : v > 0 ? log(v) : NaN
bent(s, u) = s eq "linear" ? u : s eq "squash" ? stretch(u) : s eq "doublings" ? 2**u - 1 : exp(u)
is_log(s) = s[1:3] eq "log"
shown(s, v) = is_log(s) ? positive(v) : v
span_of(s, low, high) = max(flat(s, high) - flat(s, low), is_log(s) ? 0.5 : 1e-9)
scale_axis(axis, s) = s eq "log2" ? "set logscale " . axis . " 2" : s eq "log10" ? "set logscale " . axis . " 10" : s eq "linear" ? "" : \
	sprintf("set nonlinear %s via flat('%s', %s) inverse bent('%s', %s)", axis, s, axis, s, axis)

# Ticks of an axis, which has so many pixels: at powers of two for counts and sizes, at 1, 2 and 5 of powers of ten else.
tick(axis, kind, label, v) = sprintf("set %s add ('%s' %.12g)", axis, label ? tick_label(kind, real(v)) : "", real(v))
# Of so many doublings or decades, each how manieth has a tick.
each_of(n, room) = n <= room ? 1 : n <= room * 2 ? 2 : n <= room * 3 ? 3 : n <= room * 4 ? 4 : n <= room * 5 ? 5 : n <= room * 6 ? 6 : 10
decades(low, high, room) = each_of(log10(high / low), room)
# The nearest two of these are 0.15 and 0.3 of a decade apart.
steps_of(low, high, room) = high < low * 15 && log10(high / low) < room * 0.15 ? "1 2 3 5 7" : log10(high / low) * 3 < room ? "1 2 5" : "1"
step_of(span, room) = 10**floor(log10(span / room)) * (span / room / 10**floor(log10(span / room)) <= 2 ? 2 : \
	span / room / 10**floor(log10(span / room)) <= 5 ? 5 : 10)
ticks_of(axis, scale, low, high, room, kind, label) = scale eq "log2" || scale eq "doublings" ? \
	sprintf("if (%g <= 0) { eval tick('%s', '%s', %d, 0) }; do for [e = -4 : 62] { if (2.**e >= %.12g && 2.**e <= %.12g && e %% %d == 0) { eval tick('%s', '%s', %d, 2.**e) } }", \
		low, axis, kind, label, scale eq "log2" ? low : max(low, 1), high, each_of(log(high / max(low, scale eq "log2" ? 0 : 0.5)) / log(2), room), axis, kind, label) : \
	scale eq "log10" && high > low * 4 ? \
	sprintf("do for [e = -6 : 15] { if (e %% %d == 0) { do for [m in '%s'] { v = m * 10.**e; if (v >= %.12g && v <= %.12g) { eval tick('%s', '%s', %d, v) } } } }", \
		decades(low, high, room), steps_of(low, high, room), low, high, axis, kind, label) : \
	scale eq "squash" ? \
	sprintf("eval tick('%s', '%s', %d, 0); do for [e = 0 : 9] { do for [m in '%s'] { do for [sign = -1 : 1 : 2] { v = sign * m * 10.**e; \
		if (abs(v) >= 2 && v >= %.12g && v <= %.12g) { eval tick('%s', '%s', %d, v) } } } }", axis, kind, label, \
		(flat(scale, high) - flat(scale, low)) / log(10) * 3 < room ? "1 2 5" : "1", low, high, axis, kind, label) : \
	sprintf("do for [i = %d : %d] { eval tick('%s', '%s', %d, i * %.12g) }", int(ceil(low / step_of(high - low, axis eq 'xtics' ? room : room / 1.8))), \
		int(floor(high / step_of(high - low, axis eq 'xtics' ? room : room / 1.8))), axis, kind, label, step_of(high - low, axis eq 'xtics' ? room : room / 1.8))

# Text of a size that fits into so many pixels.
fit(text, size, room) = sprintf(",%g", max(on_paper ? 10 : 6, min(size, room / (0.66 * max(strlen(text), 1)))))
fits(text, room) = room > 4.6 * strlen(text) ? text : ""

# A title of an axis on paper: in two lines where one of so many pixels has no room for it.
blank_from(text, i) = i >= strlen(text) || text[i : i] eq " " ? i : blank_from(text, i + 1)
halves(text, i) = text[1 : i - 1] . "\n" . text[i + 1 : *]
folded(text, room) = on_paper && strlen(text) * 7.4 > room ? halves(text, blank_from(text, strlen(text) / 2)) : text

# A picture of so many pixels begins, with its title. On paper a caption says what title and subtitle would, and the pixels
# that they take are cut off at the top.
title_px = on_paper ? 48 : 0
begin(pixels) = on_paper && strlen(refusal(pixels - title_px)) ? "print 'refused: ' . refusal(" . sprintf("%d", pixels - title_px) . "); exit status 3" : \
	sprintf("height = %d; %s; set output '%s'; set multiplot; from_top(px) = 1. - (px - title_px) / (height + 0.); \
if (!on_paper) set label 1 title_text at screen 0.02, from_top(24) font ',17' noenhanced textcolor rgb ink; \
if (!on_paper) set label 2 subtitle_text at screen 0.02, from_top(50) font ',12' noenhanced textcolor rgb grey", \
	pixels - title_px, start_picture(pixels - title_px), picture_file)

# eval differ("label") sets `differ`: whether a column of the table has more than one value.
differ(c) = sprintf("set table $nothing; first = ''; differ = 0; plot [-1 : 1] [-1 : 1] data using (first eq '' ? (first = strcol('%s')) : '', \
	differ = differ || strcol('%s') ne first, 0):(0); unset table", c, c)

load "figure.gp"
