"""Knows how an alert looks: one message from its first notification to its close.

Never reads a clock and never decides what may be done: the state gives the buttons.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from handlers.blocks import accounts, kit
from handlers.blocks.alert_menu import AlertLinks, alert_buttons
from handlers.blocks.before import before_line, before_sentence
from handlers.blocks.event_table import did, one_day, origin, result, short_table, since_shown, who
from handlers.blocks.follow_up import totals_line, totals_sentence
from handlers.blocks.identity import asked_line, asked_sentence, who_to_ask
from handlers.blocks.kit import (
    Block,
    Message,
    code,
    count,
    date,
    esc,
    label,
    link,
    prose,
    span,
    utc,
)
from handlers.blocks.notes import gone_line, gone_sentence, note_line, note_sentence
from handlers.blocks.own import own_blocks, own_sentence
from handlers.blocks.routes import mentions
from handlers.blocks.same import same_line, same_sentence
from handlers.blocks.who import who_line, who_sentence
from trailwatch.alert import Alert, AlertAction, AlertState, Search
from trailwatch.event import Event
from trailwatch.routers.router import title_of

SHOWN_EVENTS = 5
_PATIENCE = timedelta(seconds=45)
"""After this time without events their delivery is explained; the table comes when they do."""

_SEVERITY_EMOJI = {
    "P1": "rotating_light",
    "P2": "red_circle",
    "P3": "large_orange_circle",
    "P4": "large_yellow_circle",
    "P5": "large_blue_circle",
}
_SEVERITY = re.compile(r"\[P[1-5]\] ")
_STATE = {
    AlertState.OPEN: ("fire", "FIRING"),
    AlertState.ACKNOWLEDGED: ("eyes", "ACKNOWLEDGED"),
    AlertState.SNOOZED: ("zzz", "SNOOZED"),
    AlertState.CLOSED: ("white_check_mark", "CLOSED"),
}
_DOING = {
    AlertAction.ACKNOWLEDGE: "acknowledging",
    AlertAction.UNACKNOWLEDGE: "taking back the acknowledgement",
    AlertAction.SNOOZE: "snoozing",
    AlertAction.CLOSE: "closing",
    AlertAction.NOTE: "adding a note",
    AlertAction.ASSIGN: "assigning",
    AlertAction.ESCALATE: "escalating",
    AlertAction.PRIORITY: "changing the priority",
}


def alert_message(
    alert: Alert,
    now: datetime,
    links: AlertLinks | None = None,
    offices: Collection[str] = (),
    *,
    site: str = "",
    names: Mapping[str, str] | None = None,
    called: Sequence[str] = (),
    ours: bool = False,
) -> Message:
    """The message of an alert, to be edited in place whenever the alert changes.

    `offices` are the site's own address ranges, `site` its name where there are several, `names`
    the names of its events' accounts, `called` the ids of whom the message mentions, `ours` whether
    the description is the catalogue's own text. The same alert gives the same message but for the
    hint that explains late delivery, which depends on `now`.
    """
    links, names = links or AlertLinks(), names or {}
    title = f"{label(alert.title, 100)}{accounts.headline(alert, names)}"
    blocks = [
        kit.header(f":{severity_emoji(alert)}: {title}"),
        kit.context(_status(alert, links, site)),
        *([kit.section(mentions(called))] if mentions(called) else []),
        _facts(alert, links, names, ours),
    ]
    if alert.fields.reason and not alert.events:
        # What CloudWatch says tells less than the events do.
        reason = f"CloudWatch: {label(alert.fields.reason, 300)}"
        blocks.append(kit.context(kit.plain_text(reason, 320)))
    blocks += own_blocks(alert)
    blocks += before_line(alert)
    blocks += who_line(alert)
    blocks += _evidence(alert, now, links, offices, names)
    blocks += totals_line(alert)
    blocks += same_line(alert)
    if asked := asked_line(alert):
        blocks.append(kit.context(asked))
    blocks += gone_line(alert)
    blocks += note_line(alert)
    if alert.pending:
        blocks.append(kit.context(f":hourglass_flowing_sand: {_pending(alert)}"))
    blocks.append(alert_buttons(alert, links, ask=who_to_ask(alert)))
    text = sentence(alert, now, offices, site=site, names=names, ours=ours)
    return kit.message(f"{mentions(called)} {text}".lstrip(), blocks)


def severity_emoji(alert: Alert) -> str:
    """The short name of the picture that leads an alert: its severity, or that it is over."""
    if alert.state is AlertState.CLOSED:
        return "white_check_mark"
    return _SEVERITY_EMOJI.get(alert.severity, "bell")


def state_words(alert: Alert, *, led: bool = False) -> str:
    """The state in bold with its picture, and until when, as mrkdwn.

    led: `severity_emoji` stands before it, which has the picture of what is over already.
    """
    picture, word = _STATE[alert.state]
    words = f"*{word}*" if led and alert.state is AlertState.CLOSED else f":{picture}: *{word}*"
    if alert.state is AlertState.SNOOZED and alert.snoozed_until:
        words += f" until {date(alert.snoozed_until)}"
    return words


def where(alert: Alert) -> str:
    """The account and the region in a few words of mrkdwn: "prod · `eu-west-1`"."""
    account = alert.fields.account_name or alert.fields.account
    parts = [esc(account, 64) if account else ""]
    parts.append(code(alert.fields.region, 32) if alert.fields.region else "")
    return " · ".join(part for part in parts if part)


def _status(alert: Alert, links: AlertLinks, site: str) -> str:
    state = state_words(alert, led=True)
    if alert.state is AlertState.SNOOZED and alert.snoozed_until and alert.snoozed_by:
        state += f" by {esc(alert.shown(alert.snoozed_by), 80)}"
    if alert.state is AlertState.CLOSED:
        state += f" by {esc(alert.shown(alert.closed_by), 80)}" if alert.closed_by else ""
        state += f" {date(alert.closed_at)}" if alert.closed_at else ""
    parts = [state, f"*{esc(alert.severity, 20)}*", f"since {date(alert.first_seen)}"]
    if alert.count > 1:
        parts.append(f"*{alert.count:,} times*")
    service = title_of(alert.router_id)
    if service and (alert.tiny_id or links.router_url):
        number = f"{service} #{esc(alert.tiny_id, 20)}" if alert.tiny_id else service
        parts.append(link(links.router_url, number) if links.router_url else number)
    if site:
        parts.append(f"site {code(site, 60)}")
    return " · ".join(parts)


def _facts(alert: Alert, links: AlertLinks, names: Mapping[str, str], ours: bool) -> Block:
    found = alert.fields
    account = " · ".join(
        part
        for part in (
            esc(found.account_name, 80) if found.account_name else "",
            code(found.account, 32) if found.account else "",
        )
        if part
    )
    region = code(found.region, 32) if found.region else ""
    if found.region_name:
        region = f"{region} {esc(found.region_name, 60)}".strip()
    alarm = ""
    if found.alarm_name:
        name = esc(found.alarm_name, 120)
        alarm = link(links.alarm_url, name) if links.alarm_url else code(found.alarm_name, 120)
    pairs = [("Account", account), ("Region", region), ("Alarm", alarm)]
    pairs.append(("Events of", accounts.listed(alert, names)))
    pairs.append(("Acknowledged by", _acknowledged(alert)))
    if alert.owner and alert.owner != alert.acknowledged_by:
        pairs.append(("Owner", esc(alert.shown(alert.owner), 80)))
    said = _description(alert)
    return kit.section(_described(said, ours), fields=kit.fields(pairs))


def _described(said: str, ours: bool) -> str | Block:
    """The description; what stands in backticks in a text of ours is a code span."""
    if ours and "`" in said:
        return prose(said, 600)
    return kit.plain_text(label(said, 600), 600) if said else ""


def _description(alert: Alert) -> str:
    """The alarm's description without severity and title, where it repeats what stands above."""
    said = alert.fields.description
    # The severity may have been another one when it was written.
    severity = _SEVERITY.match(said)
    return said[severity.end() :].removeprefix(f"{alert.title}: ") if severity else said


