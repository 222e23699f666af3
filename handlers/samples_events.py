"""Knows examples of messages about events and who is behind them, made of invented facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from handlers.blocks.alert import alert_message
from handlers.blocks.event_search import search_view
from handlers.blocks.events import Found, Pages, events_message, search_message
from handlers.blocks.kit import Block, Message
from handlers.blocks.who import Seen, who_facts, who_message
from handlers.samples_plans import NOW
from trailwatch.alert import Alert
from trailwatch.event import Event
from trailwatch.event_filter import EVERY
from trailwatch.profile import Kind
from trailwatch.who import Mfa, Who

OFFICES = ("berlin=203.0.113.0/28",)
PATTERN = '{ ($.eventName = "Delete*") && ($.userIdentity.userName = "*jane*") }'
_SINCE = NOW - timedelta(days=20)
_SEARCHED = (NOW - timedelta(hours=4), NOW)


def seen(event: Event) -> tuple[Seen, ...]:
    """A person who was followed back, somebody sure, and a name that proves nothing."""
    role = "arn:aws:iam::123456789012:role/deploy"
    jane = Who(
        name="jane",
        kind="IAMUser",
        sure=True,
        how="IAM user, followed back over 2 role sessions",
        mfa=Mfa.YES,
        principal=role,
        steps=("first", "deploy"),
    )
    sso = replace(jane, name="kim@example.com", how="single sign-on", mfa=Mfa.UNKNOWN, steps=())
    chosen = replace(
        jane,
        name="ci-42",
        sure=False,
        how="the session’s name, which the caller chose",
        mfa=Mfa.NO,
        steps=("deploy",),
    )
    did = (("ListBuckets", 12, 3), ("PutBucketPolicy", 2, 0), ("CreateUser", 1, 1))
    new = (Kind.ADDRESS, Kind.REGION)
    return (
        Seen(jane, event, 2, did, 15, True, new, _SINCE, "Berlin, Germany"),
        Seen(sso, replace(event, address="203.0.113.9"), 1),
        Seen(chosen, event, 9, did * 6, 500, False, (Kind.ITSELF,)),
    )


def known(alert: Alert) -> Alert:
    """An alert of which it is known who it was."""
    facts = who_facts(seen(alert.events[0])[0], OFFICES)
    return replace(alert, extra={**alert.extra, "who": facts, "who_others": "2"})


def messages(alert: Alert, events: Sequence[Event]) -> dict[str, Message]:
    """Every such message by a name of its own."""
    many = [
        replace(events[n % 5], id=f"00000000-0000-4000-8000-{n:012d}", time=events[0].time)
        for n in range(20)
    ]
    first = Found(many, 20, _SEARCHED, "", OFFICES, {}, Pages("s1", "s1.20", files=False))
    last = replace(first, events=many[:3], total=23, pages=Pages("s1.20", before=20))
    page = Pages("s1.20", "s1.40", before=20)
    people = seen(events[0])
    return {
        "alert-who": alert_message(known(alert), NOW, offices=OFFICES),
        "who": who_message(alert, people, 5, OFFICES),
        "who-one": who_message(alert, people[1:2], 1, OFFICES),
        "who-unknown": who_message(alert, people[:1], 1, OFFICES, unknown="jane"),
        "events-older": events_message(alert, many, 57, _SEARCHED, offices=OFFICES, pages=page),
        "search": search_message(PATTERN, first),
        "search-last": search_message(PATTERN, last, by="bob"),
        "search-all": search_message(EVERY, last, by="bob"),
        "search-nothing": search_message(PATTERN, replace(first, events=(), pages=Pages("s1"))),
    }


def views() -> dict[str, Block]:
    """The dialog, from the command and from an alert."""
    url = "https://hooks.slack.com/x"
    return {
        "events-search": search_view("s1", "prod", url),
        "events-search-alert": search_view("s1", "prod", url, pattern=PATTERN, of_alert=True),
    }
