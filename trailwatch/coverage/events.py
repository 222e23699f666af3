"""Makes the labelled events that a control is judged by, from a few examples; it matches nothing.

What the control is for is said by the pattern that it prescribes: whoever calls this keeps the
variants which that pattern matches.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from trailwatch.detections import Detection
from trailwatch.pattern import Pattern, parse
from trailwatch.pattern.syntax import (
    And,
    Compare,
    Condition,
    JsonForm,
    Literal,
    Name,
    NotExists,
    Op,
    Or,
    Selector,
    Test,
)

Record = Mapping[str, Any]

ACCOUNT, OTHER_ACCOUNT = "123456789012", "111122223333"
OPTIONAL = (
    "userIdentity.arn",
    "userIdentity.userName",
    "userIdentity.accountId",
    "userIdentity.principalId",
    "userIdentity.sessionContext",
    "userAgent",
    "errorMessage",
    "requestParameters",
    "responseElements",
    "additionalEventData",
    "readOnly",
)
"""What not every record has. Source: CloudTrail record contents, CloudTrail User Guide."""
ALWAYS = frozenset(
    {
        "awsRegion",
        "eventName",
        "eventSource",
        "eventType",
        "recipientAccountId",
        "sourceIPAddress",
        "userIdentity.type",
    }
)
"""What every record has, so that its absence is no event."""
WHAT = frozenset({"eventName", "eventSource"})
"""What happened: where a control names it, nothing else with the same name is meant."""
OF_THE_CALL = ("requestParameters", "responseElements", "additionalEventData")
"""What differs with each API call, but is always alike in a sign-in."""


@dataclass(frozen=True, slots=True)
class LabelledEvent:
    """A record as text, and in a few words what is special about it."""

    label: str
    message: str


def variants(detection: Detection) -> Iterator[LabelledEvent]:
    """The detection's examples and what else may happen alike: other names, people, places."""
    for record in detection.examples.matches:
        yield _event(_named(record), record)
    well = (record for record in detection.examples.matches if not _has(record, "errorCode"))
    base = next(well, detection.examples.matches[0])
    for name in event_names(parse(detection.pattern)):
        yield _event(name, {**base, "eventName": name})
    for record in detection.examples.matches:
        name = _named(record)
        for label, identity in PRINCIPALS.items():
            yield _event(f"{name} by {label}", {**record, "userIdentity": identity})
        for label, changes in CIRCUMSTANCES.items():
            yield _event(f"{name} {label}", {**record, **changes})
        yield _event(f"{name} that went well", _without(record, "errorCode"))
        for field in OPTIONAL:
            if _has(record, field) and _varies(record, field):
                yield _event(f"{name} without {field}", _without(record, field))
                yield _event(f"{name} with {field} null", _with(record, field, None))


def probes(detection: Detection, live: Pattern) -> Iterator[LabelledEvent]:
    """Events that a live pattern may treat apart: for each of its tests one that meets it, one
    that doesn't, and one without the field."""
    names_events = bool(event_names(parse(detection.pattern)))
    for test in _tests(live):
        field = ".".join(_path(test.selector) or ())
        if not field or (names_events and field in WHAT):
            continue
        for record in detection.examples.matches:
            if not _varies(record, field):
                continue
            name = _named(record)
            for told, value in _values(test):
                yield _event(f"{name} with {field} {told}", _with(record, field, value))
            if field not in ALWAYS and _has(record, field):
                yield _event(f"{name} without {field}", _without(record, field))


def event_names(pattern: Pattern) -> tuple[str, ...]:
    """The event names that a pattern asks for, in its order."""
    return tuple(
        test.value.text
        for test in _tests(pattern)
        if isinstance(test, Compare)
        and test.op is Op.EQ
        and isinstance(test.value, Literal)
        and _path(test.selector) == ["eventName"]
    )


def _tests(pattern: Pattern) -> Iterator[Test]:
    if isinstance(pattern.syntax, JsonForm):
        yield from _leaves(pattern.syntax.condition)


def _leaves(condition: Condition) -> Iterator[Test]:
    if isinstance(condition, And | Or):
        for item in condition.items:
            yield from _leaves(item)
    else:
        yield condition


def _path(selector: Selector) -> list[str] | None:
    """The names of a selector's steps; None where it has an index or a wildcard."""
    names = [step.name for step in selector.steps if isinstance(step, Name)]
    return names if len(names) == len(selector.steps) else None


