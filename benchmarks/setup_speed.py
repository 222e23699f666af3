"""Measures plan, apply and re-apply with 60 ms on every call, beside going object by object.

For 15 and 60 detections: how many calls, how many of them write, and how long. The stand-ins run
in a process of their own and keep each answer back for 60 ms, as a far Region does. Beside it the
naive way, in the same run: one call after the other, for each object one that describes it, and
for a change one that puts it whether it differs or not. Goals: 18 calls or fewer for what a plan
reads, no write in a re-apply, at most a tenth of the naive way's time for reading.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from stage import header, quick, table

from setup.apply import ProgressState, apply
from setup.clients import Clients
from setup.opsgenie_api import IntegrationsApi
from setup.pipeline import pipeline
from setup.plan import make_plan
from trailwatch.aws import Aws, Keys
from trailwatch.clock import utc_now
from trailwatch.detections import Detection, load_catalogue
from trailwatch.site import Site, SiteConfig

FAR = 0.06
"""Seconds by which every answer is late."""
READS = ("Get", "Describe", "List", "Lookup", "Head", "Simulate", "GET ")
ASIDE = ("POST /v1/json/amazonsns", "confirm SNS subscription", "ConfirmSubscription")
"""What SNS and Opsgenie say to each other."""


FIRST = {
    "cloudtrail": "DescribeTrails",
    "cloudwatch": "DescribeAlarms",
    "iam": "ListRoles",
    "logs": "DescribeLogGroups",
    "s3": "ListBuckets",
    "sns": "ListTopics",
    "sts": "GetCallerIdentity",
}


@dataclass(frozen=True)
class Cost:
    """What one step took: calls of AWS and of Opsgenie, how many of both write, and how long."""

    aws: int
    opsgenie: int
    writes: int
    seconds: float


class Memory:
    """Secrets for the length of a run."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    def get(self, name: str) -> str | None:
        return self._kept.get(name)

    def put(self, name: str, value: str) -> None:
        self._kept[name] = value


def serve(pipe: Connection) -> None:
    """The far AWS and Opsgenie: tells their addresses, and for each line the calls since."""
    from sandbox.aws import AwsStandIn
    from sandbox.faults import Fault, Faults
    from sandbox.opsgenie import OpsgenieStandIn
    from sandbox.wire import CallLog, Sender

    class Far(Faults):
        def take(self, target: str, name: str) -> Fault | None:
            time.sleep(FAR)
            return super().take(target, name)

    log, far = CallLog(), Far(lambda: 0.0)
    sender = Sender(CallLog(), Faults(lambda: 0.0))
    aws = AwsStandIn(calls=log, faults=far, sender=sender)
    opsgenie = OpsgenieStandIn(calls=log, faults=far, sender=sender, processing_delay=0.0)
    aws.start()
    opsgenie.start()
    pipe.send((aws.url, opsgenie.url, opsgenie.api_key))
    known = 0
    while pipe.recv() != "end":
        every = log.list()
        pipe.send([call["method"] for call in every[known:]])
        known = len(every)
    opsgenie.stop()
    aws.stop()


class Far:
    """Clients of the far stand-ins, and what their calls cost."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        aws_url, opsgenie_url, key = pipe.recv()
        self.aws = Aws("us-east-1", aws_url, Keys("AKIAEXAMPLEEXAMPLE00", "example"))
        self.api = IntegrationsApi(opsgenie_url, key)
        self.secrets = Memory()
        self.config = SiteConfig(
            Site("main", "123456789012", "us-east-1"),
            router_url=opsgenie_url,
            public_url="https://bot.example.com",
        )
        # Clients are made once in a process's life, and moto's parts when they are first asked:
        # neither is what is measured.
        for service, operation in FIRST.items():
            self.aws.call(service, operation)

    def clients(self) -> Clients:
        """Without the second that trailwatch leaves between writes to CloudTrail."""
        return Clients(self.aws, self.api, self.secrets, pace=0.0)

    def cost(self, work: Callable[[], object]) -> Cost:
        """Do some work, and count."""
        self._calls()
        began = time.perf_counter()
        work()
        seconds = time.perf_counter() - began
        calls = [call for call in self._calls() if not call.startswith(ASIDE)]
        opsgenie = sum(" /v2/" in call for call in calls)
        writes = sum(not call.startswith(READS) for call in calls)
        return Cost(len(calls) - opsgenie, opsgenie, writes, seconds)

    def _calls(self) -> list[str]:
        self._pipe.send("calls")
        found: list[str] = self._pipe.recv()
        return found

    def close(self) -> None:
        self.api.close()
        self.aws.close()


@contextmanager
def far_away() -> Iterator[Far]:
    """An empty account, 60 ms away."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,))
    process.start()
    far = Far(ours)
    try:
        yield far
    finally:
        far.close()
        ours.send("end")
        process.join(10)
        if process.is_alive():
            process.kill()


