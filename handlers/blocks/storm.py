"""Knows how a storm looks: one message with counts, and the lists in its thread. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from handlers.blocks import kit
from handlers.blocks.alert import severity_emoji, state_words, where
from handlers.blocks.event_table import did, origin, who
from handlers.blocks.kit import Block, Message, Word, code, count, cut, date, esc, plain, utc
from handlers.blocks.routes import mentions
from trailwatch.alert import Alert, AlertState, Search, worst_first
from trailwatch.event import Event
from trailwatch.follow_up import pair_of
from trailwatch.storm import Doer, Kind, Storm, StormRules, Sum, by_account, by_alarm

ACKNOWLEDGE = "storm.acknowledge"
CLOSE = "storm.close"
OPEN = "storm.open"

MOST_ALARMS = 25
MOST_ACCOUNTS = 10
SHOWN_DOERS = 3
SHOWN_PAIRS = 2
"""Pairs of principal and event that an alert's row names."""

_STATE = {
    AlertState.OPEN: "firing",
    AlertState.ACKNOWLEDGED: "acknowledged",
    AlertState.SNOOZED: "snoozed",
    AlertState.CLOSED: "closed",
}


@dataclass(frozen=True)
class Rollup:
    """What the message of a storm tells. names: the accounts' names by their ids; doers: who is
    behind most of it, of `doers_total` in all.
    """

    storm: Storm
    kinds: Sequence[Kind]
    newest_at: datetime
    rules: StormRules
    names: Mapping[str, str]
    doers: Sequence[Doer] = ()
    doers_total: int = 0

    @property
    def alerts(self) -> int:
        return sum(kind.count for kind in self.kinds)

    def in_state(self, state: AlertState) -> int:
        """How many alerts are in that state now."""
        return sum(kind.count for kind in self.kinds if kind.state is state)


def rollup_message(told: Rollup) -> Message:
    """The one message of a storm, to be edited while anything of it changes."""
    over = told.storm.ended_at is not None
    alarms, accounts = by_alarm(told.kinds), by_account(told.kinds)
    closed = told.in_state(AlertState.CLOSED) == told.alerts
    quiet = closed or (over and not told.in_state(AlertState.OPEN))
    picture = "white_check_mark" if quiet else "zap"
    going = "in one go" if over else "that came at once, all closed" if closed else "and counting"
    title = f"{count(told.alerts, 'alert')} {going}"
    blocks = [
        kit.header(f":{picture}: {title}"),
        kit.context(_status(told)),
        kit.section(_explained(told, over)),
        _alarm_table(alarms, len(accounts) > 1),
    ]
    left = len(alarms) - MOST_ALARMS
    if left > 0:
        blocks.append(kit.context(f"… {count(left, 'more alarm')}, in the thread"))
    blocks += _account_lines(accounts, told.names)
    blocks += [kit.context(f":bust_in_silhouette: {who}")] if (who := _doers(told)) else []
    if told.storm.asked_by and told.storm.asked_at:
        by = esc(told.storm.asked_by, 80)
        blocks.append(
            kit.context(f":eyes: {by} acknowledged all that fired {date(told.storm.asked_at)}")
        )
    blocks += _rollup_buttons(told)
    return kit.message(_sentence(told, alarms, accounts), blocks)


def _status(told: Rollup) -> str:
    open_now, taken = told.in_state(AlertState.OPEN), told.in_state(AlertState.ACKNOWLEDGED)
    severities: dict[str, int] = {}
    for kind in told.kinds:
        severities[kind.severity] = severities.get(kind.severity, 0) + kind.count
    parts = [
        f":fire: *{open_now:,} FIRING*" if open_now else "*none firing*",
        *([f":eyes: {taken:,} acknowledged"] if taken else []),
        *_others(told),
        " ".join(f"*{esc(name, 8)}* {number:,}" for name, number in sorted(severities.items())),
        f"since {date(told.storm.began_at)}",
        f"newest {date(told.newest_at)}",
    ]
    return " · ".join(parts)


def _others(told: Rollup) -> list[str]:
    numbers = ((state, told.in_state(state)) for state in (AlertState.SNOOZED, AlertState.CLOSED))
    return [f"{number:,} {_STATE[state]}" for state, number in numbers if number]


