"""Knows a metric filter on the trail's log group. Never judges its pattern."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from trailwatch.site import Site

if TYPE_CHECKING:
    from setup.clients import Clients

GONE = ("ResourceNotFoundException",)


@dataclass(frozen=True)
class MetricFilter:
    """Counts 1 for each log event that its pattern matches, and 0 where none does.

    The filter and its metric share a name. `exact`: the pattern's text counts and not only its
    meaning, since scanners compare texts. Source: PutMetricFilter, CloudWatch Logs API reference.
    """

    kind: ClassVar[str] = "metric_filter"

    site: Site
    name: str
    log_group: str
    pattern: str
    namespace: str
    exact: bool = False

    @property
    def permissions(self) -> tuple[tuple[str, str, str], ...]:
        group = self.site.log_group_arn(self.log_group)
        return (
            ("read", "logs:DescribeMetricFilters", group),
            ("write", "logs:PutMetricFilter", group),
            ("delete", "logs:DeleteMetricFilter", group),
        )

    def wanted(self) -> dict[str, Any]:
        return {
            "log_group": self.log_group,
            "pattern": self.pattern,
            "metrics": [
                {
                    "name": self.name,
                    "namespace": self.namespace,
                    "value": "1",
                    "default": 0.0,
                    "dimensions": {},
                }
            ],
        }

    def read(self, clients: Clients) -> dict[str, Any] | None:
        found = clients.metric_filters(self.log_group).get(self.name)
        if found is None:
            return None
        return {
            "log_group": self.log_group,
            "pattern": found.get("filterPattern", ""),
            "metrics": [_metric_in(one) for one in found.get("metricTransformations", ())],
        }

    def tags(self, clients: Clients) -> dict[str, str] | None:
        return None

    def write(self, clients: Clients, before: Mapping[str, Any] | None) -> None:
        clients.call(
            "logs",
            "PutMetricFilter",
            logGroupName=self.log_group,
            filterName=self.name,
            filterPattern=self.pattern,
            metricTransformations=[
                {
                    "metricName": self.name,
                    "metricNamespace": self.namespace,
                    "metricValue": "1",
                    "defaultValue": 0.0,
                }
            ],
        )

    def delete(self, clients: Clients) -> None:
        clients.find(
            "logs", "DeleteMetricFilter", GONE, logGroupName=self.log_group, filterName=self.name
        )


def _metric_in(one: Mapping[str, Any]) -> dict[str, Any]:
    default = one.get("defaultValue")
    return {
        "name": one.get("metricName", ""),
        "namespace": one.get("metricNamespace", ""),
        "value": str(one.get("metricValue", "")),
        "default": None if default is None else float(default),
        "dimensions": dict(one.get("dimensions") or {}),
    }
