"""Knows how dead letters are tried again, by a command or a button. Delivers none itself."""

from __future__ import annotations

from handlers.answering import said
from handlers.audit import note
from handlers.blocks.kit import count
from handlers.deps import Deps
from handlers.request import Reply, Request
from trailwatch.errors import NotFound
from trailwatch.store import letters


def send_again(deps: Deps, request: Request, which: str) -> Reply:
    """Try the dead letter of that id again, or "all"; raises NotFound for an id of none."""
    with deps.db.transaction() as tx:
        dead = letters.dead(tx)
        wanted = dead if which == "all" else [one for one in dead if one.id == which]
        if not wanted and which != "all":
            raise NotFound(
                f"No dead letter has the id {which!r}.",
                "It may have been delivered meanwhile.",
                "See /trailwatch status.",
            )
        sent = [one for one in wanted if letters.send_again(tx, one, deps.clock())]
        for one in sent:
            note(deps, tx, request, "letters.resend", one.what, "started", id=one.id)
    if not wanted:
        return said("There is no dead letter.")
    busy = len(wanted) - len(sent)
    why = f"{busy:,} more: under way again already." if busy else ""
    return said(f"{count(len(sent), 'dead letter')} will be tried again.", why)
