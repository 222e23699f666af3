"""Knows what a resource policy lets a service do. Never who asks or why."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any


def allows(
    policy: str | Mapping[str, Any] | None,
    *,
    service: str,
    action: str,
    resource: str,
    context: Mapping[str, str],
) -> bool:
    """Whether a policy lets a service principal do an action on an ARN.

    `context` holds the condition keys of the request. An absent or broken policy allows
    nothing; a Deny wins; a condition with a key or operator unknown here is not met. Source:
    IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements".
    """
    try:
        document = json.loads(policy) if isinstance(policy, str) else policy
    except ValueError:
        return False
    if not isinstance(document, Mapping):
        return False
    known = {key.lower(): value for key, value in context.items()}
    allowed = False
    for statement in _list(document.get("Statement")):
        if not isinstance(statement, Mapping):
            return False
        if not _applies(statement, service, action, resource, known):
            continue
        if statement.get("Effect") == "Deny":
            return False
        allowed = True
    return allowed


def _applies(
    statement: Mapping[str, Any],
    service: str,
    action: str,
    resource: str,
    context: Mapping[str, str],
) -> bool:
    return (
        _principal(statement.get("Principal"), service)
        and any(_like(action.lower(), str(a).lower()) for a in _list(statement.get("Action")))
        # A trust policy has no Resource: the role itself is meant.
        and any(_like(resource, str(r)) for r in _list(statement.get("Resource", "*")))
        and all(
            _condition(operator, key, values, context)
            for operator, tests in (statement.get("Condition") or {}).items()
            for key, values in tests.items()
        )
    )


def _principal(principal: object, service: str) -> bool:
    if principal == "*":
        return True
    if not isinstance(principal, Mapping):
        return False
    return service in _list(principal.get("Service")) or "*" in _list(principal.get("AWS"))


def _condition(operator: str, key: str, values: object, context: Mapping[str, str]) -> bool:
    actual = context.get(key.lower())
    name = operator.removesuffix("IfExists")
    if actual is None:
        return name != operator
    wanted = [str(v) for v in _list(values)]
    if name in ("StringEquals", "ArnEquals", "StringLike", "ArnLike"):
        exact = name == "StringEquals"
        return any(actual == w if exact else _like(actual, w) for w in wanted)
    if name in ("StringNotEquals", "StringNotLike", "ArnNotEquals", "ArnNotLike"):
        return not any(_like(actual, w) for w in wanted)
    return name == "StringEqualsIgnoreCase" and actual.lower() in [w.lower() for w in wanted]


def _like(value: str, pattern: str) -> bool:
    return fnmatchcase(value, pattern.replace("[", "[[]"))


def _list(value: object) -> Sequence[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
