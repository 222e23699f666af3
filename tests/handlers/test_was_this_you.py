"""Over Slack's own protocol: the whole bot asks "Was this you?", and hears threads."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import opsgenie_sdk
import pytest

from bot.app import Bot
from bot.settings import read_settings
from handlers.intake import say
from sandbox.aws import AwsStandIn
from sandbox.faults import Faults
from sandbox.machine import free_ports
from sandbox.opsgenie import OpsgenieStandIn
from sandbox.slack import SlackStandIn, elements, payloads
from sandbox.wire import CallLog, Sender
from trailwatch.alert import Alert, AlertFields, AlertState
from trailwatch.clock import iso, utc_now
from trailwatch.store import alerts, audit, jobs

GROUP, STREAM = "/trailwatch/cloudtrail", "by-hand"
ARN = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:"
STS = "arn:aws:sts::123456789012:assumed-role"
BOB_KEY = "AKIAEXAMPLE000000042"


FILTERED = (
    "AttachUserPolicy", "CreateAccessKey", "DeleteTrail", "PutBucketPolicy", "PutRolePolicy",
    "PutUserPolicy", "StopLogging",
)  # fmt: skip


def alarm_of(event: str) -> str:
    return f"trailwatch-{event.lower()}"


class Desk:
    """A bot and the three services, and what a test does with them."""

    def __init__(self, folder: Path, until: Callable[..., Any]) -> None:
        log, faults = CallLog(), Faults(random.Random(7).random)
        sender = Sender(log, faults)
        self.slack = SlackStandIn(calls=log, faults=faults)
        self.opsgenie = OpsgenieStandIn(
            calls=log, faults=faults, sender=sender, processing_delay=0.0
        )
        self.aws = AwsStandIn(calls=log, faults=faults, sender=sender)
        for part in (self.slack, self.opsgenie, self.aws):
            part.start()
        self.until = until
        self.ids = {user["name"]: user["id"] for user in self.slack.users}
        self.number = 0
        self.bot = Bot(self._settings(folder))
        self.bot.start()
        self.until(lambda: self.slack.connections)
        configuration = opsgenie_sdk.Configuration()
        configuration.host = self.opsgenie.url
        configuration.api_key = {"Authorization": self.opsgenie.api_key}
        self.api = opsgenie_sdk.AlertApi(opsgenie_sdk.ApiClient(configuration=configuration))
        self.logs = boto3.client(
            "logs", region_name="us-east-1", endpoint_url=self.aws.url,
            aws_access_key_id="AKIAEXAMPLESANDBOX01", aws_secret_access_key="example",
        )  # fmt: skip
        self.logs.create_log_group(logGroupName=GROUP)
        self.logs.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
        for event in FILTERED:
            # All at first: the bot remembers for a few seconds which filters there are.
            name = alarm_of(event)
            self.logs.put_metric_filter(
                logGroupName=GROUP,
                filterName=name,
                filterPattern=f'{{ $.eventName = "{event}" }}',
                metricTransformations=[
                    {"metricName": name, "metricNamespace": "Test", "metricValue": "1"}
                ],
            )

    def _settings(self, folder: Path) -> Any:
        (port,) = free_ports(1)
        return read_settings(
            {
                "SLACK_API_BASE_URL": self.slack.api_url,
                "SLACK_BOT_TOKEN": self.slack.bot_token,
                "SLACK_APP_TOKEN": self.slack.app_token,
                "SLACK_CHANNEL": self.slack.channel,
                "SLACK_POST_INTERVAL": "0.01",
                "TRAILWATCH_ADMINS": self.ids["alice"],
                "TRAILWATCH_RESPONDERS": self.ids["bob"],
                "TRAILWATCH_PEOPLE": f"bobby={self.ids['bob']}",
                "TRAILWATCH_THREAD_NOTES": "yes",
                "TRAILWATCH_PUBLIC_URL": f"http://127.0.0.1:{port}",
                "TRAILWATCH_SECRET_KEY": "a key of sixteen characters",
                "AWS_ENDPOINT_URL": self.aws.url,
                "OPSGENIE_API_URL": self.opsgenie.url,
                "OPSGENIE_API_KEY": self.opsgenie.alert_key,
                "OPSGENIE_SETUP_API_KEY": self.opsgenie.api_key,
                "PORT": str(port),
                "DATABASE_URL": f"sqlite:///{folder / 'trailwatch.db'}",
                "TRAILWATCH_METRICS_PORT": "0",
            }
        )

    def close(self) -> None:
        self.bot.stop()
        self.logs.close()
        for part in (self.aws, self.opsgenie, self.slack):
            part.stop()

    # What happens

    def happen(self, name: str, identity: Mapping[str, Any], **more: Any) -> None:
        """A record in the log group."""
        self.number += 1
        at = utc_now() - timedelta(seconds=30)
        record = {
            "eventID": f"event-{self.number}",
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
        event: Any = {"timestamp": int(at.timestamp() * 1000), "message": json.dumps(record)}
        self.logs.put_log_events(logGroupName=GROUP, logStreamName=STREAM, logEvents=[event])

    def role_session(self, began: str = "bobby", key: int = 0) -> Mapping[str, Any]:
        """The identity in a role session which an IAM user began; its name is nobody's."""
        key = key or self.number + 1
        name = f"deploy-{key}"
        issued = f"ASIAEXAMPLE0000{key:05d}"
        answer = {
            "credentials": {"accessKeyId": issued},
            "assumedRoleUser": {"arn": f"{STS}/deploy/{name}"},
        }
        self.happen("AssumeRole", user(began), eventSource="sts.amazonaws.com",
                    responseElements=answer)  # fmt: skip
        born = iso(utc_now() - timedelta(seconds=40))
        issuer = {"userName": "deploy", "arn": "arn:aws:iam::123456789012:role/deploy"}
        return {
            "type": "AssumedRole",
            "arn": f"{STS}/deploy/{name}",
            "accessKeyId": issued,
            "sessionContext": {"attributes": {"creationDate": born}, "sessionIssuer": issuer},
        }

    def fire(self, event: str, priority: str = "P3") -> Alert:
        """An alert of a filter on an event's name; its message once it says who it was."""
        name = alarm_of(event)
        body = opsgenie_sdk.CreateAlertPayload(message=name, alias=ARN + name, priority=priority)
        self.api.create_alert(body, _request_timeout=30)
        there = self.until(
            lambda: next((a for a in self.opsgenie.alerts() if a["alias"] == ARN + name), None)
        )
        now = utc_now()
        alert = Alert(
            id=f"a{self.number}",
            alias=ARN + name,
            router_id=there["id"],
            title=f"{event} by somebody",
            severity=priority,
            state=AlertState.OPEN,
            fields=AlertFields(alarm_name=name, account="123456789012", state_change=now),
            first_seen=now,
            updated_at=now,
            site="main",
        )
        with self.bot.db.transaction() as tx:
            alerts.save(tx, alert)
            say(self.bot.deps, tx, alert)
            jobs.add(tx, "alert.find_events", {"alert_id": alert.id}, now)
        self.until(lambda: "Who: " in self.shown(alert)["text"] if self.shown(alert) else None)
        return alert

    # What is seen and done in Slack

    def shown(self, alert: Alert) -> dict[str, Any]:
        found = [
            m
            for m in self.slack.messages(self.slack.channel)
            if alert_of(m) == alert.id and not m.get("thread_ts")
        ]
        return found[0] if found else {}

    def thread(self, alert: Alert) -> str:
        ts = self.shown(alert)["ts"]
        replies = self.slack.messages(self.slack.channel)
        return " | ".join(m["text"] for m in replies if m.get("thread_ts") == ts)

    def private(self, user: str) -> list[str]:
        """What only this person sees, in the channel and in their direct messages."""
        return [m["text"] for m in self.slack.messages(user=user) if m.get("ephemeral")]

    def direct(self, user: str, part: str) -> list[dict[str, Any]]:
        """The bot's direct messages to somebody."""
        return [
            m
            for m in self.slack.messages(user=user)
            if m["channel"] != self.slack.channel and part in m["text"]
        ]

    def ask(self, alert: Alert) -> dict[str, Any]:
        """Alice clicks "Was this you?"; the question that bob gets."""
        click = self.slack.click("alice", self.shown(alert)["ts"], "identity.ask")
        assert click["status"] == 200, click
        found: dict[str, Any] = self.until(
            lambda: next(iter(self.direct("bob", alert.title)), None)
        )
        return found

    def now_is(self, alert: Alert) -> Alert:
        with self.bot.db.reading() as tx:
            found = alerts.get(tx, alert.id)
        assert found is not None
        return found


