"""Bytes of a page → fields of records, as a stream and without guessing."""

from xmlift.records.columns import NestedRows
from xmlift.records.cutter import Head
from xmlift.records.fields import Field, Kind, Nested
from xmlift.records.lifting import Batch, Lifted, Lifter, LiftHere, Sent, lift_piece
from xmlift.records.mapping import Mapping
from xmlift.records.pieces import PieceReader
from xmlift.records.stream import Page, read_page
from xmlift.records.unmatched import unmatched_names

__all__ = [
    "Batch",
    "Field",
    "Head",
    "Kind",
    "LiftHere",
    "Lifted",
    "Lifter",
    "Mapping",
    "Nested",
    "NestedRows",
    "Page",
    "PieceReader",
    "Sent",
    "lift_piece",
    "read_page",
    "unmatched_names",
]
