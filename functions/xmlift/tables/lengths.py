"""Lengths of texts as Redshift has them: in bytes of UTF-8."""

from collections.abc import Sequence


def cut_to(size: int, values: Sequence[str]) -> tuple[Sequence[str], list[int]]:
    """Texts of at most so many bytes, each cut before the first character that does not fit; and the rows cut.

    Where there are none of them it is the very sequence given.
    """
    # Four bytes a character at the most: most columns need no encoding.
    if max(map(len, values), default=0) * 4 <= size:
        return values, []
    rows = [row for row, value in enumerate(values) if len(value.encode()) > size]
    if not rows:
        return values, rows
    texts = list(values)
    for row in rows:
        texts[row] = texts[row].encode()[:size].decode(errors="ignore")
    return texts, rows


def longest(values: Sequence[str]) -> int:
    """The bytes of the longest text; 0 without one."""
    return max(map(len, map(str.encode, values)), default=0)
