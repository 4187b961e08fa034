"""What a call tells: its metrics, its trace, and lines that carry the run."""

import io
import json
import logging
import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from xmlift import clients, telemetry
from xmlift.clients.traced_calls import trace_calls
from xmlift.errors import SourceError
from xmlift.telemetry import identify, logger, measure, observed, span, traces

from .extracting import Extracts, serve_pages
from .scripted_source import Say, ScriptedSource
from .warehouse_stand_in import LOADER, StandIn

CONTEXT: Any = SimpleNamespace(
    function_name="xmlift-test-load",
    memory_limit_in_mb="2048",
    invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:xmlift-test-load",
    aws_request_id="id",
)


@pytest.fixture(autouse=True)
def namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "xmlift-test")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "load")


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is written to the log."""
    written = io.StringIO()
    (own,) = logger._logger.handlers
    before = own.setStream(written)  # type: ignore[attr-defined]
    yield written
    own.setStream(before)  # type: ignore[attr-defined]


def sent(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]


def values(metrics: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metrics.items() if name not in ("_aws", "gb_seconds", "run")}


def test_counts_are_summed_by_stream_and_by_source(capsys: pytest.CaptureFixture[str]) -> None:
    @observed
    def handler(event: dict[str, Any], context: Any) -> None:
        identify(run="r", source="parts")
        measure("parts", "prices", records=2, rejected=0, bytes=10)
        measure("parts", "prices", records=3, rejected=1)
        measure("parts", "stock", records=4, lag=7.5)

    handler({}, CONTEXT)
    source, prices, stock = sent(capsys)
    assert values(source) == {
        "source": "parts", "records": [9.0], "rejected": [1.0], "bytes": [10.0], "calls": [1.0],
    }  # fmt: skip
    assert values(prices) == {"source": "parts", "stream": "prices", "records": [5.0], "rejected": [1.0]}
    assert values(stock) == {"source": "parts", "stream": "stock", "records": [4.0], "lag": [7.5]}
    assert {each["run"] for each in (source, prices, stock)} == {"r"}, "told, but no dimension"
    (directive,) = stock["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "xmlift-test"
    assert directive["Dimensions"] == [["source", "stream"]]
    assert directive["Metrics"] == [
        {"Name": "records", "Unit": "Count"}, {"Name": "lag", "Unit": "Seconds"},
    ]  # fmt: skip


def test_a_call_that_fails_is_measured_and_logged_with_its_run(
    capsys: pytest.CaptureFixture[str], lines: io.StringIO
) -> None:
    @observed
    def handler(event: dict[str, Any], context: Any) -> None:
        identify(run="20261122T161500000000Z-one", source="parts")
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        handler({}, CONTEXT)
    (line,) = map(json.loads, lines.getvalue().splitlines())
    assert (line["level"], line["run"], line["source"]) == ("ERROR", "20261122T161500000000Z-one", "parts")
    assert line["exception_name"] == "ValueError"
    (source,) = sent(capsys)
    assert source["calls"] == [1.0]


def test_metrics_that_cannot_be_sent_hide_neither_an_answer_nor_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any) -> None:
        raise RuntimeError("no namespace")

    monkeypatch.setattr(AmazonCloudWatchEMFProvider, "flush_metrics", refuse)

    @observed
    def handler(event: dict[str, Any], context: Any) -> str:
        identify(run="r", source="parts")
        measure("parts", records=1, unheard_of=1)
        if event.get("fails"):
            raise ValueError("its own error")
        return "done"

    assert handler({}, CONTEXT) == "done"
    with pytest.raises(ValueError, match="its own error"):
        handler({"fails": True}, CONTEXT)


def test_of_what_an_error_was_raised_from_no_line_tells(lines: io.StringIO) -> None:
    secret = "s3same"

    @observed
    def handler(event: dict[str, Any], context: Any) -> None:
        raise RuntimeError("the server says ***") from ValueError(f"the server says {secret}")

    with pytest.raises(RuntimeError):
        handler({}, CONTEXT)
    assert secret not in lines.getvalue()
    (line,) = map(json.loads, lines.getvalue().splitlines())
    assert line["exception"].endswith("RuntimeError: the server says ***")
    assert "in handler" in line["exception"]


def test_lines_of_libraries_carry_the_run_too(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()

    class RuntimeHandler(logging.StreamHandler[io.StringIO]):
        __module__ = "awslambdaric.bootstrap"

    handler = RuntimeHandler(written)
    logging.getLogger().addHandler(handler)

    @observed
    def call(event: dict[str, Any], context: Any) -> None:
        identify(run="r", source="parts")
        logging.getLogger("urllib3.connectionpool").warning("Retrying after %s", "a fault")

    try:
        call({}, CONTEXT)
    finally:
        logging.getLogger().removeHandler(handler)
    line = json.loads(written.getvalue())
    assert (line["message"], line["run"]) == ("Retrying after a fault", "r")


class Daemon:
    """Takes datagrams as X-Ray's daemon does."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def spans(self) -> list[dict[str, Any]]:
        """What has come, as it came; loopback has delivered a datagram when sending it returns."""
        found = []
        while True:
            try:
                header, _, document = self._socket.recv(65536).partition(b"\n")
            except BlockingIOError:
                return found
            assert json.loads(header) == {"format": "json", "version": 1}
            found.append(json.loads(document))

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    listening = Daemon()
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", listening.address)
    monkeypatch.setenv(
        "_X_AMZN_TRACE_ID",
        "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:0",
    )
    yield listening
    listening.close()


