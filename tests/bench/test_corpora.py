"""A corpus is the same bytes everywhere, and what its shape says."""

import hashlib
from pathlib import Path

import pytest
from lxml import etree

from . import corpora
from .corpora import Corpus, Shape, corpus

DIGESTS = {"ewm": "2b62d3cfbe294b4e", "mixed": "ed407cbc7e42e88a", "oslc": "78539ee73fae872e"}
RECORD = {
    "ewm": "workItem",
    "mixed": "workItem",
    "oslc": "{http://open-services.net/xmlns/cm/1.0/}ChangeRequest",
}
ID = {"ewm": "id", "mixed": "id", "oslc": "{http://purl.org/dc/terms/}identifier"}


@pytest.mark.parametrize("shape", ["ewm", "mixed", "oslc"])
def test_is_the_same_bytes_everywhere(tmp_path: Path, shape: Shape) -> None:
    made = corpus(tmp_path, shape, 0.5)
    assert hashlib.sha256(made.file.read_bytes()).hexdigest()[:16] == DIGESTS[shape]


@pytest.mark.parametrize("shape", ["ewm", "mixed", "oslc"])
def test_is_one_page_of_records_with_ids_of_their_own(tmp_path: Path, shape: Shape) -> None:
    made = corpus(tmp_path, shape, 0.5)
    root = etree.parse(made.file).getroot()
    assert [record.findtext(ID[shape]) for record in root] == [str(100_000 + n) for n in range(made.records)]
    assert {record.tag for record in root} == {RECORD[shape]}
    assert 500_000 <= made.size <= 800_000


def test_mixed_has_what_it_is_for(tmp_path: Path) -> None:
    page = corpus(tmp_path, "mixed", 0.5).file.read_bytes()
    assert page.count(b"<![CDATA[<workItem>") > 50
    assert page.count(b"<!-- <id>0</id> -->") > 1000


def test_records_grow_by_their_comments(tmp_path: Path) -> None:
    made = corpus(tmp_path, "ewm", 1, text_bytes=200_000)
    assert made.records == 8
    assert all(len(record.findall("comments")) > 400 for record in etree.parse(made.file).getroot())


def test_is_made_once(tmp_path: Path) -> None:
    made = corpus(tmp_path, "ewm", 0.1)
    made.file.write_bytes(b"as it was")
    assert corpus(tmp_path, "ewm", 0.1) == Corpus(made.file, "ewm", 9, made.records)


def test_one_that_was_interrupted_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(corpora, "_filled", interrupted)
        with pytest.raises(KeyboardInterrupt):
            corpus(tmp_path / "a", "ewm", 0.1)
    again, whole = corpus(tmp_path / "a", "ewm", 0.1), corpus(tmp_path / "b", "ewm", 0.1)
    assert again.file.read_bytes() == whole.file.read_bytes()
