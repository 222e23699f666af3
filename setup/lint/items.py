"""Makes the parts of a chain from properties under CloudFormation's names. Pure: reads nothing.

A property that is absent has its default; one whose value is None is not known.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from setup.lint.chain import (
    Alarm,
    Bucket,
    Composite,
    LogGroup,
    MetricFilter,
    Place,
    Subscription,
    Topic,
    Trail,
    group_of,
    known,
    region_of,
)

BOTH = frozenset({"Read", "Write"})
BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_UNSET: Any = object()


@dataclass(frozen=True)
class Props:
    """The properties of one resource, what it is called where it has no name, and its places."""

    values: Mapping[str, Any]
    fallback: str
    address: str = ""
    places: Mapping[str, Place] = field(default_factory=dict)

    def get(self, key: str, default: Any = None) -> Any:
        """The value, the default where it is absent, None where it isn't known."""
        return self.values.get(key, default)

    def text(self, key: str, default: str | None = "") -> str | None:
        value = self.get(key, default)
        if isinstance(value, bool | int | float):
            return str(value).lower() if isinstance(value, bool) else f"{value:g}"
        return value if isinstance(value, str) else None

    def whole(self, key: str, default: int | None = None) -> int | None:
        value = self.number(key, default)
        return None if value is None else int(value)

    def number(self, key: str, default: float | None = None) -> float | None:
        return number(self.get(key, default))

    def flag(self, key: str, default: bool) -> bool | None:
        value = self.get(key, default)
        if isinstance(value, str):
            return {"true": True, "false": False}.get(value.lower())
        return value if isinstance(value, bool) else None

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A list of texts, () where it is absent; None where any of it is unknown."""
        value = self.get(key, ())
        if not isinstance(value, Sequence) or isinstance(value, str):
            return None
        if not all(isinstance(one, str) for one in value):
            return None
        return tuple(value)

    def document(self, key: str) -> Mapping[str, Any] | None:
        """A policy, as an object or as its JSON text; {} where it is absent."""
        return document(self.get(key, {}))

    def named(self, **fields: str) -> dict[str, Any]:
        """Name, address and places for an item; `fields` says which property each field is."""
        places = {
            own: self.places[theirs] for own, theirs in fields.items() if theirs in self.places
        }
        if "" in self.places:
            places[""] = self.places[""]
        return {"name": self.fallback, "address": self.address, "places": places}


def number(value: Any) -> float | None:
    """A finite number, also one that is written as a text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def rows(value: Any) -> Sequence[Any]:
    """A list, or nothing."""
    return value if isinstance(value, list | tuple) else ()


