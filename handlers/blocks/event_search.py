"""Knows how the dialog looks that searches events. Its texts are ours; never runs a search."""

from __future__ import annotations

import json
from collections.abc import Sequence

from handlers.blocks import kit
from handlers.blocks.kit import Block, code

CALLBACK = "events.find"
WHAT, WHO, NAME, ADDRESS, SINCE, WHERE = (
    "events_pattern",
    "events_who",
    "events_name",
    "events_address",
    "events_since",
    "events_where",
)
SINCES = (
    ("15m", "the last 15 minutes"),
    ("1h", "the last hour"),
    ("4h", "the last 4 hours"),
    ("24h", "the last day"),
    ("3d", "the last 3 days"),
    ("7d", "the last week"),
    ("30d", "the last 30 days"),
    ("90d", "the last 90 days"),
    ("180d", "the last 180 days"),
    ("365d", "the last year"),
)
ALARM = "alarm"
ME, HERE = "me", "here"


def search_view(
    about: str, site: str, response_url: str, *, pattern: str = "", of_alert: bool = False
) -> Block:
    """The dialog that asks what to look for.

    about: the opaque id of the search that it begins from; pattern: what stands in it at first;
    of_alert: whether an alert's window and thread can be chosen.
    """
    opened = {"about": about, "response_url": response_url if len(response_url) < 2000 else ""}
    sinces = [*([(ALARM, "around the alarm, a day before")] if of_alert else []), *SINCES]
    first = ALARM if of_alert else "24h"
    places = [(ME, "only to me"), (HERE, "in the alert’s thread" if of_alert else "in the channel")]
    blocks = [
        kit.context(f"In the log group of {code(site, 60)}, and in the archive for what is older. "
            "All that is filled in must match."
        ),
        _text(WHAT, "Filter pattern, or a detection’s id", '{ $.errorCode = "AccessDenied*" }',
              first=pattern, long=True),
        _text(WHO, "Who", "a part of a name, an ARN, an access key"),
        _text(NAME, "Event", "CreateUser, or Delete*"),
        _text(ADDRESS, "From", "203.0.113.9, 203.0.113.0/24, cloudtrail.amazonaws.com"),
        _choice(SINCE, "When", sinces, first),
        _choice(WHERE, "Show it", places, HERE if of_alert else ME),
    ]  # fmt: skip
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": kit.plain_text("Search events", 24),
        "submit": kit.plain_text("Search", 24),
        "close": kit.plain_text("Not now", 24),
        "private_metadata": json.dumps(opened),
        "blocks": blocks,
    }


def _text(name: str, label: str, example: str, *, first: str = "", long: bool = False) -> Block:
    element: Block = {
        "type": "plain_text_input",
        "action_id": name,
        "placeholder": kit.plain_text(example, 150),
        "multiline": long,
    }
    if first:
        element["initial_value"] = kit.plain(first, 3000)
    return {
        "type": "input",
        "block_id": name,
        "optional": True,
        "label": kit.plain_text(label, 150),
        "element": element,
    }


def _choice(name: str, label: str, values: Sequence[tuple[str, str]], first: str) -> Block:
    options = [kit.option(text, value) for value, text in values]
    chosen = next(one for one in options if one["value"] == first)
    return {
        "type": "input",
        "block_id": name,
        "label": kit.plain_text(label, 150),
        "element": {
            "type": "static_select",
            "action_id": name,
            "options": options,
            "initial_option": chosen,
        },
    }
