"""`trailwatch permissions`: two documents, of one account, without needless wildcards."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

ACCOUNT = "111122223333"
# These actions know no resources (Service Authorization Reference).
WITHOUT_RESOURCE = {
    "cloudtrail:DescribeTrails",
    "cloudtrail:LookupEvents",
    "cloudwatch:GetMetricStatistics",
    "cloudwatch:ListAlarmMuteRules",
    "logs:DescribeLogGroups",
    "s3:ListAllMyBuckets",
    "sns:GetSubscriptionAttributes",
    "sns:ListTopics",
    "sns:SetSubscriptionAttributes",
    "sns:Unsubscribe",
}


@pytest.fixture
def documents(trailwatch: Callable[..., Any]) -> Mapping[str, Any]:
    done = trailwatch("permissions", "--account", ACCOUNT, env={"AWS_REGION": "eu-west-1"})
    assert done.returncode == 0, done.stderr
    found: Mapping[str, Any] = json.loads(done.stdout)
    return found


def statements(document: Mapping[str, Any]) -> Iterator[tuple[list[str], list[str]]]:
    assert document["Version"] == "2012-10-17"
    for statement in document["Statement"]:
        assert statement["Effect"] == "Allow"
        resource = statement["Resource"]
        yield statement["Action"], [resource] if isinstance(resource, str) else resource


def test_there_are_two_documents(documents: Mapping[str, Any]) -> None:
    assert set(documents) == {"setup", "run"}


def test_running_only_searches_and_assumes_the_setup_role(documents: Mapping[str, Any]) -> None:
    actions = {a for found, _ in statements(documents["run"]) for a in found}
    writing = {
        a for a in actions if not re.match(r"[a-z0-9]+:(Get|List|Describe|Filter|Lookup)", a)
    }
    assert writing <= {"sts:AssumeRole"}
    assert "logs:FilterLogEvents" in actions


@pytest.mark.parametrize("which", ["setup", "run"])
def test_everything_is_of_the_account_and_region(documents: Mapping[str, Any], which: str) -> None:
    for actions, resources in statements(documents[which]):
        assert not [action for action in actions if "*" in action]
        if resources == ["*"]:
            assert set(actions) <= WITHOUT_RESOURCE
            continue
        for arn in resources:
            _, _, service, region, account, name = arn.split(":", 5)
            assert account == ACCOUNT or (service == "s3" and ACCOUNT in name)
            assert region in ("eu-west-1", "") or service == "cloudtrail"


def test_a_role_is_passed_to_cloudtrail_only(documents: Mapping[str, Any]) -> None:
    (passing,) = (s for s in documents["setup"]["Statement"] if "iam:PassRole" in s["Action"])
    condition = {"StringEquals": {"iam:PassedToService": "cloudtrail.amazonaws.com"}}
    assert passing["Condition"] == condition
    assert passing["Action"] == ["iam:PassRole"]


def test_the_role_that_is_assumed_is_the_one_that_is_set(trailwatch: Callable[..., Any]) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/tools/builder"
    done = trailwatch(
        "permissions", "run", "--account", ACCOUNT, env={"TRAILWATCH_SETUP_ROLE_ARN": arn}
    )
    assumed = {tuple(a): r for a, r in statements(json.loads(done.stdout))}
    assert assumed["sts:AssumeRole",] == [arn]


def test_a_document_of_its_own(trailwatch: Callable[..., Any]) -> None:
    for which in ("setup", "run"):
        done = trailwatch("permissions", which)
        assert json.loads(done.stdout)["Version"] == "2012-10-17"


def test_a_document_is_small_enough_for_aws(documents: Mapping[str, Any]) -> None:
    """A managed policy has at most 6,144 characters without white space (IAM quotas)."""
    for document in documents.values():
        assert len(json.dumps(document, separators=(",", ":"))) <= 6144


SITES = """
[sites.stage]
region = "eu-central-1"
role_arn = "arn:aws:iam::444455556666:role/trailwatch-run"
external_id = "reads"
setup_role_arn = "arn:aws:iam::444455556666:role/trailwatch-setup"
setup_external_id = "builds"
"""


def test_the_bot_may_assume_every_sites_roles_and_these_assume_none(
    trailwatch: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "trailwatch.toml").write_text(SITES)
    own = json.loads(trailwatch("permissions", "run", "--account", ACCOUNT).stdout)
    assumed = {
        arn for actions, arns in statements(own) if "sts:AssumeRole" in actions for arn in arns
    }
    assert assumed == {
        f"arn:aws:iam::{ACCOUNT}:role/trailwatch-setup",
        "arn:aws:iam::444455556666:role/trailwatch-run",
        "arn:aws:iam::444455556666:role/trailwatch-setup",
    }
    other = json.loads(trailwatch("permissions", "run", "--site", "stage").stdout)
    assert not [a for found, _ in statements(other) for a in found if a.startswith("sts:")]
    assert ":eu-central-1:444455556666:log-group:" in json.dumps(other)


def test_the_trust_policies_of_a_sites_roles(
    trailwatch: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "trailwatch.toml").write_text(SITES)
    bot = f"arn:aws:iam::{ACCOUNT}:role/bot"
    done = trailwatch("permissions", "trust", "--site", "stage", "--principal", bot)
    found = json.loads(done.stdout)
    ids = {
        name: document["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"]
        for name, document in found.items()
    }
    assert ids == {"run": "reads", "setup": "builds"}
    assert {d["Statement"][0]["Principal"]["AWS"] for d in found.values()} == {bot}
    assert trailwatch("permissions", "trust").returncode == 2
    assert trailwatch("permissions", "run", "--site", "stag").returncode == 2
