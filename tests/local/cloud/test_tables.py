"""What the command line prints of an answer: every column, every row, as it is."""

import json
from datetime import UTC, datetime

import pytest
from rich.console import Console

from commands import display, tables
from commands.query import ends


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "out", Console(force_terminal=True, width=40))


COLUMNS = [f"column_{number}" for number in range(20)]


def test_in_a_pipe_a_table_is_as_wide_as_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    tables.print_table(COLUMNS, [[f"{name} " * 10 for name in COLUMNS]] * 1500)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == COLUMNS
    assert len(lines) == 1502
    assert all(line.count(name) == 10 for line in lines[2:] for name in ("column_2 ", "column_19"))


@pytest.mark.usefixtures("terminal")
def test_on_a_narrow_terminal_rows_become_records(capsys: pytest.CaptureFixture[str]) -> None:
    tables.print_table(COLUMNS, [[f"value of {name}, " * 5 for name in COLUMNS]])
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines() if line.startswith("column_")] == COLUMNS
    assert max(map(len, said.splitlines())) <= 40
    assert "".join(said.split()).count("valueof") == 100


@pytest.mark.usefixtures("terminal")
def test_a_sample_names_how_many_columns_it_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    tables.print_sample("a.b", COLUMNS, [COLUMNS])
    title, head = capsys.readouterr().out.strip().splitlines()[:2]
    assert head.split() == COLUMNS[:4]
    assert title == "a.b (+16 columns)"


def test_columns_of_one_name_keep_their_values(capsys: pytest.CaptureFixture[str]) -> None:
    display.print_json(tables.as_records(["n", "n_2", "n", "n"], [(1, 2, 3, "größe")]))
    said = capsys.readouterr().out
    assert list(json.loads(said)[0].values()) == [1, 2, 3, "größe"]
    assert "größe" in said


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "∅"),
        ("", ""),
        (True, "true"),
        (["größe", "a"], '["größe", "a"]'),
        ({"a": None}, '{"a": null}'),
        (datetime(2024, 1, 2, 3, 4, 5, 678900, UTC), "2024-01-02 03:04:05.678Z"),
        ("two\nlines\x1b[31m", "two⏎lines␛[31m"),
    ],
)
def test_values_as_text(value: object, text: str) -> None:
    assert tables.as_text(value) == text


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("select 1;", True),
        ("select 1", False),
        ("select ';", False),
        ("select ';'", False),
        ("select 'it''s;';", True),
        ('select ";";', True),
        ("select $$;", False),
        ("select $a$;$$;$a$;", True),
        ("select 1 -- not yet;", False),
        ("select 1; -- it's done", True),
        ("select /* ;", False),
    ],
)
def test_a_semicolon_in_quotes_ends_nothing(text: str, complete: bool) -> None:
    assert ends(text) is complete
