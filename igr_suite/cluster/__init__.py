"""SLURM job arrays of runs. Only `plan.make` needs more than the standard library, so the rest works on a login
node."""
