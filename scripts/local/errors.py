"""What can go wrong on an operator's machine."""


class LocalError(Exception):
    """Something that a person can remedy; the message says what, where, why and how."""
