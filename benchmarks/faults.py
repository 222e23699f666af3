"""Lets every call of an apply fail in every way, one at a time, and looks at what is left.

For each call that an apply makes of AWS and Opsgenie, and for each of five faults (throttled,
denied, a reset, a time-out, an answer that is lost after the effect): an empty account with a
stranger's resources in it, an apply in which the call meets the fault, then a plan and an apply
without faults. Exits with 1 when anything that was made is unknown to the next plan, when that
plan does not repair, or when anything of the stranger's is otherwise than before.

    benchmarks/faults.py [--quick]      # --quick: every fifth call
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3

from sandbox.aws import AwsStandIn
from sandbox.faults import Fault, Faults
from sandbox.opsgenie import OpsgenieStandIn
from sandbox.wire import CallLog, Sender
from setup.apply import Progress, ProgressState, apply
from setup.clients import Clients
from setup.opsgenie_api import IntegrationsApi
from setup.plan import Plan, make_plan
from trailwatch.aws import Aws
from trailwatch.clock import utc_now
from trailwatch.detections import load_catalogue
from trailwatch.errors import TrailwatchError
from trailwatch.site import Site, SiteConfig

REGION, ACCOUNT = "us-east-1", "123456789012"
SILENCE = 2.0
"""Seconds without an answer after which a client gives up, where the fault is a time-out; the
server is silent for longer."""
DETECTIONS = load_catalogue().pack("walkthrough")[:2]
THEIRS = "theirs"
NO_CALLS = ("POST /v1/json/amazonsns", "confirm SNS subscription", "ConfirmSubscription")
"""What SNS and Opsgenie say to each other."""

KINDS: Mapping[str, Callable[[str, str], Fault]] = {
    "throttled": lambda target, name: Fault(target, name, "status", 429, count=3),
    "denied": lambda target, name: Fault(target, name, "status", 403),
    "reset": lambda target, name: Fault(target, name, "reset", count=3),
    "timeout": lambda target, name: Fault(target, name, "timeout", seconds=SILENCE + 1, count=1),
    "lost": lambda target, name: Fault(target, name, "lost", count=1),
}
"""Throttled and reset: often enough to use up a client's own tries once."""


@dataclass(frozen=True)
class Call:
    """A call that an apply makes: the stand-in that takes it, and a part of its name."""

    target: str
    name: str


@dataclass(frozen=True)
class Outcome:
    """What became of an apply in which one call failed in one way.

    ended: the apply in a few words. unknown: what stands and neither the plan nor the stranger
    knows. left: changes that are still wanted after the repair. touched: what is the stranger's
    and is otherwise than before.
    """

    call: Call
    kind: str
    ended: str
    repairs: int
    left: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    touched: tuple[str, ...] = ()

    @property
    def well(self) -> bool:
        return not (self.left or self.unknown or self.touched)


