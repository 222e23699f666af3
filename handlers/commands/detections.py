"""/trailwatch detections: the catalogue, and the detections that a team adds to it."""

from __future__ import annotations

import re
from dataclasses import replace

from handlers.access import Role
from handlers.audit import note
from handlers.blocks import kit
from handlers.blocks.lists import detection_message, detections_message
from handlers.blocks.pattern import pattern_refused, pattern_taken
from handlers.commands.command import Command
from handlers.commands.grammar import Invocation
from handlers.deps import Deps
from handlers.request import Reply, Request
from handlers.slack_text import pattern_typed
from trailwatch.detections import facts_of, pattern_at
from trailwatch.detections.catalogue import LISTED_BY
from trailwatch.detections.own import added, removed, typed_detection
from trailwatch.errors import NotFound, UsageError
from trailwatch.pattern import PatternError, parse

_TYPED = re.compile(
    r'(?P<id_>\S+)\s+(?P<severity>\S+)\s+"(?P<title>[^"]+)"\s+(?P<pattern>\S.*)', re.DOTALL
)


def show(deps: Deps, request: Request, call: Invocation) -> Reply:
    """The packs, the detections of one, or one of them."""
    name = call.words[0] if call.words else ""
    catalogue = deps.catalogue
    if name and name not in catalogue.packs and name in catalogue:
        detection = catalogue[name]
        site = deps.sites.config_or_blank(deps.sites.chosen(None, request.channel))
        here = pattern_at(detection, facts_of(site))
        message = detection_message(replace(detection, pattern=here))
    else:
        if name and name not in catalogue.packs:
            known = {*catalogue.packs, *catalogue.detections}
            raise NotFound.of("pack or detection", name, known, LISTED_BY)
        chosen = catalogue.pack(name) if name else ()
        message = detections_message(catalogue.packs, name, chosen)
    return Reply(message.text, message.blocks)


def add(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Keep a detection of the team's own, or change it; a plan puts it to work."""
    given = _TYPED.fullmatch(call.rest)
    if given is None:
        raise UsageError(
            "An id, a severity, a title in quotes and a pattern are needed.",
            fix=f"Usage: /trailwatch {call.command.usage}",
        )
    pattern = pattern_typed(given["pattern"])
    try:
        findings = parse(pattern).lint()
    except PatternError as error:
        refused = pattern_refused(pattern, str(error), error.at)
        return Reply(refused.text, refused.blocks)
    words = {**given.groupdict(), "pattern": pattern}
    new = typed_detection(**words, by=request.person.name)
    with deps.db.transaction() as tx:
        own = added(deps.sites.own_detections(tx), new, deps.sites.base)
        deps.sites.keep_own(tx, own, request.person.id, deps.clock())
        note(deps, tx, request, "detections.add", new.id, "done", pattern=new.pattern)
    message = pattern_taken(new.pattern, findings)
    return Reply(
        f"Added {new.id}. `/trailwatch setup plan --add {new.id}` puts it to work.",
        [*message.blocks, _next(f"/trailwatch setup plan --add {new.id}")],
    )


def remove(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Forget a detection that was added from Slack; one that is at work has to be dropped first."""
    id_ = call.words[0]
    for site in deps.sites.names:
        if id_ in deps.sites.config_or_blank(site).add:
            of = f" --site {site}" if deps.sites.several else ""
            raise UsageError(
                f"{id_} is at work{f' at {site}' if of else ''}.",
                fix=f"Drop it first: /trailwatch setup plan --drop {id_}{of}",
            )
    with deps.db.transaction() as tx:
        own = removed(deps.sites.own_detections(tx), id_)
        deps.sites.keep_own(tx, own, request.person.id, deps.clock())
        note(deps, tx, request, "detections.remove", id_, "done")
    return Reply(f"Removed {id_}.")


def _next(command: str) -> dict[str, object]:
    return kit.context(f"Put it to work: {kit.code(command)}")


COMMANDS = (
    Command(
        "detections", "detections [PACK|ID]", "detections cis",
        "What can be detected: packs, the detections of one, or one of them", Role.VIEWER,
        show, most=1,
    ),
    Command(
        "detections add", 'detections add ID P1…P5 "TITLE" PATTERN',
        'detections add vpn-deleted P2 "VPN deleted" { $.eventName = "DeleteVpnConnection" }',
        "Add a detection of your own, or change it", Role.ADMIN, add, raw=True,
    ),
    Command(
        "detections remove", "detections remove ID", "detections remove vpn-deleted",
        "Remove a detection that was added here", Role.ADMIN, remove, least=1, most=1,
    ),
)  # fmt: skip
