"""Build the functions' zips, their bills of materials and dist/manifest.json.

    python build/package.py [--architecture x86_64|arm64] [--platform linux|macos] | [--local] [--json]
    python build/package.py --sources

For Lambda on x86_64 unless told otherwise, whatever builds it; with --local, for the machine that builds.

A zip is a layer of vendored libraries and a layer of our own code. The first takes seconds to make, is kept
in dist/.cache and made anew only when something that decides its bytes changes; the second takes a moment.
Where nothing at all has changed since the zips were written, they are compared with what is known of them,
and stay. Equal inputs give equal bytes, in any folder, on any machine, with the same release of Python 3.13
(another one may compile to other bytecode).
"""

import argparse
import base64
import hashlib
import json
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

import deflate

from archive import Entry, archive, compress_all, read_entries, write_atomically
from bytecode import cached_path, can_compile, compile_module
from contents import SERVICES, UNZIPPED_LIMIT, ZIP_LIMITS, Target, is_shipped, this_machine
from sdk_data import cut_to_what_is_called
from vendor import PackageError, vendor

ROOT = Path(__file__).resolve().parent.parent
Entries = dict[str, Entry]


def say(line: str) -> None:
    """Progress goes to stderr: stdout is for the result."""
    sys.stderr.write(f"package: {line}\n")


