"""Packages are kept once per commit, and come back as they were."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from release import packages
from release.artifacts import Artifacts, Place
from release.errors import ReleaseError

COMMIT, OTHER = 40 * "a", 40 * "b"


@pytest.fixture
def artifacts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Artifacts]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    with mock_aws():
        s3: Any = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="packages")
        yield Artifacts(s3, "packages")


def packaged(folder: Path, **contents: str) -> Path:
    """Packages as build/package.py writes them: a zip for each step, a bill of materials beside one."""
    folder.mkdir()
    functions: dict[str, Any] = {}
    for step, content in contents.items():
        (folder / f"{step}.zip").write_text(content)
        functions[step] = {"file": f"{step}.zip", "sha256": packages.sha256(folder / f"{step}.zip")}
    (folder / "plan.cdx.json").write_text("{}")
    functions["plan"]["sbom"] = {
        "file": "plan.cdx.json",
        "sha256": packages.sha256(folder / "plan.cdx.json"),
    }
    (folder / "manifest.json").write_text(json.dumps({"architecture": "x86_64", "functions": functions}))
    return folder


def keys(artifacts: Artifacts) -> list[str]:
    listed = artifacts.s3.list_objects_v2(Bucket=artifacts.bucket).get("Contents", [])
    return [entry["Key"] for entry in listed]


def test_packages_come_back_as_they_were(artifacts: Artifacts, tmp_path: Path) -> None:
    made = packaged(tmp_path / "dist", plan="one", load="two")
    assert artifacts.publish(COMMIT, made)
    files = {"manifest.json", "plan.zip", "load.zip", "plan.cdx.json"}
    assert set(keys(artifacts)) == {f"{COMMIT}/{name}" for name in files}
    assert set(artifacts.fetch(COMMIT, tmp_path / "fetched")) == files
    for name in files:
        assert (tmp_path / "fetched" / name).read_bytes() == (made / name).read_bytes()


def test_the_manifest_is_the_last_to_be_kept(artifacts: Artifacts, tmp_path: Path) -> None:
    """Where publishing is broken off there is no manifest, and so nothing to fetch."""
    order: list[str] = []
    artifacts.publish(COMMIT, packaged(tmp_path / "dist", plan="one", load="two"), order.append)
    assert order == ["load.zip", "plan.cdx.json", "plan.zip", "manifest.json"]


def test_publishing_that_was_broken_off_is_finished(artifacts: Artifacts, tmp_path: Path) -> None:
    made = packaged(tmp_path / "dist", plan="one", load="two")
    artifacts.s3.put_object(Bucket="packages", Key=f"{COMMIT}/load.zip", Body=b"two")
    assert artifacts.publish(COMMIT, made)
    assert not artifacts.publish(COMMIT, made)


def test_what_is_kept_is_never_replaced(artifacts: Artifacts, tmp_path: Path) -> None:
    artifacts.publish(COMMIT, packaged(tmp_path / "dist", plan="one", load="two"))
    with pytest.raises(
        ReleaseError, match=rf"s3://packages/{COMMIT}/manifest.json is there with other bytes"
    ):
        artifacts.publish(COMMIT, packaged(tmp_path / "again", plan="one", load="three"))
    artifacts.s3.put_object(Bucket="packages", Key=f"{OTHER}/load.zip", Body=b"something else")
    with pytest.raises(ReleaseError, match=rf"{OTHER}/load.zip is there with other bytes"):
        artifacts.publish(OTHER, packaged(tmp_path / "other", plan="one", load="three"))
    assert (
        artifacts.s3.get_object(Bucket="packages", Key=f"{OTHER}/load.zip")["Body"].read()
        == b"something else"
    )


def test_packages_that_are_not_whole_are_not_published(artifacts: Artifacts, tmp_path: Path) -> None:
    made = packaged(tmp_path / "dist", plan="one", load="two")
    (made / "load.zip").write_text("changed")
    with pytest.raises(ReleaseError, match=r"load.zip is not the file that .*manifest.json describes"):
        artifacts.publish(COMMIT, made)
    (made / "load.zip").unlink()
    with pytest.raises(ReleaseError, match="its SHA-256 is missing"):
        artifacts.publish(COMMIT, made)
    assert keys(artifacts) == []


def test_what_is_not_as_the_manifest_says_is_not_fetched(artifacts: Artifacts, tmp_path: Path) -> None:
    """The packages that are there stay as they are."""
    there = packaged(tmp_path / "there", plan="before", load="before")
    artifacts.publish(COMMIT, packaged(tmp_path / "dist", plan="one", load="two"))
    artifacts.s3.put_object(Bucket="packages", Key=f"{COMMIT}/load.zip", Body=b"changed")
    with pytest.raises(
        ReleaseError,
        match=rf"s3://packages/{COMMIT}/load\.zip is not the file .* Its packages cannot be used, and packages",
    ):
        artifacts.fetch(COMMIT, there)
    assert (there / "load.zip").read_text() == "before"
    assert (there / "manifest.json").exists()


def test_what_is_missing_is_not_fetched(artifacts: Artifacts, tmp_path: Path) -> None:
    artifacts.publish(COMMIT, packaged(tmp_path / "dist", plan="one", load="two"))
    artifacts.s3.delete_object(Bucket="packages", Key=f"{COMMIT}/load.zip")
    with pytest.raises(ReleaseError, match=r"load\.zip is not the file"):
        artifacts.fetch(COMMIT, tmp_path / "fetched")
    assert list((tmp_path / "fetched").iterdir()) == []


def test_a_commit_without_packages_is_told_of(artifacts: Artifacts, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=rf"no packages of commit {COMMIT} .* make package publish"):
        artifacts.fetch(COMMIT, tmp_path / "fetched")


def test_nothing_is_written_outside_of_the_folder(artifacts: Artifacts, tmp_path: Path) -> None:
    manifest = {"functions": {"plan": {"file": "../plan.zip", "sha256": 64 * "0"}}}
    artifacts.s3.put_object(Bucket="packages", Key=f"{COMMIT}/manifest.json", Body=json.dumps(manifest))
    with pytest.raises(ReleaseError, match="not in its folder"):
        artifacts.fetch(COMMIT, tmp_path / "fetched")
    assert not (tmp_path / "plan.zip").exists()


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (
            {"platform": "macos", "sources": "s"},
            r"for macos, and Lambda is linux\. Remedy: make package publish",
        ),
        ({"platform": "linux", "sources": "older"}, "made of other files than functions and build have now"),
        ({"platform": "linux"}, "made of other files"),
    ],
)
def test_what_is_not_of_this_commit_is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, manifest: dict[str, str], words: str
) -> None:
    monkeypatch.setattr(packages, "sources_here", lambda: "s")
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ReleaseError, match=words):
        packages.check_publishable(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"platform": "linux", "sources": "s"}))
    packages.check_publishable(tmp_path)


def test_what_would_be_packaged_here_is_known() -> None:
    assert len(packages.sources_here()) == 64


def test_the_bucket_is_the_one_that_the_bootstrap_makes(tmp_path: Path) -> None:
    file = tmp_path / "artifacts.auto.tfvars.json"
    file.write_text('{"artifacts": {"account_id": "111122223333", "region": "eu-central-1"}}')
    assert Place.described(file) == Place("111122223333", "eu-central-1", ())
    assert Place.described().bucket == "xmlift-artifacts-111122223333"
    assert Place.described().readers == ("444455556666", "777788889999")
