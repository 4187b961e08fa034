"""Compile every requirements.in into a requirements.txt with exact versions and hashes.

    make lock, or python build/lock.py [--upgrade]

Without --upgrade, versions already locked stay and only what the .in files changed is resolved anew.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from vendor import PackageError, find_uv

ROOT = Path(__file__).resolve().parent.parent
DEV = Path("build/requirements/dev.in")
# Each has an environment of its own, so their pins need not agree with anybody's.
ALONE = (
    Path("build/requirements/ministack.in"),
    Path("build/requirements/lambda-runtime.in"),
    Path("build/requirements/checkov.in"),
    # What the bench measures against, and what draws its plots.
    *sorted(path.relative_to(ROOT) for path in (ROOT / "build" / "requirements").glob("bench-*.in")),
)


def compile_requirements(source: Path, *options: str) -> None:
    """Write the .txt beside a .in file; both are named relative to the repository."""
    locked = source.with_suffix(".txt")
    command = [str(find_uv()), "pip", "compile", str(source), f"--output-file={locked}", "--quiet"]
    # One file serves Linux and macOS on both architectures; it names no index, so that whoever installs
    # uses the index of their own choice, and a hash still admits nothing but the file that was locked.
    # uv writes this command into the file, from where Renovate takes it: of each option it has to know the
    # spelling, and it wants the values behind an equals sign.
    command += ["--universal", "--python-version=3.13", "--generate-hashes", *options]
    # uv names the files in its annotations as they were given, hence relative to the repository.
    subprocess.run(command, cwd=ROOT, check=True)
    sys.stdout.write(f"locked {locked}\n")


def compile_all(upgrade: Sequence[str]) -> None:
    """Lock development and functions to the same versions, then those that stand alone."""
    # dev.in includes the functions' requirements: resolved together once, the functions then take their
    # versions from the result, so that tests run on what the zips carry.
    compile_requirements(DEV, *upgrade)
    for source in sorted((ROOT / "functions").glob("*/requirements.in")):
        compile_requirements(source.relative_to(ROOT), f"--constraints={DEV.with_suffix('.txt')}")
    for source in ALONE:
        compile_requirements(source, *upgrade)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--upgrade", action="store_true", help="move to the newest versions allowed")
    try:
        compile_all(["--upgrade"] if parser.parse_args(arguments).upgrade else [])
    except (PackageError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"lock: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