def alert_of(message: Mapping[str, Any]) -> str:
    payload = (message.get("metadata") or {}).get("event_payload") or {}
    return str(payload.get("alert_id", ""))


def user(name: str) -> Mapping[str, Any]:
    return {
        "type": "IAMUser",
        "userName": name,
        "arn": f"arn:aws:iam::123456789012:user/{name}",
        "accessKeyId": BOB_KEY if name == "bobby" else "AKIAEXAMPLE000000077",
    }


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, until: Callable[..., Any]) -> Iterator[Desk]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLESANDBOX01")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
        found = Desk(tmp_path_factory.mktemp("desk"), until)
        yield found
        found.close()


def test_who_began_a_role_session_is_asked_and_their_yes_closes_a_p3(desk: Desk) -> None:
    desk.happen("PutBucketPolicy", desk.role_session())
    alert = desk.fire("PutBucketPolicy")
    question = desk.ask(alert)
    text = json.dumps(question["blocks"], ensure_ascii=False)
    assert "deploy-" in text and "198.51.100.23" in text
    assert desk.direct("carol", "Was this you?") == []
    desk.until(lambda: "Asked bob whether it was them" in desk.shown(alert)["text"])
    desk.slack.click("bob", question["ts"], "identity.yes")
    view = desk.until(lambda: desk.slack.views("bob"))[-1]
    empty = desk.slack.submit(view["id"], "bob", {"why": "   "})
    assert "reason is needed" in json.dumps(empty["ack"])
    done = desk.slack.submit(view["id"], "bob", {"why": "ticket <12> & *more*"})
    assert done["status"] == 200, done
    desk.until(lambda: desk.now_is(alert).state is AlertState.CLOSED)
    desk.until(lambda: "it was me: “ticket" in desk.shown(alert)["text"])
    answered = desk.until(lambda: desk.direct("bob", "You said that it was you"))[0]
    assert answered["ts"] == question["ts"], "the question itself says so"
    assert "identity.yes" not in json.dumps(answered["blocks"])
    words = "bob says that it was them: ticket <12> & *more*"
    desk.until(lambda: "bob says that it was them" in desk.thread(alert))
    notes = desk.api.list_notes(alert.router_id, _request_timeout=30).data
    assert [note.note for note in notes] == [words], "said once"
    assert "Note of bob" not in desk.shown(alert)["text"]
    assert desk.thread(alert).count("ticket") == 1


