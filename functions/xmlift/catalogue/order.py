"""Which streams wait for which: `after`, and `for_each`, whose partitions are the values of another's column."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from xmlift.catalogue.for_each import ForEach
from xmlift.catalogue.stream import Stream

# Their text is the partition's name: exactly one for each value.
_NAMING_TYPES = ("varchar", "bigint", "integer")


def waits_for(stream: Stream) -> list[str]:
    """The streams that are loaded before this one is read."""
    return list(dict.fromkeys([*stream.after, *([stream.for_each.stream] if stream.for_each else [])]))


def in_order(streams: Mapping[str, Stream]) -> list[str]:
    """The streams' names, each behind those that it waits for. Raises ValueError where they wait in a circle."""
    waiting = {name: waits_for(stream) for name, stream in streams.items()}
    try:
        return list(TopologicalSorter(waiting).static_order())
    except CycleError as error:
        circle = " → ".join(reversed(error.args[1]))
        raise ValueError(
            f"streams wait for each other in a circle: {circle}: take one `after` or `for_each` of these out"
        ) from error


def check_order(streams: Mapping[str, Stream]) -> None:
    """Raises ValueError for a stream that waits for one that is not there, or cannot be told its partitions by."""
    for name, stream in streams.items():
        for key, other in _named(stream):
            if other not in streams:
                raise ValueError(
                    f"{name}: {key}: no stream {other!r}; it may be {', '.join(sorted(streams))}"
                )
        if stream.for_each is not None:
            _check_partitions(name, stream.for_each, streams[stream.for_each.stream])
    in_order(streams)


def _named(stream: Stream) -> Iterator[tuple[str, str]]:
    if stream.for_each is not None:
        yield "for_each", stream.for_each.stream
    for other in stream.after:
        yield "after", other


def _check_partitions(name: str, each: ForEach, other: Stream) -> None:
    column = other.columns.get(each.field)
    if column is None:
        known = ", ".join(sorted(other.columns))
        raise ValueError(f"{name}: for_each: {each.stream} has no column {each.field!r}; it has {known}")
    if column.column_type.name not in _NAMING_TYPES:
        raise ValueError(
            f"{name}: for_each: {each.stream}.{each.field} is of type {column.type}, whose values are no names of "
            f"partitions: use a column of {', '.join(_NAMING_TYPES)}"
        )
