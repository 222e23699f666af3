"""Knows how a digest looks: three numbers, what fired, what is still open. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.blocks import kit
from handlers.blocks.alert import severity_emoji, where
from handlers.blocks.kit import Message, code, count, date, esc, plain, span, utc
from trailwatch.alert import Alert, AlertState
from trailwatch.digest import Digest

_MOST_ALARMS = 25
_MOST_OPEN = 10
_MOST_SITES = 10
_WORD = {
    AlertState.OPEN: "not acknowledged",
    AlertState.ACKNOWLEDGED: "acknowledged",
    AlertState.SNOOZED: "snoozed",
    AlertState.CLOSED: "closed",
}


def digest_message(digest: Digest, sites: Sequence[str] = ()) -> Message:
    """A digest; its text starts with "Digest" and carries all numbers.

    sites: the names of those it is about, where there are others.
    """
    since, until = digest.period.since, digest.period.until
    blocks = [
        kit.header(":sunrise: Digest"),
        kit.context(" · ".join([f"{date(since)} to {date(until)}", *_sites(sites)])),
    ]
    if digest.quiet:
        blocks.append(kit.section(":white_check_mark: *Nothing fired.*"))
    else:
        blocks.append(_numbers(digest))
        blocks.append(_alarms(digest))
        left = len(digest.by_alarm) - _MOST_ALARMS
        if left > 0:
            blocks.append(kit.context(f"… {count(left, 'more alarm')}"))
    blocks.append(_open(digest))
    return kit.message(_sentence(digest), blocks)


def _sites(sites: Sequence[str]) -> list[str]:
    shown = [code(site, 40) for site in sites[:_MOST_SITES]]
    more = len(sites) - len(shown)
    words = ", ".join(shown) + (f" and {more} more" if more > 0 else "")
    return [f"{'site' if len(sites) == 1 else 'sites'} {words}"] if sites else []


def _numbers(digest: Digest) -> kit.Block:
    taken = f"{digest.acknowledged:,} of {digest.alerts:,}"
    if digest.median_ack is not None:
        taken += f", median {span(digest.median_ack)}"
    pairs = [
        ("Fired", f"{count(digest.fired, 'time')}, {count(digest.alerts, 'alert')}"),
        ("Acknowledged", taken),
        ("Closed", f"{digest.closed:,} of {digest.alerts:,}"),
        ("Still open", f"{len(digest.still_open):,}"),
    ]
    return kit.section(fields=kit.fields(pairs))


def _alarms(digest: Digest) -> kit.Block:
    several = len({row.account for row in digest.by_alarm}) > 1
    rows = [
        [
            plain(row.severity, 8),
            plain(row.title, 100),
            f"{row.fired:,}",
            f"{row.acknowledged:,} of {row.alerts:,}",
            span(row.median_ack) if row.median_ack is not None else kit.NOTHING,
            *([plain(row.account, 40)] if several else []),
        ]
        for row in digest.by_alarm[:_MOST_ALARMS]
    ]
    head = ["Severity", "Alarm", "Fired", "Acknowledged", "Median"]
    head += ["Account"] if several else []
    return kit.table(head, rows, wrap=(1,), right=(2, 3, 4))


def _open(digest: Digest) -> kit.Block:
    if not digest.still_open:
        return kit.section("Nothing is open.")
    lines = [f"*Still open* ({len(digest.still_open):,})"]
    lines += [_open_line(alert) for alert in digest.still_open[:_MOST_OPEN]]
    left = len(digest.still_open) - _MOST_OPEN
    if left > 0:
        lines.append(f"… {left:,} more")
    return kit.section(kit.fit_lines(lines))


def _open_line(alert: Alert) -> str:
    place = where(alert)
    parts = [
        f":{severity_emoji(alert)}: {esc(alert.title, 120)}",
        place,
        f"since {date(alert.first_seen)}",
        _taken(alert),
    ]
    return " · ".join(part for part in parts if part)


def _taken(alert: Alert) -> str:
    if alert.state is AlertState.ACKNOWLEDGED and alert.acknowledged_by:
        return f"acknowledged by {esc(alert.shown(alert.acknowledged_by), 80)}"
    if alert.state is AlertState.SNOOZED and alert.snoozed_until:
        return f"snoozed until {date(alert.snoozed_until)}"
    return _WORD[alert.state]


def _sentence(digest: Digest) -> str:
    period = f"Digest for {utc(digest.period.since)} to {utc(digest.period.until)}:"
    open_now = len(digest.still_open)
    if digest.quiet:
        tail = f" {count(open_now, 'older alert is', 'older alerts are')} still open." * bool(
            open_now
        )
        return f"{period} nothing fired.{tail}"
    fast = f" (median {span(digest.median_ack)})" if digest.median_ack is not None else ""
    top = ", ".join(f"{esc(row.title, 80)} {row.fired:,}x" for row in digest.by_alarm[:5])
    return (
        f"{period} {count(digest.alerts, 'alert')} fired {count(digest.fired, 'time')}, "
        f"{digest.acknowledged:,} acknowledged{fast}, {digest.closed:,} closed, "
        f"{open_now:,} still open. {top}."
    )
