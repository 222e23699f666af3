"""setup import and its button, setup export and its file, --adopt and --touch as they are typed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
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


@pytest.fixture
def moved(corp: Any) -> Iterator[Any]:
    """The same, where what stands differs from the settings: other days of retention."""
    logs, name = corp.client("logs"), corp.deps.sites.config().log_group
    logs.create_log_group(logGroupName=name)
    logs.put_retention_policy(logGroupName=name, retentionInDays=400)
    yield corp
    logs.delete_log_group(logGroupName=name)
    corp._ahead = timedelta(0)


@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [
        (lambda house: house.pass_time(minutes=61), "more than an hour ago"),
        (look, "looked anew"),
        (lambda house: remember(house, pack="cis"), "changed since"),
    ],
)
def test_what_was_found_holds_for_a_while(
    moved: Any, meanwhile: Callable[[Any], object], why: str
) -> None:
    value = look(moved)
    meanwhile(moved)
    with pytest.raises(StalePlan, match=why):
        moved.click("import.write", value)
    assert moved.deps.sites.config().retention_days == 365


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


def test_what_is_touched_is_agreed_to_for_one_plan(corp: Any) -> None:
    shown: list[str] = []
    for touch in ("", "--touch trail"):
        corp.command(f"setup plan --adopt trail=corp {touch}")
        plans = [one for one in corp.messages("plan:") if one["text"].startswith("Setup plan")]
        shown.append(json.dumps(plans[-1], ensure_ascii=False))
    theirs = "Changes a thing that is not ours"
    assert "Left as it is without --touch trail" in shown[0] and theirs not in shown[0]
    assert theirs in shown[1] and "It changes what is not ours: trail corp." in shown[1]
    plan = json.loads(shown[1])["key"].removeprefix("plan:")
    corp.command(f"setup apply {plan}")
    assert "1 changed" in corp.messages(f"plan:{plan}")[0]["text"]
    (trail,) = corp.client("cloudtrail").describe_trails()["trailList"]
    config = corp.deps.sites.config()
    assert trail["CloudWatchLogsLogGroupArn"] == config.site.log_group_arn(config.log_group)
    assert trail["S3BucketName"] == "corp-logs"
    assert config.adopted["trail"] == "corp" and config.touch == ()


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
