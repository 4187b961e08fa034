"""What the warehouse tells a round beside its coverage: partitions, where deltas go on, and what is due again."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from xmlift.catalogue import Source, Stream
from xmlift.catalogue.cursor import DeltaLink
from xmlift.catalogue.deletes import PeriodicFull
from xmlift.catalogue.for_each import ForEach
from xmlift.landing import names
from xmlift.landing.claim import Claim
from xmlift.planning.missing import Told, is_history, sets_due
from xmlift.planning.round_items import is_one_document
from xmlift.run_input import PlanEvent
from xmlift.warehouse import deltas, partitions
from xmlift.warehouse.connection import Warehouse
from xmlift.warehouse.coverage import Covered
from xmlift.work import Validators


def told_by_warehouse(
    event: PlanEvent,
    source: Source,
    streams: Mapping[str, Stream],
    settled: Covered,
    warehouse: Warehouse,
    warnings: list[str],
    mine: Claim | None,
) -> Told:
    """Asked of those streams alone that need it; what cannot be a partition is noted among the warnings.

    So is a set that is due and put off. Raises WarehouseError.
    """

    def partitions_of(each: ForEach) -> Sequence[str]:
        return _partitions(source, each, warehouse, warnings)

    going_on = {name: one.epoch for name, one in streams.items() if isinstance(one.cursor, DeltaLink)}
    periodic = {name: one.epoch for name, one in streams.items() if isinstance(one.deletes, PeriodicFull)}
    documents = {name: one.epoch for name, one in streams.items() if is_one_document(one)}
    if not going_on and not periodic and not documents:
        return Told(partitions_of)
    links, last_sets, validators = warehouse.transaction(
        lambda cursor: (
            deltas.links(cursor, source.source, going_on),
            deltas.last_sets(cursor, source.source, periodic),
            deltas.validators(cursor, source.source, documents),
        )
    )
    due = sets_due(event, streams, settled, last_sets)
    # A set that fails is followed by a run that reads what is new, so that it does not hold that up for ever.
    if mine is not None and mine.after_failure:
        warnings += [
            f"{source.source}.{name}: all of it is due to be read again, and put off, since the run before this "
            "one failed: the next run after one that succeeds reads it"
            for name in sorted(due)
        ]
    if mine is None or mine.after_failure:
        due = set()
    told_by = {place: msgspec.json.decode(told, type=Validators) for place, told in validators.items()}
    return Told(partitions_of, links, due, told_by)


def _partitions(source: Source, each: ForEach, warehouse: Warehouse, warnings: list[str]) -> Sequence[str]:
    """The values of the column, but for those that no key can hold."""
    above = source.streams[each.stream]
    values = warehouse.transaction(
        lambda cursor: partitions.column_values(
            cursor,
            partitions.Column(source.source, each.stream, each.field),
            with_tombstones=above.deletes is not None,
            with_history=is_history(above),
        )
    )
    named = [value for value in values.records if names.is_nameable(value)]
    warnings += [
        warning
        for warning in _not_named(f"{source.source}.{each.stream}", each.field, values, len(named))
        if warning not in warnings
    ]
    return named


def _not_named(where: str, field: str, values: partitions.Values, named: int) -> Iterator[str]:
    """What no partition is read for. That there is none at all is most likely a mistake in the catalogue."""
    if values.without:
        yield f"{where}: {values.without} records without {field} name no partition: nothing is read for them"
    if named < len(values.records):
        yield (
            f"{where}: {len(values.records) - named} values of {field} are empty, `-` or too long to name a "
            "partition: nothing is read for them"
        )
    if not named and (count := values.without + sum(values.records.values())):
        yield (
            f"{where}: none of its {count} records names a partition by {field}, so what is read for each of them "
            f"reads nothing: is the path of {field} right?"
        )