def _explained(told: Rollup, over: bool) -> str:
    limit = told.rules.limit
    if over:
        return (
            "It is over: new alerts have their own messages again. These are listed in the thread."
        )
    calm = kit.span(told.rules.calm)
    return (
        f"More than {limit} new alerts a minute came to this channel, so they share this message, "
        f"each listed in the thread, until {calm} were calmer."
    )


def _alarm_table(sums: Sequence[Sum], several_accounts: bool) -> Block:
    rows = [
        [
            plain(one.severity, 8),
            plain(one.name, 100),
            f"{one.alerts:,}",
            f"{one.open:,}",
            *([f"{one.others:,}"] if several_accounts else []),
        ]
        for one in sums[:MOST_ALARMS]
    ]
    head = ["Severity", "Alarm", "Alerts", "Firing", *(["Accounts"] if several_accounts else [])]
    return kit.table(head, rows, wrap=(1,), right=(2, 3, 4))


def _account_lines(sums: Sequence[Sum], names: Mapping[str, str]) -> list[Block]:
    if not any(one.name for one in sums):
        return []
    shown = sorted(sums, key=lambda one: (-one.alerts, one.name))
    lines = [
        f"{_account(one.name, names)}: {count(one.alerts, 'alert')}, {one.open:,} firing, "
        f"{count(one.others, 'alarm')}"
        for one in shown[:MOST_ACCOUNTS]
    ]
    left = len(shown) - MOST_ACCOUNTS
    if left > 0:
        rest = sum(one.alerts for one in shown[MOST_ACCOUNTS:])
        lines.append(f"… {count(left, 'more account')} with {count(rest, 'alert')}")
    return [kit.section(kit.fit_lines(lines))]


def _doers(told: Rollup) -> str:
    """Who is behind most alerts, "" while none has been followed."""
    several = len({one.account for one in told.doers}) > 1
    parts = []
    for one in told.doers:
        place = f" in {_account(one.account, told.names)}" if several else ""
        parts.append(f"*{esc(one.principal, 120)}*{place}: {count(one.alerts, 'alert')}")
    left = told.doers_total - len(told.doers)
    return "; ".join(parts) + (f"; and {count(left, 'other')}" if left > 0 else "")


def _account(account: str, names: Mapping[str, str]) -> str:
    if not account:
        return "account not known"
    name = names.get(account, "")
    return f"{esc(name, 60)} ({code(account, 32)})" if name else code(account, 32)


def _rollup_buttons(told: Rollup) -> list[Block]:
    open_now = told.in_state(AlertState.OPEN)
    not_closed = told.alerts - told.in_state(AlertState.CLOSED)
    buttons = []
    if open_now:
        sure = kit.confirm(
            "Acknowledge all?",
            f"{count(open_now, 'alert')} of this storm, under your name.",
            "Acknowledge",
            "Cancel",
        )
        buttons.append(
            kit.button(
                f"Acknowledge all {open_now:,}",
                ACKNOWLEDGE,
                told.storm.id,
                style="primary",
                confirm=sure,
            )
        )
    if not_closed:
        sure = kit.confirm(
            "Close all?",
            f"{count(not_closed, 'alert')} of this storm, also where the alarm is still on.",
            "Close",
            "Cancel",
            danger=True,
        )
        buttons.append(kit.button(f"Close all {not_closed:,}", CLOSE, told.storm.id, confirm=sure))
    return [kit.actions(*buttons)] if buttons else []


def _sentence(told: Rollup, alarms: Sequence[Sum], accounts: Sequence[Sum]) -> str:
    open_now = told.in_state(AlertState.OPEN)
    top = ", ".join(f"{esc(one.name, 60)} {one.alerts:,}" for one in alarms[:3])
    more = f" and {count(len(alarms) - 3, 'more alarm')}" if len(alarms) > 3 else ""
    over = "Over: " if told.storm.ended_at is not None else ""
    who = f" Who: {words}." if (words := _doers(told).replace("*", "").replace("`", "")) else ""
    return (
        f"{over}{count(told.alerts, 'alert')} at once since {utc(told.storm.began_at)}, "
        f"{open_now:,} firing, in {count(len(accounts), 'account')}: {top}{more}.{who}"
    )