# trailwatch


def ours(far: Far, detections: Sequence[Detection]) -> dict[str, Cost]:
    """Plan, apply, and both once more, where nothing is left to do."""
    config, plans = far.config, []

    def plan() -> None:
        plans.append(make_plan(config, detections, far.clients(), utc_now))

    def carry_out() -> None:
        progress = apply(plans[-1], config, detections, far.clients(), utc_now)
        failed = [one for one in progress if one.state is ProgressState.FAILED]
        assert not failed, failed

    costs = {"plan": far.cost(plan), "apply": far.cost(carry_out)}
    costs["plan, nothing to do"] = far.cost(plan)
    assert plans[-1].empty, [change.summary() for change in plans[-1].changes]
    costs["re-apply"] = far.cost(carry_out)
    return costs


# Object by object


def naive(far: Far, detections: Sequence[Detection]) -> dict[str, Cost]:
    """The same pipeline, each object by itself: read, put, and put again."""
    costs = {"plan": far.cost(lambda: read_each(far, detections))}
    costs["apply"] = far.cost(lambda: put_each(far, detections))
    costs["plan, nothing to do"] = far.cost(lambda: read_each(far, detections))
    costs["re-apply"] = far.cost(lambda: put_each(far, detections))
    return costs


def read_each(far: Far, detections: Sequence[Detection]) -> None:
    """One description after the other: for filters and alarms one each, with its own name."""
    for resource in pipeline(far.config, detections):
        clients = far.clients()
        if resource.kind == "metric_filter":
            clients.find(
                "logs",
                "DescribeMetricFilters",
                ("ResourceNotFoundException",),
                logGroupName=far.config.log_group,
                filterNamePrefix=resource.name,
            )
        elif resource.kind == "alarm":
            clients.call("cloudwatch", "DescribeAlarms", AlarmNames=[resource.name])
        else:
            clients.together = in_turn  # type: ignore[method-assign]
            resource.read(clients)


def put_each(far: Far, detections: Sequence[Detection]) -> None:
    """Each object put after it was looked at, whether it differs or not."""
    for resource in pipeline(far.config, detections):
        clients = far.clients()
        clients.together = in_turn  # type: ignore[method-assign]
        resource.write(clients, resource.read(clients))


def in_turn(*calls: Callable[[], Any]) -> list[Any]:
    return [call() for call in calls]


def main() -> None:
    sizes = (15,) if quick() else (15, 60)
    header(f"setup: plan, apply and re-apply, {FAR * 1000:.0f} ms on every call")
    catalogue = load_catalogue()
    rows, ratios = [], []
    for size in sizes:
        chosen = catalogue.pack("cis") if size == 15 else catalogue.pack("all")[:size]
        with far_away() as far:
            good = ours(far, chosen)
        with far_away() as far:
            bad = naive(far, chosen)
        for step, cost in good.items():
            rows.append([f"{size}: {step}", *_cells(cost), *_cells(bad[step])])
        last = "plan, nothing to do"
        ratios.append(f"{size}: {bad[last].seconds / good[last].seconds:.0f} times as fast")
    print("Calls: of AWS + of Opsgenie.\n")
    table(rows, ("detections", "calls", "writes", "time", "naive: calls", "writes", "time"))
    print(f"reading what stands, beside object by object: {'; '.join(ratios)}")


def _cells(cost: Cost) -> list[str]:
    return [f"{cost.aws} + {cost.opsgenie}", str(cost.writes), f"{cost.seconds:.2f} s"]


if __name__ == "__main__":
    main()
