"""Jazz form login, as its servlet container does it.

Whoever has no session gets the login page with HTTP 200 and the header that alone tells it from an answer.
"""

import secrets
import threading

from local.endpoint.exchange import HTML, JSON, Answer, Request, text_answer

AUTH_HEADER = "X-com-ibm-team-repository-web-auth-msg"
COOKIE = "JSESSIONID"
LOGIN_PAGE = b"""<!DOCTYPE html>


<html >
<head>
<meta http-equiv="content-type" content="text/html; charset=UTF-8">
<title></title>
<link type="text/css" rel="stylesheet" href="/ccm/web/_style/?include=A~&etag=XYZ_en_US&_proxyURL=%2Fccm">
</head>
<body class="claro"><script>\
net.jazz.ajax.ui.PlatformUI.createAndRunWorkbench("net.jazz.web.app.authrequired");</script></body></html>
"""


class FormLogin:
    """The sessions of one application (`context` is its path, such as `/ccm`) and its only user."""

    def __init__(self, context: str, user: str, password: str) -> None:
        self._context = context
        self._credentials = (user, password)
        self._lock = threading.Lock()
        self._sessions: dict[str, bool] = {}  # by cookie: whether somebody has logged in

    def answer(self, request: Request) -> Answer | None:
        """What the login has to say to a request; None where the request may pass."""
        match request.path.removeprefix(self._context):
            case "/authenticated/j_security_check" if request.method == "POST":
                return self._check(request)
            case "/auth/authfailed":
                return self._login_page(request, "authfailed")
        if not self._sessions.get(request.cookie(COOKIE) or ""):
            return self._login_page(request, "authrequired")
        if request.path == f"{self._context}/authenticated/identity":
            return Answer(f'{{"userId": "{self._credentials[0]}"}}'.encode(), JSON)
        return None

    def expire(self) -> int:
        """Forget every session; answers how many there were."""
        with self._lock:
            count = len(self._sessions)
            self._sessions.clear()
            return count

    def _check(self, request: Request) -> Answer:
        session = request.cookie(COOKIE)
        if session not in self._sessions:
            # The container logs in only those whom it has asked to.
            return text_answer("The time allowed for the login process has been exceeded.", 408)
        form = request.form()
        if (form.get("j_username"), form.get("j_password")) != self._credentials:
            return Answer(
                status=302, headers=(("Location", f"{request.origin}{self._context}/auth/authfailed"),)
            )
        with self._lock:
            self._sessions.pop(session, None)
        home = f"{request.origin}{self._context}/authenticated/identity"
        return Answer(status=302, headers=(("Location", home), self._new_session(logged_in=True)))

    def _login_page(self, request: Request, message: str) -> Answer:
        page = Answer(LOGIN_PAGE, HTML, headers=((AUTH_HEADER, message),))
        if request.cookie(COOKIE) in self._sessions:
            return page
        return page.with_headers(self._new_session(logged_in=False))

    def _new_session(self, *, logged_in: bool) -> tuple[str, str]:
        session = secrets.token_hex(16).upper()
        with self._lock:
            self._sessions[session] = logged_in
        return "Set-Cookie", f"{COOKIE}={session}; Path={self._context}; Secure; HttpOnly"
