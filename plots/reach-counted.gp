# The figure of reach.gp, with what hardware counted below it on the same axis. Tables: reach.gp's, and NAME.counters.tsv.
with_counters = 1
call ARG1 . "/reach.gp" ARG1 ARG2 ARG3 ARG4 ARG5 ARG6 ARG7
