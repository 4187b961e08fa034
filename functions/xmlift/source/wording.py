"""A few readable words of what a server or a library says."""

import re

EXCERPT = 300
CUT = "…"
"""Where a text was cut off: a secret may have been cut in two there, and its first half is one still."""


def cut(text: str, length: int) -> str:
    """A text of so many characters at most."""
    return text if len(text) <= length else text[: length - 1] + CUT


def words(text: bytes) -> str:
    """A few readable words of an answer: tags and line ends out."""
    plain = re.sub(r"<[^>]*>", " ", text.decode(errors="replace"))
    return cut(" ".join(plain.split()), EXCERPT) or "(no text)"


def plain(error: Exception) -> str:
    """What a library's exception says, without addresses in memory and nested representations.

    A ValueError says what it does not like: a header's value, a URL.
    """
    if isinstance(error, ValueError):
        return f"{type(error).__name__}: a header or a URL of the request, or of its redirect, cannot be sent"
    cause: BaseException = error
    while cause.args and isinstance(cause.args[0], BaseException):
        cause = cause.args[0]
    reason = getattr(cause, "reason", None) or cause
    return cut(f"{type(reason).__name__}: {re.sub(r'<[^>]*>:? ?', '', str(reason))}", EXCERPT)
