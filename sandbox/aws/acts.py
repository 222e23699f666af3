"""Knows what somebody in the account may do to the pipeline. Acts by signed calls, as they would.

Unlike a scenario's records, an act changes the account: the trail stops, the filter is gone. The
stand-in records it as it records every call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.config import Config
from botocore.session import Session, get_session

CLI = (
    "aws-cli/2.31.4 md/awscrt#0.27.6 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.13.7 "
    "cfg/retry-mode#standard"
)
CONSOLE = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"

Connect = Callable[[str], Any]
"""Gives a client of a service."""


class NothingThere(Exception):
    """An act has nothing to act on; the text says what is missing."""


@dataclass(frozen=True)
class Actor:
    """Somebody with an access key, an address and a tool."""

    key: str
    address: str
    tool: str


MALLORY = Actor("AKIAEXAMPLEMALLORY01", "198.51.100.66", CLI)
ERIN = Actor("AKIAEXAMPLEERIN00001", "203.0.113.25", CONSOLE)


def act(name: str, url: str, region: str) -> str:
    """Do what `name` says to the account at `url`; what was done, in a few words.

    Raises NothingThere, and KeyError for an act that there is not.
    """
    who, do = ACTS[name]
    with _clients(who, url, region) as connect:
        return do(connect)


@contextmanager
def _clients(who: Actor, url: str, region: str) -> Iterator[Connect]:
    session: Session = get_session()
    opened: list[Any] = []

    def forwarded(request: Any, **_: object) -> None:
        request.headers["X-Forwarded-For"] = who.address

    def connect(service: str) -> Any:
        client = session.create_client(
            service,
            region_name=region,
            endpoint_url=url,
            aws_access_key_id=who.key,
            aws_secret_access_key="example",  # noqa: S106  the stand-in asks for none
            config=Config(user_agent=who.tool, retries={"total_max_attempts": 1}),
        )
        client.meta.events.register("before-send", forwarded)
        opened.append(client)
        return client

    try:
        yield connect
    finally:
        for client in opened:
            client.close()


def _stop_logging(connect: Connect) -> str:
    cloudtrail = connect("cloudtrail")
    trails = cloudtrail.describe_trails(includeShadowTrails=False)["trailList"]
    logging = [t for t in trails if cloudtrail.get_trail_status(Name=t["Name"])["IsLogging"]]
    if not logging:
        raise NothingThere("no trail is logging")
    cloudtrail.stop_logging(Name=logging[0]["TrailARN"])
    return f"stopped the trail {logging[0]['Name']}"


def _delete_filter(connect: Connect) -> str:
    logs = connect("logs")
    found = logs.describe_metric_filters()["metricFilters"]
    if not found:
        raise NothingThere("there is no metric filter")
    first = found[0]
    logs.delete_metric_filter(logGroupName=first["logGroupName"], filterName=first["filterName"])
    return f"deleted the metric filter {first['filterName']}"


def _mute_alarm(connect: Connect) -> str:
    cloudwatch = connect("cloudwatch")
    alarm = _alarm(cloudwatch)
    start = datetime.now(UTC)
    schedule = {"Expression": f"at({start:%Y-%m-%dT%H:%M})", "Duration": "PT8H"}
    cloudwatch.put_alarm_mute_rule(
        Name="too-noisy",
        Description="Too noisy while we migrate",
        Rule={"Schedule": schedule},
        MuteTargets={"AlarmNames": [alarm["AlarmName"]]},
    )
    return f"muted the alarm {alarm['AlarmName']} for 8 hours"


def _detach_alarm(connect: Connect) -> str:
    cloudwatch = connect("cloudwatch")
    alarm = _alarm(cloudwatch)
    kept = {name: alarm[name] for name in _SETTABLE if name in alarm}
    cloudwatch.put_metric_alarm(**kept, AlarmActions=[], OKActions=[])
    return f"took the alarm {alarm['AlarmName']} off its topic"


def _alarm(cloudwatch: Any) -> Mapping[str, Any]:
    alarms = cloudwatch.describe_alarms(AlarmTypes=["MetricAlarm"])["MetricAlarms"]
    if not alarms:
        raise NothingThere("there is no alarm")
    first: Mapping[str, Any] = alarms[0]
    return first


_SETTABLE = (
    *("AlarmName", "AlarmDescription", "ActionsEnabled", "MetricName", "Namespace", "Statistic"),
    *("Dimensions", "Period", "EvaluationPeriods", "DatapointsToAlarm", "Threshold"),
    *("ComparisonOperator", "TreatMissingData"),
)

ACTS: Mapping[str, tuple[Actor, Callable[[Connect], str]]] = {
    "stop-logging": (MALLORY, _stop_logging),
    "delete-filter": (MALLORY, _delete_filter),
    "mute-alarm": (ERIN, _mute_alarm),
    "detach-alarm": (MALLORY, _detach_alarm),
}
