"""Ways through a window that are counted: by the offset of a page's first record, or by its number.

Nothing holds such pages together but counting: while they are read, records may move from one to another. So the
server's own total has to stay what it was, and what was read has to amount to it; else the window is begun anew.
"""

from collections.abc import Mapping

from lxml import etree

from xmlift.errors import SourceError
from xmlift.source import xpaths
from xmlift.source.paging import Start
from xmlift.source.refusals import RefusedError
from xmlift.source.walk import NOTHING, PageRequest

# What a page has to know of those before it, beside what the first call captured.
_AT, _READ, _SHORT = "_at", "_read", "_short"
_EMPTY = "the last page is empty"


class Offset:
    """A page is asked for by the offset of its first record. It ends at the total, or at an empty page.

    `first` is the first record's offset and how many are asked for at a time. `total` is found in each page, or
    captured by the first call under that name.
    """

    def __init__(
        self,
        start: Start,
        parameter: str | None,
        first: tuple[int, int],
        total: str | None,
        namespaces: Mapping[str, str],
    ) -> None:
        self._start = start
        self.bootstrap = start.bootstrap
        self._parameter = parameter
        self._base, self._size = first
        self._total = Total(total, "total", namespaces)
        self.ended_by = "the records amount to the total" if self._total.is_known(start) else _EMPTY

    def first(self, values: Mapping[str, str] = NOTHING) -> PageRequest | None:
        if self._total.of(values) == 0:
            return None
        return self._asked({**values, _AT: "0", _READ: "0"})

    def following(
        self, root: etree._Element, request: PageRequest, answer_url: str, records: int | None
    ) -> PageRequest | None:
        at, read = int(request.values[_AT]), int(request.values[_READ]) + (records or 0)
        values = self._total.seen(root, request.values, is_whole=records is not None)
        total = self._total.of(values)
        if total is not None and at + self._size >= total:
            if records is not None and read != total:
                raise RefusedError(
                    f"the server counts {total} records, but sent {read}: records moved between the pages while "
                    "they were read, or the server sends fewer at a time than page.size"
                )
            return None
        if records == 0:
            if total is None:
                return None
            raise RefusedError(f"the page is empty, though only {read} of {total} records were read")
        short = _if_short(request, records, self._size)
        # Behind a short page nothing may follow: where it ends, not a page further, is where that shows.
        step = records if short and records else self._size
        return self._asked({**values, _AT: str(at + step), _READ: str(read), **short})

    def _asked(self, values: Mapping[str, str]) -> PageRequest:
        offset = str(self._base + int(values[_AT]))
        parameters = {self._parameter: offset} if self._parameter else NOTHING
        return self._start.asked(values, {"offset": offset, "size": str(self._size)}, parameters)


class PageNumber:
    """A page is asked for by its number. It ends at the total of pages, or at an empty page.

    `first` is the first page's number, and how many records are asked for at a time where that is known.
    """

    def __init__(
        self,
        start: Start,
        parameter: str | None,
        first: tuple[int, int | None],
        total_pages: str | None,
        namespaces: Mapping[str, str],
    ) -> None:
        self._start = start
        self.bootstrap = start.bootstrap
        self._parameter = parameter
        self._first, self._size = first
        self._total = Total(total_pages, "total_pages", namespaces)
        self.ended_by = "the pages amount to their total" if self._total.is_known(start) else _EMPTY

    def first(self, values: Mapping[str, str] = NOTHING) -> PageRequest | None:
        if self._total.of(values) == 0:
            return None
        return self._asked({**values, _AT: "0"})

    def following(
        self, root: etree._Element, request: PageRequest, answer_url: str, records: int | None
    ) -> PageRequest | None:
        at = int(request.values[_AT])
        values = self._total.seen(root, request.values, is_whole=records is not None)
        total = self._total.of(values)
        if total is not None and at + 1 >= total:
            return None
        if records == 0:
            if total is None:
                return None
            raise RefusedError(f"the page is empty, though it is page {at + 1} of {total}")
        known = {_AT: str(at + 1)} | _if_short(request, records, self._size)
        return self._asked({**values, **known})

    def _asked(self, values: Mapping[str, str]) -> PageRequest:
        number = str(self._first + int(values[_AT]))
        position = {"page": number} | ({"size": str(self._size)} if self._size else {})
        parameters = {self._parameter: number} if self._parameter else NOTHING
        return self._start.asked(values, position, parameters)


class Total:
    """The server's own count: where it is found, and that it does not change while pages are read."""

    def __init__(self, xpath: str | None, name: str, namespaces: Mapping[str, str]) -> None:
        self._name = name
        self._xpath = xpath
        self._text = xpaths.text(xpath, namespaces, f"page.{name}") if xpath else None

    def is_known(self, start: Start) -> bool:
        """Whether the server tells it at all."""
        return self._text is not None or (
            start.bootstrap is not None and self._name in start.bootstrap.xpaths
        )

    def of(self, values: Mapping[str, str]) -> int | None:
        """What is known of it. Raises SourceError where that is no number."""
        text = values.get(self._name)
        if text is None:
            return None
        if not text.isdecimal():
            raise SourceError(f"the {self._name} captured by the first call is not a number: {text[:50]!r}")
        return int(text)

    def seen(self, root: etree._Element, values: Mapping[str, str], *, is_whole: bool) -> Mapping[str, str]:
        """The values with the total of this page. Raises SourceError where it has none, RefusedError if another."""
        if self._text is None:
            return values
        text = str(self._text(root)).strip()
        if not text and not is_whole:
            return values  # it may stand behind the records
        if not text.isdecimal():
            raise SourceError(
                f"page.{self._name} {self._xpath} finds no number but {text[:50]!r}: correct it"
            )
        if values.get(self._name, text) != text:
            raise RefusedError(
                f"the server's {self._name} was {values[self._name]} on the first page and is {text} "
                "here: what is asked for changed while it was read"
            )
        return {**values, self._name: text}


def _if_short(request: PageRequest, records: int | None, size: int | None) -> dict[str, str]:
    """Notes that a page has fewer records than asked for: no other may follow, or what is between them is lost.

    Raises SourceError for the page that follows one.
    """
    if records and _SHORT in request.values:
        raise SourceError(
            f"the page before has {request.values[_SHORT]} records of the {size} asked for, and yet "
            f"this one has some: the server sends fewer at a time than page.size {size}: lower it to what it sends"
        )
    return {_SHORT: str(records)} if records is not None and size is not None and records < size else {}
