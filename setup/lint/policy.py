"""Knows what a resource policy lets a service do, as far as its text says. Pure: asks nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from setup.lint.chain import known

_SOURCES = {"aws:sourcearn", "aws:sourceaccount", "aws:sourceowner"}


def statements(policy: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    """The statements of a policy, one or many; what is no statement is left out."""
    found = (policy or {}).get("Statement", ())
    for one in found if isinstance(found, list | tuple) else [found]:
        if isinstance(one, Mapping):
            yield one


def texts(value: Any) -> tuple[str, ...]:
    """A text or list of texts as a tuple; what isn't known becomes "${}"."""
    if isinstance(value, list | tuple):
        return tuple(part for one in value for part in texts(one))
    return (value if isinstance(value, str) else "${}",)


def principals(statement: Mapping[str, Any]) -> tuple[str, ...]:
    """Who a statement is about: services, ARNs, "*"."""
    found = statement.get("Principal", ())
    if isinstance(found, Mapping):
        return tuple(part for value in found.values() for part in texts(value))
    return texts(found) if found else ()


def does(statement: Mapping[str, Any], action: str) -> bool:
    """Whether a statement is about an action ("sns:Publish"); case does not count."""
    if "Action" not in statement:
        return False
    return any(_like(action.lower(), one.lower()) for one in texts(statement["Action"]))


def conditions(statement: Mapping[str, Any]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(operator, key, values) of its conditions; operator and key in lower case."""
    found = statement.get("Condition")
    if not isinstance(found, Mapping):
        if found is not None:
            yield "", "", ("${}",)
        return
    for operator, keys in found.items():
        for key, value in keys.items() if isinstance(keys, Mapping) else ():
            yield str(operator).lower(), str(key).lower(), texts(value)


def allows(
    policy: Mapping[str, Any] | None,
    service: str,
    action: str,
    arn: str | None = None,
    account: str | None = None,
) -> bool | None:
    """Whether a service may do this on behalf of that ARN and account; None where it isn't said.

    Source: Policy evaluation logic, and the global condition keys, IAM user guide.
    """
    if policy is None:
        return None
    answers = []
    for one in statements(policy):
        if not does(one, action):
            continue
        who = _is(principals(one), service)
        if who is False:
            continue
        holds = _holds(one, arn, account)
        if one.get("Effect") == "Deny":
            if who and holds and not any(conditions(one)):
                return False
        elif one.get("Effect") == "Allow" and holds is not False:
            answers.append(who and holds)
    if any(answers):
        return True
    return None if answers else False


def _is(who: tuple[str, ...], service: str) -> bool | None:
    if service in who or "*" in who:
        return True
    return None if not all(known(one) for one in who) else False


def _holds(statement: Mapping[str, Any], arn: str | None, account: str | None) -> bool | None:
    """Whether its conditions let this source pass."""
    sure: bool | None = True
    for operator, key, values in conditions(statement):
        if key not in _SOURCES or "not" in operator:
            sure = None
            continue
        wanted = arn if key == "aws:sourcearn" else account
        if wanted is None or not known(wanted) or not all(known(one) for one in values):
            sure = None
        elif not any(_like(wanted, one) for one in values):
            return False
    return sure


def _like(text: str, glob: str) -> bool:
    pattern = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in glob)
    return re.fullmatch(pattern, text, re.DOTALL) is not None


def is_public(statement: Mapping[str, Any]) -> bool:
    """Whether it lets anybody in: everyone, and no condition that narrows it."""
    everyone = "*" in principals(statement) and statement.get("Effect") == "Allow"
    return everyone and not any(conditions(statement))
