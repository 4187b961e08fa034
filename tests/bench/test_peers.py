"""What xmlift and its peers make of a small page is the same; where it is not, the comparison says so."""

from pathlib import Path

import pytest

from local.errors import LocalError

from . import children, comparison
from .children import OTHERS, OURS, Peer
from .corpora import Corpus, Shape, corpus

STREAM = children.catalogue("ewm").streams["items"]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return corpus(tmp_path_factory.mktemp("corpora"), "ewm", 0.3)


@pytest.fixture(scope="module")
def ours(page: Corpus, tmp_path_factory: pytest.TempPathFactory) -> dict[str, comparison.Record]:
    folder = tmp_path_factory.mktemp("ours")
    children.run(OURS, page, folder)
    return comparison.ours(folder, STREAM)


def test_ours_are_all_records(page: Corpus, ours: dict[str, comparison.Record]) -> None:
    assert sorted(ours) == [str(100_000 + number) for number in range(page.records)]
    assert all(len(record) == 26 for record in ours.values())


@pytest.mark.parametrize("peer", OTHERS, ids=lambda peer: peer.script)
def test_peers_make_the_same(
    peer: Peer, page: Corpus, ours: dict[str, comparison.Record], tmp_path: Path
) -> None:
    if not peer.is_there:
        pytest.skip(f"not compared: no {peer.environment}; `make bench-quick` makes it")
    measured = children.run(peer, page, tmp_path)
    assert comparison.differences(ours, comparison.theirs(tmp_path, STREAM)) == []
    assert min(measured.cpu, measured.seconds, measured.start_cpu) > 0
    assert measured.peak > 5_000_000


@pytest.mark.parametrize(("shape", "stream"), [("mixed", "items"), ("ewm", "discussed"), ("oslc", "items")])
def test_ours_reads_the_other_shapes(shape: Shape, stream: str, tmp_path: Path) -> None:
    made = corpus(tmp_path / "corpora", shape, 0.2)
    children.run(OURS, made, tmp_path / "out", stream)
    columns = children.catalogue(shape).streams[stream]
    found = comparison.ours(tmp_path / "out", columns, stream)
    assert len(found) == made.records
    assert all(record["description"] and record["modified"] for record in found.values())


def test_differences_are_told(ours: dict[str, comparison.Record]) -> None:
    first, second, *_ = sorted(ours)
    other = {key: dict(record) for key, record in ours.items() if key != first}
    other[second]["summary"] = "something else"
    other["7"] = other[second]
    assert comparison.differences(ours, other) == [
        "record 100000 is missing",
        f"record 100001: summary is 'something else', not {ours[second]['summary']!r}",
        "record 7 should not be there",
    ]


@pytest.mark.parametrize(
    ("path", "name"),
    [("id", "id"), ("owner/userId", "owner__user_id"), ("projectArea/name", "project_area__name")],
)
def test_dlt_name(path: str, name: str) -> None:
    assert comparison.dlt_name(path) == name


def test_absent_environment_has_its_remedy(page: Corpus, tmp_path: Path) -> None:
    with pytest.raises(LocalError, match=r"\.venvs/nowhere does not exist: `make bench`"):
        children.run(Peer("nobody", "iterparse", ".venvs/nowhere"), page, tmp_path)


def test_absent_xmllint_has_its_remedy(page: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LocalError, match="apt install libxml2-utils"):
        children.xmllint(page)


def test_a_failing_child_is_told_with_its_words(page: Corpus, tmp_path: Path) -> None:
    broken = tmp_path / "broken.xml"
    broken.write_bytes(page.file.read_bytes()[:-20])
    with pytest.raises(LocalError, match=r"(?s)ours\.py failed: .*cut short"):
        children.run(OURS, page._replace(file=broken), tmp_path / "out")
