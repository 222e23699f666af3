"""What strangers write mentions nobody, links nowhere and breaks no layout, wherever it shows."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.journey

EVIL = (
    "<!channel> <!here> <@U0ALICE000> <#C0SECALERT> <!subteam^S1> *urgent* _it_ ~no~ `code` "
    "<https://evil.example/|click> https://evil.example/x &lt;!channel&gt; :fire: "
    "\u202egnp.exe\u2066 \u200b\u0000\u0007 ```block``` \r\n> quoted\n# head | pipe | "
)
LONG = EVIL + "A" * 20_000
"""Ten of these fill the largest event that CloudWatch Logs takes."""
OURS = re.compile(
    r"!date\^\d+\^[^|<>]*\|[^|<>]*"
    r"|https://([a-z0-9-]+\.)?console\.aws\.amazon\.com/[^|<>\s]*\|[^<>]*"
    r"|https://app\.opsgenie\.com/[^|<>\s]*\|[^<>]*"
    r"|https://sandbox\.slack\.com/archives/[^|<>\s]*\|[^<>]*"
)


def record(name: str, text: str) -> dict[str, Any]:
    """A call in which every text is somebody's own."""
    return {
        "errorCode": text,
        "errorMessage": text,
        "eventVersion": "1.11",
        "eventID": f"evil-{name}-{len(text)}",
        "eventTime": "2026-11-23T09:00:00Z",
        "eventSource": "signin.amazonaws.com",
        "eventName": name,
        "awsRegion": "us-east-1",
        "recipientAccountId": "123456789012",
        "sourceIPAddress": text,
        "userAgent": text,
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": f"AROAEXAMPLE:{text}",
            "arn": f"arn:aws:sts::123456789012:assumed-role/{text}/{text}",
            "accountId": "123456789012",
            "userName": text,
            "sessionContext": {"sessionIssuer": {"type": "Role", "userName": text, "arn": text}},
        },
        "requestParameters": {"userName": text, text[:200]: text},
        "responseElements": {"user": {"userName": text}},
    }


@pytest.fixture(scope="module")
def evil_world(shared_world: Any) -> Any:
    """The sandbox after strangers wrote wherever they may."""
    world = shared_world
    known = {m["ts"] for m in world.sandbox.alerts()}
    lines = [json.dumps(record("ConsoleLogin", text)) for text in (EVIL, LONG)]
    world.sandbox.records("\n".join(lines).encode())
    alert = world.sandbox.wait_message(
        lambda m: (
            m["ts"] not in known
            and ": Console login in account" in m["text"]
            and "alert.events" in json.dumps(m["blocks"])
        )
    )
    world.until_shown(alert, '"type": "table"')
    world.sandbox.click(alert, "alert.events", user="bob")
    known = {m["ts"] for m in world.sandbox.alerts()}
    for number, text in enumerate((EVIL, LONG)):
        clean = "".join(c for c in text if c.isprintable() or c == "\n")
        world.sound(
            f"trailwatch-odd {number} {clean[:150]}", description=clean[:1000], reason=clean[:1000]
        )
    world.sandbox.until(
        lambda: len([m for m in world.sandbox.alerts() if m["ts"] not in known]) >= 2
    )
    routed_alerts = world.sandbox.get("/api/opsgenie/alerts")
    for routed in [one for one in routed_alerts if "-odd " in one["alias"]]:
        path = f"/api/opsgenie/alerts/{routed['id']}"
        who = EVIL[:90]
        world.sandbox.post(f"{path}/assign", {"user": who, "owner": {"username": who}})
        world.sandbox.post(f"{path}/notes", {"user": who, "note": EVIL})
        world.sandbox.post(f"{path}/acknowledge", {"user": who})
    taken = world.sandbox.wait_message(
        lambda m: "Acknowledged by" in m["text"] and "U0ALICE000" in m["text"]
    )
    value = taken["metadata"]["event_payload"]["alert_id"]
    world.sandbox.click(taken, "alert.acknowledge", user="bob", value=value)
    world.told("bob", "already acknowledged by")
    world.write("update audit set actor_name = ?, subject = ?", EVIL, EVIL)
    world.sandbox.command("digest now", user="bob")
    world.sandbox.wait_message(lambda m: m["text"].startswith("Digest"))
    return world


