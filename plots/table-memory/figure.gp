# A row of panels for each page size, a column for whose memory it is, a mark for each number of VMs;
# lines are what the formulas say.
rows = "what"; columns = "whose"; lines = "line"; line_colour = "colour"; line_with = "points"
x_column = "trees"; x_at_values = 1; x_ticks = "number"; y_column = "hypervisor_bytes"; y_scale = "log2"; y_ticks = "bytes"
x_title = "processes of all VMs"; y_title = "hypervisor's page tables"
y_also = "expected_nested_bytes expected_shadow_bytes"
of(mode) = sprintf("for [l = 1 : n_lines] data every ::panel_from::panel_to using 'trees':(strcol('line') eq line_name[l] ? here(num('expected_%s_bytes')) : NaN) ", mode)
shadow = "with lines linewidth 1.4 linecolor rgb '#D55E00'"; nested = "with lines linewidth 1.4 dashtype 2 linecolor rgb '#56B4E9'"
below = of("shadow") . shadow . " notitle, " . of("nested") . nested . " notitle, "
legend = "keyentry " . shadow . " title 'formula, shadow paging: a tree for each process', keyentry " . nested . \
	" title 'formula, nested paging: a tree for each VM', "
load "grid.gp"
