"""Knows which records a trail's event selectors take. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.aws.event_history import Record, is_management, is_read_only
from sandbox.aws.protocol import Refusal

_OPERATORS = ("Equals", "NotEquals", "StartsWith", "NotStartsWith", "EndsWith", "NotEndsWith")

DEFAULT: tuple[Mapping[str, Any], ...] = (
    {
        "ReadWriteType": "All",
        "IncludeManagementEvents": True,
        "DataResources": [],
        "ExcludeManagementEventSources": [],
    },
)
"""What a trail without selectors of its own takes: all management events."""


EXCLUDABLE = ("kms.amazonaws.com", "rdsdata.amazonaws.com")
"""The sources whose management events a trail may leave out."""
FIELDS = (
    *("eventCategory", "eventName", "eventSource", "eventType", "readOnly", "resources.type"),
    *("resources.ARN", "sessionCredentialFromConsole", "userIdentity.arn", "errorCode"),
    "vpcEndpointId",
)
CONDITIONS = 500
"""Values in all advanced selectors of a trail."""


def check_selectors(
    classic: Sequence[Mapping[str, Any]], advanced: Sequence[Mapping[str, Any]]
) -> None:
    """Raise Refusal for what PutEventSelectors does not take.

    Source: PutEventSelectors and AdvancedFieldSelector, CloudTrail API reference.
    """
    for selector in classic:
        for source in selector.get("ExcludeManagementEventSources", []):
            if source not in EXCLUDABLE:
                raise _refusal(f"{source} cannot be excluded.")
    values = 0
    for selector in advanced:
        tests = {str(test.get("Field")): test for test in selector.get("FieldSelectors", [])}
        if unknown := tests.keys() - set(FIELDS):
            raise _refusal(f"There is no field {sorted(unknown)[0]}.")
        category = tests.get("eventCategory", {}).get("Equals", [])
        if len(category) != 1:
            raise _refusal("eventCategory must equal one category.")
        if category == ["Data"] and len(tests.get("resources.type", {}).get("Equals", [])) != 1:
            raise _refusal("Data events need one resources.type.")
        sources = tests.get("eventSource", {}).get("NotEquals", [])
        if category == ["Management"] and set(sources) - set(EXCLUDABLE):
            raise _refusal("Only the events of AWS KMS and the RDS Data API can be left out.")
        values += sum(len(test.get(name, [])) for test in tests.values() for name in _OPERATORS)
    if values > CONDITIONS:
        raise _refusal(f"There are more than {CONDITIONS} values.")


def _refusal(text: str) -> Refusal:
    return Refusal("InvalidEventSelectorsException", text)


def takes(
    classic: Sequence[Mapping[str, Any]], advanced: Sequence[Mapping[str, Any]], record: Record
) -> bool:
    """Whether a trail with these selectors logs a record."""
    if advanced:
        return any(_advanced(s.get("FieldSelectors", []), record) for s in advanced)
    return any(_classic(s, record) for s in classic or DEFAULT)


def _classic(selector: Mapping[str, Any], record: Record) -> bool:
    kind = selector.get("ReadWriteType", "All")
    if kind != "All" and (kind == "ReadOnly") != is_read_only(record):
        return False
    if not is_management(record):
        return any(_holds(data, record) for data in selector.get("DataResources", []))
    excluded = selector.get("ExcludeManagementEventSources", [])
    included = selector.get("IncludeManagementEvents") is not False
    return included and record.get("eventSource") not in excluded


def _holds(data: Mapping[str, Any], record: Record) -> bool:
    """Whether a data event is on one of the resources; a bucket's name covers what is in it."""
    return any(
        resource.get("type") == data.get("Type")
        and str(resource.get("ARN", resource.get("ARNPrefix", ""))).startswith(tuple(values))
        for values in [[str(value).rstrip(":") for value in data.get("Values", [])]]
        for resource in _resources(record)
    )


def _resources(record: Record) -> list[Mapping[str, Any]]:
    found = record.get("resources")
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _advanced(fields: Sequence[Mapping[str, Any]], record: Record) -> bool:
    on = [f for f in fields if str(f.get("Field")).startswith("resources.")]
    rest = [f for f in fields if f not in on]
    return all(_field(f, _value(str(f.get("Field")), record)) for f in rest) and (
        not on
        or any(
            all(_field(f, str(one.get(str(f["Field"]).split(".")[1], ""))) for f in on)
            for one in _resources(record)
        )
    )


def _value(field: str, record: Record) -> str:
    if field == "eventCategory":
        return str(
            record.get("eventCategory") or ("Management" if is_management(record) else "Data")
        )
    if field == "readOnly":
        return str(is_read_only(record)).lower()
    if field == "userIdentity.arn":
        identity = record.get("userIdentity")
        return str(identity.get("arn", "")) if isinstance(identity, Mapping) else ""
    return str(record.get(field, ""))


def _field(test: Mapping[str, Any], value: str) -> bool:
    def some(name: str, holds: Any) -> bool:
        return any(holds(value, wanted) for wanted in test.get(name, []))

    positive = {
        "Equals": str.__eq__,
        "StartsWith": str.startswith,
        "EndsWith": str.endswith,
    }
    asked = [name for name in positive if test.get(name)]
    if asked and not any(some(name, positive[name]) for name in asked):
        return False
    return not any(some(f"Not{name}", holds) for name, holds in positive.items())
