"""What can go wrong on the way to AWS."""

from operate.errors import OperatorError


class ReleaseError(OperatorError):
    """Something that whoever releases can remedy; the message says what, where, why and how."""
