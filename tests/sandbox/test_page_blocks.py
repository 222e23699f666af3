"""Block Kit on the page: each kind of block and element, known and unknown, well or ill formed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sandbox.page.chart import chart, number, steps
from sandbox.page.dates import ViewerClock
from sandbox.page.reader import Reader
from sandbox.page.render import environment

READER = Reader(
    "U1",
    ViewerClock(datetime(2026, 11, 23, 10, tzinfo=UTC)),
    {"U1": "alice", "U2": "bob"},
    {"C1": "security-alerts"},
)
TEMPLATES = environment()


def html(*blocks: dict[str, Any], state: dict[str, Any] | None = None) -> str:
    macros: Any = TEMPLATES.get_template("blocks.html").module
    return str(macros.blocks(list(blocks), READER, None, state or {}, {}))


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


def option(value: str) -> dict[str, Any]:
    return {"text": plain(f"Label {value}"), "value": value}


def test_a_table_shows_its_cells_as_they_stand() -> None:
    rows = [
        [{"type": "raw_text", "text": "Time"}, {"type": "raw_text", "text": "Count"}],
        [{"type": "raw_text", "text": "<!channel> *x* 09:59"}, {"type": "raw_number", "value": 3}],
    ]
    settings = [{"is_wrapped": True}, {"align": "right"}]
    text = html({"type": "table", "rows": rows, "column_settings": settings})
    assert '<th scope="col" class="to-left wrapped">Time</th>' in text
    assert "&lt;!channel&gt; *x* 09:59" in text
    assert '<td class="to-right">3</td>' in text


@pytest.mark.parametrize("kind", ["unheard_of", "video", "task_card"])
def test_an_unknown_block_shows_what_it_holds(kind: str) -> None:
    text = html({"type": kind, "content": "<b>\u202e"})
    assert f'data-unknown="{kind}"' in text
    assert "&lt;b&gt;" in text
    assert "\u202e" not in text


def test_ill_formed_blocks_break_nothing() -> None:
    blocks: list[Any] = [
        {},
        "text",
        {"type": "section"},
        {"type": "actions"},
        {"type": "input"},
        {"type": "table", "rows": [None, [None]]},
        {"type": "data_visualization", "chart": {"type": "bar"}},
        {"type": "context", "elements": [{}]},
        {"type": "rich_text", "elements": [{"type": "odd"}]},
        {"type": "header"},
    ]
    for block in blocks:
        assert html(block)


def test_fields_show_what_was_entered_before_what_they_start_with() -> None:
    element = {
        "type": "static_select",
        "action_id": "a",
        "options": [option("1"), option("2")],
        "initial_option": option("1"),
    }
    block = {"type": "input", "block_id": "b", "label": plain("L"), "element": element}
    assert '<option value="1" selected>Label 1</option>' in html(block)
    entered = {"b": {"a": {"type": "static_select", "selected_option": option("2")}}}
    text = html(block, state=entered)
    assert '<option value="2" selected>Label 2</option>' in text
    assert '<option value="1">' in text


@pytest.mark.parametrize(
    ("element", "mark"),
    [
        (
            {"type": "plain_text_input", "multiline": True, "initial_value": "\nx"},
            "\n\nx</textarea>",
        ),
        ({"type": "number_input", "initial_value": "5"}, 'inputmode="decimal"'),
        ({"type": "email_text_input"}, 'data-field="email_text_input"'),
        ({"type": "url_text_input"}, 'data-field="url_text_input"'),
        ({"type": "datepicker", "initial_date": "2026-11-23"}, 'value="2026-11-23"'),
        ({"type": "timepicker", "initial_time": "09:30"}, 'type="time"'),
        ({"type": "datetimepicker", "initial_date_time": 1795428000}, 'value="2026-11-23T10:00"'),
        ({"type": "users_select", "initial_user": "U2"}, '<option value="U2" selected>@bob'),
        ({"type": "conversations_select"}, "#security-alerts"),
        ({"type": "multi_users_select", "initial_users": ["U1"]}, 'value="U1" checked'),
        (
            {"type": "checkboxes", "options": [option("1")], "initial_options": [option("1")]},
            'type="checkbox" name="b/a" value="1" checked',
        ),
        ({"type": "radio_buttons", "options": [option("1")]}, 'type="radio"'),
        (
            {
                "type": "static_select",
                "option_groups": [{"label": plain("G"), "options": [option("1")]}],
            },
            '<optgroup label="G">',
        ),
        ({"type": "external_select", "initial_option": option("9")}, '<option value="9" selected>'),
        ({"type": "file_input"}, 'data-unknown="file_input"'),
    ],
)
def test_inputs(element: dict[str, Any], mark: str) -> None:
    element = {"action_id": "a", **element}
    block = {"type": "input", "block_id": "b", "label": plain("L"), "element": element}
    text = html(block)
    assert mark in text
    assert 'data-act="field"' not in text
    if "file_input" not in mark:
        assert 'data-act="field"' in html({**block, "dispatch_action": True})


def test_an_overflow_menu_links_only_to_web_addresses() -> None:
    options = [
        {**option("1"), "url": "https://example.com/"},
        {**option("2"), "url": "javascript:alert(1)"},
    ]
    menu = {"type": "overflow", "action_id": "alert.more", "options": options}
    text = html({"type": "section", "text": plain("x"), "accessory": menu})
    assert 'href="https://example.com/"' in text
    assert "javascript" not in text
    assert text.count('data-act="option"') == 2


def test_a_picture_of_a_stranger_is_named_and_not_loaded() -> None:
    far = {"type": "image", "image_url": "https://example.com/x.png", "alt_text": "A picture"}
    assert "<img" not in html(far)
    assert "A picture" in html(far)
    near = {"type": "image", "image_url": "http://127.0.0.1:1/x.png", "alt_text": "A picture"}
    assert '<img src="http://127.0.0.1:1/x.png"' in html(near)


def test_charts_carry_their_numbers() -> None:
    data = [{"label": "Mon", "value": 2}, {"label": "Tue", "value": 0}]
    axes = {"categories": ["Mon", "Tue"], "x_label": "day"}
    for kind in ("bar", "line", "area"):
        body = {"type": kind, "series": [{"name": "P1", "data": data}], "axis_config": axes}
        text = html({"type": "data_visualization", "title": "Alerts", "chart": body})
        assert "<title>P1, Mon: 2</title>" in text
        assert 'aria-label="Alerts: P1, Mon: 2; P1, Tue: 0"' in text
    segments = [{"label": "root", "value": 3}, {"label": "iam", "value": 1}]
    text = html(
        {
            "type": "data_visualization",
            "title": "By rule",
            "chart": {"type": "pie", "segments": segments},
        }
    )
    assert "root: 3 (75%)" in text


def test_an_axis_has_round_numbers() -> None:
    assert steps(0, 7) == [0, 2, 4, 6, 8]
    assert steps(-3, 3)[0] <= -3
    assert [number(v) for v in (0.0, 0.5, 1200.0)] == ["0", "0.5", "1,200"]
    one = [{"name": "n", "data": [{"label": "a", "value": 1}]}]
    drawn = chart({"chart": {"type": "bar", "series": one, "axis_config": {"categories": ["a"]}}})
    assert [t.text for t in drawn.rows] == ["0", "1"]


def test_the_sketch_of_an_alert(shared: Path) -> None:
    sketch = json.loads((shared / "reference" / "alert-look.json").read_text())
    text = html(*sketch["blocks"])
    assert "09:59:41" in text
    assert "arn:aws:iam::123456789012:root" in text
    assert "&lt;!channel&gt; evil" in text
    assert "broadcast" not in text
    assert "data-unknown" not in text
    assert text.count('data-act="button"') == 3
