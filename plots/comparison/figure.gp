# A row for each thing that was measured in two places of a run, a dot for each place but the base.
load "ratios.gp"
