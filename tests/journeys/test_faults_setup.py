"""Setting up while things go wrong: refusals, lost answers, a killed bot, drift, rotation, removal.

The tests follow one site through its life and build on each other, in the order of this file.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.driver import PATIENCE

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def fresh_world(start_world: Callable[[], Any]) -> Any:
    return start_world()


@pytest.fixture
def site(fresh_world: Any) -> Iterator[Any]:
    yield fresh_world
    fresh_world.well()


def planned(site: Any, command: str = "setup plan") -> dict[str, Any]:
    """Ask for a plan; its message once it can be applied."""
    known = {m["ts"] for m in site.sandbox.messages()}
    site.sandbox.command(command)
    found: dict[str, Any] = site.sandbox.wait_message(
        lambda m: m["ts"] not in known and "plan.discard" in json.dumps(m["blocks"])
    )
    return found


def ended(site: Any, plan: dict[str, Any], word: str, seconds: float = PATIENCE) -> dict[str, Any]:
    """The plan's message once its text has the word."""
    found: dict[str, Any] = site.sandbox.wait_message(
        lambda m: m["ts"] == plan["ts"] and word in m["text"], seconds
    )
    return found


def unchanged(site: Any) -> None:
    """A new plan finds nothing to do."""
    known = {m["ts"] for m in site.sandbox.messages()}
    site.sandbox.command("setup plan")
    site.sandbox.wait_message(
        lambda m: m["ts"] not in known and "othing to change" in json.dumps(m)
    )


def status_of(site: Any) -> str:
    known = {m["ts"] for m in site.sandbox.messages("carol")}
    site.sandbox.command("setup status", user="carol")
    found = site.sandbox.wait_message(
        lambda m: m["ts"] not in known and m.get("ephemeral") and "Reading" not in m["text"],
        user="carol",
    )
    return json.dumps(found, ensure_ascii=False)


def test_a_role_that_may_not_be_assumed_is_named(site: Any) -> None:
    site.fault("aws", "AssumeRole", status=403)
    site.sandbox.command("setup plan")
    told = site.told("alice", "cannot be assumed")
    assert "sts:AssumeRole" in json.dumps(told)


def test_before_anything_stands_the_status_says_so(site: Any) -> None:
    assert "Nothing is set up" in status_of(site)


def test_a_refusal_stops_the_apply_and_says_what_is_left(site: Any) -> None:
    plan = planned(site)
    site.fault("aws", "PutMetricAlarm", status=403)
    site.sandbox.click(plan, "plan.apply")
    site.sandbox.click(plan, "plan.apply")
    stopped = ended(site, plan, "Stopped")
    words = json.dumps(stopped["blocks"])
    assert "cloudwatch:PutMetricAlarm" in words
    assert "not tried" in words
    site.told("alice", "is being applied")


def test_lost_answers_and_a_killed_bot_leave_a_whole_pipeline(site: Any) -> None:
    plan = planned(site)
    for call, what in (
        ("PutMetricAlarm", {"status": "lost", "count": 2}),
        ("Subscribe", {"status": "lost", "count": 1}),
    ):
        site.fault("aws", call, **what)
    site.fault("opsgenie", "POST /v2/integrations", status="lost", count=1)
    site.fault("opsgenie", "PUT /v2/integrations", status=500, count=1)
    site.sandbox.click(plan, "plan.apply")
    site.sandbox.until(lambda: len(site.calls("aws", "PutMetricAlarm")) >= 5)
    site.kill()
    done = ended(site, plan, "Applied")
    assert "plan.apply" not in json.dumps(done["blocks"])
    unchanged(site)
    sns = site.aws("sns")
    (topic,) = sns.list_topics()["Topics"]
    assert len(sns.list_subscriptions_by_topic(TopicArn=topic["TopicArn"])["Subscriptions"]) == 1
    # One whose answer, with its key, was lost is of no use: it is removed and made anew.
    made = [c for c in site.calls("opsgenie", "POST /v2/integrations") if c["status"] in (0, 201)]
    asked = site.calls("opsgenie", "DELETE /v2/integrations")
    removed = [c for c in asked if c["status"] in (0, 200)]  # a kill may let it be asked twice
    assert len(made) - len(removed) == 2, ([c["status"] for c in made], asked)


