"""Knows what a role's own policies allow, as IAM's policy simulator tells it. Never enforces it.

Source: SimulatePrincipalPolicy, IAM API reference; Policy evaluation logic, IAM user guide.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from moto.iam.models import Role

from sandbox.aws.backends import Account
from sandbox.aws.operations import Handler, Proceed
from sandbox.aws.protocol import AwsCall, Refusal


class Simulation:
    """SimulatePrincipalPolicy for roles, with their inline and attached policies."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def handlers(self) -> dict[str, Handler]:
        return {"SimulatePrincipalPolicy": self._simulate}

    def _simulate(self, call: AwsCall, proceed: Proceed) -> Mapping[str, Any]:
        role = self._role(str(call.get("PolicySourceArn", "")))
        given = {
            str(one["ContextKeyName"]).lower(): [str(v) for v in one.get("ContextKeyValues", ())]
            for one in call.get("ContextEntries", [])
        }
        statements = list(_statements(role))
        results = [
            _result(statements, str(action), str(arn), given)
            for action in call.get("ActionNames", [])
            for arn in call.get("ResourceArns", ["*"])
        ]
        return {"EvaluationResults": results, "IsTruncated": False}

    def _role(self, arn: str) -> Role:
        for role in self._account.iam.roles.values():
            if role.arn == arn:
                return role
        raise Refusal("NoSuchEntity", f"The entity {arn} cannot be found.", 404)


def _statements(role: Role) -> Iterator[Mapping[str, Any]]:
    attached = (
        version.document
        for policy in role.managed_policies.values()
        for version in policy.versions
        if version.version_id == policy.default_version_id
    )
    for text in (*role.policies.values(), *attached):
        yield from _list(json.loads(text).get("Statement"))


def _result(
    statements: Sequence[Mapping[str, Any]],
    action: str,
    arn: str,
    given: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    decision = "implicitDeny"
    missing: set[str] = set()
    for one in statements:
        if not _covers(one, action, arn):
            continue
        unknown = {key for _, key, _ in _conditions(one) if key.lower() not in given}
        if unknown:
            missing |= unknown
        elif all(_met(op, given[key.lower()], wanted) for op, key, wanted in _conditions(one)):
            if one.get("Effect") == "Deny":
                decision = "explicitDeny"
                break
            decision = "allowed"
    return {
        "EvalActionName": action,
        "EvalResourceName": arn,
        "EvalDecision": decision,
        "MatchedStatements": [],
        "MissingContextValues": sorted(missing),
    }


def _covers(statement: Mapping[str, Any], action: str, arn: str) -> bool:
    actions = any(_like(action.lower(), str(a).lower()) for a in _list(statement.get("Action")))
    return actions and any(_like(arn, str(r)) for r in _list(statement.get("Resource")))


def _conditions(statement: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    for operator, tests in (statement.get("Condition") or {}).items():
        for key, wanted in tests.items():
            yield operator, key, [str(value) for value in _list(wanted)]


def _met(operator: str, values: Sequence[str], wanted: Sequence[str]) -> bool:
    if operator == "StringEquals":
        return any(value in wanted for value in values)
    likes = operator in ("StringLike", "ArnLike", "ArnEquals")
    return likes and any(_like(value, one) for value in values for one in wanted)


def _like(value: str, pattern: str) -> bool:
    return fnmatchcase(value, pattern.replace("[", "[[]"))


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
