"""The stand-in's verdicts on blocks, alone and beside those of a strict schema."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.slack.block_rules import Problem
from sandbox.slack.blocks import advice, block_problems, message_problems, view_problems

Json = dict[str, Any]
Errors = Callable[[Any, str], list[str]]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def option(text: str, value: str) -> Json:
    return {"text": plain(text), "value": value}


def message() -> Json:
    return {
        "channel": "C1",
        "text": "ALARM root login",
        "blocks": [
            {"type": "header", "text": {**plain("Root console login"), "emoji": True}},
            {
                "type": "section",
                "text": mrkdwn("*Root* signed in"),
                "fields": [mrkdwn("*Account*\n123456789012")],
                "accessory": {
                    "type": "overflow",
                    "action_id": "more",
                    "options": [option("Mute 1h", "mute:1h")],
                },
            },
            {
                "type": "rich_text",
                "elements": [
                    {
                        "type": "rich_text_section",
                        "elements": [
                            {"type": "text", "text": "from "},
                            {"type": "text", "text": "203.0.113.8", "style": {"code": True}},
                        ],
                    }
                ],
            },
            {
                "type": "table",
                "rows": [
                    [{"type": "raw_text", "text": "Time"}, {"type": "raw_text", "text": "Who"}],
                    [{"type": "raw_text", "text": "1"}, {"type": "raw_text", "text": "root"}],
                ],
                "column_settings": [{"align": "left", "is_wrapped": True}],
            },
            {"type": "context", "elements": [mrkdwn("eu-west-1")]},
            {
                "type": "actions",
                "elements": [
                    {
                        "type": "button",
                        "action_id": "ack",
                        "style": "primary",
                        "value": "{}",
                        "text": plain("Acknowledge"),
                        "confirm": {
                            "title": plain("Sure?"),
                            "text": plain("x"),
                            "confirm": plain("Yes"),
                            "deny": plain("No"),
                        },
                    },
                    {"type": "button", "action_id": "query", "text": plain("Query events")},
                    {
                        "type": "static_select",
                        "action_id": "snooze",
                        "placeholder": plain("Snooze"),
                        "options": [option("1 h", "1h")],
                        "initial_option": option("1 h", "1h"),
                    },
                ],
            },
            {
                "type": "data_visualization",
                "title": "Alerts a day",
                "chart": {
                    "type": "bar",
                    "series": [{"name": "P1", "data": [{"label": "Mon", "value": 3}]}],
                    "axis_config": {"categories": ["Mon"], "y_label": "alerts"},
                },
            },
            {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a chart"},
        ],
        "attachments": [{"color": "#a30200", "blocks": [{"type": "divider"}]}],
        "metadata": {"event_type": "alert", "event_payload": {"alias": "x", "n": 1}},
    }


def modal() -> Json:
    return {
        "type": "modal",
        "callback_id": "filter.edit",
        "private_metadata": "7",
        "title": plain("Tune"),
        "submit": plain("Save"),
        "close": plain("Cancel"),
        "blocks": [
            {
                "type": "input",
                "block_id": "pattern",
                "label": plain("Pattern"),
                "hint": plain("As CloudWatch takes it"),
                "element": {
                    "type": "plain_text_input",
                    "action_id": "pattern.text",
                    "multiline": True,
                    "max_length": 1024,
                },
            },
            {
                "type": "input",
                "label": plain("Severity"),
                "element": {
                    "type": "radio_buttons",
                    "action_id": "severity",
                    "options": [option("P1", "P1"), option("P2", "P2")],
                },
            },
            {"type": "alert", "text": mrkdwn("3 matches"), "level": "info"},
        ],
    }


def home() -> Json:
    view = {"type": "home", "blocks": message()["blocks"]}
    return copy.deepcopy(view)


def test_good_ones_pass() -> None:
    assert message_problems(message()) == []
    assert view_problems(modal()) == []
    assert view_problems(home()) == []


BAD: dict[str, tuple[Callable[[list[Json]], Any], str]] = {
    "header too long": (lambda b: b[0]["text"].update(text="A" * 151), "/blocks/0/text/text"),
    "header is markup": (lambda b: b[0]["text"].update(type="mrkdwn"), "/blocks/0/text/type"),
    "section too long": (lambda b: b[1]["text"].update(text="A" * 3001), "/blocks/1/text/text"),
    "section empty": (lambda b: b[1]["text"].update(text=""), "/blocks/1/text/text"),
    "field": (lambda b: b[1]["fields"][0].update(text="A" * 2001), "/blocks/1/fields/0/text"),
    "fields": (lambda b: b[1].update(fields=[mrkdwn("a")] * 11), "/blocks/1/fields"),
    "overflow": (
        lambda b: b[1]["accessory"].update(options=[option("a", "a")] * 6),
        "/blocks/1/accessory/options",
    ),
    "rich text": (lambda b: b[2]["elements"].append({"type": "section"}), "/blocks/2/elements/1"),
    "rows": (lambda b: b[3].update(rows=b[3]["rows"] * 51), "/blocks/3/rows"),
    "columns": (lambda b: b[3].update(rows=[b[3]["rows"][0] * 11]), "/blocks/3/rows/0"),
    "two tables": (lambda b: b.append(b[3]), "/blocks"),
    "context": (lambda b: b[4].update(elements=[mrkdwn("a")] * 11), "/blocks/4/elements"),
    "buttons": (
        lambda b: b[5].update(elements=[{"type": "button", "text": plain("a")}] * 26),
        "/blocks/5/elements",
    ),
    "button text": (
        lambda b: b[5]["elements"][0]["text"].update(text="A" * 76),
        "/blocks/5/elements/0/text/text",
    ),
    "button value": (
        lambda b: b[5]["elements"][0].update(value="A" * 2001),
        "/blocks/5/elements/0/value",
    ),
    "style": (lambda b: b[5]["elements"][0].update(style="warning"), "/blocks/5/elements/0/style"),
    "unknown key": (lambda b: b[5]["elements"][0].update(colour="red"), "/blocks/5/elements/0/"),
    "confirm": (
        lambda b: b[5]["elements"][0]["confirm"]["text"].update(text="A" * 301),
        "/blocks/5/elements/0/confirm/text/text",
    ),
    "action_id": (
        lambda b: b[5]["elements"][0].update(action_id="A" * 256),
        "/blocks/5/elements/0/action_id",
    ),
    "same action_id": (
        lambda b: b[5]["elements"][0].update(action_id="query"),
        "/blocks/5/elements",
    ),
    "input in actions": (
        lambda b: b[5]["elements"].append({"type": "plain_text_input", "action_id": "a"}),
        "/blocks/5/elements/3/type",
    ),
    "no options": (lambda b: b[5]["elements"][2].pop("options"), "/blocks/5/elements/2"),
    "a day without a point": (
        lambda b: b[6]["chart"]["axis_config"]["categories"].append("Tue"),
        "/blocks/6/chart/series/0/data",
    ),
    "block_id": (lambda b: b[0].update(block_id="A" * 256), "/blocks/0/block_id"),
    "same block_id": (lambda b: [x.update(block_id="z") for x in b[:2]], "/blocks/1/block_id"),
    "unknown block": (lambda b: b.append({"type": "bogus"}), "/blocks/8/type"),
    "alert": (lambda b: b.append({"type": "alert", "text": mrkdwn("x")}), "/blocks/8/type"),
    "51 blocks": (lambda b: b.extend([{"type": "divider"}] * 43), "/blocks"),
    "not a block": (lambda b: b.append("text"), "/blocks/8"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", BAD)
def test_each_refusal_points_at_its_place(name: str) -> None:
    change, pointer = BAD[name]
    blocks = copy.deepcopy(message()["blocks"])
    change(blocks)
    pointers = [p.pointer for p in block_problems(blocks)]
    assert any(p.startswith(pointer) for p in pointers), pointers


def test_views_have_limits_of_their_own() -> None:
    long = modal()
    long["title"]["text"] = "A" * 25
    assert [p.as_message() for p in view_problems(long)] == [
        "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"
    ]
    asks = modal()
    del asks["submit"]
    assert view_problems(asks)[0].pointer == "/view"
    assert view_problems({"type": "home", "blocks": [{"type": "divider"}] * 101})
    assert view_problems({"type": "modal", "title": plain("x"), "blocks": message()["blocks"]})


def test_advice_is_no_refusal() -> None:
    careless = message()
    del careless["text"]
    careless["blocks"][1]["text"]["text"] = "<!channel> look"
    assert message_problems(careless) == []
    assert len(advice(careless)) == 2


@pytest.fixture(scope="session")
def schema_errors(slack_schema: Errors) -> Errors:
    def errors(value: Any, kind: str) -> list[str]:
        try:
            return slack_schema(value, kind)
        except (TypeError, AttributeError) as error:
            return [f"no JSON that it could read: {error}"]

    return errors


STRICTER = {"select_options", "chart_points", "submit_missing"}
"""What Slack refuses and the schema does not say; so are image addresses above 3000."""


def beyond_the_schema(problem: Problem) -> bool:
    long_address = problem.pointer.endswith("/image_url") and "3001" in problem.message
    return problem.code in STRICTER or long_address


def test_the_cases_of_the_schema_s_own_selftest(shared: Path, schema_errors: Errors) -> None:
    source = (shared / "checks" / "blockkit" / "selftest.py").read_text()
    wanted = source[source.index("good=") : source.index("assert errors")]
    cases_text = source[source.index("cases={") : source.index("missed=")]
    namespace: dict[str, Any] = {}
    exec(wanted + cases_text, namespace)
    assert message_problems(namespace["good"]) == []
    for name, change in namespace["cases"].items():
        changed = copy.deepcopy(namespace["good"])
        change(changed)
        assert schema_errors(changed, "message"), name
        if name in ("no text", "broadcast"):
            assert advice(changed), name
        else:
            assert message_problems(changed), name


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from _places(entry, (*path, key))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _places(entry, (*path, index))


def _mutations(base: Json, seed: int) -> Iterator[tuple[str, Json]]:
    """Every place removed, replaced, lengthened, doubled or given a stranger's key."""
    chance = random.Random(seed)
    strange: list[Any] = [
        None,
        7,
        -1,
        True,
        "",
        "x",
        "x" * 76,
        "x" * 151,
        "x" * 3001,
        [],
        {},
        ["a"],
    ]
    for path in [p for p in _places(base) if p]:
        for what in ("remove", "double", "key", *chance.sample(range(len(strange)), 2)):
            changed = copy.deepcopy(base)
            holder: Any = changed
            for step in path[:-1]:
                holder = holder[step]
            last = path[-1]
            if what == "remove":
                del holder[last]
            elif what == "double":
                if not isinstance(holder[last], list):
                    continue
                holder[last] = holder[last] * 12
            elif what == "key":
                if not isinstance(holder[last], dict):
                    continue
                holder[last]["colour"] = "red"
            else:
                assert isinstance(what, int)
                holder[last] = strange[what]
            yield f"{'/'.join(map(str, path))} {what}", changed


