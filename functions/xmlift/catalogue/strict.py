"""What all parts of a catalogue share: they refuse keys that they do not know, and names that no table can have."""

from typing import Annotated

from msgspec import Meta, Struct

# Redshift folds unquoted names to lower case and allows 127 bytes. A leading `_` is lineage's, and a double one
# parts a stream's name from its child's (`work_items__comments`, for a load `losers_work_items__comments`).
Name = Annotated[
    str,
    Meta(
        pattern=r"^[a-z](_?[a-z0-9])*$", max_length=58, description="lower case, digits and single _ between"
    ),
]


class Model(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What all parts of a catalogue share: immutable, by keyword, no key that is not known."""
