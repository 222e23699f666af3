"""The main job on the project's own records: set up, alarm, who did what, acknowledge, digest."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.driver import PATIENCE

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def sandbox(start_sandbox: Callable[..., Any]) -> Iterator[Any]:
    started = start_sandbox("--speed", "60")
    yield started
    assert started.stop() == 0


@pytest.fixture(scope="module")
def applied(sandbox: Any) -> dict[str, Any]:
    found: dict[str, Any] = sandbox.set_up()
    return found


def alert_of(sandbox: Any, title: str, seconds: float = PATIENCE) -> dict[str, Any]:
    found: dict[str, Any] = sandbox.until(
        lambda: next((m for m in sandbox.alerts() if title in m["text"]), None),
        seconds,
        f"an alert {title!r} among {[m['text'][:60] for m in sandbox.alerts()]}",
    )
    return found


def shown(message: dict[str, Any]) -> str:
    return json.dumps(message["blocks"], ensure_ascii=False)


def test_the_plan_is_built_and_building_again_changes_nothing(
    sandbox: Any, applied: dict[str, Any]
) -> None:
    assert "Applied" in applied["text"]
    writes = len(sandbox.get("/api/calls", target="aws"))
    sandbox.command("setup plan")
    sandbox.wait_message(lambda m: "Nothing to change" in shown(m) or "nothing to" in m["text"])
    calls = sandbox.get("/api/calls", target="aws")[writes:]
    changing = ("Create", "Put", "Delete", "Update", "Start", "Set", "Subscribe", "Tag")
    assert [c["method"] for c in calls if c["method"].startswith(changing)] == []


def test_only_the_setup_role_builds(sandbox: Any, applied: dict[str, Any]) -> None:
    names = [c["method"] for c in sandbox.get("/api/calls", target="aws")]
    assert "AssumeRole" in names
    assert names.index("AssumeRole") < names.index("CreateTrail")


def test_an_alarm_shows_who_did_what_and_is_acknowledged(
    sandbox: Any, applied: dict[str, Any]
) -> None:
    sandbox.post("/api/scenario", {"name": "create-user"})
    alert = alert_of(sandbox, "IAM user")
    found = sandbox.wait_message(
        lambda m: m["ts"] == alert["ts"] and '"type": "table"' in json.dumps(m["blocks"])
    )
    assert "CreateUser" in shown(found)
    assert "123456789012" in shown(found)
    assert "us-east-1" in shown(found)

    answer = sandbox.click(found, "alert.acknowledge", user="bob")
    assert answer["status"] == 200
    sandbox.wait_message(lambda m: m["ts"] == alert["ts"] and "cknowledged by" in shown(m))
    routed = next(a for a in sandbox.get("/api/opsgenie/alerts") if a["acknowledged"])
    assert "bob" in json.dumps(routed)

    sandbox.click(found, "alert.events", user="carol")
    reply = sandbox.wait_message(
        lambda m: m.get("thread_ts") == alert["ts"] and "events.file" in json.dumps(m["blocks"])
    )
    assert "CreateUser" in shown(reply)
    sandbox.wait_message(lambda m: m.get("thread_ts") == alert["ts"] and "Behind" in m["text"])
    sandbox.wait_message(lambda m: m["ts"] == alert["ts"] and "Who:" in m["text"])
    sandbox.click(reply, "events.file", user="carol")
    file = sandbox.wait_message(lambda m: m.get("files"))
    assert file["thread_ts"] == alert["ts"]
    assert file["files"][0]["name"].startswith("cloudtrail-")
    sandbox.click(reply, "events.search", user="carol")
    (view,) = sandbox.until(lambda: sandbox.get("/api/views", user="carol"))
    answer = sandbox.post(
        f"/api/views/{view['id']}/submit",
        {"user": "carol", "values": {"events_name": "Create*"}},
    )
    assert "errors" not in json.dumps(answer)
    sandbox.wait_message(
        lambda m: (
            m.get("thread_ts") == alert["ts"]
            and "events.search" in json.dumps(m["blocks"])
            and m["ts"] != reply["ts"]
        )
    )
    assert len([m for m in sandbox.alerts() if "IAM user" in m["text"]]) == 1


def test_what_is_done_in_opsgenie_shows_in_slack(sandbox: Any, applied: dict[str, Any]) -> None:
    sandbox.post("/api/scenario", {"name": "root-sign-in"})
    alert = alert_of(sandbox, "Root")
    router_id = next(
        a["id"] for a in sandbox.get("/api/opsgenie/alerts") if "root-console-login" in a["alias"]
    )
    sandbox.post(f"/api/opsgenie/alerts/{router_id}/acknowledge", {"user": "olga@example.com"})
    sandbox.wait_message(lambda m: m["ts"] == alert["ts"] and "olga" in shown(m))
    sandbox.post(f"/api/opsgenie/alerts/{router_id}/close", {"user": "olga@example.com"})
    closed = sandbox.wait_message(lambda m: m["ts"] == alert["ts"] and "losed" in m["text"])
    assert "alert.acknowledge" not in shown(closed)
    late = sandbox.click(alert, "alert.acknowledge", user="bob", value=alert_value(alert))
    assert late["status"] == 200
    sandbox.wait_message(lambda m: m.get("ephemeral") and "already" in m["text"], user="bob")


def alert_value(alert: dict[str, Any]) -> str:
    return str((alert["metadata"]["event_payload"])["alert_id"])


def test_who_may_not_is_told_who_may(sandbox: Any, applied: dict[str, Any]) -> None:
    answer = sandbox.command("setup plan", user="carol")
    assert "admin" in json.dumps(answer["ack"])
    stranger = sandbox.command("alerts", user="dave")
    assert "full members" in json.dumps(stranger["ack"])


def test_help_and_did_you_mean(sandbox: Any) -> None:
    assert "setup plan" in json.dumps(sandbox.command("help")["ack"])
    assert "setup plan" in json.dumps(sandbox.command("setup paln")["ack"])


def test_the_digest(sandbox: Any, applied: dict[str, Any]) -> None:
    sandbox.command("digest now", user="bob")
    digest = sandbox.wait_message(lambda m: m["text"].startswith("Digest"))
    assert "IAM user" in shown(digest)


def test_home_and_audit(sandbox: Any, applied: dict[str, Any]) -> None:
    home = sandbox.get("/api/home", user="alice")
    assert "admin" in json.dumps(home)
    audit = json.dumps(sandbox.command("audit")["ack"])
    assert "apply the plan" in audit and "changes done" in audit
    assert "acknowledge" in audit
    assert "setup." not in audit and "alert." not in audit


def test_bad_records_are_told_and_the_rest_is_taken(sandbox: Any) -> None:
    good = json.dumps(
        {"eventTime": "2026-11-23T09:00:00Z", "eventName": "ListUsers", "eventVersion": "1.08",
         "eventSource": "iam.amazonaws.com", "userIdentity": {"type": "IAMUser"}}
    )  # fmt: skip
    answer = sandbox.records(f"{good}\nnot json\n".encode())
    assert answer["accepted"] == 1
    assert answer["rejected"][0]["line"] == 2


def test_a_wrong_secret_is_refused(sandbox: Any) -> None:
    import urllib.error
    import urllib.request

    url = f"{sandbox.status['bot']['url']}/webhooks/opsgenie"
    request = urllib.request.Request(url, data=b"{}", headers={"X-Trailwatch-Token": "wrong"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=30)
    with caught.value as answer:
        assert answer.code == 401


def test_patterns_are_checked_explained_and_tried(sandbox: Any, applied: dict[str, Any]) -> None:
    refused = sandbox.command("pattern check { ($.eventName = }", user="carol")
    assert "Invalid metric filter pattern" in json.dumps(refused["ack"])
    told = sandbox.command('pattern explain { $.errorCode = "AccessDenied*" }', user="carol")
    assert "begins with" in json.dumps(told["ack"]) or "starts with" in json.dumps(told["ack"])
    sandbox.post("/api/scenario", {"name": "create-user"})
    found = asked_until_told(
        sandbox,
        'pattern test { $.eventName = "CreateUser" } --since 1h',
        lambda m: "this pattern" in m["text"] and "CreateUser" in table_of(m),
    )
    assert "jane" in shown(found) or "alice" in shown(found)
    pattern = '{ ($.eventName = "CreateUser") && ($.errorCode = "AccessDenied") }'
    record = {
        "eventTime": "2026-11-23T09:00:00Z", "eventName": "CreateUser", "eventID": "e-explained",
        "eventSource": "iam.amazonaws.com", "managementEvent": True, "readOnly": False,
    }  # fmt: skip
    sandbox.records(json.dumps(record).encode())
    told = asked_until_told(
        sandbox,
        f"pattern explain {pattern} --event e-explained",
        lambda m: "does not match event" in m["text"],
    )
    assert "[yes] eventName is" in shown(told)
    assert "[no] errorCode is" in shown(told)


def asked_until_told(
    sandbox: Any, command: str, test: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """The private answer that passes; asked again, since a record takes a moment to arrive."""

    def ask() -> dict[str, Any] | None:
        known = {m["ts"] for m in sandbox.messages("carol")}
        sandbox.command(command, user="carol")
        told = sandbox.until(
            lambda: [
                m
                for m in sandbox.messages("carol")
                if m.get("ephemeral") and m["ts"] not in known and m["blocks"]
            ]
        )
        return next((m for m in told if test(m)), None)

    found: dict[str, Any] = sandbox.until(ask)
    return found


def table_of(message: dict[str, Any]) -> str:
    return json.dumps([b for b in message["blocks"] if b["type"] == "table"])


def test_a_detection_of_our_own_is_added_and_put_to_work(
    sandbox: Any, applied: dict[str, Any]
) -> None:
    added = sandbox.command(
        'detections add vpn-deleted P2 "VPN deleted" { $.eventName = "DeleteVpnConnection" }'
    )
    assert "setup plan --add vpn-deleted" in json.dumps(added["ack"])
    sandbox.command("setup plan --add vpn-deleted")
    plan = sandbox.wait_message(
        lambda m: "plan.apply" in shown(m) and "trailwatch-vpn-deleted" in shown(m)
    )
    sandbox.click(plan, "plan.apply")
    sandbox.wait_message(lambda m: m["ts"] == plan["ts"] and "Applied" in m["text"])
    record = {
        "eventTime": "2026-11-23T09:00:00Z", "eventName": "DeleteVpnConnection",
        "eventSource": "ec2.amazonaws.com", "managementEvent": True, "readOnly": False,
        "eventID": "e-vpn", "userIdentity": {"type": "IAMUser", "userName": "jane"},
    }  # fmt: skip
    sandbox.records(json.dumps(record).encode())
    assert "P2" in alert_of(sandbox, "VPN deleted")["text"]
    refused = sandbox.command("detections remove vpn-deleted")
    assert "at work" in json.dumps(refused["ack"])


def test_the_archive_is_backtested(sandbox: Any, applied: dict[str, Any]) -> None:
    sandbox.post("/api/scenario", {"name": "create-user"})
    sandbox.command("backtest --pack walkthrough --since 1h", user="bob")
    found = sandbox.wait_message(
        lambda m: m["text"].startswith("Backtest of pack walkthrough") and table_of(m) != "[]"
    )
    assert "IAM user created" in table_of(found)
    refused = sandbox.command("backtest", user="carol")
    assert "responder" in json.dumps(refused["ack"])


def test_an_alarm_whose_webhook_never_came_is_found_after_a_restart(
    sandbox: Any, applied: dict[str, Any]
) -> None:
    sandbox.post("/api/faults", {"target": "webhook", "match": "", "status": "reset"})
    before = len(sandbox.get("/api/opsgenie/alerts"))
    sandbox.post("/api/scenario", {"name": "big-instance"})
    sandbox.until(lambda: len(sandbox.get("/api/opsgenie/alerts")) > before)
    sandbox.until(
        lambda: [c for c in sandbox.get("/api/calls", target="webhook") if c["status"] == 0]
    )
    os.kill(sandbox.get("/api/status")["bot"]["pid"], signal.SIGKILL)
    alert_of(sandbox, "nstance")
    sandbox.call("DELETE", "/api/faults")
