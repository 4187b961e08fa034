"""OAI-PMH: `GET /oai?verb=ListRecords&metadataPrefix=oai_dc&from=…&until=…`, a world's work items as records.

`from` and `until` are inclusive, both as `YYYY-MM-DD` or both as `YYYY-MM-DDThh:mm:ssZ`. A resumptionToken
comes alone: with any other argument it is an error. The last page has an EMPTY one. A deleted record is a
header with `status="deleted"`; nothing in the asked time is the error `noRecordsMatch`.
"""

import re
from datetime import UTC, datetime, timedelta

from local.endpoint.exchange import Answer, Request
from local.endpoint.kept import KeptQueries
from local.endpoint.markup import element
from local.endpoint.workitem import Record
from local.endpoint.world import World

PAGE_SIZE = 100
_OAI = 'xmlns="http://www.openarchives.org/OAI/2.0/"'
_DC = 'xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
_DAY, _SECOND = re.compile(r"\d{4}-\d\d-\d\d"), re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class OaiPmh:
    """A world's work items as records in Dublin Core."""

    name = "oai"

    def __init__(self, world: World) -> None:
        self._world = world
        # Of each query what is left after its next page, by the token that asks for that page.
        self._queries: KeptQueries[Record] = KeptQueries()
        self.expire = self._queries.expire

    def answer(self, request: Request) -> Answer | None:
        """The answer to a request to /oai; None where nothing is served there."""
        if request.path != "/oai":
            return None
        given = request.parameters() if request.method == "GET" else request.form()
        if given.pop("verb", "") != "ListRecords":
            return self._error(request, "badVerb", "only ListRecords is served")
        if token := given.pop("resumptionToken", None):
            return self._resumed(request, token, given)
        return self._listed(request, given)

    def _listed(self, request: Request, given: dict[str, str]) -> Answer:
        if given.get("metadataPrefix") != "oai_dc":
            return self._error(request, "cannotDisseminateFormat", "only oai_dc is served")
        try:
            records = self._between(given.get("from"), given.get("until"))
        except ValueError as error:
            return self._error(request, "badArgument", str(error))
        if not records:
            return self._error(request, "noRecordsMatch", "no record was changed then")
        return self._page(request, records)

    def _resumed(self, request: Request, token: str, others: dict[str, str]) -> Answer:
        if others:
            return self._error(request, "badArgument", "resumptionToken is an exclusive argument")
        records = self._queries.find(token)
        if records is None:
            return self._error(request, "badResumptionToken", "the token has expired")
        return self._page(request, records)

    def _between(self, first: str | None, last: str | None) -> list[Record]:
        """Records by their datestamp. Raises ValueError for times that OAI-PMH has not."""
        given = [text for text in (first, last) if text is not None]
        if not (all(map(_DAY.fullmatch, given)) or all(map(_SECOND.fullmatch, given))):
            raise ValueError("from and until are both YYYY-MM-DD or both YYYY-MM-DDThh:mm:ssZ")
        start = datetime.fromisoformat(first).replace(tzinfo=UTC) if first else None
        end = datetime.fromisoformat(last).replace(tzinfo=UTC) if last else None
        if end is not None and last and _DAY.fullmatch(last):
            end += timedelta(days=1, seconds=-1)
        return [
            record
            for record in [*self._world.items(), *self._world.deleted()]
            if (start is None or _datestamp(record) >= start) and (end is None or _datestamp(record) <= end)
        ]

    def _page(self, request: Request, records: list[Record]) -> Answer:
        shown, left = records[:PAGE_SIZE], records[PAGE_SIZE:]
        token = element("resumptionToken", self._queries.keep(left) if left else "")
        if len(records) == len(shown) and "resumptionToken" not in request.query:
            token = ""  # a list that is complete from the start has none
        listed = "".join(map(_record, shown))
        return self._document(request, f"<ListRecords>\n{listed}{token}</ListRecords>")

    def _error(self, request: Request, code: str, message: str) -> Answer:
        return self._document(request, element("error", message, code=code))

    def _document(self, request: Request, content: str) -> Answer:
        now = self._world.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
        head = (
            f"{element('responseDate', now)}{element('request', f'{request.origin}/oai', verb='ListRecords')}"
        )
        return Answer(
            f'<?xml version="1.0" encoding="UTF-8"?>\n<OAI-PMH {_OAI}>{head}{content}</OAI-PMH>\n'.encode()
        )


def _datestamp(record: Record) -> datetime:
    modified: datetime = record["modified"]
    return modified.astimezone(UTC).replace(microsecond=0)


def _record(record: Record) -> str:
    stamp = _datestamp(record).strftime("%Y-%m-%dT%H:%M:%SZ")
    known = f"{element('identifier', f'oai:tracker:{record["id"]}')}{element('datestamp', stamp)}"
    if "summary" not in record:
        return f'<record><header status="deleted">{known}</header></record>\n'
    content = [
        element("dc:title", record["summary"] or ""),
        element("dc:creator", record["creator"]["name"]),
        *(element("dc:subject", tag) for tag in record["tags"]),
        element("dc:type", record["type"]["name"]),
    ]
    return (
        f"<record><header>{known}</header><metadata><oai_dc:dc {_DC}>{''.join(content)}</oai_dc:dc></metadata>"
        "</record>\n"
    )