@observed
def copying(event: dict[str, Any], context: Any) -> None:
    identify(run="20261122T161500000000Z-one", source="parts")
    with span("warehouse", namespace="remote", sql={"sanitized_query": "COPY stage"}):
        if event.get("fails"):
            raise ValueError("value of a row")


def test_a_trace_leads_from_lambdas_segment_to_the_statement(daemon: Daemon) -> None:
    copying({}, CONTEXT)
    copy, call = daemon.spans()
    assert (call["name"], call["parent_id"]) == ("call", "53995c3f42cd8ad8")
    assert call["annotations"] == {"run": "20261122T161500000000Z-one", "source": "parts"}
    assert copy | {"id": "", "start_time": 0, "end_time": 0} == {
        "type": "subsegment",
        "trace_id": "1-5759e988-bd862e3fe1be46a994272793",
        "name": "warehouse",
        "id": "",
        "parent_id": call["id"],
        "start_time": 0,
        "end_time": 0,
        "namespace": "remote",
        "sql": {"sanitized_query": "COPY stage"},
    }
    assert call["start_time"] <= copy["start_time"] <= copy["end_time"] <= call["end_time"]


def test_a_trace_says_what_failed_and_nothing_of_the_data(daemon: Daemon) -> None:
    with pytest.raises(ValueError, match="value of a row"):
        copying({"fails": True}, CONTEXT)
    copy, call = daemon.spans()
    for each in (copy, call):
        assert each["fault"] is True
        assert each["cause"]["exceptions"][0]["type"] == "ValueError"
        assert "value of a row" not in json.dumps(each)


