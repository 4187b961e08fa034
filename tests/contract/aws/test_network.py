"""Network: flows that are open on one side only, subnets that Redshift refuses, traffic that finds no way."""

import json
from collections.abc import Iterator
from ipaddress import ip_network
from typing import NamedTuple

from .deployment import Deployment, endpoint_statements


class Flow(NamedTuple):
    """A port that is open from one security group to another, or to a prefix list."""

    start: str
    end: str
    port: int


def egress(deployment: Deployment) -> set[Flow]:
    return {
        Flow(
            rule.values["security_group_id"],
            rule.values["referenced_security_group_id"] or rule.values["prefix_list_id"],
            rule.values["from_port"],
        )
        for rule in deployment.all("aws_vpc_security_group_egress_rule")
    }


def ingress(deployment: Deployment) -> set[Flow]:
    return {
        Flow(
            rule.values["referenced_security_group_id"],
            rule.values["security_group_id"],
            rule.values["from_port"],
        )
        for rule in deployment.all("aws_vpc_security_group_ingress_rule")
    }


def needed_flows(deployment: Deployment) -> dict[str, Flow]:
    group = {each.values["description"]: each.values["id"] for each in deployment.all("aws_security_group")}
    functions = group["Functions inside the VPC"]
    warehouse = group["Redshift Serverless workgroup"]
    s3 = deployment.resources['module.platform.module.network.aws_vpc_endpoint.s3["main"]'].values[
        "prefix_list_id"
    ]
    port = deployment.one("aws_redshiftserverless_workgroup")["port"]
    return {
        "functions to the warehouse": Flow(functions, warehouse, port),
        "functions to the endpoints": Flow(functions, group["Interface endpoints"], 443),
        "functions to S3": Flow(functions, s3, 443),
        "the warehouse to S3": Flow(warehouse, s3, 443),
    }


def unpaired_flows(deployment: Deployment) -> Iterator[str]:
    """Every flow between two groups needs a rule on both sides; S3's side is the gateway endpoint's policy."""
    out, into, needed = egress(deployment), ingress(deployment), needed_flows(deployment)
    for name, flow in needed.items():
        if flow not in out:
            yield f"{name}: no egress"
        if not name.endswith("S3") and flow not in into:
            yield f"{name}: no ingress"
    for flow in (out | into) - set(needed.values()):
        yield f"open without need: {flow}"


def test_security_groups_are_open_in_pairs(deployment: Deployment) -> None:
    assert not list(unpaired_flows(deployment))
    one_sided = deployment.without('ingress_rule.endpoints_from["functions"]')
    assert list(unpaired_flows(one_sided)) == ["functions to the endpoints: no ingress"]
    other_port = deployment.with_values("egress_rule.functions_to_warehouse", from_port=5432)
    assert len(list(unpaired_flows(other_port))) == 2


def wide_rules(deployment: Deployment) -> Iterator[str]:
    for kind in ("aws_vpc_security_group_egress_rule", "aws_vpc_security_group_ingress_rule"):
        for rule in deployment.all(kind):
            if rule.values["cidr_ipv4"] or rule.values["cidr_ipv6"] or rule.values["ip_protocol"] != "tcp":
                yield rule.address
            if rule.values["from_port"] != rule.values["to_port"]:
                yield rule.address


def test_rules_name_one_port_and_one_group(deployment: Deployment) -> None:
    assert not list(wide_rules(deployment))
    world = deployment.with_values("ingress_rule.warehouse_from_functions", cidr_ipv4="0.0.0.0/0")
    assert len(list(wide_rules(world))) == 1


def refused_subnets(deployment: Deployment) -> Iterator[str]:
    """Redshift Serverless: three subnets in three zones, with addresses to grow into."""
    subnets = {each.values["id"]: each.values for each in deployment.all("aws_subnet")}
    used = [
        subnets[identity] for identity in deployment.one("aws_redshiftserverless_workgroup")["subnet_ids"]
    ]
    if len({subnet["availability_zone"] for subnet in used}) < 3:
        yield f"{len(used)} subnets in fewer than three zones"
    yield from (subnet["cidr_block"] for subnet in used if ip_network(subnet["cidr_block"]).prefixlen > 24)


def test_warehouse_has_subnets_in_three_zones(deployment: Deployment) -> None:
    assert not list(refused_subnets(deployment))
    zone = deployment.all("aws_subnet")[0].values["availability_zone"]
    assert list(refused_subnets(deployment.with_values("aws_subnet.private", availability_zone=zone)))
    assert list(
        refused_subnets(deployment.with_values(f'aws_subnet.private["{zone}"]', cidr_block="10.0.0.0/28"))
    )


def unreachable_s3(deployment: Deployment) -> Iterator[str]:
    """S3 is reached by the gateway endpoint on the subnet's route table, if its policy admits the bucket."""
    endpoint = deployment.resources['module.platform.module.network.aws_vpc_endpoint.s3["main"]'].values
    routed = {
        each.values["subnet_id"]
        for each in deployment.all("aws_route_table_association")
        if each.values["route_table_id"] in endpoint["route_table_ids"]
    }
    for subnet in deployment.all("aws_subnet"):
        if subnet.values["id"] not in routed:
            yield f"{subnet.address} has no route to S3"
    landing = deployment.resources['module.platform.module.landing.aws_s3_bucket.this["landing"]'].values[
        "bucket"
    ]
    admitted = json.loads(endpoint["policy"])["Statement"][0]["Resource"]
    for suffix in ("", "/*"):
        if not any(arn.endswith(f":::{landing}{suffix}") for arn in admitted):
            yield f"the endpoint does not admit {landing}{suffix}"


