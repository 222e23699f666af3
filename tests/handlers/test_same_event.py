"""Several alarms that see one event name each other: nobody takes them for several things."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from handlers.blocks.alert import alert_message
from handlers.jobs.alert_same import same_as
from handlers.samples import ALERT, EVENTS
from trailwatch.errors import SlackError
from trailwatch.store import alerts
from trailwatch.store.tables import message

NUMBERS = itertools.count(1)


def seen_by(house: Any, detection: str, title: str, severity: str, **more: Any) -> str:
    """An alert of a detection's alarm, as its webhook makes it; its id."""
    ident = f"same{next(NUMBERS)}"
    house.fire(ident, detection, title=title, severity=severity, **more)
    return ident


def policy_is_deleted(house: Any, until: Callable[..., Any]) -> None:
    """Somebody changes a bucket's policy, which two alarms of the pack see."""
    house.set_up("cis")
    house.client("s3").delete_bucket_policy(Bucket="trailwatch-123456789012-us-east-1")
    until(lambda: _delivered(house))


def _delivered(house: Any) -> bool:
    found = house.client("logs").filter_log_events(logGroupName="/trailwatch/cloudtrail")
    names = [json.loads(one["message"])["eventName"] for one in found["events"]]
    return "DeleteBucketPolicy" in names


def shown(house: Any, ident: str) -> str:
    return json.dumps(house.messages(f"alert:{ident}")[0]["blocks"], ensure_ascii=False)


def posted(house: Any, ident: str, ts: str) -> None:
    chosen = update(message).where(message.c.key == f"alert:{ident}")
    with house.deps.db.transaction() as tx:
        tx.execute(chosen.values(channel="C0ALERTS", ts=ts))


def go_on(house: Any) -> None:
    house.pass_time(seconds=3)
    house.work()


def test_each_names_the_others_and_links_them(house: Any, until: Callable[..., Any]) -> None:
    policy_is_deleted(house, until)
    links: dict[str, str] = {}

    def permalink(channel: str, ts: str) -> str:
        if ts not in links:
            raise SlackError("Nothing there.", code="message_not_found")
        return links[ts]

    house.deps = replace(house.deps, permalink=permalink)
    one = seen_by(house, "s3-bucket-policy-changes", "Bucket policy changed", "P3")
    two = seen_by(house, "trail-bucket-changed", "The trail’s bucket changed", "P1")
    for ident in (one, two):
        assert "DeleteBucketPolicy" in shown(house, ident)
    go_on(house)
    assert ":link: Also seen by: P1 The trail’s bucket changed" in shown(house, one)
    assert ":link: Also seen by: P3 Bucket policy changed" in shown(house, two)
    assert (
        "Also seen by: P1 The trail’s bucket changed." in house.messages(f"alert:{one}")[0]["text"]
    )
    # Once the messages stand in Slack they are linked.
    for number, ident in enumerate((one, two)):
        posted(house, ident, f"{number}.1")
        links[f"{number}.1"] = f"https://example.slack.com/p{number}"
    for _ in range(3):
        house.pass_time(minutes=1)
        house.work()
    assert "<https://example.slack.com/p1|P1 The trail’s bucket changed>" in shown(house, one)
    assert "<https://example.slack.com/p0|P3 Bucket policy changed>" in shown(house, two)
    with house.deps.db.reading() as tx:
        found = alerts.get(tx, one)
        assert found is not None
        assert [other.id for other in same_as(tx, found)] == [two]


@pytest.mark.parametrize(
    "changes",
    [
        {"alias": "a1"},
        {"site": "stage"},
        {"events": (replace(EVENTS[1], id="another"),)},
        {"events": ()},
        {"first_seen": ALERT.first_seen + timedelta(hours=1)},
    ],
    ids=["the same alarm", "another site", "other events", "no events", "another hour"],
)
def test_others_are_not_named(house: Any, changes: dict[str, Any]) -> None:
    number = next(NUMBERS)
    day = ALERT.first_seen + timedelta(days=number)
    mine = replace(
        ALERT, id=f"m{number}", alias="a1", events=EVENTS[:1], site="main", first_seen=day
    )
    if "first_seen" in changes:
        changes = {"first_seen": day + timedelta(hours=1)}
    other = replace(mine, id=f"o{number}", router_id=f"o{number}", **{"alias": "a2", **changes})
    with house.deps.db.transaction() as tx:
        alerts.save(tx, replace(mine, router_id=f"m{number}"))
        alerts.save(tx, other)
        assert same_as(tx, mine) == []
        alerts.save(tx, replace(mine, id=f"s{number}", router_id=f"s{number}", alias="a3"))
        assert [one.id for one in same_as(tx, mine)] == [f"s{number}"]


def test_many_are_counted() -> None:
    titles = "\n".join(f"P2 Alarm {number}" for number in range(1, 9))
    alert = replace(ALERT, extra={"same_titles": titles, "same_urls": "https://example.com/1"})
    made = alert_message(alert, ALERT.first_seen)
    assert "Alarm 5 and 3 more alarms" in made.text and "Alarm 6" not in made.text
    assert "<https://example.com/1|P2 Alarm 1>" in json.dumps(made.blocks)