def test_drift_shows_and_is_repaired_once(site: Any) -> None:
    site.aws("cloudwatch").delete_alarms(AlarmNames=["trailwatch-iam-user-created"])
    logs = site.aws("logs")
    (changed,) = logs.describe_metric_filters(filterNamePrefix="trailwatch-root-console")[
        "metricFilters"
    ]
    logs.put_metric_filter(
        logGroupName=changed["logGroupName"],
        filterName=changed["filterName"],
        filterPattern='{ $.eventName = "Nothing" }',
        metricTransformations=changed["metricTransformations"],
    )
    words = status_of(site)
    assert "trailwatch-iam-user-created" in words
    assert "trailwatch-root-console" in words

    first, second = planned(site), planned(site)
    site.sandbox.click(first, "plan.apply")
    assert "1 created, 1 changed" in ended(site, first, "Applied")["text"]
    site.sandbox.click(second, "plan.apply")
    stale = ended(site, second, "out of date")
    assert "plan.apply" not in json.dumps(stale["blocks"])
    unchanged(site)


def test_a_plan_is_used_once_and_not_for_ever(site: Any) -> None:
    site.aws("cloudwatch").delete_alarms(AlarmNames=["trailwatch-iam-user-created"])
    discarded, expired = planned(site), planned(site)
    site.sandbox.click(discarded, "plan.discard")
    ended(site, discarded, "discarded")
    site.sandbox.click(discarded, "plan.apply", value=value_of(discarded))
    site.told("alice", "was discarded")

    site.write(f"update plan set expires_at = '2020-01-01' where id = '{value_of(expired)}'")
    site.sandbox.click(expired, "plan.apply")
    assert "plan.apply" not in json.dumps(ended(site, expired, "expired")["blocks"])
    site.told("alice", "has expired")

    broken = planned(site)
    site.write(f"update plan set body = '{{' where id = '{value_of(broken)}'")
    site.sandbox.click(broken, "plan.apply")
    assert "setup status" in ended(site, broken, "broke off")["text"]


def value_of(plan: dict[str, Any]) -> str:
    found: str = plan["metadata"]["event_payload"]["plan_id"]
    return found


def test_the_secret_is_renewed_while_alerts_come_in(site: Any) -> None:
    first = site.secrets()[0]
    names: list[str] = []
    firing = threading.Thread(target=lambda: names.extend(site.fire(wait=False) for _ in range(5)))
    firing.start()
    site.sandbox.command("setup rotate-secret")
    site.told("alice", "secret was rotated")
    firing.join()
    second = site.secrets()[0]
    assert second != first
    for name in names:
        site.message_of(name)
    refused = [call for call in site.calls("webhook") if call["status"] == 401]
    assert refused == []
    assert [site.deliver(b"{}", secret=one) for one in (first, second, "third")] == [400, 400, 401]
    site.sandbox.command("setup rotate-secret")
    site.sandbox.until(lambda: len(site.secrets()) == 3)
    site.sandbox.until(lambda: site.deliver(b"{}", secret=first) == 401)
    assert site.deliver(b"{}", secret=second) == 400


def test_what_was_taken_down_is_built_again(site: Any) -> None:
    down = planned(site, "setup destroy")
    site.sandbox.click(down, "plan.destroy")
    (view,) = site.sandbox.until(lambda: site.sandbox.get("/api/views", user="alice"))
    submit = f"/api/views/{view['id']}/submit"
    refused = site.sandbox.post(submit, {"user": "alice", "values": {"site_name": "prod"}})
    assert "typed as it is" in refused["ack"]["errors"]["site_name"]
    site.sandbox.post(submit, {"user": "alice", "values": {"site_name": "main"}})
    ended(site, down, "Applied")
    assert "was taken down" in status_of(site)
    site.fault("aws", "", status=500, rate=0.03)
    again = planned(site)
    site.sandbox.click(again, "plan.apply")
    ended(site, again, "Applied")
    site.well()
    unchanged(site)
    site.message_of(site.fire(wait=False))
