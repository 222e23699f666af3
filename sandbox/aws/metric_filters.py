"""Knows metric filters: which there may be, what they make of a log event. Never alarms."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox.aws.backends import Account, from_millis, millis
from sandbox.aws.metrics import MetricKey, Metrics
from sandbox.aws.operations import Handler, Proceed
from sandbox.aws.patterns import document, pattern
from sandbox.aws.protocol import AwsCall, Refusal
from trailwatch.pattern import Document

LIMIT = 100
"""Metric filters in a log group."""

REGEX_LIMIT = 5
"""Metric filters with a regular expression in a log group."""

DEFAULT_PERIOD = 60.0
"""A default value is reported once a minute (of the sandbox's time) in which events came."""

_STEP = re.compile(r"\.([A-Za-z0-9_-]+)|\[(\d+)\]")
_NAME = re.compile(r"[^:*]{1,512}")


class MetricFilters:
    """The metric filters of the account, kept where moto keeps them."""

    def __init__(self, account: Account, metrics: Metrics, speed: float) -> None:
        self._account = account
        self._metrics = metrics
        self._bucket = DEFAULT_PERIOD / speed
        self._defaulted: dict[tuple[str, str, str], int] = {}
        self._lock = threading.RLock()

    def handlers(self) -> dict[str, Handler]:
        return {
            "PutMetricFilter": self._put,
            "DescribeMetricFilters": self._describe,
            "DeleteMetricFilter": self._delete,
            "TestMetricFilter": _test,
        }

    def of_group(self, region: str, group: str) -> list[dict[str, Any]]:
        filters = self._account.logs(region).filters.metric_filters
        return [f for f in list(filters) if f["logGroupName"] == group]

    def drop_group(self, region: str, group: str) -> None:
        """The log group is gone, and its filters with it."""
        filters = self._account.logs(region).filters
        filters.metric_filters = [f for f in filters.metric_filters if f["logGroupName"] != group]

    def matching(self, message: str) -> list[str]:
        """Names of the account's metric filters, in any Region, that a message meets, sorted."""
        doc = document(message)
        found = [f for logs in self._account.every_logs() for f in logs.filters.metric_filters]
        return sorted(f["filterName"] for f in found if pattern(f["filterPattern"]).matches(doc))

    def apply(self, region: str, group: str, events: Sequence[tuple[int, str]]) -> None:
        """Emit the metrics of new log events: (milliseconds since 1970, message)."""
        documents = [(from_millis(at), document(message)) for at, message in events]
        for each in self.of_group(region, group):
            wanted = pattern(each["filterPattern"])
            change = each["metricTransformations"][0]
            default = change.get("defaultValue")
            for at, doc in documents:
                matched = wanted.matches(doc)
                if matched:
                    self._emit(region, change, at, doc)
                if default is not None:
                    self._default(region, each, at, float(default), matched)

    def _emit(self, region: str, change: Mapping[str, Any], at: datetime, doc: Document) -> None:
        value = _number(change["metricValue"], doc)
        dims = {name: _text(source, doc) for name, source in change.get("dimensions", {}).items()}
        if value is None or None in dims.values():
            return
        pairs = tuple(sorted((n, v) for n, v in dims.items() if v is not None))
        key = MetricKey(region, change["metricNamespace"], change["metricName"], pairs)
        self._metrics.emit(key, at, value, change.get("unit"))

    def _default(
        self, region: str, each: Mapping[str, Any], at: datetime, value: float, matched: bool
    ) -> None:
        """Once for each period in which events came but, so far, none that matched."""
        period = math.floor(at.timestamp() / self._bucket)
        name = (region, each["logGroupName"], each["filterName"])
        with self._lock:
            if self._defaulted.get(name) == period:
                return
            self._defaulted[name] = period
        if not matched:
            change = each["metricTransformations"][0]
            key = MetricKey(region, change["metricNamespace"], change["metricName"])
            self._metrics.emit(key, at, value, change.get("unit"))

    def _put(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        backend = self._account.logs(call.region)
        name, group = call.get("filterName", ""), call.get("logGroupName", "")
        _check_filter(call)
        with self._lock:
            if group not in backend.groups:
                raise Refusal(
                    "ResourceNotFoundException", "The specified log group does not exist."
                )
            others = [f for f in self.of_group(call.region, group) if f["filterName"] != name]
            regexes = [f for f in others if pattern(f["filterPattern"]).uses_regex]
            one_more = bool(pattern(call.get("filterPattern", "")).uses_regex)
            if len(others) >= LIMIT or (one_more and len(regexes) >= REGEX_LIMIT):
                raise Refusal("LimitExceededException", "Resource limit exceeded.")
            made = {
                "filterName": name,
                "filterPattern": call.get("filterPattern", ""),
                "logGroupName": group,
                "metricTransformations": call.params["metricTransformations"],
                "creationTime": millis(datetime.now(UTC)),
            }
            kept = [
                f
                for f in backend.filters.metric_filters
                if (f["filterName"], f["logGroupName"]) != (name, group)
            ]
            backend.filters.metric_filters = [*kept, made]
        return {}

    def _describe(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        group, prefix = call.get("logGroupName"), call.get("filterNamePrefix", "")
        metric, namespace = call.get("metricName"), call.get("metricNamespace")
        if (metric is None) != (namespace is None):
            text = "metricName and metricNamespace must be given together"
            raise Refusal("InvalidParameterException", text)
        backend = self._account.logs(call.region)
        if group is not None and group not in backend.groups:
            raise Refusal("ResourceNotFoundException", "The specified log group does not exist.")
        size = int(call.get("limit", 50))
        if not 1 <= size <= 50:
            raise Refusal(
                "InvalidParameterException",
                f"1 validation error detected: Value '{size}' at 'limit' failed to satisfy "
                "constraint: Member must have value less than or equal to 50",
            )
        found = sorted(
            (
                f
                for f in backend.filters.metric_filters
                if (group is None or f["logGroupName"] == group)
                and f["filterName"].startswith(prefix)
                and (metric is None or _makes(f, metric, namespace))
            ),
            key=lambda f: (f["filterName"], f["logGroupName"]),
        )
        token = call.get("nextToken", "0")
        if not token.isdigit():
            raise Refusal("InvalidParameterException", "The specified nextToken is invalid.")
        first = int(token)
        result: dict[str, Any] = {"metricFilters": found[first : first + size]}
        if first + size < len(found):
            result["nextToken"] = str(first + size)
        return result

    def _delete(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        name, group = call.get("filterName"), call.get("logGroupName", "")
        with self._lock:
            if not any(f["filterName"] == name for f in self.of_group(call.region, group)):
                raise Refusal(
                    "ResourceNotFoundException", "The specified metric filter does not exist."
                )
            filters = self._account.logs(call.region).filters
            filters.metric_filters = [
                f
                for f in filters.metric_filters
                if (f["filterName"], f["logGroupName"]) != (name, group)
            ]
        return {}


def _makes(each: Mapping[str, Any], metric: str, namespace: str) -> bool:
    return any(
        (t["metricName"], t["metricNamespace"]) == (metric, namespace)
        for t in each["metricTransformations"]
    )


def _check_filter(call: AwsCall) -> None:
    """What PutMetricFilter refuses. Source: its page in the CloudWatch Logs API Reference."""
    text = call.get("filterPattern", "")
    changes = call.get("metricTransformations", [])
    if not _NAME.fullmatch(call.get("filterName", "")):
        raise _invalid("filterName must have 1 to 512 characters, none of them ':' or '*'")
    if len(text) > 1024:
        raise _invalid(
            "1 validation error detected: Value at 'filterPattern' failed to satisfy constraint: "
            "Member must have length less than or equal to 1024"
        )
    pattern(text)
    if len(changes) != 1:
        raise _invalid("Fixed number of 1 item: metricTransformations")
    change = changes[0]
    dims = change.get("dimensions") or {}
    if dims and change.get("defaultValue") is not None:
        raise _invalid(
            "Invalid metric transformation: dimensions and default value are mutually exclusive "
            "properties."
        )
    if len(dims) > 3:
        raise _invalid("Invalid metric transformation: at most 3 dimensions")
    value = str(change.get("metricValue", ""))
    if not value.startswith("$") and _float(value) is None:
        raise _invalid(f"Invalid metric transformation: metricValue '{value}' is not a number")


def _invalid(text: str) -> Refusal:
    return Refusal("InvalidParameterException", text)


def _test(call: AwsCall, proceed: Proceed) -> dict[str, Any]:
    """TestMetricFilter: event numbers count from 1."""
    messages = call.get("logEventMessages", [])
    if not 1 <= len(messages) <= 50:
        raise _invalid("logEventMessages must hold 1 to 50 messages")
    wanted = pattern(call.get("filterPattern", ""))
    matches = [
        {"eventNumber": number, "eventMessage": text, "extractedValues": wanted.extract(text)}
        for number, text in enumerate(messages, 1)
        if wanted.matches(text)
    ]
    return {"matches": matches}


def _node(path: str, doc: Document) -> Any:
    """What a `$.field` of a transformation points at; None where it points nowhere."""
    node: Any = doc.root
    for name, index in _STEP.findall(path[1:]):
        if name:
            node = node.get(name) if isinstance(node, Mapping) else None
        else:
            inside = isinstance(node, list) and int(index) < len(node)
            node = node[int(index)] if inside else None
    return node


def _text(source: str, doc: Document) -> str | None:
    node = _node(source, doc)
    if node is None or isinstance(node, Mapping | list):
        return None
    return str(getattr(node, "text", node))


def _number(source: str, doc: Document) -> float | None:
    if not source.startswith("$"):
        return _float(source)
    text = _text(source, doc)
    return None if text is None else _float(text)


def _float(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
