"""Small pieces of XML as texts: escaped as every value of this endpoint is."""

import html


def escaped(text: str) -> str:
    """Text of an element. A bare carriage return would be read as a newline: only the reference survives."""
    return html.escape(text, quote=False).replace("\r", "&#13;")


def quoted(text: str) -> str:
    """Text of an attribute, whose line ends and tabs a parser would turn into spaces."""
    return html.escape(text, quote=True).replace("\r", "&#13;").replace("\n", "&#10;").replace("\t", "&#9;")


def element(name: str, text: str | None = None, **attributes: str) -> str:
    """`<name key="value">text</name>`; `__` in an attribute's name stands for the colon of its prefix."""
    given = "".join(f' {key.replace("__", ":")}="{quoted(value)}"' for key, value in attributes.items())
    return f"<{name}{given}/>" if text is None else f"<{name}{given}>{escaped(text)}</{name}>"


def declarations(namespaces: dict[str, str]) -> str:
    """` xmlns:prefix="uri" …`, to stand behind a root's name."""
    return "".join(f' xmlns{":" if prefix else ""}{prefix}="{uri}"' for prefix, uri in namespaces.items())
