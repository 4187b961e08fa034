"""Fields → typed columns → CSV.gz."""
