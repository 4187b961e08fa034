"""Readings of all, and deltas, against real transactions: what did not change, what is gone, what goes on."""

import itertools
from typing import Any

import pytest

from xmlift.catalogue import load_source
from xmlift.errors import CatalogueError, WarehouseError
from xmlift.landing.chain import Landed
from xmlift.loading import selection
from xmlift.loading.load import LoadAnswer

from .loads import ONE, THREE, TWO, Loads, item, texts
from .steps_landing import GONE, Row, at, run_at

KEPT = 'id, title, "_deleted"'


def part(identifier: int, title: str = "t", *notes: str) -> Row:
    return {"id": identifier, "title": title, "notes": texts(*notes)}


def land_all(
    loads: Loads, run: str, hours: float, *rows: Row, stream: str = "stock", **options: Any
) -> Landed:
    """All that there was at that hour."""
    if stream == "parts":
        options.setdefault("set_windows", 1)
    return loads.land(run, (hours - 1, hours), rows, stream=stream, **options)


def test_what_did_not_change_is_told_by_its_hash(loads: Loads) -> None:
    loads.load_batch(land_all(loads, ONE, 1, part(1, "a", "x"), part(2, "b", "y"), part(3, "c")))
    loads.load_batch(
        land_all(loads, TWO, 2, part(1, "a", "x"), part(2, "B", "y"), part(3, "c", "new"), part(4))
    )
    assert loads.rows(table="stock") == [(1, "a"), (2, "B"), (3, "c"), (4, "t")]
    assert loads.notes("stock") == [(1, 1, "x"), (2, 1, "y"), (3, 1, "new")]
    assert loads.counts("stock") == [
        {"written": 3, "inserted": 3},
        {"written": 4, "inserted": 1, "updated": 2, "stale": 1},
    ]
    assert loads.rows('id, "_run"', "stock")[0] == (1, ONE), "a row says where it was read first as it is"
    assert loads.counts("stock__notes")[1] == {"written": 3, "inserted": 2, "stale": 1, "removed": 1}


def test_an_older_reading_of_all_never_overwrites_a_newer_one(loads: Loads) -> None:
    readings = [
        land_all(loads, ONE, 1, part(1, "a")),
        land_all(loads, TWO, 2, part(1, "b")),
        land_all(loads, THREE, 3, part(1, "a")),
    ]
    for reading in (readings[0], readings[2], readings[1]):
        loads.load_batch(reading)
    assert loads.rows(table="stock") == [(1, "a")]
    assert loads.ledger() == [(ONE, "loaded"), (TWO, "superseded"), (THREE, "loaded")]


def test_of_one_batch_the_newest_reading_counts(loads: Loads) -> None:
    readings = [land_all(loads, ONE, 1, part(1, "a")), land_all(loads, TWO, 2, part(1, "b"))]
    loads.load_batch(*readings)
    assert loads.rows(table="stock") == [(1, "b")]
    assert loads.ledger() == [(ONE, "superseded"), (TWO, "loaded")]


def test_partitions_are_readings_of_their_own(loads: Loads) -> None:
    loads.load_batch(land_all(loads, TWO, 2, part(1, "a"), partition="north"))
    loads.load_batch(land_all(loads, ONE, 1, part(2, "b"), partition="south"))
    assert loads.rows(table="stock") == [(1, "a"), (2, "b")]


def test_where_the_ledger_was_lost_the_next_reading_takes_the_rows_over(loads: Loads) -> None:
    loads.load_batch(land_all(loads, ONE, 1, part(1, "a"), part(2, "b")))
    loads.forget()
    loads.load_batch(land_all(loads, TWO, 2, part(1, "a"), part(2, "B")))
    assert loads.counts("stock") == [{"written": 2, "inserted": 2}]
    loads.check_sums()


@pytest.mark.parametrize("epoch", [0, 1])
def test_children_that_have_room_by_now_come(loads: Loads, epoch: int) -> None:
    """A record says the same as before, but of what it says more is taken."""
    long = "more than twenty bytes of text"
    loads.load_batch(land_all(loads, ONE, 1, part(1, "a", long)))
    assert loads.notes("stock") == []
    loads.change("varchar(20)", "varchar(200)")
    loads.load_batch(land_all(loads, TWO, 2, part(1, "a", long), epoch=epoch))
    assert loads.notes("stock") == [(1, 1, long)]
    loads.check_sums()


