"""Every message and view, with one text wherever somebody else may have written it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from handlers import (
    samples,
    samples_acting,
    samples_drift,
    samples_events,
    samples_imports,
    samples_lint,
    samples_plans,
)
from handlers.blocks import kit
from handlers.blocks.alert import alert_message
from handlers.blocks.alert_dialogs import dialog, reason_dialog
from handlers.blocks.alert_menu import AlertLinks
from handlers.blocks.applying import plan_progress, plan_result
from handlers.blocks.audit import AuditRow, audit_message
from handlers.blocks.change_list import all_changes
from handlers.blocks.destroy import destroy_view
from handlers.blocks.digest import digest_message
from handlers.blocks.drift import drift_answer, drift_message, record_message
from handlers.blocks.errors import error_message
from handlers.blocks.event_search import search_view
from handlers.blocks.events import Found, Pages, events_message, search_message
from handlers.blocks.help import Usage, help_overview, help_topic
from handlers.blocks.history import history_message, plan_entry
from handlers.blocks.home import HomeState, PipelineRow, home_view
from handlers.blocks.identity import answered_message, question_message
from handlers.blocks.imports import import_message, import_written
from handlers.blocks.kit import Message
from handlers.blocks.lint import lint_message
from handlers.blocks.lists import alerts_message
from handlers.blocks.mutes import end_message, failure_message, mute_message, mutes_message
from handlers.blocks.own import strange_message
from handlers.blocks.pattern import pattern_refused, pattern_taken
from handlers.blocks.plan import plan_discarded, plan_message, plan_stale
from handlers.blocks.routes import routes_message, way_message
from handlers.blocks.status import status_message
from handlers.blocks.troubles import Health, health_message, letters_told, lost_told
from handlers.blocks.who import who_facts, who_message
from setup.checks import Checks
from tests.handlers.hostile_text import poisoned
from trailwatch.alert import Alert
from trailwatch.digest import make_digest
from trailwatch.errors import AwsError, StalePlan
from trailwatch.letter import Letter, LetterKind, letter_id
from trailwatch.pattern import Lint, Rule
from trailwatch.routes import Route
from trailwatch.store.mutes import Way

CHANNEL = "C0ALERTS"


def _drift(text: str) -> dict[str, Message | kit.Block]:
    """Drift whose names, events and reasons somebody else wrote."""
    row = replace(
        samples_drift.TRAIL,
        change={**samples_drift.TRAIL.change, "name": text, "before": {"a": text}},
        causes=poisoned(samples_drift.TRAIL.causes, text),
        what=text,
        blocked=text,
        option=text,
        ignored_by=text,
        ignored_until=samples.NOW + timedelta(hours=1),
    )
    over = replace(row, gone_at=samples.NOW, gone_how=text)
    own = samples_drift.own(replace(poisoned(samples.ALERT, text), id="a1"), 1)
    own = replace(own, extra={**own.extra, "own_by": text})
    answer = drift_answer(samples_drift.CHECK, [row] * 2, text, samples.NOW)
    return {
        "drift": drift_message([row], samples.NOW, text),
        "drift-several": drift_message([row, over, row], samples.NOW, text),
        "drift-answer": answer,
        "drift-record": record_message(row),
        "alert-own": alert_message(own, samples.NOW),
        "alert-strange": strange_message(own, row.causes),
    }


def _who(text: str) -> dict[str, Message | kit.Block]:
    """People, their tools and searches whose words somebody else wrote."""
    event = poisoned(samples.EVENTS[0], text)
    seen = poisoned(samples_events.seen(event), text)
    alert = replace(poisoned(samples.ALERT, text), id="a1")
    facts = who_facts(replace(seen[0], event=event), (text,))
    known = replace(alert, extra={"who": facts, "who_others": "2"})
    searched = (samples.FIRED, samples.NOW)
    page = Pages("s1", "s1.20", 20)
    found = Found([event] * 20, 57, searched, text, (text,), {text: text}, page)
    return {
        "alert-who": alert_message(known, samples.NOW),
        "who": who_message(alert, seen, 5, (text,)),
        "search": search_message(text, found, by=text),
        "search-nothing": search_message(text, replace(found, events=())),
        "events-search": search_view("s1", text, text, pattern=text, of_alert=True),
    }


def _acting(text: str, alert: Alert) -> dict[str, Message | kit.Block]:
    """Mutes, questions and dialogs; and what the alert says of a question."""
    mute = replace(poisoned(samples_acting.MUTE, text), id="m1", way=Way.BOT)
    over = replace(mute, ended_at=samples.NOW, ended_by=text, held=3)
    extra = {"you_name": text, "you_answer": "yes", "you_reason": text}
    asked = replace(alert, extra=extra, people={text: text})
    sure = replace(alert, events=(replace(alert.events[0], sure=True, actor_kind="IAMUser"),))
    return {
        "mute": mute_message(mute),
        "mute-over": mute_message(over),
        "mute-failed": failure_message(mute, text),
        "mute-end": end_message(over),
        "mutes": mutes_message([mute, mute]),
        "question": question_message(alert, "q1", text, samples.NOW),
        "question-yes": answered_message(text, "yes", text),
        "alert-asked": alert_message(asked, samples.NOW, samples.LINKS),
        "alert-sure": alert_message(sure, samples.NOW, samples.LINKS),
        **{
            f"dialog-{name}": dialog(name, alert, channel="C1", response_url="", escalation=text)
            for name in ("note", "pause", "change")
        },
        "dialog-reason": reason_dialog("q1", text),
    }


def everything(text: str) -> dict[str, Message | kit.Block]:
    """Each kind of message and view with `text` wherever somebody else could have written it."""
    searched = (samples.FIRED - timedelta(minutes=5), samples.FIRED)
    alerts = {
        "open": samples.ALERT,
        "acknowledged": replace(samples.ACKNOWLEDGED, owner="somebody"),
        "closed": samples.CLOSED,
        "waiting": replace(samples.WAITING, search_note="because"),
        "pending": replace(samples.ALERT, pending="acknowledge", pending_by="x"),
    }
    bad = {name: replace(poisoned(alert, text), id="a1") for name, alert in alerts.items()}
    events = poisoned(samples.EVENTS * 5, text)
    error = AwsError(text, text, text, operation=text, code=text, request_id=text, permission=text)
    plan = replace(poisoned(samples_plans.UPDATE, text), id="p1")
    create = replace(poisoned(samples_plans.PLAN, text), id="p1")
    unlike = [replace(c, name=f"{text}{n}") for n, c in enumerate(create.changes)]
    warned = poisoned(samples_plans.WARNED, text)
    entry = replace(poisoned(samples_plans.BROKEN, text), plan=plan)
    chain = replace(samples_lint.CHAIN, source=text, unread=(text,))
    faults = [replace(one, message=text, mend=text, name=text) for one in samples_lint.FINDINGS]
    usages = poisoned((Usage("a", "b", "c", "d", "e"),) * 3, text)
    audit = poisoned((AuditRow(samples.NOW, "a", "b", "c", "d"),) * 60, text)
    row = poisoned(PipelineRow("a", "bad", "b", "c"), text)
    home = HomeState(text, text, tuple(bad.values()), 5, (row,) * 3, audit, True, samples.NOW)
    since = samples.NOW - timedelta(days=1)
    digest = make_digest(bad.values(), since, samples.NOW, samples.NOW)
    links = AlertLinks(text, text, text)
    shown = {f"alert-{n}": alert_message(a, samples.NOW, samples.LINKS) for n, a in bad.items()}
    return {
        **shown,
        "links": alert_message(bad["open"], samples.NOW, links, (text,)),
        "events": events_message(
            bad["open"], events, 70, searched, text, offices=(text,), why=(text,)
        ),
        "events-none": events_message(bad["open"], (), 0, searched, text),
        "events-failed": events_message(bad["open"], (), 0, searched, text, error=error),
        "plan": plan_message(plan, text),
        "plan-create": plan_message(create, text),
        "plan-discarded": plan_discarded(plan, text, samples.NOW),
        "plan-stale": plan_stale(plan, StalePlan(text, text, text)),
        "plan-progress": plan_progress(create, poisoned(samples_plans.FAILED, text), text),
        "plan-failed": plan_result(
            create,
            [
                replace(step, change=new, error=error)
                for step, new in zip(samples_plans.FAILED, unlike, strict=True)
            ],
            text,
        ),
        "plan-warned": plan_message(replace(warned, id="p1"), text, why=text, second_person=True),
        "plan-unchecked": plan_message(replace(plan, checks=Checks(unchecked=text)), text),
        "plan-cancelled": plan_result(create, [], text, cancelled_by=text),
        "plan-cancelling": plan_progress(create, [], text, cancelled_by=text),
        "plan-changes": all_changes(plan.changes, {text: text})[0],
        "history": history_message((entry,) * 3, text),
        "history-plan": plan_entry(entry),
        "destroy": destroy_view(replace(warned, id="p1"), ["bucket", "kms_key"], text),
        **_drift(text),
        **_acting(text, bad["open"]),
        **_who(text),
        "status": status_message(poisoned(samples.STATUSES, text), text, samples.NOW),
        "error": error_message(error),
        "error-id": error_message(text),
        "help": help_overview(usages),
        "help-topic": help_topic(text, usages),
        "audit": audit_message(audit, 70),
        "digest": digest_message(digest),
        "alerts": alerts_message(tuple(bad.values()), samples.NOW),
        "state": health_message(_health(text), samples.NOW, text, admin=True),
        "letters": letters_told(_health(text).letters, samples.NOW),
        "lost": lost_told(CHANNEL, text, CHANNEL, samples.NOW),
        "routes": routes_message([_route(text)], {text: CHANNEL}, _health(text).lost, (1,)),
        "way": way_message(text, text, [(text, 1, replace(_route(text), mentions=()), CHANNEL)]),
        "pattern": pattern_refused(text, text, 3),
        "pattern taken": pattern_taken(text, [Lint(1, Rule.MIXED, text, text)], [text]),
        "import": import_message(poisoned(samples_imports.FOUND, text), "main:1", text),
        "import-written": import_written(text, {"bucket": text, "trail": text}, 3, text),
        "plan-theirs": plan_message(replace(poisoned(samples_imports.THEIRS, text), id="p"), text),
        "lint": lint_message(chain, faults, samples.NOW),
        "home": home_view(home),
        "home-admin": home_view(replace(home, role="admin")),
    }


def _health(text: str) -> Health:
    letters = [
        Letter(letter_id(kind, text), kind, text, text, text)
        for kind in LetterKind
        for _ in range(9)
    ]
    when = {text: samples.NOW}
    waiting = {"inbox": 1, "job": 2, "message": 3}
    lost = {CHANNEL: (text, samples.NOW)}
    lanes = {CHANNEL: 2}
    return Health(2, waiting, {"job": 99.0}, lanes, letters, samples.NOW, None, when, lost)


def _route(text: str) -> Route:
    return Route(CHANNEL, (text,), (text,), (text,), (text,), ("here",))
