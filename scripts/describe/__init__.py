"""Documents that are written from the code, so that they cannot say something else."""
