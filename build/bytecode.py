"""Compile modules to bytecode that is the same wherever and whenever it is compiled.

Lambda cannot write beside the code, so without bytecode in the zip every cold start compiles every module
that it imports. Measured (CPU of a whole cold start, two busy cores, CPython 3.13): plan 0.80 s without and
0.37 s with, extract 0.91 s and 0.40 s, pandas alone 1.79 s and 0.51 s; it costs 1.7 MB of plan's zip and 7 MB
of extract's. Without docstrings it is no faster. Shipping it without the sources would save 4 MB of extract's
zip and no time, and take the source lines out of every traceback, so the sources stay.
"""

import importlib.util
import marshal
import sys
import warnings
from functools import cache
from pathlib import PurePosixPath

# Python 3.13.* share one format, and an interpreter that does not know it ignores the file.
CACHE_TAG = "cpython-313"

# Unchecked: the interpreter trusts the file without looking at the source, whose time a zip cannot keep.
_UNCHECKED_HASH = 0b01

# From version 3 on marshal writes back references, and those depend on what else the process holds: of the
# 830 modules of extract's libraries, 12 came out differently in a process that had more imported. They would
# save 1 % of a cold start.
_MARSHAL_WITHOUT_REFERENCES = 2


def can_compile() -> bool:
    """Whether this interpreter writes the bytecode that Lambda's python3.13 reads."""
    return sys.implementation.cache_tag == CACHE_TAG


def cached_path(module: PurePosixPath) -> PurePosixPath:
    """Where the interpreter looks for a module's bytecode."""
    return module.parent / "__pycache__" / f"{module.stem}.{CACHE_TAG}.pyc"


@cache  # of what functions share
def compile_module(source: bytes) -> bytes:
    """The content of the `.pyc` of a module. Raises SyntaxError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # other people's escapes
        # No file name: the interpreter puts in the one it loads from, for all functions of the module at
        # once, and no folder of the build can get into the zip.
        code = compile(source, "", "exec", dont_inherit=True, optimize=0)
    header = importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH.to_bytes(4, "little")
    return header + importlib.util.source_hash(source) + marshal.dumps(code, _MARSHAL_WITHOUT_REFERENCES)
