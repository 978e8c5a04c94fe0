# A panel for each count, a row for each kind of fault, a bar for each paging mode.
values = "exits_per_fault pf_taken_per_fault insn_emulation_per_fault host_faults_per_fault"
titles = "'VM exits' 'page faults taken by KVM' 'instructions interpreted' 'page faults of the host'"
rows = "what"; bars = "label"; bar_colour = "colour"; kinds = "count"; ticks = 0
theory = "least_exits"; theory_title = "the fewest exits in theory"
load "bars.gp"
