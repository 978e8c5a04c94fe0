# The canary's cycles (median, and what 80 % of the samples are between) and the share of quiet samples, against the rounds.
x_column = "time"; x_scale = "linear"; x_ticks = "number"; x_title = "rounds of the run, in their order"; x_at_values = 1; panel_height = 230
y_column = "cycles quiet_percent"; y_scale = "log10 linear"; y_ticks = "number"
y_title = "'canary, core cycles an access' 'quiet samples, %'"; y_also = "quiet_below_cycles"
below = "data every ::panel_from::panel_to using 'time':(measure_now == 1 ? num('quiet_below_cycles') : NaN) with lines linewidth 1 dashtype 2 linecolor rgb grey notitle, "
below_known = 0
set table $nothing
plot [-1 : 1] [-1 : 1] data using (below_known = below_known || num("quiet_below_cycles") > 0, 0):(0)
unset table
if (below_known) { legend = "keyentry with lines linewidth 1 dashtype 2 linecolor rgb grey title 'up to here it is quiet', " }
load "grid.gp"
