"""Tests that stand on one cloud are run by one process."""

from pathlib import Path

import pytest

from ..sharing import TOGETHER, share

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("test", "name"),
    [
        ("tests/e2e/test_ewm.py::test_a_second_run_loads_nothing", "tests/e2e"),
        ("tests/contract/aws/test_names.py::test_all[a/b::c]", "tests/contract"),
        ("tests/local/redshift/test_redshift_copy.py::test_copy", "tests/local/redshift"),
        ("tests/local/cloud/test_cloud.py::test_stop[tests/e2e]", "tests/local/cloud/test_cloud.py"),
        ("tests/unit/test_types.py::test_numbers[1]", "tests/unit/test_types.py"),
    ],
)
def test_a_test_is_given_out_with_its_folder_or_its_file(test: str, name: str) -> None:
    assert share(test) == name


def test_what_stays_together_exists() -> None:
    """A folder that was renamed would be given out file by file, each file with a cloud of its own."""
    assert [folder for folder in TOGETHER if not (ROOT / folder).is_dir()] == []