def with_bytecode(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files, and beside every module its bytecode. Raises SyntaxError that names the module."""
    compiled = {}
    for name, content in files.items():
        if name.endswith(".py"):
            try:
                compiled[str(cached_path(PurePosixPath(name)))] = compile_module(content)
            except SyntaxError as error:
                error.filename = name
                raise
    return files | compiled


def read_tree(folder: Path) -> Iterator[tuple[PurePosixPath, Path]]:
    """The files below a folder, with their paths in it."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield PurePosixPath(path.relative_to(folder).as_posix()), path


def layer_digest(step: str, target: Target) -> str:
    """A digest of all that decides the bytes of a function's libraries.

    Functions with the same requirements and services share one layer: comments do not count.
    """
    versions = (*sys.version_info[:3], deflate.__version__)
    decides = json.dumps([pins(step), sorted(SERVICES[step]), target, versions, rules()])
    return hashlib.sha256(decides.encode()).hexdigest()


def pins(step: str) -> list[str]:
    """The libraries of a function, without comments."""
    requirements = (ROOT / "functions" / step / "requirements.txt").read_text()
    return [line for line in requirements.splitlines() if not line.lstrip().startswith("#")]


def rules() -> dict[str, str]:
    """The code that packages."""
    return {path.name: path.read_text() for path in sorted((ROOT / "build").glob("*.py"))}


def make_layer(step: str, target: Target) -> Entries:
    """Vendor a function's libraries, leave out what it never uses, compile and compress the rest."""
    with TemporaryDirectory(prefix="xmlift-package-") as folder:
        vendor(ROOT / "functions" / step / "requirements.txt", target, Path(folder))
        files = {
            str(name): path.read_bytes()
            for name, path in read_tree(Path(folder))
            if is_shipped(name, SERVICES[step])
        }
    return compress_all(with_bytecode(cut_to_what_is_called(files)))


def library_layer(step: str, target: Target, cache: Path) -> Entries:
    """A function's libraries, from the cache if nothing that decides them has changed."""
    kept = cache / f"{layer_digest(step, target)}.zip"
    try:
        return read_entries(kept)
    except FileNotFoundError:
        say(f"{step}: vendoring for {target.platform} {target.architecture}")
    except zipfile.BadZipFile:
        say(f"{step}: {kept} is damaged, vendoring anew")
    entries = make_layer(step, target)
    write_atomically(kept, archive(entries))
    return entries


def forget_unused_layers(cache: Path, target: Target) -> None:
    """Keep what a next run can use, lest every change of a requirement leaves 40 MB behind."""
    used = {layer_digest(step, target) for step in SERVICES}
    for path in cache.glob("*.zip"):
        if path.stem not in used:
            path.unlink(missing_ok=True)


def own_files(step: str) -> dict[str, bytes]:
    """A function's own code by its name in the zip: its folder at the root, the library beside it."""
    functions = ROOT / "functions"
    files = {}
    for folder, prefix in ((functions / step, ""), (functions / "xmlift", "xmlift/")):
        for name, path in read_tree(folder):
            hidden = any(part.startswith(".") or part == "__pycache__" for part in name.parts)
            if not hidden and not name.name.startswith("requirements.") and not name.name.endswith("~"):
                files[f"{prefix}{name}"] = path.read_bytes()
    if "handler.py" not in files:
        raise PackageError(f"functions/{step}/handler.py is missing: Lambda calls `handler.handler`")
    return files


def inputs_digest(target: Target) -> str:
    """A digest of all that decides the bytes of all zips."""
    decides = []
    for step in SERVICES:
        own = {name: hashlib.sha256(content).hexdigest() for name, content in own_files(step).items()}
        decides.append([step, layer_digest(step, target), sorted(own.items())])
    return hashlib.sha256(json.dumps(decides).encode()).hexdigest()


def sources_digest() -> str:
    """A digest of what the repository says of all zips: the same whatever machine and Python build them."""
    decides = [
        [
            step,
            pins(step),
            sorted((name, hashlib.sha256(content).hexdigest()) for name, content in own_files(step).items()),
        ]
        for step in SERVICES
    ]
    return hashlib.sha256(json.dumps([decides, rules()]).encode()).hexdigest()


def built_before(inputs: str, dist: Path, record: Path) -> dict[str, Any] | None:
    """The manifest of an earlier build from the same inputs, if all that it wrote lies in `dist` unchanged."""
    try:
        known = json.loads(record.read_bytes())
        if known["inputs"] != inputs or (dist / "manifest.json").read_bytes() != written(known["manifest"]):
            return None
        for function in known["manifest"]["functions"].values():
            for described in (function, function["sbom"]):
                if hashlib.sha256((dist / described["file"]).read_bytes()).hexdigest() != described["sha256"]:
                    return None
    except (FileNotFoundError, ValueError, KeyError):
        return None  # no earlier build, or one that was interrupted
    return dict(known["manifest"])


def check_limits(step: str, zipped: int, entries: Entries) -> None:
    """Raise PackageError if a cold start would take too long to fetch the zip, or Lambda would refuse it."""
    packages: Counter[str] = Counter()
    for name, entry in entries.items():
        packages[name.split("/")[0]] += entry.size
    checked = (("zip", zipped, ZIP_LIMITS[step]), ("content", packages.total(), UNZIPPED_LIMIT))
    for what, size, limit in checked:
        if size > limit:
            largest = ", ".join(f"{package} {total:,}" for package, total in packages.most_common(3))
            raise PackageError(
                f"{step}: its {what} has {size:,} bytes, the limit is {limit:,} (unpacked, the largest are "
                f"{largest}). Take a library out of functions/{step}/requirements.in, or name what is never "
                "used of it in build/contents.py"
            )


def pack(step: str, target: Target, cache: Path) -> tuple[bytes, int]:
    """A function's zip, and how many bytes it unpacks to."""
    libraries = library_layer(step, target, cache)
    files = own_files(step)
    if shadowed := sorted(libraries.keys() & files.keys()):
        raise PackageError(f"functions/{step}: {shadowed[0]} is also the name of a library's file: rename it")
    try:
        entries = libraries | compress_all(with_bytecode(files))
    except SyntaxError as error:
        raise PackageError(f"{step}: {error.filename}:{error.lineno}: {error.msg}") from error
    content = archive(entries)
    check_limits(step, len(content), entries)
    return content, sum(entry.size for entry in entries.values())


def build(target: Target, dist: Path, layers: Path) -> dict[str, Any]:
    """Write all zips, their bills of materials and, last, the manifest that describes them; return the manifest.

    `layers` is the folder where vendored libraries are kept from one build to the next.
    """
    if not can_compile():
        raise PackageError(
            f"Lambda runs Python {target.python} and this is {sys.version.split()[0]}, whose bytecode it "
            "cannot read: use .venv/bin/python, which `make setup` makes"
        )
    cache = layers / f"{target.platform}-{target.architecture}"
    inputs, record = inputs_digest(target), layers / f"{cache.name}.json"
    sources = sources_digest()
    if known := built_before(inputs, dist, record):
        return known
    # Read here alone: it takes 0.3 s, and mostly nothing has changed.
    from sbom import bill_of_materials  # noqa: PLC0415

    manifest = dist / "manifest.json"
    functions = {}
    for step in SERVICES:
        content, unzipped = pack(step, target, cache)
        digest = hashlib.sha256(content)
        file = dist / f"{step}.zip"
        if not file.is_file() or file.read_bytes() != content:
            # Until the new manifest is there, none may describe other bytes than those that lie here.
            manifest.unlink(missing_ok=True)
            write_atomically(file, content)
        bill = bill_of_materials(step, content)
        write_atomically(dist / f"{step}.cdx.json", bill)
        functions[step] = {
            "file": file.name,
            "sha256": digest.hexdigest(),
            "source_code_hash": base64.b64encode(digest.digest()).decode(),
            "bytes": len(content),
            "unzipped_bytes": unzipped,
            "sbom": {"file": f"{step}.cdx.json", "sha256": hashlib.sha256(bill).hexdigest()},
        }
    forget_unused_layers(cache, target)
    described = {**target._asdict(), "sources": sources, "functions": functions}
    write_atomically(manifest, written(described))
    # Whoever edits meanwhile and takes it back would be told that these zips are what lies there.
    if inputs_digest(target) == inputs:
        write_atomically(record, json.dumps({"inputs": inputs, "manifest": described}).encode())
    return described


def written(manifest: dict[str, Any]) -> bytes:
    """The content of manifest.json."""
    return (json.dumps(manifest, indent=2) + "\n").encode()


def table(manifest: dict[str, Any]) -> str:
    """The manifest for people."""
    lines = [f"{'function':<10}{'zip MB':>8}{'unzipped MB':>13}  sha256"]
    for step, function in manifest["functions"].items():
        sizes = f"{function['bytes'] / 1e6:>8.1f}{function['unzipped_bytes'] / 1e6:>13.1f}"
        lines.append(f"{step:<10}{sizes}  {function['sha256'][:16]}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Exit status 1 with one message on stderr if something is missing or too large."""
    parser = argparse.ArgumentParser(description="Build the functions' zips and dist/manifest.json.")
    parser.add_argument("--architecture", choices=("x86_64", "arm64"), default="x86_64")
    parser.add_argument("--platform", choices=("linux", "macos"), default="linux")
    parser.add_argument("--local", action="store_true", help="for a local cloud on this machine")
    parser.add_argument("--json", action="store_true", help="print the manifest instead of a table")
    parser.add_argument(
        "--sources", action="store_true", help="build nothing, print the digest of what would be packaged"
    )
    options = parser.parse_args(arguments)
    if options.sources:
        sys.stdout.write(f"{sources_digest()}\n")
        return 0
    target = this_machine() if options.local else Target(options.architecture, options.platform)
    started = time.monotonic()
    try:
        manifest = build(target, ROOT / "dist", ROOT / "dist" / ".cache")
    except PackageError as error:
        say(str(error))
        return 1
    sys.stdout.write((json.dumps(manifest, indent=2) if options.json else table(manifest)) + "\n")
    say(f"dist/ for {target.platform} {target.architecture} in {time.monotonic() - started:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