def test_somebody_else_gets_a_private_refusal_and_a_no_escalates_a_p1(desk: Desk) -> None:
    desk.happen("DeleteTrail", desk.role_session())
    alert = desk.fire("DeleteTrail", "P2")
    question = desk.ask(alert)
    click_as(desk, "carol", question, "identity.yes")
    click_as(desk, "carol", question, "identity.no")
    refused = "Only bob can answer this"
    desk.until(lambda: sum(refused in text for text in desk.private("carol")) == 2)
    assert desk.slack.views("carol") == []
    assert desk.now_is(alert).extra["you_answer"] == ""
    desk.slack.click("bob", question["ts"], "identity.no")
    desk.until(lambda: "bob says: it was not me" in desk.shown(alert)["text"])
    desk.until(lambda: desk.now_is(alert).severity == "P1")
    assert desk.now_is(alert).state is AlertState.OPEN
    desk.slack.click("bob", question["ts"], "identity.yes")
    desk.until(lambda: any("answered or over already" in text for text in desk.private("bob")))
    with desk.bot.db.reading() as tx:
        lines = [one for one in audit.recent(tx, limit=50) if one.action == "identity.answer"]
    assert [one.actor_name for one in lines if one.outcome == "refused"] == ["carol", "carol"]


def test_a_yes_leaves_what_is_graver_than_p3(desk: Desk) -> None:
    desk.happen("StopLogging", desk.role_session())
    alert = desk.fire("StopLogging", "P2")
    question = desk.ask(alert)
    desk.slack.click("bob", question["ts"], "identity.yes")
    view = desk.until(lambda: desk.slack.views("bob"))[-1]
    desk.slack.submit(view["id"], "bob", {"why": "a rehearsal"})
    desk.until(lambda: "says that it was them: a rehearsal" in desk.thread(alert))
    assert desk.now_is(alert).state is AlertState.OPEN
    assert desk.now_is(alert).pending == ""


