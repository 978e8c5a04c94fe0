# A row for each kind of fault, a bar for each place, full on recycled frames and pale on fresh ones.
values = "fault_ns"; kinds = "time"; scales = "log10"; x_title = "one fault"; cycles = "fault_cycles"
rows = "kind"; row_note = "meaning"; bars = "label"; bar_colour = "colour"; tones = "frames"; tones_are = "frames"
load "bars.gp"
