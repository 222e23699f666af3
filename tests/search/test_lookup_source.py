"""The search of CloudTrail's event history against the AWS stand-in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.aws import AwsStandIn
from sandbox.faults import Faults
from sandbox.wire import CallLog, Sender
from trailwatch.aws import Aws, Keys
from trailwatch.errors import AwsError
from trailwatch.search.lookup import Attribute, LookupSource

NOW = datetime.now(UTC).replace(microsecond=0)


def record(number: int, name: str = "StopLogging") -> dict[str, Any]:
    return {
        "eventID": f"e{number}",
        "eventTime": f"{NOW - timedelta(minutes=number):%Y-%m-%dT%H:%M:%SZ}",
        "eventName": name,
        "eventSource": "cloudtrail.amazonaws.com",
        "awsRegion": "us-east-1",
        "userIdentity": {"type": "IAMUser", "userName": "mallory"},
        "requestParameters": {"name": "trailwatch"},
        "readOnly": False,
    }


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    calls, faults = CallLog(), Faults(lambda: 0.0)
    stand_in = AwsStandIn(calls=calls, faults=faults, sender=Sender(calls, faults))
    stand_in.start()
    stand_in.ingest([record(number) for number in range(120)])
    stand_in.ingest([record(500, "DeleteTrail"), record(3)])
    made = Aws("us-east-1", stand_in.url, Keys("AKIAEXAMPLE", "secret"), max_attempts=1)
    yield made
    made.close()
    stand_in.stop()


def test_every_page_is_read_newest_first_and_each_event_once(aws: Aws) -> None:
    found = LookupSource(aws, pace=0.0).find(
        Attribute.EVENT_NAME, "StopLogging", NOW - timedelta(days=1), NOW, limit=1000
    )
    assert [event.id for event in found.events] == [f"e{number}" for number in range(120)]
    assert found.complete and found.events[0].actor == "mallory"
    assert json.loads(found.events[0].raw)["requestParameters"] == {"name": "trailwatch"}


def test_it_stops_at_its_limit_and_says_so(aws: Aws) -> None:
    found = LookupSource(aws, pace=0.0).find(
        Attribute.EVENT_NAME, "StopLogging", NOW - timedelta(days=1), NOW, limit=60
    )
    assert len(found.events) == 99 and not found.complete, "two pages, one event twice"


def test_a_window_and_other_attributes(aws: Aws) -> None:
    source = LookupSource(aws, pace=0.0)
    window = source.find(
        Attribute.EVENT_NAME, "StopLogging", NOW - timedelta(minutes=5), NOW - timedelta(minutes=4)
    )
    assert {event.id for event in window.events} == {"e4", "e5"}
    by_id = source.find(Attribute.EVENT_ID, "e500", NOW - timedelta(days=90), NOW)
    assert [event.name for event in by_id.events] == ["DeleteTrail"]
    assert source.find(Attribute.USER_NAME, "nobody", NOW - timedelta(days=1), NOW).events == ()


def test_lookups_keep_their_distance(aws: Aws) -> None:
    waits: list[float] = []
    source = LookupSource(aws, pace=5.0, sleep=waits.append)
    for _ in range(3):
        source.find(Attribute.EVENT_NAME, "DeleteTrail", NOW - timedelta(days=1), NOW)
    assert len(waits) == 2 and all(4.0 < wait <= 5.0 for wait in waits)


def test_a_refusal_is_an_error(aws: Aws) -> None:
    with pytest.raises(AwsError, match="InvalidTimeRange"):
        LookupSource(aws).find(Attribute.EVENT_NAME, "x", NOW, NOW - timedelta(days=1))
