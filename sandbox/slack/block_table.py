"""Knows the shape and the limits of each block and element of Block Kit. Never of a whole message.

Source: docs.slack.dev/reference/block-kit and the doc comments of @slack/types 3.2.0.
"""

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

ID = string(255)
URL = string(3000)
STYLE = one_of("primary", "danger")


def plain(maximum: int = 3000) -> Rule:
    """A plain_text object."""
    return record({"text": string(maximum, 1), "emoji": boolean}, ["text"], kind="plain_text")


def mrkdwn(maximum: int = 3000) -> Rule:
    """A mrkdwn object."""
    return record({"text": string(maximum, 1), "verbatim": boolean}, ["text"], kind="mrkdwn")


def text(maximum: int = 3000) -> Rule:
    """A text object of either kind."""
    return typed({"plain_text": plain(maximum), "mrkdwn": mrkdwn(maximum)})


CONFIRM = record(
    {
        "title": plain(100),
        "text": text(300),
        "confirm": plain(30),
        "deny": plain(30),
        "style": STYLE,
    },
    ["text"],
)


def option(label: Rule) -> Rule:
    """An option object: what is shown, what is sent."""
    return record(
        {"text": label, "value": string(150), "description": plain(), "url": URL}, ["text"]
    )


PLAIN_OPTION = option(plain(75))
ANY_OPTION = option(typed({"plain_text": plain(75), "mrkdwn": mrkdwn(75)}))
GROUP = record({"label": plain(), "options": array(PLAIN_OPTION)}, ["label", "options"])
SLACK_FILE = record({"url": string(), "id": string()}, any_of=["url", "id"])
PLACE = {"action_id": ID, "placeholder": plain(150), "focus_on_load": boolean}
ASKED = {"action_id": ID, "confirm": CONFIRM}
CHOICE = {**PLACE, "confirm": CONFIRM}
DISPATCH = record({"trigger_actions_on": array(one_of("on_enter_pressed", "on_character_entered"))})
TYPED = {**PLACE, "dispatch_action_config": DISPATCH, "initial_value": string()}
CONVERSATION_FILTER = record(
    {
        "include": array(one_of("im", "mpim", "private", "public")),
        "exclude_bot_users": boolean,
        "exclude_external_shared_channels": boolean,
    }
)
STATIC = {
    **CHOICE,
    "options": array(PLAIN_OPTION, 0, 100),
    "option_groups": array(GROUP, 0, 100),
}
CONVERSATION = {
    **CHOICE,
    "filter": CONVERSATION_FILTER,
    "default_to_current_conversation": boolean,
}
SEVERAL = {"max_selected_items": number()}


def _options_somewhere(value: Any, at: str) -> Problems:
    """Slack wants options or option_groups, one of them (not in the typed comments)."""
    if isinstance(value, dict) and ("options" in value) == ("option_groups" in value):
        return [Problem(at, "select_options", "must provide options or option_groups, not both")]
    return []


IMAGE = record(
    {"image_url": URL, "slack_file": SLACK_FILE, "alt_text": string()},
    ["alt_text"],
    any_of=["image_url", "slack_file"],
    kind="image",
)
BUTTON = record(
    {
        **ASKED,
        "text": plain(75),
        "style": STYLE,
        "url": URL,
        "value": string(2000),
        "accessibility_label": string(75),
    },
    ["text"],
    kind="button",
)
SELECTS = {
    "static_select": both(
        record({**STATIC, "initial_option": PLAIN_OPTION}, kind="static_select"),
        _options_somewhere,
    ),
    "external_select": record(
        {**CHOICE, "initial_option": PLAIN_OPTION, "min_query_length": number()},
        kind="external_select",
    ),
    "users_select": record({**CHOICE, "initial_user": string()}, kind="users_select"),
    "conversations_select": record(
        {**CONVERSATION, "initial_conversation": string(), "response_url_enabled": boolean},
        kind="conversations_select",
    ),
    "channels_select": record(
        {**CHOICE, "initial_channel": string(), "response_url_enabled": boolean},
        kind="channels_select",
    ),
}
MULTI_SELECTS = {
    "multi_static_select": both(
        record(
            {**STATIC, **SEVERAL, "initial_options": array(PLAIN_OPTION)},
            kind="multi_static_select",
        ),
        _options_somewhere,
    ),
    "multi_external_select": record(
        {
            **CHOICE,
            **SEVERAL,
            "initial_options": array(PLAIN_OPTION),
            "min_query_length": number(),
        },
        kind="multi_external_select",
    ),
    "multi_users_select": record(
        {**CHOICE, **SEVERAL, "initial_users": array(string())}, kind="multi_users_select"
    ),
    "multi_conversations_select": record(
        {**CONVERSATION, **SEVERAL, "initial_conversations": array(string())},
        kind="multi_conversations_select",
    ),
    "multi_channels_select": record(
        {**CHOICE, **SEVERAL, "initial_channels": array(string())}, kind="multi_channels_select"
    ),
}
_TICKED = {**ASKED, "focus_on_load": boolean, "options": array(ANY_OPTION, 1, 10)}
CHOOSERS = {
    "checkboxes": record(
        {**_TICKED, "initial_options": array(ANY_OPTION)}, ["options"], kind="checkboxes"
    ),
    "radio_buttons": record(
        {**_TICKED, "initial_option": ANY_OPTION}, ["options"], kind="radio_buttons"
    ),
    "datepicker": record({**CHOICE, "initial_date": string()}, kind="datepicker"),
    "timepicker": record(
        {**CHOICE, "initial_time": string(), "timezone": string()}, kind="timepicker"
    ),
}
DATETIME = record(
    {**ASKED, "focus_on_load": boolean, "initial_date_time": number()}, kind="datetimepicker"
)
OVERFLOW = record({**ASKED, "options": array(PLAIN_OPTION, 1, 5)}, ["options"], kind="overflow")
_PARAMETER = record({"name": string(), "value": string()}, ["name", "value"])
_WORKFLOW = record(
    {
        "trigger": record(
            {"url": string(), "customizable_input_parameters": array(_PARAMETER)}, ["url"]
        )
    },
    ["trigger"],
)
WORKFLOW_BUTTON = record(
    {
        **ASKED,
        "text": plain(75),
        "style": STYLE,
        "workflow": _WORKFLOW,
        "accessibility_label": string(75),
    },
    ["text", "workflow"],
    kind="workflow_button",
)
_FEEDBACK = record(
    {"text": plain(), "value": string(), "accessibility_label": string(75)}, ["text", "value"]
)
CONTEXT_ACTIONS = {
    "feedback_buttons": record(
        {"action_id": ID, "positive_button": _FEEDBACK, "negative_button": _FEEDBACK},
        ["positive_button", "negative_button"],
        kind="feedback_buttons",
    ),
    "icon_button": record(
        {
            **ASKED,
            "icon": string(),
            "text": plain(),
            "value": string(),
            "accessibility_label": string(75),
            "visible_to_user_ids": array(string()),
        },
        ["icon", "text"],
        kind="icon_button",
    ),
}
