"""Knows the human behind a CloudTrail record. Pure; trusts no name more than it deserves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trailwatch.record import text_at

SSO_PATH = ":role/aws-reserved/sso.amazonaws.com/"
"""In the ARN of a role of IAM Identity Center ("Reserved roles" in its user guide). Only AWS makes
roles there, whereas anybody who may make roles can call one AWSReservedSSO_Admin_….
"""
_SSO_NAME = "AWSReservedSSO_"


@dataclass(frozen=True)
class Actor:
    """Who made a call.

    `sure` is False where the caller chose the name themselves (a role session's name).
    Source: "CloudTrail userIdentity element" in the AWS CloudTrail user guide.
    """

    name: str
    kind: str
    via: str = ""
    sure: bool = True


def actor_of(record: Mapping[str, Any]) -> Actor:
    """The actor of a decoded CloudTrail record; "unknown" where the record names nobody."""
    identity = record.get("userIdentity")
    if not isinstance(identity, Mapping):
        return Actor("unknown", "")
    kind = text_at(identity, "type")
    if kind == "Root":
        return Actor("root", kind, via=_console(identity))
    if kind == "AssumedRole":
        return _role_session(identity)
    if kind == "FederatedUser":
        return _federated(identity)
    if kind in ("WebIdentityUser", "SAMLUser"):
        return Actor(text_at(identity, "userName") or "unknown", kind, sure=True)
    if kind == "AWSService":
        service = text_at(identity, "invokedBy") or "an AWS service"
        return Actor(service, kind)
    if kind == "AWSAccount":
        return Actor(f"account {text_at(identity, 'accountId') or '?'}", kind)
    if kind == "IdentityCenterUser":
        # The id alone since 2025 ("userIdentity element", AWS CloudTrail user guide).
        user = text_at(identity, "userName") or text_at(identity, "onBehalfOf", "userId")
        return Actor(user or "unknown", kind)
    name = text_at(identity, "userName") or _last(text_at(identity, "arn"))
    return Actor(name or text_at(identity, "principalId") or "unknown", kind)


def _role_session(identity: Mapping[str, Any]) -> Actor:
    """The session's name is the human in SSO roles, and the caller's own choice elsewhere."""
    role = text_at(identity, "sessionContext", "sessionIssuer", "userName")
    session = _last(text_at(identity, "arn")) or _after_colon(text_at(identity, "principalId"))
    source_identity = text_at(identity, "sessionContext", "sourceIdentity")
    service = text_at(identity, "invokedBy")
    via = f"role {role}" if role else "a role"
    if service and not source_identity:
        via = f"{via} by {service}"
    if is_single_sign_on(identity):
        permission_set = role.removeprefix(_SSO_NAME).rsplit("_", 1)[0]
        return Actor(session or "unknown", "AssumedRole", via=f"SSO {permission_set}")
    if source_identity:
        return Actor(source_identity, "AssumedRole", via=via)
    return Actor(session or "unknown", "AssumedRole", via=via, sure=False)


def is_single_sign_on(identity: Mapping[str, Any]) -> bool:
    """Whether a userIdentity is of a role session that IAM Identity Center began for a person."""
    issuer = text_at(identity, "sessionContext", "sessionIssuer", "arn")
    role = text_at(identity, "sessionContext", "sessionIssuer", "userName")
    return role.startswith(_SSO_NAME) and (not issuer or SSO_PATH in issuer)


def _federated(identity: Mapping[str, Any]) -> Actor:
    """The user who asked for the session (GetFederationToken): its name is the user's choice."""
    issuer = ("sessionContext", "sessionIssuer")
    chosen = _last(text_at(identity, "arn")) or _after_colon(text_at(identity, "principalId"))
    user = text_at(identity, *issuer, "userName") or _last(text_at(identity, *issuer, "arn"))
    if text_at(identity, *issuer, "type") == "Root":
        user = "root"
    if user:
        return Actor(user, "FederatedUser", via=f"federated user {chosen or '?'}")
    return Actor(chosen or "unknown", "FederatedUser", sure=False)


def _console(identity: Mapping[str, Any]) -> str:
    return text_at(identity, "invokedBy")


def _last(arn: str) -> str:
    return arn.rsplit("/", 1)[-1] if "/" in arn else ""


def _after_colon(principal: str) -> str:
    return principal.split(":", 1)[1] if ":" in principal else ""
