"""Knows how the accounts are named that an alert's events came from. Pure.

One log group may hold the events of a whole organization: then the alarm's own account is the one
that watches, and the events' accounts are what a person wants to know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from handlers.blocks.kit import code, esc, label, plain
from trailwatch.alert import Alert
from trailwatch.event import Event

MOST_NAMED = 3


def members(alert: Alert) -> tuple[str, ...]:
    """The accounts of the events other than the alarm's own, in the order of the events."""
    own = alert.fields.account
    found = alert.accounts or tuple(event.account for event in alert.events)
    return tuple(dict.fromkeys(one for one in found if own and one and one != own))


def only_member(alert: Alert) -> str:
    """The account that all events of the alert are of, where it isn't the alarm's own; else ""."""
    others = members(alert)
    found = set(alert.accounts or (event.account for event in alert.events))
    return others[0] if len(others) == 1 and len(found) == 1 else ""


def as_listed(alert: Alert, names: Mapping[str, str]) -> Alert:
    """The alert as a list names it: of the one other account that its events are of, if it is one.

    As in the headline; lists show one account alone. Not to be kept.
    """
    account = only_member(alert)
    if not account:
        return alert
    fields = replace(alert.fields, account=account, account_name=names.get(account, ""))
    return replace(alert, fields=fields)


def columns(
    alert: Alert, events: Sequence[Event], names: Mapping[str, str]
) -> Mapping[str, str] | None:
    """What a table of events shows for each account; None where all are the alarm's own."""
    own = alert.fields.account
    if not own or all(event.account in ("", own) for event in events):
        return None
    return {event.account: plain(names.get(event.account) or event.account, 40) for event in events}


def headline(alert: Alert, names: Mapping[str, str]) -> str:
    """ " in NAME" for the header of an alert whose events are all of one other account."""
    account = only_member(alert)
    return f" in {label(names.get(account) or account, 40)}" if account else ""


def listed(alert: Alert, names: Mapping[str, str]) -> str:
    """The other accounts as mrkdwn: "payments · `111122223333`", and how many more."""
    others = members(alert)
    shown = [
        " · ".join([*([esc(names[one], 60)] if names.get(one) else []), code(one, 20)])
        for one in others[:MOST_NAMED]
    ]
    more = len(others) - len(shown)
    return "\n".join([*shown, *([f"and {more} more"] if more > 0 else [])])


def sentence(alert: Alert, names: Mapping[str, str]) -> str:
    """The same as a sentence for screen readers; "" where all are the alarm's own."""
    others = members(alert)
    shown = [
        f"{esc(names[one], 60)} ({esc(one, 20)})" if names.get(one) else esc(one, 20)
        for one in others[:MOST_NAMED]
    ]
    more = len(others) - len(shown)
    if more > 0:
        shown.append(f"{more} more")
    return f"Events of account {', '.join(shown)}." if shown else ""
