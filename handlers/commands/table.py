"""Every command, in the order in which help shows them; and how a typed text is answered."""

from __future__ import annotations

from dataclasses import replace

from handlers.access import Role, check
from handlers.audit import note
from handlers.blocks.help import Usage, help_overview, help_topic
from handlers.commands import (
    access,
    alerts,
    backtest,
    coverage,
    detections,
    events,
    lint,
    migrate,
    mutes,
    pattern,
    routes,
    setup,
    setup_drift,
    setup_import,
    sites,
)
from handlers.commands.command import Command
from handlers.commands.grammar import Invocation, parse
from handlers.deps import Deps
from handlers.request import Reply, Request
from handlers.site_hints import named, named_in
from trailwatch.errors import NotAllowed, NotFound, TrailwatchError


def show_help(deps: Deps, request: Request, call: Invocation) -> Reply:
    """All commands, or those whose name begins with the words given, or else has such a word."""
    topic = " ".join(call.words).lower()
    chosen = [c for c in COMMANDS if c.name.startswith(topic)]
    chosen = chosen or [c for c in COMMANDS if f" {topic}" in c.name]
    if not chosen:
        words = {word for c in COMMANDS for word in (c.name, *c.name.split())}
        raise NotFound.of("help topic", topic, words, "/trailwatch help")
    usages = [usage_of(c) for c in chosen]
    message = help_topic(topic, usages) if topic else help_overview(usages)
    return Reply(message.text, message.blocks)


def usage_of(command: Command) -> Usage:
    """What help and the documentation show of a command."""
    return Usage(
        name=command.name,
        usage=command.usage,
        example=command.example,
        role=command.role.word,
        summary=command.summary,
    )


COMMANDS: tuple[Command, ...] = (
    Command(
        "help", "help [COMMAND]", "help setup", "This list, or one command in full", Role.VIEWER,
        show_help, most=2,
    ),
    *setup.COMMANDS,
    *setup_drift.COMMANDS,
    *migrate.COMMANDS,
    *lint.COMMANDS,
    *setup_import.COMMANDS,
    *alerts.COMMANDS,
    *events.COMMANDS,
    *mutes.COMMANDS,
    *pattern.COMMANDS,
    *detections.COMMANDS,
    *backtest.COMMANDS,
    *coverage.COMMANDS,
    *sites.COMMANDS,
    *routes.COMMANDS,
    *access.COMMANDS,
)  # fmt: skip


def answer(deps: Deps, request: Request, text: str) -> Reply:
    """What a typed command answers; raises UsageError, NotAllowed and whatever it raises."""
    if request.person.role is Role.NOBODY:
        with deps.db.transaction() as tx:
            note(deps, tx, request, "", "", "refused")
        check(request.person, Role.VIEWER, "use trailwatch")
    call = parse(f"help {text}" if _is_topic(text) else text, COMMANDS)
    try:
        check(request.person, call.command.role, f"use /trailwatch {call.command.name}")
    except NotAllowed:
        with deps.db.transaction() as tx:
            note(deps, tx, request, call.command.name, "", "refused")
        raise
    try:
        reply = call.command.run(deps, request, call)
    except TrailwatchError as error:
        if site := _named_site(deps, request, call):
            error.fix = named(error.fix, site)
        raise
    if site := _named_site(deps, request, call):
        return replace(reply, text=named(reply.text, site), blocks=named_in(reply.blocks, site))
    return reply


def _is_topic(text: str) -> bool:
    """Whether a text is the first word of several commands and no command itself: "setup"."""
    typed = text.strip().lower()
    names = [command.name for command in COMMANDS]
    return typed not in names and any(name.split()[0] == typed for name in names)


def _named_site(deps: Deps, request: Request, call: Invocation) -> str:
    """The site that hints have to name: of several the one that the command is about, else ""."""
    if "site" not in call.command.options or not deps.sites.several:
        return ""
    asked = call.options.get("site")
    known = asked is None or asked in deps.sites.names
    return deps.sites.chosen(asked, request.channel) if known else ""
