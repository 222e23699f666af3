"""Knows who may assume which role of the stand-in's accounts. Makes no credentials: moto does.

Source: AssumeRole, AWS STS API reference; "Access to AWS accounts owned by third parties", IAM
user guide, for external ids.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from moto.iam.models import Role

from sandbox.aws.backends import Account
from sandbox.aws.operations import Handler, Proceed
from sandbox.aws.protocol import AwsCall, Refusal
from sandbox.wire import Answer


class Sts:
    """AssumeRole, refused where the role's trust policy doesn't let the caller in."""

    def __init__(self, accounts: Callable[[], Mapping[str, Account]], caller: str) -> None:
        """accounts: those of the stand-in, by id. caller: the account that calls come from."""
        self._accounts = accounts
        self._caller = caller

    def handlers(self) -> dict[str, Handler]:
        return {"AssumeRole": self._assume}

    def _assume(self, call: AwsCall, proceed: Proceed) -> Answer:
        arn = str(call.get("RoleArn", ""))
        role = self._role(arn)
        external_id = str(call.get("ExternalId", ""))
        if role is None or not _trusts(role, self._caller, external_id):
            who = f"arn:aws:iam::{self._caller}:user/trailwatch-bot"
            text = f"User: {who} is not authorized to perform: sts:AssumeRole on resource: {arn}"
            raise Refusal("AccessDenied", text, 403)
        return proceed()

    def _role(self, arn: str) -> Role | None:
        parts = arn.split(":")
        account = self._accounts().get(parts[4]) if len(parts) > 5 else None
        roles = account.iam.roles.values() if account else ()
        return next((role for role in roles if role.arn == arn), None)


def _trusts(role: Role, account: str, external_id: str) -> bool:
    """Whether a trust policy lets an account in. Of conditions it knows sts:ExternalId."""
    policy: Any = role.assume_role_policy_document
    document = json.loads(policy) if isinstance(policy, str) else policy
    return any(_allows(one, account, external_id) for one in document.get("Statement", []))


def _allows(statement: Mapping[str, Any], account: str, external_id: str) -> bool:
    principal = statement.get("Principal")
    named = principal.get("AWS", ()) if isinstance(principal, Mapping) else principal or ()
    names = [named] if isinstance(named, str) else list(named)
    if statement.get("Effect") != "Allow" or not any(account in n or n == "*" for n in names):
        return False
    wanted = statement.get("Condition", {}).get("StringEquals", {}).get("sts:ExternalId")
    return wanted is None or external_id in ([wanted] if isinstance(wanted, str) else wanted)