def page_message(
    storm_id: str,
    page: int,
    alerts: Sequence[Alert],
    offices: Mapping[str, Collection[str]] | None = None,
) -> Message:
    """Some alerts of a storm, a row each, in its thread: the worst first, then the newest.

    page: counted from 0. offices: the address ranges of each site, by its name.
    """
    offices = offices or {}
    alerts = worst_first(alerts)
    open_now = sum(1 for alert in alerts if alert.state is AlertState.OPEN)
    rows = [_row(alert, offices.get(alert.site, ())) for alert in alerts]
    more = "Show one whole…"
    options = [kit.option(_named(alert), alert.id) for alert in alerts]
    button = None
    if open_now:
        words = f"Acknowledge these {open_now}" if open_now > 1 else "Acknowledge it"
        button = kit.button(words, ACKNOWLEDGE, f"{storm_id}:{page}")
    blocks = [
        kit.rich_text(kit.listing(rows)),
        kit.actions(button, kit.select(OPEN, more, options)),
    ]
    firing = f"{open_now:,} firing" if open_now else "none firing"
    names = "; ".join(_plain_row(alert) for alert in alerts)
    return kit.message(f"{count(len(alerts), 'alert')}, {firing}: {names}", blocks)


def _named(alert: Alert) -> str:
    account = alert.fields.account_name or alert.fields.account
    name = f"{plain(alert.severity, 8)} {plain(alert.title, 40)}"
    return f"{name} · {plain(account, 20)}" if account else name


def _plain_row(alert: Alert) -> str:
    account = esc(alert.fields.account_name or alert.fields.account, 60)
    place = f" in {account}" if account else ""
    return f"{esc(alert.severity, 8)} {esc(alert.title, 60)}{place} {_STATE[alert.state]}"


def _row(alert: Alert, offices: Collection[str]) -> list[Word]:
    """Lines, since a thread is too narrow for a table: which alert, and who did what."""
    place = [
        plain(part, size)
        for part, size in (
            (alert.fields.account_name or alert.fields.account, 40),
            (alert.fields.region, 20),
        )
        if part
    ]
    state = _STATE[alert.state]
    who_did = {
        AlertState.ACKNOWLEDGED: alert.acknowledged_by,
        AlertState.CLOSED: alert.closed_by,
    }.get(alert.state, "")
    if alert.pending:
        state = f"{state}…"
    elif alert.state is AlertState.SNOOZED and alert.snoozed_until:
        state = f"{state} until {utc(alert.snoozed_until)}"
    elif who_did:
        state = f"{state} by {plain(alert.shown(who_did), 40)}"
    facts = " · ".join(["", plain(alert.severity, 8), *place, state])
    return [
        kit.emoji(severity_emoji(alert)),
        " ",
        (plain(alert.title, 80), "bold"),
        facts,
        f"\n{_did(alert, offices)}",
    ]


def _did(alert: Alert, offices: Collection[str]) -> str:
    if not alert.events:
        waiting = alert.search is Search.WAITING
        return "looking for the events…" if waiting else "no events found"
    words = [_pair(event, offices) for event in shown_pairs(alert)]
    left = max(alert.events_total, len(alert.events)) - len(words)
    return "; ".join(words) + (f"; +{count(left, 'event')}" if left > 0 else "")


def _pair(event: Event, offices: Collection[str]) -> str:
    return f"{cut(who(event), 50)}: {cut(did(event), 80)} from {cut(origin(event, offices), 25)}"


def shown_pairs(alert: Alert) -> tuple[Event, ...]:
    """The newest event of each pair of principal and event that the alert's row names."""
    pairs: dict[str, Event] = {}
    for event in alert.events:
        pairs.setdefault(pair_of(event).key, event)
    return tuple(pairs.values())[:SHOWN_PAIRS]


def of_alert(alert: Alert, text: str, blocks: Sequence[Mapping[str, object]]) -> Message:
    """A message with a line above that says which alert it is of."""
    place = where(alert)
    said = f":{severity_emoji(alert)}: *{esc(alert.title, 100)}*{f' · {place}' if place else ''}"
    above = kit.context(said)
    return kit.message(f"{esc(alert.title, 100)}: {text}", [above, *map(dict, blocks)])


def called_message(alert: Alert, called: Sequence[str]) -> Message:
    """What calls somebody to a storm: the first alert that would have called them."""
    place = where(alert)
    words = f"{mentions(called)} {state_words(alert)} *{esc(alert.severity, 8)}* "
    words += esc(alert.title, 100)
    words += f" · {place}" if place else ""
    words += " · and more of them may be listed here"
    return kit.message(words, [kit.section(words)])
