"""YAML without guesses: what is ambiguous is refused, what is a text stays one."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from xmlift.catalogue import load_source
from xmlift.errors import CatalogueError

SOURCES = Path(__file__).parents[2] / "terraform" / "sources"
MINIMAL = """\
source: ewm
base_url: https://elm.example.com/ccm
streams:
  work_items:
    request:
      path: /rpt
      query:
        size: VALUE
    records: /r/i
    key: [id]
    columns:
      id: {path: id, type: bigint}
"""


def query_value(text: str) -> Any:
    """What a scalar becomes where both a text and a whole number may stand."""
    source = load_source(MINIMAL.replace("VALUE", text).encode(), "ewm.yaml")
    return source.streams["work_items"].request.query["size"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500", 500),
        ("-5", -5),
        ("0", 0),
        ("abc", "abc"),
        ("'on'", "on"),
        ('"010"', "010"),
        ("'1:30'", "1:30"),
        ("2020-01-01", "2020-01-01"),
        ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
        ("2020-01-01 00:00:00", "2020-01-01 00:00:00"),
        ("12:30 o'clock", "12:30 o'clock"),
        ("no one", "no one"),
        ("é😀", "é😀"),
        ("|-\n          on", "on"),
        (">-\n          010", "010"),
        ("!!str 500", "500"),
        ("'~'", "~"),
    ],
)
def test_a_scalar_that_says_what_it_is(text: str, value: Any) -> None:
    found = query_value(text)
    assert found == value
    assert type(found) is type(value)


AMBIGUOUS = """
on off yes no y n On OFF Yes NO Y N
010 00 089 -010 +010 0_7 0x1F 0X1F 0b101 0o17 1_000 -1_0
1:30 1:30:00 190:20:30.15 -1:30
1e3 1E3 1.5e3 -1.5e+3 .5e1
.inf -.inf +.inf .NaN .nan .Inf
"""


@pytest.mark.parametrize("text", AMBIGUOUS.split())
def test_a_scalar_that_readers_of_yaml_take_differently_is_refused(text: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        query_value(text)
    message = str(caught.value)
    assert message.startswith("ewm.yaml: not readable as YAML: ")
    assert f"{text!r} is ambiguous in YAML: put it in quotes" in message
    assert "line 8, column 15" in message
    assert query_value(f"'{text}'") == text, "in quotes it is a text"


@pytest.mark.parametrize("key", ["on", "y", "010", "1:30"])
def test_an_ambiguous_key_is_refused_as_well(key: str) -> None:
    text = MINIMAL.replace("VALUE", "1") + f"      {key}: {{path: a}}\n"
    with pytest.raises(CatalogueError, match="is ambiguous in YAML: put it in quotes"):
        load_source(text.encode(), "ewm.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file must be a mapping that starts with `source: <name>`"),
        ("# only a comment\n", "the file must be a mapping"),
        ("[a, b]", "the file must be a mapping"),
        ("text", "the file must be a mapping"),
        ("a: 1\na: 2\n", "the key 'a' stands twice"),
        ("a: {b: 1, 'b': 2}\n", "the key 'b' stands twice"),
        ("a: 1\n---\nb: 2\n", "expected a single document"),
        ("a:\n\tb: 1\n", "found character '\\t'"),
        ("a: [1, 2\n", "expected ',' or ']'"),
        ("a: 'x\n", "unexpected end of stream"),
        ("a: \x07\n", "special characters are not allowed"),
        ("? [a, b]\n: c\n", "a key must be a name, not a list or a mapping"),
        ("? {a: b}\n: c\n", "a key must be a name, not a list or a mapping"),
        ("a: &a [*a]\n", "recursive"),
        ("a: *nowhere\n", "undefined alias"),
        ("a: !!python/object/apply:os.system [ls]\n", "could not determine a constructor"),
        ("a: !!timestamp 2020-01-01\n", "could not determine a constructor"),
        ("a: !!binary aGk=\n", "could not determine a constructor"),
        ("a: !!set {b, c}\n", "could not determine a constructor"),
        ("a: !!bool maybe\n", "'maybe' is not what its tag"),
        ("a: !!int\n", "'' is not what its tag"),
        ("a: !!int many\n", "'many' is not what its tag"),
        ("!!int\na: 1\n", "a list or a mapping is not what its tag"),
        ("a: !!bool [1]\n", "a list or a mapping is not what its tag"),
        ("a: !!seq {b: 1}\n", "expected a sequence node"),
        ("a: !!map [1]\n", "expected a mapping, as its tag"),
        ("a: !!map 1\n", "expected a mapping, as its tag"),
        ("a: =\n", "could not determine a constructor"),
        ("[" * 1200, "nested too deeply"),
        ("a: 1\n", "`streams` must map a stream's name to its request, records, columns"),
        ("streams: [a]\n", "`streams` must map a stream's name"),
    ],
)
def test_what_is_no_catalogue_is_refused_by_the_files_name(text: str, said: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        load_source(text.encode(), "sources/ewm.yaml")
    assert str(caught.value).startswith("sources/ewm.yaml: ")
    assert said in str(caught.value)


@pytest.mark.parametrize("body", [b"\xff\xfe\x00", b"a: \xe9\n", b"\x00", b"\x80\x81"])
def test_bytes_that_are_no_text_are_refused(body: bytes) -> None:
    with pytest.raises(CatalogueError, match=r"^ewm\.yaml: not readable as YAML: "):
        load_source(body, "ewm.yaml")


def test_a_byte_order_mark_changes_nothing() -> None:
    body = MINIMAL.replace("VALUE", "1").encode()
    assert load_source(b"\xef\xbb\xbf" + body, "ewm.yaml") == load_source(body, "ewm.yaml")


def test_anchors_and_merge_keys_stand_for_what_they_name() -> None:
    text = MINIMAL.replace("VALUE", "1") + (
        "      at: &time {path: at, type: timestamptz}\n"
        "      since: *time\n"
        "      until: {<<: *time, required: true}\n"
    )
    columns = load_source(text.encode(), "ewm.yaml").streams["work_items"].columns
    assert columns["since"] == columns["at"]
    assert (columns["until"].type, columns["until"].required) == ("timestamptz", True)


LINES = """a: 1 / - b / ? c / : d / &x / *x / <<: *x / { / } / [ / ] / !!int / | / > / ' / " / \t / --- / streams:
 /   s: /     columns: /       on: {path: a} / %YAML 1.1 / \u2028 / # / 0x / 1:3 / !!set / !!bool"""
lines = st.sampled_from(LINES.replace("\n", "").split(" / "))


@given(st.lists(lines, max_size=8).map("\n".join) | st.text(max_size=40))
def test_any_text_is_refused_in_words_or_read(text: str) -> None:
    try:
        load_source(text.encode(errors="replace"), "ewm.yaml")
    except CatalogueError as error:
        assert str(error).startswith("ewm.yaml: ")


@pytest.mark.parametrize("path", sorted(SOURCES.glob("*.yaml")), ids=lambda path: path.name)
def test_a_shipped_source_reads_the_same_by_any_yaml(path: Path) -> None:
    """Terraform reads `source`, `schedule` and `auth.secret` with a parser of its own."""
    source = load_source(path.read_bytes(), path.name)
    plain = yaml.safe_load(path.read_bytes())
    assert source.source == plain["source"] == path.stem
    assert source.schedule == plain.get("schedule")
    assert source.secret == plain.get("auth", {}).get("secret")
    assert list(source.streams) == list(plain["streams"]), "in the file's order"
