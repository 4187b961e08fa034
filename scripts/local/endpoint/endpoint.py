"""The whole endpoint as a function from request to answer: the families, and the controls over them."""

import json
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from local.endpoint.arxiv import Arxiv
from local.endpoint.credentials import ApplicationPassword, Bearer
from local.endpoint.doors_next import DoorsNext
from local.endpoint.etm import TestManagement
from local.endpoint.ewm import ReportableRest
from local.endpoint.exchange import JSON, Answer, Request, json_answer, text_answer
from local.endpoint.faults import Fault, FaultError, Script
from local.endpoint.login import FormLogin
from local.endpoint.netsuite import Netsuite
from local.endpoint.oai import OaiPmh
from local.endpoint.odata import Odata
from local.endpoint.oslc import Oslc2
from local.endpoint.oslc_cm import OslcCm
from local.endpoint.pace import Pace
from local.endpoint.recorded import Recordings
from local.endpoint.rss import Rss
from local.endpoint.workitem import plain
from local.endpoint.world import World

CONTROL = "/_endpoint/"
# Of users that exist in this process alone.
USER, PASSWORD = "etl", "etl-password"
TOKEN = "etl-token"  # noqa: S105
CLIENT = ("etl-client", "etl-client-secret")
_KEPT_PAGES = 16


class Family(Protocol):
    """What one server answers, once its login has let a request pass."""

    name: str

    def answer(self, request: Request) -> Answer | None:
        """The answer to a request; None where nothing is served at its path."""

    def expire(self) -> int:
        """Forget what is kept from one page to the next; answers how many queries there were."""


class Gate(Protocol):
    """A login: what it has to say to a request, None where that may pass."""

    def answer(self, request: Request) -> Answer | None: ...

    def expire(self) -> int:
        """End every session; answers how many there were."""


class Endpoint:
    """What is served, and the controls over it."""

    def __init__(self, world: World, data: Path | None = None) -> None:
        self.world = world
        self.faults = Script()
        self._last_pages: OrderedDict[str, Answer] = OrderedDict()
        self._tokens = Bearer(None, CLIENT)
        # First folder of a path: who may pass, and what is served there.
        self._served: dict[str, tuple[Gate | None, Family]] = {
            "ccm": (FormLogin("/ccm", USER, PASSWORD), ReportableRest(world)),
            "rm": (FormLogin("/rm", USER, PASSWORD), DoorsNext(world)),
            "qm": (FormLogin("/qm", USER, PASSWORD), TestManagement(world)),
            "cqweb": (ApplicationPassword(USER, PASSWORD), Oslc2(world)),
            "jazz": (None, OslcCm(world)),
            "oai": (None, OaiPmh(world)),
            "arxiv": (None, Arxiv(world)),
            "rss": (None, Rss(world)),
            "netsuite": (Bearer(TOKEN, CLIENT), Netsuite(world)),
            "odata": (self._tokens, Odata(world)),
        }
        self._recordings = Recordings(data)
        self._paces: list[Pace] = []
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
            ("POST", "paces"): self._set_paces,
            ("POST", "project_areas"): self._change_project_areas,
        }

    @property
    def families(self) -> list[str]:
        return [*(family.name for _, family in self._served.values()), *self._recordings.families]

    def answer(self, request: Request) -> Answer:
        """The answer to a request, whatever it asks for; the faults are the server's to apply."""
        if request.path.startswith(CONTROL):
            return self._control(request)
        if request.path == Bearer.PATH:
            return self._tokens.issue(request)
        for pace in self._paces:
            if refused := pace.answer(request.path):
                return refused
        gate, family = self._served.get(request.path.split("/")[1], (None, None))
        if gate and (asked := gate.answer(request)):
            return asked
        answer = family.answer(request) if family else None
        return answer or self._recordings.answer(request) or _not_found(request)

    def befall(self, fault: Fault) -> None:
        """What a fault does to the endpoint itself, before the request that it hits is answered."""
        match fault.kind:
            case "advance":
                self.world.advance(fault.change, fault.create, fault.delete)
            case "expire_queries":
                self._expire_queries()
            case "expire_sessions":
                self._expire_sessions()

    def page_before(self, request: Request) -> Answer | None:
        """The last answer to the same query, None before its first page."""
        return self._last_pages.get(_query(request))

    def note_page(self, request: Request, answer: Answer) -> None:
        """Keep an answer, in case that its query gets it once more."""
        self._last_pages[_query(request)] = answer
        if len(self._last_pages) > _KEPT_PAGES:
            self._last_pages.popitem(last=False)

    def count(self, path: str) -> None:
        """Note a request, so that a test can tell how often a client asked."""
        with self._counting:
            self._requests[path] += 1

    def _expire_queries(self) -> int:
        return sum(family.expire() for _, family in self._served.values())

    def _expire_sessions(self) -> int:
        return sum(gate.expire() for gate, _ in self._served.values() if gate)

    def _control(self, request: Request) -> Answer:
        control = self._controls.get((request.method, request.path.removeprefix(CONTROL)))
        if control is None:
            return _not_found(request)
        try:
            return control(request)
        except (ValueError, TypeError, KeyError) as error:
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
                "refused": {pace.path: pace.refused for pace in self._paces},
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
        counts = [int(wanted.get(name, 0)) for name in ("change", "create", "delete")]
        passed = self.world.advance(*counts)
        touched = {"changed": passed.changed, "created": passed.created, "deleted": passed.deleted}
        return json_answer({**touched, "now": plain(passed.at)})

    def _expire(self, request: Request) -> Answer:
        wanted = _object(request)
        parts = {"sessions": self._expire_sessions, "queries": self._expire_queries}
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

    def _set_paces(self, request: Request) -> Answer:
        described = json.loads(request.body)
        self._paces = [Pace(one["path"], int(one["requests"]), float(one["seconds"])) for one in described]
        return json_answer([pace.path for pace in self._paces])

    def _change_project_areas(self, request: Request) -> Answer:
        wanted = _object(request)
        if name := wanted.get("add"):
            self.world.add_project_area(name)
        if name := wanted.get("remove"):
            self.world.remove_project_area(name)
        return json_answer([area["name"] for area in self.world.project_areas()])


def _query(request: Request) -> str:
    """What pages of the same query have in common."""
    return f"{request.path} {request.parameters().get('fields', '')}"


def _object(request: Request) -> dict[str, Any]:
    content = json.loads(request.body or b"{}")
    if not isinstance(content, dict):
        raise TypeError("the body is a JSON object")
    return content


def _not_found(request: Request) -> Answer:
    return text_answer(f"{request.method} {request.path}: there is nothing here", 404)
