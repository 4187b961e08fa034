"""Jazz form login: every way in, and every way to be left outside."""

from collections.abc import Callable

import requests

from local.endpoint.login import AUTH_HEADER

from .endpoint_client import WORK_ITEMS, Client, parsed

ONE = "workitem/workItem[id=1001]/id"


def assert_login_page(answer: requests.Response, message: str) -> None:
    assert answer.status_code == 200
    assert answer.headers[AUTH_HEADER] == message
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.text.startswith("<!DOCTYPE html>")


def test_a_visitor_gets_the_login_page_with_200(visitor: Client) -> None:
    assert_login_page(visitor.query(ONE), "authrequired")
    assert_login_page(visitor.get("/ccm/authenticated/identity"), "authrequired")


def test_the_right_password_opens(visitor: Client) -> None:
    answer = visitor.log_in()
    assert [step.status_code for step in answer.history] == [302]
    assert answer.url.endswith("/ccm/authenticated/identity")
    assert AUTH_HEADER not in answer.headers
    assert len(parsed(visitor.query(ONE))) == 1


def test_a_wrong_password_is_told_by_redirect_and_by_header(visitor: Client) -> None:
    refused = visitor.log_in(password="wrong", allow_redirects=False)
    assert refused.status_code == 302
    assert refused.headers["Location"].endswith("authfailed")
    assert_login_page(visitor.log_in(password="wrong"), "authfailed")
    assert_login_page(visitor.query(ONE), "authrequired")


def test_an_unknown_user_is_refused(visitor: Client) -> None:
    assert_login_page(visitor.log_in(user="root"), "authfailed")


def test_a_login_nobody_asked_for_has_taken_too_long(visitor: Client) -> None:
    form = {"j_username": "etl", "j_password": "etl-password"}
    assert visitor.post("/ccm/authenticated/j_security_check", data=form).status_code == 408


def test_a_session_ends_when_told_and_can_be_had_again(client: Client) -> None:
    assert client.control("expire", {"sessions": True})["sessions"] >= 1
    assert_login_page(client.query(ONE), "authrequired")
    client.log_in()
    assert len(parsed(client.query(ONE))) == 1


def test_the_session_before_the_login_opens_nothing_after_it(visitor: Client) -> None:
    visitor.get("/ccm/authenticated/identity")
    before = dict(visitor.session.cookies)
    visitor.log_in()
    assert before["JSESSIONID"] != visitor.session.cookies["JSESSIONID"]
    visitor.session.cookies.clear()
    assert_login_page(visitor.get(WORK_ITEMS, params={"fields": ONE}, cookies=before), "authrequired")


def test_sessions_of_one_endpoint_open_no_other(serve: Callable[..., Client]) -> None:
    one, other = serve(5), serve(5)
    one.log_in()
    assert_login_page(other.get(WORK_ITEMS, cookies=dict(one.session.cookies)), "authrequired")
