"""Knows which records a trail's event selectors take. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.aws.event_history import Record, is_management, is_read_only

DEFAULT: tuple[Mapping[str, Any], ...] = (
    {
        "ReadWriteType": "All",
        "IncludeManagementEvents": True,
        "DataResources": [],
        "ExcludeManagementEventSources": [],
    },
)
"""What a trail without selectors of its own takes: all management events."""


def takes(
    classic: Sequence[Mapping[str, Any]], advanced: Sequence[Mapping[str, Any]], record: Record
) -> bool:
    """Whether a trail with these selectors logs a record. Data events need an advanced selector."""
    if advanced:
        return any(_advanced(s.get("FieldSelectors", []), record) for s in advanced)
    return any(_classic(s, record) for s in classic or DEFAULT)


def _classic(selector: Mapping[str, Any], record: Record) -> bool:
    if not is_management(record) or selector.get("IncludeManagementEvents") is False:
        return False
    if record.get("eventSource") in selector.get("ExcludeManagementEventSources", []):
        return False
    kind = selector.get("ReadWriteType", "All")
    return bool(kind == "All") or (kind == "ReadOnly") == is_read_only(record)


def _advanced(fields: Sequence[Mapping[str, Any]], record: Record) -> bool:
    return all(_field(f, _value(str(f.get("Field")), record)) for f in fields)


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
