# A row for each thing that was measured in the same place of two runs, a dot for each place of each run but the first.
load "ratios.gp"
