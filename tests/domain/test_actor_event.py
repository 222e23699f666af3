from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailwatch.actor import actor_of
from trailwatch.event import BadRecord, event_of, parse_event

ROLE = {"sessionIssuer": {"userName": "deploy"}}
SSO = {"sessionIssuer": {"userName": "AWSReservedSSO_AdministratorAccess_0123456789abcdef"}}

IAM = "arn:aws:iam::123456789012"
NAMED_SSO = SSO["sessionIssuer"]["userName"]


def issued(path: str) -> dict[str, Any]:
    return {"sessionIssuer": {"userName": NAMED_SSO, "arn": f"{IAM}:role/{path}{NAMED_SSO}"}}


@pytest.mark.parametrize(
    ("identity", "name", "via", "sure"),
    [
        ({"type": "Root"}, "root", "", True),
        ({"type": "IAMUser", "userName": "jane"}, "jane", "", True),
        ({"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/jane"}, "jane", "", True),
        (
            {"type": "AssumedRole", "sessionContext": SSO,
             "arn": "arn:aws:sts::123456789012:assumed-role/x/jane@example.com"},
            "jane@example.com", "SSO AdministratorAccess", True,
        ),
        (
            {"type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/x/jane",
             "sessionContext": issued("aws-reserved/sso.amazonaws.com/eu-west-1/")},
            "jane", "SSO AdministratorAccess", True,
        ),
        (  # a role that anybody made who may make roles
            {"type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/x/jane",
             "sessionContext": issued("")},
            "jane", f"role {NAMED_SSO}", False,
        ),
        (  # GetFederationToken: the name is the user's choice
            {"type": "FederatedUser",
             "arn": "arn:aws:sts::123456789012:federated-user/jane",
             "sessionContext": {"sessionIssuer": {
                 "type": "IAMUser", "userName": "mallory", "arn": f"{IAM}:user/mallory"}}},
            "mallory", "federated user jane", True,
        ),
        (
            {"type": "FederatedUser", "arn": "arn:aws:sts::123456789012:federated-user/jane"},
            "jane", "", False,
        ),
        (
            {"type": "AssumedRole", "sessionContext": ROLE,
             "arn": "arn:aws:sts::123456789012:assumed-role/deploy/ci-42"},
            "ci-42", "role deploy", False,
        ),
        (
            {"type": "AssumedRole", "principalId": "AROAEXAMPLE:ci-42", "sessionContext": ROLE},
            "ci-42", "role deploy", False,
        ),
        (
            {"type": "AssumedRole", "sessionContext": {**ROLE, "sourceIdentity": "jane"},
             "arn": "arn:aws:sts::123456789012:assumed-role/deploy/ci-42"},
            "jane", "role deploy", True,
        ),
        ({"type": "AWSService", "invokedBy": "config.amazonaws.com"}, "config.amazonaws.com", "",
         True),
        ({"type": "AWSAccount", "accountId": "111122223333"}, "account 111122223333", "", True),
        ({"type": "IdentityCenterUser", "onBehalfOf": {"userId": "a1b2"}}, "a1b2", "", True),
        ({"type": "IdentityCenterUser", "userName": "jane", "onBehalfOf": {"userId": "a1b2"}},
         "jane", "", True),
        ({}, "unknown", "", True),
    ],
)  # fmt: skip
def test_who_is_behind_a_record(identity: dict[str, Any], name: str, via: str, sure: bool) -> None:
    actor = actor_of({"userIdentity": identity})
    assert (actor.name, actor.via, actor.sure) == (name, via, sure)


def record(**fields: Any) -> dict[str, Any]:
    return {"eventTime": "2026-11-23T09:00:00Z", "eventName": "CreateUser", **fields}


def test_an_event() -> None:
    event = event_of(
        record(
            eventID="e-1",
            eventSource="iam.amazonaws.com",
            awsRegion="us-east-1",
            recipientAccountId="123456789012",
            sourceIPAddress="203.0.113.9",
            errorCode="AccessDenied",
            readOnly="true",
        )
    )
    assert (event.id, event.account, event.result) == ("e-1", "123456789012", "AccessDenied")
    assert event.read_only


def test_a_failed_sign_in_has_no_error_code_and_shows_all_the_same() -> None:
    login = record(eventName="ConsoleLogin", responseElements={"ConsoleLogin": "Failure"})
    assert event_of(login).result == "Failure"


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{}", '{"eventName": "x"}', '{"eventTime": "soon"}', "[" * 100_000]
)
def test_what_is_no_record_says_why(text: str) -> None:
    with pytest.raises(BadRecord) as caught:
        parse_event(text)
    assert str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.sampled_from(
    ["userIdentity", "responseElements", "sourceIPAddress", "eventID", "errorCode", "readOnly"]),
    JSON))  # fmt: skip
def test_any_types_are_survived(fields: dict[str, Any]) -> None:
    event = event_of(record(**fields))
    assert isinstance(event.actor, str)
    assert isinstance(event.error_code, str)


def test_every_real_record_is_an_event(shared: Path) -> None:
    for name in ("invictus-ir_aws_dataset", "datadog_stratus-red-team"):
        lines = gzip.decompress((shared / "data" / f"{name}.jsonl.gz").read_bytes()).splitlines()
        actors = [event_of(json.loads(line)).actor for line in lines]
        assert len(actors) == len(lines)
        assert actors.count("unknown") < len(actors) / 50
