"""setup import and its button, setup export and its file, --adopt and --touch as they are typed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from trailwatch.errors import NotAllowed, NotFound, SlackError, StalePlan, UsageError
from trailwatch.store.tables import audit

VIEWER = "U0CAROL"
TRUST = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}}


@pytest.fixture(scope="module")
def corp(whole_house: Any) -> Any:
    """A bot beside an account with a trail of others."""
    house = whole_house
    house.client("s3").create_bucket(Bucket="corp-logs")
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                **TRUST,
                "Action": ["s3:GetBucketAcl", "s3:PutObject"],
                "Resource": ["arn:aws:s3:::corp-logs", "arn:aws:s3:::corp-logs/*"],
            }
        ],
    }
    house.client("s3").put_bucket_policy(Bucket="corp-logs", Policy=json.dumps(policy))
    house.client("cloudtrail").create_trail(
        Name="corp", S3BucketName="corp-logs", IsMultiRegionTrail=True
    )
    house.client("cloudtrail").start_logging(Name="corp")
    return house


@pytest.fixture
def files(corp: Any) -> Iterator[list[tuple[str, ...]]]:
    """What was put into channels as files."""
    kept, found = corp.deps, []
    corp.deps = replace(kept, upload=lambda *parts: found.append(parts))
    yield found
    corp.deps = kept


def look(house: Any) -> str:
    """Type the command; what the button of its message carries."""
    house.command("setup import")
    return str(house.messages("import:")[-1]["key"]).removeprefix("import:")


def text_of(house: Any, value: str) -> str:
    return json.dumps(house.messages(f"import:{value}")[0], ensure_ascii=False)


def entries(house: Any, action: str) -> list[Any]:
    with house.deps.db.reading() as tx:
        return list(tx.execute(select(audit).where(audit.c.action == action)).all())


def test_what_is_found_is_written_once(corp: Any) -> None:
    value = look(corp)
    assert "feeds no log group; its files cannot be validated" in text_of(corp, value)
    assert corp.deps.sites.config().adopted == {}, "nothing is written before the button"
    with pytest.raises(NotAllowed):
        corp.click("import.write", value, user=VIEWER)
    corp.click("import.write", value)
    assert corp.deps.sites.config().adopted == {"trail": "corp", "bucket": "corp-logs"}
    assert "Written to the settings" in text_of(corp, value)
    assert "import.write" not in text_of(corp, value)
    with pytest.raises(StalePlan, match="written already"):
        corp.click("import.write", value)
    written = [row for row in entries(corp, "setup.import") if row.outcome == "written"]
    assert [(row.actor_name, row.detail["trail"]) for row in written] == [("alice", "corp")]
    again = look(corp)
    assert "The settings say so already" in text_of(corp, again)
    assert "import.write" not in text_of(corp, again)


def put_days(house: Any, days: int) -> None:
    """Let what stands differ from the settings."""
    logs = house.client("logs")
    name = house.deps.sites.config().log_group
    if not logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]:
        logs.create_log_group(logGroupName=name)
    logs.put_retention_policy(logGroupName=name, retentionInDays=days)


@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [
        (lambda house: house.pass_time(minutes=61), "more than an hour ago"),
        (look, "looked anew"),
        (lambda house: remember(house, pack="cis"), "changed since"),
    ],
)
def test_what_was_found_holds_for_a_while(
    corp: Any, meanwhile: Callable[[Any], object], why: str
) -> None:
    put_days(corp, 400)
    value = look(corp)
    meanwhile(corp)
    with pytest.raises(StalePlan, match=why):
        corp.click("import.write", value)
    assert corp.deps.sites.config().retention_days == 365


def remember(house: Any, **changes: Any) -> None:
    config = replace(house.deps.sites.config(), **changes)
    with house.deps.db.transaction() as tx:
        house.deps.sites.remember(tx, config, "U1", house.deps.clock())


def test_wrong_words_are_answered_at_once(corp: Any) -> None:
    for text, error in (
        ("setup plan --adopt alarm=x", UsageError),
        ("setup plan --touch alarm", UsageError),
        ("setup export --format yaml", NotFound),
    ):
        with pytest.raises(error):
            corp.command(text)


def test_the_pipeline_comes_as_a_file(corp: Any, files: list[tuple[str, ...]]) -> None:
    corp.command("setup export --format terraform")
    ((channel, name, text, comment),) = files
    assert (channel, name) == ("C0ALERTS", "trailwatch.tf.json")
    assert "aws_cloudwatch_metric_alarm" in json.loads(text)["resource"]
    assert "asked by alice" in comment
    assert "• Not in this file" in comment


def test_a_file_that_slack_refuses_is_told(corp: Any, files: list[tuple[str, ...]]) -> None:
    def refuse(*parts: str) -> None:
        raise SlackError("Slack refused it: missing_scope.", code="missing_scope")

    corp.deps = replace(corp.deps, upload=refuse)
    corp.command("setup export")
    assert "missing_scope" in corp.told()[-1]["text"]
