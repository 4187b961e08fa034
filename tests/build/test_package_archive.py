"""Zips and bytecode: readable by everybody else's tools, and the same whoever writes them."""

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

import package
from archive import archive, compress_all, read_entries, write_atomically
from bytecode import cached_path, compile_module

NAMES = st.lists(
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1).filter(lambda name: "/" not in name),
    min_size=1,
    max_size=3,
).map("/".join)


@given(st.dictionaries(NAMES, st.binary() | st.binary(max_size=30).map(lambda each: each * 200)))
def test_what_is_written_is_what_others_read(files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(archive(compress_all(files)))) as opened:
        assert opened.testzip() is None
        assert {name: opened.read(name) for name in opened.namelist()} == files


@given(st.dictionaries(NAMES, st.binary(), max_size=5))
def test_the_order_of_the_files_does_not_matter(files: dict[str, bytes]) -> None:
    backwards = dict(reversed(files.items()))
    assert archive(compress_all(files)) == archive(compress_all(backwards))


def test_entries_move_from_zip_to_zip_as_they_are(tmp_path: Path) -> None:
    entries = compress_all({"läng.py": b"x = 1\n" * 1000, "short": b"1", "empty": b""})
    path = tmp_path / "some.zip"
    path.write_bytes(archive(entries))
    assert read_entries(path) == entries


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    write_atomically(path, b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "not bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


SOURCE = """
KINDS = frozenset({"alpha", "beta", "gamma", "delta"})
def outer(base):
    class Inner(base):
        def __init__(self, *args):
            super(Inner, self).__init__(*args)
            self.kinds = {kind for kind in args if kind in {"alpha", "beta", "gamma", "delta"}}
    return Inner
def fails():
    raise ValueError("here")
"""


def compiled_in_another_process(seed: str, before: str) -> bytes:
    program = "import sys; sys.path.insert(0, sys.argv[1]); source = sys.stdin.buffer.read()\n"
    program += (
        f"from bytecode import compile_module\n{before}\nsys.stdout.buffer.write(compile_module(source))"
    )
    return subprocess.run(
        [sys.executable, "-B", "-c", program, str(package.ROOT / "build")],
        input=SOURCE.encode(),
        stdout=subprocess.PIPE,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": seed},
    ).stdout


def test_bytecode_does_not_depend_on_the_process_that_compiles() -> None:
    # What a process holds already shows in marshal's references, and the seed in the order of sets.
    one = compiled_in_another_process("1", "")
    other = compiled_in_another_process("2", "kept = compile(source, '', 'exec')")
    assert one == other == compile_module(SOURCE.encode())


def test_the_interpreter_uses_the_bytecode_and_knows_the_place_of_the_source(tmp_path: Path) -> None:
    module = tmp_path / "sample.py"
    bytecode = tmp_path / cached_path(PurePosixPath("sample.py"))
    bytecode.parent.mkdir()
    bytecode.write_bytes(compile_module(SOURCE.encode()))
    # Were the source compiled, this line would say so: that it does not shows that the bytecode is used.
    module.write_text(SOURCE + 'raise AssertionError("compiled from the source")\n')
    program = "import sys; sys.path.insert(0, sys.argv[1]); import sample; sample.fails()"
    failed = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert f'File "{module}", line 10, in fails' in failed.stderr
    assert 'raise ValueError("here")' in failed.stderr
