"""What is wrong with a catalogue is told with file, stream, column, key and remedy."""

import pytest

from xmlift.catalogue import load_source
from xmlift.errors import CatalogueError

SOURCE = """\
source: ewm
base_url: https://elm.example.com/ccm
streams:
  work_items:
    request: {path: /rpt}
    records: /r/i
    key: [id]
    columns:
      id: {path: id, type: bigint}
      modified: {path: modified, type: timestamptz}
"""
STREAM = "ewm.yaml: stream ewm.work_items: "


def refusal(text: str) -> str:
    with pytest.raises(CatalogueError) as caught:
        load_source(text.encode(), "ewm.yaml")
    return str(caught.value)


def test_the_source_that_all_these_are_made_of_is_right() -> None:
    assert list(load_source(SOURCE.encode(), "ewm.yaml").streams["work_items"].columns) == ["id", "modified"]


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("x: {path: 3}", "column x: Expected `str`, got `int` (at `path`)"),
        ("x: {path: ''}", "column x: Expected `str` of length >= 1 (at `path`)"),
        ("x: {type: bigint}", "column x: a column has a `path`, or `pairs` in its place: write one of them"),
        ("x: {pth: a}", "column x: Object contains unknown field `pth`; did you mean `path`?"),
        ("x: {path: a, tpe: date}", "column x: Object contains unknown field `tpe`; did you mean `type`?"),
        ("x: {path: a, required: 1}", "column x: Expected `bool`, got `int` (at `required`)"),
        ("x: a", "column x: Expected `object`, got `str`"),
        ("x:", "column x: Expected `object`, got `null`"),
        ("x: {path: a, type: text}", "column x: unknown type 'text': use bigint, integer,"),
        ("x: {path: a, type: varchar}", "or decimal(1…38, scale)"),
        (
            "x: {path: a, split: ','}",
            "column x: split makes a list, which varchar(256) cannot hold: use type super",
        ),
        ("x: {path: a, type: super, split: ''}", "column x: Expected `str` of length >= 1 (at `split`)"),
        ("X: {path: a}", "column X: Expected a name of lower case letters, digits and single _ between"),
        ("_run: {path: a}", "column _run: Expected a name of lower case letters"),
        ("a__b: {path: a}", "column a__b: Expected a name of lower case letters"),
        ("1: {path: a}", "column 1: Expected `str`, got `int`"),
        (f"{'x' * 59}: {{path: a}}", "Expected `str` of length <= 58"),
    ],
)
def test_a_column(column: str, said: str) -> None:
    message = refusal(f"{SOURCE}      {column}\n")
    assert message.startswith(f"{STREAM}column ")
    assert said in message


@pytest.mark.parametrize(
    ("child", "said"),
    [
        (
            "c: {records: k, columns: {z: {path: 1}}}",
            "child c: column z: Expected `str`, got `int` (at `path`)",
        ),
        ("c: {records: k, columns: {z: {path: z, type: txt}}}", "child c: column z: unknown type 'txt'"),
        ("c: {records: k, columns: {Z: {path: z}}}", "child c: column Z: Expected a name of"),
        ("c: {records: k, columns: {}}", "child c: Expected `object` of length >= 1 (at `columns`)"),
        ("c: {records: k}", "child c: Object missing required field `columns`"),
        (
            "c: {recrds: k, columns: {z: {path: z}}}",
            "child c: Object contains unknown field `recrds`; did you mean",
        ),
        ("C: {records: k, columns: {z: {path: z}}}", "child C: Expected a name of"),
        ("c: [a]", "child c: Expected `object`, got `array`"),
    ],
)
def test_a_child(child: str, said: str) -> None:
    assert refusal(f"{SOURCE}    children: {{{child}}}\n").startswith(f"{STREAM}{said}")


