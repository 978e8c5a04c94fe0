# Building, tearing down and bytes, per page: a row for each page size and distance, a mark for each place.
values = "build_ns teardown_ns table_bytes"
titles = "'building, per page' 'tearing down, per page' 'table bytes, per page'"
kinds = "time time bytes"; scales = "log10"; labels = "edge"
rows = "what"; bars = "label"; bar_colour = "colour"
full = "most"; open_title = "small, open: of fewer pages"
references = "- - flat_bytes"; reference_title = "a flat table: 8 bytes for each 4K of addresses"
load "bars.gp"
