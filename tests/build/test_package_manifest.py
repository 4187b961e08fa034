"""The manifest tells the truth about the zips, and is never beside others than those it describes."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

import package
from contents import UNZIPPED_LIMIT, ZIP_LIMITS, Target
from vendor import PackageError


def test_manifest_describes_the_zips(packages) -> None:
    manifest = json.loads((packages.dist / "manifest.json").read_text())
    assert manifest == packages.manifest
    assert (manifest["architecture"], manifest["platform"], manifest["python"]) == packages.target
    assert sorted(path.name for path in packages.dist.iterdir()) == sorted(
        [
            "manifest.json",
            *(function["file"] for function in manifest["functions"].values()),
            *(function["sbom"]["file"] for function in manifest["functions"].values()),
        ]
    )


def test_manifest_describes_each_zip(packages, step: str) -> None:
    function = packages.manifest["functions"][step]
    content = (packages.dist / function["file"]).read_bytes()
    with packages.open(step) as opened:
        unzipped = sum(entry.file_size for entry in opened.infolist())
    assert function == {
        "file": f"{step}.zip",
        "sha256": hashlib.sha256(content).hexdigest(),
        "source_code_hash": base64.b64encode(hashlib.sha256(content).digest()).decode(),
        "bytes": len(content),
        "unzipped_bytes": unzipped,
        "sbom": {
            "file": f"{step}.cdx.json",
            "sha256": hashlib.sha256((packages.dist / f"{step}.cdx.json").read_bytes()).hexdigest(),
        },
    }
    assert len(content) <= ZIP_LIMITS[step]
    assert unzipped <= UNZIPPED_LIMIT


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of five small functions whose only library is vendored from thin air."""
    for step in package.SERVICES:
        folder = tmp_path / "functions" / step
        folder.mkdir(parents=True)
        (folder / "handler.py").write_text(f"STEP = {step!r}\n")
        (folder / "requirements.txt").write_text("lib==1 \\\n    --hash=sha256:00\n    # via nothing\n")
    library = tmp_path / "functions" / "xmlift"
    library.mkdir()
    (library / "__init__.py").write_text("")

    def vendor(requirements: Path, target: Target, folder: Path) -> None:
        (folder / "lib.py").write_text(f"VERSION = {requirements.read_text().split()[0]!r}\n")

    monkeypatch.setattr(package, "ROOT", tmp_path)
    monkeypatch.setattr(package, "vendor", vendor)
    return tmp_path


LINUX = Target("x86_64", "linux")


def build(project: Path, target: Target = LINUX) -> dict[str, str]:
    """Build the project; answers the zips' hashes."""
    dist = project / "dist"
    manifest = package.build(target, dist, dist / ".cache")
    return {step: function["sha256"] for step, function in manifest["functions"].items()}


def refuse_to_vendor(requirements: Path, target: Target, folder: Path) -> None:
    raise AssertionError(f"{requirements} is vendored again")


def test_what_has_not_changed_is_not_vendored_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = build(project)
    monkeypatch.setattr(package, "vendor", refuse_to_vendor)
    assert build(project) == before


def refuse(*_: Any) -> Any:
    raise AssertionError("made again")


def test_nothing_is_made_where_nothing_has_changed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = build(project)
    for step in ("read_entries", "compress_all", "archive", "write_atomically"):
        monkeypatch.setattr(package, step, refuse)
    assert build(project) == before
    assert build(project, LINUX) == before


def manifest_damaged(dist: Path) -> None:
    (dist / "manifest.json").write_text("{}")


def manifest_missing(dist: Path) -> None:
    (dist / "manifest.json").unlink()


def zip_missing(dist: Path) -> None:
    (dist / "load.zip").unlink()


def bill_changed(dist: Path) -> None:
    (dist / "plan.cdx.json").write_text("{}")


def record_damaged(dist: Path) -> None:
    (dist / ".cache" / "linux-x86_64.json").write_text('{"inputs": ')


