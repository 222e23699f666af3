"""Knows the shape of each block. Never which may stand where, or how many."""

from __future__ import annotations

from typing import Any

from sandbox.slack.block_rules import (
    Problem,
    Problems,
    Rule,
    array,
    boolean,
    both,
    number,
    one_of,
    record,
    string,
    typed,
)
from sandbox.slack.block_table import (
    ANY_OPTION,
    BUTTON,
    CHOOSERS,
    CONTEXT_ACTIONS,
    DATETIME,
    ID,
    IMAGE,
    MULTI_SELECTS,
    OVERFLOW,
    PLACE,
    SELECTS,
    SLACK_FILE,
    TYPED,
    URL,
    WORKFLOW_BUTTON,
    mrkdwn,
    plain,
    text,
)
from sandbox.slack.block_text import DATA_TABLE, RICH_TEXT, TABLE

__all__ = ["ANY_OPTION", "KNOWN"]

_RICH_TEXT_INPUT = record(
    {
        **TYPED,
        "initial_value": RICH_TEXT,
        "min_lines": number(1, 100),
        "max_lines": number(1, 100),
    },
    kind="rich_text_input",
)
_CLICKED = {
    **SELECTS,
    **MULTI_SELECTS,
    **CHOOSERS,
    "button": BUTTON,
    "overflow": OVERFLOW,
    "datetimepicker": DATETIME,
    "workflow_button": WORKFLOW_BUTTON,
    "rich_text_input": _RICH_TEXT_INPUT,
}
_ACCESSORY = {
    **{k: v for k, v in _CLICKED.items() if k not in ("datetimepicker", "rich_text_input")},
    "image": IMAGE,
}
_ENTERED = {
    **SELECTS,
    **MULTI_SELECTS,
    **CHOOSERS,
    "datetimepicker": DATETIME,
    "rich_text_input": _RICH_TEXT_INPUT,
    "plain_text_input": record(
        {**TYPED, "multiline": boolean, "min_length": number(), "max_length": number()},
        kind="plain_text_input",
    ),
    "email_text_input": record(TYPED, kind="email_text_input"),
    "url_text_input": record(TYPED, kind="url_text_input"),
    "number_input": record(
        {**TYPED, "is_decimal_allowed": boolean, "min_value": string(), "max_value": string()},
        ["is_decimal_allowed"],
        kind="number_input",
    ),
    "file_input": record(
        {"action_id": PLACE["action_id"], "filetypes": array(string()), "max_files": number(1, 10)},
        kind="file_input",
    ),
}


def _block(kind: str, required: list[str], any_of: list[str] | None = None, **f: Rule) -> Rule:
    return record({"block_id": ID, **f}, required, any_of=any_of or (), kind=kind)


_IMAGE_BLOCK = _block(
    "image",
    ["alt_text"],
    ["image_url", "slack_file"],
    image_url=URL,
    slack_file=SLACK_FILE,
    alt_text=string(2000),
    title=plain(2000),
)
_CARD = _block(
    "card",
    [],
    ["hero_image", "title", "actions", "body"],
    hero_image=IMAGE,
    icon=IMAGE,
    title=mrkdwn(150),
    subtitle=mrkdwn(150),
    body=mrkdwn(200),
    actions=array(BUTTON),
)
_TASK = _block(
    "task_card",
    ["status", "task_id", "title"],
    task_id=string(),
    title=string(),
    status=one_of("pending", "in_progress", "complete", "error"),
    details=RICH_TEXT,
    output=RICH_TEXT,
    sources=array(record({"url": string(), "text": string()}, ["url", "text"], kind="url")),
)
_NAME = string(20, 1)
_SEGMENT = record({"label": _NAME, "value": number(above=0)}, ["label", "value"])
_POINT = record({"label": _NAME, "value": number()}, ["label", "value"])
_SERIES = record({"name": _NAME, "data": array(_POINT, 1, 20)}, ["name", "data"])
_AXES = record(
    {"categories": array(_NAME, 1, 20), "x_label": string(50), "y_label": string(50)},
    ["categories"],
)


def _chart(kind: str) -> Rule:
    return record(
        {"series": array(_SERIES, 1, 12), "axis_config": _AXES},
        ["series", "axis_config"],
        kind=kind,
    )


def _every_category_has_a_point(value: Any, at: str) -> Problems:
    """Docs: each series needs a point for every category (data-visualization-block)."""
    found: Problems = []
    try:
        categories = set(value["axis_config"]["categories"])
        for index, series in enumerate(value["series"]):
            if {p["label"] for p in series["data"]} != categories:
                message = "must have one data point for each category"
                found.append(Problem(f"{at}/series/{index}/data", "chart_points", message))
    except (KeyError, TypeError):
        return []
    return found


_CHARTS = {
    "pie": record({"segments": array(_SEGMENT, 1, 12)}, ["segments"], kind="pie"),
    **{k: both(_chart(k), _every_category_has_a_point) for k in ("bar", "line", "area")},
}
_SIMPLE: dict[str, Rule] = {
    "actions": _block("actions", ["elements"], elements=array(typed(_CLICKED), 1, 25)),
    "context": _block(
        "context",
        ["elements"],
        elements=array(typed({"image": IMAGE, "plain_text": plain(), "mrkdwn": mrkdwn()}), 1, 10),
    ),
    "divider": _block("divider", []),
    "file": _block("file", ["external_id", "source"], external_id=string(), source=string()),
    "header": _block("header", ["text"], text=plain(150)),
    "image": _IMAGE_BLOCK,
    "input": _block(
        "input",
        ["label", "element"],
        label=plain(2000),
        element=typed(_ENTERED),
        hint=plain(2000),
        optional=boolean,
        dispatch_action=boolean,
    ),
    "rich_text": RICH_TEXT,
    "section": _block(
        "section",
        [],
        ["text", "fields"],
        text=text(3000),
        fields=array(text(2000), 1, 10),
        accessory=typed(_ACCESSORY),
        expand=boolean,
    ),
    "table": TABLE,
    "video": _block(
        "video",
        ["alt_text", "thumbnail_url", "title", "video_url"],
        alt_text=string(),
        author_name=string(49),
        description=plain(),
        provider_icon_url=string(),
        provider_name=string(),
        thumbnail_url=string(),
        title=plain(199),
        title_url=string(),
        video_url=string(),
    ),
}
KNOWN: dict[str, Rule] = {
    **_SIMPLE,
    "alert": _block(
        "alert",
        ["text"],
        text=text(),
        level=one_of("default", "info", "warning", "error", "success"),
    ),
    "card": _CARD,
    "carousel": _block("carousel", ["elements"], elements=array(_CARD, 1, 10)),
    "container": _block(
        "container",
        ["child_blocks"],
        child_blocks=array(typed(_SIMPLE), 1, 10),
        title=plain(150),
        rich_text_title=RICH_TEXT,
        subtitle=text(150),
        icon=IMAGE,
        width=one_of("narrow", "standard", "wide", "full"),
        is_collapsible=boolean,
        default_collapsed=boolean,
        has_header_divider=boolean,
    ),
    "context_actions": _block(
        "context_actions", ["elements"], elements=array(typed(CONTEXT_ACTIONS), 1, 5)
    ),
    "data_table": DATA_TABLE,
    "data_visualization": _block(
        "data_visualization", ["title", "chart"], title=string(50, 1), chart=typed(_CHARTS)
    ),
    "markdown": _block("markdown", ["text"], text=string(12_000)),
    "plan": _block("plan", ["title"], title=string(), tasks=array(typed({"task_card": _TASK}))),
    "task_card": _TASK,
}