def test_a_raised_epoch_writes_each_row_once_more(loads: Loads) -> None:
    loads.load_batch(land_all(loads, ONE, 1, part(1, "a", "x"), part(2)))
    loads.load_batch(land_all(loads, TWO, 2, part(1, "a", "x"), part(2), epoch=1))
    loads.load_batch(land_all(loads, THREE, 3, part(1, "a", "x"), part(2), epoch=1))
    assert loads.counts("stock")[1:] == [{"written": 2, "updated": 2}, {"written": 2, "stale": 2}]
    assert loads.rows('id, "_run"', "stock") == [(1, TWO), (2, TWO)]
    assert loads.notes("stock") == [(1, 1, "x")]
    loads.check_sums()


def with_owner(loads: Loads, contract: str) -> None:
    """The stream `stock` with one column more and a longer title, and its contract."""
    start = loads.text.index("  stock:\n")
    before, own = loads.text[:start], loads.text[start:]
    if "owner" not in own:
        own = own.replace("varchar(10) }\n", "varchar(20) }\n      owner: { path: o }\n", 1)
        own = own.replace("    key: [id]\n", "    key: [id]\n    contract: evolve\n", 1)
    for other in ("evolve", "discard"):
        own = own.replace(f"contract: {other}", f"contract: {contract}", 1)
    loads.text = before + own
    loads.change("", "")


def test_what_was_left_out_comes_when_there_is_room_for_it(loads: Loads) -> None:
    rows = [{**part(1, "eleven long"), "owner": "bob"}, part(2, "b"), {**part(3, "c"), "owner": "eve"}]
    loads.load_batch(land_all(loads, ONE, 1, part(9)))
    with_owner(loads, "discard")
    loads.load_batch(land_all(loads, TWO, 2, *rows))
    loads.load_batch(land_all(loads, THREE, 3, *rows))
    assert loads.counts("stock")[2] == {"written": 3, "stale": 3, "left_out": {"owner": 2, "title": 1}}
    with_owner(loads, "evolve")
    loads.load_batch(land_all(loads, run_at(16, "r"), 4, *rows))
    assert loads.counts("stock")[3] == {"written": 3, "updated": 2, "stale": 1}
    assert loads.rows("id, title, owner", "stock")[:3] == [
        (1, "eleven long", "bob"),
        (2, "b", None),
        (3, "c", "eve"),
    ]
    loads.check_sums()


def test_a_child_that_was_left_out_comes_when_there_is_room_for_it(loads: Loads) -> None:
    long = part(1, "a", "more than twenty bytes of text")
    loads.load_batch(land_all(loads, ONE, 1, part(9, "z", "x")))
    for number, contract in enumerate(("discard", "discard", "evolve"), start=2):
        with_owner(loads, contract)
        loads.change("varchar(20) } }", "varchar(200) } }")
        loads.load_batch(land_all(loads, run_at(12 + number, "r"), number, long))
    assert loads.counts("stock")[1:] == [
        {"written": 1, "inserted": 1},
        {"written": 1, "stale": 1},
        {"written": 1, "updated": 1},
    ]
    assert (1, 1, "more than twenty bytes of text") in loads.notes("stock")
    loads.check_sums()


def test_what_moved_to_another_partition_as_it_was_is_gone_with_that(loads: Loads) -> None:
    def read(run: str, hour: float, **partitions: list[Row]) -> None:
        size = len(partitions)
        loads.load_batch(
            *(
                land_all(loads, run, hour, *rows, stream="parts", partition=name, set_windows=size)
                for name, rows in partitions.items()
            )
        )

    read(ONE, 1, north=[part(1)], south=[part(2)])
    read(TWO, 2, south=[part(1), part(2)])
    assert loads.rows('id, "_partition"', "parts") == [(1, "south"), (2, "south")]
    read(THREE, 3, south=[part(2)])
    assert loads.rows('id, "_deleted"', "parts") == [(1, True), (2, False)]
    loads.check_sums()


