# A column of panels for each call, a row for each place, a line for each number of other CPUs.
columns = "operation"; rows = "label"; row_colour = "colour"; lines = "cpus"; line_order = "others"
line_colour = "shade"; line_of_none = "no other CPU"
x_column = "pages"; y_column = "operation_ns"; y_cycles = "operation_cycles"
x_title = "pages taken away by the call"; y_title = "one call"
# tlb_single_page_flush_ceiling (Linux, arch/x86/mm/tlb.c) is 33 pages: both sides of it are shown.
mark_x = 33.5; mark_left = "flushed page by page"; mark_right = "whole TLB flushed"; x_least = 8; x_most = 64
load "grid.gp"
