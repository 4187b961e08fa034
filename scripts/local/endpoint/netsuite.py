"""NetSuite's SOAP search, in outline: `POST /netsuite/services`, first `search`, then `searchMoreWithId`.

`search` (a time from which, a time before which, a page size) answers a `searchId` with the number of pages; each
page, the first one too, is asked for by that id and its number from 1, in a body of XML.
"""

from datetime import datetime

from lxml import etree

from local.endpoint.exchange import Answer, Request, text_answer
from local.endpoint.kept import KeptQueries, whole_number
from local.endpoint.markup import element, quoted
from local.endpoint.workitem import Record, plain
from local.endpoint.world import World

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
MESSAGES = "urn:messages.platform.webservices.netsuite.com"
CORE = "urn:core.platform.webservices.netsuite.com"


class Netsuite:
    """A world's work items as the records of a search."""

    name = "netsuite"

    def __init__(self, world: World) -> None:
        self._world = world
        self._searches: KeptQueries[tuple[int, list[int]]] = KeptQueries()
        self.expire = self._searches.expire

    def answer(self, request: Request) -> Answer | None:
        """The answer to a request to /netsuite/services; None where nothing is served there."""
        if request.path != "/netsuite/services":
            return None
        if request.method != "POST":
            return text_answer("only POST is served here", 405)
        try:
            # An endpoint reads bodies as carefully as a client reads answers: no entities, nothing from elsewhere.
            parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
            body = etree.fromstring(request.body, parser).find(f"{{{SOAP}}}Body")
        except etree.XMLSyntaxError as error:
            return _fault(f"the body is not well-formed: {error}")
        asked = body[0] if body is not None and len(body) else None
        match etree.QName(asked).localname if asked is not None else "":
            case "search":
                return self._search(asked)
            case "searchMoreWithId":
                return self._more(asked)
        return _fault("the body holds neither search nor searchMoreWithId")

    def _search(self, asked: etree._Element) -> Answer:
        try:
            first, before = (datetime.fromisoformat(_text(asked, name)) for name in ("from", "before"))
        except ValueError as error:
            return _fault(f"from and before: {error}")
        size = whole_number(_text(asked, "pageSize"), 1)
        if size is None or None in (first.tzinfo, before.tzinfo):
            return _fault("pageSize is a number from 1, and times have an offset")
        found = [item["id"] for item in self._world.items() if first <= item["modified"] < before]
        search = self._searches.keep([(size, found)])
        return _result(search, size, found, "")

    def _more(self, asked: etree._Element) -> Answer:
        search, page = _text(asked, "searchId"), whole_number(_text(asked, "pageIndex"), 1)
        kept = self._searches.find(search)
        if kept is None or page is None:
            return _fault(f"searchId {search} has expired, or pageIndex is not a number from 1")
        ((size, found),) = kept
        items = [self._world.item(one) for one in found[(page - 1) * size : page * size]]
        records = "".join(_record(item) for item in items if item is not None)
        return _result(
            search, size, found, f"{element('c:pageIndex', str(page))}<c:recordList>{records}</c:recordList>"
        )


def _text(asked: etree._Element, name: str) -> str:
    found = asked.find(f".//{{*}}{name}")
    return (found.text or "").strip() if found is not None else ""


def _result(search: str, size: int, found: list[int], content: str) -> Answer:
    counts = [("totalRecords", len(found)), ("pageSize", size), ("totalPages", -(-len(found) // size))]
    head = "".join(element(f"c:{name}", str(count)) for name, count in counts)
    return _envelope(
        f'<searchResponse xmlns="{MESSAGES}"><c:searchResult xmlns:c="{CORE}"><c:status isSuccess="true"/>'
        f"{head}{element('c:searchId', search)}{content}</c:searchResult></searchResponse>"
    )


def _record(item: Record) -> str:
    return (
        f'<c:record internalId="{quoted(str(item["id"]))}">{element("c:title", item["summary"] or "")}'
        f"{element('c:lastModifiedDate', plain(item['modified']))}"
        f"{element('c:status', item['state']['name'])}</c:record>"
    )


def _fault(message: str) -> Answer:
    """In HTTP 200, as some SOAP servers answer their faults."""
    return _envelope(
        f"<soapenv:Fault><faultcode>Client</faultcode>{element('faultstring', message)}</soapenv:Fault>"
    )


def _envelope(content: str) -> Answer:
    text = f'<soapenv:Envelope xmlns:soapenv="{SOAP}"><soapenv:Body>{content}</soapenv:Body></soapenv:Envelope>\n'
    return Answer(f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode())