def test_what_a_set_of_all_lacks_is_marked_and_its_children_go(loads: Loads) -> None:
    first = [part(1, "a", "x"), part(2, "b", "y", "z"), part(3, "c")]
    loads.load_batch(land_all(loads, ONE, 1, *first, stream="parts"))
    assert loads.rows(KEPT, "parts") == [(1, "a", False), (2, "b", False), (3, "c", False)]
    loads.load_batch(land_all(loads, TWO, 2, part(1, "a", "x"), stream="parts"))
    assert loads.rows(KEPT, "parts") == [(1, "a", False), (2, "b", True), (3, "c", True)]
    assert loads.notes("parts") == [(1, 1, "x")]
    assert loads.counts("parts")[1] == {"written": 1, "stale": 1, "marked": 2}
    assert loads.counts("parts__notes")[1] == {"written": 1, "stale": 1, "removed": 2}


def test_what_comes_back_as_it_was_is_there_again(loads: Loads) -> None:
    for number, rows in enumerate([[part(1, "a", "x")], [], [part(1, "a", "x")]], start=1):
        loads.load_batch(land_all(loads, run_at(12 + number, "r"), number, *rows, stream="parts"))
    assert loads.rows(KEPT, "parts") == [(1, "a", False)]
    assert loads.notes("parts") == [(1, 1, "x")]
    assert [counts.get("marked", 0) for counts in loads.counts("parts")] == [0, 1, 0]


def test_only_the_partitions_of_the_set_are_looked_at(loads: Loads) -> None:
    both = [
        land_all(loads, ONE, 1, part(number), stream="parts", partition=partition, set_windows=2)
        for number, partition in enumerate(("north", "south"))
    ]
    loads.load_batch(*both)
    loads.load_batch(land_all(loads, TWO, 2, stream="parts", partition="north"))
    assert loads.rows('id, "_deleted"', "parts") == [(0, True), (1, False)]


def test_a_set_that_is_not_whole_marks_nothing(loads: Loads) -> None:
    loads.load_batch(land_all(loads, ONE, 1, part(1), stream="parts"))
    some = land_all(loads, TWO, 2, stream="parts", set_windows=2)
    with pytest.raises(WarehouseError, match="a set is loaded as a whole or not at all"):
        loads.load_batch(some)
    assert loads.load(TWO, "parts") == LoadAnswer(status="done", windows=0)
    assert loads.rows('id, "_deleted"', "parts") == [(1, False)]


def test_a_set_with_a_rejected_row_marks_nothing(loads: Loads) -> None:
    loads.load_batch(land_all(loads, ONE, 1, part(1), part(2), stream="parts"))
    loads.load_batch(land_all(loads, TWO, 2, part(1), part(3, "much too long"), stream="parts"))
    assert loads.rows('id, "_deleted"', "parts") == [(1, False), (2, False)]


def test_a_run_is_loaded_as_the_set_that_it_is(loads: Loads) -> None:
    land_all(loads, ONE, 1, part(1), part(2), stream="parts")
    assert loads.load(ONE, "parts") == LoadAnswer(status="done", windows=1)
    land_all(loads, TWO, 2, part(2), stream="parts")
    assert loads.load(TWO, "parts") == LoadAnswer(status="done", windows=1)
    assert loads.rows('id, "_deleted"', "parts") == [(1, True), (2, False)]


def tickets(loads: Loads, run: str, read: float, *rows: Row, whole: bool = False) -> Landed:
    window = (0, read) if whole else (read - 1, read)
    return loads.land(run, window, rows, stream="tickets", read=read, set_windows=int(whole))


def test_a_whole_reading_once_in_a_while_finds_what_is_gone(loads: Loads) -> None:
    loads.load_batch(tickets(loads, ONE, 2, item(1, 1, "a", notes=texts("x")), item(2, 1, "b")))
    loads.load_batch(tickets(loads, TWO, 5, item(2, 1, "b"), whole=True))
    assert loads.rows(KEPT, "tickets") == [(1, "a", True), (2, "b", False)]
    assert loads.notes("tickets") == []
    loads.load_batch(tickets(loads, THREE, 6, item(1, 5, "back", notes=texts("y"))))
    assert loads.rows(KEPT, "tickets") == [(1, "back", False), (2, "b", False)]
    assert loads.notes("tickets") == [(1, 1, "y")]


