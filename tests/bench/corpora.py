"""Pages to read, made from a seed: what Reportable REST answers for work items, and two shapes that are harder.

A few thousand records are rendered once; each then stands in the page again and again with an id, a time and a
description of its own. That writes a gigabyte in seconds, and what a parser, a type or a compressor sees of it at a
time (some hundred records) is as varied as if each had been written by hand.
"""

import hashlib
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate, cycle, islice
from pathlib import Path
from typing import Literal, NamedTuple
from xml.sax.saxutils import escape, quoteattr

Shape = Literal["ewm", "mixed", "oslc"]

VERSION = 2
"""Part of every corpus's name: raise it when anything here changes what is written."""

DISTINCT = 3000
_SEED = 20240229
_START = datetime(2024, 1, 1, tzinfo=UTC)
_BETWEEN = timedelta(seconds=7, milliseconds=331)
_WRITTEN_AT_ONCE = 64

_SYLLABLES = (
    "ra",
    "to",
    "ne",
    "fi",
    "lu",
    "mo",
    "ka",
    "di",
    "pen",
    "tra",
    "col",
    "ver",
    "sta",
    "on",
    "er",
    "us",
    "ing",
)

_CATEGORIES = [f"Area {number}{' & more' if number % 8 == 0 else ''}" for number in range(40)]

_VALUE = "\0{}\0"
"""What is to be of its own in each record, while the record is rendered: the text between two zero characters."""


class Corpus(NamedTuple):
    """A file with one page: its shape, its size in bytes and the number of records in it."""

    file: Path
    shape: Shape
    size: int
    records: int


def corpus(folder: Path, shape: Shape, megabytes: float, text_bytes: int = 0) -> Corpus:
    """A page of so many megabytes (of 10^6 bytes), written the first time that it is asked for.

    With `text_bytes`, each record has comments of so many bytes in all beside what it has anyway.
    """
    name = f"{VERSION}-{shape}-{megabytes:g}-{text_bytes}-{_SEED}-{DISTINCT}"
    file = folder / "corpora" / f"{shape}-{hashlib.sha256(name.encode()).hexdigest()[:12]}.xml"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".part")
        records = _write(unfinished, shape, int(megabytes * 1e6), text_bytes)
        file.with_suffix(".records").write_text(str(records))
        unfinished.rename(file)
    return Corpus(file, shape, file.stat().st_size, int(file.with_suffix(".records").read_text()))


