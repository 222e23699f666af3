"""Knows a trail's event selectors: which a site wants, and when two lists mean the same. Pure.

CloudTrail has two languages for the same: EventSelectors, and AdvancedEventSelectors that can say
more. A list of either stands in a trail's fields as CloudTrail writes it; one with FieldSelectors
is in the newer language. Source: PutEventSelectors and AdvancedFieldSelector, CloudTrail API
reference.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trailwatch.site import SiteConfig

KMS = "kms.amazonaws.com"
RDS_DATA = "rdsdata.amazonaws.com"
READ_ONLY = {"ReadOnly": "true", "WriteOnly": "false"}
TYPES = {
    "s3": "AWS::S3::Object",
    "lambda": "AWS::Lambda::Function",
    "dynamodb": "AWS::DynamoDB::Table",
}
"""The resources.type of the sources in SiteConfig.data_events."""
OPERATORS = ("Equals", "NotEquals", "StartsWith", "NotStartsWith", "EndsWith", "NotEndsWith")

Selector = dict[str, Any]
Tests = dict[str, dict[str, list[str]]]
"""Field -> operator -> values."""


def excluded_sources(config: SiteConfig) -> tuple[str, ...]:
    """The sources whose management events a site's trail leaves out."""
    return (
        *([KMS] if config.exclude_kms else []),
        *([RDS_DATA] if config.exclude_rds_data else []),
    )


def wanted_selectors(config: SiteConfig) -> list[Selector]:
    """What a site's trail is to record: all management events less those left out, and the data
    events asked for. Without data events in the older language, which every scanner reads."""
    excluded = list(excluded_sources(config))
    if not config.data_events:
        return [
            {
                "ReadWriteType": "All",
                "IncludeManagementEvents": True,
                "ExcludeManagementEventSources": excluded,
                "DataResources": [],
            }
        ]
    management: list[Selector] = [{"Field": "eventCategory", "Equals": ["Management"]}]
    if excluded:
        management.append({"Field": "eventSource", "NotEquals": excluded})
    return [{"Name": "Management events", "FieldSelectors": management}, *_data(config)]


def _data(config: SiteConfig) -> list[Selector]:
    found: dict[str, list[str]] = {}
    for one in config.data_events:
        source, _, of = one.partition(":")
        found.setdefault(source, []).append(of)
    selectors = []
    for source, names in found.items():
        fields: list[Selector] = [
            {"Field": "eventCategory", "Equals": ["Data"]},
            {"Field": "resources.type", "Equals": [TYPES[source]]},
        ]
        if config.data_events_type in READ_ONLY:
            fields.append({"Field": "readOnly", "Equals": [READ_ONLY[config.data_events_type]]})
        if test := _resources(config, source, names):
            fields.append({"Field": "resources.ARN", **test})
        selectors.append({"Name": f"{TYPES[source]} data events", "FieldSelectors": fields})
    return selectors


def _resources(config: SiteConfig, source: str, names: Sequence[str]) -> dict[str, list[str]]:
    """Which resources of a source: any of the names; all where one of them is empty."""
    if source == "s3":
        if all(names):
            # A bucket's name ends where its objects begin: another may begin alike.
            whole = [name if "/" in name else f"{name}/" for name in names]
            return {"StartsWith": [config.site.bucket_arn(name) for name in whole]}
        # Each file that the trail writes into its own archive would be an event in the next.
        return {"NotStartsWith": [config.site.bucket_arn(f"{config.bucket}/")]}
    if not all(names):
        return {}
    part = ":function:" if source == "lambda" else ":table/"
    return {"EndsWith": [f"{part}{name}" for name in names]}


def as_arguments(selectors: Sequence[Selector]) -> dict[str, Any]:
    """The selectors as arguments of PutEventSelectors, which takes one language at a time."""
    advanced = any("FieldSelectors" in one for one in selectors)
    return {"AdvancedEventSelectors" if advanced else "EventSelectors": list(selectors)}


def selectors_in(answer: Mapping[str, Any]) -> list[Selector]:
    """The selectors in what GetEventSelectors answers, with nothing left to be understood."""
    advanced = answer.get("AdvancedEventSelectors")
    if advanced:
        return [{"Name": one.get("Name", ""), **one} for one in advanced]
    return [
        {
            "ReadWriteType": one.get("ReadWriteType", "All"),
            "IncludeManagementEvents": bool(one.get("IncludeManagementEvents", True)),
            "ExcludeManagementEventSources": list(one.get("ExcludeManagementEventSources", ())),
            "DataResources": list(one.get("DataResources", ())),
        }
        for one in answer.get("EventSelectors") or ()
    ]


def same_selectors(one: Iterable[Selector], other: Iterable[Selector]) -> bool:
    """Whether two lists record the same, in whichever language; names mean nothing."""
    return _meaning(one) == _meaning(other)


def _meaning(selectors: Iterable[Selector]) -> list[str]:
    """Each thing that is recorded in one form, as text, sorted."""
    found: list[Tests] = []
    for one in selectors:
        if "FieldSelectors" in one:
            found.append(_of_advanced(one["FieldSelectors"]))
        else:
            found += _of_classic(one)
    return sorted({json.dumps(tests, sort_keys=True) for tests in found})


def _of_advanced(fields: Iterable[Mapping[str, Any]]) -> Tests:
    found: Tests = {}
    for field in fields:
        tests = {name: sorted(field[name]) for name in OPERATORS if field.get(name)}
        if tests:
            found.setdefault(str(field.get("Field", "")), {}).update(tests)
    return found


def _of_classic(selector: Mapping[str, Any]) -> list[Tests]:
    common: Tests = {}
    read_only = READ_ONLY.get(str(selector.get("ReadWriteType", "All")))
    if read_only:
        common["readOnly"] = {"Equals": [read_only]}
    found = []
    if selector.get("IncludeManagementEvents", True):
        tests: Tests = {"eventCategory": {"Equals": ["Management"]}, **common}
        if excluded := sorted(selector.get("ExcludeManagementEventSources") or ()):
            tests["eventSource"] = {"NotEquals": excluded}
        found.append(tests)
    for one in selector.get("DataResources") or ():
        kind, values = str(one.get("Type", "")), sorted(one.get("Values") or ())
        tests = {"eventCategory": {"Equals": ["Data"]}, "resources.type": {"Equals": [kind]}}
        # "arn:aws:s3", with or without ":::", and "arn:aws:lambda" stand for all there are.
        if values and all(len(value.rstrip(":").split(":")) > 3 for value in values):
            operator = "StartsWith" if kind == TYPES["s3"] else "Equals"
            tests["resources.ARN"] = {operator: values}
        found.append({**tests, **common})
    return found
