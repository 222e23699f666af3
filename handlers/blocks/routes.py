"""Knows how routes look, and how somebody is called in a message. Never decides a way."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from handlers.blocks import kit
from handlers.blocks.kit import Message, code, count, date, esc
from trailwatch.routes import LOUD, Route

_PERSON = re.compile(r"[UW][A-Z0-9]+")
_GROUP = re.compile(r"S[A-Z0-9]+")
_CHANNEL = re.compile(r"[CG][A-Z0-9]+")


def mention(name: str) -> str:
    """What calls a user, a user group, or "here" and "channel"; "" for what is none of them."""
    if name in ("here", "channel"):
        return f"<!{name}>"
    if _PERSON.fullmatch(name):
        return f"<@{name}>"
    return f"<!subteam^{name}>" if _GROUP.fullmatch(name) else ""


def mentions(names: Sequence[str]) -> str:
    """The same for several, as mrkdwn."""
    return " ".join(found for found in map(mention, names) if found)


def channel(channel_id: str) -> str:
    """A channel's name as Slack shows it to the reader."""
    return f"<#{channel_id}>" if _CHANNEL.fullmatch(channel_id) else code(channel_id, 40)


def routes_message(
    routes: Sequence[Route],
    sites: Mapping[str, str],
    lost: Mapping[str, tuple[str, datetime]],
    idle: Sequence[int] = (),
) -> Message:
    """Every route in its order, then where the rest goes.

    sites: channels by site. lost: Slack's word and since when, by channel. idle: numbers, from 1,
    of routes that no detection takes.
    """
    lines = []
    for number, route in enumerate(routes, 1):
        where = channel(route.channel) if route.channel else "the site’s channel"
        line = f"*{number}.* {_asked(route)} → {where}"
        if route.mentions:
            line += f", {LOUD} calls {', '.join(_named(one) for one in route.mentions)}"
        if number in idle:
            line += " :warning: no detection has such an id"
        lines.append(line)
    for site, its in sites.items():
        rest = "everything else" if routes else "everything"
        lines.append(f"{rest} of site {code(site, 60)} → {channel(its)}")
    lines += [
        f":warning: {channel(one)} takes nothing ({esc(error, 60)}) since {date(since)}: "
        "the default channel stands in for it"
        for one, (error, since) in lost.items()
    ]
    hint = "One detection’s way: `/trailwatch routes root-usage`"
    text = f"{count(len(routes), 'route')}; the first that takes an alert decides."
    return kit.message(text, [kit.section(kit.fit_lines([*lines, hint]))])


def way_message(
    detection: str,
    severity: str,
    ways: Sequence[tuple[str, int, Route | None, str]],
) -> Message:
    """Which way a detection's alerts go: site, the route's number or 0, the route, the channel."""
    lines = []
    for site, number, route, where in ways:
        by = f"route {number}" if number else "no route: its site’s channel"
        line = f"site {code(site, 60)} → {channel(where)} ({by})"
        if route is not None and route.mentions and severity == LOUD:
            line += f", calls {', '.join(_named(one) for one in route.mentions)}"
        lines.append(line)
    title = f"{esc(detection, 80)}, {esc(severity, 4)}"
    text = "; ".join(f"{title}: {line}" for line in lines)
    return kit.message(text, [kit.section(f"*{title}*"), kit.section(kit.fit_lines(lines))])


def _asked(route: Route) -> str:
    parts = [
        f"{name} {', '.join(code(one, 80) for one in values)}"
        for name, values in (
            ("severity", route.severities),
            ("detection", route.detections),
            ("site", route.sites),
            ("account", route.accounts),
        )
        if values
    ]
    return " · ".join(parts) or "everything"


def _named(one: str) -> str:
    """Who would be called, without calling anybody."""
    return code(f"@{one}", 40)
