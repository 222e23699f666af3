"""Lists of alerts: the worst first, named by the account that their events are of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from handlers import samples
from trailwatch.alert import Alert, AlertState
from trailwatch.store import alerts

OWN, MEMBER = "123456789012", "111122223333"


@pytest.fixture
def fired(house: Any) -> Iterator[Any]:
    """Three open alerts: the P2 is the oldest, and of the P3 the events are another account's."""
    now = house.now()
    fields = replace(samples.ALERT.fields, account=OWN, account_name="main")
    plain = replace(
        samples.ALERT, fields=fields, state=AlertState.OPEN, site="main", events=(), accounts=()
    )

    def one(title: str, severity: str, minutes: int, **more: Any) -> Alert:
        first = now - timedelta(minutes=minutes)
        named = {"id": title.lower(), "alias": title, "router_id": title}
        return replace(
            plain, **named, title=title, severity=severity, first_seen=first, updated_at=first,
            **more,
        )  # fmt: skip

    found = [
        one("Older", "P3", 20),
        one("Worst", "P2", 30),
        one("Elsewhere", "P3", 10, accounts=(MEMBER,)),
    ]
    with house.deps.db.transaction() as tx:
        for alert in found:
            alerts.save(tx, alert)
    yield house
    with house.deps.db.transaction() as tx:
        for alert in found:
            alerts.save(tx, replace(alert, state=AlertState.CLOSED))


def lines(text: str) -> list[str]:
    """The titles in the order in which a text has them."""
    titles = ("Elsewhere", "Older", "Worst")
    return sorted((title for title in titles if title in text), key=text.index)


@pytest.mark.parametrize("command", ["alerts", "alerts --since 1h"])
def test_the_worst_stand_first_then_the_newest(fired: Any, command: str) -> None:
    text = str(fired.command(command).blocks)
    assert lines(text) == ["Worst", "Elsewhere", "Older"]
    (line,) = [line for line in text.split("\\n") if "Elsewhere" in line]
    assert f"· {MEMBER}" in line
    assert "main" not in line


def test_home_and_digest_name_the_account_of_the_events(fired: Any) -> None:
    home = fired.home()
    assert lines(home) == ["Worst", "Elsewhere", "Older"]
    assert f"{MEMBER} · `" in home
    fired.command("digest now")
    assert f"Elsewhere · {MEMBER} · `" in str(fired.messages("digest:")[-1]["blocks"])
