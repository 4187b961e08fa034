"""plan: what a round of a run has to do."""