def _values(test: Test) -> Sequence[tuple[str, str]]:
    """A value that meets a test and one that doesn't, each after how it is told; as far as they
    are easily made."""
    if isinstance(test, NotExists):
        return (("set", "something"),)
    if isinstance(test, Compare) and isinstance(test.value, Literal):
        text = test.value.text
        told = f"like {text}" if test.value.is_glob else json.dumps(text)
        before = "any-" if text.startswith("*") else ""
        after = "-any" if text.endswith("*") and len(text) > 1 else ""
        return ((told, f"{before}{text.strip('*')}{after}"), ("of another kind", "something-else"))
    return ()


def _named(record: Record) -> str:
    return str(record.get("eventName", "an event"))


def _event(label: str, record: Record) -> LabelledEvent:
    return LabelledEvent(label, json.dumps(record, ensure_ascii=False, separators=(",", ":")))


def _varies(record: Record, field: str) -> bool:
    """Whether a field may be otherwise in an event of this kind."""
    return field.split(".")[0] not in OF_THE_CALL or record.get("eventType") == "AwsApiCall"


def _has(record: Record, field: str) -> bool:
    node: Any = record
    for name in field.split("."):
        if not isinstance(node, Mapping) or node.get(name) is None:
            return False
        node = node[name]
    return True


def _with(record: Record, field: str, value: object) -> Record:
    """The record with a field set, its parents made where they are missing."""
    changed = deepcopy(dict(record))
    *parents, last = field.split(".")
    node: dict[str, Any] = changed
    for name in parents:
        if not isinstance(node.get(name), dict):
            node[name] = {}
        node = node[name]
    node[last] = value
    return changed


def _without(record: Record, field: str) -> Record:
    changed = deepcopy(dict(record))
    *parents, last = field.split(".")
    node: Any = changed
    for name in parents:
        node = node.get(name)
        if not isinstance(node, dict):
            return changed
    node.pop(last, None)
    return changed


def _session(role: str, name: str, account: str = ACCOUNT) -> dict[str, Any]:
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLEROLE:{name}",
        "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{name}",
        "accountId": account,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": "AROAEXAMPLEROLE",
                "arn": f"arn:aws:iam::{account}:role/{role}",
                "accountId": account,
                "userName": role,
            },
            "attributes": {"creationDate": "2025-03-04T09:00:00Z", "mfaAuthenticated": "false"},
        },
    }


PRINCIPALS: Mapping[str, Record] = {
    "an IAM user": {
        "type": "IAMUser",
        "principalId": "AIDAEXAMPLEALICE",
        "arn": f"arn:aws:iam::{ACCOUNT}:user/alice",
        "accountId": ACCOUNT,
        "userName": "alice",
    },
    "a role's session": _session("deploy", "i-0123456789abcdef0"),
    "somebody from single sign-on": _session(
        "AWSReservedSSO_AdministratorAccess_0123456789abcdef", "alice@example.com"
    ),
    "a role of another account": _session("partner", "session", OTHER_ACCOUNT),
    "the root user": {
        "type": "Root",
        "principalId": ACCOUNT,
        "arn": f"arn:aws:iam::{ACCOUNT}:root",
        "accountId": ACCOUNT,
    },
    "a federated user": {
        "type": "FederatedUser",
        "principalId": f"{ACCOUNT}:bob",
        "arn": f"arn:aws:sts::{ACCOUNT}:federated-user/bob",
        "accountId": ACCOUNT,
    },
    "another account": {
        "type": "AWSAccount",
        "principalId": "AIDAEXAMPLEOTHER",
        "accountId": OTHER_ACCOUNT,
    },
    "an AWS service": {"type": "AWSService", "invokedBy": "cloudformation.amazonaws.com"},
}
"""Who may call, as CloudTrail writes them. Source: userIdentity element, CloudTrail User Guide."""

CIRCUMSTANCES: Mapping[str, Record] = {
    "in another Region": {"awsRegion": "ap-southeast-2"},
    "in us-east-1": {"awsRegion": "us-east-1"},
    "in a member account": {"recipientAccountId": OTHER_ACCOUNT},
    "from another address": {"sourceIPAddress": "203.0.113.77"},
    "from an AWS service's address": {
        "sourceIPAddress": "cloudformation.amazonaws.com",
        "userAgent": "cloudformation.amazonaws.com",
    },
    "by the console": {"userAgent": "console.amazonaws.com"},
    "that was refused": {"errorCode": "AccessDenied", "errorMessage": "Access denied"},
    "that failed": {"errorCode": "InvalidParameterValue", "errorMessage": "Invalid value"},
}
"""What else may differ between two events of one kind."""
