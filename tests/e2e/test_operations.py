"""Each procedure of docs/operations.md, by its own commands, on the session's cloud as an operator of AWS meets it.

What plans, applies, rolls back and destroys is rehearsed with whole environments, in tests/rehearsal.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local import control
from local.cloud import Cloud
from local.deployment import LOGIN, Deployment

from .as_on_aws import PAGE, Environment, commands, environment, migrate

pytestmark = pytest.mark.cloud

Query = Callable[..., list[dict[str, Any]]]
# Done by others' tests, with whole environments: no account of this session's cloud can be planned.
ELSEWHERE = ("make validate", "make package", "make plan", "make rollback", "make drift", "terraform ")
PRICES = """<?xml version="1.0"?>
<priceList supplier="operations" validFrom="2026-01-01">
  <article number="00010"><name>Bolt</name><price currency="EUR">0.12</price></article>
</priceList>
"""


@pytest.fixture(scope="module")
def dev(
    cloud: Cloud, deployed: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Environment]:
    yield from environment(cloud, deployed, tmp_path_factory.mktemp("environments") / "dev")


def lines(section: str) -> list[str]:
    """The commands of a section that are done here."""
    return [line for line in commands(section) if not line.startswith(ELSEWHERE)]


def newest(dev: Environment, source: str) -> dict[str, Any]:
    (run,) = dev.answer("runs", source, "--limit", 1)
    return dict(run)


def test_every_command_of_the_page_is_tried_out() -> None:
    sections = re.findall(r"^## (.*)$", PAGE, re.MULTILINE)
    tried = re.findall(r' = lines\("(.*)"\)', Path(__file__).read_text())
    assert [section for section in sections if lines(section)] == tried


def test_first_deployment(dev: Environment) -> None:
    secret, smoke, run, status = lines("First deployment")
    assert dev.make(secret, typed=json.dumps(LOGIN)).exit_code == 0
    checked = dev.make(smoke)
    assert (checked.exit_code, "✓ tiny load: ewm: " in checked.stdout) == (0, True), checked.stdout
    assert "✗" not in checked.stdout
    assert dev.make(run).exit_code == 0
    assert "ewm.work_items" in dev.make(status).stdout


def test_smoke_names_what_is_missing_and_loads_nothing(dev: Environment, cloud: Cloud) -> None:
    before = newest(dev, "ewm")["run"]
    cloud.client("secretsmanager").put_secret_value(
        SecretId=dev.deployed.sources["ewm"]["secret_name"], SecretString='{"username": "etl"}'
    )
    try:
        found = {check["name"]: check for check in json.loads(dev.lift("smoke", "ewm", "--json").stdout)}
    finally:
        dev.deployed.put_credentials("ewm", **LOGIN)
    assert [name for name, check in found.items() if not check["ok"]] == ["secret of ewm"]
    assert found["secret of ewm"]["found"] == "xmlift/local/ewm lacks password"
    assert found["secret of ewm"]["remedy"] == "make secret SOURCE=ewm ENV=dev"
    assert newest(dev, "ewm")["run"] == before


def test_adding_a_source(dev: Environment, catalogue: Callable[[str], str], query: Query) -> None:
    secret, run, status = lines("Adding a source")
    assert "has no source 'tracker'" in dev.make(run).stderr
    state = dev.state()
    sources = state["outputs"]["sources"]["value"]
    given = json.loads(sources["price_lists"]["input"])
    key = "catalogue/tracker/new.yaml"
    text = catalogue("price_lists").replace("source: price_lists", "source: tracker")
    dev.cloud.client("s3").put_object(Bucket=dev.deployed.bucket, Key=key, Body=text.encode())
    sources["tracker"] = sources["price_lists"] | {
        "input": json.dumps(given | {"source": "tracker", "catalogue": key})
    }
    dev.put_state(state)
    migrate(dev, sources=sorted(sources))
    assert "tracker signs in nowhere" in dev.make(secret, typed="{}").stderr
    assert dev.make(run).exit_code == 0
    assert "tracker.prices" in dev.make(status).stdout
    assert query("SELECT COUNT(*) AS n FROM pg_namespace WHERE nspname = 'tracker'") == [{"n": 1}]


def test_backfill(dev: Environment) -> None:
    past, status, again = lines("Backfill")
    assert "All of it is loaded already" in dev.make(past).stderr
    assert "ewm.work_items" in dev.make(status).stdout
    assert dev.make(again).exit_code == 0
    run = newest(dev, "ewm")
    assert (run["kind"], run["windows"]) == ("backfill, reread", 1)


def test_replay(dev: Environment) -> None:
    replay, runs = lines("Replay")
    assert "ewm.work_items: nothing new" in dev.make(replay).stderr
    assert "replay" in dev.make(runs).stdout


def test_a_failed_window(dev: Environment, cloud: Cloud, faults: Callable[..., None]) -> None:
    status, runs, one, again, after = lines("A failed window")
    control.advance(cloud, change=3, create=0)
    faults(kind="status", status=404, path="/ccm/rpt", times=20)
    assert dev.lift("run", "ewm").exit_code == 1
    assert "last run FAILED" in dev.make(status).stderr
    failed = newest(dev, "ewm")
    short = failed["run"].partition("-")[2][:8]
    assert short in dev.make(runs).stdout
    assert "404" in dev.make(one, RUN=short).stderr
    control.clear_faults(cloud)
    assert dev.make(again).exit_code == 0
    assert "last run SUCCEEDED" in dev.make(after).stderr


def test_a_rejected_file(dev: Environment, tmp_path: Path, query: Query) -> None:
    runs, one, drop = lines("A rejected file")
    file = tmp_path / "prices.xml"
    file.write_text("<!DOCTYPE html><html><body>Sign in</body></html>")
    assert dev.make(drop, FILE=str(file)).exit_code == 1
    short = newest(dev, "price_lists")["run"].partition("-")[2][:8]
    assert short in dev.make(runs).stdout
    assert "is an HTML page, not XML" in dev.make(one, RUN=short).stderr
    file.write_text(PRICES)
    assert dev.make(drop, FILE=str(file)).exit_code == 0
    found = query("SELECT number FROM price_lists.prices WHERE supplier = 'operations'")
    assert found == [{"number": "00010"}]


def test_a_schema_change(dev: Environment, catalogue: Callable[[str], str], query: Query) -> None:
    from_raw, again = lines("A schema change")
    state = dev.state()
    source = state["outputs"]["sources"]["value"]["price_lists"]
    text = catalogue("price_lists").replace(
        "      name: {", "      shouted: { path: name, type: varchar(64) }\n      name: {"
    )
    key = "catalogue/price_lists/changed.yaml"
    dev.cloud.client("s3").put_object(Bucket=dev.deployed.bucket, Key=key, Body=text.encode())
    source["input"] = json.dumps(json.loads(source["input"]) | {"catalogue": key})
    dev.put_state(state)
    assert dev.make(from_raw).exit_code == 0
    found = query("SELECT shouted FROM price_lists.prices WHERE supplier = 'operations'")
    assert found == [{"shouted": "Bolt"}]
    assert again in lines("Backfill"), "where it is tried out"


def test_rotating_a_secret(dev: Environment) -> None:
    secret, run = lines("Rotating a secret")
    assert dev.make(secret, typed="yesterday's\n").exit_code == 0
    refused = dev.make(run)
    assert (refused.exit_code, "yesterday" in refused.stderr) == (1, False)
    assert dev.make(secret, typed=f"{LOGIN['password']}\n").exit_code == 0
    assert dev.make(run).exit_code == 0


def test_restoring_the_warehouse(dev: Environment, query: Query) -> None:
    """Of a source with few windows; test_operate restores all of another one's."""
    rebuild, replay, status = lines("Restoring the warehouse from the landing zone")
    everything = "SELECT supplier, number, price FROM price_lists.prices ORDER BY 1, 2"
    before = query(everything)
    query("DROP TABLE price_lists.prices__tiers; DROP TABLE price_lists.prices; SELECT 1 AS done")
    asked = dev.make(rebuild, SOURCE="price_lists")
    assert (asked.exit_code, "give --yes" in asked.stderr) == (1, True)
    assert dev.lift("rebuild-ledger", "price_lists", "--yes").exit_code == 0
    assert query(everything) == before
    assert "price_lists.prices: nothing new" in dev.make(replay, SOURCE="price_lists").stderr
    assert "price_lists.prices" in dev.make(status, SOURCE="price_lists").stdout


def test_the_prompt_and_the_policy_reach_no_further_than_they_say(dev: Environment) -> None:
    assert dev.answer("query", "select count(*) as n from ewm.work_items")[0]["n"] > 0
    refused = dev.lift("query", "delete from ewm.work_items")
    assert (refused.exit_code, "permission denied" in refused.stderr) == (1, True)


def test_another_account_is_refused_before_anything(dev: Environment) -> None:
    providers = dev.folder / "providers.tf"
    before = providers.read_text()
    providers.write_text(re.sub(r"\d{12}", "999999999999", before))
    try:
        refused = dev.lift("status")
    finally:
        providers.write_text(before)
    assert (refused.exit_code, "999999999999" in refused.stderr) == (1, True)
