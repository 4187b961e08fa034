"""How a source tells of deletions."""

from typing import Annotated

from msgspec import Meta

from xmlift.catalogue.strict import Model


class Tombstone(Model, frozen=True, tag_field="type", tag="tombstone"):
    """A record in which `path` has a value (with `equals`, exactly this one) says that its key was deleted."""

    path: Annotated[str, Meta(min_length=1)]
    equals: Annotated[str, Meta(min_length=1)] | None = None

    def __post_init__(self) -> None:
        if self.equals is not None and self.equals != self.equals.strip():
            raise ValueError(
                f"deletes equals {self.equals!r}: values are compared without spaces around them"
            )

    def is_told_by(self, value: str) -> bool:
        """Whether a record with this value (an empty text where there is none) is a tombstone."""
        value = value.strip()
        return bool(value) and self.equals in (None, value)


# How a source tells of deletions. Tagged by `type`, so that another way can stand beside this one.
Deletes = Tombstone
