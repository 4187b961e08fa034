"""DOORS Next's Reportable REST: the work items of a world as requirements, `/rm/publish/{resources,modules}`.

- `resources?projectURI=_…&modifiedSince=2021-01-31T12:34:26Z&size=100`: pages, by a query that the server keeps
- `resources?projectURI=_…&moduleURI=_…`: a module's requirements in one answer, whatever `size` says
- `modules?projectURI=_…`: the modules, one for each category
- `/rm/process/project-areas`: the project areas

`totalCount` is that of the page. What was deleted stays for good as an artifact with `isDeleted`. Prefixes of
namespaces differ from page to page; `modified` is in UTC, `created` at its own offset, without a colon.
"""

import re
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from local.endpoint.exchange import Answer, Request, text_answer
from local.endpoint.generation import stable_uuid
from local.endpoint.kept import KeptQueries, whole_number
from local.endpoint.markup import declarations, element, escaped, quoted
from local.endpoint.workitem import Record, jazz_time, plain
from local.endpoint.world import World

PAGE_SIZE = "100"
_NAMESPACES = {
    "ds": "http://jazz.net/xmlns/alm/rm/datasource/v0.1",
    "rrm": "http://www.ibm.com/xmlns/rrm/1.0/",
    "attribute": "http://jazz.net/xmlns/alm/rm/attribute/v0.1",
    "text": "http://jazz.net/xmlns/alm/rm/text/v0.1",
    "html": "http://www.w3.org/1999/xhtml",
}
_PREFIX = re.compile(r"(</?|\s)(ds|rrm|attribute|text|html):")
_PROCESS = "http://jazz.net/xmlns/prod/jazz/process/0.6/"


class DoorsNext:
    """A world's work items, each as the requirement of the same number."""

    name = "doors_next"

    def __init__(self, world: World) -> None:
        self._world = world
        self._queries: KeptQueries[int] = KeptQueries()
        self.expire = self._queries.expire

    def answer(self, request: Request) -> Answer | None:
        """The answer to a request below /rm; None where nothing is served there."""
        if request.method != "GET":
            return None
        match request.path:
            case "/rm/publish/resources":
                return self._resources(request)
            case "/rm/publish/modules":
                return self._modules(request)
            case "/rm/process/project-areas":
                return Answer(self._project_areas(request.origin).encode())
        return None

    def _resources(self, request: Request) -> Answer:
        given = request.parameters()
        size, page = whole_number(given.get("size", PAGE_SIZE), 1), whole_number(given.get("page", "0"), 0)
        if size is None or page is None:
            return text_answer("size is a number from 1, page a number from 0", 400)
        try:
            artifacts = self._artifacts(given)
        except ValueError as error:
            return text_answer(f"CRRRS: {error}", 400)
        if "moduleURI" in given:
            return Answer(_data_source(artifacts, request.origin))
        by_id = {artifact["id"]: artifact for artifact in self._everything(given["projectURI"])}
        token = given.get("token")
        ids = [artifact["id"] for artifact in artifacts] if token is None else self._queries.find(token)
        if ids is None:
            return text_answer(f"the result set {token} does not exist any more", 404)
        shown = [by_id[one] for one in ids[page * size : (page + 1) * size] if one in by_id]
        href = ""
        if (page + 1) * size < len(ids):
            kept = {key: value for key, value in given.items() if key not in ("token", "page")}
            kept |= {"token": token or self._queries.keep(ids), "page": str(page + 1)}
            href = f"{request.origin}{request.path}?{urlencode(kept)}"
        return Answer(_data_source(shown, request.origin, href, spelling=page % 2))

    def _artifacts(self, given: dict[str, str]) -> list[Record]:
        """The artifacts that a query asks for. Raises ValueError for one that makes no sense."""
        if "projectURI" not in given:
            raise ValueError("projectURI is missing")
        found = self._everything(given["projectURI"])
        if since := given.get("modifiedSince"):
            moment = datetime.fromisoformat(since)
            if moment.tzinfo is None:
                raise ValueError(f"modifiedSince={since} has no offset")
            found = [artifact for artifact in found if artifact["modified"] > moment]
        if module := given.get("moduleURI"):
            found = [one for one in found if "category" in one and _module(one) == module]
        return found

    def _everything(self, project: str) -> list[Record]:
        items = [*self._world.items(), *self._world.deleted()]
        return sorted((one for one in items if one["projectArea"]["itemId"] == project), key=_number)

    def _modules(self, request: Request) -> Answer:
        project = request.parameters().get("projectURI", "")
        modules: dict[str, Record] = {}
        for item in self._everything(project):
            if "category" in item:
                modules.setdefault(_module(item), item)
        artifacts = [
            f'<ds:artifact attribute:itemId="{quoted(identifier)}" attribute:isDeleted="false">'
            f"{element('rrm:title', item['category']['name'])}{element('rrm:format', 'Module')}</ds:artifact>"
            for identifier, item in sorted(modules.items())
        ]
        return Answer(_document(artifacts, "", 0))

    def _project_areas(self, origin: str) -> str:
        areas = "".join(
            f"{element('jp06:project-area', '', jp06__name=area['name']).removesuffix('</jp06:project-area>')}"
            f"{element('jp06:url', f'{origin}/rm/process/project-areas/{area["itemId"]}')}</jp06:project-area>"
            for area in self._world.project_areas()
        )
        return f'<?xml version="1.0"?>\n<jp06:project-areas xmlns:jp06="{_PROCESS}">{areas}</jp06:project-areas>\n'


