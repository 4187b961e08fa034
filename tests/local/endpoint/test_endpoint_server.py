"""The endpoint as an HTTP server: headers, connections, recordings, controls, and the process itself."""

import gzip
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from .endpoint_client import WORK_ITEMS, Client, Tls

ALL = "workitem/workItem/(id|summary|description)"
CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    (tmp_path / "ecb").mkdir()
    (tmp_path / "ecb" / "eurofxref-hist-90d.xml").write_bytes(b"<Cube/>\n")
    return tmp_path


@pytest.mark.parametrize("path", [WORK_ITEMS, "/_endpoint/status", "/nowhere", "/ccm/authenticated/identity"])
def test_every_answer_has_the_servers_date_and_its_length(client: Client, path: str) -> None:
    before = client.get("/_endpoint/status").json()["now"]
    answer = client.get(path, headers={"Accept-Encoding": "identity"})
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    date = parsedate_to_datetime(answer.headers["Date"])
    assert before[:19] <= date.strftime("%Y-%m-%dT%H:%M:%S") <= client.get("/_endpoint/status").json()["now"]


def test_pages_are_compressed_only_for_those_who_ask(client: Client) -> None:
    plain = client.get(WORK_ITEMS, params={"fields": ALL}, headers={"Accept-Encoding": "identity"})
    zipped = client.get(WORK_ITEMS, params={"fields": ALL}, stream=True)
    assert "Content-Encoding" not in plain.headers
    assert zipped.headers["Content-Encoding"] == "gzip"
    raw = zipped.raw.read(decode_content=False)
    assert len(raw) == int(zipped.headers["Content-Length"]) < len(plain.content) / 2
    # The paging tokens differ; the work items do not.
    assert gzip.decompress(raw).split(b">", 2)[2] == plain.content.split(b">", 2)[2]


def test_one_connection_serves_many_requests(visitor: Client, tls: Tls) -> None:
    trusted = ssl.create_default_context(cafile=str(tls.authority))
    connection = http.client.HTTPSConnection("127.0.0.1", visitor.port, timeout=10, context=trusted)
    connection.connect()
    first = connection.sock
    for path in ("/_endpoint/status", "/nowhere", WORK_ITEMS):
        connection.request("GET", path)
        connection.getresponse().read()
    assert connection.sock is first
    connection.close()


def test_a_silent_client_holds_nobody_up(visitor: Client) -> None:
    with socket.create_connection(("127.0.0.1", visitor.port)):
        assert visitor.get("/_endpoint/status").ok


def test_a_client_without_the_authority_trusts_nothing(visitor: Client) -> None:
    stranger = ssl.create_default_context()
    with (
        socket.create_connection(("127.0.0.1", visitor.port)) as connection,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        stranger.wrap_socket(connection, server_hostname="127.0.0.1")
    assert visitor.get("/_endpoint/status").ok


def test_a_recording_is_served_as_it_is(serve: Callable[..., Client], recordings: Path) -> None:
    client = serve(1, recordings)
    path = "/stats/eurofxref/eurofxref-hist-90d.xml"
    first = client.get(path)
    assert (first.content, first.headers["Content-Type"]) == (b"<Cube/>\n", "text/xml;charset=UTF-8")
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_families_are_those_whose_recordings_are_there(
    serve: Callable[..., Client], recordings: Path
) -> None:
    client = serve(1, recordings)
    made_up = ["ewm", "doors_next", "etm", "oslc", "oslc_cm", "oai", "arxiv", "rss", "netsuite", "odata"]
    assert client.get("/_endpoint/status").json()["families"] == [*made_up, "ecb"]
    assert client.get("/jazz/oslc/workitems.xml").status_code == 404
    assert serve(1).get("/_endpoint/status").json()["families"] == made_up


def test_the_shared_recordings_are_served_whole(serve: Callable[..., Client]) -> None:
    data = Path(os.environ.get("XMLIFT_DATA") or CHECKOUT.parent / "shared" / "data")
    if not data.is_dir():
        pytest.skip(f"no recorded responses at {data}: set XMLIFT_DATA to the folder that has them")
    client = serve(1, data)
    for path, file in [
        ("/stats/eurofxref/eurofxref-hist-90d.xml", "ecb/eurofxref-hist-90d.xml"),
        ("/jazz/oslc/workitems.xml", "ewm_oslc_cm/workitems.xml"),
    ]:
        assert client.get(path).content == (data / file).read_bytes()


def test_requests_are_counted_by_path_and_controls_are_not(client: Client) -> None:
    client.query(ALL)
    client.query(ALL)
    counted = client.get("/_endpoint/status").json()["requests"]
    assert counted[WORK_ITEMS] == 2
    assert not any(path.startswith("/_endpoint") for path in counted)


def test_head_answers_the_head_of_get(serve: Callable[..., Client], recordings: Path) -> None:
    client = serve(1, recordings)
    answer = client.session.head(f"{client.url}/stats/eurofxref/eurofxref-hist-90d.xml", timeout=10)
    assert (answer.status_code, answer.headers["Content-Length"], answer.content) == (200, "8", b"")


@pytest.mark.parametrize("body", ["not json", "[]", '{"change": "many"}'])
def test_a_control_that_makes_no_sense_is_refused(client: Client, body: str) -> None:
    answer = client.post("/_endpoint/advance", data=body)
    assert answer.status_code == 400
    assert "/_endpoint/advance" in answer.text


def test_the_process_says_when_it_serves_and_stops_on_sigterm(tls: Tls, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "local.endpoint", "--port", "0", "--items", "5", "--data", str(tmp_path)]
    command += ["--certificate", str(tls.certificate), "--key", str(tls.key)]
    process = subprocess.Popen(command, cwd=CHECKOUT / "scripts", stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert (ready["ready"], ready["families"][0], ready["items"]) == (True, "ewm", 5)
        client = Client(ready["url"], tls.authority)
        assert client.log_in().ok
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
