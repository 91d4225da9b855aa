"""SLURM job arrays of runs. Standard library only, so that it works on a login node; `plan.make` is the one function
that needs more."""
