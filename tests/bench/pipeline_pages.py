"""The pipeline's endpoint in advance: windows of one day, their pages as files, each naming the next one's URL."""

import json
import random
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import NamedTuple

FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
PATH = "/rpt/repository/workitem"

_SEED = 7
_TEXT = """
the of to and system shall when user request login order server failed report value field button page after before
build test plan review defect story task import export time-out retry cache query result table index module
interface error handling should not be shown if empty selected item list customer invoice payment
"""
_WORDS = _TEXT.split()
_NAMES = [
    f"{first} {last}"
    for first in ("Ann", "Bo", "Cy", "Dora", "Emil", "Fay", "Gus", "Hana", "Jörg", "Lía")
    for last in ("Lee", "Smith", "Kowalski", "Okafor", "García", "Müller", "Ng", "Rossi", "Haddad", "Berg")
]
_HEAD = '<?xml version="1.0" encoding="UTF-8" ?>\n<workitem Version="1.0.0"{next}>\n'


class Shape(NamedTuple):
    """How much there is to read: windows of a day each, pages in a window, records on a page."""

    windows: int
    pages: int
    records: int = 500

    @property
    def all_records(self) -> int:
        return self.windows * self.pages * self.records

    @property
    def end(self) -> datetime:
        """Where the last window ends."""
        return FIRST_DAY + timedelta(days=self.windows)


def page_file(folder: Path, window: int, page: int) -> Path:
    """A page's file; both count from 0."""
    return folder / f"{window}-{page}.xml"


def write_pages(folder: Path, shape: Shape) -> Path:
    """The folder of a shape's pages, made unless it is there: equal pages for an equal shape, on any machine."""
    made = folder / f"pages-{shape.windows}-{shape.pages}-{shape.records}"
    if (made / "shape.json").exists():
        return made
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    records = _records(shape)
    for window in range(shape.windows):
        for page in range(shape.pages):
            following = f"{PATH}?window={window}&amp;page={page + 1}" if page + 1 < shape.pages else None
            link = f' rel="next" href="{following}"' if following else ""
            body = "".join([_HEAD.format(next=link), *islice(records, shape.records), "</workitem>\n"])
            page_file(made, window, page).write_text(body, encoding="utf-8")
    (made / "shape.json").write_text(json.dumps(shape._asdict()))
    return made


def _records(shape: Shape) -> Iterator[str]:
    """Work items of some 2 kB each, spread evenly over the windows in order of their modification."""
    chance = random.Random(_SEED)
    # Sentences are drawn from a store of them: word by word, the pages would take longer than their reading.
    texts = [" ".join(chance.choices(_WORDS, k=chance.randrange(5, 40))) for _ in range(4000)]
    step = timedelta(days=1) / (shape.pages * shape.records)
    for number in range(shape.all_records):
        yield _record(chance, texts, number, FIRST_DAY + number * step)


def _record(chance: random.Random, texts: list[str], number: int, modified: datetime) -> str:
    def pick(*of: str) -> str:
        return chance.choice(of)

    moment = f"{modified:%Y-%m-%dT%H:%M:%S}.{modified.microsecond // 1000:03d}+0000"
    description = " ".join(chance.choices(texts, k=chance.randrange(3, 11)))
    if chance.random() < 0.3:
        description = f"&lt;p&gt;{description}&lt;/p&gt;\n&lt;br/&gt; &quot;quoted&quot;, &amp; more"
    owner, creator = chance.randrange(len(_NAMES)), chance.randrange(len(_NAMES))
    return (
        f"  <workItem><id>{100_000 + number}</id><summary>{chance.choice(texts)}</summary>"
        f"<description>{description}</description><modified>{moment}</modified>"
        f"<created>2025-12-31T23:00:00.000+0000</created><archived>false</archived>"
        f"<state><name>{pick('New', 'In Progress', 'Done')}</name><group>{pick('open', 'closed')}</group></state>"
        f"<owner><name>{_NAMES[owner]}</name><userId>u{owner:04d}</userId></owner>"
        f"<creator><name>{_NAMES[creator]}</name></creator>"
        f"<projectArea><name>Project {chance.randrange(9)}</name></projectArea>"
        f"<category><name>Area {chance.randrange(40)}</name></category>"
        f"<type><name>{pick('Defect', 'Story', 'Task')}</name></type>"
        f"<severity><name>{pick('Minor', 'Normal', 'Major')}</name></severity>"
        f"<priority><name>{pick('Low', 'Medium', 'High')}</name></priority>"
        f"<resolution><name>{pick('', 'Fixed', 'Works for Me')}</name></resolution>"
        f"<target><name>Sprint {chance.randrange(60)}</name></target>"
        f"<tags>|{pick(*_WORDS)}|{pick(*_WORDS)}|</tags><timeSpent>{chance.randrange(-1, 100) * 60000}</timeSpent>"
        f"<duration>{chance.randrange(100) * 60000}</duration><correctedEstimate>-1</correctedEstimate>"
        f"<foundIn><name>Release {chance.randrange(9)}.{chance.randrange(9)}</name></foundIn>"
        f"<modifiedBy><name>{_NAMES[creator]}</name></modifiedBy><dueDate></dueDate>"
        f"<score>{chance.randrange(10**6) / 100:.2f}</score></workItem>\n"
    )
