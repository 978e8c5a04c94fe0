# Percentiles on an axis of "nines": a row of panels for each kind and in it a panel for each place; where there is one
# place, a panel for each kind. Fresh frames are dashed.
data = "curves.tsv"
eval differ("label")
if (differ) { rows = "kind"; columns = "label"; y_range = "row" } else { columns = "kind"; y_range = "panel"; wrap = 3 }
lines = "curve"; line_colour = "colour"; line_dash = "dash"; line_with = "lines"; panel_height = differ ? 200 : 230
x_column = "nines"; y_column = "ns"; y_lo = ""; x_scale = "linear"; x_least = 0
x_title = "percent of the faults that take no longer than this"; y_title = "one fault"
# A label takes the more room the more nines it has: some of those in between are left out.
percent_label(n) = n < 2 ? "90" : n < 3 ? "99" : "99." . "99999999"[1 : n - 2]
named(n) = wide / x_to > 56 || n == 2 || n == 4 || (wide / x_to > 38 && (n < 4 || n % 2 == 0)) ? percent_label(n) : ""
each_panel = "set xtics nomirror out scale 0.5 ('50' 0.30103); do for [n = 1 : int(x_to)] { set xtics add (named(n) n) }"
load "grid.gp"
