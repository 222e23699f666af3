"""Knows what becomes of a modal when a person submits or closes it. Never how the bot hears of it.

Source: docs.slack.dev/surfaces/modals and /reference/interaction-payloads/view-interactions.
"""

from __future__ import annotations

from typing import Any

from sandbox.slack import elements, payloads
from sandbox.slack.messages import Json
from sandbox.slack.methods_app import check_view
from sandbox.slack.refusals import ApiError, SlackRefusal
from sandbox.slack.views import View
from sandbox.slack.workspace import Person, Workspace


def fill_in(space: Workspace, person: Person, view: View, values: Json) -> Json:
    """Type `values` in and press submit; the payload for the bot.

    Raises SlackRefusal 400, and shows it at the inputs, where Slack's own client would not
    send: required inputs that are empty, text that is too long.
    """
    if view not in space.views.stack(person.id):
        raise SlackRefusal(400, "a Home tab can't be submitted")
    view.enter(elements.typed_values(view.blocks, values))
    missing = elements.incomplete(view.blocks, elements.state_values(view.blocks, view.state))
    if missing:
        view.errors = missing
        space.changed()
        raise SlackRefusal(400, "; ".join(f"{block}: {why}" for block, why in missing.items()))
    return payloads.view_submission(space, person, view)


def take_ack(space: Workspace, view: View, ack: Any) -> str | None:
    """Do what the ack's response_action says; what is wrong with it, or None."""
    answer = ack if isinstance(ack, dict) else {}
    with space.lock:
        try:
            return _respond(space, view, answer)
        except ApiError as refusal:
            return " ".join([refusal.code, *refusal.messages])
        finally:
            space.changed()


def _respond(space: Workspace, view: View, answer: Json) -> str | None:
    what = answer.get("response_action")
    view.errors = {}
    if what is None:
        space.views.close(view)
    elif what == "clear":
        space.views.clear(view.user)
    elif what == "update":
        view.show(check_view(answer.get("view"), "modal"))
    elif what == "push":
        space.views.push(view.user, check_view(answer.get("view"), "modal"))
    elif what == "errors":
        errors = answer.get("errors") or {}
        known = {b["block_id"] for b in view.blocks if b.get("type") == "input"}
        if not errors or set(errors) - known:
            return f"errors must name some of the inputs {', '.join(sorted(known))}"
        view.errors = {str(k): str(v) for k, v in errors.items()}
    else:
        return f"unknown response_action {what!r}"
    return None


def close(space: Workspace, person: Person, view: View) -> list[Json]:
    """Close a modal (all of them with clear_on_close); a payload for each that notifies."""
    clear = bool(view.content.get("clear_on_close"))
    stack = space.views.stack(person.id)
    closed = space.views.close(stack[0] if clear and stack else view)
    space.changed()
    return [
        payloads.view_closed(space, person, v, cleared=clear)
        for v in closed
        if v.content.get("notify_on_close")
    ]
