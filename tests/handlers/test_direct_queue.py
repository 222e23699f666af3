"""A site without an on-call service whose bot has no public address: alarms come by a queue."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select

from bot.app import take_in
from bot.queue_poller import QueuePoller
from bot.worker import Worker
from handlers.direct import own_topics
from trailwatch.alert import Alert
from trailwatch.clock import utc_now
from trailwatch.store import alerts
from trailwatch.store.replica import claim_replica
from trailwatch.store.tables import inbox

QUEUE = "arn:aws:sqs:us-east-1:123456789012:trailwatch-alarms"
ALARM = "trailwatch-root-console-login"
ARN = f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{ALARM}"


@pytest.fixture(scope="module")
def queued(make_house: Callable[..., Any]) -> Iterator[Any]:
    house = make_house(TRAILWATCH_ROUTER="direct", TRAILWATCH_PUBLIC_URL="", OPSGENIE_API_KEY="")
    deps = house.deps
    replica = claim_replica(deps.db, "test", utc_now())
    worker = Worker(
        deps.db,
        utc_now,
        replica=replica,
        on_inbox=lambda row: take_in(deps, row),
        job_handlers={},
        threads=0,
    )
    aws = deps.setup_clients().aws
    poller = QueuePoller(
        deps.db,
        utc_now,
        {"main": deps.sites.config},
        lambda name: aws,
        lambda: own_topics(deps),
        idle=0.05,
    )
    worker.start()
    poller.start()
    house.plan_and_apply("--pack walkthrough")
    yield house
    poller.stop()
    worker.stop()
    replica.close()


def newest(house: Any) -> Alert | None:
    with house.deps.db.reading() as tx:
        return alerts.newest_by_alias(tx, ARN)


def test_setup_makes_a_queue_for_the_topic_alone(queued: Any) -> None:
    sqs = queued.client("sqs")
    url = sqs.get_queue_url(QueueName="trailwatch-alarms")["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    (statement,) = json.loads(found["Policy"])["Statement"]
    assert statement["Condition"] == {
        "ArnEquals": {"aws:SourceArn": "arn:aws:sns:us-east-1:123456789012:trailwatch-alarms"}
    }
    assert found["SqsManagedSseEnabled"] == "true"
    topic = "arn:aws:sns:us-east-1:123456789012:trailwatch-alarms"
    (one,) = queued.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert (one["Protocol"], one["Endpoint"]) == ("sqs", QUEUE)
    queued.plan_and_apply()
    assert "Nothing to change" in queued.messages("plan:")[-1]["text"]


def test_an_alarm_comes_by_the_queue(queued: Any, until: Callable[..., Any]) -> None:
    cloudwatch = queued.client("cloudwatch")
    cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="because")
    alert = until(lambda: newest(queued))
    assert alert.severity == "P1"
    assert alert.router_id.startswith("direct:")
    sqs = queued.client("sqs")
    url = sqs.get_queue_url(QueueName="trailwatch-alarms")["QueueUrl"]

    def left() -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    until(lambda: left() == 0)


def test_a_queue_that_anybody_may_send_to_is_put_right(queued: Any) -> None:
    sqs = queued.client("sqs")
    url = sqs.get_queue_url(QueueName="trailwatch-alarms")["QueueUrl"]
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
    opened = before["Policy"].replace('"sns.amazonaws.com"', '"*"')
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": opened})
    queued.job("setup.drift", due="opened")
    assert [row.key for row in queued.drifted()] == ["queue:trailwatch-alarms"]
    queued.plan_and_apply()
    after = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
    assert json.loads(after["Policy"]) == json.loads(before["Policy"])


def test_an_alarm_is_taken_also_where_somebody_switched_raw_delivery_on(
    queued: Any, until: Callable[..., Any]
) -> None:
    sns = queued.client("sns")
    topic = "arn:aws:sns:us-east-1:123456789012:trailwatch-alarms"
    (one,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]

    def raw(value: str) -> None:
        sns.set_subscription_attributes(
            SubscriptionArn=one["SubscriptionArn"],
            AttributeName="RawMessageDelivery",
            AttributeValue=value,
        )

    before = newest(queued)
    assert before is not None
    raw("true")
    cloudwatch = queued.client("cloudwatch")
    for state in ("OK", "ALARM"):
        cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue=state, StateReason="raw")
    found = until(lambda: (alert := newest(queued)) and alert.count > before.count and alert)
    assert found.id == before.id
    raw("false")
    with queued.deps.db.reading() as tx:
        assert not list(tx.scalars(select(inbox.c.key).where(inbox.c.state == "dead")))


def test_what_is_no_message_of_our_topic_is_kept_and_shown(
    queued: Any, until: Callable[..., Any]
) -> None:
    sqs = queued.client("sqs")
    url = sqs.get_queue_url(QueueName="trailwatch-alarms")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="hello")

    def dead() -> list[str]:
        with queued.deps.db.reading() as tx:
            return list(tx.scalars(select(inbox.c.error).where(inbox.c.state == "dead")))

    assert until(dead) == ["it is no JSON"]
