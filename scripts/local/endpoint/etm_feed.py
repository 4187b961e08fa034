"""The Atom feeds of ETM: how entries are written, with prefixes that are chosen anew for each page."""

from dataclasses import dataclass
from datetime import datetime

from local.endpoint.markup import element, quoted
from local.endpoint.workitem import plain

ATOM = "http://www.w3.org/2005/Atom"
QM = "http://jazz.net/xmlns/alm/qm/v0.1/"
ALM = "http://jazz.net/xmlns/alm/v0.1/"
DC = "http://purl.org/dc/elements/1.1/"


@dataclass(frozen=True)
class Entry:
    """One resource: its texts by the content's path, and its references; `texts` is empty once it is purged."""

    number: int
    title: str
    updated: datetime
    archived: bool
    texts: tuple[tuple[str, str], ...] = ()
    references: tuple[tuple[str, str], ...] = ()
    categories: tuple[tuple[str, str], ...] = ()
    purged: bool = False


def feed(kind: str, url: str, links: dict[str, str], entries: list[Entry], page: int) -> str:
    qm = f"ns{page % 7 + 2}"
    return "".join(
        [
            f'<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="{ATOM}" xmlns:{qm}="{QM}">\n',
            element("id", url),
            element("title", f"{kind} feed", type="text"),
            *(f'<link rel="{rel}" href="{quoted(href)}"/>' for rel, href in links.items()),
            "\n",
            *(_entry(kind, url, entry, page) for entry in entries),
            "</feed>\n",
        ]
    )


def _entry(kind: str, url: str, entry: Entry, page: int) -> str:
    first = page % 7 + 2
    prefixes = {"qm": f"ns{first}", "dc": f"ns{first + 1}", "alm": f"ns{first + 2}"}
    head = (
        f"<entry>{element('id', f'{url}/urn:com.ibm.rqm:{kind}:{entry.number}')}"
        f'{element("title", entry.title, type="text")}<summary type="text"/>'
        f"{element('updated', plain(entry.updated))}"
        f"{element(f'{prefixes["qm"]}:archived', 'true' if entry.archived else 'false')}"
    )
    if entry.purged:
        return f"{head}{element(f'{prefixes["qm"]}:purged', 'true')}</entry>\n"
    content = "".join(element(_spelt(name, prefixes), text) for name, text in entry.texts)
    content += "".join(
        element(_spelt(f"qm:{name}", prefixes), None, href=href) for name, href in entry.references
    )
    content += "".join(
        element(_spelt("qm:category", prefixes), None, term=term, value=value)
        for term, value in entry.categories
    )
    spaces = f'xmlns:{prefixes["dc"]}="{DC}" xmlns:{prefixes["alm"]}="{ALM}"'
    name = _spelt(f"qm:{kind}", prefixes)
    return (
        f'{head}<content type="application/xml"><{name} {spaces}>'
        f"{element(_spelt('qm:webId', prefixes), str(entry.number))}"
        f"{element(_spelt('alm:updated', prefixes), plain(entry.updated))}{content}</{name}></content></entry>\n"
    )


def _spelt(name: str, prefixes: dict[str, str]) -> str:
    prefix, _, local = name.partition(":")
    return f"{prefixes[prefix]}:{local}"