class Memory:
    """Secrets for one account's life."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    def get(self, name: str) -> str | None:
        return self._kept.get(name)

    def put(self, name: str, value: str) -> None:
        self._kept[name] = value


@dataclass
class Stage:
    """An account and an Opsgenie, and what works with them."""

    aws: Aws
    api: IntegrationsApi
    log: CallLog
    faults: Faults
    config: SiteConfig
    secrets: Memory = field(default_factory=Memory)

    def clients(self) -> Clients:
        return Clients(
            self.aws,
            self.api,
            self.secrets,
            pace=0.0,
            patience=3.0,
            sleep=lambda seconds: time.sleep(min(seconds, 0.05)),
        )

    def plan(self) -> Plan:
        return make_plan(self.config, DETECTIONS, self.clients(), utc_now)

    def apply(self, plan: Plan) -> list[Progress]:
        return list(apply(plan, self.config, DETECTIONS, self.clients(), utc_now))


@cache
def session() -> boto3.session.Session:
    """One for all: it keeps the service models that clients are made from."""
    return boto3.session.Session("AKIAEXAMPLEEXAMPLE00", "example", region_name=REGION)


@contextmanager
def stage(silence: float = 20.0) -> Iterator[Stage]:
    """An empty account and an empty Opsgenie; clients give up after that many seconds."""
    log, faults = CallLog(), Faults(lambda: 0.0)
    sender = Sender(log, Faults(lambda: 0.0))
    aws = AwsStandIn(calls=log, faults=faults, sender=sender)
    opsgenie = OpsgenieStandIn(calls=log, faults=faults, sender=sender, processing_delay=0.0)
    aws.start()
    opsgenie.start()
    own = Aws(REGION, aws.url, session=session(), max_attempts=2, read_timeout=silence)
    api = IntegrationsApi(opsgenie.url, opsgenie.api_key, sleep=lambda seconds: None)
    config = SiteConfig(
        Site("main", ACCOUNT, REGION),
        router_url=opsgenie.url,
        public_url="https://bot.example.com",
    )
    try:
        yield Stage(own, api, log, faults, config)
    finally:
        api.close()
        own.close()
        opsgenie.stop()
        aws.stop()


def calls_of_apply() -> tuple[Call, ...]:
    """Every kind of call that an apply makes, in the order of their first."""
    with stage() as empty:
        plan = empty.plan()
        before = len(empty.log.list())
        failed = [one for one in empty.apply(plan) if one.state is ProgressState.FAILED]
        assert not failed, failed
        made = empty.log.list()[before:]
    found = [
        Call(one["target"], _kind_of_path(one["method"]))
        for one in made
        if one["target"] in ("aws", "opsgenie") and not one["method"].startswith(NO_CALLS)
    ]
    return tuple(dict.fromkeys(found))


def _kind_of_path(method: str) -> str:
    """Opsgenie's calls without the ids in their paths: what all of a kind begin with."""
    verb, _, path = method.partition(" ")
    return f"{verb} {'/'.join(path.split('/')[:3])}" if path else method


def trial(call: Call, kind: str) -> Outcome:
    """Let one call fail in one way, and see whether the next plan repairs."""
    with stage(SILENCE if kind == "timeout" else 20.0) as one:
        strangers = make_strangers(one)
        before = shown(one, strangers)
        plan = one.plan()
        one.faults.add(KINDS[kind](call.target, call.name))
        try:
            ended = _words(one.apply(plan))
        except TrailwatchError as error:
            ended = f"not begun: {error.what}"
        one.faults.clear()
        unknown = _unknown(one, strangers)
        again = one.plan()
        failed = [step for step in one.apply(again) if step.state is ProgressState.FAILED]
        left = [f"{step.change.key}: {step.error}" for step in failed]
        left += [change.key for change in one.plan().changes]
        unknown += _unknown(one, strangers) + _doubled(one)
        after = shown(one, strangers)
        touched = [name for name in before if before[name] != after.get(name)]
    return Outcome(
        call, kind, ended, len(again.changes), tuple(left), tuple(unknown), tuple(touched)
    )


def _words(progress: Sequence[Progress]) -> str:
    states = Counter(one.state for one in progress)
    failed = [one for one in progress if one.state is ProgressState.FAILED]
    if not failed:
        return "done"
    rest = states[ProgressState.NOT_TRIED]
    return f"stopped at {failed[0].change.kind}, {rest} not tried"


# What stands


def make_strangers(one: Stage) -> Mapping[str, str]:
    """What somebody else has in the account, some of it named much like ours; name by kind."""
    call = one.aws.call
    trust = {"Version": "2012-10-17", "Statement": []}
    call("s3", "CreateBucket", Bucket=f"{THEIRS}-trailwatch-bucket")
    call("logs", "CreateLogGroup", logGroupName="/trailwatch/theirs")
    call(
        "logs",
        "PutMetricFilter",
        logGroupName="/trailwatch/theirs",
        filterName="trailwatch-theirs",
        filterPattern="ERROR",
        metricTransformations=[
            {"metricName": "errors", "metricNamespace": "Theirs", "metricValue": "1"}
        ],
    )
    call(
        "cloudwatch",
        "PutMetricAlarm",
        AlarmName="trailwatch-theirs",
        MetricName="errors",
        Namespace="Theirs",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    call("sns", "CreateTopic", Name="trailwatch-theirs")
    call("iam", "CreateRole", RoleName="trailwatch-theirs", AssumeRolePolicyDocument=json.dumps(
        {**trust, "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"},
                                 "Action": "sts:AssumeRole"}]}))  # fmt: skip
    one.api.create({"name": "trailwatch-theirs", "type": "AmazonSns"})
    return {
        "bucket": f"{THEIRS}-trailwatch-bucket",
        "log_group": "/trailwatch/theirs",
        "metric_filter": "trailwatch-theirs",
        "alarm": "trailwatch-theirs",
        "topic": "trailwatch-theirs",
        "role": "trailwatch-theirs",
        "integration": "trailwatch-theirs",
    }


