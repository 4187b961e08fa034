"""What a catalogue says of columns, in the words of the room that types them."""

from xmlift.catalogue import Stream
from xmlift.catalogue.column import Column
from xmlift.catalogue.deletes import SecondFeed
from xmlift.tables.batch import ColumnRule, TooLong
from xmlift.tables.spelling import Spelling

_TOO_LONG: dict[str, TooLong] = {"evolve": "reject", "freeze": "fail", "discard": "cut"}
"""What becomes of a text that is too long where its column does not say it, by the stream's contract."""


def column_rules(
    stream: Stream, columns: dict[str, Column], identifying: frozenset[str] = frozenset()
) -> list[ColumnRule]:
    """The rules of a table's columns; `identifying` ones have a value also in a tombstone."""
    return [
        ColumnRule(
            name,
            column.column_type,
            Spelling(column.split, frozenset(column.nulls), column.format, column.zone, column.is_json),
            column.required,
            name in identifying,
            _too_long(stream, name, column),
        )
        for name, column in columns.items()
    ]


def gone_rules(stream: Stream, deletes: SecondFeed) -> list[ColumnRule]:
    """The rules of the same columns where a second feed says no more than that a key is gone."""
    rules = column_rules(stream, stream.columns, stream.identifying_columns)
    return [
        rule._replace(spelling=Spelling(None, frozenset(column.nulls), column.format, column.zone))
        if (column := deletes.columns.get(rule.name)) is not None
        else rule
        for rule in rules
    ]


def _too_long(stream: Stream, name: str, column: Column) -> TooLong:
    unsaid = _TOO_LONG[stream.contract] if column.column_type.name == "varchar" else "reject"
    # Two keys that are cut may become one.
    return column.too_long or ("reject" if unsaid == "cut" and name in stream.key else unsaid)
