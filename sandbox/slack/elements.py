"""Knows what in a list of blocks can be clicked or filled in, and what that sends. Never to whom.

Source: docs.slack.dev/reference/interaction-payloads/block_actions-payload and view-interactions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.slack.refusals import SlackRefusal

Json = dict[str, Any]

STATELESS = {"button", "overflow", "workflow_button", "icon_button", "feedback_buttons"}
_ONE = {"static_select", "external_select", "radio_buttons", "overflow"}
_MANY = {"multi_static_select", "multi_external_select", "checkboxes"}
_VALUE_KEY = {
    "users_select": "selected_user",
    "channels_select": "selected_channel",
    "conversations_select": "selected_conversation",
    "multi_users_select": "selected_users",
    "multi_channels_select": "selected_channels",
    "multi_conversations_select": "selected_conversations",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "rich_text_input": "rich_text_value",
}
_INITIAL_KEY = {
    "users_select": "initial_user",
    "channels_select": "initial_channel",
    "conversations_select": "initial_conversation",
    "multi_users_select": "initial_users",
    "multi_channels_select": "initial_channels",
    "multi_conversations_select": "initial_conversations",
    "datepicker": "initial_date",
    "timepicker": "initial_time",
    "datetimepicker": "initial_date_time",
}


def interactive(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Each block with an element of it that a person can use."""
    for block in blocks:
        kind = block.get("type")
        if kind in ("actions", "context_actions"):
            yield from ((block, e) for e in block["elements"])
        elif kind == "section" and (block.get("accessory") or {}).get("type", "image") != "image":
            yield block, block["accessory"]
        elif kind == "input":
            yield block, block["element"]
        elif kind == "card":
            yield from ((block, e) for e in block.get("actions") or ())
        elif kind == "carousel":
            yield from ((block, e) for c in block["elements"] for e in c.get("actions") or ())
        elif kind == "container":
            yield from interactive(block["child_blocks"])


def find(
    blocks: list[Json], action_id: str, block_id: str | None, value: str | None
) -> tuple[Json, Json] | None:
    """The element that is meant; among several with this action_id the one with this value."""
    found = [
        (block, element)
        for block, element in interactive(blocks)
        if element.get("action_id") == action_id and block_id in (None, block["block_id"])
    ]
    exact = [f for f in found if value is not None and f[1].get("value") == value]
    return next(iter(exact or found), None)


def value_key(element: Json) -> str:
    """The key under which an element's value stands in actions and in state."""
    kind = element["type"]
    if kind in _ONE:
        return "selected_option"
    if kind in _MANY:
        return "selected_options"
    return _VALUE_KEY.get(kind, "value")


def _options(element: Json) -> list[Json]:
    groups = element.get("option_groups") or ()
    return [*(element.get("options") or ()), *(o for g in groups for o in g["options"])]


def _option(element: Json, selected: Any) -> Json:
    """An option by its value, its index or its text; raises SlackRefusal 404."""
    options = _options(element)
    if isinstance(selected, dict):
        selected = selected.get("value")
    for option in options:
        if option.get("value") == selected and not isinstance(selected, int):
            return option
    digits = isinstance(selected, str) and selected.isdigit()
    if isinstance(selected, int) or digits:
        index = int(selected)
        if index < len(options):
            return options[index]
    for option in options:
        if option["text"]["text"] == selected:
            return option
    if element["type"].endswith("external_select"):
        return {"text": {"type": "plain_text", "text": str(selected)}, "value": str(selected)}
    known = ", ".join(str(o.get("value")) for o in options)
    raise SlackRefusal(404, f"there is no option {selected!r}; there are {known}")


def entered(element: Json, given: Any) -> Json:
    """What a person entered, as state shows it: `given` is text, an option's value, a list."""
    kind = element["type"]
    key = value_key(element)
    if isinstance(given, dict) and key in given:
        given = given[key]
    if kind in _ONE:
        return {"type": kind, key: None if given in (None, "") else _option(element, given)}
    if kind in _MANY:
        chosen = given if isinstance(given, list) else [] if given in (None, "") else [given]
        return {"type": kind, key: [_option(element, g) for g in chosen]}
    if kind.startswith("multi_"):
        return {"type": kind, key: given if isinstance(given, list) else [given]}
    if kind == "datetimepicker":
        return {"type": kind, key: None if given in (None, "") else int(given)}
    if kind == "rich_text_input":
        return {"type": kind, key: given}
    return {"type": kind, key: None if given in (None, "") else str(given)}


def _initial(element: Json) -> Json:
    kind = element["type"]
    key = value_key(element)
    if kind in _ONE:
        return {"type": kind, key: element.get("initial_option")}
    if kind in _MANY:
        return {"type": kind, key: element.get("initial_options") or []}
    if kind.startswith("multi_"):
        return {"type": kind, key: element.get(_INITIAL_KEY[kind]) or []}
    return {"type": kind, key: element.get(_INITIAL_KEY.get(kind, "initial_value"))}