def test_rows_read_after_the_set_are_left_alone(loads: Loads) -> None:
    """Also where their time lies in that of the set: somebody has undone their deletion since then."""
    loads.load_batch(tickets(loads, TWO, 7, item(3, 6, "new"), item(4, 2, "undone")))
    loads.load_batch(tickets(loads, ONE, 5, item(2, 1, "b"), whole=True))
    assert loads.rows('id, "_deleted"', "tickets") == [(2, False), (3, False), (4, False)]


def test_a_partition_is_named_as_it_is(loads: Loads) -> None:
    odd = "100% ' b\\"
    for number, rows in enumerate([[part(1), part(2)], [part(1)]], start=1):
        loads.load_batch(
            land_all(loads, run_at(12 + number, "r"), number, *rows, stream="parts", partition=odd)
        )
    assert loads.rows('id, "_deleted"', "parts") == [(1, False), (2, True)]


def raised(loads: Loads, is_window: bool) -> tuple[Landed, Landed, Landed]:
    """What is read from hour 0 on, a set of that, and, when `start` was raised to hour 3, a set from there on."""
    if is_window:
        watermark = 'watermark, field: modified, slice: 6h, start: "2026-01-01T00:00:00Z"'
        deletes = " }\n    key: [id]\n    deletes: { type: periodic_full, every"
        assert watermark + deletes in loads.text
        loads.change(watermark + deletes, "window, slice: 6h" + deletes)
    rows = [item(1, 1, "old"), item(2, 1.5, "b"), item(3, 4, "c"), item(4, 4.5, "d")]
    first = [
        loads.land(ONE, window, some, stream="tickets", read=5)
        for window, some in (((0, 3), rows[:2]), ((3, 5), rows[2:]))
    ]
    return (*first, loads.land(TWO, (3, 6), rows[2:3], stream="tickets", set_windows=1))


@pytest.mark.parametrize("is_window", [False, True])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_set_tells_nothing_of_what_lies_before_its_start(
    loads: Loads, order: tuple[int, ...], *, is_window: bool
) -> None:
    landed = raised(loads, is_window)
    for number in order:
        loads.load_batch(landed[number])
    assert loads.rows('id, "_deleted"', "tickets") == [(1, False), (2, False), (3, False), (4, True)]


def test_a_set_tells_nothing_of_what_lies_after_its_end(loads: Loads) -> None:
    """A run beside it read what was made after it had begun, and before its endpoint was asked."""
    loads.load_batch(loads.land(TWO, (4.9, 5.15), [item(9, 5.01, "new")], stream="tickets", read=5.16))
    whole = loads.land(ONE, (0, 5), [item(2, 1, "b")], stream="tickets", read=5.2, as_of=5.2, set_windows=1)
    loads.load_batch(whole)
    assert loads.rows('id, "_deleted"', "tickets") == [(2, False), (9, False)]


def test_in_any_order_the_same_are_gone(loads: Loads) -> None:
    """Windows and sets: whatever comes last, the table tells what was there when it was last looked at."""
    runs = [run_at(12 + number, "r") for number in range(4)]
    landed = [
        tickets(loads, runs[0], 2, item(1, 1, "a", notes=texts("x")), item(2, 1, "b", notes=texts("y"))),
        tickets(loads, runs[1], 4, item(1, 3, "A", notes=texts("z")), item(4, 3, "d")),
        tickets(loads, runs[2], 5, item(2, 1, "b", notes=texts("y")), item(4, 3, "d"), whole=True),
        tickets(loads, runs[3], 7, item(2, 6, "B"), item(5, 6, "e"), item(6, 2, "f")),
    ]
    ends = []
    for order in itertools.permutations(landed):
        for window in order:
            loads.load_batch(window)
        loads.check_sums()
        ends.append((loads.rows(KEPT, "tickets"), loads.notes("tickets")))
        loads.forget()
        for table in ("tickets", "tickets__notes"):
            loads.stand_in.run(f'DELETE FROM "{loads.name}"."{table}"')
    assert ends == [ends[0]] * 24
    assert ends[0] == (
        [(1, "A", True), (2, "B", False), (4, "d", False), (5, "e", False), (6, "f", False)],
        [],
    )