def _is_generic(surface: Any) -> bool:
    """The schema lets views and attachments hold {"type": ..., "block_id": ...} of any kind."""
    blocks = surface.get("blocks") if isinstance(surface, dict) else None
    return isinstance(blocks, list) and any(
        isinstance(b, dict) and set(b) <= {"type", "block_id"} for b in blocks
    )


def _generic_somewhere(changed: Json, kind: str) -> bool:
    if kind != "message":
        return _is_generic(changed)
    attachments = changed.get("attachments")
    return isinstance(attachments, list) and any(map(_is_generic, attachments))


@pytest.mark.parametrize("kind", ["message", "modal", "home"])
def test_verdicts_agree_with_the_schema(kind: str, schema_errors: Errors) -> None:
    base = {"message": message, "modal": modal, "home": home}[kind]()
    base.pop("channel", None)
    assert schema_errors(base, kind) == []
    differ = []
    refused = 0
    for name, mutation in _mutations(base, seed=len(kind)):
        changed = {k: v for k, v in mutation.items() if v is not None}
        theirs = [e for e in schema_errors(changed, kind) if "fallback text" not in e]
        ours = message_problems(changed) if kind == "message" else view_problems(changed)
        known = [p for p in ours if not beyond_the_schema(p)]
        refused += bool(theirs)
        if bool(theirs) != bool(known) and not (known and _generic_somewhere(changed, kind)):
            differ.append((name, theirs[:2], [p.as_message() for p in ours][:2]))
    assert refused > 100
    assert differ == []
