"""How a column's values are written, where a type alone does not say it."""

from collections.abc import Sequence
from typing import NamedTuple


class Spelling(NamedTuple):
    """What a catalogue says of a column's values beside their type.

    `split` cuts a text into a list; `nulls` are texts that mean no value; `format` and `zone` say how a time is
    written (`times`); a value that `is_json` is put into a super as it stands.
    """

    split: str | None = None
    nulls: frozenset[str] = frozenset()
    format: str | None = None
    zone: str | None = None
    is_json: bool = False

    def is_null(self, value: str) -> bool:
        """Whether a value means that there is none. Spaces around it do not count."""
        return value.strip() in self.nulls

    def without_nulls(self, values: Sequence[str]) -> Sequence[str]:
        """The values with empty texts for those that mean none; where there are none of them the very sequence."""
        if not self.nulls or self.nulls.isdisjoint(map(str.strip, values)):
            return values
        return ["" if self.is_null(value) else value for value in values]


USUAL = Spelling()
"""As the types' own rules have it."""
