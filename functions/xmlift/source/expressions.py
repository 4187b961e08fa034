"""Values that stand inside an expression of a server's own query language, which no escaping of HTTP protects.

What a quote in such a value means only that server knows: it would end the text that it stands in, and the rest
of it would be read as part of the query.
"""

import re
from collections.abc import Iterable

from xmlift.errors import SourceError

_PARTITION = "{partition}"
_ENCLOSED = {("'", "'"): "'\\", ('"', '"'): '"\\', ("<", ">"): "<> \t\r\n"}
_OPERATORS = re.compile(r"""[='"<>()\[\]]""")
_WORD = re.compile(r"[\w.:/@~+-]+")


def check_partition(texts: Iterable[str], partition: str) -> None:
    """Raises SourceError where the partition's value would change what one of these query values says.

    One that is all of the query's value means itself, whatever it is.
    """
    for text in texts:
        is_expression = bool(_OPERATORS.search(text.replace(_PARTITION, "")))
        for found in re.finditer(re.escape(_PARTITION), text):
            around = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
            closing = _ENCLOSED.get(around)
            if closing is not None:
                is_safe = not set(closing) & set(partition)
            else:
                is_safe = not is_expression or _WORD.fullmatch(partition) is not None
            if not is_safe:
                raise SourceError(
                    f"{partition!r} cannot stand for {{partition}} in {text!r}: its quotes, spaces or signs would "
                    "be part of the server's query. Let `for_each.field` name a column that has ids instead"
                )
