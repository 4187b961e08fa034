"""`make grammar`: every statement that the unit tests make the functions send, read by Redshift's grammar.

Exit code 1 if one is not Redshift's: the stand-in is PostgreSQL, and takes more than Redshift does.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from .gate import recorded, unread
from .recording import FOLDER

ROOT = Path(__file__).resolve().parents[2]
TESTS = ("tests/unit", "tests/protocol")
LEAST = 100
"""So many kinds there are at least; fewer, and the recording is broken."""


def main() -> int:
    """Run the tests, then read what was recorded."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.grammar.recording", *TESTS]
        command += ["-n", "auto", "--maxprocesses", "4"]
        tested = subprocess.run(command, cwd=ROOT, env=os.environ | {FOLDER: folder}, check=False)
        if tested.returncode:
            return tested.returncode
        kinds = recorded(Path(folder))
    refused = list(unread(kinds.values()))
    for fault in refused:
        print(fault, file=sys.stderr)
    print(f"{len(kinds)} kinds of statements, {len(refused)} that Redshift's grammar does not read")
    return 1 if refused or len(kinds) < LEAST else 0


if __name__ == "__main__":
    sys.exit(main())
