"""The arithmetic of the cold starts, on small zips. No time is tested here."""

import re
import sys
import zipfile
from pathlib import Path

import pytest

from local.errors import LocalError
from local.servers import ROOT

from . import cold_start
from .cold_start import PURPOSES, Cost, claims, costs, cpu_of, handler_starts, library_of
from .section import Claim, Samples

OWNERS = {"yaml": ["PyYAML"], "dateutil": ["python-dateutil"], "six": ["six"]}


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    path = tmp_path / "plan.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as opened:
        opened.writestr("handler.py", "import yaml\n")
        opened.writestr("yaml/__init__.py", "x = 1\n")
        opened.writestr("PyYAML-6.0.3.dist-info/METADATA", "Name: PyYAML\n")
        opened.writestr("awslambdaric/__init__.py", "")
        opened.writestr("awslambdaric/bootstrap.py", "")
    return path


@pytest.mark.parametrize(
    ("name", "library"),
    [
        ("yaml/loader.py", "pyyaml"),
        ("dateutil/tz/tz.py", "python-dateutil"),
        ("python_dateutil-2.9.0.post0.dist-info/METADATA", "python-dateutil"),
        ("psycopg2_binary.libs/libpq.so.5", "psycopg2-binary"),
        ("six.py", "six"),
        ("__pycache__/six.cpython-313.pyc", "six"),
        ("__pycache__/handler.cpython-313.pyc", "xmlift"),
        ("xmlift/planning/plan.py", "xmlift"),
        ("handler.py", "xmlift"),
    ],
)
def test_whose_a_file_is(name: str, library: str) -> None:
    assert library_of(name, OWNERS) == library


def test_what_each_library_takes_of_a_zip(zipped: Path) -> None:
    assert costs(zipped, OWNERS) == {"pyyaml": Cost(19, 19), "xmlift": Cost(12, 12)}


def test_every_library_that_is_locked_has_a_purpose() -> None:
    for locked in ROOT.glob("functions/*/requirements.txt"):
        names = set(re.findall(r"(?m)^([a-z0-9-]+)==", locked.read_text()))
        assert names <= PURPOSES.keys(), f"{locked}: say in tests/bench/cold_start.py what it is for"


def test_a_handler_is_imported_from_its_zip(
    zipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def cpu(program: str, folder: Path | None = None) -> float:
        there = folder is not None and (folder / "handler.py").is_file()
        asked.append((program, there))
        if folder:
            (folder / "left.pyc").touch(exist_ok=False)
        return float(len(asked))

    monkeypatch.setattr(cold_start, "cpu_of", cpu)
    starts = handler_starts(zipped, tmp_path / "unpacked", runs=2)
    assert asked == 2 * [
        ("pass", False),
        ("import awslambdaric.bootstrap", False),
        ("import awslambdaric.bootstrap, handler", True),
    ]
    assert starts == {
        "empty": Samples([1.0, 4.0]),
        "runtime": Samples([2.0, 5.0]),
        "whole": Samples([3.0, 6.0]),
    }
    assert not (tmp_path / "unpacked").exists()


def test_cpu_is_that_of_the_child_alone(zipped: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(zipped) as opened:
        opened.extractall(tmp_path / "unpacked")
    idle = cpu_of("pass", python=Path(sys.executable))
    busy = cpu_of("import handler; sum(range(10**7))", tmp_path / "unpacked", Path(sys.executable))
    assert 0 < idle < busy


def test_the_interpreters_end_is_not_measured(tmp_path: Path) -> None:
    there = tmp_path / "there"
    cpu_of(
        f"import atexit, pathlib; atexit.register(pathlib.Path({str(there)!r}).touch)",
        python=Path(sys.executable),
    )
    assert not there.exists()


def test_what_cannot_be_imported_is_told(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="No module named 'handler'"):
        cpu_of("import handler", tmp_path, Path(sys.executable))


def test_claims_are_about_medians_without_the_interpreter() -> None:
    starts = {"plan": {"empty": Samples([0.25, 0.5, 9]), "whole": Samples([0.75, 0.625, 0.5])}}
    assert claims(starts, {"plan": 13_000_000}) == [
        Claim("plan: at most 0.35 s of CPU to import", 0.125, 0.35, "s", at_least=False),
        Claim("plan: a zip of at most 12 MB", 13, 12, "MB", at_least=False),
    ]
