"""What fields and event names CloudTrail records have, as far as a pattern's text can be judged.

Sources: "CloudTrail record contents" and "CloudTrail userIdentity element" (AWS CloudTrail user
guide). It reads no record.
"""

from __future__ import annotations

import difflib
import re
from functools import cache
from importlib.resources import files

from trailwatch.pattern.syntax import Name, Selector

FIELDS = frozenset(
    {
        "addendum",
        "additionalEventData",
        "apiVersion",
        "awsRegion",
        "edgeDeviceDetails",
        "errorCode",
        "errorMessage",
        "eventCategory",
        "eventContext",
        "eventID",
        "eventName",
        "eventSource",
        "eventTime",
        "eventType",
        "eventVersion",
        "insightDetails",
        "managementEvent",
        "readOnly",
        "recipientAccountId",
        "requestID",
        "requestParameters",
        "resources",
        "responseElements",
        "serviceEventDetails",
        "sessionCredentialFromConsole",
        "sharedEventID",
        "sourceIPAddress",
        "tlsDetails",
        "userAgent",
        "userIdentity",
        "vpcEndpointAccountId",
        "vpcEndpointId",
    }
)
IDENTITY_FIELDS = frozenset(
    {
        "accessKeyId",
        "accountId",
        "arn",
        "credentialId",
        "identityProvider",
        "identityStoreArn",
        "inScopeOf",
        "invokedBy",
        "onBehalfOf",
        "principalId",
        "sessionContext",
        "type",
        "userId",
        "userName",
    }
)
IDENTITY_TYPES = frozenset(
    {
        "AssumedRole",
        "AWSAccount",
        "AWSService",
        "Directory",
        "FederatedUser",
        "IAMUser",
        "IdentityCenterUser",
        "Role",
        "Root",
        "SAMLUser",
        "Unknown",
        "WebIdentityUser",
    }
)
# Every record of an API call, a sign-in or a service's own event has these, as texts.
ALWAYS = frozenset(
    {
        ("eventVersion",), ("eventTime",), ("eventSource",), ("eventName",), ("awsRegion",),
        ("sourceIPAddress",), ("eventID",), ("eventType",), ("userIdentity", "type"),
    }
)  # fmt: skip
CONTAINERS = frozenset(
    {
        "addendum",
        "additionalEventData",
        "edgeDeviceDetails",
        "eventContext",
        "insightDetails",
        "requestParameters",
        "resources",
        "responseElements",
        "serviceEventDetails",
        "tlsDetails",
        "userIdentity",
    }
)
BOOLEANS = frozenset({"managementEvent", "readOnly"})

_DATE_SUFFIX = re.compile(r"20\d\d_?\d\d_?\d\d(v\d)?")


def path(selector: Selector) -> tuple[str, ...] | None:
    """The names of a selector, None if it has an index or a wildcard."""
    names = [step.name for step in selector.steps if isinstance(step, Name)]
    return tuple(names) if len(names) == len(selector.steps) else None


def always_present(selector: Selector) -> bool:
    """Whether every record has a text there."""
    return path(selector) in ALWAYS


def unknown_field(selector: Selector) -> tuple[int, list[str]] | None:
    """The step of a selector that no record has, and near names; None if all could be there."""
    known = FIELDS
    for place, step in enumerate(selector.steps[:2]):
        if not isinstance(step, Name):
            return None
        if step.name not in known:
            return place, near(step.name, known)
        if step.name != "userIdentity":
            return None
        known = IDENTITY_FIELDS
    return None


def unknown_event(name: str) -> list[str] | None:
    """Near names of an event that no service is known to have; None if one has it."""
    known = _event_names()
    if name in known or _DATE_SUFFIX.sub("", name) in known:
        return None
    # Comparing with every name would be slow: a mistake rarely spares neither end.
    likely = {one for one in known if one[:3] == name[:3] or one[-5:] == name[-5:]}
    return near(name, likely or known)


def near(name: str, known: frozenset[str] | set[str]) -> list[str]:
    """Up to three known names that look like this one, the nearest first."""
    lower: dict[str, str] = {one.lower(): one for one in sorted(known)}
    found = difflib.get_close_matches(name.lower()[:80], lower, n=3, cutoff=0.7)
    return [lower[one] for one in found]


@cache
def _event_names() -> frozenset[str]:
    text = (files("trailwatch.pattern") / "event_names.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if not line.startswith("#"))
