from __future__ import annotations

from datetime import UTC, datetime

import pytest

from handlers.jobs.reconcile import differing
from trailwatch.alert import Alert, AlertFields, AlertState
from trailwatch.routers.router import RoutedAlert

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
