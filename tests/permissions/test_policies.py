"""What is granted, what of it a call needs, and what a policy is without it."""

import json

import pytest

from .policies import Call, Grant, Mutant, grants_of, mutants_of, needed_by, read_calls, signature

READ = {
    "Sid": "Read",
    "Effect": "Allow",
    "Action": ["s3:GetObject", "s3:GetObjectVersion"],
    "Resource": ["arn:aws:s3:::b/a/*", "arn:aws:s3:::b/c-????.json"],
}
THROUGH_S3 = {
    "Sid": "Key",
    "Effect": "Allow",
    "Action": "kms:Decrypt",
    "Resource": "k",
    "Condition": {"StringEquals": {"kms:ViaService": ["s3.x", "secretsmanager.x"]}},
}
POLICY = {"Version": "2012-10-17", "Statement": [READ, THROUGH_S3]}
GRANTS = list(grants_of("e-load", POLICY))


def test_each_action_is_taken_away_and_each_of_several_resources() -> None:
    assert [(each.sid, each.without) for each in mutants_of("e-load", POLICY)] == [
        ("Read", "s3:GetObject"),
        ("Read", "s3:GetObjectVersion"),
        ("Read", "arn:aws:s3:::b/a/*"),
        ("Read", "arn:aws:s3:::b/c-????.json"),
        ("Key", "kms:Decrypt"),
    ]


@pytest.mark.parametrize(
    ("sid", "without", "left"),
    [
        ("Read", "s3:GetObject", [READ | {"Action": ["s3:GetObjectVersion"]}, THROUGH_S3]),
        ("Read", "arn:aws:s3:::b/a/*", [READ | {"Resource": ["arn:aws:s3:::b/c-????.json"]}, THROUGH_S3]),
        ("Key", "kms:Decrypt", [READ]),
    ],
)
def test_nothing_else_is_taken_away(sid: str, without: str, left: list[object]) -> None:
    assert Mutant("e-load", sid, without).of(POLICY)["Statement"] == left


def test_a_policy_of_nothing_is_left_of_one_permission() -> None:
    (statement,) = Mutant("e-load", "Key", "kms:Decrypt").of({"Statement": [THROUGH_S3]})["Statement"]
    assert statement["Effect"] == "Deny"


@pytest.mark.parametrize(
    ("call", "is_covered"),
    [
        (Call("e-load", "s3:GetObject", "arn:aws:s3:::b/a/x/y"), True),
        (Call("e-load", "s3:getobject", "arn:aws:s3:::b/c-0001.json"), True),
        (Call("e-load", "s3:GetObject", "arn:aws:s3:::b/c-001.json"), False),
        (Call("e-load", "s3:PutObject", "arn:aws:s3:::b/a/x"), False),
        (Call("e-plan", "s3:GetObject", "arn:aws:s3:::b/a/x"), False),
        (Call("e-load", "kms:Decrypt", "k", '{"kms:viaservice": "s3.x"}'), True),
        (Call("e-load", "kms:Decrypt", "k", '{"kms:viaservice": ["sqs.x", "s3.x"]}'), True),
        (Call("e-load", "kms:Decrypt", "k", '{"kms:viaservice": "sqs.x"}'), False),
        (Call("e-load", "kms:Decrypt", "k"), False),
    ],
)
def test_a_call_needs_what_covers_it(call: Call, is_covered: bool) -> None:
    assert any(grant.covers(call) for grant in GRANTS) is is_covered


def test_what_is_granted_twice_is_not_missed_once() -> None:
    call = Call("e-load", "s3:GetObject", "arn:aws:s3:::b/a/x")
    mutant = Mutant("e-load", "Read", "s3:GetObject")
    again = Grant("e-load", "Again", "s3:*", "*")
    assert needed_by(mutant, GRANTS, [call]) == [call]
    assert needed_by(mutant, [*GRANTS, again], [call]) == []
    refused = Call("e-load", "s3:GetObject", "arn:aws:s3:::b/a/x", decision="Deny")
    assert needed_by(mutant, GRANTS, [refused]) == []


def test_only_the_calls_of_roles_are_read_and_each_once() -> None:
    line = {"role": "r", "action": "a:B", "resource": "x", "context": {}, "decision": "Allow"}
    text = "\n".join(json.dumps(each) for each in (line, line | {"role": ""}, line))
    assert read_calls(text) == [Call("r", "a:B", "x")]


def test_a_policy_is_the_same_in_another_cloud_and_no_other() -> None:
    def policy(key: str, secret: str, action: str = "kms:Decrypt") -> dict[str, object]:
        return {"Statement": [{"Action": action, "Resource": [f"key/{key}", f"secret:admin-{secret}"]}]}

    one = policy("91cf6c54-983a-4ae9-a5b7-55df726aef0b", "7c5c04")
    other = policy("be3f7d46-ab46-4129-b7fc-270beefae85c", "ab12cd")
    assert signature(one) == signature(other)
    assert signature(one) != signature(policy("91cf6c54-983a-4ae9-a5b7-55df726aef0b", "7c5c04", "kms:*"))