def flagged(identifier: int, hours: float, *, gone: str = "", **more: Any) -> Row:
    return {"id": identifier, "modified": at(hours).isoformat(), "title": "t", GONE: gone, **more}


def test_a_flagged_record_is_a_whole_row_that_is_deleted(loads: Loads) -> None:
    rows = [flagged(1, 1, notes=texts("x")), flagged(2, 1, gone="no"), flagged(3, 1, gone="yes", title="")]
    first = loads.land(ONE, (0, 6), rows, stream="archive")
    assert first.commit.progress.tables["archive"].rejected == 1, "it has to have what any row has"
    loads.load_batch(first)
    loads.load_batch(
        loads.land(TWO, (6, 12), [flagged(1, 7, gone="yes", notes=texts("y"))], stream="archive")
    )
    assert loads.rows(KEPT, "archive") == [(1, "t", True), (2, "t", False)]
    assert loads.notes("archive") == [(1, 1, "y")]
    loads.load_batch(loads.land(THREE, (12, 18), [flagged(1, 13)], stream="archive"))
    assert loads.rows(KEPT, "archive") == [(1, "t", False), (2, "t", False)]


def change(loads: Loads, run: str, hours: float, link: str | None, next_link: str, *rows: Row) -> Landed:
    window = (0 if link is None else hours - 1, hours)
    return loads.land(run, window, rows, stream="changes", link=link, next_link=next_link)


def deltas(loads: Loads) -> list[Landed]:
    return [
        change(loads, ONE, 1, None, "l1", {"id": 1, "title": "a"}, {"id": 2, "title": "b"}),
        change(loads, TWO, 2, "l1", "l2", {"id": 1, "title": "A"}),
        change(loads, THREE, 3, "l2", "l3", {"id": 2, "title": "B"}),
    ]


def test_a_delta_goes_on_from_what_is_loaded(loads: Loads) -> None:
    for window in deltas(loads):
        loads.load_batch(window)
    assert loads.rows(table="changes") == [(1, "A"), (2, "B")]
    assert loads.ledger("next_link, state") == [("l1", "loaded"), ("l2", "loaded"), ("l3", "loaded")]


@pytest.mark.parametrize("together", [True, False])
def test_a_delta_that_began_elsewhere_is_superseded(loads: Loads, *, together: bool) -> None:
    first, second, _ = deltas(loads)
    twin = change(loads, run_at(15, "twin"), 4, "l1", "m2", {"id": 1, "title": "twin"})
    for batch in [[first, second, twin]] if together else [[first], [second], [twin]]:
        loads.load_batch(*batch)
    assert loads.rows(table="changes") == [(1, "A"), (2, "b")]
    assert loads.ledger("next_link, state") == [("l1", "loaded"), ("l2", "loaded"), ("m2", "superseded")]


def test_a_delta_whose_beginning_was_never_loaded_is_superseded(loads: Loads) -> None:
    _, second, _ = deltas(loads)
    loads.load_batch(second)
    assert loads.ledger() == [(TWO, "superseded")]
    assert loads.rows(table="changes") == []


def test_a_reading_from_the_beginning_needs_nothing_before_it(loads: Loads) -> None:
    windows = deltas(loads)
    anew = change(loads, run_at(15, "anew"), 5, None, "n1", {"id": 1, "title": "anew"})
    after = change(loads, run_at(16, "after"), 6, "n1", "n2", {"id": 2, "title": "after"})
    for window in (windows[0], windows[1], anew, windows[2], after):
        loads.load_batch(window)
    assert loads.rows(table="changes") == [(1, "anew"), (2, "after")]
    assert loads.ledger("next_link, state") == [
        ("l1", "loaded"),
        ("l2", "loaded"),
        ("l3", "superseded"),
        ("n1", "loaded"),
        ("n2", "loaded"),
    ]


def test_a_replay_follows_the_links(loads: Loads) -> None:
    deltas(loads)
    for run in (ONE, TWO, THREE):
        loads.load(run, "changes")
    expected = loads.rows(table="changes")
    loads.forget()
    loads.stand_in.run(f'DELETE FROM "{loads.name}"."changes"')
    loads.load("*", "changes")
    assert loads.rows(table="changes") == expected == [(1, "A"), (2, "B")]
    assert {state for _, state in loads.ledger()} == {"loaded"}


