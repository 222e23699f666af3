"""Finds tests whose field or value cannot be what the writer meant; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from trailwatch.pattern import addresses, cloudtrail
from trailwatch.pattern.finding import Lint, Rule, exact_text, instead_of
from trailwatch.pattern.printing import selector_text
from trailwatch.pattern.syntax import (
    Compare,
    Condition,
    Is,
    Kind,
    Literal,
    Name,
    NotExists,
    Op,
    RegexLiteral,
    Selector,
    Test,
    tests,
)


def single_tests(root: Condition) -> Iterator[Lint]:
    for test in tests(root):
        yield from _unknown_field(root, test)
        if isinstance(test, Compare):
            for check in _CHECKS:
                found = check(root, test)
                if found is not None:
                    yield found
                    break


def _unknown_field(root: Condition, test: Test) -> Iterator[Lint]:
    unknown = cloudtrail.unknown_field(test.selector)
    if unknown is None:
        return
    place, near = unknown
    steps = test.selector.steps
    field = selector_text(Selector(steps[: place + 1]))
    why = f"CloudTrail records have no field {field}." + _did_you_mean(near)
    instead = ""
    if near:
        selector = Selector((*steps[:place], Name(near[0]), *steps[place + 1 :]))
        instead = instead_of(root, test, replace(test, selector=selector))
    yield Lint(test.selector.at, Rule.UNKNOWN_FIELD, why, instead)


def _did_you_mean(near: list[str]) -> str:
    return f" Did you mean {' or '.join(near)}?" if near else ""


def _with_value(root: Condition, test: Compare, text: str) -> str:
    return instead_of(root, test, Compare(test.selector, test.op, Literal(text), test.at))


def _container(root: Condition, test: Compare) -> Lint | None:
    names = cloudtrail.path(test.selector)
    if not names or len(names) > 1 or names[0] not in cloudtrail.CONTAINERS:
        return None
    why = (
        f"{selector_text(test.selector)} is an object or a list, and comparing one is never true: "
        "name a field inside it."
    )
    return Lint(test.selector.at, Rule.CONTAINER, why)


def _boolean(root: Condition, test: Compare) -> Lint | None:
    names = cloudtrail.path(test.selector)
    value = test.value
    if not isinstance(value, Literal) or value.text.lower() not in ("true", "false"):
        return None
    if value.quoted and not (names and names[-1] in cloudtrail.BOOLEANS):
        return None
    kind = Kind.TRUE if value.text.lower() == "true" else Kind.FALSE
    if test.op is Op.NE:
        kind = Kind.FALSE if kind is Kind.TRUE else Kind.TRUE
    why = f"This compares with the text {value.text!r}; a true or false of JSON needs IS {kind}."
    return Lint(test.at, Rule.BOOLEAN, why, instead_of(root, test, Is(test.selector, kind)))


def _star(root: Condition, test: Compare) -> Lint | None:
    if not isinstance(test.value, Literal):
        return None
    text = test.value.text
    if test.op is Op.NE and text and not text.strip("*"):
        why = "Every text fits `*`, so this is never true; `NOT EXISTS` asks for a missing field."
        return Lint(test.at, Rule.NEVER, why, instead_of(root, test, NotExists(test.selector)))
    if "*" not in text[1:-1] or text.startswith("**") or text.endswith("**"):
        return None
    why = (
        "AWS does not say that a star in the middle stands for anything: use a regular expression."
    )
    return Lint(test.at, Rule.INNER_STAR, why, _as_regex(root, test, text))


def _as_regex(root: Condition, test: Compare, text: str) -> str:
    """The pattern with a regex for a text with stars; "" if AWS's subset cannot say it."""
    if re.fullmatch(r"[A-Za-z0-9 :_#=@/;,.*\-]*", text) is None:
        return ""
    body = "".join(".*" if char == "*" else re.sub(r"([.])", r"\\\1", char) for char in text)
    before = "" if text.startswith("*") else "^"
    behind = "" if text.endswith("*") else "$"
    regex = RegexLiteral(f"{before}{body.removeprefix('.*').removesuffix('.*')}{behind}")
    return instead_of(root, test, Compare(test.selector, test.op, regex, test.at))


_LOOSE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){1,2}\*")
_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn")
_NETWORK = re.compile(r"[0-9a-fA-F.:]+/[0-9]{1,3}")


def _address(root: Condition, test: Compare) -> Lint | None:
    names = cloudtrail.path(test.selector)
    if not names or names[-1] != "sourceIPAddress" or not isinstance(test.value, Literal):
        return None
    text = test.value.text
    if _LOOSE.fullmatch(text):
        why = f"{text} also takes addresses like {text[:-1]}0.1: write the dot before the star."
        return Lint(test.at, Rule.LOOSE_PREFIX, why, _with_value(root, test, f"{text[:-1]}.*"))
    if not _NETWORK.fullmatch(text):
        return None
    why = "Addresses are compared as text, so a network in CIDR form never fits."
    try:
        (value,) = addresses.network_values([text])
    except addresses.AddressError as error:
        return Lint(test.at, Rule.CIDR, f"{why} {error}.")
    new = Compare(test.selector, test.op, value, test.at)
    return Lint(test.at, Rule.CIDR, why, instead_of(root, test, new))


def _event_name(root: Condition, test: Compare) -> Lint | None:
    exact = exact_text(test, test.op)
    if exact is None or cloudtrail.path(test.selector) != ("eventName",):
        return None
    near = cloudtrail.unknown_event(exact[1])
    if near is None:
        return None
    why = f"No service is known to have an event {exact[1]!r}." + _did_you_mean(near)
    instead = _with_value(root, test, near[0]) if near else ""
    return Lint(test.at, Rule.UNKNOWN_EVENT, why, instead)


def _event_source(root: Condition, test: Compare) -> Lint | None:
    exact = exact_text(test, test.op)
    if exact is None or cloudtrail.path(test.selector) != ("eventSource",):
        return None
    full = exact[1].lower()
    service = full.partition(".")[0]
    if "." not in full or ".amazon" in full:
        full = full if full.endswith(_DOMAINS) else f"{service}.amazonaws.com"
    if not service or full == exact[1]:
        return None
    why = f"Event sources are written like {full}."
    return Lint(test.at, Rule.NOT_A_SERVICE, why, _with_value(root, test, full))


def _identity_type(root: Condition, test: Compare) -> Lint | None:
    exact = exact_text(test, test.op)
    if exact is None or cloudtrail.path(test.selector) != ("userIdentity", "type"):
        return None
    if exact[1] in cloudtrail.IDENTITY_TYPES:
        return None
    near = cloudtrail.near(exact[1], cloudtrail.IDENTITY_TYPES)
    why = f"CloudTrail names no type of identity {exact[1]!r}." + _did_you_mean(near)
    instead = _with_value(root, test, near[0]) if near else ""
    return Lint(test.at, Rule.UNKNOWN_VALUE, why, instead)


_CHECKS: tuple[Callable[[Condition, Compare], Lint | None], ...] = (
    _container,
    _boolean,
    _star,
    _address,
    _event_name,
    _event_source,
    _identity_type,
)
