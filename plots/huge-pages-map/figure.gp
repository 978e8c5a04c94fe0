unset multiplot
