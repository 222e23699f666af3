"""Only an apply's own calls count as its own: whoever uses its name or its time is strange."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from setup.own import Deed, Made, claims, session_of, sort_out
from trailwatch.event import Event, parse_event
from trailwatch.site import Site, SiteConfig

CONFIG = SiteConfig(Site("main", "123456789012", "us-east-1"))
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY = "ASIAEXAMPLEOURS00001"
MADE = Made("k3v9", "Ana", "trail:trailwatch", KEY, NOW, NOW + timedelta(seconds=20))
ROLE = "arn:aws:sts::123456789012:assumed-role/trailwatch-setup/"


def event(session: str = "trailwatch-plan-k3v9", key: str = KEY, **changes: Any) -> Event:
    identity = {"type": "AssumedRole", "arn": ROLE + session, "accessKeyId": key}
    record = {
        "eventID": "e1",
        "eventTime": "2026-03-01T12:00:10Z",
        "eventName": "UpdateTrail",
        "eventSource": "cloudtrail.amazonaws.com",
        "userIdentity": identity,
        "requestParameters": {"name": "trailwatch"},
        **changes,
    }
    return parse_event(json.dumps(record))


def test_a_call_of_the_apply_is_ours() -> None:
    found = sort_out([event()], [MADE], CONFIG)
    assert len(found.ours) == 1 and found.strange == ()
    assert found.plans == (("k3v9", "Ana"),)
    assert session_of("k3v9") == "trailwatch-plan-k3v9"


STRANGE: dict[str, Event] = {
    "the same session's name with another key": event(key="ASIAEXAMPLEMALLORY01"),
    "our key in another session": event(session="somebody"),
    "another plan's session": event(session="trailwatch-plan-zzzz"),
    "no key at all": event(userIdentity={"type": "AWSService", "invokedBy": "x"}),
    "another resource": event(requestParameters={"name": "another-trail"}),
    "another event": event(eventName="ConsoleLogin"),
    "before the apply": event(eventTime="2026-03-01T11:50:00Z"),
    "after the apply": event(eventTime="2026-03-01T12:10:00Z"),
    "a user of the session's name": event(
        userIdentity={"type": "IAMUser", "userName": "trailwatch-plan-k3v9", "accessKeyId": "AKIA"}
    ),
    "nothing in it": event(userIdentity=None, requestParameters=None),
}


@pytest.mark.parametrize("case", STRANGE)
def test_everything_else_is_strange(case: str) -> None:
    found = sort_out([event(), STRANGE[case]], [MADE], CONFIG)
    assert found.ours == (event(),) and found.strange == (STRANGE[case],)


def test_an_event_without_its_record_is_not_ours() -> None:
    assert sort_out([replace(event(), raw="")], [MADE], CONFIG).ours == ()


def test_a_key_without_a_role_is_known_by_itself() -> None:
    user = {"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/bot", "accessKeyId": KEY}
    assert sort_out([event(userIdentity=user)], [MADE], CONFIG).strange == ()


def test_a_name_alone_is_a_claim() -> None:
    assert claims(event(key="ASIAEXAMPLEMALLORY01"))
    assert not claims(event(session="somebody"))


MUTED = Made(
    "m1", "Ana", "mute_rule:trailwatch-mute-m1", KEY, NOW, NOW + timedelta(minutes=5),
    Deed.MUTE, "trailwatch-root-usage", "audit",
)  # fmt: skip
TESTED = replace(
    MUTED, deed=Deed.TEST, key="alarm:trailwatch-canary", about="trailwatch-canary", why=""
)


def call(event_name: str, session: str, key: str = KEY, **asked: Any) -> Event:
    source = "monitoring.amazonaws.com"
    return event(session, key, eventName=event_name, eventSource=source, requestParameters=asked)


@pytest.mark.parametrize(
    ("made", "one"),
    [
        (MUTED, call("PutAlarmMuteRule", "trailwatch-mute-m1", name="trailwatch-mute-m1")),
        (TESTED, call("PutMetricAlarm", "trailwatch-migrate-m1", alarmName="trailwatch-canary")),
        (TESTED, call("SetAlarmState", "trailwatch-migrate-m1", alarmName="trailwatch-canary")),
        (
            replace(TESTED, deed=Deed.TESTED),
            call("DeleteAlarms", "trailwatch-migrated-m1", alarmNames=["trailwatch-canary"]),
        ),
    ],
)
def test_what_was_done_from_slack_is_ours(made: Made, one: Event) -> None:
    found = sort_out([one], [MADE, made], CONFIG)
    assert found.strange == () and found.made == (made,) and found.plans == ()
    assert claims(one)


@pytest.mark.parametrize(
    "one",
    [
        call("PutAlarmMuteRule", "trailwatch-mute-m1", "ASIAMALLORY", name="trailwatch-mute-m1"),
        call("PutAlarmMuteRule", "trailwatch-mute-m2", name="trailwatch-mute-m1"),
        call("PutAlarmMuteRule", "trailwatch-plan-m1", name="trailwatch-mute-m1"),
        call("PutAlarmMuteRule", "trailwatch-mute-m1", name="quiet-night"),
        call("DisableAlarmActions", "trailwatch-mute-m1", alarmNames=["trailwatch-root-usage"]),
    ],
)
def test_nothing_else_counts_as_the_mute(one: Event) -> None:
    assert sort_out([one], [MADE, MUTED], CONFIG).ours == ()
