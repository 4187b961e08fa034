"""What may stand between tags: the characters of XML, and references to them or to its five own entities."""

import re
from collections.abc import Sequence

_NONE_OF_XML = bytes(set(range(32)) - set(b"\t\n\r"))
_NAMED = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'"}
# Found where another reference, or none, begins: one search, and no list of all the others.
_UNNAMED = re.compile(r"&(?!(?:amp|lt|gt|quot|apos);)")
_REFERENCE = re.compile(r"&(?:amp|lt|gt|quot|apos|#([0-9]{1,7})|#x([0-9a-fA-F]{1,6}));")


def text_of(piece: bytes) -> str:
    """UTF-8 as text, with the line ends of XML. Raises ValueError where something in it cannot stand in XML text.

    Each check is one pass in C over all of it: an expression for a text's characters takes three times as long.
    """
    text = piece.decode()
    if len(piece.translate(None, _NONE_OF_XML)) < len(piece) or "\ufffe" in text or "\uffff" in text:
        raise ValueError("a character that XML does not have")
    if "]" in text and "]]>" in text:
        raise ValueError("the end of a CDATA section")
    if _UNNAMED.search(text) and _REFERENCE.subn(_character, text)[1] != text.count("&"):
        raise ValueError("a reference to an entity that XML does not have")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def expanded(values: Sequence[str]) -> Sequence[str]:
    """Values of such a text, with the characters that their references stand for."""
    if "&" not in "".join(values):
        return values
    return [_REFERENCE.sub(_character, value) if "&" in value else value for value in values]


def _character(reference: re.Match[str]) -> str:
    """What a reference stands for. Raises ValueError where XML has no character of that number."""
    if (named := _NAMED.get(reference[0])) is not None:
        return named
    decimal, hexadecimal = reference.groups()
    code = int(decimal) if decimal else int(hexadecimal, 16)
    if code in (9, 10, 13) or 32 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code < 0x110000:
        return chr(code)
    raise ValueError("a reference to a character that XML does not have")
