"""report: whether everything adds up."""
