"""Hostile text on its whole way: from SNS, records and people through handlers to Slack."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from handlers.access import Person, Role
from handlers.modals.modal import Submission
from handlers.modals.table import modal_of, submitted
from tests.handlers.hostile_text import escaped
from tests.handlers.slack_limits import problems
from trailwatch.alert import Alert
from trailwatch.clock import iso
from trailwatch.errors import TrailwatchError
from trailwatch.store import alerts
from trailwatch.store.tables import message

TOPIC = "arn:aws:sns:us-east-1:123456789012:trailwatch-alarms"
ALARM = "trailwatch-console-login"
GROUP = "/trailwatch/cloudtrail"
EVIL = (
    "<!channel> <@U012AB3CD> <https://evil.example|click> https://evil.example &lt;!here&gt; "
    "*bold* _it_ ~no~ `code` ```pre``` :fire: \u202egnp\u2066\u200b\x1b \r\n> quote"
)
LONG = EVIL + "A" * 10_000


@pytest.fixture(scope="module")
def evil(make_listener: Callable[..., Any]) -> Any:
    """A house that SNS tells itself, where everybody's name is hostile."""
    house = make_listener(
        TRAILWATCH_ROUTER="direct",
        OPSGENIE_API_KEY="",
        OPSGENIE_SETUP_API_KEY="",
    )
    house.plan_and_apply("--pack walkthrough")

    def find(user_id: str, channel: str = "") -> Person:
        return Person(user_id, EVIL, f"{user_id}@example.com", member=True, role=Role.ADMIN)

    house.deps.people.find = find
    house.deps = replace(house.deps, geo=lambda address: EVIL)
    house.uploads = []
    house.deps = replace(house.deps, upload=lambda *given, **more: house.uploads.append(given))
    return house


def identity(text: str, number: int) -> Mapping[str, Any]:
    issuer = {"type": "Role", "userName": text, "arn": text}
    session = {"sessionIssuer": issuer, "attributes": {"mfaAuthenticated": "false"}}
    if number % 2:
        session["sourceIdentity"] = text  # type: ignore[assignment]
    arn = f"arn:aws:sts::123456789012:assumed-role/{text}/{text}{number}"
    key = "ASIAEXAMPLE000000001"
    return {"type": "AssumedRole", "arn": arn, "accessKeyId": key, "userName": text,
            "principalId": f"AROA:{text}", "sessionContext": session}  # fmt: skip


def put(house: Any, text: str, count: int) -> None:
    """Records in which every text is somebody's own, and that the filter on sign-ins matches."""
    logs = house.client("logs", "AKIAEXAMPLESANDBOX01")
    stream = f"evil-{count}-{len(text)}"
    logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
    at = house.deps.clock() - timedelta(seconds=20)
    records = [
        {
            "eventID": f"{number}{text}"[:300],
            "eventName": "ConsoleLogin",
            "eventSource": text,
            "eventTime": iso(at),
            "awsRegion": text[:200],
            "recipientAccountId": text[:200],
            "sourceIPAddress": text,
            "userAgent": text,
            "errorCode": text,
            "errorMessage": text,
            "vpcEndpointId": text,
            "userIdentity": identity(text, number),
            "requestParameters": {text[:100]: text},
        }
        for number in range(count)
    ]
    now = int(at.timestamp() * 1000)
    events = [{"timestamp": now + n, "message": json.dumps(r)} for n, r in enumerate(records)]
    for event in events:
        logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=[event])


def fill(house: Any, callback: str, about: str, texts: Mapping[str, str], **chosen: str) -> None:
    house.filled = getattr(house, "filled", 0) + 1
    submission = Submission(
        person=house.deps.people.find("U0ALICE"),
        channel="C0ALERTS",
        response_url="https://example.com/answer",
        trigger_id="",
        key=f"filled-{house.filled}",
        about=about,
        texts=texts,
        chosen={name: (value,) for name, value in chosen.items()},
    )
    submitted(house.deps, modal_of(callback), submission)
    house.work()


def newest(house: Any, name: str) -> Alert | None:
    arn = f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{name}"
    with house.deps.db.reading() as tx:
        return alerts.newest_by_alias(tx, arn)


