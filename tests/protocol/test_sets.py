"""I1 for readings of all and for deltas: whatever is loaded first, and with what, the table ends as the server.

Random histories of a server that tells of no deletion: windows with what changed, and now and then a reading of
all. They are loaded in any order, some together, some again. The last reading of all is the oracle: what it has is
there, as the server had it then, and nothing else is.
"""

import random
from collections.abc import Iterator, Sequence

import pytest

from xmlift.landing.chain import Landed
from xmlift.landing.zone import Zone

from ..unit.loads import Loads, fresh_loads, item, texts
from ..unit.steps_landing import Row, run_at
from ..unit.warehouse_stand_in import StandIn

KEYS = range(1, 7)


@pytest.fixture
def loads(zone: Zone, stand_in: StandIn) -> Iterator[Loads]:
    with fresh_loads(zone, stand_in) as fresh:
        yield fresh


class Shop:
    """A server whose records change, come and go; by key when each changed and what it says."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.state: dict[int, tuple[float, str, int]] = {}

    def live(self, start: float, end: float) -> None:
        """Let some records change, some go, and some come back, in the time between."""
        times = sorted(self.chance.uniform(start, end) for _ in range(self.chance.randint(1, 5)))
        for time in times:
            key = self.chance.choice(KEYS)
            if key in self.state and self.chance.random() < 0.4:
                del self.state[key]
            else:
                self.state[key] = time, self.chance.choice("abc"), self.chance.randint(0, 2)

    def rows(self, since: float = 0) -> list[Row]:
        """What it has that changed since."""
        return [
            item(key, time, title, notes=texts(*[f"{key}{title}"] * notes))
            for key, (time, title, notes) in sorted(self.state.items())
            if time >= since
        ]

    def kept(self) -> list[tuple[int, str]]:
        return [(key, title) for key, (_, title, _) in sorted(self.state.items())]

    def notes(self) -> list[tuple[int, int, str]]:
        return [
            (key, place, f"{key}{title}")
            for key, (_, title, notes) in sorted(self.state.items())
            for place in range(1, notes + 1)
        ]


def without(rows: Sequence[Row], *names: str) -> list[Row]:
    return [{name: value for name, value in row.items() if name not in names} for row in rows]


def there(loads: Loads, table: str) -> list[tuple[int, str]]:
    """What is not marked as deleted."""
    return sorted(
        loads.stand_in.run(f'SELECT id, title FROM "{loads.name}".{table} WHERE "_deleted" IS NOT TRUE')
    )


def load_in_any_order(loads: Loads, chance: random.Random, landed: Sequence[Landed]) -> None:
    """Each at least once; windows that are no sets with others of their kind, now and then."""
    rest = list(landed)
    chance.shuffle(rest)
    again = chance.sample(rest, min(2, len(rest)))
    while rest:
        batch = [rest.pop()]
        while (
            rest
            and not batch[0].commit.set_windows
            and not rest[-1].commit.set_windows
            and chance.random() < 0.4
        ):
            batch.append(rest.pop())
        loads.load_batch(*batch)
        loads.check_sums()
    for window in again:
        loads.load_batch(window)


@pytest.mark.parametrize("seed", range(6))
def test_what_a_reading_of_all_lacks_is_gone_in_whatever_order_it_is_loaded(loads: Loads, seed: int) -> None:
    chance = random.Random(seed)
    shop, landed = Shop(chance), []
    hours = 6
    for hour in range(1, hours + 1):
        shop.live(hour - 1, hour)
        whole = hour == hours or chance.random() < 0.3
        rows = shop.rows(0 if whole else hour - 1)
        landed.append(
            loads.land(
                run_at(12 + hour, "r"),
                (0 if whole else hour - 1, hour),
                rows,
                stream="tickets",
                set_windows=int(whole),
            )
        )
    load_in_any_order(loads, chance, landed)
    assert there(loads, "tickets") == shop.kept()
    assert loads.notes("tickets") == shop.notes()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("stream", ["parts", "stock"])
def test_of_full_readings_the_newest_is_what_is_there(loads: Loads, stream: str, seed: int) -> None:
    chance = random.Random(seed)
    shop, landed, ever = Shop(chance), [], set[int]()
    for hour in range(1, 6):
        shop.live(hour - 1, hour)
        ever |= set(shop.state)
        landed.append(
            loads.land(
                run_at(12 + hour, "r"),
                (hour - 1, hour),
                without(shop.rows(), "modified"),
                stream=stream,
                set_windows=int(stream == "parts"),
            )
        )
    load_in_any_order(loads, chance, landed)
    if stream == "parts":
        assert there(loads, "parts") == shop.kept()
        assert loads.notes("parts") == shop.notes()
    else:
        # Without a word of deletions what is gone stays; what is there is as it is.
        assert set(shop.kept()) <= set(loads.rows(table="stock"))
        assert {key for key, _ in loads.rows(table="stock")} <= ever


@pytest.mark.parametrize("seed", range(4))
def test_deltas_end_as_the_server_whatever_twins_there_were(loads: Loads, seed: int) -> None:
    """Twins begin with a link that another one went on from; a run that could not load leaves a gap behind."""
    chance = random.Random(seed)
    shop = Shop(chance)
    link: str | None = None
    known = 0.0
    for hour in range(1, 9):
        shop.live(hour - 1, hour)
        window = loads.land(
            run_at(12 + hour, "r"),
            (known, hour),
            without(shop.rows(known), "modified", "notes"),
            stream="changes",
            link=link,
            next_link=f"after-{hour}",
        )
        if chance.random() < 0.3 and hour < 8:
            continue  # its load comes later than the next one's, or never
        loads.load_batch(window)
        link, known = f"after-{hour}", float(hour)
        if chance.random() < 0.5:
            late = loads.land(
                run_at(12.5 + hour, "late"), (0, hour), [], stream="changes", link="after-0", next_link="lost"
            )
            loads.load_batch(late)
    assert set(shop.kept()) <= set(loads.rows(table="changes"))
    assert loads.ledger("next_link, state")[-1] != ("lost", "loaded")
