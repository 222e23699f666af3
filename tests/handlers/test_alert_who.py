"""The human behind an alert: from the records in the log group to its message and thread."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from handlers.blocks.who import who_facts, who_message
from handlers.looking_back import Past, past_of
from handlers.samples import ALERT, EVENTS
from handlers.samples_events import seen
from trailwatch.clock import iso, utc_now
from trailwatch.errors import AwsError
from trailwatch.profile import Deed, Kind
from trailwatch.search.logs import EventQuery, NewestPage
from trailwatch.store import alerts
from trailwatch.who import Mfa

GROUP, STREAM = "/trailwatch/cloudtrail", "by-hand"
KEY = "ASIAEXAMPLE000000{:03d}"
STS = "arn:aws:sts::123456789012:assumed-role"
JANE = {
    "type": "IAMUser",
    "userName": "jane",
    "arn": "arn:aws:iam::123456789012:user/jane",
    "accessKeyId": "AKIAEXAMPLE000000001",
    "sessionContext": {"attributes": {"mfaAuthenticated": "true"}},
}


def session(number: int, born: str, name: str = "deploy-17") -> dict[str, Any]:
    return {
        "type": "AssumedRole",
        "arn": f"{STS}/deploy/{name}",
        "accessKeyId": KEY.format(number),
        "sessionContext": {
            "attributes": {"creationDate": born, "mfaAuthenticated": "false"},
            "sessionIssuer": {
                "userName": "deploy",
                "arn": "arn:aws:iam::123456789012:role/deploy",
            },
        },
    }


def put(house: Any, records: list[Mapping[str, Any]], days_ago: float = 0) -> None:
    """Write records into the log group, as CloudTrail does."""
    logs = house.client("logs", "AKIAEXAMPLESANDBOX01")
    streams = logs.describe_log_streams(logGroupName=GROUP)["logStreams"]
    if STREAM not in {stream["logStreamName"] for stream in streams}:
        logs.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
    now = int((house.deps.clock() - timedelta(days=days_ago)).timestamp() * 1000)
    events = [
        {"timestamp": now - 30_000 + number, "message": json.dumps(record)}
        for number, record in enumerate(records)
    ]
    logs.put_log_events(logGroupName=GROUP, logStreamName=STREAM, logEvents=events)


def record(house: Any, ident: str, name: str, identity: Mapping[str, Any], **more: Any) -> Any:
    at = house.deps.clock() - timedelta(seconds=30)
    return {
        "eventID": ident,
        "eventName": name,
        "eventSource": "s3.amazonaws.com",
        "eventTime": iso(at),
        "awsRegion": "us-east-1",
        "sourceIPAddress": "198.51.100.23",
        "userAgent": "aws-cli/2.31.4 Python/3.13",
        "recipientAccountId": "123456789012",
        "userIdentity": dict(identity),
        **more,
    }


def fire(house: Any, ident: str) -> str:
    """An alert of the alarm on changes of bucket policies."""
    house.fire(ident, fields={"account": "123456789012"})
    house.pass_time(seconds=2)  # its past is searched
    house.work()
    return ident


def shown(house: Any, key: str) -> str:
    found = [one for one in house.messages() if one["key"] == key]
    return json.dumps(found, ensure_ascii=False)


def walk(house: Any) -> list[dict[str, Any]]:
    """Every object of the messages about the last alert."""
    found: list[dict[str, Any]] = []
    waiting: list[Any] = house.messages("alert:w5")
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            found.append(one)
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return found


def test_the_person_is_named_in_the_message_and_told_of_in_the_thread(house: Any) -> None:
    house.set_up("cis")
    put(house, [record(house, "long-ago", "ListBuckets", session(3, "2026-01-01T00:00:00Z"))], 9)
    born = iso(house.deps.clock() - timedelta(seconds=40))
    issued = {
        "credentials": {"accessKeyId": KEY.format(1)},
        "assumedRoleUser": {"arn": f"{STS}/deploy/deploy-17"},
    }
    put(
        house,
        [
            record(
                house, "assume-1", "AssumeRole", JANE,
                eventSource="sts.amazonaws.com", responseElements=issued,
            ),
            record(house, "put-1", "PutBucketPolicy", session(1, born)),
            record(house, "list-1", "ListBuckets", session(1, born), errorCode="AccessDenied"),
            record(house, "list-2", "ListBuckets", session(1, born)),
            record(house, "other", "ListUsers", session(2, born)),
        ],
    )  # fmt: skip
    fire(house, "w1")
    message, thread = shown(house, "alert:w1"), shown(house, "alert:w1:who")
    assert "jane · IAM user, followed back over 1 role session · role deploy" in message
    assert "first time from this address" not in message, "the role was there 9 days ago"
    assert "not seen before" not in message
    assert "with a second factor" in message
    assert "3 calls" in thread
    assert "ListBuckets" in thread
    assert " 2×, 1 ✗" in thread
    assert "ListUsers" not in thread, "another session"
    assert "CLI 2.31.4" in thread


def iam_user(name: str, number: int) -> dict[str, Any]:
    arn = f"arn:aws:iam::123456789012:user/{name}"
    return {**JANE, "userName": name, "arn": arn, "accessKeyId": f"AKIAEXAMPLE00000000{number}"}


def test_what_was_seen_before_is_not_new_and_a_new_address_is(house: Any) -> None:
    house.set_up("cis")
    kim = iam_user("kim", 2)
    put(house, [record(house, "anybody", "ListBuckets", iam_user("jo", 9))], 13)
    put(house, [record(house, "kim-1", "PutBucketPolicy", kim)])
    fire(house, "w2")
    assert re.search(r"not seen before in 13 days of records", shown(house, "alert:w2"))
    house.pass_time(minutes=65)
    put(house, [record(house, "kim-2", "PutBucketPolicy", kim)])
    fire(house, "w3")
    assert "kim" in shown(house, "alert:w3")
    assert ":new:" not in shown(house, "alert:w3:who")
    house.pass_time(minutes=45)
    away = record(house, "kim-3", "PutBucketPolicy", kim, sourceIPAddress="203.0.113.77")
    put(house, [away])
    fire(house, "w4")
    assert "first time from this address in 13 days of records" in shown(house, "alert:w4")
    with house.deps.db.reading() as tx:
        alert = alerts.get(tx, "w4")
    assert alert is not None
    assert alert.extra["who_others"] == "0"


def test_whom_only_the_log_group_knows_is_not_new(house: Any) -> None:
    """On the first day the bot has looked at nothing: the records before say who is new."""
    house.set_up("cis")
    lou = iam_user("lou", 5)
    put(house, [record(house, "lou-before", "ListBuckets", lou)], 5)
    put(house, [record(house, "lou-1", "PutBucketPolicy", lou, awsRegion="eu-west-3")])
    fire(house, "w6")
    message = shown(house, "alert:w6")
    assert "lou · IAM user" in message
    assert "not seen before" not in message
    assert "first time from this address" not in message
    assert "first time in this region in " in message


class Empty:
    """A log group whose oldest record is the deed itself."""

    def paced(self, pace: float) -> Empty:
        return self

    def oldest(self, start: datetime, end: datetime) -> datetime | None:
        return None


class Refusing(Empty):
    def oldest(self, start: datetime, end: datetime) -> datetime | None:
        raise AwsError("No.", code="ThrottlingException")


class Slow(Empty):
    """A log group in which a search goes through no more than a day in the time it has."""

    def oldest(self, start: datetime, end: datetime) -> datetime | None:
        return start

    def newest(self, query: EventQuery, *, want: int, seconds: float) -> NewestPage:
        whole = query.end - query.start <= timedelta(days=1)
        return NewestPage((), None if whole else (query.end, 0), complete=whole)


def test_without_a_past_nothing_is_called_new(house: Any) -> None:
    now = utc_now()
    deed = Deed("arn", now, "203.0.113.9", "us-east-1")
    made = record(house, "r", "ListBuckets", JANE)
    slow: Any = Slow()
    sources: tuple[Any, ...] = (Empty(), Refusing())
    for source in sources:
        past = past_of(
            source, made, deed, (Kind.ITSELF,), now, timedelta(days=14), time.monotonic() + 9
        )
        assert past == Past()
    past = past_of(slow, made, deed, (Kind.ITSELF,), now, timedelta(days=14), time.monotonic() + 9)
    assert past == Past((Kind.ITSELF,), now - timedelta(days=1)), "as far as it got"
    odd = {**made, "userIdentity": {**JANE, "arn": 'arn:aws:iam::1:user/" || $.a = "x'}}
    assert (
        past_of(slow, odd, deed, (Kind.ITSELF,), now, timedelta(days=14), time.monotonic() + 9)
        == Past()
    )


def test_a_session_that_nobody_is_known_to_have_begun_is_not_sure(house: Any) -> None:
    house.set_up("cis")
    evil = "<!channel> *jane* :tada: \u202e`x`"
    born = iso(house.deps.clock() - timedelta(seconds=40))
    put(house, [record(house, "evil", "PutBucketPolicy", session(9, born, evil), userAgent=evil)])
    fire(house, "w5")
    thread, message = shown(house, "alert:w5:who"), shown(house, "alert:w5")
    assert "caller chose" in message
    for text in (thread, message):
        assert "\u202e" not in text
    mrkdwn = [e for e in walk(house) if e.get("type") == "mrkdwn"]
    assert any("jane" in element["text"] for element in mrkdwn)
    assert not [element for element in mrkdwn if "<!channel" in element["text"]]
    assert not [element for element in mrkdwn if ":tada:" in element["text"]]


def test_on_the_first_day_it_is_too_early() -> None:
    one = seen(EVENTS[0])[0]

    def facts(**ago: float) -> str:
        return who_facts(replace(one, known_since=one.event.time - timedelta(**ago)))

    assert "too early to say what is new: the records begin 20 min before" in facts(minutes=20)
    assert "first time" not in facts(hours=20)
    assert "first time in this region in 1 day of records" in facts(hours=25)
    assert "in 14 days of records" in facts(days=14)
    assert "new" not in who_facts(replace(one, known_since=None))


def test_no_word_is_said_twice_of_root() -> None:
    one = seen(ALERT.events[0])[0]
    who = replace(one.who, name="root", kind="Root", how="root", mfa=Mfa.UNKNOWN, steps=())
    root = replace(one, who=who)
    said = json.dumps(who_message(ALERT, [root], 1).blocks)

    assert who_facts(root).startswith("root · second factor unknown · from")
    assert "root* \\u00b7 root" not in said
    assert "*Second factor*\\nNot known" in said


def test_offices_named_with_a_plan_stand_in_the_alerts_own_table(house: Any) -> None:
    house.plan_and_apply("--pack cis --set offices=berlin=198.51.100.0/24")
    put(house, [record(house, "office-1", "PutBucketPolicy", iam_user("max", 7))])
    fire(house, "w8")
    own = next(one for one in house.messages() if one["key"] == "alert:w8")
    (table,) = [block for block in own["blocks"] if block["type"] == "table"]
    assert "berlin" in json.dumps(table), "as in the thread"
    assert "(berlin)" in own["text"]
