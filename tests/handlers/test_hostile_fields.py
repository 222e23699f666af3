"""Hostile text in each field alone, and through every builder of messages that there is."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from types import CodeType, FrameType
from typing import Any

import pytest

import handlers.blocks
from handlers import samples, samples_acting, samples_drift, samples_events, samples_plans
from handlers.blocks import alert_menu, kit
from handlers.blocks.accounts import as_listed
from handlers.blocks.alert import alert_message
from handlers.blocks.alert_dialogs import dialog
from handlers.blocks.audit import AuditRow, audit_message
from handlers.blocks.audit_words import action_words, outcome_words, subject_words
from handlers.blocks.backtest import backtest_message, backtest_running
from handlers.blocks.change_list import all_changes
from handlers.blocks.coverage import coverage_message
from handlers.blocks.digest import digest_message
from handlers.blocks.drift import drift_message, drift_words, record_message
from handlers.blocks.events import (
    Found,
    Pages,
    archive_running,
    events_message,
    search_message,
)
from handlers.blocks.follow_up import pairs_message
from handlers.blocks.home import HomeState, home_view
from handlers.blocks.identity import question_message, who_to_ask
from handlers.blocks.kit import Message
from handlers.blocks.lists import (
    access_message,
    alerts_message,
    detection_message,
    detections_message,
)
from handlers.blocks.mutes import end_message, mute_message, mutes_message
from handlers.blocks.notes import gone, never_there
from handlers.blocks.options import options_message
from handlers.blocks.own import strange_message
from handlers.blocks.pattern import pattern_explained, pattern_matches
from handlers.blocks.plan import plan_expired, plan_message
from handlers.blocks.same import same_extra
from handlers.blocks.sites import SiteRow, sites_message
from handlers.blocks.status import down_message, nothing_message
from handlers.blocks.storm import Rollup, called_message, of_alert, page_message, rollup_message
from handlers.blocks.who import who_facts, who_message
from handlers.samples_plans import NOW
from handlers.sites import Choice
from tests.handlers import hostile_messages
from tests.handlers.hostile_text import HOSTILE, escaped, marks, poisoned
from tests.handlers.slack_limits import as_json, problems, walk
from trailwatch.alert import Alert, AlertState
from trailwatch.backtest import Backtest, Problem
from trailwatch.backtest import Found as Matched
from trailwatch.backtest.alarms import Raised
from trailwatch.backtest.result import Share
from trailwatch.backtest.subject import Subject
from trailwatch.coverage import ControlCoverage, Hidden, Verdict, load_controls
from trailwatch.detections import load_catalogue
from trailwatch.digest import make_digest
from trailwatch.errors import AwsError
from trailwatch.follow_up import pair_of
from trailwatch.pattern import parse
from trailwatch.site_options import OPTIONS
from trailwatch.storm import STORMS, Doer, Kind, Storm

SOON = NOW + timedelta(hours=1)
NOT_SHOWN = frozenset(
    {"alert_menu.read_choice", "drift._mentioned", "notes.found", "notes.with_note"}
)
"""Functions of handlers.blocks that show nothing, or nothing but ids of ours."""
ID = frozenset({"id", "key", "alert", "severity", "channel", "operation"})
"""Fields that are never text of somebody else's."""


