# A row of panels for each kind and in it a panel for each place; where there is one place, a panel for each kind.
# Fresh frames are dashed.
eval differ("label")
if (differ) { rows = "kind"; columns = "label"; y_range = "row" } else { columns = "kind"; y_range = "panel"; wrap = 3 }
lines = "line"; line_colour = "colour"; line_dash = "dash"; panel_height = 240
x_column = "actors"; x_at_values = 1; x_ticks = "number"; y_column = "faults_per_s"; y_ticks = "number"; y_also = "ideal_per_s"
x_title = "actors, each on a CPU of its own"; y_title = "faults/s"
below = "for [w in 'threads processes'] data every ::panel_from::panel_to using 'actors':(strcol('as') eq w && strcol('frames') eq 'recycled' ? here(num('ideal_per_s')) : NaN) \
	with lines linewidth 0.8 linecolor rgb '#aaaaaa' notitle, "
legend = "keyentry with lines linewidth 0.8 linecolor rgb '#aaaaaa' title 'one actor times their number', "
load "grid.gp"
