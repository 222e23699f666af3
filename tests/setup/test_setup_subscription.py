"""A subscription of any endpoint that confirms by itself, with a key or without."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from sandbox.wire import Server
from setup.pipeline import pipeline
from setup.resources.subscription import Subscription
from setup.survey import Standing, step_for


def confirming(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Follows the link in a SubscriptionConfirmation, as an endpoint of ours does."""
    body = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
    if body["Type"] == "SubscriptionConfirmation":
        with urllib.request.urlopen(body["SubscribeURL"], timeout=30) as answer:
            answer.read()
    start_response("200 OK", [])
    return [b""]


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = Server(confirming, name="endpoint")
    server.start()
    yield f"{server.url}/webhooks/sns"
    server.stop()


def test_an_endpoint_of_our_own_keeps_the_contract(world: Any, endpoint: str) -> None:
    config = world.config(router_url="")
    topic = next(one for one in pipeline(config, ()) if one.kind == "topic")
    topic.write(world.clients(), None)
    one = Subscription(config.site, "alarms to the bot", config.topic, endpoint)

    def step(wanted: Subscription) -> Any:
        fresh = world.clients()
        return step_for(config, Standing(wanted, wanted.read(fresh)), fresh)

    assert one.read(world.clients()) is None
    one.write(world.clients(), None)
    assert one.read(world.clients()) == one.wanted()
    assert one.wanted()["endpoint"] == endpoint
    assert step(one) is None

    world.secrets.put("a-key", "c2VjcmV0")
    keyed = replace(one, key_secret="a-key")
    found = step(keyed)
    assert found.change.after["keys"] == ["current"]
    keyed.write(world.clients(), found.change.before)
    assert step(keyed) is None
    assert "c2VjcmV0" not in json.dumps(keyed.read(world.clients()))
    back = step(one)
    one.write(world.clients(), back.change.before)
    assert step(one) is None

    one.delete(world.clients())
    assert one.read(world.clients()) is None
    one.delete(world.clients())


def _set(world: Any, arn: str, name: str, value: str) -> None:
    world.aws.call(
        "sns",
        "SetSubscriptionAttributes",
        SubscriptionArn=arn,
        AttributeName=name,
        AttributeValue=value,
    )


def test_what_would_keep_alarms_back_is_taken_off_ours_alone(world: Any, endpoint: str) -> None:
    """A queue's and an address's alike; a stranger's stays as it is."""
    config = world.config(router="direct", public_url="")
    parts = pipeline(config, ())
    for one in parts:
        one.write(world.clients(), None)
    ours = parts[-1]
    assert isinstance(ours, Subscription) and ours.endpoint.startswith("arn:aws:sqs:")
    topic = config.site.topic_arn(config.topic)
    world.aws.call("sqs", "CreateQueue", QueueName="theirs", Attributes={"VisibilityTimeout": "30"})
    theirs = world.aws.call(
        "sns",
        "Subscribe",
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=config.site.arn("sqs", "theirs"),
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    bot = Subscription(config.site, "alarms to the bot", config.topic, endpoint, patient=True)
    bot.write(world.clients(), None)

    def arn_of(address: str) -> str:
        listed = world.clients().subscriptions(topic)
        return str(next(one["SubscriptionArn"] for one in listed if one["Endpoint"] == address))

    for one in (ours, bot):
        for arn in (arn_of(one.endpoint), theirs):
            _set(world, arn, "FilterPolicyScope", "MessageBody")
            _set(world, arn, "FilterPolicy", '{"AlarmName": ["another"]}')
            _set(world, arn, "RawMessageDelivery", "true")
        fresh = world.clients()
        found = step_for(config, Standing(one, one.read(fresh)), fresh)
        assert found is not None and found.change.before is not None
        assert found.change.before["filter_policy"] == '{"AlarmName": ["another"]} on MessageBody'
        assert found.change.before["raw_delivery"] is True
        one.write(world.clients(), found.change.before)
        assert one.read(world.clients()) == one.wanted()
        one.delete(world.clients())
        assert one.read(world.clients()) is None
    left = world.aws.call("sns", "GetSubscriptionAttributes", SubscriptionArn=theirs)["Attributes"]
    assert json.loads(left["FilterPolicy"]) == {"AlarmName": ["another"]}
    assert left["RawMessageDelivery"].lower() == "true"