def everything(house: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """All that Slack was told: messages, private answers, dialogs, Homes, comments of files."""
    with house.deps.db.reading() as tx:
        rows = tx.execute(select(message.c.key, message.c.body)).all()
    for row in rows:
        body = json.loads(row.body)
        yield row.key, {"text": body["text"], "blocks": body["blocks"]}
    for number, told in enumerate(house.told()):
        blocks = [dict(block) for block in told["blocks"]]
        shown = blocks or [{"type": "section", "text": mrkdwn(told["text"])}]
        yield f"told {number}", {"text": told["text"], "blocks": shown}
    for view in house.views:
        yield str(view["callback_id"]), dict(view)
    for view in house._homes:
        yield "home", dict(view)
    for _, _, _, said, *_ in house.uploads:
        yield "file", {"text": said, "blocks": [{"type": "section", "text": mrkdwn(said)}]}


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def test_nothing_gets_out_on_the_whole_way(evil: Any, until: Callable[..., Any]) -> None:
    house = evil
    put(house, EVIL, 3)
    put(house, LONG, 3)
    sns = house.client("sns", "AKIAEXAMPLESANDBOX01")
    trigger = {"MetricName": EVIL, "Namespace": EVIL, "Dimensions": [{"name": EVIL, "value": EVIL}]}
    for number, text in enumerate((EVIL, LONG)):
        name = f"odd-{number} {text[:150]}"
        forged = {
            "AlarmName": name,
            "AlarmArn": f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:odd-{number}",
            "AlarmDescription": text,
            "AWSAccountId": text,
            "NewStateValue": "ALARM",
            "OldStateValue": text,
            "NewStateReason": text,
            "Region": text,
            "StateChangeTime": iso(house.deps.clock()),
            "Trigger": trigger,
        }
        sns.publish(TopicArn=TOPIC, Subject=f"ALARM {number}"[:90], Message=json.dumps(forged))
    sns.publish(TopicArn=TOPIC, Message=EVIL)
    house.client("cloudwatch").set_alarm_state(
        AlarmName=ALARM, StateValue="ALARM", StateReason=EVIL[:200].replace("\x1b", "")
    )
    alert = until(lambda: newest(house, ALARM))
    for number in range(2):
        until(lambda number=number: newest(house, f"odd-{number}"))
    house.work()
    act_on(house, alert)
    for text in ("digest now", "alerts", "audit", f"events {EVIL}", f"help {EVIL}",
                 f"alerts --since {EVIL}", f"mutes end {EVIL}"):  # fmt: skip
        try:
            reply = house.command(text)
        except TrailwatchError:
            continue  # shown by handlers.errors, whose builder the other tests look at
        house._told.append({"text": reply.text or "-", "blocks": reply.blocks})
    house.home()
    seen: list[str] = []
    for what, content in everything(house):
        loaded = json.loads(json.dumps(content, ensure_ascii=False).encode())
        assert problems(loaded) == [], what
        out = [one for one in escaped(loaded) if "console.aws.amazon.com" not in one]
        assert out == [], what
        if "evil.example" in json.dumps(loaded):
            seen.append(what)
    shown = " ".join(seen)
    for what in (":who", ":pairs:", ":events:", ":did:note", ":did:assign", "mute:", "digest:",
                 "told", "home"):  # fmt: skip
        assert what in shown, "hostile text stands there, and does nothing"


def act_on(house: Any, alert: Alert) -> None:
    """What people do with an alert, each with hostile words and under a hostile name."""
    for _ in range(3):
        house.pass_time(seconds=30)
        house.work()  # who it was, and the follow-up
    keys = [one["key"] for one in house.messages(f"alert:{alert.id}")]
    assert f"alert:{alert.id}:who" in keys
    assert any(":pairs:" in key for key in keys)
    house.click("alert.events", alert.id)
    page = next(m for m in reversed(house.messages()) if ":events:" in m["key"])
    buttons = {
        element["action_id"]: element["value"]
        for block in page["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
    }
    house.click("events.file", buttons["events.file"])
    house.click("events.search", buttons["events.search"])
    for dialog in ("note", "pause", "change"):
        house.click("alert.more", selected=f"{dialog}:{alert.id}")
    fill(house, "alert.note", alert.id, {"why": EVIL})
    fill(house, "alert.change", alert.id, {"why": EVIL}, priority="P2", owner="U0BOB")
    house.click("alert.acknowledge", alert.id)
    fill(house, "alert.pause", alert.id, {"why": EVIL}, how="mute-1h")
    house.click("alert.close", alert.id)