@pytest.mark.parametrize("bound", [1, 32])
def test_a_replay_of_a_reading_anew_comes_after_what_it_followed(
    loads: Loads, monkeypatch: pytest.MonkeyPatch, bound: int
) -> None:
    """It begins where the first one did, and knows nothing of what was gone by then."""
    monkeypatch.setattr(selection, "FIRST_WINDOWS", bound)
    cursor = "cursor: { type: delta_link, xpath: /r/@delta }\n    key: [id]"
    assert cursor in loads.text
    loads.change(cursor, f"{cursor}\n    deletes: {{ type: tombstone, path: gone }}")
    change(loads, ONE, 1, None, "l1", {"id": 1, "title": "a"}, {"id": 2, "title": "b"})
    change(loads, TWO, 2, "l1", "l2", {"id": 2, "title": "", GONE: "1"})
    change(loads, THREE, 3, None, "n1", {"id": 1, "title": "A"})
    for run in (ONE, TWO, THREE):
        loads.load(run, "changes")
    expected = loads.rows('id, "_deleted"', "changes"), loads.ledger()
    assert expected[0] == [(1, False), (2, True)]
    loads.forget()
    loads.stand_in.run(f'DELETE FROM "{loads.name}"."changes"')
    loads.load("*", "changes")
    assert (loads.rows('id, "_deleted"', "changes"), loads.ledger()) == expected


@pytest.mark.parametrize(
    ("deletes", "cursor", "disposition", "said"),
    [
        ("{type: periodic_full}", "{type: watermark, field: at}", "merge", "say `every` how often"),
        ("{type: periodic_full, every: 7d}", "{type: full}", "merge", "and `every` left out"),
        ("{type: periodic_full, every: 7x}", "{type: watermark, field: at}", "merge", "not a length of time"),
        ("{type: periodic_full, every: 1s}", "{type: watermark, field: at}", "merge", "at least 1m"),
        ("{type: periodic_full}", "{type: full}", "scd2", "which scd2 has none of: use merge"),
        (
            "{type: periodic_full}",
            "{type: delta_link, xpath: a}",
            "merge",
            "of type full, watermark or window",
        ),
        ("{type: flag}", "{type: full}", "merge", "missing required field `path`"),
    ],
)
def test_ways_to_tell_of_deletions_that_cannot_work(
    deletes: str, cursor: str, disposition: str, said: str
) -> None:
    text = f"""
source: shop
base_url: https://host
streams:
  parts:
    request: {{ path: /p }}
    records: /r/p
    key: [id]
    disposition: {disposition}
    cursor: {cursor}
    deletes: {deletes}
    columns: {{ id: {{ path: id }}, at: {{ path: at, type: timestamptz }} }}
"""
    with pytest.raises(CatalogueError, match=said):
        load_source(text.encode(), "shop.yaml")


PAGED = """
source: shop
base_url: https://host
streams:
  parts:
    request: {{ path: /p{bootstrap} }}
    page: {page}
    records: /r/p
    key: [id]
    cursor: {{ type: full }}
    deletes: {{ type: periodic_full }}
    columns: {{ id: {{ path: id }} }}
"""


@pytest.mark.parametrize(
    ("page", "bootstrap", "is_told"),
    [
        ("{ type: offset, parameter: o, size: 5 }", "", False),
        ("{ type: offset, parameter: o, size: 5, total: /r/@n }", "", True),
        ("{ type: page_number, parameter: p }", "", False),
        ("{ type: page_number, parameter: p, total_pages: /r/@n }", "", False),
        ("{ type: next_url, xpath: /r/@next }", "", True),
        (
            "{ type: offset, parameter: o, size: 5 }",
            ", bootstrap: { path: /n, values: { total: /n } }",
            True,
        ),
    ],
)
def test_a_set_is_read_by_pages_that_tell_when_records_move(
    page: str, bootstrap: str, *, is_told: bool
) -> None:
    text = PAGED.format(page=page, bootstrap=bootstrap).encode()
    if is_told:
        assert load_source(text, "shop.yaml").streams["parts"].deletes
        return
    with pytest.raises(CatalogueError, match="only page offset with a `total`"):
        load_source(text, "shop.yaml")
