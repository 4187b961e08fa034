"""Ways through a window that the server tells: one page alone, the next page's URL, a token."""

from collections.abc import Mapping
from urllib.parse import quote, unquote_plus, urlencode, urlsplit

from lxml import etree

from xmlift.errors import SourceError
from xmlift.source import xpaths
from xmlift.source.template import Template
from xmlift.source.urls import joined
from xmlift.source.walk import NOTHING, Captured, PageRequest


class Start:
    """Where a window begins: its template, with what is known of every page (`values`).

    `link` is where the endpoint itself said that its changes go on: the first page is asked for there, verbatim,
    and each further one with its parameters besides.
    """

    def __init__(
        self,
        template: Template,
        values: Mapping[str, str],
        bootstrap: Captured | None = None,
        link: str | None = None,
    ) -> None:
        self.bootstrap = bootstrap
        self._template = template
        self._values = values
        self._link = link

    def first(self, captured: Mapping[str, str], position: Mapping[str, str] = NOTHING) -> PageRequest:
        """The first page's request."""
        return self.asked(captured, position)

    def asked(
        self,
        captured: Mapping[str, str],
        position: Mapping[str, str] = NOTHING,
        parameters: Mapping[str, str] = NOTHING,
        *,
        exclusive: bool = False,
    ) -> PageRequest:
        """A page's request; what was captured by the first call is what the next page has to know of this one."""
        values = {**self._values, **captured, **position}
        request = self._template.filled(values, parameters, exclusive=exclusive)._replace(
            values=dict(captured)
        )
        if self._link is None:
            return request
        return request._replace(url=_with_parameters(joined(request.url, self._link), parameters))


def _with_parameters(url: str, parameters: Mapping[str, str]) -> str:
    """The URL with these parameters in its query, in place of any of these names."""
    if not parameters:
        return url
    parts = urlsplit(url)
    others = [
        given
        for given in parts.query.split("&")
        if given and unquote_plus(given.partition("=")[0]) not in parameters
    ]
    return parts._replace(query="&".join([*others, urlencode(parameters, quote_via=quote)])).geturl()


class OnePage:
    """One answer holds everything."""

    ended_by = "the stream has no paging: one answer holds everything"

    def __init__(self, start: Start) -> None:
        self._start = start
        self.bootstrap = start.bootstrap

    def first(self, values: Mapping[str, str] = NOTHING) -> PageRequest | None:
        return self._start.first(values)

    def following(
        self, root: etree._Element, request: PageRequest, answer_url: str, records: int | None
    ) -> PageRequest | None:
        return None


class NextUrl:
    """The page names the next one: `xpath` finds the URL, `when` (if given) says whether there is one.

    A page of which `when` is true and that has no URL is not the last one, and raises SourceError. The URL is
    followed verbatim, since it carries the server's own state; a relative one is completed.
    """

    def __init__(self, start: Start, xpath: str, when: str | None, namespaces: Mapping[str, str]) -> None:
        self._start = start
        self.bootstrap = start.bootstrap
        self._xpath = xpath
        self._namespaces = namespaces
        self._guard = when
        self.ended_by = f"not true of the last page: {when}" if when else f"not in the last page: {xpath}"
        self._url = xpaths.text(xpath, namespaces, "page.xpath")
        self._when = xpaths.compiled(f"boolean({when})", namespaces, "page.when") if when else None

    def first(self, values: Mapping[str, str] = NOTHING) -> PageRequest | None:
        return self._start.first(values)

    def following(
        self, root: etree._Element, request: PageRequest, answer_url: str, records: int | None
    ) -> PageRequest | None:
        if self._when is not None and not self._when(root):
            return None
        found = str(self._url(root)).strip()
        if self._when is not None and not found:
            raise SourceError(
                f"{self._guard} says that a page follows, but {self._xpath} finds no URL: "
                "correct the stream's page.xpath or page.when"
            )
        if not found:
            _check_near(self._xpath, self._namespaces, root, records)
            return None
        return PageRequest(joined(answer_url, found), None, request.headers, secrets=request.secrets)


class Token:
    """The page holds the token of the next one; without one, or with an empty one, it is the last.

    It goes into the query as `parameter`, or where the template says `{token}`. `exclusive`: it is then the only
    parameter of the query, as a resumptionToken of OAI-PMH 2.0 has to be.
    """

    def __init__(
        self,
        start: Start,
        xpath: str,
        parameter: str | None,
        namespaces: Mapping[str, str],
        *,
        exclusive: bool,
    ) -> None:
        self._start = start
        self.bootstrap = start.bootstrap
        self._parameter = parameter
        self._xpath = xpath
        self._namespaces = namespaces
        self._exclusive = exclusive
        self.ended_by = f"no token in the last page: {xpath}"
        self._token = xpaths.text(xpath, namespaces, "page.xpath")

    def first(self, values: Mapping[str, str] = NOTHING) -> PageRequest | None:
        return self._start.first(values, {"token": ""})

    def following(
        self, root: etree._Element, request: PageRequest, answer_url: str, records: int | None
    ) -> PageRequest | None:
        token = str(self._token(root)).strip()
        if not token:
            _check_near(self._xpath, self._namespaces, root, records)
            return None
        parameters = {self._parameter: token} if self._parameter else NOTHING
        return self._start.asked(request.values, {"token": token}, parameters, exclusive=self._exclusive)


def _check_near(xpath: str, namespaces: Mapping[str, str], root: etree._Element, records: int | None) -> None:
    """A path that finds nothing ends a window. Raises SourceError where that is for a mistake in its spelling."""
    if records is not None and (near := xpaths.near_name(xpath, namespaces, root)) is not None:
        raise SourceError(
            f"{xpath} finds nothing, but the page has {near}: correct page.xpath or `namespaces`"
        )
