"""Measures Opsgenie's webhook: to its 200 (committed) and to the Slack post. Target: p95 300 ms.

The benchmark posts what Opsgenie would post, with the secret header that setup made and stored,
one new alert a second, each at its second whatever became of the one before. Their alarms are
those of the pack cis in turn; the search for events, which each alert starts, runs beside.
"""

from __future__ import annotations

import json
import time
import urllib.request
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stage import STATE, SandboxProcess, header, quick, row, sandbox, table

from bot.vault import StoredSecrets
from handlers.webhooks.opsgenie import HEADER
from setup.pipeline import webhook_secret_name
from trailwatch.clock import utc_now
from trailwatch.detections import Detection, load_catalogue
from trailwatch.store.database import open_database
from trailwatch.store.secrets import Vault

PACK = "cis"
SITE = "main"
ACCOUNT = "123456789012"
SLOWEST = 20.0
"""Seconds after the last webhook; whatever has not come then is told as lost."""


def webhook_secret(state: Path, key: str) -> str:
    """The secret that setup gave to Opsgenie's webhook, out of the bot's store; `key` opens it."""
    database = open_database(f"sqlite:///{state / 'trailwatch.db'}")
    try:
        found = StoredSecrets(database, Vault(key), utc_now).get(webhook_secret_name(SITE))
    finally:
        database.close()
    assert found is not None
    return found


def create_webhook(detection: Detection) -> Mapping[str, Any]:
    """What Opsgenie posts for a new alert of this detection's alarm."""
    name = f"trailwatch-{detection.id}"
    arn = f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:{name}"
    now = datetime.now(UTC)
    millis = int(now.timestamp() * 1000)
    description = f"[{detection.severity}] {detection.title}: {detection.why}"
    region = "US East (N. Virginia)"
    alert = {
        "alertId": f"{uuid.uuid4()}-{millis}",
        "message": name,
        "tags": ["trailwatch", f"site:{SITE}"],
        "tinyId": str(millis % 100_000),
        "entity": "",
        "alias": arn,
        "createdAt": millis,
        "updatedAt": millis * 1_000_000,
        "username": "trailwatch",
        "responders": [],
        "teams": [],
        "actions": [],
        "priority": detection.severity.value,
        "source": "AmazonSns",
        "description": f"{description}\n\nAWS account ID: {ACCOUNT}\n\nAWS region: {region}",
        "details": {
            "alarm_arn": arn,
            "alarm_name": name,
            "aws_account": ACCOUNT,
            "aws_region_name": region,
            "description": description,
            "reason": "Threshold Crossed: 1 datapoint [1.0] was greater than the threshold (1.0).",
            "state_change_time": now.strftime("%Y-%m-%dT%H:%M:%S.%f")[:23] + "+0000",
        },
    }
    return {
        "action": "Create",
        "alert": alert,
        "source": {"name": "", "type": "API"},
        "integrationName": "trailwatch",
        "integrationId": str(uuid.uuid4()),
        "integrationType": "Webhook",
    }


def post(url: str, secret: str, body: Mapping[str, Any]) -> None:
    request = urllib.request.Request(
        f"{url}/webhooks/opsgenie",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", HEADER: secret, "User-Agent": "OpsGenie"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


def send(
    started: SandboxProcess, secret: str, count: int
) -> tuple[dict[str, float], dict[str, float]]:
    """When each alert's webhook was sent (seconds since 1970), and the seconds until its 200."""
    detections = load_catalogue().pack(PACK)
    url = started.status["bot"]["url"]
    sent: dict[str, float] = {}
    committed: dict[str, float] = {}
    began = time.monotonic()
    for number in range(count):
        body = create_webhook(detections[number % len(detections)])
        time.sleep(max(0.0, began + number - time.monotonic()))
        ident = body["alert"]["alertId"]
        sent[ident] = time.time()
        post(url, secret, body)
        committed[ident] = time.time() - sent[ident]
    return sent, committed


def posted(started: SandboxProcess, sent: Mapping[str, float]) -> dict[str, float]:
    """When Slack took each alert's message, by the alert's id, which stands in the link to it."""
    first = min(sent.values())
    deadline = time.time() + SLOWEST
    while True:
        stand = started.alerts(since=first)
        if len(stand) >= len(sent) or time.time() > deadline:
            break
        time.sleep(0.2)
    shown = {float(message["ts"]): json.dumps(message["blocks"]) for message in stand}
    return {ident: ts for ident in sent for ts, blocks in shown.items() if ident in blocks}


def main() -> None:
    count = 10 if quick() else 120
    header(f"webhook: POST /webhooks/opsgenie -> Slack post, {count} new alerts, one a second")
    with sandbox() as started:
        started.set_up(PACK)
        key = (started.folder / STATE / "secret.key").read_text().strip()
        secret = webhook_secret(started.folder / STATE, key)
        time.sleep(3)
        sent, committed = send(started, secret, count)
        shown = posted(started, sent)
    delays = [(ts - sent[ident]) * 1000 for ident, ts in shown.items()]
    table(
        [
            row("POST -> 200, committed", [s * 1000 for s in committed.values()]),
            row("POST -> Slack post", delays),
            row("  the first 10 of them", delays[:10]),
        ]
    )
    print(f"lost: {count - len(shown)}")


if __name__ == "__main__":
    main()
