"""Knows how resources reach AWS and Opsgenie: bulk reads once a plan, paced writes, waiting."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from trailwatch.aws import Aws
from trailwatch.errors import AwsError, ConfigError

if TYPE_CHECKING:
    from setup.jsm_api import JsmIntegrationsApi
    from setup.opsgenie_api import IntegrationsApi

T = TypeVar("T")

THREADS = 8
PACED = ("cloudtrail",)
"""CloudTrail takes one write a second in an account (Quotas in AWS CloudTrail)."""
READS = ("Get", "Describe", "List", "Lookup")


class Secrets(Protocol):
    """Where the integration's key and the webhook's secret lie, encrypted. Safe for threads."""

    def get(self, name: str) -> str | None: ...

    def put(self, name: str, value: str) -> None: ...


class NoSecrets:
    """What only reads, and a pipeline without an on-call service, has none."""

    def get(self, name: str) -> str | None:
        return None

    def put(self, name: str, value: str) -> None:
        raise AssertionError(f"{name} is kept where no secret is")


class Clients:
    """What one plan or apply works with. Bulk answers are remembered: `fresh` forgets them.

    `pace` is the least number of seconds between two writes to CloudTrail, `patience` how many
    seconds at most to wait for what AWS makes true later. `on_call` hears ("service",
    "Operation") of every AWS call.
    """

    def __init__(
        self,
        aws: Aws,
        integrations: IntegrationsApi | None,
        secrets: Secrets,
        *,
        pace: float = 1.0,
        patience: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
        on_call: Callable[[str, str], None] | None = None,
        jsm: JsmIntegrationsApi | None = None,
    ) -> None:
        self.aws = aws
        self.secrets = secrets
        self.pace = pace
        self.patience = patience
        self.sleep = sleep
        self._integrations = integrations
        self._jsm = jsm
        self._on_call = on_call
        self._lock = threading.Lock()
        self._pace_lock = threading.Lock()
        self._last_write: dict[str, float] = {}
        self._memo: dict[object, Any] = {}
        self._locks: dict[object, threading.Lock] = {}

    def fresh(self) -> Clients:
        """The same clients with nothing remembered."""
        new = Clients(
            self.aws,
            self._integrations,
            self.secrets,
            pace=self.pace,
            patience=self.patience,
            sleep=self.sleep,
            on_call=self._on_call,
            jsm=self._jsm,
        )
        new._last_write = self._last_write
        new._pace_lock = self._pace_lock
        return new

    @property
    def integrations(self) -> IntegrationsApi:
        """Opsgenie's Integration API; raises ConfigError where no key for it is set."""
        if self._integrations is None:
            raise ConfigError(
                "Opsgenie cannot be set up.",
                "No API key with the right to change its configuration is set.",
                "Set OPSGENIE_SETUP_API_KEY to one, or leave the on-call service's address empty.",
            )
        return self._integrations

    def integrations_of(self, service: str) -> IntegrationsApi | JsmIntegrationsApi:
        """The integrations of "opsgenie" or "jsm"; raises ConfigError where no key is set."""
        if service != "jsm":
            return self.integrations
        if self._jsm is None:
            raise ConfigError(
                "Jira Service Management cannot be set up.",
                "No API token with the right to change its configuration is set.",
                "Set JSM_SETUP_API_TOKEN to one, or make its integrations by hand: docs/oncall.md.",
            )
        return self._jsm

    def call(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        """One AWS call; raises AwsError."""
        if self._on_call is not None:
            self._on_call(service, operation)
        if service in PACED and not operation.startswith(READS):
            self._wait_turn(service)
        return self.aws.call(service, operation, **arguments)

    def find(
        self, service: str, operation: str, absent: tuple[str, ...], **arguments: Any
    ) -> dict[str, Any] | None:
        """One AWS call; None where AWS answers with one of the error codes in `absent`."""
        try:
            return self.call(service, operation, **arguments)
        except AwsError as error:
            if error.code in absent:
                return None
            raise

    def pages(
        self, service: str, operation: str, key: str, token: str, **arguments: Any
    ) -> list[Any]:
        """The items under `key` of every page; `token` is what both sides call the next page."""
        items: list[Any] = []
        while True:
            page = self.call(service, operation, **arguments)
            items.extend(page.get(key, ()))
            following = page.get(token)
            if not following or following == arguments.get(token):
                return items
            arguments[token] = following

    def _wait_turn(self, service: str) -> None:
        with self._pace_lock:
            last = self._last_write.get(service)
            if last is not None:
                wait = last + self.pace - time.monotonic()
                if wait > 0:
                    self.sleep(wait)
            self._last_write[service] = time.monotonic()

    def once(self, key: object, make: Callable[[], T]) -> T:
        """What `make` gave for this key the first time; others who ask meanwhile wait for it."""
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._memo:
                self._memo[key] = make()
            answer: T = self._memo[key]
            return answer

    def together(self, *calls: Callable[[], T]) -> list[T]:
        """The results of these calls, made at the same time, in their order; raises the first
        error of them. Nothing runs on when it returns."""
        with ThreadPoolExecutor(min(THREADS, max(1, len(calls)))) as pool:
            return [future.result() for future in [pool.submit(call) for call in calls]]

    def wait_until(self, true: Callable[[], bool], step: float = 0.5) -> bool:
        """Ask again and again until it is true, for `patience` seconds; whether it became so.

        The pauses grow up to five seconds and vary, so that several who wait don't ask at once.
        """
        end = time.monotonic() + self.patience
        while not true():
            if time.monotonic() >= end:
                return False
            pause = min(step, self.patience) * random.uniform(0.6, 1.0)  # noqa: S311  no secret
            self.sleep(pause)
            step = min(step * 1.5, 5.0)
        return True

    def metric_filters(self, log_group: str) -> Mapping[str, dict[str, Any]]:
        """Every metric filter of a log group by name; none where the group doesn't exist."""

        def read() -> dict[str, dict[str, Any]]:
            try:
                found = self.pages(
                    "logs",
                    "DescribeMetricFilters",
                    "metricFilters",
                    "nextToken",
                    logGroupName=log_group,
                )
            except AwsError as error:
                if error.code == "ResourceNotFoundException":
                    return {}
                raise
            # Some emulators ignore logGroupName where it names no group.
            mine = [one for one in found if one.get("logGroupName", log_group) == log_group]
            return {str(one["filterName"]): one for one in mine}

        return self.once(("metric_filters", log_group), read)

    def alarms(self, prefix: str) -> Mapping[str, dict[str, Any]]:
        """Every metric alarm whose name starts so, by name."""

        def read() -> dict[str, dict[str, Any]]:
            found = self.pages(
                "cloudwatch",
                "DescribeAlarms",
                "MetricAlarms",
                "NextToken",
                AlarmNamePrefix=prefix,
                AlarmTypes=["MetricAlarm"],
                MaxRecords=100,
            )
            return {str(one["AlarmName"]): one for one in found}

        return self.once(("alarms", prefix), read)

    def trails(self) -> list[dict[str, Any]]:
        """Every trail that records in the Region, those of other Regions and of the organization
        included. Source: DescribeTrails, CloudTrail API reference."""

        def read() -> list[dict[str, Any]]:
            return list(self.call("cloudtrail", "DescribeTrails").get("trailList", ()))

        return self.once("trails", read)

    def key_arn(self, key: str) -> str:
        """The ARN of the KMS key that an alias stands for; an ARN or "" is given back as it is.

        "" also for an alias that doesn't exist. Source: DescribeKey, AWS KMS API reference.
        """
        if not key or key.startswith("arn:"):
            return key

        def read() -> str:
            found = self.find("kms", "DescribeKey", ("NotFoundException",), KeyId=key)
            return str(found["KeyMetadata"]["Arn"]) if found else ""

        return self.once(("key_arn", key), read)

    def key_shown(self, found: str | None, wanted: str) -> str:
        """What to call the key that something is encrypted with: `wanted` (an alias, an ARN or "")
        where it is that, else the key as found; "none" where there is none."""
        if found and wanted and found in (wanted, self.key_arn(wanted)):
            return wanted
        return found or "none"

    def subscriptions(self, topic_arn: str) -> list[dict[str, Any]]:
        """Every subscription of a topic; none where the topic doesn't exist. Not remembered."""
        try:
            return self.pages(
                "sns",
                "ListSubscriptionsByTopic",
                "Subscriptions",
                "NextToken",
                TopicArn=topic_arn,
            )
        except AwsError as error:
            if error.code in ("NotFound", "NotFoundException"):
                return []
            raise

    def known_subscriptions(self, topic_arn: str) -> list[dict[str, Any]]:
        """The same, asked for once."""
        return self.once(("subscriptions", topic_arn), lambda: self.subscriptions(topic_arn))

    def integration(self, name: str, kind: str, service: str = "opsgenie") -> dict[str, Any] | None:
        """The integration (id, name, enabled, type) of that name and type in a service."""
        api = self.integrations_of(service)
        found = self.once(("integrations", service), api.list)
        return next((one for one in found if one["name"] == name and one["type"] == kind), None)

    def forget(self, key: object) -> None:
        """Forget one remembered answer, after a write that changed it."""
        with self._lock:
            self._memo.pop(key, None)
