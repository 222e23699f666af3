"""Every message and view: as recorded, within Slack's limits, and deaf to what stands in it."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from trailwatch.alert import Alert
from trailwatch.digest import make_digest
from trailwatch.errors import AwsError, StalePlan
from trailwatch.letter import Letter, LetterKind, letter_id
from trailwatch.pattern import Lint, Rule
from trailwatch.routes import Route
from trailwatch.store.mutes import Way

GOLDEN = Path(__file__).parent / "fixtures" / "blocks"
MESSAGES = samples.messages()
VIEWS = samples.views()


def as_json(content: Message | Mapping[str, Any]) -> dict[str, Any]:
    """What Slack is sent, as it reads it."""
    body = (
        {"text": content.text, "blocks": content.blocks}
        if isinstance(content, Message)
        else content
    )
    loaded: dict[str, Any] = json.loads(json.dumps(body, ensure_ascii=False).encode())
    return loaded


@pytest.mark.parametrize("name", [*MESSAGES, *VIEWS])
def test_looks_as_recorded(name: str) -> None:
    content = as_json(MESSAGES[name] if name in MESSAGES else VIEWS[name])
    path = GOLDEN / f"{name}.expected.json"
    if os.environ.get("GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    assert content == json.loads(path.read_text()), "make golden, then look at the diff"


def test_nothing_recorded_is_left_over() -> None:
    recorded = {path.name.removesuffix(".expected.json") for path in GOLDEN.iterdir()}
    assert recorded == {*MESSAGES, *VIEWS}


@pytest.fixture(scope="session")
def judge(shared: Path) -> Callable[[Any, str], list[str]]:
    """The checker of messages, modals and views that lies with the trial data."""
    path = shared / "checks" / "blockkit" / "validate_slack.py"
    spec = importlib.util.spec_from_file_location("validate_slack", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.warns(ResourceWarning):  # it leaves its schema file to be closed by the collector
        spec.loader.exec_module(module)
    errors: Callable[[Any, str], list[str]] = module.errors
    return errors


def test_slack_would_take_every_sample(judge: Callable[[Any, str], list[str]]) -> None:
    for name, message in MESSAGES.items():
        assert judge({"channel": "C1", **as_json(message)}, "message") == [], name
    for name, view in VIEWS.items():
        assert judge(as_json(view), str(view["type"])) == [], name


# Slack's limits, checked without the trial data


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """All objects in a message, outermost first."""
    if isinstance(value, dict):
        yield value
        for below in value.values():
            yield from walk(below)
    elif isinstance(value, list):
        for below in value:
            yield from walk(below)


LIMITS: dict[tuple[str, str], tuple[int, int]] = {
    ("section", "fields"): (1, 10),
    ("context", "elements"): (1, 10),
    ("actions", "elements"): (1, 25),
    ("overflow", "options"): (1, 5),
    ("table", "rows"): (2, 100),
    ("table", "column_settings"): (1, 20),
    ("button", "value"): (1, 2000),
    ("button", "action_id"): (1, 255),
    ("rich_text", "elements"): (1, 1000),
    ("rich_text_section", "elements"): (1, 1000),
    ("rich_text_list", "elements"): (1, 1000),
    ("raw_text", "text"): (1, 500),
    ("text", "text"): (1, 3000),
    ("mrkdwn", "text"): (1, 3000),
    ("plain_text", "text"): (1, 3000),
}
SIZES = {"header": 150, "button": 75}


def problems(content: Mapping[str, Any]) -> list[str]:
    """What Slack would refuse, in words."""
    is_view = content.get("type") in ("home", "modal")
    blocks = content["blocks"]
    found = [] if 1 <= len(blocks) <= (100 if is_view else 50) else [f"{len(blocks)} blocks"]
    if not is_view and not 1 <= len(content["text"]) <= 4000:
        found.append(f"text of {len(content['text'])}")
    if sum(block["type"] == "table" for block in blocks) > 1:
        found.append("two tables")
    for block in blocks:
        ids = [part["action_id"] for part in walk(block) if "action_id" in part]
        if len(ids) != len(set(ids)):
            found.append("action_id twice")
    for part in walk(blocks):
        found += part_problems(part)
    return found


def part_problems(part: Mapping[str, Any]) -> list[str]:
    """What Slack would refuse in one block, element or object."""
    kind = str(part.get("type", ""))
    found = []
    for key, value in part.items():
        low, high = LIMITS.get((kind, key), (0, 10_000))
        if isinstance(value, str | list) and not low <= len(value) <= high:
            found.append(f"{kind}.{key}: {len(value)}")
    if kind in SIZES and len(part["text"]["text"]) > SIZES[kind]:
        found.append(f"{kind} text")
    if kind == "mrkdwn" and part.get("verbatim") is not True:
        found.append(f"not verbatim: {part['text']!r}")
    if kind == "section":
        found += ["field" for field in part.get("fields", ()) if len(field["text"]) > 2000]
        found += [] if part.get("text") or part.get("fields") else ["empty section"]
    if kind == "table":
        found += table_problems(part["rows"])
    if "deny" in part:
        sizes = (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30))
        found += [f"confirm.{key}" for key, size in sizes if len(part[key]["text"]) > size]
    if not kind and len(part.get("value", "")) > 75:
        found.append("option value")
    return found


def table_problems(rows: list[Any]) -> list[str]:
    found = ["ragged table"] if len({len(row) for row in rows}) != 1 else []
    texts = [part["text"] for part in walk(rows) if isinstance(part.get("text"), str)]
    return found if sum(map(len, texts)) <= 10_000 else [*found, "table too long"]


@pytest.mark.parametrize("name", [*MESSAGES, *VIEWS])
def test_keeps_the_limits(name: str) -> None:
    assert problems(as_json(MESSAGES[name] if name in MESSAGES else VIEWS[name])) == []


# Hostile text in every field that is shown


def poisoned(value: Any, text: str) -> Any:
    """The value with each text in it, however deep, replaced."""
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return text
    if is_dataclass(value) and not isinstance(value, type):
        changed = {f.name: poisoned(getattr(value, f.name), text) for f in fields(value)}
        return replace(value, **changed)
    if isinstance(value, tuple):
        return tuple(poisoned(item, text) for item in value)
    if isinstance(value, dict):
        return {key: poisoned(item, text) for key, item in value.items()}
    return value


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
        "search": search_message(text, found),
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


CHANNEL = "C0ALERTS"


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


CUT = ("alerts", "digest", "import", "letters", "links", "state")
"""Lists that end earlier where their lines are longer, and so have fewer marks of ours."""

HOSTILE = {
    "mentions": "<!channel> <!here> <@U012AB3CD> <#C012AB3CD> <!subteam^S1> @everyone",
    "links": "<https://evil.example|AWS console> https://evil.example evil.example",
    "date": "<!date^1^{date}^https://evil.example|now>",
    "marks": "*bold* _italic_ ~gone~ `code` ```pre``` > quote :fire: :white_check_mark: *",
    "open": "*_~`<",
    "entities": "&lt;!channel&gt; &amp;amp; &#60;",
    "lines": "one\r\ntwo\u2028three\n\n> four\x0b\x85",
    "hidden": "ab\u202ecba\u202c \u200bx\u2066y\u2069 \ufeff\x00\x1b[31m \U000e0041\u3164",
    "surrogate": "\ud800 \udfff",
    "zalgo": "a" + "\u0301" * 200,
    "fields": 'x","AWSAccountId":"999999999999","Region":"nowhere',
    "empty": "   \n ",
    "long": "w" * 100_000,
    "long-entities": "<&>" * 40_000,
    "long-marks": "`*_~" * 25_000,
    "long-spaces": "a" + " " * 100_000 + "b",
}
OWN = re.compile(
    r"<!date\^\d+\^[{}a-z_ ]+\|[^<>|]*>|<https://[a-z0-9.\-]+/[^<>|\s]*\|[^<>|]*>|<#C0ALERTS>"
)
PICTURE = r":(?:[^\WA-Z]|[+'-])*[a-z](?:[^\WA-Z]|[+'-])*:"
MARKS = re.compile(rf"(?<![0-9A-Za-z])[*_~]|[*_~](?![0-9A-Za-z])|`|{PICTURE}")
CODE = re.compile(r"`[^`\n]+`")
QUOTE = re.compile(r"(?m)^(?:>|&gt;)")


def parsed_texts(content: Mapping[str, Any]) -> list[str]:
    """The texts in which Slack looks for markup."""
    top = [content["text"]] if "text" in content else []
    return top + [part["text"] for part in walk(content["blocks"]) if part.get("type") == "mrkdwn"]


def all_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for below in value.values():
            yield from all_texts(below)
    elif isinstance(value, list):
        for below in value:
            yield from all_texts(below)


def escaped(content: Mapping[str, Any]) -> list[str]:
    """What got out of its place."""
    found = []
    for text in parsed_texts(content):
        rest = OWN.sub("", text)
        if "<" in rest or ">" in rest or re.search(r"&(?!amp;|lt;|gt;)", rest):
            found.append(f"markup: {text!r}")
        if QUOTE.search(rest):
            found.append(f"quote: {text!r}")
    for part in walk(content["blocks"]):
        if part.get("type") in ("user", "usergroup", "broadcast", "channel", "link", "team"):
            found.append(f"element: {part}")
        url = part.get("url", "https://")
        if not re.fullmatch(r"https://([a-z0-9.\-]+/[!-~]*)?", url):
            found.append(f"url: {url!r}")
    for text in all_texts(dict(content)):
        hidden = [c for c in text.replace("\n", "") if unicodedata.category(c) in HIDDEN]
        if hidden:
            found.append(f"hidden {hidden[:3]!r}")
    return found


HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def marks(content: Mapping[str, Any]) -> list[list[str]]:
    """The marks that format something, text by text: ours alone, whatever stands between them."""
    found = [CODE.sub("``", OWN.sub("", text)) for text in parsed_texts(content)]
    return [MARKS.findall(text) for text in found]


PEACE = {name: marks(as_json(content)) for name, content in everything("peace").items()}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_stays_text(name: str) -> None:
    for what, message in everything(HOSTILE[name]).items():
        content = as_json(message)
        assert problems(content) == [], what
        assert escaped(content) == [], what
        assert len(json.dumps(content)) < 60_000, what
        if what not in CUT:
            assert marks(content) == PEACE[what], what


def test_slack_would_take_hostile_text(judge: Callable[[Any, str], list[str]]) -> None:
    for name in ("mentions", "marks", "hidden", "long-entities"):
        for what, message in everything(HOSTILE[name]).items():
            content = as_json(message)
            kind = str(content.get("type", "message"))
            assert judge(content, kind) == [], (name, what)


NASTY = st.text(
    st.one_of(
        st.sampled_from("*_~`<>&|:!@# \n\t\u202e\u200b\u2066\ud800\u0301/\\{}^a1"),
        st.characters(),
    ),
    min_size=1,
    max_size=60,
).filter(lambda text: text not in ("P1", "P2", "P3", "P4", "P5"))  # severities have pictures


# Each example goes through every message there is; TRAILWATCH_EXAMPLES asks for more.
@settings(max_examples=settings().max_examples // 5, deadline=None)
@given(NASTY)
def test_any_text_stays_text(text: str) -> None:
    for what, message in everything(text).items():
        content = as_json(message)
        assert problems(content) == [], what
        assert escaped(content) == [], what
        if what not in CUT:
            assert marks(content) == PEACE[what], what