@pytest.mark.parametrize("name", ["xmlift", "public", "information_schema", "pg_catalog", "pg_x"])
def test_a_source_named_as_a_schema_that_is_there(name: str) -> None:
    message = refusal(SOURCE.replace("source: ewm", f"source: {name}"))
    assert f"source '{name}': the warehouse has a schema of that name already: name it otherwise" in message


@pytest.mark.parametrize("column_type", ["super", "double"])
def test_a_key_that_cannot_be_compared_exactly(column_type: str) -> None:
    message = refusal(SOURCE.replace("type: bigint", f"type: {column_type}"))
    assert f"{STREAM}key 'id' is of type {column_type}, which cannot be told apart exactly" in message
    assert "use varchar" in message


def test_a_child_named_as_the_lock() -> None:
    message = refusal(f"{SOURCE}    children: {{mutex: {{records: k, columns: {{z: {{path: z}}}}}}}}\n")
    assert message == f"{STREAM}child 'mutex': that table is the loaders' lock: name the child otherwise"


CURSOR = "cursor: {type: watermark, field: modified"
ABSOLUTE = "Expected the absolute path of a record with one / before its first name, such as /list/record"


@pytest.mark.parametrize("query", ["{}", "{a: '{window.from}'}", "{a: '{window.to}'}"])
def test_append_of_a_window_that_is_not_asked_for(query: str) -> None:
    text = SOURCE.replace("{path: /rpt}", f"{{path: /rpt, query: {query}}}")
    message = refusal(f"{text}    disposition: append\n    {CURSOR}}}\n")
    assert message == (
        f"{STREAM}append takes what a window holds: it needs a watermark cursor, and a request that uses both "
        "{window.from} and {window.to}; where the cursor can change or be empty, use merge"
    )


def test_append_with_tombstones() -> None:
    text = SOURCE.replace("{path: /rpt}", "{path: /rpt, query: {a: '{window.from}', b: '{window.to}'}}")
    line = "deletes: {type: tombstone, path: a}\n    disposition: append"
    message = refusal(f"{text}    {line}\n    {CURSOR}}}\n")
    assert (
        message == f"{STREAM}append has no use for deletes, which say that a key is gone: use merge or scd2"
    )


@pytest.mark.parametrize("disposition", ["merge", "scd2"])
def test_versions_of_what_has_no_key(disposition: str) -> None:
    message = refusal(SOURCE.replace("    key: [id]\n", f"    disposition: {disposition}\n"))
    assert message == f"{STREAM}{disposition} needs a key: name the columns that identify a record"


