"""What can go wrong on an operator's machine."""

from operate.errors import OperatorError


class LocalError(OperatorError):
    """Something about this machine, or the local cloud on it, that a person can remedy."""
