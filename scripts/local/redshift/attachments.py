"""What hangs on namespaces and workgroups: usage limits, resource policies, tags."""

import uuid
from collections.abc import Callable
from typing import Any

from local.redshift.aws import Aws, AwsError

type Document = dict[str, Any]


def found[T](kind: str, known: dict[str, T], name: str) -> T:
    """What is known by the name. Raises AwsError."""
    if name not in known:
        # Terraform takes this code for "destroyed".
        raise AwsError("ResourceNotFoundException", f"The {kind} {name} was not found.")
    return known[name]


class Attachments:
    """Operations from a request's document to an answer's; the caller serialises them."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self.limits: dict[str, Document] = {}
        self._policies: dict[str, str] = {}
        self._tags: dict[str, dict[str, str]] = {}

    def operations(self) -> dict[str, Callable[[Document], Document]]:
        """The operations by name."""
        return {
            "CreateUsageLimit": self._create_limit,
            "GetUsageLimit": lambda r: {"usageLimit": self._limit(r)},
            "ListUsageLimits": self._list_limits,
            "UpdateUsageLimit": self._update_limit,
            "DeleteUsageLimit": lambda r: {"usageLimit": self.limits.pop(self._limit(r)["usageLimitId"])},
            "PutResourcePolicy": self._put_policy,
            "GetResourcePolicy": lambda r: {"resourcePolicy": self._policy(r)},
            "DeleteResourcePolicy": self._delete_policy,
            "ListTagsForResource": self._list_tags,
            "TagResource": self._tag,
            "UntagResource": self._untag,
        }

    def keep_tags(self, arn: str, request: Document) -> None:
        """Add the tags that a request brings along."""
        tags = {tag["key"]: tag["value"] for tag in request.get("tags", [])}
        self._tags[arn] = self._tags.get(arn, {}) | tags

    def _create_limit(self, request: Document) -> Document:
        identifier = str(uuid.uuid4())
        limit = {
            "amount": request["amount"],
            "breachAction": request.get("breachAction", "log"),
            "period": request.get("period", "monthly"),
            "resourceArn": request["resourceArn"],
            "usageLimitArn": self._aws.arn("redshift-serverless", f"usagelimit/{identifier}"),
            "usageLimitId": identifier,
            "usageType": request["usageType"],
        }
        self.limits[identifier] = limit
        return {"usageLimit": limit}

    def _update_limit(self, request: Document) -> Document:
        limit = self._limit(request)
        limit |= {key: request[key] for key in ("amount", "breachAction") if key in request}
        return {"usageLimit": limit}

    def _list_limits(self, request: Document) -> Document:
        wanted = request.get("resourceArn")
        return {"usageLimits": [x for x in self.limits.values() if wanted in {None, x["resourceArn"]}]}

    def _put_policy(self, request: Document) -> Document:
        self._policies[request["resourceArn"]] = request["policy"]
        return {"resourcePolicy": self._policy(request)}

    def _delete_policy(self, request: Document) -> Document:
        self._policy(request)
        del self._policies[request["resourceArn"]]
        return {}

    def _list_tags(self, request: Document) -> Document:
        tags = self._tags.get(request["resourceArn"], {})
        return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}

    def _tag(self, request: Document) -> Document:
        self.keep_tags(request["resourceArn"], request)
        return {}

    def _untag(self, request: Document) -> Document:
        for key in request["tagKeys"]:
            self._tags.get(request["resourceArn"], {}).pop(key, None)
        return {}

    def _limit(self, request: Document) -> Document:
        return found("usage limit", self.limits, request["usageLimitId"])

    def _policy(self, request: Document) -> Document:
        arn = request["resourceArn"]
        return {"resourceArn": arn, "policy": found("resource policy of", self._policies, arn)}
