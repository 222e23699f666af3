"""Knows the shape of rich text and of tables. Never of what can be clicked."""

from __future__ import annotations

from sandbox.slack.block_rules import Rule, array, boolean, number, one_of, record, string, typed
from sandbox.slack.block_table import ID

_STYLE = record(dict.fromkeys(("bold", "code", "italic", "strike", "underline"), boolean))


def _inline(kind: str, required: list[str], **fields: Rule) -> tuple[str, Rule]:
    return kind, record({"style": _STYLE, **fields}, required, kind=kind)


_TEXT = _inline("text", ["text"], text=string())
_LINK = _inline("link", ["url"], url=string(), text=string(), unsafe=boolean)
_INLINE = typed(
    dict(
        [
            _TEXT,
            _LINK,
            _inline("broadcast", ["range"], range=one_of("here", "channel", "everyone")),
            _inline("channel", ["channel_id"], channel_id=string()),
            _inline("color", ["value"], value=string()),
            _inline(
                "date",
                ["format", "timestamp"],
                format=string(),
                timestamp=number(),
                fallback=string(),
                url=string(),
            ),
            _inline("emoji", ["name"], name=string(), unicode=string(), url=string()),
            _inline("team", ["team_id"], team_id=string()),
            _inline("user", ["user_id"], user_id=string()),
            _inline("usergroup", ["usergroup_id"], usergroup_id=string()),
        ]
    )
)
_SECTION = record({"elements": array(_INLINE)}, ["elements"], kind="rich_text_section")
_BORDER = {"border": one_of(0, 1)}
RICH_TEXT = record(
    {
        "block_id": ID,
        "elements": array(
            typed(
                {
                    "rich_text_section": _SECTION,
                    "rich_text_list": record(
                        {
                            **_BORDER,
                            "elements": array(_SECTION),
                            "style": one_of("bullet", "ordered"),
                            "indent": number(),
                        },
                        ["elements", "style"],
                        kind="rich_text_list",
                    ),
                    "rich_text_quote": record(
                        {**_BORDER, "elements": array(_INLINE)},
                        ["elements"],
                        kind="rich_text_quote",
                    ),
                    "rich_text_preformatted": record(
                        {**_BORDER, "elements": array(typed(dict([_TEXT, _LINK])))},
                        ["elements"],
                        kind="rich_text_preformatted",
                    ),
                }
            ),
            1,
        ),
    },
    ["elements"],
    kind="rich_text",
)
_CELL = typed(
    {
        "raw_text": record({"text": string()}, ["text"], kind="raw_text"),
        "raw_number": record(
            {"text": string(), "value": number()}, ["text", "value"], kind="raw_number"
        ),
        "rich_text": RICH_TEXT,
    }
)
TABLE = record(
    {
        "block_id": ID,
        "rows": array(array(_CELL, 1, 20), 1, 100),
        "column_settings": array(
            record({"align": one_of("left", "center", "right"), "is_wrapped": boolean}), 0, 20
        ),
    },
    ["rows"],
    kind="table",
)
DATA_TABLE = record(
    {
        "block_id": ID,
        "caption": string(),
        "page_size": number(1, 100),
        "row_header_column_index": number(),
        "rows": array(array(_CELL), 1),
    },
    ["caption", "rows"],
    kind="data_table",
)