def state_values(blocks: list[Json], state: dict[str, dict[str, Json]]) -> Json:
    """`state.values`: every element that holds a value, by block_id and action_id."""
    values: dict[str, dict[str, Json]] = {}
    for block, element in interactive(blocks):
        if element["type"] in STATELESS:
            continue
        block_id, action_id = block["block_id"], element.get("action_id", "")
        known = state.get(block_id, {}).get(action_id)
        values.setdefault(block_id, {})[action_id] = known or _initial(element)
    return values


def typed_values(blocks: list[Json], values: Json) -> dict[str, dict[str, Json]]:
    """What a person typed in, by block_id and action_id; raises SlackRefusal.

    `values` is Slack's own {block_id: {action_id: {...}}}, or short: {action_id: "text"} or
    {block_id: "text"}.
    """
    state: dict[str, dict[str, Json]] = {}
    used: set[str] = set()
    for block, element in interactive(blocks):
        block_id, action_id = block["block_id"], element.get("action_id", "")
        inside = values.get(block_id)
        if isinstance(inside, dict) and action_id in inside:
            given, name = inside[action_id], block_id
        elif block_id in values and not _holds_actions(inside):
            given, name = inside, block_id
        elif action_id in values:
            given, name = values[action_id], action_id
        else:
            continue
        used.add(name)
        state.setdefault(block_id, {})[action_id] = entered(element, given)
    unknown = sorted(set(values) - used)
    if unknown:
        raise SlackRefusal(400, f"the view has no input {', '.join(unknown)}")
    return state


def _holds_actions(value: Any) -> bool:
    """True for {action_id: {...}}, which names actions, unlike {"value": "text"}."""
    return isinstance(value, dict) and bool(value) and all(map(_is_object, value.values()))


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def incomplete(blocks: list[Json], values: Json) -> dict[str, str]:
    """The inputs that Slack's client would not let pass, by block_id, with its words."""
    found: dict[str, str] = {}
    for block in blocks:
        if block.get("type") != "input":
            continue
        element = block["element"]
        entry = values.get(block["block_id"], {}).get(element.get("action_id", ""), {})
        value = entry.get(value_key(element))
        if value in (None, "", []):
            if not block.get("optional"):
                found[block["block_id"]] = "Please complete this required field."
        elif isinstance(value, str):
            problem = _too_short_or_long(element, value)
            if problem:
                found[block["block_id"]] = problem
    return found


def _too_short_or_long(element: Json, value: str) -> str:
    if len(value) < (element.get("min_length") or 0):
        return f"Enter at least {element['min_length']} characters."
    if len(value) > (element.get("max_length") or 3000):
        return f"Enter at most {element.get('max_length') or 3000} characters."
    if element["type"] == "number_input":
        try:
            number = float(value)
        except ValueError:
            return "Enter a number."
        if not element.get("is_decimal_allowed") and not number.is_integer():
            return "Enter a whole number."
        low, high = element.get("min_value"), element.get("max_value")
        if low is not None and number < float(low):
            return f"Enter a number of at least {low}."
        if high is not None and number > float(high):
            return f"Enter a number of at most {high}."
    return ""


def action(block: Json, element: Json, ts: str, selected: Any, value: Any) -> Json:
    """The entry of `actions` that using an element sends; raises SlackRefusal."""
    kind = element["type"]
    out: Json = {
        "type": kind,
        "action_id": element.get("action_id", ""),
        "block_id": block["block_id"],
        "action_ts": ts,
    }
    if kind in ("button", "icon_button", "workflow_button"):
        out["text"] = element["text"]
        chosen = value if value is not None else element.get("value")
        if chosen is not None:
            out["value"] = chosen
        if element.get("style"):
            out["style"] = element["style"]
        return out
    if kind == "feedback_buttons":
        good, bad = element["positive_button"], element["negative_button"]
        wanted = selected if selected is not None else value
        picked = bad if wanted in (bad["value"], "negative", 1, "1") else good
        return {**out, "text": picked["text"], "value": picked["value"]}
    given = selected if selected is not None else value
    if given is None:
        raise SlackRefusal(400, f"say what is selected in {out['action_id']!r}")
    return {**out, **entered(element, given)}


def kept(element: Json, action: Json) -> dict[str, dict[str, Json]]:
    """What an action leaves behind in a view's state, by block_id and action_id."""
    if element["type"] in STATELESS:
        return {}
    key = value_key(element)
    entry = {"type": element["type"], key: action.get(key)}
    return {action["block_id"]: {action["action_id"]: entry}}
