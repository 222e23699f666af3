"""The human behind an alert: from the records in the log group to its message and thread."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from handlers.intake import show_new
from trailwatch.alert import Alert, AlertFields, AlertState
from trailwatch.clock import iso
from trailwatch.store import alerts

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


def put(house: Any, records: list[Mapping[str, Any]]) -> None:
    """Write records into the log group, as CloudTrail does."""
    logs = house.client("logs", "AKIAEXAMPLESANDBOX01")
    streams = logs.describe_log_streams(logGroupName=GROUP)["logStreams"]
    if STREAM not in {stream["logStreamName"] for stream in streams}:
        logs.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
    now = int(house.deps.clock().timestamp() * 1000)
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
    now = house.deps.clock()
    alert = Alert(
        id=ident,
        alias=ident,
        router_id=ident,
        title="S3 bucket policy changed",
        severity="P3",
        state=AlertState.OPEN,
        fields=AlertFields(
            alarm_name="trailwatch-s3-bucket-policy-changes",
            account="123456789012",
            state_change=now,
            detection_id="s3-bucket-policy-changes",
        ),
        first_seen=now,
        updated_at=now,
        site="main",
    )
    with house.deps.db.transaction() as tx:
        show_new(house.deps, tx, alert)
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
    assert "never seen before" in message
    assert "with a second factor" in message
    assert "3 calls" in thread
    assert "ListBuckets" in thread
    assert " 2×, 1 ✗" in thread
    assert "ListUsers" not in thread, "another session"
    assert "CLI 2.31.4" in thread


def test_what_was_seen_before_is_not_new_and_a_new_address_is(house: Any) -> None:
    house.set_up("cis")
    key = {**JANE, "userName": "kim", "arn": "arn:aws:iam::123456789012:user/kim",
           "accessKeyId": "AKIAEXAMPLE000000002"}  # fmt: skip
    put(house, [record(house, "kim-1", "PutBucketPolicy", key)])
    fire(house, "w2")
    assert "never seen before" in shown(house, "alert:w2")
    house.pass_time(minutes=65)
    put(house, [record(house, "kim-2", "PutBucketPolicy", key)])
    fire(house, "w3")
    assert "kim" in shown(house, "alert:w3")
    assert ":new:" not in shown(house, "alert:w3:who")
    house.pass_time(minutes=45)
    away = record(house, "kim-3", "PutBucketPolicy", key, sourceIPAddress="203.0.113.77")
    put(house, [away])
    fire(house, "w4")
    assert "first time from this address" in shown(house, "alert:w4")
    with house.deps.db.reading() as tx:
        alert = alerts.get(tx, "w4")
    assert alert is not None
    assert alert.extra["who_others"] == "0"


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