def everything(world: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """All that anybody can see now: kind and payload."""
    for user in ("alice", "bob", "carol"):
        for message in world.sandbox.messages(user):
            yield "message", {"text": message["text"], "blocks": message["blocks"]}
        yield "home", world.sandbox.get("/api/home", user=user)
    odd = EVIL.replace("\x00", "")
    for command in (
        "alerts", "alerts --since 7d", "status", "audit", odd, f"help {odd}",
        f"pattern check {odd}", f"pattern check {{ $.a = {odd} }}", f"setup apply {odd[:60]}",
        f"setup plan --pack {odd[:9]}", f"detections {odd[:20]}", f"access grant {odd[:9]} admin",
    ):  # fmt: skip
        ack = world.sandbox.command(command)["ack"]
        if ack:
            yield "message", {"text": ack["text"], "blocks": ack.get("blocks") or []}


def texts(value: Any) -> Iterator[tuple[str, str]]:
    """Each text object's type and text, at any depth."""
    if isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield str(value.get("type", "")), value["text"]
        for below in value.values():
            yield from texts(below)
    elif isinstance(value, list):
        for below in value:
            yield from texts(below)


def kinds(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for below in value.values():
            yield from kinds(below)
    elif isinstance(value, list):
        for below in value:
            yield from kinds(below)


def test_no_mention_no_link_no_hidden_character(evil_world: Any) -> None:
    seen = 0
    for _, payload in everything(evil_world):
        parsed = [payload.get("text", "")]
        for kind, text in texts(payload.get("blocks", [])):
            hidden = [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co")]
            assert [c for c in hidden if c != "\n"] == [], text
            if kind == "mrkdwn":
                parsed.append(text)
        for text in parsed:
            for inside in re.findall(r"<([^>]*)>?", text):
                assert OURS.fullmatch(inside), text
            # Between ticks Slack shows every sign as it is.
            assert "*urgent*" not in re.sub(r"`[^`\n]*`", "", text)
            assert "```" not in text
        if not payload.get("blocks"):
            assert "evil.example" not in payload["text"]
        by_us = payload.get("text", "").startswith("Options of main")
        for part in kinds(payload.get("blocks", [])):
            if by_us and part == {"type": "user", "user_id": "U0ALICE000"}:
                continue  # who chose an option, as Slack named the person
            assert part.get("type") not in ("user", "usergroup", "channel", "broadcast"), part
            assert OURS.fullmatch(f"{part['url']}|") if "url" in part else True, part
        seen += "evil" in json.dumps(payload)
    assert seen > 10


def test_everything_passes_the_check_of_slack_s_blocks(
    evil_world: Any, shared: Path, tmp_path: Path
) -> None:
    """Held against the check that lies beside the project."""
    files: dict[str, list[str]] = {"message": [], "home": []}
    for number, (kind, payload) in enumerate(everything(evil_world)):
        if payload.get("blocks"):
            file = tmp_path / f"{kind}-{number}.json"
            whole = payload if kind == "message" else {"type": "home", "blocks": payload["blocks"]}
            file.write_text(json.dumps(whole))
            files[kind].append(str(file))
    check = shared / "checks" / "blockkit" / "validate_slack.py"
    for kind, names in files.items():
        assert names
        ran = subprocess.run(
            [sys.executable, str(check), "--kind", kind, *names],
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, [line for line in ran.stdout.splitlines() if "OK" not in line]


def test_slack_took_all_of_it(evil_world: Any) -> None:
    assert evil_world.rows("select key, error from message where state = 'dead'") == []
    assert evil_world.rows("select kind, error from job where state = 'dead'") == []