def more(text: str) -> dict[str, Message | kit.Block]:
    """What is not in the other tests' `everything`, with `text` wherever it can come from."""
    catalogue = load_catalogue()
    alert = replace(poisoned(samples.ALERT, text), id="a1", severity="P1")
    event = alert.events[0]
    detection = replace(
        next(iter(catalogue.detections.values())),
        id=text, title=text, pattern=text, why=text, runbook=text, noise=text, references=(text,),
    )  # fmt: skip
    error = AwsError(text, text, text, operation=text, code=text, request_id=text, permission=text)
    pairs = [replace(pair_of(event), count=number) for number in range(1, 31)]
    searched = (samples.FIRED, NOW)
    return {
        **_runs(text),
        **_storms(text, alert),
        "gone": alert_message(gone(alert), NOW),
        "same": alert_message(replace(alert, extra=same_extra([(alert, text)] * 9)), NOW),
        "never there": alert_message(never_there(alert), NOW),
        "muted": alert_message(
            samples_drift.muted(alert, made=replace(samples_drift.MADE, by=text, about=text)), NOW
        ),
        "pairs": pairs_message(pairs, several_accounts=True),
        "archive": archive_running(NOW, 5, 1, 7),
        "search-archive": search_message(
            text, Found([event], 1, searched, text, (text,), {}, Pages("s", archive="s.1"))
        ),
        "access": access_message({f"{text}-": text}, text, {f"{text}-": text}),
        "detections": detections_message({text: (text,)}, text, [detection]),
        "packs": detections_message({text: (text,)}, "", []),
        "detection": detection_message(detection),
        "options": options_message([Choice(OPTIONS[0], text), Choice(OPTIONS[1], text)], text),
        "explained": pattern_explained(text, text, True, [f"  {text}"], text),
        "matches": pattern_matches(
            text, [event] * 3, searched, complete=False, offices=(text,), of=text
        ),
        "audit": audit_message(
            [AuditRow(NOW, text, action_words(text), subject_words(text), outcome_words(text))]
        ),
        "expired": plan_expired(replace(poisoned(samples_plans.UPDATE, text), id="p1")),
        "sites": sites_message([_site(text, error), replace(_site(text, error), name="b")]),
        "nothing": nothing_message(text, several=True),
        "down": down_message(text, text, NOW, text, stays=_statuses(text), several=True),
        "long-change": all_changes(
            [
                replace(
                    samples_plans.UPDATE.changes[0],
                    after={text[:50] or "a": text[:2000] + " and so on" * 300},
                )
            ]
        )[0],
        "plan-settings": plan_message(
            replace(samples_plans.UPDATE, changes=()), text, chosen=[(text, text, text)]
        ),
        "plan-nothing": plan_message(replace(samples_plans.UPDATE, changes=()), text),
    }


def _site(text: str, error: AwsError) -> SiteRow:
    problems = (error,)
    return SiteRow(text, text, text + "1", text, text, "C1", text, text, text, NOW, problems)


def _statuses(text: str) -> list[Any]:
    return [replace(one, name=text, detail=text, kind=text) for one in samples.STATUSES]


def _runs(text: str) -> dict[str, Message | kit.Block]:
    """Backtests and coverage."""
    share = (Share(text, 3),) * 3
    found = Matched(
        Subject(text, text, parse("{ $.a = 1 }"), severity=text), 3, (Raised(0, 9, 3),), 1, 0,
        share, share, share, NOW, NOW, ((NOW, 3),),
    )  # fmt: skip
    problems = (Problem(text, text),) * 9
    result = Backtest((found,) * 40, 3, 9, 1, problems, NOW, complete=False)
    control = load_controls(load_catalogue())[0]
    gap = ControlCoverage(control, Verdict.NOT_COVERED, (text,), 3, reason=text)
    hidden = (Hidden(text, text, (text,) * 5, 9),) * 5
    partly = replace(gap, verdict=Verdict.EXCEPTIONS, hidden=hidden)
    return {
        "backtest": backtest_message(text, result, NOW, text, text),
        "backtest-running": backtest_running(text, 5, 1, 7),
        "coverage": coverage_message(text, [gap, partly] * 8, [text] * 7),
    }


def _storms(text: str, alert: Alert) -> dict[str, Message | kit.Block]:
    """Many alerts in one message."""
    storm = Storm("s1", "C1", NOW, NOW, asked_by=text, asked_at=NOW)
    kinds = [Kind(f"{text}{n}", f"{text}{n % 12}", "P1", AlertState.OPEN, 3) for n in range(30)]
    doers = [Doer(f"{text}1", text, 3), Doer("", text, 2)]
    told = Rollup(storm, kinds, NOW, STORMS, {f"{text}1": text}, doers, 9)
    states = [
        replace(alert, id=f"a{n}", state=state, acknowledged_by=text, closed_by=text)
        for n, state in enumerate(AlertState)
    ]
    waiting = replace(alert, id="w", events=(), fields=replace(alert.fields, account=""))
    said = kit.message(kit.esc(text, 100), [kit.section(kit.esc(text, 100))])
    return {
        "rollup": rollup_message(told),
        "rollup-over": rollup_message(replace(told, storm=replace(storm, ended_at=NOW))),
        "storm-page": page_message("s1", 0, [*states, waiting], {text: (text,)}),
        "storm-of": of_alert(alert, said.text, said.blocks),
        "storm-called": called_message(alert, ["here"]),
    }


CONSOLE = re.compile(r"https://[a-z0-9-]+\.console\.aws\.amazon\.com/[!-~]*")


