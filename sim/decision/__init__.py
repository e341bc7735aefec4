"""From figures to a decision: what is needed, what rules strategies out, what the others cost and do, and which of them to take.

`needs` is what a user writes, `strategies` what there is to choose from, `facts` what was simulated of each. Gates, matrices, triggers,
routing, lock-in and advice read these alone; `decide` puts them together. Figures that no run gives are in models/defaults/decision*.yaml.
"""
