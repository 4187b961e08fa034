"""A planned environment as the contract tests read it, and as their failing fixtures change it."""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Values = dict[str, Any]


@dataclass(frozen=True)
class Resource:
    """One planned resource: its address, its type, and its attributes as they will be."""

    address: str
    type: str
    values: Values


@dataclass(frozen=True)
class Statement:
    """One statement of a policy; actions, resources and principals are always lists."""

    sid: str
    effect: str
    actions: list[str]
    resources: list[str]
    principals: dict[str, list[str]]
    condition: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def allows(self, action: str) -> bool:
        return self.effect == "Allow" and action in self.actions


@dataclass(frozen=True)
class Deployment:
    """The resources of one environment by address, and what it answers."""

    resources: dict[str, Resource]
    outputs: Values = field(default_factory=dict)

    @classmethod
    def of_plan(cls, plan: Mapping[str, Any], at_least: int = 50) -> "Deployment":
        """Read `terraform show -json` of a saved plan, or a plan that `terraform test` made."""
        resources = {
            change["address"]: Resource(change["address"], change["type"], change["change"]["after"])
            for change in plan["resource_changes"]
            if change["change"]["after"] is not None and change.get("mode", "managed") == "managed"
        }
        assert len(resources) >= at_least, "A plan of all that is made was expected"
        return cls(resources, {name: each["after"] for name, each in plan["output_changes"].items()})

    def all(self, kind: str) -> list[Resource]:
        """Resources of a type; that there are any is part of every contract."""
        found = [resource for resource in self.resources.values() if resource.type == kind]
        assert found, f"The plan has no {kind}: the contract about it checks nothing"
        return found

    def one(self, kind: str) -> Values:
        (resource,) = self.all(kind)
        return resource.values

    def functions(self) -> dict[str, Values]:
        """Functions by step: the last word of their names."""
        return {
            step_of(each.values["function_name"]): each.values for each in self.all("aws_lambda_function")
        }

    def statements(self, role: str) -> list[Statement]:
        """What a role may do; the role is named by its last word, such as `load`."""
        return [
            statement
            for policy in self.all("aws_iam_role_policy")
            if step_of(policy.values["role"]) == role
            for statement in statements_of(policy.values["policy"])
        ]

    def trust(self, role: str) -> list[Statement]:
        """Who may take a role on."""
        (policy,) = (
            each.values["assume_role_policy"]
            for each in self.all("aws_iam_role")
            if step_of(each.values["name"]) == role
        )
        return statements_of(policy)

    def roles(self) -> list[str]:
        return [step_of(each.values["name"]) for each in self.all("aws_iam_role")]

    def definition(self) -> dict[str, Any]:
        """The state machine's definition as it is deployed."""
        return dict(json.loads(self.one("aws_sfn_state_machine")["definition"]))

    # The failing fixtures: the same environment with one thing wrong.

    def with_values(self, address_part: str, **changed: Any) -> "Deployment":
        """The environment with attributes changed of the resources whose address contains address_part."""
        return self._altered(address_part, lambda values: values | changed)

    def without(self, address_part: str) -> "Deployment":
        """The environment without the resources whose address contains address_part."""
        kept = {address: each for address, each in self.resources.items() if address_part not in address}
        assert len(kept) < len(self.resources), f"Nothing is called {address_part}"
        return Deployment(kept)

    def with_text(self, address_part: str, attribute: str, old: str, new: str) -> "Deployment":
        """The environment with text replaced in one attribute, such as a policy or the definition."""

        def replace(values: Values) -> Values:
            assert old in values[attribute], f"{attribute} of {address_part} does not contain {old}"
            return values | {attribute: values[attribute].replace(old, new)}

        return self._altered(address_part, replace)

    def with_statement(self, role: str, action: str, resource: str) -> "Deployment":
        """The environment in which a role may do one thing more."""

        def grant(values: Values) -> Values:
            policy = json.loads(values["policy"])
            policy["Statement"].append(
                {"Sid": "More", "Effect": "Allow", "Action": action, "Resource": resource}
            )
            return values | {"policy": json.dumps(policy)}

        return self._altered(f'aws_iam_role_policy.this["{role}"]', grant)

    def with_definition(self, change: Callable[[dict[str, Any]], object]) -> "Deployment":
        """The environment with a changed state machine; change works on its definition in place."""
        definition = self.definition()
        change(definition)
        return self.with_values("aws_sfn_state_machine.pipeline", definition=json.dumps(definition))

    def _altered(self, address_part: str, change: Callable[[Values], Values]) -> "Deployment":
        resources = dict(self.resources)
        matching = [address for address in resources if address_part in address]
        assert matching, f"Nothing is called {address_part}"
        for address in matching:
            before = resources[address]
            resources[address] = Resource(address, before.type, change(copy.deepcopy(before.values)))
        return Deployment(resources)


def step_of(name: str) -> str:
    """The last word of a name: `load` of `xmlift-dev-load`."""
    return name.rsplit("-", 1)[-1]


def statements_of(policy: str) -> list[Statement]:
    """The statements of a policy document."""
    return [
        Statement(
            sid=statement.get("Sid", ""),
            effect=statement["Effect"],
            actions=_listed(statement.get("Action")),
            resources=_listed(statement.get("Resource")),
            principals=_principals(statement.get("Principal", {})),
            condition=statement.get("Condition", {}),
        )
        for statement in json.loads(policy)["Statement"]
    ]


def endpoint_statements(endpoint: Resource) -> list[Statement]:
    """What a VPC endpoint admits: everything, if it is given no policy."""
    everything = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    return statements_of(endpoint.values["policy"] or json.dumps({"Statement": [everything]}))


def states(definition: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every state of a definition by name, those inside Maps included."""
    for name, state in definition["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])


def _listed(value: str | list[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])


def _principals(principal: str | Mapping[str, str | list[str]]) -> dict[str, list[str]]:
    if isinstance(principal, str):
        return {"AWS": [principal]}
    return {kind: _listed(names) for kind, names in principal.items()}
