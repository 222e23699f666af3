"""Knows the settings of routes, [[routes]] in trailwatch.toml. Reads only what it is given."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from bot.setting_values import as_text, near, words
from trailwatch.routes import LOUD, Route

_CHANNEL = re.compile(r"[CG][A-Z0-9]{2,}")
_MENTION = re.compile(r"[UWS][A-Z0-9]{2,}|here|channel")


@dataclass(frozen=True)
class RouteSetting:
    """One key of [[routes]]: the field that it fills, what its words look like, what it is for."""

    name: str
    field: str
    fits: Callable[[str], object]
    shape: str
    about: str


ROUTE_SETTINGS: tuple[RouteSetting, ...] = (
    RouteSetting("severity", "severities", re.compile(r"P[1-5]").fullmatch, "P1 to P5",
                 "Severities, P1 to P5"),
    RouteSetting("detection", "detections", re.compile(r"[a-z0-9*][a-z0-9*-]*").fullmatch,
                 "a detection's id, * for any characters",
                 "Ids of detections; `root-*` takes all that begin so"),
    RouteSetting("site", "sites", str, "", "Names of sites"),
    RouteSetting("account", "accounts", re.compile(r"\d{12}").fullmatch, "12 digits",
                 "Ids of the accounts that the alarms are in"),
    RouteSetting("channel", "channel", _CHANNEL.fullmatch, "a channel's id, C…",
                 "Id of the channel; else the site's own"),
    RouteSetting("mention", "mentions", _MENTION.fullmatch,
                 "ids of users (U…) or user groups (S…), here or channel",
                 f"Whom alerts of {LOUD} call: U…, S…, `here` or `channel`"),
)  # fmt: skip
BY_NAME = {setting.name: setting for setting in ROUTE_SETTINGS}


def read_routes(
    tables: object, sites: Collection[str], file: str, problems: list[str]
) -> tuple[Route, ...]:
    """The routes in their order; problems gets a line for each key that cannot be.

    A route behind one that takes everything that it would take is a problem, too.
    """
    if not isinstance(tables, list):
        problems.append(f"{file}: routes: must be tables, [[routes]].")
        return ()
    routes: list[Route] = []
    for number, table in enumerate(tables, 1):
        place = f"{file}: routes[{number}]"
        route = _route(table, sites, place, problems)
        for earlier, other in enumerate(routes, 1):
            if _covers(other, route):
                problems.append(f"{place}: never reached: routes[{earlier}] takes all of it.")
                break
        routes.append(route)
    return tuple(routes)


def _route(table: object, sites: Collection[str], place: str, problems: list[str]) -> Route:
    if not isinstance(table, Mapping):
        problems.append(f"{place}: must be a table, [[routes]].")
        return Route()
    values: dict[str, Any] = {}
    for key, value in table.items():
        setting = BY_NAME.get(key)
        if setting is None:
            problems.append(f"{place}.{key}: no such setting{near(key, BY_NAME)}.")
            continue
        found = words(as_text(value))
        for word in found:
            if not setting.fits(word):
                problems.append(f"{place}.{key} is {word!r}: must be {setting.shape}.")
            if key == "site" and word not in sites:
                problems.append(f"{place}.{key} is {word!r}: no such site{near(word, sites)}.")
        if key == "channel" and len(found) > 1:
            problems.append(f"{place}.channel: one channel only.")
        values[setting.field] = "".join(found[:1]) if key == "channel" else found
    if not values.get("channel") and not values.get("mentions"):
        problems.append(f"{place}: says neither channel nor mention.")
    return Route(**values)


def _covers(one: Route, other: Route) -> bool:
    """Whether everything that `other` takes is taken by `one`; patterns count as words."""
    pairs = (
        (one.severities, other.severities),
        (one.detections, other.detections),
        (one.sites, other.sites),
        (one.accounts, other.accounts),
    )
    return all(not wide or (narrow and set(narrow) <= set(wide)) for wide, narrow in pairs)


def routes_table() -> str:
    """The table of a route's keys for the documentation, as Markdown."""
    rows = ["| key | what it is |", "|---|---|"]
    rows += [f"| `{setting.name}` | {setting.about} |" for setting in ROUTE_SETTINGS]
    return "\n".join(rows) + "\n"
