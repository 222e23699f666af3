"""What is ours laid over what is theirs: added and widened, never narrowed; whose a thing is."""

from __future__ import annotations

from typing import Any

import pytest

from setup.adopt_merge import (
    NOBODY,
    covers,
    longest,
    merged_policy,
    owner_of,
    records_all,
    signed,
    widened,
    without_ours,
)

ACCOUNT = "123456789012"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:corp"
OURS = {
    "Sid": "OnlyOurAlarms",
    "Effect": "Allow",
    "Principal": {"Service": "cloudwatch.amazonaws.com"},
    "Action": "sns:Publish",
    "Resource": TOPIC,
    "Condition": {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:trailwatch-*"},
    },
}
DEFAULT = {
    "Sid": "__default_statement_ID",
    "Effect": "Allow",
    "Principal": {"AWS": "*"},
    "Action": ["SNS:GetTopicAttributes", "SNS:Publish"],
    "Resource": TOPIC,
    "Condition": {"StringEquals": {"AWS:SourceOwner": ACCOUNT}},
}
"""What SNS gives a new topic. Source: Default access policy of a topic, SNS developer guide."""
WHOLE = {
    "ReadWriteType": "All",
    "IncludeManagementEvents": True,
    "ExcludeManagementEventSources": [],
    "DataResources": [],
}
DATA = {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Id": "theirs", "Statement": list(statements)}


SIGNED = signed(policy(OURS), "main")


@pytest.mark.parametrize(
    ("theirs", "serves"),
    [
        (DEFAULT, True),
        ({**OURS, "Sid": "Theirs"}, True),
        ({**OURS, "Action": "sns:*", "Resource": "*", "Condition": {}}, True),
        ({**OURS, "Effect": "Deny"}, False),
        ({**OURS, "Principal": {"Service": "events.amazonaws.com"}}, False),
        ({**OURS, "Resource": f"{TOPIC}-other"}, False),
        ({**DEFAULT, "Action": "SNS:Subscribe"}, False),
        ({**DEFAULT, "Condition": {"StringEquals": {"AWS:SourceOwner": "111122223333"}}}, False),
        ({**DEFAULT, "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}, False),
        ({**DEFAULT, "Condition": {"StringNotEquals": {"AWS:SourceOwner": ACCOUNT}}}, False),
        ({**OURS, "NotResource": TOPIC}, False),
    ],
)
def test_a_statement_of_theirs_serves_where_ours_would(
    theirs: dict[str, Any], serves: bool
) -> None:
    assert covers(theirs, OURS) is serves
    made = merged_policy(SIGNED, policy(theirs))
    assert made["Statement"][0] == theirs
    assert len(made["Statement"]) == (1 if serves else 2)
    assert merged_policy(SIGNED, made) == made
    assert without_ours(SIGNED, made) == policy(theirs)


def test_a_statement_of_ours_is_brought_up_to_date() -> None:
    old = {**OURS, "Sid": "TrailwatchMainOnlyOurAlarms", "Resource": "old"}
    other = {**OURS, "Sid": "Theirs", "Action": "sns:Subscribe"}
    made = merged_policy(SIGNED, policy(old, other))
    assert made["Statement"] == [{**OURS, "Sid": "TrailwatchMainOnlyOurAlarms"}, other]
    assert without_ours(SIGNED, policy(old)) == {}


def test_two_sites_do_not_take_each_others_statements() -> None:
    elsewhere = {**OURS, "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}}
    second = signed(policy(elsewhere), "main-2")
    both = merged_policy(second, merged_policy(SIGNED, policy()))
    sids = [one["Sid"] for one in both["Statement"]]
    assert sids == ["TrailwatchMainOnlyOurAlarms", "TrailwatchMain2OnlyOurAlarms"]
    assert without_ours(SIGNED, both)["Statement"] == second["Statement"]


@pytest.mark.parametrize(
    ("seen", "becomes"),
    [
        ([WHOLE], [WHOLE]),
        ([], []),
        ([{**WHOLE, "ReadWriteType": "WriteOnly"}], [WHOLE]),
        (
            [{**WHOLE, "ReadWriteType": "WriteOnly", "DataResources": [DATA]}],
            [{**WHOLE, "ReadWriteType": "WriteOnly", "DataResources": [DATA]}, WHOLE],
        ),
        (
            [{**WHOLE, "ExcludeManagementEventSources": ["kms.amazonaws.com"]}],
            [WHOLE],
        ),
        (
            [{**WHOLE, "IncludeManagementEvents": False, "DataResources": [DATA]}] * 5,
            [
                {**WHOLE, "DataResources": [DATA]},
                *[{**WHOLE, "IncludeManagementEvents": False, "DataResources": [DATA]}] * 4,
            ],
        ),
    ],
)
def test_selectors_are_widened_and_keep_their_data_events(
    seen: list[dict[str, Any]], becomes: list[dict[str, Any]]
) -> None:
    made = widened([WHOLE], seen)
    assert made == becomes
    assert widened([WHOLE], made) == made
    assert records_all(made)


def test_what_ours_leaves_out_theirs_may_leave_out_too() -> None:
    without = {**WHOLE, "ExcludeManagementEventSources": ["kms.amazonaws.com"]}
    assert widened([without], [without]) == [without]
    assert widened([without], [WHOLE]) == [WHOLE]
    reads = {**without, "ReadWriteType": "ReadOnly"}
    assert widened([without], [reads]) == [without]


def advanced(*tests: dict[str, Any]) -> dict[str, Any]:
    return {"Name": "theirs", "FieldSelectors": list(tests)}


MANAGEMENT = {"Field": "eventCategory", "Equals": ["Management"]}


def test_advanced_selectors_get_one_more() -> None:
    data = advanced({"Field": "eventCategory", "Equals": ["Data"]})
    writes = advanced(MANAGEMENT, {"Field": "readOnly", "Equals": ["false"]})
    no_kms = advanced(MANAGEMENT, {"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]})
    ours = {"Name": "trailwatch management", "FieldSelectors": [MANAGEMENT]}
    assert widened([WHOLE], [data, writes]) == [data, writes, ours]
    assert widened([WHOLE], [no_kms]) == [no_kms, ours]
    excluding = {**WHOLE, "ExcludeManagementEventSources": ["kms.amazonaws.com"]}
    assert widened([excluding], [no_kms]) == [no_kms]
    assert widened([WHOLE], [advanced(MANAGEMENT)]) == [advanced(MANAGEMENT)]


@pytest.mark.parametrize(
    ("tags", "owner"),
    [
        (
            {"aws:cloudformation:stack-name": "landing-zone"},
            "the CloudFormation stack landing-zone",
        ),
        ({"ManagedBy": "Terraform"}, "Terraform (tag ManagedBy=Terraform)"),
        ({"terraform": "true"}, "Terraform (tag terraform=true)"),
        ({"terraform": "false"}, NOBODY),
        ({"provisioner": "opentofu 1.8"}, "OpenTofu (tag provisioner=opentofu 1.8)"),
        ({"trailwatch:site": "eu"}, "the site eu of trailwatch"),
        ({"Owner": "platform@example.com"}, "platform@example.com (tag Owner)"),
        ({"cost-center": "12"}, NOBODY),
        ({}, NOBODY),
    ],
)
def test_who_a_thing_belongs_to(tags: dict[str, str], owner: str) -> None:
    assert owner_of(tags) == owner


def test_retention_is_the_longer_one() -> None:
    assert longest(365, 0) == 0
    assert longest(365, 30) == 365
    assert longest(365, 731) == 731
