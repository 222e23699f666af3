"""Opsgenie's side: keys that are learnt and never shown, actions that read today's messages."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.faults import Fault
from setup.opsgenie_api import IntegrationsApi
from setup.pipeline import incoming_key_name, webhook_secret_name
from setup.plan import make_destroy_plan
from setup.rotate import rotate_webhook_secret
from setup.status import status
from trailwatch.errors import ConfigError, RouterError

KEY = incoming_key_name("main")
SECRET = webhook_secret_name("main")


def until(true: Callable[[], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "nothing came in time"
        time.sleep(0.02)
    return found


def _integration(world: Any, name: str) -> dict[str, Any]:
    (meta,) = [one for one in world.integrations.list() if one["name"] == name]
    return {**meta, **world.integrations.get(meta["id"])}


def test_keys_are_kept_and_never_shown(on_stand_in: Any, caplog: pytest.LogCaptureFixture) -> None:
    world = on_stand_in
    caplog.set_level(logging.DEBUG, "urllib3")
    caplog.set_level(logging.DEBUG, "trailwatch")
    caplog.set_level(logging.DEBUG, "setup")
    config = world.built()
    key, secret = world.secrets.get(KEY), world.secrets.get(SECRET)
    assert key
    assert len(secret) >= 32
    webhook = _integration(world, "trailwatch-main-webhook")
    assert webhook["headers"] == {"X-Trailwatch-Token": secret}
    assert webhook["url"] == "https://bot.example.com/webhooks/opsgenie"

    other = world.integrations.create({"name": "another", "type": "AmazonSns"})
    world.secrets.put(KEY, other["apiKey"])
    plan = world.plan(config, world.detections())
    destroy = make_destroy_plan(config, world.detections(), world.clients(), world.clock)
    rows = status(config, world.detections(), world.clients())
    shown = plan.to_json() + destroy.to_json() + repr(rows) + caplog.text
    assert [change.kind for change in plan.changes] == ["subscription"]
    assert "sha256:" in plan.to_json()
    for hidden in (key, secret, other["apiKey"], world.opsgenie.api_key):
        assert hidden not in shown


def test_a_lost_key_is_learnt_from_the_subscription(on_stand_in: Any) -> None:
    world = on_stand_in
    config = world.built()
    key = world.secrets.get(KEY)
    before = world.integrations.list()
    world.secrets.versions.pop(KEY)
    plan = world.plan(config, world.detections())
    assert set(world.ends(world.apply(config, world.detections(), plan))) == {"done"}
    assert world.secrets.get(KEY) == key
    assert world.integrations.list() == before
    assert world.plan(config, world.detections()).empty


def test_a_key_that_nobody_knows_makes_the_integration_anew(on_stand_in: Any) -> None:
    world = on_stand_in
    config = world.built()
    old = _integration(world, "trailwatch-main-alarms")["id"]
    world.secrets.versions.pop(KEY)
    topic = config.site.topic_arn(config.topic)
    for one in world.clients().subscriptions(topic):
        world.aws.call("sns", "Unsubscribe", SubscriptionArn=one["SubscriptionArn"])
    plan = world.plan(config, world.detections())
    assert set(world.ends(world.apply(config, world.detections(), plan))) == {"done"}
    assert _integration(world, "trailwatch-main-alarms")["id"] != old
    assert world.plan(config, world.detections()).empty


def test_the_secret_is_rotated_and_the_old_version_kept(on_moto: Any) -> None:
    config = on_moto.built()
    first = on_moto.secrets.get(SECRET)
    rotate_webhook_secret(config, on_moto.clients())
    second = on_moto.secrets.get(SECRET)
    assert on_moto.secrets.versions[SECRET] == [first, second]
    webhook = _integration(on_moto, "trailwatch-main-webhook")
    assert webhook["headers"] == {"X-Trailwatch-Token": second}
    assert on_moto.plan(config, on_moto.detections()).empty


def test_a_rotation_that_broke_off_is_finished_by_the_next(on_moto: Any) -> None:
    config = on_moto.built()
    on_moto.faults.add(Fault("opsgenie", "PUT /v2/integrations", "status", 422))
    with pytest.raises(RouterError):
        rotate_webhook_secret(config, on_moto.clients())
    on_moto.faults.clear()
    stored = list(on_moto.secrets.versions[SECRET])
    assert len(stored) == 2
    assert [c.kind for c in on_moto.plan(config, on_moto.detections()).changes] == [
        "webhook_integration"
    ]
    rotate_webhook_secret(config, on_moto.clients())
    assert on_moto.secrets.versions[SECRET] == stored
    assert on_moto.plan(config, on_moto.detections()).empty


def test_there_is_nothing_to_rotate_before_setup(on_moto: Any) -> None:
    with pytest.raises(ConfigError, match="no webhook"):
        rotate_webhook_secret(on_moto.config(), on_moto.clients())


def test_an_alarm_opens_an_alert_with_its_fields(on_stand_in: Any) -> None:
    world = on_stand_in
    config = world.built()
    detection = world.detections()[1]
    _set_state(world, config, detection, "ALARM")
    (alert,) = until(world.opsgenie.alerts)
    arn = config.site.alarm_arn(config.alarm_name(detection.id))
    assert alert["alias"] == arn
    assert alert["message"] == config.alarm_name(detection.id)
    assert alert["priority"] == detection.severity
    assert set(alert["tags"]) == {"trailwatch", "site:main"}
    assert alert["details"]["alarm_arn"] == arn
    assert alert["details"]["aws_account"] == "123456789012"
    assert alert["details"]["aws_region_name"] == "US East (N. Virginia)"
    assert alert["details"]["reason"] == "a test"
    assert detection.title in alert["description"]
    assert "AWS account ID: 123456789012\n" in alert["description"]
    _set_state(world, config, detection, "OK")
    time.sleep(0.3)
    assert [one["status"] for one in world.opsgenie.alerts()] == ["open"]


def test_ok_closes_the_alert_only_where_that_is_wanted(on_stand_in: Any) -> None:
    world = on_stand_in
    config = world.config(auto_close=True)
    world.apply(config, world.detections())
    detection = world.detections()[0]
    _set_state(world, config, detection, "ALARM")
    until(world.opsgenie.alerts)
    _set_state(world, config, detection, "OK")
    until(lambda: world.opsgenie.alerts()[0]["status"] == "closed")


def _set_state(world: Any, config: Any, detection: Any, state: str) -> None:
    name = config.alarm_name(detection.id)
    world.aws.call(
        "cloudwatch", "SetAlarmState", AlarmName=name, StateValue=state, StateReason="a test"
    )


@pytest.fixture
def samples(shared: Path) -> list[dict[str, Any]]:
    folder = shared / "data" / "cloudwatch"
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.message.json"))]


def test_real_messages_of_all_years_are_read(on_stand_in: Any, samples: Any) -> None:
    """Messages from 2014 to 2025, with a null description and keys between others."""
    world = on_stand_in
    config = world.built()
    topic = config.site.topic_arn(config.topic)
    alarms = [one for one in samples if one["NewStateValue"] == "ALARM" and "AlarmArn" in one]
    for message in alarms:
        text = json.dumps(message, separators=(",", ":"), ensure_ascii=False)
        world.aws.call("sns", "Publish", TopicArn=topic, Message=text)
    found = until(lambda: len(got := world.opsgenie.alerts()) == len(alarms) and got)
    by_alias = {one["alias"]: one for one in found}
    for message in alarms:
        alert = by_alias[message["AlarmArn"]]
        assert alert["details"]["aws_account"] == message["AWSAccountId"]
        assert alert["details"]["aws_region_name"] == message["Region"]
        assert alert["details"]["description"] == message["AlarmDescription"]
        assert alert["details"]["state_change_time"] == message["StateChangeTime"]
        assert alert["priority"] == "P3"


def test_a_rate_limit_is_waited_out(on_moto: Any) -> None:
    slept: list[float] = []
    api = IntegrationsApi(on_moto.opsgenie.url, on_moto.opsgenie.api_key, sleep=slept.append)
    fault = Fault("opsgenie", "/v2/integrations", "status", 429, count=2, retry_after=3)
    on_moto.faults.add(fault)
    made = api.create({"name": "one", "type": "API"})
    assert made["apiKey"]
    assert slept == [3.0, 3.0]
    on_moto.faults.add(Fault("opsgenie", "/v2/integrations", "status", 500, count=1))
    with pytest.raises(RouterError) as caught:
        api.create({"name": "two", "type": "API"})
    assert caught.value.retryable
    assert len(slept) == 2, "a create that may have taken effect is not sent again"
    api.close()


def test_refusals_say_what_to_mend(on_moto: Any) -> None:
    wrong = IntegrationsApi(on_moto.opsgenie.url, "no-such-key")
    with pytest.raises(RouterError, match="does not know it") as caught:
        wrong.list()
    assert caught.value.code == "401"
    weak = IntegrationsApi(on_moto.opsgenie.url, on_moto.opsgenie.alert_key)
    with pytest.raises(RouterError) as caught:
        weak.list()
    assert caught.value.permission == "Configuration access"
    nowhere = IntegrationsApi("http://127.0.0.1:9", "key", sleep=lambda seconds: None)
    with pytest.raises(RouterError, match="did not answer"):
        nowhere.list()
    for api in (wrong, weak, nowhere):
        api.close()


def test_status_says_what_stands_and_how_it_lives(on_stand_in: Any) -> None:
    world = on_stand_in
    config = world.config()
    rows = status(config, world.detections(), world.clients())
    assert {row.state for row in rows} == {"missing"}
    world.apply(config, world.detections())
    world.aws.call("cloudwatch", "DisableAlarmActions",
                   AlarmNames=[config.alarm_name(world.detections()[0].id)])  # fmt: skip
    by_kind: dict[str, list[Any]] = {}
    for row in status(config, world.detections(), world.clients()):
        by_kind.setdefault(row.kind, []).append(row)
    assert by_kind["trail"][0].facts["logging"] == "yes"
    assert by_kind["subscription"][0].facts == {"confirmed": "yes"}
    first, *others = by_kind["alarm"]
    assert (first.state, first.detail) == ("differs", "actions_enabled is no, not yes.")
    assert {row.state for row in others} == {"ok"}
    assert all(row.facts["state"] in ("OK", "INSUFFICIENT_DATA") for row in others)
