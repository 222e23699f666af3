"""Knows interactive elements: what can be chosen, what is chosen now. Never what a click does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.page.reader import Reader

_TEXT = {
    "plain_text_input": "text",
    "rich_text_input": "text",
    "email_text_input": "email",
    "url_text_input": "url",
    "number_input": "number",
}
_PICKERS = {"datepicker": "date", "timepicker": "time", "datetimepicker": "datetime-local"}
_LISTS = {
    "static_select": "select",
    "external_select": "select",
    "users_select": "select",
    "conversations_select": "select",
    "channels_select": "select",
    "multi_static_select": "many",
    "multi_external_select": "many",
    "multi_users_select": "many",
    "multi_conversations_select": "many",
    "multi_channels_select": "many",
    "checkboxes": "checkboxes",
    "radio_buttons": "radio",
}


@dataclass(frozen=True)
class Choice:
    """One option: `text` and `description` are Slack text objects."""

    text: Mapping[str, Any]
    value: str
    chosen: bool
    description: Mapping[str, Any] | None = None
    group: str | None = None


@dataclass(frozen=True)
class Field:
    """An element that holds a value, ready to be shown."""

    kind: str
    """text, email, url, number, date, time, datetime-local, select, many, checkboxes, radio."""
    type: str
    """Slack's own name of the element."""
    value: str
    choices: Sequence[Choice]
    placeholder: str


def field(
    element: Mapping[str, Any], entered: Mapping[str, Any] | None, reader: Reader
) -> Field | None:
    """The element as a field; None for one that holds no value (a button, an image).

    `entered` is its entry in a view's state.values, where there is one; it comes before the
    element's own initial value.
    """
    kind = str(element.get("type"))
    placeholder = str((element.get("placeholder") or {}).get("text", ""))
    if kind in _TEXT:
        given = (entered or {}).get("value", element.get("initial_value"))
        text = given if isinstance(given, str) else ""
        return Field(_TEXT[kind], kind, text, (), placeholder)
    if kind in _PICKERS:
        value = _picked(kind, element, entered, reader)
        return Field(_PICKERS[kind], kind, value, (), placeholder)
    if kind in _LISTS:
        choices = _choices(kind, element, _chosen(element, entered), reader)
        value = next((c.value for c in choices if c.chosen), "")
        return Field(_LISTS[kind], kind, value, choices, placeholder or "Select an option")
    return None


def _picked(
    kind: str, element: Mapping[str, Any], entered: Mapping[str, Any] | None, reader: Reader
) -> str:
    key = {"datepicker": "date", "timepicker": "time", "datetimepicker": "date_time"}[kind]
    value = (entered or {}).get(f"selected_{key}", element.get(f"initial_{key}"))
    if kind == "datetimepicker" and isinstance(value, int):
        return f"{reader.clock.local(value):%Y-%m-%dT%H:%M}"
    return "" if value is None else str(value)


def _chosen(element: Mapping[str, Any], entered: Mapping[str, Any] | None) -> set[str]:
    """The chosen values from Slack's selected_... or initial_... keys."""
    source: Mapping[str, Any] = entered or {}
    prefix = "selected_"
    if not any(k.startswith(prefix) for k in source):
        source, prefix = element, "initial_"
    out: set[str] = set()
    for key, value in source.items():
        if not key.startswith(prefix) or value is None:
            continue
        for item in value if isinstance(value, list) else [value]:
            out.add(str(item.get("value") if isinstance(item, Mapping) else item))
    return out


def _choices(
    kind: str, element: Mapping[str, Any], chosen: set[str], reader: Reader
) -> list[Choice]:
    if "users" in kind:
        return [_named(f"@{name}", uid, chosen) for uid, name in reader.people.items()]
    if "conversations" in kind or "channels" in kind:
        return [_named(f"#{name}", cid, chosen) for cid, name in reader.channels.items()]
    groups: list[tuple[str | None, list[Any]]] = [(None, element.get("options") or [])]
    for group in element.get("option_groups") or []:
        label = str((group.get("label") or {}).get("text", ""))
        groups.append((label, group.get("options") or []))
    choices = [_choice(option, label, chosen) for label, options in groups for option in options]
    known = {c.value for c in choices}
    # An external select has no options of its own; what it starts with is shown all the same.
    initial = element.get("initial_options") or [element.get("initial_option")]
    choices += [_choice(o, None, chosen) for o in initial if o and o.get("value") not in known]
    return choices


def _named(label: str, value: str, chosen: set[str]) -> Choice:
    return Choice({"type": "plain_text", "text": label, "emoji": False}, value, value in chosen)


def _choice(option: Mapping[str, Any], group: str | None, chosen: set[str]) -> Choice:
    value = str(option.get("value", ""))
    return Choice(
        option.get("text") or {}, value, value in chosen, option.get("description"), group
    )
