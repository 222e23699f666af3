"""Knows Slack's date tokens and the viewer's clock. Never the present moment by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@dataclass(frozen=True)
class ViewerClock:
    """The moment of viewing (UTC-aware), in whose zone, and whether by 12 or 24 hours."""

    now: datetime
    zone: tzinfo = UTC
    twelve_hours: bool = False

    def local(self, epoch: float) -> datetime:
        """Raises ValueError, OverflowError or OSError for a moment outside the calendar."""
        return datetime.fromtimestamp(epoch, self.zone)

    def time(self, moment: datetime, seconds: bool = False) -> str:
        """A time of day: "10:02", "10:02 AM", with seconds "10:02:07"."""
        tail = f":{moment:%S}" if seconds else ""
        if self.twelve_hours:
            return f"{moment.hour % 12 or 12}:{moment:%M}{tail} {moment:%p}"
        return f"{moment:%H:%M}{tail}"

    def relative_day(self, moment: datetime) -> str | None:
        """ "today", "yesterday", "tomorrow" or None."""
        days = (moment.date() - self.now.astimezone(self.zone).date()).days
        return {0: "today", -1: "yesterday", 1: "tomorrow"}.get(days)

    def day_divider(self, moment: datetime) -> str:
        """The words on the line between two days: "Today", "Monday, November 23rd"."""
        relative = self.relative_day(moment)
        if relative:
            return relative.capitalize()
        return _long(moment, year=moment.year != self.now.astimezone(self.zone).year)

    def ago(self, moment: datetime) -> str:
        """ "just now", "3 minutes ago", "today at 10:02", as Slack writes under a thread."""
        gone = self.now - moment
        if gone < timedelta(minutes=1):
            return "just now"
        if gone < timedelta(hours=1):
            minutes = int(gone.total_seconds() // 60)
            return f"{minutes} minute{'s' if minutes > 1 else ''} ago"
        day = self.relative_day(moment) or f"{moment:%b} {moment.day}"
        return f"{day} at {self.time(moment)}"


def zone_named(name: str | None) -> tzinfo:
    """The zone of an IANA name; UTC where the name is missing or unknown."""
    if not name or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_+\-/]{0,60}", name):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def _ordinal(day: int) -> str:
    if 11 <= day % 100 <= 13:
        return f"{day}th"
    return f"{day}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th') }"


def _long(moment: datetime, year: bool = True) -> str:
    tail = f", {moment.year}" if year else ""
    return f"{moment:%A, %B} {_ordinal(moment.day)}{tail}"


def _short(moment: datetime) -> str:
    return f"{moment:%b} {moment.day}, {moment.year}"


def _pretty(plain: Callable[[datetime], str]) -> Callable[[ViewerClock, datetime], str]:
    return lambda clock, moment: clock.relative_day(moment) or plain(moment)


def _ago_token(clock: ViewerClock, moment: datetime) -> str:
    seconds = (clock.now - moment).total_seconds()
    size = abs(seconds)
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        if size >= length:
            n = int(size // length)
            words = f"{n} {unit}{'s' if n != 1 else ''}"
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return "just now"


_TOKENS: Mapping[str, Callable[[ViewerClock, datetime], str]] = {
    "day_divider_pretty": lambda c, m: (
        c.day_divider(m).replace("T", "t", 1) if c.relative_day(m) else c.day_divider(m)
    ),
    "date_num": lambda c, m: f"{m:%Y-%m-%d}",
    "date_slash": lambda c, m: f"{m:%d/%m/%Y}",
    "date": lambda c, m: f"{m:%B} {_ordinal(m.day)}, {m.year}",
    "date_pretty": _pretty(lambda m: f"{m:%B} {_ordinal(m.day)}, {m.year}"),
    "date_short": lambda c, m: _short(m),
    "date_short_pretty": _pretty(_short),
    "date_long": lambda c, m: _long(m),
    "date_long_full": lambda c, m: f"{m:%B} {m.day}, {m.year}",
    "date_long_pretty": _pretty(_long),
    "time": lambda c, m: c.time(m),
    "time_secs": lambda c, m: c.time(m, seconds=True),
    "ago": _ago_token,
}


def formatted(clock: ViewerClock, epoch: object, template: str, fallback: str) -> str:
    """The template with its {tokens} filled in; the fallback where that is impossible.

    Tokens as in Slack's "Formatting message text" (dates) and "Date element" pages.
    """
    try:
        moment = clock.local(float(str(epoch)))
    except (ValueError, OverflowError, OSError):
        return fallback
    unknown = [t for t in re.findall(r"{(\w+)}", template) if t not in _TOKENS]
    if unknown or "{" not in template:
        return fallback
    text = re.sub(r"{(\w+)}", lambda m: _TOKENS[m[1]](clock, moment), template)
    return text[:1].upper() + text[1:] if template.startswith("{") else text
