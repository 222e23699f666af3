"""Knows one change of a resource: what differs and how to say it. Pure: never makes the change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Fields = Mapping[str, Any]
"""A resource's fields as JSON values (None, bool, int, str, list, dict with text keys)."""

LABELS = {
    "kms_key": "KMS key",
    "bucket": "bucket",
    "log_group": "log group",
    "role": "role",
    "trail": "trail",
    "metric_filter": "metric filter",
    "topic": "SNS topic",
    "alarm": "alarm",
    "queue": "SQS queue",
    "incoming_integration": "incoming Amazon SNS integration",
    "webhook_integration": "webhook integration",
    "subscription": "SNS subscription",
    "mute_rule": "alarm mute rule",
}
"""What each kind of resource is called in a sentence, in the order in which they are built."""


class Action(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True)
class FieldDiff:
    """One field that changes. `before` and `after` are for people; None where there is none."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Change:
    """One resource that is to be created, updated or deleted.

    `before` and `after` are its whole field maps, never with a secret in them; `before` is None
    for CREATE, `after` is None for DELETE. `owner` says whose it seems to be where it is not ours.
    """

    action: Action
    kind: str
    name: str
    before: Fields | None
    after: Fields | None
    owner: str = ""

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.name}"

    @property
    def label(self) -> str:
        return LABELS.get(self.kind, self.kind.replace("_", " "))

    def diff(self) -> tuple[FieldDiff, ...]:
        """The fields that change, by path; those of a list are found by their name or number."""
        before = dict(_leaves("", self.before)) if self.before else {}
        after = dict(_leaves("", self.after)) if self.after else {}
        return tuple(
            FieldDiff(path, before.get(path), after.get(path))
            for path in sorted(before.keys() | after.keys())
            if before.get(path) != after.get(path)
        )

    def summary(self) -> str:
        """The change in one plain sentence."""
        if self.action is not Action.UPDATE:
            return f"{self.action.value.capitalize()} the {self.label} {self.name}."
        diffs = self.diff()
        if len(diffs) == 1 and diffs[0].before is not None and diffs[0].after is not None:
            only = diffs[0]
            if len(only.before or "") + len(only.after or "") <= 120:
                return (
                    f"Change {only.path} of the {self.label} {self.name} "
                    f"from {only.before} to {only.after}."
                )
        changed = sorted({diff.path.split(".")[0].split("[")[0] for diff in diffs})
        return f"Change {', '.join(changed) or 'nothing'} of the {self.label} {self.name}."


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Each leaf below a value as (path, text); an empty list or map is a leaf itself."""
    if isinstance(value, Mapping) and ("FieldSelectors" in value or "ReadWriteType" in value):
        yield path, selector_words(value)
    elif isinstance(value, Mapping) and value:
        for key, below in value.items():
            yield from _leaves(f"{path}.{key}" if path else str(key), below)
    elif isinstance(value, list | tuple) and value:
        if not any(isinstance(item, Mapping | list | tuple) for item in value):
            yield path, ", ".join(sorted(_text(item) for item in value))
            return
        for name, item in zip(_item_names(value), value, strict=True):
            yield from _leaves(f"{path}[{name}]", item)
    else:
        yield path, _text(value)


def selector_words(selector: Fields) -> str:
    """What an event selector of a trail takes, of either kind, in words."""
    if "FieldSelectors" in selector:
        tests = selector["FieldSelectors"] or ()
        parts = [
            f"{test.get('Field')} {words} {' or '.join(test[operator])}"
            for test in tests
            for operator, words in _OPERATORS.items()
            if test.get(operator)
        ]
        return " and ".join(parts) or "nothing"
    kind = {"ReadOnly": "reading ", "WriteOnly": "writing "}.get(selector["ReadWriteType"], "all ")
    excluded = ", ".join(selector.get("ExcludeManagementEventSources") or ())
    parts = []
    if selector.get("IncludeManagementEvents", True):
        parts.append(f"{kind}management events{f' except {excluded}' if excluded else ''}")
    for data in selector.get("DataResources") or ():
        parts.append(f"{kind}{data.get('Type')} {', '.join(data.get('Values') or ())}")
    return "; ".join(parts) or "nothing"


_OPERATORS = {
    "Equals": "is",
    "NotEquals": "is not",
    "StartsWith": "starts with",
    "NotStartsWith": "does not start with",
    "EndsWith": "ends with",
    "NotEndsWith": "does not end with",
}


def _item_names(items: Sequence[Any]) -> list[str]:
    """What tells the items of a list apart: their names, the number of one that has none; or else
    their numbers."""
    for key in ("Sid", "name", "Name", "ID"):
        found = [item.get(key) if isinstance(item, Mapping) else None for item in items]
        names = [str(name or number) for number, name in enumerate(found)]
        if any(found) and len(set(names)) == len(items):
            return names
    return [str(number) for number in range(len(items))]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping | list | tuple) or value is None:
        return "none"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
