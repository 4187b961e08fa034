"""xmlift: lift XML endpoints into Amazon Redshift.

The ground floor is the way of the data, left to right: `source` → `records` → `tables` → `landing` →
`warehouse`. The rooms know nothing of each other; the steps (`planning`, `extraction`, `loading`,
`reporting`, `migration`) join them, and `functions/<step>/handler.py` calls one step each.
"""