def _write(file: Path, shape: Shape, size: int, text_bytes: int) -> int:
    head, render, foot = _SHAPES[shape]
    words = Words(random.Random(_SEED))
    distinct = DISTINCT if not text_bytes else max(1, min(DISTINCT, 8_000_000 // text_bytes))
    records = [_divided(render(words, text_bytes)) for _ in range(distinct)]
    number, written = 0, len(head) + len(foot)
    with file.open("wb") as page:
        page.write(head)
        for record in cycle(_batches(records)):
            text = b"".join(_filled(template, number + place) for place, template in enumerate(record))
            page.write(text)
            number += len(record)
            written += len(text)
            if written >= size:
                break
        page.write(foot)
    return number


def _batches(records: list[list[bytes]]) -> list[list[list[bytes]]]:
    """The records in groups that are written at once: small ones where records are large."""
    size = max(1, min(_WRITTEN_AT_ONCE, 1_000_000 // max(1, sum(map(len, records[0])))))
    taken = iter(records)
    return list(iter(lambda: list(islice(taken, size)), []))


def _divided(record: str) -> list[bytes]:
    return [part.encode() for part in record.split("\0")]


def _filled(template: list[bytes], number: int) -> bytes:
    modified = _START + number * _BETWEEN
    values = {
        b"id": b"%d" % (100_000 + number),
        b"modified": modified.strftime("%Y-%m-%dT%H:%M:%S.").encode() + b"%03d-0600" % (number * 331 % 1000),
    }
    return b"".join(values.get(part, part) for part in template)


class Words:
    """A vocabulary used as unevenly as words are, and the values that fields of work items have."""

    def __init__(self, source: random.Random) -> None:
        self.source = source
        made = {"".join(source.choices(_SYLLABLES, k=source.choice((1, 2, 2, 3, 3, 4)))) for _ in range(4000)}
        self._words = sorted(made)
        source.shuffle(self._words)
        self._heard = list(accumulate(1 / (rank + 3) for rank in range(len(self._words))))

    def text(self, least: int, most: int) -> str:
        count = self.source.randint(least, most)
        return " ".join(self.source.choices(self._words, cum_weights=self._heard, k=count))

    def name(self) -> str:
        first = self.one("Ann", "Bo", "Cy", "Dora", "Emil", "Fay", "Gus", "Hana", "Ivo", "Jörg", "Kai", "Lía")
        return (
            f"{first} {self.one('Lee', 'Smith', 'Kowalski', 'Okafor', 'García', 'Müller', 'Rossi', 'Haddad')}"
        )

    def one[T](self, *choices: T) -> T:
        return self.source.choice(choices)

    def rich_text(self, least: int, most: int) -> str:
        """As the rich text editor leaves it: one in three with markup, which XML then holds as entities."""
        text = self.text(least, most)
        if self.source.random() < 0.34:
            return (
                f'<p>{text}</p>\n<br/>{self.text(3, 30)} & "{self.text(1, 4)}" > {self.source.randint(1, 99)}'
            )
        return text

    def time(self) -> str:
        moment = _START - timedelta(milliseconds=self.source.randrange(10**11))
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}-0600"

    def date(self) -> str:
        return (_START + timedelta(days=self.source.randrange(900))).strftime("%Y-%m-%d")


def _work_item(words: Words, text_bytes: int, text: Callable[[str], str] = escape, between: str = "") -> str:
    """A work item in Reportable REST's order. `text` writes a description, `between` stands between fields."""
    one, source = words.one, words.source
    due = words.date() if source.random() < 0.6 else ""
    fields = [
        f"<id>{_VALUE.format('id')}</id>",
        f"<summary>{escape(words.text(4, 14))}</summary>",
        f"<description>{text(words.rich_text(15, 130))} {_VALUE.format('id')}</description>",
        f"<modified>{_VALUE.format('modified')}</modified><created>{words.time()}</created>",
        f"<archived>{one('false', 'false', 'false', 'true')}</archived>",
        f"<state><name>{one('New', 'In Progress', 'Done', 'Verified')}</name>"
        f"<group>{one('open', 'inprogress', 'closed')}</group></state>",
        f"<owner><name>{words.name()}</name><userId>u{source.randrange(4000):05d}</userId></owner>",
        f"<creator><name>{words.name()}</name></creator>",
        f"<projectArea><name>Project {source.randrange(9)}</name></projectArea>",
        f"<category><name>{escape(_CATEGORIES[source.randrange(40)])}</name></category>",
        f"<type><name>{one('Defect', 'Story', 'Task')}</name></type>",
        f"<severity><name>{one('Minor', 'Normal', 'Major')}</name></severity>",
        f"<priority><name>{one('Low', 'Medium', 'High')}</name></priority>",
        f"<resolution><name>{one('', '', 'Fixed', 'Works for Me')}</name></resolution>",
        f"<target><name>Sprint {source.randrange(60)}</name></target>",
        f"<tags>{''.join(f'|{tag}' for tag in words.text(0, 3).split())}{one('|', '')}</tags>",
        f"<timeSpent>{source.randrange(-1, 100) * 60000}</timeSpent>",
        f"<duration>{source.randrange(100) * 60000}</duration><correctedEstimate>-1</correctedEstimate>",
        f"<foundIn><name>Release {source.randrange(9)}.{source.randrange(9)}</name></foundIn>",
        f"<modifiedBy><name>{words.name()}</name></modifiedBy>",
        f"<dueDate>{due}</dueDate><score>{source.randrange(10**6) / 100:.2f}</score>",
        *_comments(words, text_bytes),
    ]
    return f"  <workItem>{between.join(fields)}</workItem>\n"


def _comments(words: Words, text_bytes: int) -> Iterator[str]:
    size = 0
    count = words.one(0, 0, 0, 1, 1, 2)
    while count > 0 or size < text_bytes:
        comment = (
            f"<comments><content>{escape(words.text(5, 40))}</content><creationTime>{words.time()}</creationTime>"
            f"<creator><name>{words.name()}</name></creator></comments>"
        )
        count -= 1
        size += len(comment)
        yield comment


def _mixed_work_item(words: Words, text_bytes: int) -> str:
    """The same with CDATA and comments in it, which a reader that looks for tags could take for tags."""
    text: Callable[[str], str] = escape
    if words.source.random() < 0.5:
        text = "<![CDATA[<workItem>{}</workItem>]]>".format
    return _work_item(words, text_bytes, text, "<!-- <id>0</id> -->" if words.source.random() < 0.5 else "\n")


def _change_request(words: Words, text_bytes: int) -> str:
    """OSLC-CM: namespaces, and values in the attributes of empty elements."""
    source = words.source
    server = "https://elm.example.com/ccm"

    def link(tag: str, path: str) -> str:
        return f"<{tag} rdf:resource={quoteattr(f'{server}/{path}')}/>"

    fields = [
        f"<dc:identifier>{_VALUE.format('id')}</dc:identifier>",
        f"<dc:title>{escape(words.text(4, 14))}</dc:title>",
        f"<dc:description>{escape(words.rich_text(10, 90))}</dc:description>",
        f"<rtc_cm:archived>{words.one('false', 'true')}</rtc_cm:archived>",
        f"<dc:created>{words.time()}</dc:created><dc:modified>{_VALUE.format('modified')}</dc:modified>",
        link("dc:creator", f"users/{source.randrange(4000)}"),
        link("rtc_cm:ownedBy", f"users/{source.randrange(4000)}"),
        link("rtc_cm:state", f"oslc/workflows/_{source.randrange(9)}/states/{source.randrange(9)}"),
        link("oslc_cm:severity", f"oslc/enumerations/severity.literal.l{source.randrange(6)}"),
        link("oslc_cm:priority", f"oslc/enumerations/priority.literal.l{source.randrange(6)}"),
        link(
            "rtc_cm:filedAgainst",
            f"resource/itemOid/com.ibm.team.workitem.Category/_{source.randrange(10**9)}",
        ),
        link("rtc_cm:plannedFor", f"oslc/iterations/_{source.randrange(10**9)}"),
        f"<rtc_cm:estimate>{source.randrange(100) * 60000}</rtc_cm:estimate><rtc_cm:due/>",
        *(
            link("rtc_cm:comments", f"oslc/comments/{source.randrange(10**9)}")
            for _ in range(source.randrange(4))
        ),
    ]
    url = f"{server}/resource/itemName/com.ibm.team.workitem.WorkItem/{_VALUE.format('id')}"
    extra = "".join(_comments(words, text_bytes)) if text_bytes else ""
    return f'  <oslc_cm:ChangeRequest rdf:resource="{url}">{"".join(fields)}{extra}</oslc_cm:ChangeRequest>\n'


_EWM_HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n<workitem Version="1.0.0">\n'
_OSLC_HEAD = b"""<?xml version="1.0" encoding="UTF-8"?>
<oslc_cm:Collection xmlns:oslc_cm="http://open-services.net/xmlns/cm/1.0/"
  xmlns:rtc_cm="http://jazz.net/xmlns/prod/jazz/rtc/cm/1.0/" xmlns:dc="http://purl.org/dc/terms/"
  xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" oslc_cm:totalCount="1000000">
"""
_SHAPES: dict[Shape, tuple[bytes, Callable[[Words, int], str], bytes]] = {
    "ewm": (_EWM_HEAD, _work_item, b"</workitem>\n"),
    "mixed": (_EWM_HEAD, _mixed_work_item, b"</workitem>\n"),
    "oslc": (_OSLC_HEAD, _change_request, b"</oslc_cm:Collection>\n"),
}
