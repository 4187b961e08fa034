"""Say what is in a zip: its bill of materials, in CycloneDX's JSON.

    python build/sbom.py [FOLDER]    # who is in which of dist/*.zip, with version and licence

It is read from the zip itself, from the metadata that every library keeps there, so it cannot name another version
than the one that runs. Wheels that were told which system libraries they carry pass that on; of the others' shared
libraries (psycopg2's libpq, numpy's OpenBLAS) the files are named, with their hashes: nothing says more of them.
Equal zips have equal bills: neither a time nor a random number is in them.
"""

import io
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.bom_ref import BomRef
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# Where a wheel keeps what it knows of itself (PEP 427), and bills of what was built into it (PEP 770).
_METADATA = re.compile(r"(?P<folder>[^/]+\.dist-info)/METADATA$")
_SHARED_LIBRARY = re.compile(r"(?P<library>[^/]+)\.libs/(?P<file>[^/]+)$")
_WHEELS_OWN_BILL = re.compile(r"[^/]+\.dist-info/sboms/[^/]+\.cdx\.json$")


def bill_of_materials(step: str, content: bytes) -> bytes:
    """The bill of a function's zip, whose bytes are `content`."""
    digest = sha256(content).hexdigest()
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, f"sha256:{digest}"))
    bom.metadata.timestamp = None  # type: ignore[assignment]  # of the same zip there is one bill, whenever it is made
    function = Component(
        name=f"xmlift-{step}",
        type=ComponentType.APPLICATION,
        bom_ref=f"xmlift-{step}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
    )
    bom.metadata.component = function
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        described = dict(_libraries(opened))
        files = list(_shared_libraries(opened))
    libraries = {name: _component(metadata, inner) for name, (metadata, inner) in described.items()}
    for name, file in files:
        (libraries.get(name) or bom).components.add(file)
    for name, library in libraries.items():
        bom.components.add(library)
        needed = _needed(described[name][0])
        bom.register_dependency(library, [libraries[other] for other in sorted(needed & libraries.keys())])
    bom.register_dependency(function, libraries.values())
    return (JsonV1Dot6(bom).output_as_string(indent=2) + "\n").encode()


def _libraries(opened: zipfile.ZipFile) -> Iterator[tuple[str, tuple[RawMetadata, list[bytes]]]]:
    """Each library by its normalised name: its metadata, and the bills of what its wheel carries."""
    names = opened.namelist()
    for name in names:
        if found := _METADATA.fullmatch(name):
            metadata, _ = parse_email(opened.read(name))
            inner = [
                opened.read(each)
                for each in names
                if each.startswith(f"{found['folder']}/") and _WHEELS_OWN_BILL.fullmatch(each)
            ]
            yield canonicalize_name(metadata["name"]), (metadata, inner)


def _component(metadata: RawMetadata, inner: list[bytes]) -> Component:
    name, version = canonicalize_name(metadata["name"]), metadata["version"]
    purl = PackageURL("pypi", name=name, version=version)
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        bom_ref=str(purl),
        purl=purl,
        licenses=_licences(metadata),
        components=[part for bill in inner for part in _carried(bill, str(purl))],
    )


def _licences(metadata: RawMetadata) -> list[License]:
    """What the library says of its licence, in one line; else what its classifiers say."""
    stated = metadata.get("license_expression") or metadata.get("license", "")
    if not stated or "\n" in stated:
        classified = [
            line.split(" :: ")[-1] for line in metadata.get("classifiers", []) if line[:7] == "License"
        ]
        stated = classified[0] if classified else ""
    return [LicenseFactory().make_from_string(stated)] if stated else []


def _carried(bill: bytes, carrier: str) -> Iterator[Component]:
    """The system libraries in a wheel, each once: auditwheel names a package once for each file taken from it."""
    seen: set[str] = set()
    for part in json.loads(bill)["components"]:
        purl = part["purl"]
        if not purl.startswith("pkg:pypi/") and purl not in seen:
            seen.add(purl)
            yield Component(
                name=part["name"],
                version=part["version"],
                type=ComponentType.LIBRARY,
                bom_ref=BomRef(f"{carrier}#{purl}"),
                purl=PackageURL.from_string(purl),
            )


def _shared_libraries(opened: zipfile.ZipFile) -> Iterator[tuple[str, Component]]:
    """The files that auditwheel put beside a library's own, each with that library's name."""
    for path in opened.namelist():
        if found := _SHARED_LIBRARY.fullmatch(path):
            digest = HashType(alg=HashAlgorithm.SHA_256, content=sha256(opened.read(path)).hexdigest())
            file = Component(name=found["file"], type=ComponentType.FILE, bom_ref=path, hashes=[digest])
            yield canonicalize_name(found["library"]), file


def _needed(metadata: RawMetadata) -> set[str]:
    """The libraries that one asks for, whatever the platform; of its extras none is asked for here."""
    required = map(Requirement, metadata.get("requires_dist", []))
    return {
        canonicalize_name(each.name)
        for each in required
        if not (each.marker and re.search(r"\bextra\b", str(each.marker)))
    }


def table(folder: Path) -> str:
    """The bills of a folder for people: library, version, licence, and the functions that have it."""
    found: dict[tuple[str, str], list[str]] = {}
    for path in sorted(folder.glob("*.cdx.json")):
        for part in json.loads(path.read_text()).get("components", []):
            for each in (part, *part.get("components", [])):
                licences = [
                    one.get("expression") or one["license"].get("id") or one["license"]["name"]
                    for one in each.get("licenses", [])
                ]
                key = (each.get("purl", each["bom-ref"]), ", ".join(licences) or "-")
                found.setdefault(key, []).append(path.name.split(".")[0])
    return "\n".join(
        f"{name:<62}  {licence:<24}  {' '.join(steps)}" for (name, licence), steps in sorted(found.items())
    )


if __name__ == "__main__":
    sys.stdout.write(table(Path(sys.argv[1] if len(sys.argv) > 1 else "dist")) + "\n")
