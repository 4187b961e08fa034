"""X-Ray's sampling rules, of which ministack knows nothing: part of the launcher, in ministack's own environment.

They are kept and answered as they were given; nothing is sampled by them.
"""

import json
import time
from typing import Any

from ministack import app
from ministack.core.responses import get_account_id, get_region

Answer = tuple[int, dict[str, str], bytes]

_rules: dict[tuple[str, str, str], dict[str, Any]] = {}
_tags: dict[str, list[dict[str, str]]] = {}


def serve_sampling_rules() -> None:
    """Make ministack answer for X-Ray."""
    app.SERVICE_HANDLERS["xray"] = _answer


async def _answer(
    method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
) -> Answer:
    name = path.strip("/")
    if name not in _OPERATIONS:
        return _refused(f"The local cloud has no operation {name} of X-Ray.")
    return _OPERATIONS[name](json.loads(body or b"{}"))


def _create(asked: dict[str, Any]) -> Answer:
    rule = asked["SamplingRule"]
    rule["RuleARN"] = f"arn:aws:xray:{get_region()}:{get_account_id()}:sampling-rule/{rule['RuleName']}"
    key = _key(rule["RuleName"])
    if key in _rules:
        return _refused(f"The rule {rule['RuleName']} exists.")
    now = int(time.time())
    _rules[key] = {"SamplingRule": {"Attributes": {}, **rule}, "CreatedAt": now, "ModifiedAt": now}
    _tags[rule["RuleARN"]] = asked.get("Tags") or []
    return _told({"SamplingRuleRecord": _rules[key]})


def _list(_: dict[str, Any]) -> Answer:
    mine = [record for key, record in _rules.items() if key[:2] == _key("")[:2]]
    return _told({"SamplingRuleRecords": mine})


def _update(asked: dict[str, Any]) -> Answer:
    changes = asked["SamplingRuleUpdate"]
    record = _rules.get(_key(changes.get("RuleName", "")))
    if record is None:
        return _refused(f"There is no rule {changes.get('RuleName')}.")
    record["SamplingRule"] |= changes
    return _told({"SamplingRuleRecord": record})


def _delete(asked: dict[str, Any]) -> Answer:
    name = asked.get("RuleName") or asked.get("RuleARN", "").rpartition("/")[2]
    record = _rules.pop(_key(name), None)
    return _told({"SamplingRuleRecord": record}) if record else _refused(f"There is no rule {name}.")


def _tag(asked: dict[str, Any]) -> Answer:
    kept = {tag["Key"]: tag for tag in [*_tags.get(asked["ResourceARN"], []), *asked["Tags"]]}
    _tags[asked["ResourceARN"]] = list(kept.values())
    return _told({})


def _tags_of(asked: dict[str, Any]) -> Answer:
    return _told({"Tags": _tags.get(asked["ResourceARN"], [])})


def _key(name: str) -> tuple[str, str, str]:
    return get_account_id(), get_region(), name


def _told(document: dict[str, Any]) -> Answer:
    return 200, {"Content-Type": "application/json"}, json.dumps(document).encode()


def _refused(message: str) -> Answer:
    headers = {"Content-Type": "application/json", "x-amzn-errortype": "InvalidRequestException"}
    return 400, headers, json.dumps({"Message": message}).encode()


_OPERATIONS = {
    "CreateSamplingRule": _create,
    "GetSamplingRules": _list,
    "UpdateSamplingRule": _update,
    "DeleteSamplingRule": _delete,
    "TagResource": _tag,
    "ListTagsForResource": _tags_of,
}
