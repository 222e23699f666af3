"""/trailwatch pattern and detections: the language and the catalogue. Nothing is changed."""

from __future__ import annotations

from handlers.access import Role
from handlers.blocks.lists import detection_message, detections_message, pattern_message
from handlers.commands.command import Command
from handlers.commands.grammar import Invocation
from handlers.deps import Deps
from handlers.request import Reply, Request
from trailwatch.errors import UsageError
from trailwatch.pattern import PatternError, parse


def check(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Whether CloudWatch Logs takes a pattern, and where it is wrong if not."""
    if not call.rest:
        raise UsageError("A pattern is missing.", fix=f"Usage: /trailwatch {call.command.usage}")
    try:
        pattern = parse(call.rest)
    except PatternError as error:
        message = pattern_message(call.rest, error=str(error), at=error.at)
    else:
        message = pattern_message(pattern.text)
    return Reply(message.text, message.blocks)


def list_detections(deps: Deps, request: Request, call: Invocation) -> Reply:
    """The packs, or the detections of one."""
    name = call.words[0] if call.words else ""
    if name and name not in deps.catalogue.packs and name in deps.catalogue:
        message = detection_message(deps.catalogue[name])
    else:
        chosen = deps.catalogue.pack(name) if name else ()
        message = detections_message(deps.catalogue.packs, name, chosen)
    return Reply(message.text, message.blocks)


COMMANDS = (
    Command(
        "pattern check", "pattern check PATTERN",
        'pattern check { $.eventName = "ConsoleLogin" }',
        "Whether CloudWatch Logs takes a filter pattern, and what is wrong if not", Role.VIEWER,
        check, raw=True,
    ),
    Command(
        "detections", "detections [PACK|ID]", "detections cis",
        "What can be detected: packs, the detections of one, or one of them", Role.VIEWER,
        list_detections, most=1,
    ),
)  # fmt: skip