def _number(artifact: Record) -> int:
    number: int = artifact["id"]
    return number


def _module(item: Record) -> str:
    return stable_uuid(f"{item['projectArea']['itemId']} {item['category']['name']}")


def _data_source(artifacts: list[Record], origin: str, href: str = "", spelling: int = 0) -> bytes:
    texts = [_artifact(one, origin) if "summary" in one else _deleted(one) for one in artifacts]
    return _document(texts, href, spelling)


def _document(artifacts: list[str], href: str, spelling: int) -> bytes:
    following = f' rel="next" href="{quoted(href)}"' if href else ""
    opening = (
        f'<ds:dataSource{declarations(_NAMESPACES)} appId="RRC" vMajor="70" vMinor="10" '
        f'rrm:totalCount="{len(artifacts)}"{following}>\n'
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        + _spelt(opening + "\n".join(artifacts), spelling)
        + _spelt("\n</ds:dataSource>\n", spelling)
    ).encode()


def _spelt(text: str, spelling: int) -> str:
    """The same XML with other prefixes, which a server is free to choose."""
    if spelling == 0:
        return text
    numbers = {prefix: f"ns{number}" for number, prefix in enumerate(_NAMESPACES)}
    text = re.sub(r"xmlns:(\w+)=", lambda found: f"xmlns:{numbers[found[1]]}=", text)
    # Within tags alone: `>` is escaped in texts and in attributes.
    return re.sub(r"<[^>]*>", lambda tag: _PREFIX.sub(lambda p: f"{p[1]}{numbers[p[2]]}:", tag[0]), text)


def _artifact(item: Record, origin: str) -> str:
    return "".join(
        [
            f'<ds:artifact attribute:itemId="{quoted(item["itemId"])}" attribute:isDeleted="false">',
            _titled("rrm:title", item["summary"]),
            element("rrm:identifier", str(item["id"])),
            element("rrm:about", f"{origin}/rm/resources/{item['itemId']}"),
            element("rrm:format", "Text"),
            _rich_text(item["description"]),
            "<rrm:collaboration><rrm:creator>",
            element("rrm:title", item["creator"]["name"]),
            "</rrm:creator>",
            element("rrm:created", jazz_time(item["created"])),
            element("rrm:modified", plain(item["modified"])),
            "<rrm:attributes>",
            element("attribute:objectType", "", attribute__name=item["type"]["name"])[
                : -len("</attribute:objectType>")
            ],
            *(
                element("attribute:customAttribute", None, attribute__name=name, attribute__value=value or "")
                for name, value in custom_attributes(item)
            ),
            "</attribute:objectType></rrm:attributes></rrm:collaboration><ds:location><ds:parentFolder>",
            element("rrm:title", item["category"]["name"]),
            "</ds:parentFolder></ds:location><ds:traceability><ds:links>",
            *(_link("Decomposed By", child) for child in item["children"]),
            *([_link("Decomposes", item["parent"])] if item["parent"] else []),
            "</ds:links></ds:traceability></ds:artifact>",
        ]
    )


def custom_attributes(item: Record) -> list[tuple[str, str | None]]:
    """A requirement's own attributes by name: three that all have, then what its type adds."""
    common = [
        ("Status", item["state"]["name"]),
        ("Priority", item["priority"]["name"]),
        ("Stability", item["severity"]["name"]),
    ]
    return [*common, *((each["displayName"], each["displayValue"]) for each in item["allExtensions"])]


def _deleted(left: Record) -> str:
    return (
        f'<ds:artifact attribute:itemId="{quoted(left["itemId"])}" attribute:isDeleted="true">'
        f"{element('rrm:identifier', str(left['id']))}<rrm:collaboration>"
        f"{element('rrm:modified', plain(left['modified']))}</rrm:collaboration></ds:artifact>"
    )


def _titled(name: str, text: str | None) -> str:
    return element(name, text or "")


def _link(title: str, target: dict[str, Any]) -> str:
    return f"<ds:Link>{element('rrm:title', title)}{element('rrm:identifier', str(target['id']))}</ds:Link>"


def _rich_text(description: str | None) -> str:
    """A paragraph for each line, the first word of each in bold."""
    if description is None:
        return ""
    paragraphs = "\n".join(_paragraph(line) for line in description.splitlines())
    return (
        f"<ds:content><text:richTextBody><html:div>{paragraphs}</html:div></text:richTextBody></ds:content>"
    )


def _paragraph(line: str) -> str:
    first, space, rest = line.partition(" ")
    return f"<html:p><html:b>{escaped(first)}</html:b>{space}{escaped(rest)}</html:p>"
