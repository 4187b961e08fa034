"""Object names: every one reads back into what made it, and nothing else is taken for one."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmlift.errors import LandingError
from xmlift.landing import names
from xmlift.landing.names import WHOLE, LinkName, PartName, RawName, WindowName
from xmlift.windows import Interval

START = datetime(2026, 11, 22, 16, 15, 0, 123456, UTC)
INTERVAL = Interval(START, START + timedelta(hours=1))
RUN = "20261122T161500123456Z-nightly"
WINDOW = WindowName("ewm", "work_items", RUN, WHOLE, INTERVAL)
FOLDER = f"landing/ewm/work_items/{RUN}/-/20261122T161500123456Z_20261122T171500123456Z/"
PART = PartName("work_items", "0123456789ab", 7, 500, "deadbeef", "0123456789abcdef")

plain = st.from_regex(r"[a-z](_?[a-z0-9])*", fullmatch=True)
# What a platform names its partitions by: URLs, dates, paths, anything but half a character.
partitions = st.text(st.characters(exclude_categories=["Cs"]), min_size=1) | st.sampled_from(
    [
        "-",
        "--",
        ".",
        "..",
        "a/b",
        "../..",
        "%2F",
        "%",
        "a%20b",
        "https://h/p?q=1&r=é",
        "é😀",
        " ",
        "\n",
        "+",
        "~",
    ]
)
moments = st.datetimes(timezones=st.just(UTC))
intervals = st.builds(Interval, moments, moments)
digits = st.sampled_from("0123456789abcdef")


def hexadecimal(size: int) -> st.SearchStrategy[str]:
    return st.lists(digits, min_size=size, max_size=size).map("".join)


def test_a_window_folder() -> None:
    assert WINDOW.folder == FOLDER
    assert WINDOW._replace(partition="a/b.c é").inner.split("/")[0] == "a%2Fb%2Ec%20%C3%A9"
    assert str(WINDOW) == (
        f"ewm.work_items window 20261122T161500123456Z_20261122T171500123456Z of run {RUN}"
    )
    assert "partition a/b" in str(WINDOW._replace(partition="a/b"))


@given(plain, plain, moments, partitions, partitions, intervals)
def test_a_window_reads_back_from_any_of_its_objects(
    source: str, stream: str, started: datetime, execution: str, partition: str, interval: Interval
) -> None:
    window = WindowName(source, stream, names.run_id(started, execution), partition, interval)
    key = f"{window.folder}{names.COMMIT}"
    assert names.parse_window(key) == (window, names.COMMIT)
    assert key.count("/") == 6, "a partition is one segment, whatever it is called"
    assert key.isascii()
    assert not {".", ".."} & set(key.split("/"))
    assert names.run_started(window.run) == started


@given(moments, partitions, moments, partitions)
def test_runs_sort_by_their_start(one: datetime, a: str, other: datetime, b: str) -> None:
    if one < other:
        assert names.run_id(one, a) < names.run_id(other, b)


@given(st.lists(intervals, min_size=2, max_size=5))
def test_windows_of_a_partition_sort_as_time_does(some: list[Interval]) -> None:
    folders = [WINDOW._replace(interval=interval).folder for interval in sorted(some)]
    assert folders == sorted(folders)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        FOLDER,  # a folder is no object
        FOLDER.rstrip("/"),
        f"{FOLDER}a/b",
        f"/{FOLDER}commit.json",
        f"runs{FOLDER.removeprefix('landing')}commit.json",
        f"{FOLDER.replace('/-/', '//')}commit.json",
        f"{FOLDER.replace('/-/', '/a.b/')}commit.json",
        f"{FOLDER.replace('/-/', '/%2e%2e/')}commit.json",
        f"{FOLDER.replace('/-/', '/%2D/')}commit.json",
        f"{FOLDER.replace('/-/', '/%61/')}commit.json",
        f"{FOLDER.replace('/-/', '/%FF/')}commit.json",
        f"{FOLDER.replace('/-/', '/a b/')}commit.json",
        f"{FOLDER.replace('/-/', '/é/')}commit.json",
        f"{FOLDER.replace('/ewm/', '//')}commit.json",
        f"{FOLDER.replace('/ewm/', '/../')}commit.json",
        f"{FOLDER.replace('/ewm/', '/Ewm/')}commit.json",
        f"{FOLDER.replace('/work_items/', '//')}commit.json",
        f"{FOLDER.replace('/work_items/', '/work items/')}commit.json",
        f"{FOLDER.replace(RUN, '')}commit.json",
        f"{FOLDER.replace(RUN, 'nightly')}commit.json",
        f"{FOLDER.replace('20261122T161500123456Z_', '20261122T161500Z_')}commit.json",
        f"{FOLDER.replace('Z_2026', 'Z-2026')}commit.json",
    ],
)
def test_a_foreign_key_is_refused_by_its_name(key: str) -> None:
    with pytest.raises(LandingError) as caught:
        names.parse_window(key)
    assert str(caught.value) == f"{key}: not a name below landing/"


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(range(7)))
def test_a_key_is_refused_or_reads_back_to_itself(text: str, place: int) -> None:
    segments = f"{FOLDER}commit.json".split("/")
    segments[place] = text
    key = "/".join(segments)
    try:
        window, file = names.parse_window(key)
    except LandingError:
        return
    assert f"{window.folder}{file}" == key


def test_a_parts_name() -> None:
    name = "work_items-0123456789ab-00007-500-deadbeef-0123456789abcdef.csv.gz"
    assert str(PART) == name
    assert names.parse_part(name) == PART
    assert PART.origin == "0123456789ab-00007"


@given(
    plain | st.just("_rejects") | st.just("work_items__comments"),
    hexadecimal(12),
    st.integers(0, 10**7),
    st.integers(0, 10**12),
    hexadecimal(8),
    hexadecimal(16),
)
def test_a_part_reads_back(
    table: str, attempt: str, sequence: int, rows: int, schema: str, sha16: str
) -> None:
    part = PartName(table, attempt, sequence, rows, schema, sha16)
    assert names.parse_part(str(part)) == part
    assert names.parse_link(str(part)) is None


@given(plain, moments, partitions, intervals, hexadecimal(12), st.integers(1, 10**7), hexadecimal(16))
def test_a_kept_answer_reads_back(
    stream: str,
    started: datetime,
    partition: str,
    interval: Interval,
    attempt: str,
    page: int,
    sha16: str,
) -> None:
    window = WindowName("ewm", stream, names.run_id(started, "x"), partition, interval)
    name = RawName(attempt, page, sha16)
    assert names.parse_raw(f"{window.raw_folder}{name}") == (window, name)


RAW = f"{FOLDER.replace('landing/', 'raw/', 1)}0123456789ab-00007-0123456789abcdef.xml.gz"


def test_a_kept_answers_name() -> None:
    assert names.parse_raw(RAW) == (WINDOW, RawName("0123456789ab", 7, "0123456789abcdef"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("raw/", "landing/"),
        ("-00007-", "-7-"),
        ("-00007-", "-000007-"),
        (".xml.gz", ".xml"),
        ("0123456789ab-", ""),
    ],
)
def test_another_object_is_no_kept_answer(old: str, new: str) -> None:
    with pytest.raises(LandingError, match=r"not a name (below raw/|of a kept answer)$"):
        names.parse_raw(RAW.replace(old, new, 1))


@given(st.integers(0, 10**4), st.integers(0, 10**6))
def test_a_link_reads_back(restart: int, number: int) -> None:
    link = LinkName(restart, number)
    assert names.parse_link(str(link)) == link
    assert names.parse_part(str(link)) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("work_items", "Work_items"),
        ("work_items", "work-items"),
        ("work_items", ""),
        ("0123456789ab-", "0123456789a-"),
        ("0123456789ab-", "0123456789AB-"),
        ("00007", "7"),
        ("00007", "000007"),
        ("500", "0500"),
        ("500", "-5"),
        ("500", "\u066500"),
        ("deadbeef", "deadbee"),
        ("csv.gz", "csv"),
        (".csv.gz", ".csv.gz\n"),
        (".csv.gz", "xcsv.gz"),
    ],
)
def test_another_file_is_no_part(old: str, new: str) -> None:
    assert names.parse_part(str(PART).replace(old, new, 1)) is None


@pytest.mark.parametrize(
    "file",
    [
        "chain-0-0.json",
        "chain-0000-00000.json",
        "chain-000-000000.json",
        "chain-000-00000.json.tmp",
        "chain--01-00000.json",
        "chain-\u066000-00000.json",
        "commit.json",
    ],
)
def test_another_file_is_no_link(file: str) -> None:
    assert names.parse_link(file) is None


@pytest.mark.parametrize("run", ["", "nightly", "-nightly", "20261122T161500Z-nightly", "run/20261122"])
def test_what_is_no_run_is_refused(run: str) -> None:
    with pytest.raises(LandingError, match="is not the name of a run"):
        names.run_started(run)


def test_what_stands_beside_the_landing_zone() -> None:
    assert names.run_id(START, "nightly") == RUN
    assert names.run_id(START, "a.b/c") == "20261122T161500123456Z-a%2Eb%2Fc"
    assert names.stream_prefix("ewm", "work_items", RUN) == f"landing/ewm/work_items/{RUN}/"
    assert names.stream_prefix("ewm", "work_items") == "landing/ewm/work_items/"
    assert names.raw_prefix("ewm", "work_items") == "raw/ewm/work_items/"
    assert names.inbox_prefix("ewm", "work_items") == "inbox/ewm/work_items/"
    assert names.load_failure("ewm", "items", RUN, RUN) == f"runs/ewm/{RUN}/failures/items.json"
    assert names.load_failure("ewm", "items", RUN, "*") == f"runs/ewm/{RUN}/failures/items-of-all.json"
    assert names.load_failure("ewm", "items", RUN, "R2") == f"runs/ewm/{RUN}/failures/items-of-R2.json"
    assert names.work_list("ewm", RUN, 3) == f"runs/ewm/{RUN}/work-0003.json"
    assert names.plan("ewm", RUN, 3) == f"runs/ewm/{RUN}/plan-0003.json"
    assert names.report("ewm", RUN) == f"runs/ewm/{RUN}/report.json"
    assert names.failure(WINDOW) == (
        f"runs/ewm/{RUN}/failures/work_items/-/20261122T161500123456Z_20261122T171500123456Z.json"
    )
    assert names.manifest("abc", "work_items", "deadbeef") == "load/abc/work_items-deadbeef.manifest"
    assert names.short_hash("") == "e3b0c44298fc1c14"


@given(partitions)
def test_a_partition_is_quoted_as_urls_are(partition: str) -> None:
    segment = WINDOW._replace(partition=partition).inner.split("/")[0]
    assert segment == (WHOLE if partition == WHOLE else quote(partition, safe="").replace(".", "%2E"))
