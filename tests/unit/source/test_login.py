"""Logins: Jazz as the local endpoint and a scripted server play it, and how its failures are told apart."""

from collections.abc import Iterator

import pytest

from local.endpoint.endpoint import PASSWORD, USER
from xmlift.errors import SourceError
from xmlift.source.jazz import JazzFormLogin
from xmlift.source.session import Politeness, Session
from xmlift.source.walk import PageRequest

from ..endpoint_process import EwmEndpoint
from ..scripted_source import Say, ScriptedSource, page, scripted_source

POLITE = Politeness(timeout=5, attempts=3, requests_per_second=10_000, page_bytes=1_000_000)
QUERY = "/ccm/rpt/repository/workitem?fields=workitem/workItem/id&size=3"
IDENTITY, FORM = "/ccm/authenticated/identity", "/ccm/authenticated/j_security_check"
ASKED = {"X-com-ibm-team-repository-web-auth-msg": "authrequired"}


def session(base_url: str, password: str = PASSWORD, attempts: int = 3) -> Session:
    login = JazzFormLogin({"username": USER, "password": password})
    return Session(base_url, login, POLITE._replace(attempts=attempts), sleep=lambda _: None)


@pytest.fixture
def ewm(ewm_endpoint: EwmEndpoint) -> EwmEndpoint:
    return ewm_endpoint


def logins(endpoint: EwmEndpoint) -> int:
    return endpoint.requests()[FORM]


def test_the_session_signs_in_once_before_its_first_request(ewm: EwmEndpoint) -> None:
    made = session(f"{ewm.url}/ccm")
    assert logins(ewm) == 0
    for _ in range(3):
        assert made.fetch(PageRequest(f"{ewm.url}{QUERY}")).body.read().count(b"<workItem>") == 3
    assert logins(ewm) == 1


def test_an_expired_session_costs_exactly_one_new_login(ewm: EwmEndpoint) -> None:
    made = session(f"{ewm.url}/ccm")
    before = made.fetch(PageRequest(f"{ewm.url}{QUERY}"))
    ewm.expire(sessions=True)
    again = made.fetch(PageRequest(f"{ewm.url}{QUERY}"))
    assert logins(ewm) == 2
    assert again.body.read().count(b"<workItem>") == before.body.read().count(b"<workItem>")


def test_an_expired_session_is_no_failed_try(ewm: EwmEndpoint) -> None:
    made = session(f"{ewm.url}/ccm", attempts=1)
    made.fetch(PageRequest(f"{ewm.url}{QUERY}"))
    ewm.expire(sessions=True)
    assert made.fetch(PageRequest(f"{ewm.url}{QUERY}")).retries == 0


def test_a_wrong_password_is_told_once_and_never_shown(ewm: EwmEndpoint) -> None:
    with pytest.raises(SourceError) as caught:
        session(f"{ewm.url}/ccm", password="hunter2").fetch(PageRequest(f"{ewm.url}{QUERY}"))
    message = str(caught.value)
    assert "was refused (redirected to authfailed)" in message
    assert f"{ewm.url}{FORM}" in message
    assert "its username and password" in message
    assert "hunter2" not in message
    assert "the secret's user at" in message
    assert "'etl'" not in message
    assert logins(ewm) == 1, "a second try with a wrong password may lock the account"


def test_a_login_that_is_down_for_a_moment_is_tried_again(ewm: EwmEndpoint) -> None:
    ewm.fault(path=FORM, kind="status", status=503)
    ewm.fault(path=IDENTITY, kind="reset")
    assert session(f"{ewm.url}/ccm").fetch(PageRequest(f"{ewm.url}{QUERY}")).size > 0


def test_a_login_that_stays_down_is_not_called_a_wrong_password(ewm: EwmEndpoint) -> None:
    ewm.fault(path=FORM, kind="status", status=503, times=9)
    with pytest.raises(SourceError) as caught:
        session(f"{ewm.url}/ccm").fetch(PageRequest(f"{ewm.url}{QUERY}"))
    assert "503" in str(caught.value)
    assert "gave up after 3 tries" in str(caught.value)
    assert "password" not in str(caught.value)


def test_a_base_url_without_a_login_is_not_called_a_wrong_password() -> None:
    with scripted_source() as source, pytest.raises(SourceError) as caught:
        session(f"{source.url}/wrong").fetch(PageRequest(f"{source.url}/wrong/a"))
    assert "HTTP 404" in str(caught.value)
    assert "base_url" in str(caught.value)
    assert "password" not in str(caught.value)


