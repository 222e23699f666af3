"""A record that CloudTrail delivers ten minutes late still sets off its alarm."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from sandbox.aws import AwsStandIn
from sandbox.faults import Faults
from sandbox.wire import CallLog, Sender
from setup.apply import ProgressState, apply
from setup.clients import Clients, NoSecrets
from setup.pipeline import alarm
from setup.plan import make_plan
from trailwatch.aws import Aws
from trailwatch.detections import Detection, load_catalogue
from trailwatch.site import Site, SiteConfig

SPEED = 120.0
LATE = timedelta(minutes=10)
CONFIG = SiteConfig(Site("main", "123456789012", "us-east-1"), router_url="")
CATALOGUE = load_catalogue()


@dataclass
class Late:
    """An account whose trail delivers ten minutes late, ten minutes being five seconds."""

    stand_in: AwsStandIn
    clients: Clients

    def states(self) -> dict[str, str]:
        alarms = self.clients.fresh().alarms("trailwatch-")
        return {name: str(found["StateValue"]) for name, found in alarms.items()}


@pytest.fixture
def late() -> Iterator[Late]:
    log, faults = CallLog(), Faults(lambda: 0.0)
    stand_in = AwsStandIn(
        calls=log,
        faults=faults,
        sender=Sender(log, faults),
        speed=SPEED,
        delivery_delay=LATE.total_seconds(),
    )
    stand_in.start()
    keys = boto3.session.Session("AKIAEXAMPLEEXAMPLE00", "example", region_name="us-east-1")
    aws = Aws("us-east-1", stand_in.url, session=keys, max_attempts=2)
    yield Late(stand_in, Clients(aws, None, NoSecrets(), pace=0.0))
    aws.close()
    stand_in.stop()


def of_each_form() -> list[Detection]:
    """One detection for each pair of period and threshold in the catalogue."""
    forms: dict[tuple[timedelta, int], Detection] = {}
    for detection in CATALOGUE.detections.values():
        forms.setdefault((detection.period, detection.threshold), detection)
    return list(forms.values())


def records(detection: Detection, at: datetime) -> list[dict[str, Any]]:
    """As many of the detection's events as it takes, all of one moment."""
    record = {**detection.examples.matches[0], "eventTime": at.isoformat()}
    return [
        {**record, "eventID": f"{detection.id}-{number}", "recipientAccountId": "123456789012"}
        for number in range(detection.threshold)
    ]


def test_a_record_ten_minutes_late_sets_off_every_form_of_alarm(late: Late) -> None:
    detections = of_each_form()
    assert len(detections) > 2, "periods and thresholds differ"
    plan = make_plan(CONFIG, detections, late.clients, lambda: datetime.now(UTC))
    done = list(apply(plan, CONFIG, detections, late.clients, lambda: datetime.now(UTC)))
    assert {one.state for one in done} == {ProgressState.DOING, ProgressState.DONE}
    # Beside one of ours, an alarm that looks at the newest period alone.
    quick = alarm(CONFIG, min(detections, key=lambda one: one.period))
    arguments = late.clients.fresh().alarms("trailwatch-")[quick.name]
    late.clients.call(
        "cloudwatch",
        "PutMetricAlarm",
        **{
            name: arguments[name]
            for name in ("MetricName", "Namespace", "Statistic", "Period", "Threshold")
        },
        AlarmName="trailwatch-looks-at-one",
        ComparisonOperator=arguments["ComparisonOperator"],
        EvaluationPeriods=1,
        TreatMissingData="notBreaching",
    )

    happened = datetime.now(UTC)
    late.stand_in.ingest([r for one in detections for r in records(one, happened)])
    assert "ALARM" not in late.states().values(), "nothing was delivered yet"
    wanted = {CONFIG.alarm_name(one.id) for one in detections}
    deadline = time.monotonic() + 60
    fired: set[str] = set()
    while not wanted <= fired and time.monotonic() < deadline:
        time.sleep(0.05)
        fired |= {name for name, state in late.states().items() if state == "ALARM"}
    assert wanted - fired == set()
    assert datetime.now(UTC) - happened >= LATE / SPEED
    assert "trailwatch-looks-at-one" not in fired


def test_every_alarm_looks_back_ten_minutes_from_any_moment() -> None:
    for detection in CATALOGUE.detections.values():
        wanted = alarm(replace(CONFIG), detection).wanted()
        window = timedelta(seconds=wanted["period"] * wanted["evaluation_periods"])
        # The newest period may have just begun: what is older than the others is out of sight.
        assert window - detection.period >= LATE, detection.id
        assert wanted["datapoints_to_alarm"] == 1
        assert wanted["statistic"] == "Sum"
        assert wanted["missing_data"] == "notBreaching"
