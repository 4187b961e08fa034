"""Extension modules fit the machine: Lambda's two architectures, and the glibc of Amazon Linux 2023."""

import io
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

import package
from contents import SERVICES, Target, is_shipped
from vendor import PackageError, vendor, wheel_platform

MACHINES = {"x86_64": "EM_X86_64", "arm64": "EM_AARCH64"}
GLIBC = (2, 34)
# What Amazon Linux 2023 and the runtime itself bring; everything else has to be in the zip.
SYSTEM = {
    *("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libresolv.so.2"),
    *("ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "libgcc_s.so.1", "libstdc++.so.6", "libz.so.1"),
}


@pytest.fixture(scope="module", params=sorted(MACHINES))
def architecture(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def libraries(architecture: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ELFFile]:
    """The shared objects that all zips of an architecture together carry."""
    found = {}
    target = Target(architecture, "linux")
    for step in SERVICES:
        folder = tmp_path_factory.mktemp(f"{step}-{architecture}")
        vendor(package.ROOT / "functions" / step / "requirements.txt", target, folder)
        for name, path in package.read_tree(folder):
            if ".so" in path.suffixes and is_shipped(name, SERVICES[step]):
                found[str(name)] = ELFFile(io.BytesIO(path.read_bytes()))
    return found


def symbol_versions(library: ELFFile) -> Iterator[str]:
    for section in library.iter_sections():
        if isinstance(section, GNUVerNeedSection):
            for _, versions in section.iter_versions():
                yield from (version.name for version in versions)


def test_machine(libraries: dict[str, ELFFile], architecture: str) -> None:
    assert {"lxml/etree", "msgspec/_core", "psycopg2/_psycopg"} <= {name.split(".")[0] for name in libraries}
    assert {library["e_machine"] for library in libraries.values()} == {MACHINES[architecture]}


def test_glibc(libraries: dict[str, ELFFile]) -> None:
    for name, library in libraries.items():
        for version in symbol_versions(library):
            if version.startswith("GLIBC_2"):
                needed = tuple(int(part) for part in version.removeprefix("GLIBC_").split("."))
                assert needed[:2] <= GLIBC, f"{name} needs {version}"


def test_every_library_that_is_needed_is_there(libraries: dict[str, ELFFile]) -> None:
    present = {PurePosixPath(name).name for name in libraries} | SYSTEM
    for name, library in libraries.items():
        needed = {tag.needed for tag in library.get_section_by_name(".dynamic").iter_tags("DT_NEEDED")}
        assert needed <= present, f"{name} needs {needed - present}"


def test_platforms_of_the_wheels() -> None:
    assert wheel_platform(Target("x86_64", "linux")) == "x86_64-manylinux_2_34"
    assert wheel_platform(Target("arm64", "linux")) == "aarch64-manylinux_2_34"
    assert wheel_platform(Target("arm64", "macos")) == "aarch64-apple-darwin"


def test_a_wheel_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    # A hash that no file has, as if the locked file had been taken away or changed.
    requirements.write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n")
    folder = tmp_path / "folder"
    with pytest.raises(
        PackageError, match=r"(?s)requirements\.txt for x86_64-manylinux_2_34.*six.*make lock"
    ):
        vendor(requirements, Target("x86_64", "linux"), folder)


def test_without_uv_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PackageError, match=r"uv was not found.*make setup"):
        vendor(tmp_path / "requirements.txt", Target("x86_64", "linux"), tmp_path)