def document(value: Any) -> Mapping[str, Any] | None:
    """A policy as an object or as its JSON text; None for what is neither."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return value if isinstance(value, Mapping) else None


def trail(p: Props) -> Trail:
    """A trail; without selectors it records all management events."""
    group = p.text("CloudWatchLogsLogGroupArn")
    management, excluded = management_of(
        p.get("EventSelectors", ()), p.get("AdvancedEventSelectors", ())
    )
    return Trail(
        **p.named(
            multi_region="IsMultiRegionTrail",
            global_events="IncludeGlobalServiceEvents",
            validation="EnableLogFileValidation",
            logging="IsLogging",
            log_group="CloudWatchLogsLogGroupArn",
            role="CloudWatchLogsRoleArn",
            management="EventSelectors"
            if "EventSelectors" in p.values
            else "AdvancedEventSelectors",
            excluded="EventSelectors" if "EventSelectors" in p.values else "AdvancedEventSelectors",
        ),
        region=p.text("HomeRegion", None),
        multi_region=p.flag("IsMultiRegionTrail", False),
        global_events=p.flag("IncludeGlobalServiceEvents", True),
        validation=p.flag("EnableLogFileValidation", False),
        logging=p.flag("IsLogging", True),
        log_group=None if group is None else group_of(group),
        group_region=region_of(group),
        role=p.text("CloudWatchLogsRoleArn"),
        bucket=p.text("S3BucketName"),
        management=management,
        excluded=excluded,
    )


def management_of(
    classic: Any, advanced: Any
) -> tuple[frozenset[str] | None, tuple[str, ...] | None]:
    """Which management events selectors record ("Read", "Write"), and whose they leave out.

    Source: EventSelector and AdvancedEventSelector, CloudTrail API reference.
    """
    if classic is None or advanced is None:
        return None, None
    if not classic and not advanced:
        return BOTH, ()
    kinds: set[str] = set()
    excluded: set[str] = set()
    for one in rows(classic):
        included = one.get("IncludeManagementEvents", True) if isinstance(one, Mapping) else None
        if included is None:
            return None, None
        if str(included).lower() != "true":
            continue
        kinds |= _half(str(one.get("ReadWriteType", "All")))
        excluded |= {str(source) for source in rows(one.get("ExcludeManagementEventSources"))}
    for one in rows(advanced):
        more, left_out = _advanced(one)
        kinds |= more
        excluded |= left_out
    return frozenset(kinds), tuple(sorted(excluded))


def _half(kind: str) -> frozenset[str]:
    return {"ReadOnly": frozenset({"Read"}), "WriteOnly": frozenset({"Write"})}.get(kind, BOTH)


def _advanced(one: Any) -> tuple[frozenset[str], frozenset[str]]:
    found = one.get("FieldSelectors") if isinstance(one, Mapping) else None
    fields = {str(f.get("Field")): f for f in rows(found) if isinstance(f, Mapping)}
    if "Management" not in (rows(fields.get("eventCategory", {}).get("Equals"))):
        return frozenset(), frozenset()
    read_only = [str(v).lower() for v in rows(fields.get("readOnly", {}).get("Equals"))]
    kinds = (
        BOTH
        if len(set(read_only)) != 1
        else _half("ReadOnly" if read_only == ["true"] else "WriteOnly")
    )
    return kinds, frozenset(map(str, rows(fields.get("eventSource", {}).get("NotEquals"))))


def log_group(p: Props) -> LogGroup:
    return LogGroup(
        **p.named(retention="RetentionInDays", group_class="LogGroupClass"),
        retention=p.whole("RetentionInDays", 0),
        group_class=p.text("LogGroupClass", "STANDARD"),
    )


def metric_filter(p: Props) -> MetricFilter:
    """A metric filter; AWS takes exactly one transformation. What has to be there and isn't is not
    known yet."""
    found = p.get("MetricTransformations", ())
    first = found[0] if isinstance(found, Sequence) and found else None
    one = Props(first if isinstance(first, Mapping) else dict.fromkeys(_TRANSFORMATION), "")
    default = one.get("DefaultValue", _UNSET)
    inner = dict.fromkeys(
        ("namespace", "metric", "value", "default", "dimensions", "unit"), "MetricTransformations"
    )
    dimensions = one.get("Dimensions", ())
    return MetricFilter(
        **p.named(log_group="LogGroupName", pattern="FilterPattern", **inner),
        log_group=p.text("LogGroupName", None),
        pattern=p.text("FilterPattern", None),
        namespace=one.text("MetricNamespace", None),
        metric=one.text("MetricName", None),
        value=one.text("MetricValue", None),
        has_default=None if default is None else default is not _UNSET,
        default=None if default is _UNSET else number(default),
        dimensions=_names(dimensions, "Key"),
        unit=one.text("Unit", "None"),
    )


_TRANSFORMATION = (
    "MetricNamespace",
    "MetricName",
    "MetricValue",
    "DefaultValue",
    "Dimensions",
    "Unit",
)


def _names(dimensions: Any, key: str) -> frozenset[str] | None:
    if isinstance(dimensions, Mapping):
        return frozenset(str(name) for name in dimensions)
    if not isinstance(dimensions, Sequence) or isinstance(dimensions, str):
        return None
    if not all(isinstance(one, Mapping) and isinstance(one.get(key), str) for one in dimensions):
        return None
    return frozenset(one[key] for one in dimensions)


def alarm(p: Props) -> Alarm | None:
    """An alarm on one metric; None for one on an expression or an anomaly band."""
    if p.get("Metrics") or p.get("ThresholdMetricId") or "MetricName" not in p.values:
        return None
    statistic = "ExtendedStatistic" if "ExtendedStatistic" in p.values else "Statistic"
    n = p.whole("EvaluationPeriods")
    return Alarm(
        **p.named(
            namespace="Namespace",
            metric="MetricName",
            dimensions="Dimensions",
            unit="Unit",
            statistic=statistic,
            period="Period",
            evaluation_periods="EvaluationPeriods",
            datapoints="DatapointsToAlarm",
            comparison="ComparisonOperator",
            threshold="Threshold",
            missing="TreatMissingData",
            actions_enabled="ActionsEnabled",
            alarm_actions="AlarmActions",
            ok_actions="OKActions",
            description="AlarmDescription",
        ),
        namespace=p.text("Namespace", None),
        metric=p.text("MetricName", None),
        dimensions=_names(p.get("Dimensions", ()), "Name"),
        unit=p.text("Unit"),
        statistic=p.text(statistic, None),
        period=p.whole("Period"),
        evaluation_periods=n,
        datapoints=p.whole("DatapointsToAlarm", n),
        comparison=p.text("ComparisonOperator", None),
        threshold=p.number("Threshold"),
        missing=p.text("TreatMissingData", "missing"),
        actions_enabled=p.flag("ActionsEnabled", True),
        alarm_actions=p.texts("AlarmActions"),
        ok_actions=p.texts("OKActions"),
        description=p.text("AlarmDescription"),
        region=p.text("Region", None),
    )


def expression_metrics(p: Props) -> Iterator[tuple[str, str]]:
    """(namespace, metric) of what an alarm on an expression looks at."""
    for query in rows(p.get("Metrics")):
        stat = query.get("MetricStat") if isinstance(query, Mapping) else None
        metric = stat.get("Metric") if isinstance(stat, Mapping) else None
        if isinstance(metric, Mapping):
            yield str(metric.get("Namespace", "")), str(metric.get("MetricName", ""))


def composite(p: Props) -> Composite:
    return Composite(
        **p.named(),
        rule=p.text("AlarmRule"),
        alarm_actions=p.texts("AlarmActions"),
        actions_enabled=p.flag("ActionsEnabled", True),
        suppressor=p.text("ActionsSuppressor") or None,
    )


def topic(p: Props, arn: str) -> Topic:
    return Topic(
        **p.named(key="KmsMasterKeyId", signature_version="SignatureVersion", policy="Policy"),
        arn=arn,
        policy=p.document("Policy"),
        key=p.text("KmsMasterKeyId"),
        key_policy=p.document("KeyPolicy") if "KeyPolicy" in p.values else None,
        signature_version=p.text("SignatureVersion", "1"),
    )


def subscription(p: Props) -> Subscription:
    """A subscription in a file: whether somebody confirms it is not known there."""
    protocol = p.text("Protocol", None)
    return Subscription(
        **p.named(protocol="Protocol", filtered="FilterPolicy"),
        topic=p.text("TopicArn", None),
        protocol=protocol,
        endpoint=host(p.text("Endpoint", None)),
        filtered=_filters(p),
    )


def _filters(p: Props) -> bool | None:
    """Whether a filter policy on message attributes is set."""
    found = p.get("FilterPolicy", {})
    if found is None:
        return None
    return bool(found) and p.get("FilterPolicyScope") != "MessageBody"


def host(endpoint: str | None) -> str | None:
    """The part of an endpoint that holds no key: an address's host; other texts as they are."""
    if endpoint is None or ("://" not in endpoint and not known(endpoint)):
        return None
    if "://" in endpoint:
        return re.sub(r".*@", "", urlsplit(endpoint).netloc) or None
    return endpoint


def bucket(p: Props, policy: Mapping[str, Any] | None) -> Bucket:
    """A bucket with the policy that another resource gives it. S3 blocks public access to new
    buckets unless it is told otherwise."""
    block = p.get("PublicAccessBlockConfiguration")
    blocked: bool | None = None
    if isinstance(block, Mapping):
        flags = [Props(block, "").flag(name, False) for name in BLOCKS]
        blocked = True if all(flags) else None if None in flags else False
    return Bucket(
        **p.named(blocked="PublicAccessBlockConfiguration"), policy=policy, blocked=blocked
    )