@pytest.mark.parametrize(
    "header", ["", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"]
)
def test_what_is_not_sampled_is_not_sent(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, header: str
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", header)
    copying({}, CONTEXT)
    assert daemon.spans() == []


def test_of_very_many_spans_the_first_are_sent(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "MOST_SPANS", 3)

    @observed
    def handler(event: dict[str, Any], context: Any) -> None:
        for page in range(5):
            with span(f"page {page}"):
                pass
        if event.get("fails"):
            raise ValueError

    handler({}, CONTEXT)
    *pages, call = daemon.spans()
    assert [each["name"] for each in pages] == ["page 0", "page 1"]
    assert call["metadata"] == {"xmlift": {"spans_left_out": 3}}
    with pytest.raises(ValueError, match=r"^$"):
        handler({"fails": True}, CONTEXT)
    assert daemon.spans()[-1]["metadata"] == {"xmlift": {"spans_left_out": 3}}


def test_a_daemon_that_cannot_be_addressed_fails_no_call(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    for address in ("127.0.0.1:xray", "127.0.0.1:", "127.0.0.1:99999999"):
        monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", address)
        copying({}, CONTEXT)


def test_what_is_expected_is_no_fault(daemon: Daemon) -> None:
    @observed
    def handler(event: dict[str, Any], context: Any) -> None:
        with suppress(KeyError), span("page", no_fault=(KeyError,)):
            raise KeyError

    handler({}, CONTEXT)
    assert ["fault" in each for each in daemon.spans()] == [False, False]


def test_calls_of_aws_are_part_of_the_trace(daemon: Daemon, s3: Any, aws: boto3.Session) -> None:
    assert clients.session().events is not None
    session = boto3.Session(region_name="us-east-1")
    trace_calls(session.events)
    client = session.client("s3")

    @observed
    def handler(event: dict[str, Any], context: Any) -> None:
        client.put_object(Bucket="landing", Key="x", Body=b"")
        with pytest.raises(client.exceptions.NoSuchKey):
            client.get_object(Bucket="landing", Key="y")

    handler({}, CONTEXT)
    put, get, _ = daemon.spans()
    assert (put["name"], put["namespace"], put["aws"]["operation"]) == ("S3", "aws", "PutObject")
    assert (put["error"], put["fault"]) == (False, False)
    assert (get["aws"]["operation"], get["error"], get["fault"]) == ("GetObject", True, False)


def test_outside_of_a_call_nothing_is_told(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    measure("parts", records=1)
    with span("warehouse"):
        pass
    assert (daemon.spans(), sent(capsys)) == ([], [])


def test_requests_to_an_endpoint_are_part_of_the_trace_though_another_thread_makes_them(
    daemon: Daemon, extracts: Extracts, source: ScriptedSource
) -> None:
    serve_pages(source, 2)

    @observed
    def handler(event: dict[str, Any], context: Any) -> None:
        extracts.extract()

    handler({}, CONTEXT)
    *pages, call = daemon.spans()
    assert [page["name"] for page in pages] == [urlsplit(source.url).hostname] * 2
    assert {page["parent_id"] for page in pages} == {call["id"]}
    assert all(page["http"]["request"]["method"] == "GET" for page in pages)
    assert all(page["http"]["request"]["url"].startswith(source.url) for page in pages)


def test_traffic_is_measured_by_each_call_whatever_became_of_it(
    extracts: Extracts, source: ScriptedSource, capsys: pytest.CaptureFixture[str]
) -> None:
    serve_pages(source, 2)
    source.script["/items"].insert(0, Say(b"busy", 503))
    source.script["/items/1"].insert(0, Say(b"what was that?", 404))
    source.script["/items/1"].insert(1, Say(b"a word", 503))
    source.script["/items/1"].insert(2, Say(b"a word", 503))

    @observed
    def handler(event: dict[str, Any], context: Any) -> str:
        return extracts.extract().status

    def call() -> dict[str, Any]:
        for figures in sent(capsys):
            if "stream" not in figures:
                return {name: figures[name] for name in ("bytes", "retries", "restarts") if name in figures}
        return {}

    assert handler({}, CONTEXT) == "more"
    begun_anew = call()
    assert (begun_anew["retries"], begun_anew["restarts"]) == ([1.0], [1.0])
    with pytest.raises(SourceError, match="gave up after 2 tries"):
        handler({}, CONTEXT)
    assert call() == {"bytes": begun_anew["bytes"]}, "the first page again"
    assert handler({}, CONTEXT) == "done"
    assert call()["bytes"] > begun_anew["bytes"]


def test_statements_of_the_warehouse_are_part_of_the_trace_without_their_values(
    daemon: Daemon, stand_in: StandIn
) -> None:
    warehouse = stand_in.warehouse(LOADER)

    @observed
    def handler(event: dict[str, Any], context: Any) -> None:
        warehouse.transaction(lambda cursor: cursor.execute("SELECT %s", ("a value of a row",)))

    handler({}, CONTEXT)
    connect, select, call = daemon.spans()
    assert [each["sql"]["sanitized_query"] for each in (connect, select)] == ["connect", "SELECT %s"]
    assert {each["name"] for each in (connect, select)} == {"warehouse"}
    assert {each["parent_id"] for each in (connect, select)} == {call["id"]}


def test_the_documentation_has_every_metric() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "observability.md").read_text()
    table = dict(re.findall(r"^\| `(\w+)` \| .* \| (yes)? ?\| [a-z ]+ \|$", page, re.MULTILINE))
    assert {name: told == "yes" for name, told in table.items()} == {
        name: known.by_stream for name, known in telemetry.MEASURES.items()
    }
