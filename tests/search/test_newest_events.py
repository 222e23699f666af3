"""Pages of the newest events: nothing twice, nothing left out, whatever their times."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.aws import AwsStandIn
from sandbox.faults import Faults
from sandbox.wire import CallLog, Sender
from trailwatch.aws import Aws, Keys
from trailwatch.pattern import parse
from trailwatch.search.logs import EventQuery, LogsSource

GROUP = "/trailwatch/cloudtrail"
NOW = datetime.now(UTC).replace(microsecond=0)
WANTED = parse('{ $.eventName = "CreateUser" }')


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    calls, faults = CallLog(), Faults(random.Random(1).random)
    stand_in = AwsStandIn(calls=calls, faults=faults, sender=Sender(calls, faults))
    stand_in.start()
    made = Aws("us-east-1", stand_in.url, Keys("AKIAEXAMPLE", "secret"), max_attempts=1)
    logs = made.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="s")
    # Many at one time, as CloudTrail delivers them, and some by a millisecond apart.
    events = [line(number) for number in range(2000)]
    events.sort(key=lambda event: event["timestamp"])
    logs.put_log_events(logGroupName=GROUP, logStreamName="s", logEvents=events)
    yield made
    made.close()
    stand_in.stop()


def line(number: int) -> dict[str, Any]:
    at = int((NOW - timedelta(seconds=number // 37 * 5)).timestamp() * 1000) - number % 3
    name = "CreateUser" if number % 4 == 0 else "ListUsers"
    time = NOW - timedelta(seconds=number // 37 * 5)
    record = {"eventID": f"e-{number}", "eventName": name, "eventTime": time.isoformat()}
    return {"timestamp": at, "message": json.dumps(record)}


@pytest.mark.parametrize("want", [1, 7, 20, 499, 500, 600])
def test_pages_give_each_event_once(aws: Aws, want: int) -> None:
    source = LogsSource(aws, GROUP)
    found: list[str] = []
    end, skip = NOW, 0
    for _ in range(40 if want < 20 else 600):
        query = EventQuery(WANTED, NOW - timedelta(days=1), end)
        page = source.newest(query, want=want, skip=skip)
        assert page.complete
        found += [event.id for event in page.events]
        if page.next is None:
            break
        assert len(page.events) == want
        end, skip = page.next
    expected = [f"e-{number}" for number in range(0, 2000, 4)]
    assert len(found) == len(set(found))
    if page.next is None:
        assert sorted(found) == sorted(expected)
    numbers = [int(one[2:]) // 37 for one in found]
    assert numbers == sorted(numbers), "newest first"


def test_a_search_out_of_time_goes_on_where_it_stopped(aws: Aws) -> None:
    found: list[str] = []
    end, skip = NOW, 0
    for _ in range(100):
        ticks = iter([0.0, *[9.0] * 100])
        source = LogsSource(aws, GROUP, clock=lambda ticks=ticks: next(ticks))  # type: ignore[misc]
        query = EventQuery(WANTED, NOW - timedelta(days=1), end)
        page = source.newest(query, want=1000, skip=skip, seconds=5)
        found += [event.id for event in page.events]
        if page.next is None:
            break
        assert page.next != (end, skip), "it gets on"
        end, skip = page.next
    assert sorted(found) == sorted(f"e-{number}" for number in range(0, 2000, 4))
