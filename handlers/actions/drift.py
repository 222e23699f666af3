"""The buttons of a drift: restore it, show the record of who did it, look again, ignore, accept."""

from __future__ import annotations

from handlers.access import Role
from handlers.actions.action import Action
from handlers.audit import note
from handlers.blocks.drift import LOOK, MORE, RECORD, RESTORE, record_message
from handlers.deps import Deps
from handlers.drifting import accept, ignore, look_again, message_key
from handlers.drifting import restore as put_back
from handlers.request import Click, Reply
from trailwatch.errors import NotFound, UsageError
from trailwatch.store import drifts, outbox
from trailwatch.store.outbox import Outgoing


def restore(deps: Deps, click: Click) -> Reply:
    """Apply a plan of what was seen; its own message shows how far it is."""
    plan = put_back(deps, click, click.value)
    if deps.second_person:
        return Reply(f"Plan {plan} puts it back; another admin has to apply it.")
    return Reply(f"Restoring with plan {plan}; the plan's message shows how far it is.")


def show_record(deps: Deps, click: Click) -> Reply:
    """Put the newest event behind it into the thread of its message."""
    with deps.db.transaction() as tx:
        row = drifts.get(tx, click.value)
        if row is None or not row.causes:
            raise NotFound("The event behind this is not known.", fix="Press Look again.")
        message = record_message(row)
        outgoing = Outgoing(
            key=f"{message_key(row.message)}:record:{row.causes[0].id}",
            lane=deps.sites.channel(row.site),
            text=message.text,
            blocks=message.blocks,
            metadata={"drift": row.message},
            thread_of=message_key(row.message),
        )
        outbox.say(tx, outgoing, deps.clock())
        note(deps, tx, click, "drift.record", row.key, "done")
    return Reply()


def look(deps: Deps, click: Click) -> Reply:
    """Start a check; what it finds is told to who asked, and shows in the messages."""
    look_again(deps, click, deps.sites.chosen(click.value, click.channel))
    return Reply("Looking at what stands…")


def choose(deps: Deps, click: Click) -> Reply:
    """Ignore for a day, or accept what can be accepted."""
    verb, _, value = click.selected.partition(":")
    if verb == "ignore":
        ignore(deps, click, value)
    elif verb == "accept":
        accept(deps, click, value)
    else:
        raise UsageError("This menu has changed since the message was posted.", fix="Open it anew.")
    return Reply()


ACTIONS = (
    Action(RESTORE, Role.ADMIN, "change the pipeline", restore),
    Action(RECORD, Role.VIEWER, "see events", show_record),
    Action(LOOK, Role.VIEWER, "see how things stand", look),
    Action(MORE, Role.ADMIN, "ignore or accept drift", choose),
)
