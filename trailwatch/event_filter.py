"""Knows the filter pattern for what a person looks for in the events. Pure; searches nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trailwatch.address import office_range
from trailwatch.errors import UsageError
from trailwatch.pattern import Pattern, PatternError, parse
from trailwatch.pattern.addresses import AddressError, excluding

EVERY = "{ ($.eventName = *) }"
"""The pattern for every event: CloudTrail's records all have a name."""
LONGEST = 1024
"""Characters that FilterLogEvents takes, CloudWatch Logs API reference."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{1,100}\*?")
_WHO = re.compile(r"[\w+=,.@:/-]{2,200}")
_PREFIX = re.compile(r"[0-9A-Fa-f.:]{1,44}\*?|[a-z0-9.-]+\.amazonaws\.com")
_IDENTITY = ("arn", "userName", "principalId", "accessKeyId", "sessionContext.sourceIdentity")


@dataclass(frozen=True)
class Wanted:
    """What is looked for; "" asks for nothing of that kind, and nothing at all for every event.

    pattern: a JSON pattern. who: a part of a name, an ARN or an access key's id. event: an event's
    name, with a star at its end or not. address: an address, a prefix with a star or a service.
    """

    pattern: str = ""
    who: str = ""
    event: str = ""
    address: str = ""


def filter_for(wanted: Wanted) -> Pattern:
    """The pattern that matches all of it; raises UsageError with what to write instead."""
    tests = [
        *_inner(wanted.pattern.strip()),
        *_who(wanted.who.strip()),
        *_event(wanted.event.strip()),
        *_address(wanted.address.strip()),
    ]
    text = "{ " + " && ".join(f"({test})" for test in tests) + " }" if tests else EVERY
    if len(tests) == 1 and wanted.pattern.strip():
        text = wanted.pattern.strip()
    if len(text) > LONGEST:
        raise UsageError(
            "The search is too long.", f"Together it has {len(text)} characters, {LONGEST} fit."
        )
    try:
        return parse(text)
    except PatternError as error:
        raise UsageError(
            "CloudWatch Logs does not take this pattern.", f"Column {error.at + 1}: {error}."
        ) from error


def _inner(pattern: str) -> list[str]:
    """What stands between the braces."""
    if not pattern:
        return []
    try:
        parse(pattern)
    except PatternError as error:
        raise UsageError(
            "CloudWatch Logs does not take this pattern.",
            f"Column {error.at + 1}: {error}.",
            'A pattern is like { $.eventName = "CreateUser" }.',
        ) from error
    if not (pattern.startswith("{") and pattern.endswith("}")):
        raise UsageError(
            "Only a pattern in braces can be searched.",
            fix='A pattern is like { $.eventName = "CreateUser" }.',
        )
    return [pattern[1:-1].strip()]


def _who(who: str) -> list[str]:
    if not who:
        return []
    if not _WHO.fullmatch(who):
        raise UsageError(
            f"{who[:60]!r} names nobody.", fix="Write a part of a name, an ARN or an access key."
        )
    field = "$.userIdentity"
    return [" || ".join(f'({field}.{name} = "*{who}*")' for name in _IDENTITY)]


def _event(name: str) -> list[str]:
    if not name:
        return []
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name[:60]!r} is no event's name.", fix="Write one such as CreateUser or Delete*."
        )
    return [f'$.eventName = "{name}"']


def _address(address: str) -> list[str]:
    if not address:
        return []
    found = office_range(address)
    if "/" in found:
        try:
            (test,) = excluding("$.sourceIPAddress", [found])
        except (AddressError, ValueError) as error:
            raise UsageError(f"{address[:60]!r} is no network.", str(error)[:200]) from error
        return [test.replace("!=", "=")]
    if not _PREFIX.fullmatch(found):
        raise UsageError(
            f"{address[:60]!r} is no address.",
            fix="Write one such as 203.0.113.9, 203.0.113.* or cloudtrail.amazonaws.com.",
        )
    return [f'$.sourceIPAddress = "{found}"']
