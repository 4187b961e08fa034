"""What the tests of the endpoint ask it with."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from lxml import etree

from local.endpoint.endpoint import PASSWORD, USER

WORK_ITEMS = "/ccm/rpt/repository/workitem"
ITEMS = 240


@dataclass
class Tls:
    authority: Path
    certificate: Path
    key: Path


@dataclass
class Client:
    """A requests session against one endpoint, with the few calls that the tests repeat."""

    url: str
    authority: Path
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.verify = str(self.authority)
        self.session.trust_env = False

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.session.get(path if path.startswith("https:") else self.url + path, timeout=10, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return self.session.post(self.url + path, timeout=10, **options)

    def control(self, name: str, content: Any) -> Any:
        answer = self.post(f"/_endpoint/{name}", json=content)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def log_in(
        self, user: str = USER, password: str = PASSWORD, context: str = "/ccm", **options: Any
    ) -> requests.Response:
        self.get(f"{context}/authenticated/identity")
        form = {"j_username": user, "j_password": password}
        return self.post(f"{context}/authenticated/j_security_check", data=form, **options)

    def query(self, fields: str, **parameters: Any) -> requests.Response:
        return self.get(WORK_ITEMS, params={"fields": fields, **parameters})

    def truth(self) -> list[dict[str, Any]]:
        return self.get("/_endpoint/items").json()


def parsed(answer: requests.Response) -> etree._Element:
    assert answer.status_code == 200, answer.text
    return etree.fromstring(answer.content)


def ids(page: etree._Element) -> list[int]:
    return [int(identifier) for identifier in page.xpath("/workitem/workItem/id/text()")]
