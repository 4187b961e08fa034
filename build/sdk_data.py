"""Cut botocore's descriptions of AWS to what the functions call: a client reads all of them when it is made.

Measured (CPU of plan's cold start, which was 0.42 s): of 1.3 MB of endpoints those of our services are 25 kB,
0.06 s less; of S3's 100 operations ours are 0.3 of 1.4 MB, 0.03 s less. tests/build/test_package_imports.py holds
OPERATIONS to the code.
"""

import gzip
import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

# What the code calls of each service. An operation that is not here is no method of the client.
OPERATIONS: dict[str, frozenset[str]] = {
    # The last two are botocore's own: for a bucket in another region, and for a directory bucket.
    "s3": frozenset({"GetObject", "ListObjectsV2", "PutObject", "HeadBucket", "CreateSession"}),
    "redshift-serverless": frozenset({"GetCredentials"}),
    "secretsmanager": frozenset({"GetSecretValue"}),
    "stepfunctions": frozenset({"DescribeExecution"}),
}

# The endpoints' names of services, where botocore has another.
_ENDPOINT_PREFIXES = {"stepfunctions": "states"}


def cut_to_what_is_called(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files of a vendored tree, with less in those that describe AWS.

    They come uncompressed: the zip compresses them, and the same compressed again would be unpacked twice.
    """
    return dict(_cut(PurePosixPath(name), content) for name, content in files.items())


def _cut(path: PurePosixPath, content: bytes) -> tuple[str, bytes]:
    if path.parts[:2] != ("botocore", "data"):
        return str(path), content
    if path.suffix == ".gz":
        path, content = path.with_suffix(""), gzip.decompress(content)
    if path.name == "endpoints.json":
        content = _written(_endpoints(json.loads(content)))
    if path.name == "service-2.json" and path.parts[2] in OPERATIONS:
        content = _written(_model(json.loads(content), OPERATIONS[path.parts[2]]))
    return str(path), content


def _endpoints(document: dict[str, Any]) -> dict[str, Any]:
    """The partitions with all of their regions, and of their services ours."""
    prefixes = {_ENDPOINT_PREFIXES.get(service, service) for service in OPERATIONS}
    for partition in document["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in services if name in prefixes}
    return document


def _model(document: dict[str, Any], called: frozenset[str]) -> dict[str, Any]:
    """A service with some of its operations, and the shapes that these are made of."""
    operations = {name: each for name, each in document["operations"].items() if name in called}
    shapes = document["shapes"]
    reached: set[str] = set()
    waiting = set(_shapes_in(operations))
    while waiting:
        reached |= waiting
        waiting = {name for shape in waiting for name in _shapes_in(shapes[shape])} - reached
    return document | {
        "operations": operations,
        "shapes": {name: shape for name, shape in shapes.items() if name in reached},
    }


def _shapes_in(part: Any) -> Iterator[str]:
    """The names of shapes that a part of a model refers to."""
    if isinstance(part, dict):
        if isinstance(name := part.get("shape"), str):
            yield name
        for each in part.values():
            yield from _shapes_in(each)
    elif isinstance(part, list):
        for each in part:
            yield from _shapes_in(each)


def _written(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
