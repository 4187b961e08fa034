"""Names of elements as lxml has them, {uri}local, and how a mapping asks for them: {*} stands for any namespace."""

from collections.abc import Sequence


def is_named(tag: object, wanted: str) -> bool:
    """Whether a tag (of a comment it is no text) is the one asked for."""
    if wanted.startswith("{*}") and isinstance(tag, str):
        return tag.rpartition("}")[2] == wanted[3:]
    return tag == wanted


def are_named(tags: Sequence[object], wanted: Sequence[str]) -> bool:
    """Whether tags, from the root on, are those of a path."""
    return len(tags) == len(wanted) and all(map(is_named, tags, wanted))
