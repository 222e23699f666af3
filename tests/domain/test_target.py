from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailwatch.detections import load_catalogue
from trailwatch.event import event_of
from trailwatch.target import LONGEST, target_of

OWN = "123456789012"


def record(asked: Any, given: Any = None, **more: Any) -> dict[str, Any]:
    parameters = {"requestParameters": asked, "responseElements": given}
    return {"eventName": "X", "recipientAccountId": OWN, **parameters, **more}


@pytest.mark.parametrize(
    ("asked", "given", "target"),
    [
        ({"userName": "eve"}, None, "eve"),
        (
            {"userName": "eve", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
            None,
            "eve: AdministratorAccess",
        ),
        (None, {"accessKey": {"accessKeyId": "AKIA0", "userName": "eve"}}, "eve: AKIA0"),
        ({"bucketName": "data", "key": "2026/report.csv"}, None, "data/2026/report.csv"),
        ({"name": f"arn:aws:cloudtrail:eu-west-1:{OWN}:trail/main"}, None, "main"),
        (
            {"roleArn": "arn:aws:iam::111122223333:role/x"},
            None,
            "arn:aws:iam::111122223333:role/x",
        ),
        (
            {"secretId": f"arn:aws:secretsmanager:eu-west-1:{OWN}:secret:shop/key-AbCdEf"},
            None,
            "shop/key-AbCdEf",
        ),
        (
            {"groupId": "sg-0a", "ipPermissions": {"items": [
                {"ipProtocol": "tcp", "fromPort": 22, "toPort": 23,
                 "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]}},
            None,
            "sg-0a: tcp 22-23 from 0.0.0.0/0",
        ),
        (
            {"groupId": "sg-0a", "ipProtocol": "-1", "cidrIp": "0.0.0.0/0"},
            None,
            "sg-0a: all ports from 0.0.0.0/0",
        ),
        (
            {"snapshotId": "snap-0a", "createVolumePermission": {
                "add": {"items": [{"group": "all"}, {"userId": "111122223333"}]}}},
            None,
            "snap-0a: all, 111122223333",
        ),
        (
            {"instanceType": "p5.48xlarge", "instancesSet": {"items": [{"imageId": "ami-0a"}]}},
            {"instancesSet": {"items": [{"instanceId": f"i-{n}"} for n in range(5)]}},
            "i-0, i-1, i-2 and 2 more: p5.48xlarge",
        ),
        ({"cidrBlock": "10.0.0.0/16"}, {"vpc": {"vpcId": "vpc-0a"}}, "vpc-0a: 10.0.0.0/16"),
        ({"DeleteFlowLogsRequest": {"FlowLogId": {"tag": 1, "content": "fl-0a"}}}, None, "fl-0a"),
        ({"widgetName": "w", "clientRequestToken": "t"}, None, "w"),
        ({"clientRequestToken": "t"}, None, ""),
        ({"userName": "HIDDEN_DUE_TO_SECURITY_REASONS"}, None, ""),
        (None, None, ""),
    ],
)  # fmt: skip
def test_what_a_call_was_made_on(asked: Any, given: Any, target: str) -> None:
    assert target_of(record(asked, given)) == target


def test_where_nothing_else_names_it_the_record_s_resources_do() -> None:
    arn = f"arn:aws:kms:eu-west-1:{OWN}:key/11111111-2222-4333-8444-555555555555"
    assert target_of(record(None, resources=[{"ARN": arn}])) == arn.rpartition("/")[2]


NOTHING_NAMED = {
    # Of the whole account, or of whoever calls.
    "BatchGetSecretValue", "ConsoleLogin", "CreateAccessKey",
    "DisableEbsEncryptionByDefault", "DisableMacie",
    "DisableSecurityHub", "DisableSnapshotBlockPublicAccess", "EnableSerialConsoleAccess",
    "GetCallerIdentity", "LeaveOrganization", "ListTables", "ListUsers", "PutAccountDetails",
    "PutAccountPublicAccessBlock", "PutUseCaseForModelAccess", "SwitchRole",
    "PasswordRecoveryRequested", "UpdateAccountPasswordPolicy", "DescribeInstances",
}  # fmt: skip


def test_all_that_the_catalogue_s_detections_match_says_what_was_touched() -> None:
    examples = [
        one
        for detection in load_catalogue().detections.values()
        for one in detection.examples.matches
    ]
    without = {str(one["eventName"]) for one in examples if not target_of(one)}

    assert len(examples) > 90
    assert without <= NOTHING_NAMED


def test_changes_in_real_records_say_what_was_touched(shared: Path) -> None:
    path = shared / "data" / "invictus-ir_aws_dataset.jsonl.gz"
    with gzip.open(path, "rt") as file:
        lines = file.read().splitlines()
    changes = [one for one in map(json.loads, lines) if one.get("readOnly") is False]
    named = [one for one in changes if target_of(one)]
    missing = {one["eventName"] for one in changes} - {one["eventName"] for one in named}

    assert len(named) > 100
    assert missing <= {
        *NOTHING_NAMED,
        "DeleteParameter",
        "StartSecretVersionDelete",
        "EndSecretVersionDelete",
        "SharedSnapshotVolumeCreated",
        "CheckMfa",
    }


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(
                [
                    "userName",
                    "ipPermissions",
                    "items",
                    "instancesSet",
                    "launchPermission",
                    "add",
                    "ipRanges",
                    "arn",
                    "content",
                    "XRequest",
                    "policyArn",
                    "fromPort",
                ]
            )
            | st.text(),
            inner,
        )
    ),
)


@given(ANY, ANY, ANY)
def test_no_record_breaks_it_and_none_makes_it_long(asked: Any, given: Any, more: Any) -> None:
    found = target_of(record(asked, given, resources=more))
    assert isinstance(found, str)
    assert len(found) <= LONGEST


def test_an_event_has_its_target() -> None:
    found = event_of({**record({"userName": "x" * 100_000}), "eventTime": "2026-11-23T10:00:00Z"})
    assert found.target.startswith("xxx")
    assert len(found.target) <= LONGEST