def refusals(content: dict[str, Any]) -> list[str]:
    """What Slack would refuse, and what got out; links to AWS's console are ours."""
    linked = [one for one in walk(content["blocks"]) if one.get("type") == "link"]
    ours = sum(bool(CONSOLE.fullmatch(one["url"])) for one in linked)
    out = escaped(content)
    links = [one for one in out if one.startswith("element: {'type': 'link'")]
    others = [one for one in out if one not in links]
    return [*problems(content), *others, *(links if len(links) != ours else [])]


def all_marks(content: dict[str, Any]) -> list[str]:
    """The marks of all texts: a long text may go on in another."""
    return [mark for text in marks(content) for mark in text]


CUT = {
    "storm-page",
    "detections",
    "coverage",
    "rollup",
    "rollup-over",
    "sites",
    "down",
    "detection",
}
"""As in the other tests: lists that end earlier where their lines are longer; and the texts of a
detection, in which what stands in backticks is code.
"""
PEACE = {name: all_marks(as_json(m)) for name, m in more("peace").items()}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_stays_text(name: str) -> None:
    for what, message in more(HOSTILE[name]).items():
        content = as_json(message)
        if what == "storm-called":  # it calls somebody, as the settings say
            content["text"] = content["text"].replace("<!here>", "", 1)
            content["blocks"][0]["text"]["text"] = content["text"]
        assert refusals(content) == [], what
        if what not in CUT:
            assert all_marks(content) == PEACE[what], what


def everything(text: str) -> dict[str, Message | kit.Block]:
    return {**hostile_messages.everything(text), **more(text)}


def test_no_builder_is_left_out() -> None:
    """Whoever adds a message, or a branch with a function of its own, adds it here."""
    ran: set[CodeType] = set()

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            ran.add(frame.f_code)

    sys.setprofile(note)
    try:
        everything("peace")
        for alert in sample_alerts():
            list(of_an_alert(alert))
    finally:
        sys.setprofile(None)
    missing = [name for name, function in builders() if function.__code__ not in ran]
    assert set(missing) - NOT_SHOWN == set()


def builders() -> Iterator[tuple[str, Callable[..., Any]]]:
    for found in pkgutil.iter_modules(handlers.blocks.__path__):
        if found.name in ("kit", "text"):
            continue
        module = importlib.import_module(f"handlers.blocks.{found.name}")
        for name, value in vars(module).items():
            if inspect.isfunction(value) and value.__module__ == module.__name__:
                yield f"{found.name}.{name}", value


# Each field alone: with all of them hostile at once, one may hide what another does


def planted(value: Any, text: str, path: str = "") -> Iterator[tuple[str, Any]]:
    """The value, with the text in one place each time, and that place's name."""
    if isinstance(value, Enum | datetime | timedelta):
        return
    if isinstance(value, str):
        yield path, text
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            if field.name in ID:
                continue
            for name, changed in planted(getattr(value, field.name), text, f"{path}.{field.name}"):
                yield name, replace(value, **{field.name: changed})
    elif isinstance(value, tuple) and value:
        for name, changed in planted(value[0], text, f"{path}[0]"):
            yield name, (changed, *value[1:])
    elif isinstance(value, Mapping):
        for key, part in value.items():
            for name, changed in planted(part, text, f"{path}[{key}]"):
                yield name, {**value, key: changed}


EXTRA = {
    "who": "jane · IAM user",
    "who_others": "2",
    "who_ask": "jane",
    "before_by": "bob",
    "before_url": "https://example.slack.com/archives/C1/p1",
    "own_by": "alice",
    "own_plans": "p1",
    "same_titles": "P1 Root console login",
    "same_urls": "https://example.slack.com/archives/C1/p2",
    "own_done": "root-usage was muted from Slack by alice, reason: “audit”",
    "note": "looked at it",
    "note_by": "bob@example.com",
}
FACTS = {
    "follow_total": "90",
    "follow_pairs": "9",
    "follow_principals": "3",
    "follow_last": "2026-11-23T10:00:00Z",
    "before_closed": "2026-11-23T09:00:00Z",
    "own_events": "5",
    "own_strange": "1",
    "own_whole": "yes",
    "own_count": "1",
    "notes": "3",
}
"""What of `extra` is a number or a moment of ours."""


