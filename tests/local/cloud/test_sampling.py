"""X-Ray's sampling rules on the local cloud: what Terraform's provider asks of them."""

import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud

RULE = {
    "RuleName": "all",
    "Version": 1,
    "Priority": 1000,
    "ReservoirSize": 100,
    "FixedRate": 1.0,
    "ServiceName": "xmlift-dev-*",
    "ServiceType": "*",
    "Host": "*",
    "HTTPMethod": "*",
    "URLPath": "*",
    "ResourceARN": "*",
}


def test_a_sampling_rule_is_kept_as_it_was_given(emulator: Cloud) -> None:
    xray = emulator.client("xray")
    made = xray.create_sampling_rule(SamplingRule=RULE, Tags=[{"Key": "a", "Value": "1"}])
    arn = made["SamplingRuleRecord"]["SamplingRule"]["RuleARN"]
    assert arn == "arn:aws:xray:us-east-1:000000000000:sampling-rule/all"
    xray.update_sampling_rule(SamplingRuleUpdate={"RuleName": "all", "FixedRate": 0.5})
    xray.tag_resource(ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])
    (record,) = xray.get_sampling_rules()["SamplingRuleRecords"]
    assert record["SamplingRule"] == RULE | {"FixedRate": 0.5, "RuleARN": arn, "Attributes": {}}
    assert [tag["Key"] for tag in xray.list_tags_for_resource(ResourceARN=arn)["Tags"]] == ["a", "b"]
    xray.delete_sampling_rule(RuleName="all")
    assert xray.get_sampling_rules()["SamplingRuleRecords"] == []


def test_what_is_not_there_is_refused(emulator: Cloud) -> None:
    with pytest.raises(ClientError, match="There is no rule none"):
        emulator.client("xray").delete_sampling_rule(RuleName="none")
    with pytest.raises(ClientError, match="no operation Groups of X-Ray"):
        emulator.client("xray").get_groups()