@pytest.fixture
def jazz() -> Iterator[ScriptedSource]:
    """A Jazz server that lets in whoever comes."""
    with scripted_source() as source:
        source.says(IDENTITY, Say(b"{}"))
        source.says(FORM, Say(status=302, headers={"Location": f"{source.url}{IDENTITY}"}))
        source.says("/ccm/a", page({"id": 1}))
        yield source


def test_the_form_is_posted_below_the_base_url_between_two_identity_requests(jazz: ScriptedSource) -> None:
    session(f"{jazz.url}/ccm/", password="pä55+&=").fetch(PageRequest(f"{jazz.url}/ccm/a"))
    assert [(asked.method, asked.target) for asked in jazz.asked] == [
        ("GET", IDENTITY),
        ("POST", FORM),
        ("GET", IDENTITY),
        ("GET", "/ccm/a"),
    ]
    assert jazz.asked[1].body == b"j_username=etl&j_password=p%C3%A455%2B%26%3D"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Say(headers={"X-com-ibm-team-repository-web-auth-msg": "authfailed"}), "authfailed"),
        (Say(status=302, headers={"Location": "/ccm/auth/authfailed?x=1"}), "redirected to authfailed"),
        (Say(b"no", 403), "HTTP 403"),
    ],
)
def test_each_kind_of_refusal_is_named(jazz: ScriptedSource, answer: Say, reason: str) -> None:
    jazz.says(FORM, answer)
    with pytest.raises(SourceError, match="was refused") as caught:
        session(f"{jazz.url}/ccm").fetch(PageRequest(f"{jazz.url}/ccm/a"))
    assert f"({reason})" in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert jazz.targets("/ccm/a") == []


@pytest.mark.parametrize(
    ("where", "answer", "said"),
    [
        (FORM, Say(status=408), "(HTTP 408): the server does not know the session that the form belongs to"),
        (FORM, Say(status=403), "(HTTP 403): the user has no licence or no rights"),
        (
            FORM,
            Say(status=401, headers={"X-JSA-AUTHORIZATION-REDIRECT": "https://jas/authorize"}),
            "the server has no form login: use `auth: {type: application_password",
        ),
        (IDENTITY, Say(b"<html><title>SSO</title>", headers={"Content-Type": "text/html"}), "single sign-on"),
        (IDENTITY, Say(b" <!DOCTYPE html>"), "an HTML page with HTTP 200"),
        (IDENTITY, Say(status=302, headers={"Location": "https://sso/saml"}), "redirected elsewhere"),
        (
            IDENTITY,
            Say(b"", headers=ASKED),
            "(authrequired): the server took the form and yet asks for a login",
        ),
        (FORM, Say(status=500), "(HTTP 500): the server cannot do it now"),
    ],
)
def test_each_failure_of_the_login_is_told_apart(
    jazz: ScriptedSource, where: str, answer: Say, said: str
) -> None:
    jazz.says(where, *([Say(b"{}")] if where == IDENTITY else []), answer)
    with pytest.raises(SourceError) as caught:
        session(f"{jazz.url}/ccm").fetch(PageRequest(f"{jazz.url}/ccm/a"))
    assert said in str(caught.value)
    assert f"{jazz.url}{FORM}" in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert jazz.targets("/ccm/a") == []


def test_a_login_without_effect_is_refused(jazz: ScriptedSource) -> None:
    """The form passes, but the identity still asks: the cookies were not taken."""
    jazz.says(IDENTITY, Say(headers=ASKED))
    with pytest.raises(SourceError, match=r"was refused \(authrequired\)"):
        session(f"{jazz.url}/ccm").fetch(PageRequest(f"{jazz.url}/ccm/a"))


@pytest.mark.parametrize(
    "asks",
    [
        Say(b"<html>", headers=ASKED),
        Say(status=302, headers={"Location": "/ccm/auth/authrequired"}),
        Say(status=302, headers={"Location": "/ccm/authenticated/identity?redirectPath=%2Fa"}),
    ],
)
def test_every_way_of_asking_for_a_login_is_heard(jazz: ScriptedSource, asks: Say) -> None:
    jazz.says("/ccm/a", asks, page({"id": 2}))
    assert b"<id>2</id>" in session(f"{jazz.url}/ccm").fetch(PageRequest(f"{jazz.url}/ccm/a")).body.read()
    assert len(jazz.targets(FORM)) == 2


def test_an_endpoint_that_asks_right_after_a_login_is_told_after_one_more(jazz: ScriptedSource) -> None:
    jazz.says("/ccm/a", Say(b"<html>", headers=ASKED))
    with pytest.raises(SourceError, match="asks for a login right after one"):
        session(f"{jazz.url}/ccm").fetch(PageRequest(f"{jazz.url}/ccm/a"))
    assert len(jazz.targets(FORM)) == 2
