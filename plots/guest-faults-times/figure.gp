# A row for each kind of fault, a mark for each paging mode.
values = "fault_ns"; kinds = "time"; scales = "log10"; x_title = "one fault"; cycles = "fault_cycles"
rows = "what"; bars = "label"; bar_colour = "colour"
load "bars.gp"
