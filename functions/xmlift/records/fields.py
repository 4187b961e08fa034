"""What is taken from a record: its values, and the records inside it."""

from typing import Literal, NamedTuple

Kind = Literal["first", "many", "joined", "pairs", "pair_lists", "text", "markup"]


class Field(NamedTuple):
    """One value of a record: its name, an XPath 1.0 expression from the record, and what is made of its nodes.

    `first` is the first node's text; `many` all nodes' texts as a JSON array, `joined` with the separator between
    them; `pairs` a JSON object, of each node its `key` and its `value` (XPaths from the node; the first value of a
    key), `pair_lists` with an array of all values of each key. Embedded XHTML: `text` is its words, `markup` the
    inner XML of the first node.
    """

    name: str
    xpath: str
    kind: Kind = "first"
    separator: str = ""
    key: str = ""
    value: str = ""


class Nested(NamedTuple):
    """Records repeated inside a record, or inside another nested one."""

    name: str
    path: str
    fields: tuple[Field, ...]
    nested: tuple["Nested", ...] = ()
