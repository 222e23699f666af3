"""How many GB of records a month are expected, by what the account shows of itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from setup.cost import Size, estimate
from setup.volume import PAGE, expected
from trailwatch.errors import AwsError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Answering:
    """Clients of which a test says what every call answers."""

    def __init__(self, answer: Callable[[str], dict[str, Any]]) -> None:
        self._answer = answer

    def call(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        return self._answer(operation)


def events(number: int, apart: timedelta) -> dict[str, Any]:
    found = [
        {"EventTime": NOW - apart * at, "CloudTrailEvent": "x" * 1_500} for at in range(number)
    ]
    return {"Events": found}


@pytest.mark.parametrize(
    ("answer", "gigabytes", "said"),
    [
        # 50 events of 1.5 KB in 49 minutes.
        (events(PAGE, timedelta(minutes=1)), "0.07", "50 events of this Region, of 49 minutes"),
        (events(PAGE, timedelta(seconds=1)), "3.24", "of 60 seconds"),
        (events(PAGE, timedelta(hours=3)), "0.01", "of 6 days"),
        (events(3, timedelta(days=20)), "0.01", "newest 3 events of this Region, of 90 days"),
    ],
)
def test_the_newest_events_tell_before_there_is_a_log_group(
    answer: dict[str, Any], gigabytes: str, said: str
) -> None:
    clients: Any = Answering(lambda operation: answer if operation == "LookupEvents" else {})
    found = expected("/trailwatch/cloudtrail", clients, NOW, stands=False)
    assert found is not None
    assert found.gigabytes == Decimal(gigabytes)
    assert said in found.how
    cost = estimate(Size(), Size(trail=True), found.gigabytes, found.how)
    assert [line.note for line in cost.lines] == [found.how]
    assert not any("assumed" in note for note in cost.notes)


def test_what_cannot_be_known_is_assumed() -> None:
    def refuse(operation: str) -> dict[str, Any]:
        raise AwsError(f"AWS refused {operation}.")

    answers: list[Callable[[str], dict[str, Any]]] = [refuse, lambda operation: {}]
    for answer in answers:
        clients: Any = Answering(answer)
        for stands in (True, False):
            assert expected("/trailwatch/cloudtrail", clients, NOW, stands=stands) is None


def test_a_log_group_that_stands_tells_by_its_own_metric() -> None:
    points = {"Datapoints": [{"Sum": 200_000_000.0}, {"Sum": 400_000_000.0}]}
    clients: Any = Answering(lambda operation: points if operation.endswith("Statistics") else {})
    found = expected("/trailwatch/cloudtrail", clients, NOW, stands=True)
    assert found is not None
    assert (found.gigabytes, found.how) == (Decimal("9.00"), "as measured over the last 30 days")
