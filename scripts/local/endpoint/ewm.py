"""EWM's Reportable REST: `GET {context}/rpt/repository/workitem?fields=…&size=…&pos=…`.

The first page runs the query and keeps its ids under a token, which the `href` of the next page carries.
So the pages of one query never shift: work items created since are not in it, and those changed since are
answered as they are now.
"""

import html
import re
import secrets
import threading
from collections import OrderedDict
from functools import lru_cache
from urllib.parse import quote

from local.endpoint import fields
from local.endpoint.exchange import XML, Answer, Request, text_answer
from local.endpoint.fields import FieldsError, Query
from local.endpoint.query import DateValueError, Render, compile_condition, compile_selection
from local.endpoint.workitem import WORK_ITEM, Record
from local.endpoint.world import World

PATH = "/rpt/repository/workitem"
PAGE_SIZE = "100"
_KEPT_QUERIES = 1000
_PROLOGUE = '<?xml version="1.0" encoding="UTF-8" ?>\n'


class ReportableRest:
    """The work items of a world, as pages of XML."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._results: OrderedDict[str, list[int]] = OrderedDict()
        self._pages = lru_cache(maxsize=8)(_Pages)

    def answer(self, request: Request) -> Answer:
        try:
            return self._page(request)
        except DateValueError as error:
            return _failure(f"CRRED0106E: Invalid date value: {error}. Expected yyyy-MM-dd'T'HH:mm:ss.SSSZ")
        except FieldsError as error:
            return _failure(f"CRRED0108E: Illegal fields argument: {error}")

    def _page(self, request: Request) -> Answer:
        parameters = request.parameters()
        query = fields.parse(parameters.get("fields", ""))
        if (query.resource, query.element) != ("workitem", "workItem"):
            raise FieldsError(f"unknown resource {query.resource}/{query.element}")
        pages = self._pages(query.selection)
        size, position = parameters.get("size", PAGE_SIZE), parameters.get("pos", "0")
        if not (re.fullmatch("[1-9][0-9]*", size) and re.fullmatch("[0-9]+", position)):
            return text_answer("size is a number from 1, pos a number from 0", 400)
        first, end = int(position), int(position) + int(size)
        token = parameters.get("id")
        ids = self._run(query) if token is None else self._results.get(token)
        if ids is None:
            return _expired(token or "")
        href = ""
        if end < len(ids):
            href = self._href(request, query, f"id={token or self._keep(ids)}", f"size={size}&pos={end}")
        return Answer(pages.page([self._world.item(identifier) for identifier in ids[first:end]], href))

    def expire(self) -> int:
        """Forget every query's ids; answers how many queries there were."""
        with self._lock:
            count = len(self._results)
            self._results.clear()
            return count

    def _run(self, query: Query) -> list[int]:
        matches = compile_condition(query.condition, WORK_ITEM)
        return [item["id"] for item in self._world.items() if matches(item)]

    def _keep(self, ids: list[int]) -> str:
        token = f"_{secrets.token_urlsafe(16)}"
        with self._lock:
            self._results[token] = ids
            if len(self._results) > _KEPT_QUERIES:
                self._results.popitem(last=False)
        return token

    @staticmethod
    def _href(request: Request, query: Query, token: str, page: str) -> str:
        expression = quote(str(query), safe="")
        return f"{request.origin}{request.path}?{token}&fields={expression}&{page}"


class _Pages:
    """Writes pages of one selection, and keeps each work item's text for as long as it is current."""

    def __init__(self, selection: tuple[fields.Field, ...]) -> None:
        self._render: Render = compile_selection("workItem", selection, WORK_ITEM)
        self._rendered: dict[int, tuple[Record, bytes]] = {}

    def page(self, items: list[Record], href: str) -> bytes:
        following = f' rel="next" href="{html.escape(href)}"' if href else ""
        opening = f'{_PROLOGUE}<workitem Version="1.0.0"{following}>\n'.encode()
        return b"".join([opening, *map(self._text, items), b"</workitem>\n"])

    def _text(self, item: Record) -> bytes:
        known, text = self._rendered.get(item["id"], (None, b""))
        if known is not item:
            text = f"{self._render(item)}\n".encode()
            self._rendered[item["id"]] = (item, text)
        return text


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