def sample_alerts() -> Iterator[Alert]:
    event = replace(
        samples.EVENTS[1], error_code="AccessDenied", error_message="no", sure=True,
        vpc_endpoint="vpce-1", raw='{"a": 1}',
    )  # fmt: skip
    later = replace(event, id="later", actor="kim", target="a, b", sure=False)
    whole = replace(
        samples.ALERT, events=(event,), recent=(later,), people={"bob@example.com": "bob"}
    )
    taken = replace(
        whole, state=AlertState.ACKNOWLEDGED, acknowledged_by="bob@example.com", owner="eve",
        extra=EXTRA, pending="close", pending_by="carol", pending_note="wait",
    )  # fmt: skip
    yield replace(whole, extra={"you_name": "jane", "you_answer": "yes", "you_reason": "so"})
    yield taken
    yield replace(taken, state=AlertState.SNOOZED, snoozed_until=SOON, snoozed_by="bob", pending="")
    yield replace(taken, state=AlertState.CLOSED, closed_by="dave", closed_at=NOW, pending="")
    yield replace(whole, events=(), search_note="because")


def of_an_alert(alert: Alert) -> Iterator[Message | kit.Block]:
    """Every message in which an alert and its events stand."""
    shown = replace(alert, extra={**FACTS, **alert.extra})
    searched = (samples.FIRED, NOW)
    yield alert_message(shown, NOW, samples.LINKS, samples.OFFICES)
    yield alert_message(shown, NOW, ours=True)
    yield alerts_message([shown], NOW)
    yield digest_message(make_digest([shown], NOW - timedelta(days=1), NOW, NOW))
    yield home_view(HomeState("alice", "admin", (shown,), 1, (), (), True, NOW))
    yield page_message("s1", 0, [shown])
    yield called_message(as_listed(shown, {}), ["here"])
    for name in (alert_menu.NOTE, alert_menu.PAUSE, alert_menu.CHANGE):
        yield dialog(name, shown, channel="C1", response_url="", escalation="second")
    yield events_message(shown, shown.events, 1, searched, why=("a",))
    yield strange_message(shown, shown.events or samples.EVENTS)
    for event in shown.events:
        yield search_message("{ $.a = 1 }", Found([event], 1, searched), by=event.actor)
        yield pairs_message([pair_of(event)], several_accounts=True)
        yield pattern_matches("{ $.a = 1 }", [event], searched, complete=True)
        yield question_message(shown, "q1", who_to_ask(shown) or "jane", NOW)
        row = replace(samples_drift.TRAIL, causes=(event,))
        yield drift_message([row], NOW, "main")
        yield record_message(row)
        for seen in samples_events.seen(event):
            yield who_message(shown, [seen], 2, unknown=event.actor)
        yield home_words(drift_words([row]))


def home_words(text: str) -> Message:
    return kit.message(text, [kit.section(text)])


def each_alone(text: str) -> Iterator[tuple[str, Callable[[], list[Message | kit.Block]]]]:
    """Each text of an alert, its events, who it was and a mute, alone."""

    def alert_made(alert: Alert) -> Callable[[], list[Message | kit.Block]]:
        return lambda: list(of_an_alert(alert))

    for number, sample in enumerate(sample_alerts()):
        for name, changed in planted(sample, text):
            yield f"alert {number}{name}", alert_made(changed)
    for number, one in enumerate(samples_events.seen(samples.EVENTS[0])):
        for name, seen in planted(one, text):
            yield (
                f"who {number}{name}",
                lambda seen=seen: [  # type: ignore[misc]
                    who_message(samples.ALERT, [seen], 2),
                    alert_message(replace(samples.ALERT, extra={"who": who_facts(seen)}), NOW),
                ],
            )
    for name, made in planted(samples_drift.MADE, text):
        muted = samples_drift.muted(samples.ALERT, made=made)
        yield f"made{name}", alert_made(muted)
    for name, mute in planted(replace(samples_acting.MUTE, ended_at=NOW, ended_by="x"), text):
        if name != ".way":
            yield f"mute{name}", lambda mute=mute: [  # type: ignore[misc]
                mute_message(mute), end_message(mute), mutes_message([mute]),
            ]  # fmt: skip


EVIL = (
    "<!channel> <@U012AB3CD> <https://evil.example|click> https://evil.example &lt;!here&gt; "
    "*bold* _it_ ~no~ `code` ```pre``` :fire: \u202egnp\u2066\u200b\x00\x1b \r\n> quote"
)


@pytest.mark.parametrize("text", [EVIL, "w<&>`*_~" * 12_500], ids=["marks", "100 KB"])
def test_one_hostile_field_is_enough(text: str) -> None:
    fields_seen = 0
    for name, made in each_alone(text):
        fields_seen += 1
        for message in made():
            content = as_json(message)
            if "<!here>" in content.get("text", ""):  # whom the settings call
                content["text"] = content["text"].replace("<!here>", "", 1)
                content["blocks"][0]["text"]["text"] = content["text"]
            assert refusals(content) == [], name
    assert fields_seen > 150
