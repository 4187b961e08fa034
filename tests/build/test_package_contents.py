"""What is in the zips, and what must not be."""

import getpass
import importlib.metadata
import re
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import package
from bytecode import cached_path
from contents import SERVICES, is_shipped


def pins(requirements: Path) -> dict[str, str]:
    """The locked versions, by name, that apply to this machine."""
    lines = [line for line in requirements.read_text().splitlines() if re.match(r"[A-Za-z0-9]", line)]
    parsed = [Requirement(line.rstrip(" \\")) for line in lines]
    applying = [each for each in parsed if not each.marker or each.marker.evaluate()]
    return {canonicalize_name(each.name): str(each.specifier).removeprefix("==") for each in applying}


def test_a_zip_carries_exactly_the_locked_libraries(step: str, zipped: zipfile.ZipFile) -> None:
    carried = {}
    for name in zipped.namelist():
        if re.fullmatch(r"[^/]+\.dist-info/METADATA", name):
            metadata = importlib.metadata.PathDistribution(zipfile.Path(zipped, name).parent).metadata
            carried[canonicalize_name(metadata["Name"])] = metadata["Version"]
    assert carried == pins(package.ROOT / "functions" / step / "requirements.txt")


def test_every_library_brings_its_licence(zipped: zipfile.ZipFile) -> None:
    libraries = {name.split("/")[0] for name in zipped.namelist() if ".dist-info/" in name}
    licensed = {name.split("/")[0] for name in zipped.namelist() if re.search(r"LICEN[CS]E|COPYING", name)}
    assert libraries <= licensed


def test_nothing_that_is_never_used(zipped: zipfile.ZipFile) -> None:
    folders = r"(^|/)(tests?|bin)/"
    endings = r"\.(pyi|pyx|pxd|h|c|a)$|/(RECORD|INSTALLER|REQUESTED)$"
    assert [name for name in zipped.namelist() if re.search(f"{folders}|{endings}", name)] == []


def test_our_own_code_is_there_and_nothing_beside_it(step: str, zipped: zipfile.ZipFile) -> None:
    folder = package.ROOT / "functions" / step
    names = set(zipped.namelist())
    for source in (package.ROOT / "functions" / "xmlift").rglob("*.py"):
        assert source.relative_to(package.ROOT / "functions").as_posix() in names
    for source in folder.rglob("*.py"):
        assert source.relative_to(folder).as_posix() in names
    assert not [name for name in names if name.startswith("requirements")]


def test_no_trace_of_the_machine_that_built_it(zipped: zipfile.ZipFile) -> None:
    here = {str(package.ROOT), str(Path.home()), sys.prefix, sys.base_prefix, tempfile.gettempdir()}
    # A home of / or a checkout in / would be found in any text.
    traces = [path.encode() + b"/" for path in here if len(PurePosixPath(path).parts) > 2]
    if (user := getpass.getuser()) != "root":
        traces.append(f"/{user}/".encode())
    for name in zipped.namelist():
        content = zipped.read(name)
        assert not [trace for trace in traces if trace in content], name


def test_every_module_has_its_bytecode(zipped: zipfile.ZipFile) -> None:
    names = set(zipped.namelist())
    modules = [PurePosixPath(name) for name in names if name.endswith(".py")]
    assert {str(module) for module in modules if str(cached_path(module)) not in names} == set()


def test_entries_say_nothing_of_when_and_by_whom_they_were_written(zipped: zipfile.ZipFile) -> None:
    entries = zipped.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}
    assert zipped.testzip() is None


def test_sdk_data_is_that_of_the_services_called(step: str, zipped: zipfile.ZipFile) -> None:
    models = {
        name.split("/")[2]
        for name in zipped.namelist()
        if re.match(r"botocore/data/[^/]+/.+/service-2", name)
    }
    assert models == SERVICES[step]


def test_the_authorities_that_terraform_names_for_the_warehouse_are_in_the_zip(packages) -> None:
    for step in ("plan", "load", "report", "migrate"):
        with packages.open(step) as opened:
            assert b"BEGIN CERTIFICATE" in opened.read("botocore/cacert.pem")


@pytest.mark.parametrize(
    ("path", "shipped"),
    [
        ("botocore/data/s3/2006-03-01/service-2.json.gz", True),
        ("botocore/data/s3/2006-03-01/examples-1.json", False),
        ("botocore/data/ec2/2016-11-15/service-2.json.gz", False),
        ("botocore/data/endpoints.json", True),
        ("yaml/_yaml.cpython-313-x86_64-linux-gnu.so", False),
        ("yaml/loader.py", True),
        ("numpy/testing/__init__.py", True),
        ("numpy/_core/tests/test_api.py", False),
        ("numpy/_core/_umath_tests.cpython-313-x86_64-linux-gnu.so", False),
        ("numpy/_core/_multiarray_umath.cpython-313-x86_64-linux-gnu.so", True),
        ("lxml/objectify.cpython-313-darwin.so", False),
        ("lxml/etree.cpython-313-darwin.so", True),
        ("aws_lambda_powertools/utilities/typing/__init__.py", True),
        ("aws_lambda_powertools/utilities/parser/__init__.py", False),
        ("six-1.17.0.dist-info/METADATA", True),
        ("six-1.17.0.dist-info/LICENSE", True),
        ("six-1.17.0.dist-info/RECORD", False),
        ("numpy-2.5.5.dist-info/licenses/numpy/ma/LICENSE", True),
    ],
)
def test_what_is_left_out(path: str, shipped: bool) -> None:
    assert is_shipped(PurePosixPath(path), frozenset({"s3"})) is shipped
