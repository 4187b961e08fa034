"""The bills of materials: what the zips hold and nothing else, of CycloneDX's form, equal for equal zips."""

import json
import sys
import zipfile
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import sbom

THING = """Metadata-Version: 2.4
Name: Thing.Maker
Version: 1.2
License-Expression: MIT
Requires-Dist: gadget>=3
Requires-Dist: not-shipped
Requires-Dist: gadget-tests; extra == "test"
"""
GADGET = """Metadata-Version: 2.1
Name: gadget
Version: 3.0
License: Permission is hereby granted
        to everybody
Classifier: License :: OSI Approved :: BSD License
"""
# As auditwheel writes it: the wheel itself first, and a package once for each file that was taken from it.
CARRIED = {
    "components": [
        {"name": "gadget", "version": "3.0", "purl": "pkg:pypi/gadget@3.0?file_name=gadget.whl"},
        {"name": "krb5-libs", "version": "1.15", "purl": "pkg:rpm/centos/krb5-libs@1.15"},
        {"name": "krb5-libs", "version": "1.15", "purl": "pkg:rpm/centos/krb5-libs@1.15"},
    ]
}


def zipped() -> bytes:
    written = BytesIO()
    with zipfile.ZipFile(written, "w") as opened:
        for name, content in {
            "handler.py": "",
            "Thing_Maker-1.2.dist-info/METADATA": THING,
            "gadget-3.0.dist-info/METADATA": GADGET,
            "gadget-3.0.dist-info/sboms/auditwheel.cdx.json": json.dumps(CARRIED),
            "gadget/data/METADATA": "Name: no library",
            "gadget.libs/libpq-0a1b2c3d.so.5.17": "a shared library",
        }.items():
            opened.writestr(zipfile.ZipInfo(name), content)
    return written.getvalue()


def test_a_bill_says_what_is_in_the_zip() -> None:
    bill = json.loads(sbom.bill_of_materials("plan", zipped()))
    assert bill["components"] == [
        {
            "type": "library",
            "bom-ref": "pkg:pypi/gadget@3.0",
            "name": "gadget",
            "version": "3.0",
            "purl": "pkg:pypi/gadget@3.0",
            "licenses": [{"license": {"name": "BSD License"}}],
            "components": [
                {
                    "type": "file",
                    "bom-ref": "gadget.libs/libpq-0a1b2c3d.so.5.17",
                    "name": "libpq-0a1b2c3d.so.5.17",
                    "hashes": [{"alg": "SHA-256", "content": sha256(b"a shared library").hexdigest()}],
                },
                {
                    "type": "library",
                    "bom-ref": "pkg:pypi/gadget@3.0#pkg:rpm/centos/krb5-libs@1.15",
                    "name": "krb5-libs",
                    "version": "1.15",
                    "purl": "pkg:rpm/centos/krb5-libs@1.15",
                },
            ],
        },
        {
            "type": "library",
            "bom-ref": "pkg:pypi/thing-maker@1.2",
            "name": "thing-maker",
            "version": "1.2",
            "purl": "pkg:pypi/thing-maker@1.2",
            "licenses": [{"license": {"id": "MIT"}}],
        },
    ]
    assert bill["dependencies"] == [
        {"ref": "pkg:pypi/gadget@3.0"},
        {"ref": "pkg:pypi/thing-maker@1.2", "dependsOn": ["pkg:pypi/gadget@3.0"]},
        {"ref": "xmlift-plan", "dependsOn": ["pkg:pypi/gadget@3.0", "pkg:pypi/thing-maker@1.2"]},
    ]
    assert "timestamp" not in bill["metadata"]


def test_equal_zips_have_equal_bills() -> None:
    assert sbom.bill_of_materials("plan", zipped()) == sbom.bill_of_materials("plan", zipped())


def test_each_bill_follows_cyclonedx_and_names_every_library(packages, step: str) -> None:
    text = (packages.dist / f"{step}.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    with packages.open(step) as opened:
        shipped = {name.split("-")[0] for name in opened.namelist() if name.endswith(".dist-info/METADATA")}
    assert {each["name"].replace("-", "_") for each in bill["components"]} == {
        name.lower() for name in shipped
    }
    assert all("licenses" in each for each in bill["components"])
    (stated,) = bill["metadata"]["component"]["hashes"]
    assert stated == {"alg": "SHA-256", "content": packages.manifest["functions"][step]["sha256"]}


@pytest.mark.skipif(sys.platform != "linux", reason="wheels for macOS carry no bills")
def test_what_a_wheel_carries_is_told(packages) -> None:
    bill = json.loads((packages.dist / "load.cdx.json").read_text())
    (driver,) = (each for each in bill["components"] if each["name"] == "psycopg2-binary")
    carried = {each["name"].split("-")[0]: each["type"] for each in driver["components"]}
    assert carried["krb5"] == "library"
    assert carried["libpq"] == carried["libssl"] == "file"


def test_people_read_a_table(tmp_path: Path) -> None:
    for step in ("load", "plan"):
        (tmp_path / f"{step}.cdx.json").write_bytes(sbom.bill_of_materials(step, zipped()))
    assert [line.split(maxsplit=1) for line in sbom.table(tmp_path).splitlines()] == [
        ["gadget.libs/libpq-0a1b2c3d.so.5.17", "-                         load plan"],
        ["pkg:pypi/gadget@3.0", "BSD License               load plan"],
        ["pkg:pypi/thing-maker@1.2", "MIT                       load plan"],
        ["pkg:rpm/centos/krb5-libs@1.15", "-                         load plan"],
    ]
