"""Bytes of a page → fields of records, as a stream and without guessing."""

from xmlift.records.columns import NestedRows
from xmlift.records.mapping import Field, Mapping, Nested
from xmlift.records.pieces import PieceReader
from xmlift.records.stream import Batch, Page, read_page
from xmlift.records.unmatched import unmatched_names

__all__ = [
    "Batch",
    "Field",
    "Mapping",
    "Nested",
    "NestedRows",
    "Page",
    "PieceReader",
    "read_page",
    "unmatched_names",
]