@pytest.mark.parametrize(
    "damage", [manifest_damaged, manifest_missing, zip_missing, bill_changed, record_damaged]
)
def test_what_was_lost_or_changed_since_is_written_again(project: Path, damage: Any) -> None:
    before = build(project)
    manifest = (project / "dist" / "manifest.json").read_bytes()
    damage(project / "dist")
    assert build(project) == before
    assert (project / "dist" / "manifest.json").read_bytes() == manifest
    for step, sha256 in before.items():
        assert hashlib.sha256((project / "dist" / f"{step}.zip").read_bytes()).hexdigest() == sha256
        assert sha256 in (project / "dist" / f"{step}.cdx.json").read_text()


def test_an_edit_during_the_build_that_is_taken_back_is_noticed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = build(project)
    handler = project / "functions" / "report" / "handler.py"
    source = handler.read_text()

    def edited_meanwhile(*arguments: Any) -> Any:
        handler.write_text("STEP = 'meanwhile'\n")
        return pack(*arguments)

    pack = package.pack
    (project / "functions" / "xmlift" / "__init__.py").write_text("WIDE = True\n")
    monkeypatch.setattr(package, "pack", edited_meanwhile)
    build(project)
    monkeypatch.undo()
    monkeypatch.setattr(package, "ROOT", project)
    monkeypatch.setattr(package, "vendor", refuse_to_vendor)
    handler.write_text(source)
    assert build(project)["report"] != before["report"]
    assert b"STEP = 'report'" in ZipFile(project / "dist" / "report.zip").read("handler.py")


def test_a_change_of_our_code_vendors_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = build(project)
    monkeypatch.setattr(package, "vendor", refuse_to_vendor)
    (project / "functions" / "plan" / "handler.py").write_text("STEP = 'planned'\n")
    after = build(project)
    assert {step for step in before if before[step] != after[step]} == {"plan"}


def test_a_change_of_the_library_changes_every_zip(project: Path) -> None:
    before = build(project)
    (project / "functions" / "xmlift" / "__init__.py").write_text("WIDE = True\n")
    after = build(project)
    assert all(before[step] != after[step] for step in before)