def _acknowledged(alert: Alert) -> str:
    """Who took the alert and when; "" while nobody has, which the state says already."""
    if not alert.acknowledged_by and not alert.acknowledged_at:
        return ""
    text = esc(alert.shown(alert.acknowledged_by), 80) if alert.acknowledged_by else "somebody"
    if alert.acknowledged_at:
        after = span(alert.acknowledged_at - alert.first_seen)
        text += f"\n{date(alert.acknowledged_at)}, after {after}"
    return text


def _evidence(
    alert: Alert,
    now: datetime,
    links: AlertLinks,
    offices: Collection[str],
    names: Mapping[str, str],
) -> list[Block]:
    """The table of events, or in one line why there is none."""
    if not alert.events:
        return [kit.context(_search_words(alert, now))]
    since = since_shown(alert)
    shown = (*since, *alert.events[:SHOWN_EVENTS])
    blocks = [short_table(shown, offices, accounts.columns(alert, shown, names))]
    more = max(alert.events_total, len(alert.events)) - len(shown)
    day = one_day(shown)
    notes = [f"{day}, times in UTC"] if day else []
    if since:
        rows = "the first row" if len(since) == 1 else f"the first {len(since)} rows"
        notes.append(f"{rows} came later")
    if more > 0:
        notes.append(f"*+{count(more, 'more event')}*: _Show events_ lists them in the thread")
    if links.trail_url:
        notes.append(link(links.trail_url, "Open in CloudTrail"))
    return [*blocks, kit.context(" · ".join(notes))] if notes else blocks


