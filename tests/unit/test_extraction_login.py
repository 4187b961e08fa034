"""extract: a login that one window was refused is not tried by the run's others, until somebody redrives it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from xmlift.errors import SourceError
from xmlift.extraction import refused_logins
from xmlift.extraction.extract import extract
from xmlift.landing import names

from .extracting import RUN, Extracts, all_the_time, item, read_secret, serve_pages
from .scripted_source import Say, ScriptedSource, page

FORM = "/authenticated/j_security_check"
DAYS = [datetime(2026, 1, day, tzinfo=UTC) for day in range(1, 9)]
REFUSED = Say(headers={"X-com-ibm-team-repository-web-auth-msg": "authfailed"})
LOGIN = "auth: { type: jazz_form, secret: ewm }\nlimits:"


@pytest.fixture
def jazz(extracts: Extracts, source: ScriptedSource) -> Extracts:
    extracts.change("limits:", LOGIN)
    source.says("/authenticated/identity", b"{}")
    source.says(FORM, REFUSED)
    serve_pages(source, 1)
    return extracts


@pytest.fixture
def basic(extracts: Extracts, source: ScriptedSource) -> Extracts:
    extracts.change("limits:", "auth: { type: basic, secret: ewm }\nlimits:")
    source.says("/items", Say(b"who are you?", 401))
    return extracts


def fails(extracts: Extracts, day: int, run: str = RUN, **options: Any) -> str:
    """What is said of a day's window, without its name; and it stands on S3."""
    start = DAYS[day]
    event = msgspec.structs.replace(
        extracts.event(run=run, start=start, end=start + timedelta(days=1)), **options
    )
    with pytest.raises(SourceError) as caught:
        extract(event, extracts.zone, read_secret, all_the_time)
    note = msgspec.json.decode(extracts.zone.get(names.failure(event.window)))
    assert note["message"] == str(caught.value)
    assert "etl-password" not in note["message"]
    assert note["error"] == type(caught.value).__name__
    return str(caught.value).removeprefix(f"{event.window}: ")


def test_a_refused_password_is_tried_once_in_a_run(jazz: Extracts, source: ScriptedSource) -> None:
    first = fails(jazz, 0)
    assert "authfailed" in first
    asked = len(source.asked)
    assert [fails(jazz, day) for day in range(1, 8)] == [first] * 7
    assert len(source.asked) == asked
    assert len(source.targets(FORM)) == 1


def test_who_does_not_try_does_not_renew_what_it_was_told(
    jazz: Extracts, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails(jazz, 0)
    written: list[str] = []
    put_object = jazz.zone._s3.put_object

    def putting(**request: Any) -> Any:
        written.append(request["Key"])
        return put_object(**request)

    monkeypatch.setattr(jazz.zone._s3, "put_object", putting)
    fails(jazz, 1)
    assert names.refused_login("tracker", RUN) not in written
    assert len(written) == 1


def test_another_run_tries_again(jazz: Extracts, source: ScriptedSource) -> None:
    fails(jazz, 0)
    fails(jazz, 0, run="20261122T170000000000Z-y")
    assert len(source.targets(FORM)) == 2


def test_a_redrive_tries_once_again_and_goes_on_where_it_is_let_in(
    jazz: Extracts, source: ScriptedSource
) -> None:
    for day in range(3):
        fails(jazz, day)
    source.says(FORM, Say(status=302, headers={"Location": f"{source.url}/authenticated/identity"}))
    source.computed["/items"] = lambda _: Say(page(item(1)))
    assert jazz.extract().status == "done"


def test_a_redrive_with_the_same_password_tries_it_once(
    jazz: Extracts, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(4):
        fails(jazz, day)
    later = aged(jazz, monkeypatch)
    for day in (2, 0, 1, 3):
        fails(jazz, day)
        next(later)
    assert len(source.targets(FORM)) == 2


def aged(extracts: Extracts, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Each object was written a second after the one before: S3 tells whole seconds."""
    order: dict[str, int] = {}
    put_object, fetch = extracts.zone._s3.put_object, extracts.zone.fetch
    ticks = iter(range(1, 1000))

    def putting(**request: Any) -> Any:
        answer = put_object(**request)
        order[request["Key"]] = next(ticks)
        return answer

    def fetching(key: str, *rest: Any, **which: str) -> Any:
        found = fetch(key, *rest, **which)
        return found and found._replace(
            modified=datetime.now(UTC) + timedelta(seconds=order.get(key, 0) - 60)
        )

    monkeypatch.setattr(extracts.zone._s3, "put_object", putting)
    monkeypatch.setattr(extracts.zone, "fetch", fetching)
    return ticks


def test_what_was_refused_long_ago_is_tried_again(
    jazz: Extracts, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails(jazz, 0)
    monkeypatch.setattr(refused_logins, "HEEDED", timedelta(0))
    fails(jazz, 1)
    assert len(source.targets(FORM)) == 2


def test_a_password_in_each_request_is_tried_once_too(basic: Extracts, source: ScriptedSource) -> None:
    said = [fails(basic, day) for day in range(4)]
    assert "HTTP 401" in said[0]
    assert said[1:] == [said[0]] * 3
    assert len(source.asked) == 1


def test_what_one_partition_may_not_read_another_one_may(basic: Extracts, source: ScriptedSource) -> None:
    """A server may say 401 of one project alone."""
    basic.change("query: {", "query: { project: '{partition}',")
    areas = "  areas:\n    request: { path: /areas }\n    records: /a/b\n    key: [id]\n"
    basic.change("streams:\n", f"streams:\n{areas}    columns: {{ id: {{ path: id }} }}\n")
    basic.change(
        "    records: /workitem", "    for_each: { stream: areas, field: id }\n    records: /workitem"
    )
    fails(basic, 0, partition="a")
    fails(basic, 0, partition="b")
    fails(basic, 1, partition="a")
    assert len(source.asked) == 2


def test_a_source_without_a_login_is_not_held_up(extracts: Extracts, source: ScriptedSource) -> None:
    source.says("/items", Say(b"who?", 401))
    fails(extracts, 0)
    fails(extracts, 1)
    assert len(source.asked) == 2


def test_a_server_that_is_down_is_no_refused_login(jazz: Extracts, source: ScriptedSource) -> None:
    down = Say(b"down", 503, {"Retry-After": "0"})
    source.computed["/authenticated/identity"] = lambda _: down
    fails(jazz, 0)
    asked = len(source.asked)
    fails(jazz, 1)
    assert len(source.asked) == 2 * asked


def test_a_refused_client_is_told_like_a_password(extracts: Extracts, source: ScriptedSource) -> None:
    auth = "auth: { type: oauth2_client, secret: ewm, token_url: URL/token }\nlimits:".replace(
        "URL", source.url
    )
    extracts.change("limits:", auth)
    source.says("/token", Say(b'{"error": "invalid_client"}', 401))
    assert fails(extracts, 0) == fails(extracts, 1)
    assert len(source.asked) == 1