def standing(one: Stage) -> dict[str, dict[str, Any]]:
    """Everything in the account and in Opsgenie: by kind, by name."""
    call = one.aws.call
    topics = [topic["TopicArn"] for topic in call("sns", "ListTopics")["Topics"]]
    return {
        "bucket": _by("Name", call("s3", "ListBuckets")["Buckets"]),
        "log_group": _by("logGroupName", call("logs", "DescribeLogGroups")["logGroups"]),
        "metric_filter": _by("filterName", call("logs", "DescribeMetricFilters")["metricFilters"]),
        "alarm": _by("AlarmName", call("cloudwatch", "DescribeAlarms")["MetricAlarms"]),
        "role": _by("RoleName", call("iam", "ListRoles")["Roles"]),
        "trail": _by("Name", call("cloudtrail", "DescribeTrails")["trailList"]),
        "topic": {
            arn.rpartition(":")[2]: call("sns", "GetTopicAttributes", TopicArn=arn)["Attributes"]
            for arn in topics
        },
        "integration": _by("name", one.api.list()),
    }


def _by(key: str, found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {str(one[key]): dict(one) for one in found}


def shown(one: Stage, strangers: Mapping[str, str]) -> dict[str, str]:
    """The stranger's resources as they show, as text."""
    there = standing(one)
    found = {kind: str(there[kind].get(name)) for kind, name in strangers.items()}
    bucket = strangers["bucket"]
    found["bucket's policy"] = str(_policy(one, bucket))
    group = one.aws.call("logs", "DescribeMetricFilters", logGroupName=strangers["log_group"])
    found["log group's filters"] = str(group["metricFilters"])
    return found


def _policy(one: Stage, bucket: str) -> object:
    return one.clients().find("s3", "GetBucketPolicy", ("NoSuchBucketPolicy",), Bucket=bucket)


FIRST = frozenset({"Default API", "trailwatch-setup", "trailwatch"})
"""What the stand-ins have from the start."""


def _unknown(one: Stage, strangers: Mapping[str, str]) -> list[str]:
    """What stands and is neither of the pipeline nor the stranger's nor there from the start."""
    config = one.config
    names = [config.alarm_name(detection.id) for detection in DETECTIONS]
    ours = {
        "bucket": {config.bucket},
        "log_group": {config.log_group},
        "metric_filter": set(names),
        "alarm": set(names),
        "role": {config.role},
        "trail": {config.trail},
        "topic": {config.topic},
        "integration": {f"{config.prefix}-main-alarms", f"{config.prefix}-main-webhook"},
    }
    return [
        f"{kind} {name}"
        for kind, there in standing(one).items()
        for name in there
        if name not in ours[kind] | {strangers.get(kind)} | FIRST
        and not (kind == "role" and name.startswith("trailwatch-"))
    ]


def _doubled(one: Stage) -> list[str]:
    """Integrations or subscriptions that stand twice."""
    names = Counter(str(found["name"]) for found in one.api.list())
    topic = one.config.site.topic_arn(one.config.topic)
    subscriptions = len(one.clients().subscriptions(topic))
    doubled = [f"integration {name} {count} times" for name, count in names.items() if count > 1]
    return doubled + ([f"{subscriptions} subscriptions"] if subscriptions != 1 else [])


def main() -> int:
    from stage import header, quick, table

    short = quick()
    header("faults: each call of an apply fails in each way; then a plan and an apply repair")
    calls = calls_of_apply()[:: 5 if short else 1]
    bad: list[Outcome] = []
    rows = []
    for call in calls:
        row = [call.name]
        for kind in KINDS:
            outcome = trial(call, kind)
            ended = outcome.ended.partition(":")[0]
            told = f"{ended}; {outcome.repairs} repaired" if outcome.repairs else "done"
            row.append(told if outcome.well else "BAD")
            if not outcome.well:
                bad.append(outcome)
        rows.append(row)
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    table(rows, ("call", *KINDS))
    for outcome in bad:
        print(f"\nBAD: {outcome}")
    trials = len(calls) * len(KINDS)
    print(f"\n{trials} trials, {len(bad)} bad")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
