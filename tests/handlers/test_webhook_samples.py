"""Every recorded webhook, and any unknown action, goes the whole road; nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.app import take_in
from handlers.webhooks.opsgenie import parse
from trailwatch.clock import utc_now
from trailwatch.store import inbox
from trailwatch.store.inbox import InboxState
from trailwatch.store.tables import alert, job, message
from trailwatch.store.tables import inbox as inbox_table


@pytest.fixture(scope="module")
def one_house(make_house: Callable[..., Any]) -> Any:
    return make_house()


def deliver(house: Any, body: bytes) -> str:
    """Put it in the inbox as the webhook does, and handle it as the worker does; its key."""
    deps, now = house.deps, utc_now()
    notification = parse(body, now)
    with deps.db.transaction() as tx:
        inbox.put(
            tx, key=notification.key, source="opsgenie", body=body.decode(), at=now,
            lane=notification.alert_id,
        )  # fmt: skip
        row = inbox.claim(tx, owner="t", now=now, lease=now)
    if row is not None:
        take_in(deps, row)
        house.work()
    return notification.key


def state_of(house: Any, key: str) -> str:
    with house.deps.db.reading() as tx:
        found = tx.execute(select(inbox_table.c.state).where(inbox_table.c.key == key)).scalar()
    return str(found)


def counts(house: Any) -> tuple[int, int, int]:
    with house.deps.db.reading() as tx:
        return (
            len(tx.execute(select(alert.c.id)).all()),
            len(tx.execute(select(message.c.key)).all()),
            len(tx.execute(select(job.c.id).where(job.c.state == "dead")).all()),
        )


def test_every_sample_is_taken_in(one_house: Any, shared: Path) -> None:
    samples = [
        path
        for path in sorted((shared / "data" / "opsgenie").glob("*webhook-*.json"))
        if "integration" not in path.name
    ]
    assert len(samples) >= 18
    for path in samples:
        key = deliver(one_house, path.read_bytes())
        assert state_of(one_house, key) == InboxState.DONE, path.name
    alerts, messages, dead = counts(one_house)
    created = {
        json.loads(path.read_bytes())["alert"]["alertId"]
        for path in samples
        if json.loads(path.read_bytes())["action"] == "Create"
    }
    # One message each; of the one that was deleted there its thread tells.
    assert alerts == len(created) == messages - 1 and dead == 0
    for path in samples:  # the same again changes nothing
        deliver(one_house, path.read_bytes())
    assert counts(one_house) == (alerts, messages, 0)


@pytest.mark.parametrize("action", ["AddDetails", "EscalateNext", "Zażółć <!channel>", "create"])
@pytest.mark.parametrize("known", [True, False])
def test_an_unknown_action_is_taken_and_shows_nothing_unconfirmed(
    one_house: Any, action: str, known: bool
) -> None:
    alert_id = f"unknown-{known}-{len(action)}-1700000000000"
    if known:
        first = {"action": "Create", "alert": {"alertId": alert_id, "updatedAt": 1_700_000_000_000}}
        deliver(one_house, json.dumps(first).encode())
    before = counts(one_house)
    body = {
        "action": action,
        "alert": {"alertId": alert_id, "updatedAt": 1_700_000_000_001, "priority": 3},
    }
    key = deliver(one_house, json.dumps(body).encode())
    assert state_of(one_house, key) == InboxState.DONE
    # The stand-in knows no such alert: nothing is shown that nobody confirms.
    assert counts(one_house) == before
