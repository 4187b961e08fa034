"""load: what has landed, into the warehouse."""
