"""ETM's Reportable REST: a world as test plans, test cases and results, in Atom feeds.

Below `/qm/service/com.ibm.rqm.integration.service.IIntegrationService/`:

- `projects`: the project areas with their aliases
- `resources/{alias}/testcase`: one for each work item
- `resources/{alias}/testplan`: one for each category
- `resources/{alias}/executionresult`: one for each comment of a work item, in the plan of its category

`fields=feed/entry/content/testcase[updated>'…']/*` filters by a time, by a number or by an `@href`;
`includeArchived=true` brings what is archived, and of what was purged its entry without content. The server
keeps a query under the token of its `link`s, whose pages count from 0, and chooses the prefixes of a page anew.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import quote_plus, unquote_plus

from local.endpoint import fields
from local.endpoint.etm_feed import ATOM, DC, QM, Entry, feed
from local.endpoint.exchange import Answer, Request, text_answer
from local.endpoint.fields import Comparison, Condition, FieldsError
from local.endpoint.kept import KeptQueries, whole_number
from local.endpoint.markup import element
from local.endpoint.workitem import Record
from local.endpoint.world import World

SERVICE = "/qm/service/com.ibm.rqm.integration.service.IIntegrationService"
PAGE_SIZE = 50
RESULTS_PER_CASE = 1000
"""At most so many results has a test case: a result's number is its case's times this, and its own from 1."""


class TestManagement:
    """A world's work items as test cases."""

    __test__ = False  # its name is no test's
    name = "etm"

    def __init__(self, world: World, page_size: int = PAGE_SIZE) -> None:
        self._world = world
        self._page_size = page_size
        self._queries: KeptQueries[int] = KeptQueries()
        self._resources = {
            "testcase": self._test_cases,
            "testplan": self._test_plans,
            "executionresult": self._results,
        }
        self.expire = self._queries.expire

    def answer(self, request: Request) -> Answer | None:
        """The answer to a request below /qm; None where nothing is served there."""
        if request.method != "GET" or not request.path.startswith(f"{SERVICE}/"):
            return None
        match request.path.removeprefix(f"{SERVICE}/").split("/"):
            case ["projects"]:
                return Answer(self._projects(request.origin + request.path).encode())
            case ["resources", alias, kind] if kind in self._resources:
                return self._feed(request, alias, kind)
        return None

    def _feed(self, request: Request, alias: str, kind: str) -> Answer:
        areas = {area["name"] for area in self._world.project_areas()}
        project = alias if alias in areas else unquote_plus(alias)
        if project not in areas:
            return text_answer(f"CRRQM: there is no project area with the alias {alias}", 404)
        given = request.parameters()
        try:
            condition = _condition(given.get("fields", ""), kind)
            archived = given.get("includeArchived") == "true"
            entries = {one.number: one for one in self._resources[kind](project, self._root(request, alias))}
            matching = [
                one.number
                for one in entries.values()
                if (archived or not (one.archived or one.purged)) and _matches(condition, one)
            ]
        except (FieldsError, ValueError) as error:
            return text_answer(f"CRRQM: the fields cannot be read: {error}", 400)
        page = whole_number(given.get("page", "0"), 0)
        numbers = self._queries.find(given["token"]) if "token" in given else matching
        if numbers is None or page is None:
            return text_answer("CRRQM: the token has expired", 404)
        shown = [
            entries[one] for one in numbers[page * self._page_size :][: self._page_size] if one in entries
        ]
        links = self._links(request, numbers, page)
        return Answer(feed(kind, f"{self._root(request, alias)}/{kind}", links, shown, page).encode())

    @staticmethod
    def _root(request: Request, alias: str) -> str:
        return f"{request.origin}{SERVICE}/resources/{quote_plus(unquote_plus(alias))}"

    def _links(self, request: Request, numbers: list[int], page: int) -> dict[str, str]:
        """`self`, and for all pages but the last one `next` and `last`."""
        url = f"{request.origin}{quoted_path(request.path)}"
        links = {"self": f"{url}?{request.query}" if request.query else url}
        last = max(0, (len(numbers) - 1) // self._page_size)
        if page < last:
            given = request.parameters()
            token = given.get("token") or self._queries.keep(numbers)
            kept = "".join(
                f"{name}={quote_plus(value)}&"
                for name, value in given.items()
                if name not in ("token", "page")
            )
            links["next"] = f"{url}?{kept}token={token}&page={page + 1}"
            links["last"] = f"{url}?{kept}token={token}&page={last}"
        return links

    def _projects(self, url: str) -> str:
        entries = "".join(
            f"<entry>{element('id', f'{url}/{area["itemId"]}')}{element('title', area['name'], type='text')}"
            f'<content type="application/xml"><ns2:project xmlns:ns2="{QM}" xmlns:ns3="{DC}">'
            f"{element('ns3:title', area['name'])}{element('ns2:alias', quote_plus(area['name']))}"
            "</ns2:project></content></entry>"
            for area in self._world.project_areas()
        )
        opening = f'<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="{ATOM}">'
        return f"{opening}{element('id', url)}{entries}</feed>\n"

    def _items(self, project: str) -> list[Record]:
        return [item for item in self._world.items() if item["projectArea"]["name"] == project]

    def _purged(self, project: str) -> Iterable[Entry]:
        for left in self._world.deleted():
            if left["projectArea"]["name"] == project:
                yield Entry(left["id"], "", left["modified"], archived=False, purged=True)

    def _test_cases(self, project: str, root: str) -> Iterable[Entry]:
        for item in self._items(project):
            yield Entry(
                item["id"],
                item["summary"] or "",
                item["modified"],
                item["archived"],
                texts=(
                    ("dc:title", item["summary"] or ""),
                    ("dc:description", item["description"] or ""),
                    ("qm:owner", item["owner"]["userId"]),
                    ("alm:state", item["state"]["name"]),
                    ("qm:weight", str(item["duration"])),
                ),
                references=(("testplan", f"{root}/testplan/urn:com.ibm.rqm:testplan:{plan_number(item)}"),),
                categories=tuple(("Tag", tag) for tag in item["tags"]),
            )
        yield from self._purged(project)

    def _test_plans(self, project: str, root: str) -> Iterable[Entry]:
        plans: dict[int, list[Record]] = {}
        for item in self._items(project):
            plans.setdefault(plan_number(item), []).append(item)
        for number, items in sorted(plans.items()):
            name = items[0]["category"]["name"]
            yield Entry(
                number,
                name,
                max(item["modified"] for item in items),
                archived=False,
                texts=(("dc:title", name), ("qm:owner", "rnd")),
            )

    def _results(self, project: str, root: str) -> Iterable[Entry]:
        for item in self._items(project):
            plan = f"{root}/testplan/urn:com.ibm.rqm:testplan:{plan_number(item)}"
            case = f"{root}/testcase/urn:com.ibm.rqm:testcase:{item['id']}"
            for position, comment in enumerate(item["comments"], start=1):
                yield Entry(
                    item["id"] * RESULTS_PER_CASE + position,
                    comment["content"],
                    comment["creationTime"],
                    archived=False,
                    texts=(
                        ("dc:title", comment["content"]),
                        ("alm:state", verdict(comment)),
                        ("qm:owner", comment["creator"]["userId"]),
                    ),
                    references=(("testplan", plan), ("testcase", case)),
                )


def plan_number(item: Record) -> int:
    """The number of a work item's test plan: that of its category, the same in each project."""
    return sum(item["category"]["name"].encode())


def verdict(comment: Record) -> str:
    return "com.ibm.rqm.execution.common.state." + ("failed" if comment["edited"] else "passed")


def quoted_path(path: str) -> str:
    return quote_plus(path, safe="/:+%")


def _condition(text: str, kind: str) -> Condition | None:
    """The condition of `feed/entry/content/testcase[…]/…`, the only part that matters here."""
    prefix = "feed/entry/content/"
    if not text:
        return None
    if not text.startswith(prefix + kind):
        raise FieldsError(f"expected {prefix}{kind}/*")
    # What comes after the condition selects; this server answers all of a resource whatever is selected.
    inside = re.fullmatch(rf"{kind}(\[(?P<condition>.*)\])?(/.*)?", text.removeprefix(prefix), re.DOTALL)
    if inside is None:
        raise FieldsError(f"expected {prefix}{kind}[condition]/*")
    if inside["condition"] is None:
        return None
    return fields.parse(f"content/{kind}[{inside['condition'].replace('@href', 'href')}]/*").condition


def _matches(condition: Condition | None, entry: Entry) -> bool:
    if condition is None:
        return True
    if isinstance(condition, Comparison):
        return _holds(condition, entry)
    one = all if condition.word == "and" else any
    return one(_matches(term, entry) for term in condition.terms)


def _holds(comparison: Comparison, entry: Entry) -> bool:
    match comparison.path:
        case ("updated",):
            wanted = datetime.fromisoformat(comparison.value)
            if wanted.tzinfo is None:
                raise FieldsError(f"'{comparison.value}' has no offset")
            return {
                ">": entry.updated > wanted,
                ">=": entry.updated >= wanted,
                "<": entry.updated < wanted,
                "<=": entry.updated <= wanted,
                "=": entry.updated == wanted,
            }.get(comparison.operator, False)
        case (name, "href"):
            return (name, comparison.value) in entry.references
        case ("webId",):
            return str(entry.number) == comparison.value
    raise FieldsError(f"{'/'.join(comparison.path)} cannot be compared")
