"""How sources stand, as people and programs see it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.standing_lines import as_json, lines, show_standings
from operate.past_runs import PastRun
from operate.standing import Quarantined, Standing, StreamStanding, open_quarantine
from xmlift.windows import Interval

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def hour(number: float) -> datetime:
    return datetime(2026, 11, 22, tzinfo=UTC) + timedelta(hours=number)


def hours(start: float, end: float) -> Interval:
    return Interval(hour(start), hour(end))


def stream(**differs: Any) -> StreamStanding:
    usual: dict[str, Any] = {
        "stream": "items",
        "partition": None,
        "watermark": hour(11),
        "gaps": [],
        "windows": 1200,
        "superseded": 0,
        "quarantined": [],
        "rows": 5000,
    }
    return StreamStanding(**(usual | differs))


def past(status: str, **differs: Any) -> PastRun:
    return PastRun("ewm", "20261122T110000000000Z-a", status, hour(11), **differs)


ENDED = past(
    "SUCCEEDED", ended=hour(11.5), report={"status": "succeeded", "message": "ewm: fine", "streams": []}
)


def standing(
    *streams: StreamStanding, last: PastRun | None = ENDED, under_way: tuple[PastRun, ...] = ()
) -> Standing:
    return Standing("ewm", list(streams), last, list(under_way))


def test_a_stream_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    show_standings(
        [standing(stream(), stream(stream="notes", watermark=None, windows=0, rows=0))], NOW, gaps=False
    )
    printed = capsys.readouterr()
    head, _, items, notes = printed.out.splitlines()
    assert head.split() == ["stream", "watermark", "lag", "gaps", "windows", "quarantined", "rows"]
    assert items.split() == ["ewm.items", "2026-11-22", "11:00:00Z", "1", "h", "0", "1,200", "0", "5,000"]
    assert notes.split() == ["ewm.notes", "nothing", "loaded", "yet", "0", "0", "0", "0"]
    assert printed.err == "ewm: last run SUCCEEDED, 30 min ago\n"


def test_a_stream_whose_start_is_missing_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    show_standings([standing(stream(watermark=None, gaps=[hours(0, 1)]))], NOW, gaps=False)
    assert "the start is missing" in capsys.readouterr().out


def test_partitions_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    show_standings([standing(stream(partition="area=A"))], NOW, gaps=False)
    assert "ewm.items [area=A]" in capsys.readouterr().out


def test_the_oldest_gap_is_told_and_all_are_listed_on_demand(capsys: pytest.CaptureFixture[str]) -> None:
    holes = standing(stream(watermark=hour(1), gaps=[hours(1, 2), hours(3, 3.5)]))
    show_standings([holes], NOW, gaps=False)
    printed = capsys.readouterr()
    assert "2 gaps, the oldest 2026-11-22 01:00:00Z to 2026-11-22 02:00:00Z (1 h)" in printed.err
    show_standings([holes], NOW, gaps=True)
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1].split() == (
        ["ewm.items", "2026-11-22", "03:00:00Z", "2026-11-22", "03:30:00Z", "30", "min"]
    )
    assert "oldest" not in printed.err


def test_quarantined_windows_stand_with_their_reason() -> None:
    refused = Quarantined(hours(1, 2), "20261122T1-a", "value too long")
    told = list(lines(standing(stream(quarantined=[refused])), NOW, gaps_shown=False))
    assert told[-1].endswith("(1 h), run 20261122T1-a: value too long")


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (standing(last=None), ["ewm: has never run. Start it with: make run SOURCE=ewm"]),
        (
            replace(standing(stream(), last=None), is_asked=False),
            ["ewm: has never run. Start it with: make drop FILE=… STREAM=ewm.items"],
        ),
        (
            standing(last=None, under_way=(past("RUNNING"),)),
            ["ewm: under way for 1 h: 20261122T110000000000Z-a"],
        ),
        (
            standing(last=past("FAILED", ended=hour(11.9), cause="it broke")),
            ["ewm: last run FAILED, 6 min ago: it broke"],
        ),
    ],
)
def test_what_goes_on(found: Standing, told: list[str]) -> None:
    assert list(lines(found, NOW, gaps_shown=False)) == told


def test_a_source_for_programs() -> None:
    refused = Quarantined(hours(1, 2), "r", "why")
    document = as_json(
        standing(stream(gaps=[hours(1, 2)], quarantined=[refused]), under_way=(past("RUNNING"),)), NOW
    )
    assert document["streams"] == [
        {
            "stream": "items",
            "partition": None,
            "watermark": "2026-11-22T11:00:00+00:00",
            "lag_seconds": 3600.0,
            "gaps": [{"from": "2026-11-22T01:00:00+00:00", "to": "2026-11-22T02:00:00+00:00"}],
            "windows": 1200,
            "superseded": 0,
            "quarantined": [
                {
                    "from": "2026-11-22T01:00:00+00:00",
                    "to": "2026-11-22T02:00:00+00:00",
                    "run": "r",
                    "reason": "why",
                    "file": None,
                }
            ],
            "rows": 5000,
        }
    ]
    assert [run["status"] for run in document["under_way"]] == ["RUNNING"]
    assert document["last_run"]["message"] == "ewm: fine"


def test_a_quarantined_window_that_was_settled_since_is_not_told() -> None:
    refused = [Quarantined(hours(3, 4), "c", "x"), Quarantined(hours(1, 2), "b", "x")]
    assert [each.run for each in open_quarantine(refused, [hours(0, 3)])] == ["c"]
    # Its time is settled only if all of it is.
    assert [each.run for each in open_quarantine(refused, [hours(0, 1.5), hours(3, 4)])] == ["b"]


def test_a_window_that_every_run_fails_at_is_told_by_the_newest() -> None:
    again = [Quarantined(hours(1, end), f"run {end}", "x") for end in (4, 3, 2)]
    assert [each.run for each in open_quarantine(again, [])] == ["run 4"]


windows = st.tuples(st.integers(0, 20), st.integers(1, 5)).map(lambda pair: hours(pair[0], pair[0] + pair[1]))


@given(st.lists(windows), st.lists(windows))
def test_each_unsettled_window_has_one_that_tells_of_its_start(
    found: list[Interval], settled: list[Interval]
) -> None:
    told = open_quarantine([Quarantined(window, "r", "x") for window in found], settled)

    def is_settled(window: Interval) -> bool:
        instants = [
            window.start + timedelta(hours=n)
            for n in range(int((window.end - window.start) / timedelta(hours=1)))
        ]
        return all(any(each.start <= instant < each.end for each in settled) for instant in instants)

    unsettled = {window.start for window in found if not is_settled(window)}
    assert [each.window.start for each in told] == sorted(unsettled)


def test_a_dropped_file_that_was_refused_is_told_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    everything = Interval(hour(0), hour(24))
    refused = [
        Quarantined(everything, run, "too long", file) for run, file in (("b", "x.xml"), ("a", "x.xml"))
    ]
    (told,) = open_quarantine(refused, [everything])
    assert told.run == "b", "the newest reading of each file tells it"
    show_standings([standing(stream(quarantined=[told]))], NOW, gaps=False)
    assert "ewm.items: quarantined the file x.xml, run b: too long" in capsys.readouterr().err
    assert (
        as_json(standing(stream(quarantined=[told])), NOW)["streams"][0]["quarantined"][0]["file"] == "x.xml"
    )


def test_partitions_that_are_urls_are_told_by_what_tells_them_apart(
    capsys: pytest.CaptureFixture[str],
) -> None:
    begin = "https://elm.example.com/rm/process/project-areas/"
    parts = [stream(stream="r", partition=f"{begin}{name}") for name in ("_a/x", "_b/x")]
    alone = stream(stream="one", partition=f"{begin}{'c' * 60}")
    show_standings([standing(*parts, alone, stream(stream="n", partition="north"))], NOW, gaps=False)
    shown = [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()[2:]]
    assert shown == ["ewm.r […/_a/x]", "ewm.r […/_b/x]", f"ewm.one […{'c' * 40}]", "ewm.n [north]"]
