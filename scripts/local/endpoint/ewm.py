"""EWM's Reportable REST: `GET {context}/rpt/repository/{resource}?fields=…&size=…&pos=…`.

`workitem` has work items and what is left of deleted ones, `foundation` project areas. Pages go on by a query
that the server keeps, whose token is `id` in the `href` of the next page.
"""

import html
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from local.endpoint import fields
from local.endpoint.exchange import XML, Answer, Request, text_answer
from local.endpoint.fields import FieldsError, Query
from local.endpoint.kept import KeptQueries, whole_number
from local.endpoint.query import DateValueError, Render, compile_condition, compile_selection
from local.endpoint.workitem import DELETED_WORK_ITEM, PROJECT_AREA, WORK_ITEM, Record, Shape
from local.endpoint.world import World

PATH = "/rpt/repository/"
PAGE_SIZE = "100"
_PROLOGUE = '<?xml version="1.0" encoding="UTF-8" ?>\n'


@dataclass(frozen=True)
class _Element:
    """One kind of record: what it has, all of them in order, and one by its identifier if it is still there."""

    shape: Shape
    key: str
    all: Callable[[], list[Record]]
    one: Callable[[Any], Record | None]


class ReportableRest:
    """A world as pages of XML."""

    name = "ewm"

    def __init__(self, world: World) -> None:
        self._queries: KeptQueries[Any] = KeptQueries()
        self._pages = lru_cache(maxsize=8)(self._pages_of)
        self._elements = {
            ("workitem", "workItem"): _Element(WORK_ITEM, "id", world.items, world.item),
            ("workitem", "deletedWorkItem"): _of_list(DELETED_WORK_ITEM, "id", world.deleted),
            ("foundation", "projectArea"): _of_list(PROJECT_AREA, "itemId", world.project_areas),
        }
        self._resources = {resource for resource, _ in self._elements}
        self.expire = self._queries.expire

    def answer(self, request: Request) -> Answer | None:
        """The answer to a request below the context; None where nothing is served there."""
        resource = request.path.partition(PATH)[2]
        if request.method != "GET" or resource not in self._resources:
            return None
        try:
            return self._page(request, resource)
        except DateValueError as error:
            return _failure(f"CRRED0106E: Invalid date value: {error}. Expected yyyy-MM-dd'T'HH:mm:ss.SSSZ")
        except FieldsError as error:
            return _failure(f"CRRED0108E: Illegal fields argument: {error}")

    def _page(self, request: Request, resource: str) -> Answer:
        parameters = request.parameters()
        query = fields.parse(parameters.get("fields", ""))
        element = self._elements.get((query.resource, query.element))
        if element is None or query.resource != resource:
            raise FieldsError(f"unknown resource {query.resource}/{query.element}")
        pages = self._pages(query.resource, query.element, query.selection)
        size = whole_number(parameters.get("size", PAGE_SIZE), 1)
        first = whole_number(parameters.get("pos", "0"), 0)
        if size is None or first is None:
            return text_answer("size is a number from 1, pos a number from 0", 400)
        token = parameters.get("id")
        found = self._run(query, element) if token is None else self._queries.find(token)
        if found is None:
            return _expired(token or "")
        href = ""
        if (end := first + size) < len(found):
            token = token or self._queries.keep(found)
            href = self._href(request, query, f"id={token}", f"size={size}&pos={end}")
        # One that was deleted since is on no page any more.
        records = [record for key in found[first:end] if (record := element.one(key)) is not None]
        return Answer(pages.page(records, href))

    def _pages_of(self, resource: str, element: str, selection: tuple[fields.Field, ...]) -> "_Pages":
        known = self._elements[resource, element]
        return _Pages(resource, compile_selection(element, selection, known.shape), known.key)

    @staticmethod
    def _run(query: Query, element: _Element) -> list[Any]:
        matches = compile_condition(query.condition, element.shape)
        return [record[element.key] for record in element.all() if matches(record)]

    @staticmethod
    def _href(request: Request, query: Query, token: str, page: str) -> str:
        expression = quote(str(query), safe="")
        return f"{request.origin}{request.path}?{token}&fields={expression}&{page}"


class _Pages:
    """Writes pages of one selection, and keeps each record's text for as long as it is current."""

    def __init__(self, root: str, render: Render, key: str) -> None:
        self._root = root
        self._render = render
        self._key = key
        self._rendered: dict[Any, tuple[Record, bytes]] = {}

    def page(self, records: Iterable[Record], href: str) -> bytes:
        following = f' rel="next" href="{html.escape(href)}"' if href else ""
        opening = f'{_PROLOGUE}<{self._root} Version="1.0.0"{following}>\n'.encode()
        return b"".join([opening, *map(self._text, records), f"</{self._root}>\n".encode()])

    def _text(self, record: Record) -> bytes:
        known, text = self._rendered.get(record[self._key], (None, b""))
        if known is not record:
            text = f"{self._render(record)}\n".encode()
            self._rendered[record[self._key]] = (record, text)
        return text


def _of_list(shape: Shape, key: str, everything: Callable[[], list[Record]]) -> _Element:
    def one(wanted: Any) -> Record | None:
        return next((record for record in everything() if record[key] == wanted), None)

    return _Element(shape, key, everything, one)


def _failure(message: str) -> Answer:
    text = f"{_PROLOGUE}<error><status>500</status><message>{html.escape(message)}</message></error>\n"
    return Answer(text.encode(), XML, 500)


def _expired(token: str) -> Answer:
    """HTTP 200 all the same: only the body says that the query is gone."""
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<oslc_cm:error xmlns:oslc_cm="http://open-services.net/xmlns/cm/1.0/">\n'
        f"<oslc_cm:status>500</oslc_cm:status><oslc_cm:message>Query {html.escape(token)} expired."
        "</oslc_cm:message></oslc_cm:error>\n"
    )
    return Answer(text.encode())
