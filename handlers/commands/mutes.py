"""/trailwatch mutes: the alarms that are muted, and how one is heard again."""

from __future__ import annotations

from handlers.access import Role, check
from handlers.audit import note
from handlers.blocks.mutes import mutes_message
from handlers.commands.command import Command
from handlers.commands.grammar import Invocation
from handlers.deps import Deps
from handlers.muting import end_mute
from handlers.request import Reply, Request
from trailwatch.errors import NotFound
from trailwatch.store import mutes


def list_mutes(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Every alarm that is muted now."""
    with deps.db.reading() as tx:
        standing = mutes.list_standing(tx)
    message = mutes_message(standing, {one.site: deps.sites.services(one.site) for one in standing})
    return Reply(message.text, message.blocks)


def end(deps: Deps, request: Request, call: Invocation) -> Reply:
    """End the mute of an alarm, named as the list shows it."""
    name = call.words[0]
    with deps.db.transaction() as tx:
        standing = mutes.list_standing(tx)
        found = next((mute for mute in standing if name in (mute.name, mute.id)), None)
        if found is None:
            raise NotFound.of("muted alarm", name, {mute.name for mute in standing})
        # A role in the channel of the command says nothing of the channel that the mute is in.
        there = deps.people.find(request.person.id, deps.sites.channel(found.site))
        if there.role >= Role.RESPONDER:
            end_mute(deps, tx, request, found)
        else:
            note(deps, tx, request, "alarm.unmute", found.name, "refused", site=found.site)
    check(there, Role.RESPONDER, "end mutes there")
    return Reply("It is being ended; the channel is told.")


COMMANDS = (
    Command(
        "mutes", "mutes", "mutes", "The alarms that are muted, until when and why", Role.VIEWER,
        list_mutes,
    ),
    Command(
        "mutes end", "mutes end ALARM", "mutes end trailwatch-root-usage",
        "Have a muted alarm heard again at once", Role.RESPONDER, end, least=1, most=1,
    ),
)  # fmt: skip