def test_a_changed_requirement_is_vendored_and_a_comment_is_not(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = build(project)
    requirements = project / "functions" / "load" / "requirements.txt"
    requirements.write_text(requirements.read_text().replace("lib==1", "lib==2"))
    after = build(project)
    assert {step for step in before if before[step] != after[step]} == {"load"}

    monkeypatch.setattr(package, "vendor", refuse_to_vendor)
    requirements.write_text(requirements.read_text() + "# another comment\n")
    assert build(project) == after


def test_a_changed_service_is_vendored(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(project)
    monkeypatch.setattr(package, "vendor", refuse_to_vendor)
    monkeypatch.setitem(package.SERVICES, "migrate", frozenset({"sns"}))
    with pytest.raises(AssertionError, match="migrate"):
        build(project)


def test_a_changed_rule_of_the_packaging_is_vendored(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(project)
    monkeypatch.setattr(package, "vendor", refuse_to_vendor)
    (project / "build").mkdir()
    (project / "build" / "contents.py").write_text("LEFT_OUT = ()\n")
    with pytest.raises(AssertionError, match="vendored again"):
        build(project)


def test_the_targets_do_not_share_libraries(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(project)
    monkeypatch.setattr(package, "vendor", refuse_to_vendor)
    with pytest.raises(AssertionError, match="vendored again"):
        build(project, Target("arm64", "linux"))


def test_the_manifest_says_what_was_packaged_whatever_it_is_for(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dist = project / "dist"
    sources = package.build(LINUX, dist, dist / ".cache")["sources"]
    assert package.build(Target("arm64", "macos"), dist, dist / ".cache")["sources"] == sources
    package.main(["--sources"])
    assert capsys.readouterr().out == f"{sources}\n"
    (project / "functions" / "load" / "handler.py").write_text("# changed\n")
    package.main(["--sources"])
    assert capsys.readouterr().out != f"{sources}\n"


def test_libraries_of_an_older_build_are_removed(project: Path) -> None:
    layers = project / "dist" / ".cache" / "linux-x86_64"
    build(project)
    before = set(layers.iterdir())
    for requirements in project.glob("functions/*/requirements.txt"):
        requirements.write_text(requirements.read_text().replace("lib==1", "lib==2"))
    build(project)
    assert len(before) == len(set(layers.iterdir())) == len(set(package.SERVICES.values()))
    assert before.isdisjoint(layers.iterdir())


def test_a_damaged_library_layer_is_made_anew(project: Path) -> None:
    before = build(project)
    for layer in (project / "dist" / ".cache" / "linux-x86_64").iterdir():
        layer.write_bytes(layer.read_bytes()[:-9])
    assert build(project) == before


def test_a_failed_build_leaves_no_manifest_that_describes_other_zips(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(project)
    (project / "functions" / "xmlift" / "__init__.py").write_text("WIDE = True\n")
    (project / "functions" / "report" / "handler.py").write_text("def broken(:\n")
    with pytest.raises(PackageError, match=r"report: handler\.py:1: invalid syntax"):
        build(project)
    assert not (project / "dist" / "manifest.json").exists()


def test_a_zip_that_was_tampered_with_is_written_again(project: Path) -> None:
    before = build(project)
    (project / "dist" / "plan.zip").write_bytes(b"")
    assert build(project) == before
    assert (project / "dist" / "plan.zip").stat().st_size > 0


def test_what_is_no_code_stays_out(project: Path) -> None:
    before = build(project)
    folder = project / "functions" / "plan"
    (folder / "requirements.in").write_text("lib\n")
    (folder / ".DS_Store").write_text("")
    (folder / "handler.py~").write_text("")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "handler.cpython-312.pyc").write_bytes(b"")
    assert build(project) == before


def test_a_function_without_a_handler_is_refused(project: Path) -> None:
    (project / "functions" / "load" / "handler.py").unlink()
    with pytest.raises(PackageError, match=r"functions/load/handler\.py is missing"):
        build(project)


def test_one_name_twice_is_refused(project: Path) -> None:
    (project / "functions" / "plan" / "lib.py").write_text("")
    with pytest.raises(PackageError, match=r"functions/plan: lib\.py is also the name of a library's file"):
        build(project)


def test_the_limits_of_the_zips() -> None:
    assert ZIP_LIMITS == {
        "plan": 12_000_000,
        "extract": 35_000_000,
        "load": 12_000_000,
        "report": 12_000_000,
        "migrate": 12_000_000,
    }


@pytest.mark.parametrize(
    ("name", "limit"), [("ZIP_LIMITS", {**ZIP_LIMITS, "load": 60}), ("UNZIPPED_LIMIT", 60)]
)
def test_limits_name_the_function_what_is_large_and_the_remedy(
    project: Path, name: str, limit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, name, limit)
    with pytest.raises(
        PackageError,
        match=r"(load|plan): its \w+ has [0-9,]+ bytes, the limit is 60 .*lib\.py .*requirements\.in.*contents\.py",
    ):
        build(project)


def test_another_python_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "can_compile", lambda: False)
    with pytest.raises(PackageError, match=r"Lambda runs Python 3\.13 .*make setup"):
        build(project)


def test_command_prints_the_manifest_or_a_table(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert package.main(["--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((project / "dist" / "manifest.json").read_text())
    assert package.main(["--architecture", "arm64"]) == 0
    captured = capsys.readouterr()
    assert [line.split()[0] for line in captured.out.splitlines()] == ["function", *package.SERVICES]
    assert "linux arm64" in captured.err


@pytest.mark.parametrize(
    ("system", "machine", "target"),
    [
        ("Linux", "x86_64", ("x86_64", "linux")),
        ("Linux", "aarch64", ("arm64", "linux")),
        ("Darwin", "arm64", ("arm64", "macos")),
    ],
)
def test_zips_for_the_local_cloud_are_for_this_machine(
    project: Path, system: str, machine: str, target: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert package.main(["--local"]) == 0
    manifest = json.loads((project / "dist" / "manifest.json").read_text())
    assert (manifest["architecture"], manifest["platform"]) == target


def test_command_fails_with_one_message(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "functions" / "plan" / "lib.py").write_text("")
    assert package.main([]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1].startswith("package: functions/plan: lib.py")