@pytest.mark.parametrize("column", ["valid_from", "valid_to", "is_current"])
def test_a_column_named_as_one_of_scd2(column: str) -> None:
    added = f"{SOURCE}      {column}: {{path: a}}\n"
    assert refusal(f"{added}    disposition: scd2\n") == (
        f"{STREAM}column '{column}' is one that scd2 adds to its table: name it otherwise"
    )
    assert column in load_source(added.encode(), "ewm.yaml").streams["work_items"].columns


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("recrods: /r", "Object contains unknown field `recrods`; did you mean `records`?"),
        ("zzzzzzzz: 1", "unknown field `zzzzzzzz`; known keys are in terraform/sources/schema.json"),
        (
            "disposition: upsert",
            "Invalid enum value 'upsert' (at `disposition`); use append, merge, replace, scd2",
        ),
        ("epoch: -1", "Expected `int` >= 0 (at `epoch`)"),
        ("epoch: 2147483648", "Expected `int` <= 2147483647 (at `epoch`)"),
        ("epoch: '1'", "Expected `int`, got `str` (at `epoch`)"),
        (
            "deletes: {type: marker, path: a}",
            "Invalid value 'marker' (at `deletes.type`); use flag, periodic_full, second_feed, tombstone",
        ),
        ("deletes: {path: a}", "Object missing required field `type` (at `deletes`)"),
        ("cursor: {field: modified}", "Object missing required field `type` (at `cursor`)"),
        ("deletes: {type: tombstone}", "Object missing required field `path` (at `deletes`)"),
        ("deletes: {type: tombstone, path: ''}", "Expected `str` of length >= 1 (at `deletes.path`)"),
        (
            "deletes: {type: tombstone, path: a, equals: ''}",
            "Expected `str` of length >= 1 (at `deletes.equals`)",
        ),
        ("deletes: {type: tombstone, path: a, equals: true}", "got `bool` (at `deletes.equals`)"),
        (
            "deletes: {type: tombstone, path: a, equals: 'yes '}",
            "deletes equals 'yes ': values are compared without spaces around them (at `deletes`)",
        ),
        (
            "deletes: {type: tombstone, path: a}\n    disposition: replace",
            "replace has no use for deletes, which say that a key is gone: use merge or scd2",
        ),
        (
            "disposition: scd2\n    children: {c: {records: k, columns: {z: {path: z}}}}",
            "a stream with scd2 has no children: their history is not kept; use merge, or make the children",
        ),
        ("page: {type: pages}", "Invalid value 'pages' (at `page.type`); use next_url, none, offset"),
        ("page: {type: next_url}", "Object missing required field `xpath` (at `page`)"),
        ("page: next_url", "Expected `object`, got `str` (at `page`)"),
        (
            "cursor: {type: delta, field: id}",
            "Invalid value 'delta' (at `cursor.type`); use delta_link, full, watermark, window",
        ),
        (
            "cursor: {type: watermark, field: nix}",
            "cursor field 'nix' is not among the columns: id, modified",
        ),
        ("cursor: {type: watermark, field: id}", "cursor field 'id' must be of type timestamptz, not bigint"),
        (
            f"{CURSOR}, overlap: 5 minutes}}",
            "'5 minutes' is not a length of time: write a number and us, ms, s, m",
        ),
        (f"{CURSOR}, overlap: -5m}}", "'-5m' is not a length of time"),
        (f"{CURSOR}, overlap: 5}}", "Expected `str`, got `int` (at `cursor.overlap`)"),
        (f"{CURSOR}, resolution: 0s}}", "cursor resolution must lie between 1us and 1d (at `cursor`)"),
        (f"{CURSOR}, resolution: 2d}}", "cursor resolution must lie between 1us and 1d"),
        (
            f'{CURSOR}, format: "%Y-%m-%d"}}',
            "cursor format '%Y-%m-%d' tells no finer time than 1d, and `resolution` is 1us: write "
            "`resolution: 1d`, or a format that tells it (%H:%M:%S.%f) (at `cursor`)",
        ),
        (
            f'{CURSOR}, format: "%Y-%m-%dT%H:%M", resolution: 90s}}',
            "tells no finer time than 1m, and `resolution` is 90s: write `resolution: 1m`",
        ),
        (f'{CURSOR}, format: "%Y %%d"}}', "cursor format '%Y %%d' does not tell the day"),
        (f"{CURSOR}, slice: 59s}}", "cursor slice must be at least 1m"),
        (
            f"{CURSOR}, start: 2020-01-01}}",
            "cursor start '2020-01-01' needs an offset: write 2020-01-01T00:00:00Z",
        ),
        (
            f"{CURSOR}, start: yesterday}}",
            "cursor start 'yesterday' is not a time: write 2020-01-01T00:00:00Z",
        ),
        ("max_rejects: -1", "Expected `int` >= 0 (at `max_rejects`)"),
        ("max_rejects: many", "Expected `int`, got `str` (at `max_rejects`)"),
        (
            "transform: ecb",
            "Expected <module>.<function> in lower case, such as ecb.daily_rates (at `transform`)",
        ),
        ("keep_raw: 2w", "Expected a number of days from 1d to 9999d, such as 30d (at `keep_raw`)"),
        (
            "deletes: {type: periodic_full, every: 1w}",
            "deletes every: '1w' is not a length of time: write a number and us, ms, s, m, h or d (5m); "
            "for a week 7d",
        ),
        (
            "disposition: append",
            "append takes what a window holds: it needs a watermark cursor, and a request that uses both",
        ),
        ("repair: 1", "Expected `bool`, got `int` (at `repair`)"),
        (
            "children: {c: {records: k, columns: {xmin: {path: z}}}}",
            "column 'xmin' is a system column of every table: name it otherwise",
        ),
        (
            "transform: a.b\n    children: {c: {records: k, columns: {z: {path: z}}}}",
            "a stream with a transform has no children: the transform sees one table",
        ),
    ],
)
def test_a_stream(line: str, said: str) -> None:
    message = refusal(f"{SOURCE}    {line}\n")
    assert message.startswith(STREAM)
    assert said in message


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("key: [id]", "key: [nr]", f"{STREAM}key 'nr' is not among the columns: id, modified"),
        (
            "    columns:\n",
            "    columns:\n      ctid: {path: c}\n",
            f"{STREAM}column 'ctid' is a system column of every",
        ),
        ("/r/i", "r/i", f"{STREAM}{ABSOLUTE} (at `records`)"),
        ("/r/i", "//i", f"{STREAM}{ABSOLUTE} (at `records`)"),
        (
            "{path: /rpt}",
            "{path: rpt}",
            f"{STREAM}Expected a path below base_url that begins with /, such as /rpt/items (at `request.path`)",
        ),
        (
            "{path: /rpt}",
            "{path: /rpt, query: {q: 'modified>{window.form}'}}",
            f"{STREAM}query q: nothing stands for {{window.form}}; write {{window.from}}, {{window.to}}",
        ),
        (
            "{path: /rpt}",
            "{path: /rpt, query: {q: 'modified>{window.from}'}}",
            f"{STREAM}the request asks for {{window.…}}, so the stream needs a cursor",
        ),
        ("  work_items:", "  Work:", "ewm.yaml: stream ewm.Work: Expected a name of lower case letters"),
        ("source: ewm\n", "", "Object missing required field `source`"),
        ("source: ewm", "source: E W M", "(at `source`)"),
        ("source: ewm", "source: ewm\nschedul: rate(1 hour)", "did you mean `schedule`?"),
        (
            "source: ewm",
            "source: ewm\nauth: {type: basic}",
            "Object missing required field `secret` (at `auth`)",
        ),
        (
            "source: ewm",
            "source: ewm\nauth: {type: oauth, secret: s}",
            "Invalid value 'oauth' (at `auth.type`); use application_password, basic, bearer, jazz_form, none",
        ),
        ("source: ewm", "source: ewm\nlimits: {attempts: 0}", "Expected `int` >= 1 (at `limits.attempts`)"),
        ("source: ewm", "source: ewm\nlimits: {requests_per_second: 0}", "(at `limits.requests_per_second`)"),
        ("https://elm.example.com/ccm", "elm.example.com", "base_url must be https://host/path"),
        ("https://elm.example.com/ccm", "ftp://elm/ccm", "base_url must be https://host/path"),
        ("https://elm.example.com/ccm", "https:///ccm", "base_url must be https://host/path"),
        (
            "https://elm.example.com/ccm",
            "https://h/?q=1",
            "base_url carries no user, password, query or fragment",
        ),
    ],
)
def test_the_rest_of_a_source(old: str, new: str, said: str) -> None:
    assert old in SOURCE
    message = refusal(SOURCE.replace(old, new))
    assert message.startswith("ewm.yaml: ")
    assert said in message


def test_a_credential_in_a_url_is_refused_without_being_shown() -> None:
    message = refusal(SOURCE.replace("https://", "https://etl:swordfish@"))
    assert "what is secret stands in a secret" in message
    assert "swordfish" not in message
    with pytest.raises(CatalogueError) as caught:
        load_source(SOURCE.encode(), "ewm.yaml", base_url="https://etl:swordfish@h")
    assert "swordfish" not in str(caught.value)
