"""Knows how the text of a setting is read; raises ValueError that says what it must be."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def text(value: str) -> str:
    """The text without spaces around it."""
    return value.strip()


def url(value: str) -> str:
    """A URL without its last slash; "" too."""
    value = value.strip()
    if value and not re.match(r"^https?://[^\s/]+", value):
        raise ValueError("must start with https:// (or http:// for a stand-in)")
    return value.rstrip("/")


def port(value: str) -> int:
    """A port."""
    port = int(value)
    if not 0 <= port <= 65535:
        raise ValueError("must be a port, 0 to 65535")
    return port


def seconds(value: str) -> float:
    """A number of seconds."""
    seconds = float(value)
    if not 0 <= seconds <= 3600:
        raise ValueError("must be 0 to 3600 seconds")
    return seconds


def minutes(value: str) -> int:
    """A number of minutes, 0 to a day."""
    if value.isdecimal() and int(value) <= 1440:
        return int(value)
    raise ValueError("must be a number of minutes, 0 to 1440")


def days(value: str) -> int:
    """A number of days, 0 to 90."""
    if value.isascii() and value.isdigit() and int(value) <= 90:
        return int(value)
    raise ValueError("must be a number of days, 0 to 90")


def limit(value: str) -> int:
    """A whole number, 0 to a million."""
    if value.isascii() and value.isdigit() and int(value) <= 1_000_000:
        return int(value)
    raise ValueError("must be a whole number, 0 or more")


def gaps(value: str) -> tuple[timedelta, ...]:
    """Growing numbers of minutes."""
    parts = words(value)
    found = [int(part) for part in parts if part.isdecimal()]
    growing = all(one < other for one, other in pairwise([0, *found, 1441]))
    if not found or len(found) != len(parts) or not growing:
        raise ValueError("must be growing numbers of minutes, 1 to 1440, such as 1,5,15,60")
    return tuple(timedelta(minutes=number) for number in found)


def hour(value: str) -> int:
    """An hour of the day."""
    hour = int(value)
    if not 0 <= hour <= 23:
        raise ValueError("must be an hour, 0 to 23")
    return hour


def zone(value: str) -> str:
    """The name of a time zone."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError("must be a time zone's name such as Europe/Berlin") from error
    return value


def yes(value: str) -> bool:
    """Whether it is wanted; TOML's true and false too."""
    known = {"yes": True, "true": True, "no": False, "false": False, "": False}
    if value.strip().lower() not in known:
        raise ValueError("must be yes or no")
    return known[value.strip().lower()]


def words(value: str) -> tuple[str, ...]:
    """What stands between commas or spaces."""
    return tuple(part for part in re.split(r"[,\s]+", value.strip()) if part)


def slack_ids(value: str) -> tuple[str, ...]:
    """Ids of users (U…, W…) and user groups (S…), also as Slack writes a mention of one."""
    found = tuple(_MENTION.sub(r"\1", part) for part in re.split(r"[,\s]+", value.strip()) if part)
    for one in found:
        if not re.fullmatch(r"[UWS][A-Z0-9]+", one):
            raise ValueError(
                f"{one} is no id (U… of a person, S… of a user group, as Slack's "
                "“Copy member ID” and “Copy group ID” give them): a name would grant nothing"
            )
    return found


_MENTION = re.compile(r"<(?:@|!subteam\^)([UWS][A-Z0-9]+)(?:\|[^>]*)?>")


def names(value: str) -> Mapping[str, str]:
    """Names by account id."""
    pairs = (part.partition("=") for part in value.split(",") if part.strip())
    names = {account.strip(): name.strip() for account, _, name in pairs}
    for account, name in names.items():
        if not re.fullmatch(r"\d{12}", account) or not name:
            raise ValueError("must look like 123456789012=prod,111122223333=test")
    return names


def slack_people(value: str) -> Mapping[str, str]:
    """Slack user ids by what AWS calls them."""
    pairs = (part.rpartition("=") for part in value.split(",") if part.strip())
    people = {name.strip(): user.strip() for name, _, user in pairs}
    for name, user in people.items():
        if not name or not re.fullmatch(r"[UW][A-Z0-9]{2,20}", user):
            raise ValueError("must look like alice=U0123ABCD,deploy.bob=U0456EFGH")
    return people


def choice(*allowed: str) -> Callable[[str], str]:
    """One of these words."""

    def read(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"must be {' or '.join(allowed)}")
        return value

    return read


def role(value: str) -> str:
    """A role's ARN, or nothing."""
    value = value.strip()
    if value and not re.fullmatch(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+", value):
        raise ValueError("must be a role's ARN, arn:aws:iam::123456789012:role/NAME")
    return value


def api_url(value: str) -> str:
    """A URL with a slash at its end."""
    return url(value) + "/"


def as_text(value: Any) -> str:
    """A TOML value in the form that the environment would have it in."""
    if isinstance(value, list):
        return ",".join(str(part) for part in value)
    if isinstance(value, dict):
        return ",".join(f"{key}={part}" for key, part in value.items())
    return str(value)


def near(key: str, known: Iterable[str]) -> str:
    """The end of "no such setting", where a known one is near: "; did you mean …"."""
    found = difflib.get_close_matches(key, list(known), n=1, cutoff=0.6)
    return f"; did you mean {found[0]}" if found else ""
