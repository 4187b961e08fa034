"""Condition keys that policies ask for and ministack does not know: part of the launcher, in its environment.

- `s3:if-none-match` of a writing, by which a bucket keeps what is there;
- `iam:PermissionsBoundary` of a role that is made or given permissions;
- `aws:ResourceTag/…` of a key;
- `aws:PrincipalArn` of a session, which is its role's ARN.

And two resources that it names otherwise than AWS does: rules of the default bus, and aliases of keys.
"""

import json
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam, kms

_BOUNDARY = "iam:permissionsboundary"
_TAG = "aws:resourcetag/"


def tell_conditions() -> None:
    """Replace ministack's places that know what a condition asks for."""
    _tell_of_requests()
    _name_resources()
    resolve = iam_evaluator._resolve_condition_key

    def resolve_more(key: str, context: Any) -> Any:
        found = resolve(key, context)
        if key.lower() == "aws:principalarn":
            # Of whoever reaches another account's bucket it says the account alone.
            signed_by = iam_evaluator._request_caller_arn.get() if found.endswith(":root") else found
            return _role_of_session(signed_by if _account(signed_by) == _account(found) else found)
        if found is not None:
            return found
        if key.lower() == _BOUNDARY:
            return _boundary_of(context.resource_arn)
        return _tag_of(context.resource_arn, key[len(_TAG) :]) if key.lower().startswith(_TAG) else None

    iam_evaluator._resolve_condition_key = resolve_more


def _tell_of_requests() -> None:
    of_s3, of_tags = iam_actions.s3_service_context, iam_actions.request_tag_context

    def of_writing(
        action: str, query: dict[str, Any] | None, path: str = "", headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        context: dict[str, Any] = of_s3(action, query, path, headers)
        if action == "s3:PutObject" and (asked := (headers or {}).get("if-none-match")):
            context["s3:if-none-match"] = asked
        return context

    def of_request(service: str, action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
        context: dict[str, Any] = of_tags(service, action, body, params)
        asked = params.get("PermissionsBoundary")
        if service == "iam" and asked:
            context[_BOUNDARY] = asked[0] if isinstance(asked, list) else asked
        return context

    iam_actions.s3_service_context = of_writing
    iam_actions.request_tag_context = of_request


def _name_resources() -> None:
    named = iam_actions.extract_resource_arn

    def named_as_by_aws(service: str, method: str, path: str, headers: Any, body: bytes, *more: Any) -> str:
        arn = str(named(service, method, path, headers, body, *more))
        if service == "kms" and arn == "*" and (alias := json.loads(body or b"{}").get("AliasName")):
            return f"arn:aws:kms:{get_region()}:{get_account_id()}:{alias}"
        return arn.replace(":rule/default/", ":rule/")

    iam_actions.extract_resource_arn = named_as_by_aws


def _account(arn: str) -> str:
    return arn.split(":")[4] if arn.count(":") >= 5 else ""


def _role_of_session(arn: str) -> str:
    """arn:aws:iam::111122223333:role/NAME of arn:aws:sts::111122223333:assumed-role/NAME/SESSION."""
    parts = arn.split(":")
    if parts[2:3] != ["sts"] or not parts[5].startswith("assumed-role/"):
        return arn
    return f"{parts[0]}:{parts[1]}:iam::{parts[4]}:role/{parts[5].split('/')[1]}"


def _boundary_of(arn: str) -> str | None:
    """The boundary that a role has."""
    if ":role/" not in arn:
        return None
    role = iam._roles.get_scoped(arn.split(":")[4], None, arn.rpartition("/")[2]) or {}
    return role.get("PermissionsBoundary") or None


def _tag_of(arn: str, name: str) -> str | None:
    """The value of a key's tag."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[2] != "kms" or not parts[5].startswith("key/"):
        return None
    key = kms._keys.get_scoped(parts[4], parts[3], parts[5].removeprefix("key/")) or {}
    return next((tag["TagValue"] for tag in key.get("Tags", []) if tag["TagKey"] == name), None)
