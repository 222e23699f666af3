from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.alert_fields import INCOMPLETE
from handlers.jobs.reconcile import KIND, differing, reconcile
from trailwatch.alert import Alert, AlertFields, AlertState
from trailwatch.routers.router import RoutedAlert
from trailwatch.store import alerts, jobs

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def there(id_: str, state: AlertState = AlertState.OPEN, **more: object) -> RoutedAlert:
    return RoutedAlert(id_, "", "", "", state, "P3", NOW, NOW, **more)  # type: ignore[arg-type]


def here(id_: str, state: AlertState = AlertState.OPEN, **more: object) -> Alert:
    plain = Alert(f"a-{id_}", "", id_, "t", "P3", state, AlertFields(), NOW, NOW)
    return Alert(**{**vars(plain), **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("routed", "alert", "found"),
    [
        (there("r"), here("r"), []),
        (there("r"), None, ["r"]),
        (there("r"), here("r", extra={INCOMPLETE: "yes"}), ["r"]),
        (there("r", AlertState.ACKNOWLEDGED), here("r"), ["r"]),
        (there("r", count=3), here("r", count=2), ["r"]),
        (there("r", count=2), here("r", count=3), []),
        (there("r", owner="bob"), here("r"), ["r"]),
    ],
)
def test_what_differs(routed: RoutedAlert, alert: Alert | None, found: list[str]) -> None:
    assert differing([routed], {"r": alert}, [alert] if alert else []) == found


def test_what_was_closed_meanwhile_is_read() -> None:
    assert differing([], {}, [here("gone")]) == ["gone"]


@dataclass(frozen=True)
class Try:
    """One try of the job."""

    id: int
    kind: str = KIND
    args: Mapping[str, Any] = field(default_factory=dict)
    attempt: int = 1
    resumed: bool = False

    def step(self, name: str, function: Callable[[], Any]) -> Any:
        return function()

    def beat(self) -> None: ...


@pytest.fixture(scope="module")
def desk(make_house: Callable[..., Any]) -> Any:
    return make_house()


def test_of_comparisons_that_pile_up_the_newest_does_all(desk: Any) -> None:
    id_ = desk.opsgenie.create({"message": "m", "alias": "missed", "tags": ["trailwatch"]})
    with desk.deps.db.transaction() as tx:
        first, second = (jobs.add(tx, KIND, {}, desk.deps.clock()) for _ in range(2))

    def known() -> Alert | None:
        with desk.deps.db.reading() as tx:
            return alerts.by_router_id(tx, id_)

    reconcile(desk.deps, Try(first))
    assert known() is None, "it gave way"
    reconcile(desk.deps, Try(second))
    assert known() is not None


def test_more_alerts_than_a_page_are_compared(desk: Any) -> None:
    """After an outage: all were missed; Opsgenie gives a hundred at a time."""
    ids = [
        desk.opsgenie.create({"message": "m", "alias": f"many-{n}", "tags": ["trailwatch"]})
        for n in range(110)
    ]
    with desk.deps.db.transaction() as tx:
        job = jobs.add(tx, KIND, {"due": "later"}, desk.deps.clock())
    reconcile(desk.deps, Try(job))
    with desk.deps.db.reading() as tx:
        missed = [one for one in ids if alerts.by_router_id(tx, one) is None]
    assert missed == []
