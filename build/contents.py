"""What the zips carry: whom they run on, which AWS services each function calls, what is left out."""

import platform
import re
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

Architecture = Literal["x86_64", "arm64"]
Platform = Literal["linux", "macos"]


class Target(NamedTuple):
    """The machine that runs the zips. Lambda is linux; macos is for a local cloud on a Mac."""

    architecture: Architecture
    platform: Platform
    python: str = "3.13"


def this_machine() -> Target:
    """The target whose zips run here, for a local cloud."""
    arm = platform.machine() in {"arm64", "aarch64"}
    return Target("arm64" if arm else "x86_64", "macos" if platform.system() == "Darwin" else "linux")


# The services whose clients a function creates. botocore carries the models of 400 others, 25 MB of
# them; without its model a client cannot be created, so tests hold this table to the code.
SERVICES: dict[str, frozenset[str]] = {
    "plan": frozenset({"redshift-serverless", "s3", "stepfunctions"}),
    "extract": frozenset({"s3", "secretsmanager"}),
    "load": frozenset({"redshift-serverless", "s3"}),
    "report": frozenset({"redshift-serverless", "s3"}),
    "migrate": frozenset({"secretsmanager"}),
}

# Lambda's own limit.
UNZIPPED_LIMIT = 250 * 1024 * 1024
# Ours: a cold start fetches the zip before it imports anything. extract's carries pandas.
ZIP_LIMITS = {step: 35_000_000 if step == "extract" else 12_000_000 for step in SERVICES}

# Paths in the vendored tree, as regular expressions from the start. Measured on extract (x86_64): 120 MB
# unpacked, of which these are 35 MB.
_LEFT_OUT = re.compile(
    "|".join(
        (
            r"bin/",
            r"(.*/)?(tests|__pycache__)/",
            r".*/conftest\.py$",
            r".*/py\.typed$",
            # Sources and headers of extension modules, stubs, static libraries.
            r".*\.(pyi|pyx|pxd|pxi|h|c|cpp|a|pc|build)$",
            # numpy's test modules; its SIMD module serves nothing but them.
            r"numpy/_core/_\w*(_tests|simd)\.",
            r"numpy/(_pyinstaller|doc|f2py)/",
            # pandas reads and bs4 repairs with lxml.etree and lxml.html alone.
            r"lxml/(includes|isoschematron)/",
            r"lxml/(objectify\.|html/(_difflib|diff)\.)",
            # Catalogues are read by a loader in Python, which names lines and columns.
            r"yaml/_yaml\.",
            # Of Powertools, logs, metrics and traces are used.
            r"aws_lambda_powertools/event_handler/",
            r"aws_lambda_powertools/utilities/(?!__init__\.py|jmespath_utils/|typing/)",
            # Resources of boto3; we use clients.
            r"boto3/(data|examples)/",
        )
    )
)

# Of a package's metadata: the version (vulnerability scanners of Lambda read it), the bill of materials
# and the licences. The list of its files would no longer be true.
_METADATA_KEPT = re.compile(r"METADATA$|licenses/|sboms/|(LICEN[CS]E|NOTICE|COPYING|AUTHORS)[^/]*$")

_SDK_WIDE = {"_retry.json", "endpoints.json", "partitions.json", "sdk-default-configuration.json"}


def is_shipped(path: PurePosixPath, services: frozenset[str]) -> bool:
    """Whether a file of the vendored tree goes into the zip of a function that calls `services`."""
    if path.parts[0].endswith(".dist-info"):
        return bool(_METADATA_KEPT.match("/".join(path.parts[1:])))
    if path.parts[:2] == ("botocore", "data"):
        if len(path.parts) == 3:
            return path.name in _SDK_WIDE
        return path.parts[2] in services and not path.name.startswith("examples-")
    return not _LEFT_OUT.match(path.as_posix())
