"""/trailwatch pattern: checks, explains and tries filter patterns. Changes nothing."""

from __future__ import annotations

import re

from handlers.access import Role
from handlers.blocks.kit import Message
from handlers.blocks.pattern import pattern_refused, pattern_taken
from handlers.commands.command import Command
from handlers.commands.grammar import Invocation, parse_duration
from handlers.deps import Deps
from handlers.request import Reply, Request
from handlers.slack_text import pattern_typed
from handlers.starting import start_job
from trailwatch.detections import facts_of, pattern_at
from trailwatch.errors import TrailwatchError, UsageError
from trailwatch.pattern import MAX_REGEX_FILTERS, Pattern, PatternError, parse

DEFAULT_SINCE = "24h"
_SINCE = re.compile(r"(?:^|\s)--?since[ =](\S+)\s*$|^--?since[ =](\S+)\s")
_SITE = re.compile(r"(?:^|\s)--?site[ =](\S+)\s*$|^--?site[ =](\S+)\s")
_EVENT = re.compile(r"(?:^|\s)--?event[ =]([\w-]{1,64})\s*$|^--?event[ =]([\w-]{1,64})\s")


def check(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Whether CloudWatch Logs takes a pattern, where it is wrong if not, and what is dubious.

    Here as below the id of a detection stands for the pattern that it has at the site.
    """
    site = deps.sites.chosen(None, request.channel)
    text, of = _meant(deps, call.rest, site)
    found = _parsed(call, text)
    if isinstance(found, Pattern):
        found = pattern_taken(found.text, found.lint(_regex_filters_left(deps, site)), of=of)
    return Reply(found.text, found.blocks)


def explain(deps: Deps, request: Request, call: Invocation) -> Reply:
    """The same, and what the pattern says in plain English; with --event of that one event."""
    text, event_id, site = _with_options(call.rest, _EVENT, _SITE)
    site = deps.sites.chosen(site, request.channel)
    text, of = _meant(deps, text, site)
    found = _parsed(call, text)
    if isinstance(found, Pattern) and event_id:
        wanted = {"pattern": found.text, "event_id": event_id, "site": site, "detection": of}
        _start(deps, request, "pattern.explain", **wanted)
        return Reply("Looking for the event…")
    if isinstance(found, Pattern):
        found = pattern_taken(found.text, found.lint(), tuple(found.explain().lines()), of)
    return Reply(found.text, found.blocks)


def test(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Search the log group with a pattern; the answer comes in private."""
    text, since, site = _with_options(call.rest, _SINCE, _SITE)
    site = deps.sites.chosen(site, request.channel)
    seconds = parse_duration(since or DEFAULT_SINCE).total_seconds()
    text, of = _meant(deps, text, site)
    found = _parsed(call, text)
    if not isinstance(found, Pattern):
        return Reply(found.text, found.blocks)
    wanted = {"pattern": found.text, "seconds": str(seconds), "site": site, "detection": of}
    _start(deps, request, "pattern.test", **wanted)
    return Reply("Searching the log group…")


def _start(deps: Deps, request: Request, kind: str, **arguments: str) -> None:
    with deps.db.transaction() as tx:
        start_job(deps, tx, request, kind, **arguments)


def _meant(deps: Deps, text: str, site: str) -> tuple[str, str]:
    """The pattern that a text is, or that the detection which it names has at a site; its id.

    Raises NotFound for a word that looks like an id and is none.
    """
    detection = deps.catalogue.meant(pattern_typed(text))
    if detection is None:
        return text, ""
    return pattern_at(detection, facts_of(deps.sites.config_or_blank(site))), detection.id


def _regex_filters_left(deps: Deps, site: str) -> int | None:
    """How many more filters with a regular expression fit beside those that the site wants."""
    try:
        wanted = deps.sites.detections(deps.sites.config_or_blank(site))
    except TrailwatchError:
        return None
    return MAX_REGEX_FILTERS - sum(parse(one.pattern).uses_regex > 0 for one in wanted)


def _with_option(option: re.Pattern[str], text: str) -> tuple[str, str]:
    """A text without the option at its start or end, and the option's value, "" without it."""
    given = option.search(text)
    if given is None:
        return text, ""
    return text[: given.start()] + text[given.end() :], given[1] or given[2]


def _with_options(text: str, one: re.Pattern[str], site: re.Pattern[str]) -> tuple[str, str, str]:
    """The same for an option and the site, which may stand in either order."""
    text, value = _with_option(one, text)
    text, named = _with_option(site, text)
    if not value:
        text, value = _with_option(one, text)
    return text, value, named


def _parsed(call: Invocation, text: str) -> Pattern | Message:
    text = pattern_typed(text)
    if not text:
        raise UsageError("A pattern is missing.", fix=f"Usage: /trailwatch {call.command.usage}")
    try:
        return parse(text)
    except PatternError as error:
        return pattern_refused(text, str(error), error.at)


COMMANDS = (
    Command(
        "pattern check", "pattern check PATTERN|DETECTION",
        'pattern check { $.eventName = "ConsoleLogin" }',
        "Whether CloudWatch Logs takes a filter pattern, what is wrong and what is dubious",
        Role.VIEWER, check, raw=True,
    ),
    Command(
        "pattern explain", "pattern explain PATTERN|DETECTION [--event ID] [--site SITE]",
        'pattern explain { $.errorCode = "AccessDenied*" }',
        "What a filter pattern says in plain English, or which clauses hold for one event",
        Role.VIEWER, explain, raw=True,
    ),
    Command(
        "pattern test", "pattern test PATTERN|DETECTION [--since 24h] [--site SITE]",
        'pattern test { $.eventName = "CreateUser" } --since 7d',
        "Which events of the log group a filter pattern matches", Role.VIEWER, test, raw=True,
    ),
)  # fmt: skip