def test_nobody_is_asked_once_somebody_else_is_in_it(desk: Desk) -> None:
    desk.happen("CreateAccessKey", desk.role_session())
    alert = desk.fire("CreateAccessKey")
    assert "identity.ask" in json.dumps(desk.shown(alert)["blocks"])
    desk.happen("CreateAccessKey", user("mallory"))
    desk.slack.click("alice", desk.shown(alert)["ts"], "identity.ask")
    desk.until(lambda: any("Nobody is asked" in text for text in desk.private("alice")))
    assert desk.direct("bob", alert.title) == []


def test_who_is_nobody_in_slack_is_not_offered_and_the_setting_is_named(desk: Desk) -> None:
    desk.happen("PutUserPolicy", user("mallory"), requestParameters={"userName": "eve"})
    alert = desk.fire("PutUserPolicy")
    assert "identity.ask" not in json.dumps(desk.shown(alert)["blocks"])
    assert "mallory: PutUserPolicy → eve from" in desk.shown(alert)["text"]
    ts = desk.shown(alert)["ts"]

    def replies() -> str:
        found = desk.slack.messages(desk.slack.channel)
        return json.dumps([m["blocks"] for m in found if m.get("thread_ts") == ts])

    desk.until(lambda: "TRAILWATCH_PEOPLE" in replies())


def test_a_session_that_cannot_be_followed_back_offers_nobody(desk: Desk) -> None:
    session = dict(desk.role_session())
    desk.happen("PutRolePolicy", {**session, "accessKeyId": "ASIAEXAMPLE000099999",
                                  "arn": f"{STS}/deploy/bobby"})  # fmt: skip
    alert = desk.fire("PutRolePolicy")
    assert "identity.ask" not in json.dumps(desk.shown(alert)["blocks"])
    assert desk.now_is(alert).extra["who_ask"] == ""
    assert desk.now_is(alert).events[0].actor == "bobby"


def test_a_reply_in_the_thread_becomes_a_note_of_a_responder_alone(desk: Desk) -> None:
    desk.happen("AttachUserPolicy", user("bobby"))
    alert = desk.fire("AttachUserPolicy")
    ts = desk.shown(alert)["ts"]
    desk.slack.say("bob", desk.slack.channel, "looked at it, <!here> &amp; fine", thread_ts=ts)
    desk.slack.say("carol", desk.slack.channel, "me too", thread_ts=ts)
    desk.slack.say("bob", desk.slack.channel, "something else")

    def noted() -> list[str]:
        answer = desk.api.list_notes(alert.router_id, _request_timeout=30)
        return [note.note for note in answer.data]

    desk.until(lambda: any("looked at it" in note for note in noted()))
    desk.until(lambda: refused_notes(desk) == ["carol"])
    assert not any("me too" in note or "something else" in note for note in noted())
    assert desk.thread(alert).count("looked at it") == 1, "as written, and not told again"


def refused_notes(desk: Desk) -> list[str]:
    with desk.bot.db.reading() as tx:
        lines = audit.recent(tx, limit=50)
    return [
        one.actor_name for one in lines if (one.action, one.outcome) == ("alert.note", "refused")
    ]


def click_as(desk: Desk, name: str, message: Mapping[str, Any], action_id: str) -> None:
    """A click that Slack's client would not offer: who sends it saw the message elsewhere."""
    space = desk.slack.space
    with space.lock:
        person, kept = space.person(name), space.messages.get(message["ts"])
        assert kept is not None
        found = next(f for b in kept.surfaces() if (f := elements.find(b, action_id, None, None)))
        action = elements.action(*found, space.new_ts(), None, None)
        place = space.channels[kept.channel]
        payload = payloads.message_action(space, person, place, kept, [action])
    assert desk.slack._deliver("interactive", payload).status == 200