def test_s3_is_reached_from_every_subnet(deployment: Deployment) -> None:
    assert not list(unreachable_s3(deployment))
    zone = deployment.all("aws_subnet")[0].values["availability_zone"]
    astray = deployment.with_values(f'route_table_association.private["{zone}"]', route_table_id="rtb-other")
    assert len(list(unreachable_s3(astray))) == 1
    other = deployment.with_text("aws_vpc_endpoint.s3", "policy", "-landing-", "-artifacts-")
    assert len(list(unreachable_s3(other))) == 2


def used_inside(deployment: Deployment) -> set[str]:
    """What is called through endpoints: the actions of the functions inside, and COPY's."""
    inside = [step for step, function in deployment.functions().items() if function["vpc_config"]]
    return {
        action
        for role in [*inside, "copy"]
        for statement in deployment.statements(role)
        if statement.effect == "Allow"
        for action in statement.actions
        if action.split(":")[0] in {"s3", "secretsmanager", "redshift-serverless", "states"}
    }


def mismatched_endpoints(deployment: Deployment) -> Iterator[str]:
    """An endpoint without a policy admits every action of everybody; one that lacks an action refuses it."""
    admitted = {
        action
        for each in deployment.all("aws_vpc_endpoint")
        for statement in endpoint_statements(each)
        for action in statement.actions
    }
    used = used_inside(deployment)
    yield from (f"{action} is refused" for action in sorted(used - admitted))
    yield from (f"{action} is admitted without need" for action in sorted(admitted - used))


def test_endpoints_admit_what_is_used(deployment: Deployment) -> None:
    assert {"s3:GetBucketLocation", "secretsmanager:GetSecretValue"} <= used_inside(deployment)
    assert not list(mismatched_endpoints(deployment))
    default = deployment.with_values('aws_vpc_endpoint.interface["secretsmanager"]', policy=None)
    assert list(mismatched_endpoints(default)) == [
        "secretsmanager:GetSecretValue is refused",
        "* is admitted without need",
    ]
    more = deployment.with_statement("load", "s3:DeleteObject", "arn:aws:s3:::a-bucket/*")
    assert list(mismatched_endpoints(more)) == ["s3:DeleteObject is refused"]


def filled_default_groups(deployment: Deployment) -> Iterator[str]:
    """What is attached without a group gets the default one, in which everything reaches everything."""
    emptied = [
        each.values for each in deployment.resources.values() if each.type == "aws_default_security_group"
    ]
    if [each["vpc_id"] for each in emptied] != [deployment.one("aws_vpc")["id"]]:
        yield "the default group is as AWS made it"
    if any(each["ingress"] or each["egress"] for each in emptied):
        yield "the default group has rules"


def test_default_group_is_empty(deployment: Deployment) -> None:
    assert not list(filled_default_groups(deployment))
    assert list(filled_default_groups(deployment.without("aws_default_security_group"))) == [
        "the default group is as AWS made it"
    ]
    rule = [{"protocol": "-1", "self": True, "from_port": 0, "to_port": 0}]
    filled = deployment.with_values("aws_default_security_group", ingress=rule)
    assert list(filled_default_groups(filled)) == ["the default group has rules"]


def unresolved_endpoints(deployment: Deployment) -> Iterator[str]:
    """Without private names the clients dial the public addresses, to which nothing leads."""
    vpc = deployment.one("aws_vpc")
    if not (vpc["enable_dns_support"] and vpc["enable_dns_hostnames"]):
        yield "the VPC resolves no private names"
    for each in deployment.all("aws_vpc_endpoint"):
        if each.values["vpc_endpoint_type"] == "Interface" and not each.values["private_dns_enabled"]:
            yield f"{each.address} has no private name"


def test_endpoints_have_private_names(deployment: Deployment) -> None:
    assert not list(unresolved_endpoints(deployment))
    assert list(unresolved_endpoints(deployment.with_values("aws_vpc.main", enable_dns_hostnames=False)))
    public = deployment.with_values('aws_vpc_endpoint.interface["secretsmanager"]', private_dns_enabled=False)
    assert len(list(unresolved_endpoints(public))) == 1


def exposed_warehouse(deployment: Deployment) -> Iterator[str]:
    workgroup = deployment.one("aws_redshiftserverless_workgroup")
    if workgroup["publicly_accessible"]:
        yield "the warehouse is public"
    if not workgroup["enhanced_vpc_routing"]:
        yield "COPY leaves the VPC"


def test_warehouse_is_private(deployment: Deployment) -> None:
    assert not list(exposed_warehouse(deployment))
    assert list(exposed_warehouse(deployment.with_values("workgroup.main", publicly_accessible=True)))
    assert list(exposed_warehouse(deployment.with_values("workgroup.main", enhanced_vpc_routing=False)))


def refused_sizes(deployment: Deployment) -> Iterator[str]:
    workgroup = deployment.one("aws_redshiftserverless_workgroup")
    capacity, port = workgroup["base_capacity"], workgroup["port"]
    if capacity < 8 or capacity % 8 or workgroup["max_capacity"] < capacity:
        yield f"{capacity} RPU: 4 is not offered in every region, and above 8 the steps are 8"
    if not (5431 <= port <= 5455 or 8191 <= port <= 8215):
        yield f"port {port}"


def test_warehouse_has_a_size_and_a_port_that_redshift_offers(deployment: Deployment) -> None:
    assert not list(refused_sizes(deployment))
    assert list(refused_sizes(deployment.with_values("workgroup.main", base_capacity=4)))
    assert list(refused_sizes(deployment.with_values("workgroup.main", port=5432 + 50)))
