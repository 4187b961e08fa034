"""The hash of a row: of the values that are there, by their columns' names, and of nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from xmlift.tables.hashes import row_hashes

names = st.sampled_from(["a", "b", "c", "ab", '"', "a:b"])
values = st.text(alphabet=st.sampled_from('ab",:{}\\\x00\x1f é\u2028'), max_size=4)
rows = st.dictionaries(names, values)


def one(row: dict[str, str]) -> str:
    return row_hashes({name: [value] for name, value in row.items()})[0] if row else ""


def test_literal_rows() -> None:
    assert row_hashes({"id": ["1", "2", "1"], "title": ["a", "", "a"]}) == [
        "c013014d9f203346",
        "6aae64de37c7801e",
        "c013014d9f203346",
    ]
    assert row_hashes({"id": []}) == []


@given(rows.filter(bool), rows.filter(bool))
def test_two_rows_have_the_same_hash_where_they_say_the_same(
    first: dict[str, str], second: dict[str, str]
) -> None:
    def said(row: dict[str, str]) -> dict[str, str]:
        return {name: value for name, value in row.items() if value}

    assert (one(first) == one(second)) == (said(first) == said(second))


@given(rows.filter(bool), st.randoms())
def test_the_order_of_the_columns_does_not_matter(row: dict[str, str], random: object) -> None:
    shuffled = list(row.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert one(dict(shuffled)) == one(row)


@given(st.lists(st.tuples(values, values), max_size=5))
def test_rows_are_hashed_one_by_one(pairs: list[tuple[str, str]]) -> None:
    columns = {"a": [a for a, _ in pairs], "b": [b for _, b in pairs]}
    assert row_hashes(columns) == [one({"a": a, "b": b}) for a, b in pairs]
    assert all(len(hashed) == 16 and int(hashed, 16) >= 0 for hashed in row_hashes(columns))
