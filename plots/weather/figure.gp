# The canary's cycles (median, and what 80 % of the samples are between) and the share of quiet samples, against the time of the run.
x_column = "time_s"; x_scale = "linear"; x_ticks = "number"; x_title = "time of the run, s"; panel_height = 230
y_column = "cycles quiet_percent"; y_scale = "log10 linear"; y_ticks = "number"
y_title = "'canary, core cycles an access' 'quiet samples, %'"; y_also = "quiet_below_cycles"
below = "data every ::panel_from::panel_to using 'time_s':(measure_now == 1 ? num('quiet_below_cycles') : NaN) with lines linewidth 1 dashtype 2 linecolor rgb grey notitle, "
below_known = 0
set table $nothing
plot [-1 : 1] [-1 : 1] data using (below_known = below_known || num("quiet_below_cycles") > 0, 0):(0)
unset table
if (below_known) { legend = "keyentry with lines linewidth 1 dashtype 2 linecolor rgb grey title 'up to here it is quiet', " }
load "grid.gp"
