"""Redshift, in transactions: connections, statements as text, and the ledger."""
