# A row for each kind of fault, a mark for each place, full on recycled frames and open on fresh ones.
values = "fault_ns"; kinds = "time"; scales = "log10"; x_title = "one fault; where there is none, one touch"; cycles = "fault_cycles"
rows = "kind"; row_note = "note"; bars = "label"; bar_colour = "colour"; tones = "frames"; tones_are = "frames"
load "bars.gp"
