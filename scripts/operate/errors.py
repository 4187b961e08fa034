"""What can go wrong for an operator."""


class OperatorError(Exception):
    """Something that a person can remedy; the message says what, where, why and how."""
