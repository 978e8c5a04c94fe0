# A panel for each page size and amount of memory: the time of a load against the chains, with walks and without.
columns = "panel"; lines = "line"; line_colour = "colour"; line_dash = "dash"; wrap = 2
x_column = "chains"; x_at_values = 1; x_title = "independent chains that are followed at once"
y_column = "load_cycles"; y_ticks = "number"
each_panel = "if (i == 1) { set ylabel 'one load (core cycles)' offset -0.5, 0 noenhanced textcolor rgb ink }"
load "grid.gp"
