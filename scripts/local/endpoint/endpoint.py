"""The whole endpoint as a function from request to answer: the families, and the controls over them."""

import json
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from local.endpoint import ewm
from local.endpoint.exchange import JSON, Answer, Request, json_answer, text_answer
from local.endpoint.faults import Fault, FaultError, Script
from local.endpoint.login import FormLogin
from local.endpoint.recorded import Recordings
from local.endpoint.workitem import plain
from local.endpoint.world import World

CONTROL = "/_endpoint/"
CCM = "/ccm"
USER = "etl"
_KEPT_PAGES = 16
PASSWORD = "etl-password"  # noqa: S105 -- of a user that exists in this process alone


class Endpoint:
    """What is served, and the controls over it."""

    def __init__(self, world: World, data: Path | None = None) -> None:
        self.world = world
        self.faults = Script()
        self._last_pages: OrderedDict[str, Answer] = OrderedDict()
        self._login = FormLogin(CCM, USER, PASSWORD)
        self._work_items = ewm.ReportableRest(world)
        self._recordings = Recordings(data)
        self._counting = threading.Lock()
        self._requests: Counter[str] = Counter()
        self._controls: dict[tuple[str, str], Callable[[Request], Answer]] = {
            ("GET", "status"): self._status,
            ("GET", "items"): self._items,
            ("GET", "states"): self._states,
            ("POST", "advance"): self._advance,
            ("POST", "expire"): self._expire,
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): self._clear_faults,
        }

    @property
    def families(self) -> list[str]:
        return ["ewm", *self._recordings.families]

    def answer(self, request: Request) -> Answer:
        """The answer to a request, whatever it asks for; the faults are the server's to apply."""
        if request.path.startswith(CONTROL):
            return self._control(request)
        if request.path.startswith(f"{CCM}/"):
            return self._login.answer(request) or self._ccm(request)
        return self._recordings.answer(request) or _not_found(request)

    def befall(self, fault: Fault) -> None:
        """What a fault does to the endpoint itself, before the request that it hits is answered."""
        match fault.kind:
            case "advance":
                self.world.advance(fault.change, fault.create)
            case "expire_queries":
                self._work_items.expire()
            case "expire_sessions":
                self._login.expire()

    def page_before(self, request: Request) -> Answer | None:
        """The last answer to the same query, None before its first page."""
        return self._last_pages.get(request.parameters().get("fields", ""))

    def note_page(self, request: Request, answer: Answer) -> None:
        """Keep an answer, in case that its query gets it once more."""
        self._last_pages[request.parameters().get("fields", "")] = answer
        if len(self._last_pages) > _KEPT_PAGES:
            self._last_pages.popitem(last=False)

    def count(self, path: str) -> None:
        """Note a request, so that a test can tell how often a client asked."""
        with self._counting:
            self._requests[path] += 1

    def _ccm(self, request: Request) -> Answer:
        if request.method == "GET" and request.path == CCM + ewm.PATH:
            return self._work_items.answer(request)
        return _not_found(request)

    def _control(self, request: Request) -> Answer:
        control = self._controls.get((request.method, request.path.removeprefix(CONTROL)))
        if control is None:
            return _not_found(request)
        try:
            return control(request)
        except (ValueError, TypeError) as error:
            return text_answer(f"{request.method} {request.path}: {error}", 400)

    def _status(self, _: Request) -> Answer:
        with self._counting:
            requests = dict(self._requests)
        return json_answer(
            {
                "families": self.families,
                "items": len(self.world.items()),
                "now": plain(self.world.clock()),
                "requests": requests,
                "faults": [asdict(fault) for fault in self.faults.pending()],
            }
        )

    def _items(self, _: Request) -> Answer:
        return Answer(json.dumps(self.world.items(), default=plain, ensure_ascii=False).encode(), JSON)

    def _states(self, request: Request) -> Answer:
        states = self.world.states(int(request.parameters().get("first", 0)))
        return Answer(json.dumps(states, default=plain, ensure_ascii=False).encode(), JSON)

    def _advance(self, request: Request) -> Answer:
        wanted = _object(request)
        advance = self.world.advance(int(wanted.get("change", 0)), int(wanted.get("create", 0)))
        return json_answer({"changed": advance.changed, "created": advance.created, "now": plain(advance.at)})

    def _expire(self, request: Request) -> Answer:
        wanted = _object(request)
        parts = {"sessions": self._login.expire, "queries": self._work_items.expire}
        return json_answer({name: expire() for name, expire in parts.items() if wanted.get(name)})

    def _add_faults(self, request: Request) -> Answer:
        described = json.loads(request.body)
        for description in described if isinstance(described, list) else [described]:
            if not isinstance(description, dict):
                raise FaultError("a fault is an object such as {'path': '/ccm/rpt', 'kind': 'empty'}")
            self.faults.add(description)
        return json_answer([asdict(fault) for fault in self.faults.pending()])

    def _clear_faults(self, _: Request) -> Answer:
        self.faults.clear()
        return json_answer([])


def _object(request: Request) -> dict[str, Any]:
    content = json.loads(request.body or b"{}")
    if not isinstance(content, dict):
        raise TypeError("the body is a JSON object")
    return content


def _not_found(request: Request) -> Answer:
    return text_answer(f"{request.method} {request.path}: there is nothing here", 404)