def _search_words(alert: Alert, now: datetime) -> str:
    """How far the search for the events is, as mrkdwn."""
    note = esc(alert.search_note, 300) if alert.search_note else ""
    if alert.search is Search.FAILED:
        return f":warning: The events could not be searched: {note or 'no reason was given'}"
    if alert.search in (Search.NOTHING, Search.FOUND):
        return f":mag: No events found{f': {note}' if note else ' in the alarm’s window'}"
    if note:
        return f":mag: {note}"
    if now - alert.first_seen < _PATIENCE:
        return ":mag: looking for the events…"
    return ":mag: still arriving: CloudTrail delivers within about 5 to 10 minutes"


def _pending(alert: Alert) -> str:
    doing = {str(action): words for action, words in _DOING.items()}.get(alert.pending, "working")
    who_clicked = f" ({esc(alert.pending_by, 80)})" if alert.pending_by else ""
    note = f": {esc(alert.pending_note, 200)}" if alert.pending_note else ""
    return f"{doing}…{who_clicked}{note}"


def sentence(
    alert: Alert,
    now: datetime,
    offices: Collection[str] = (),
    *,
    site: str = "",
    names: Mapping[str, str] | None = None,
    ours: bool = False,
) -> str:
    """The alert's facts in plain words, as mrkdwn: for notifications and screen readers."""
    found = alert.fields
    named = found.account_name != site  # else the site's name says it already
    account = esc(found.account_name, 80) if found.account_name and named else ""
    if found.account:
        number = esc(found.account, 32)
        account = f"{account} ({number})" if account else number
    region = esc(found.region, 32) if found.region else ""
    if region and found.region_name:
        region = f"{region}, {esc(found.region_name, 60)}"
    place = "".join(
        [
            f" at site {esc(site, 60)}" if site else "",
            f" in account {account}" if account else "",
            f" in {region}" if region else "",
        ]
    )
    parts = [
        f"{esc(alert.severity, 20)} {_STATE[alert.state][1]}: {esc(alert.title, 150)}{place}, "
        f"since {utc(alert.first_seen)}{f', {alert.count:,} times' if alert.count > 1 else ''}."
    ]
    if said := _description(alert):
        parts.append(_ended(prose(said, 300) if ours else esc(said, 300)))
    if found.alarm_name:
        parts.append(f"Alarm {esc(found.alarm_name, 120)}.")
    if own := own_sentence(alert):
        parts.append(own)
    if by := who_sentence(alert):
        parts.append(by)
    if before := before_sentence(alert):
        parts.append(before)
    parts += _history(alert)
    if of := accounts.sentence(alert, names or {}):
        parts.append(of)
    parts.append(_event_words(alert, now, offices))
    if totals := totals_sentence(alert):
        parts.append(totals)
    if same := same_sentence(alert):
        parts.append(same)
    return " ".join(parts)


def _history(alert: Alert) -> list[str]:
    parts = []
    if alert.acknowledged_by:
        at = f" at {utc(alert.acknowledged_at)}" if alert.acknowledged_at else ""
        parts.append(f"Acknowledged by {esc(alert.shown(alert.acknowledged_by), 80)}{at}.")
    if alert.state is AlertState.SNOOZED and alert.snoozed_until:
        parts.append(f"Snoozed until {utc(alert.snoozed_until)}.")
    if alert.state is AlertState.CLOSED:
        by = f" by {esc(alert.shown(alert.closed_by), 80)}" if alert.closed_by else ""
        at = f" at {utc(alert.closed_at)}" if alert.closed_at else ""
        parts.append(f"Closed{by}{at}.")
    if asked := asked_sentence(alert):
        parts.append(asked)
    if missed := gone_sentence(alert):
        parts.append(missed)
    if note := note_sentence(alert):
        parts.append(_ended(note))
    if alert.pending:
        words = _pending(alert)
        parts.append(words[0].upper() + words[1:])
    return parts


def _event_words(alert: Alert, now: datetime, offices: Collection[str]) -> str:
    if not alert.events:
        words = _search_words(alert, now).split(": ", 1)[-1].removeprefix(":mag: ")
        return _ended(f"Events: {words}")
    total = max(alert.events_total, len(alert.events))
    newest = (*since_shown(alert), *alert.events)[0]
    return f"{count(total, 'event')}, newest: {event_sentence(newest, offices)}."


def event_sentence(event: Event, offices: Collection[str] = ()) -> str:
    """One event in plain words, as mrkdwn."""
    return (
        f"{utc(event.time)} {esc(who(event), 150)}: {esc(did(event), 240)} "
        f"from {esc(origin(event, offices), 80)} ({esc(result(event), 70)})"
    )


def _ended(text: str) -> str:
    """The text with a full stop, unless it ends a sentence already."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
