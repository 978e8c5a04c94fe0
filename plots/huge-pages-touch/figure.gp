# Time per page, which grows with its size, beside time per MiB, which is what counts; a row for each kind of memory.
values = "ns_per_page us_per_mib"; titles = "'a page' 'a MiB'"; kinds = "time us"; scales = "log10 linear"
rows = "backing"; bars = ""; marks = 1
load "bars.gp"
