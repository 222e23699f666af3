"""/trailwatch access and audit: who may, and who did."""

from __future__ import annotations

import re

from sqlalchemy import Connection

from handlers.access import Role, parse_role
from handlers.audit import LOOKED_AT, lines, note
from handlers.blocks.audit import audit_message
from handlers.blocks.lists import access_message
from handlers.commands.command import Command
from handlers.commands.grammar import Invocation, parse_duration
from handlers.deps import Deps
from handlers.request import Reply, Request
from handlers.slack_text import mentioned_id
from trailwatch.errors import UsageError
from trailwatch.store import alerts, audit, grants, plans
from trailwatch.store.audit import AuditEntry

SHOWN = 30


def list_access(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Everybody with a role of their own, here or everywhere, and the asking person's."""
    with deps.db.reading() as tx:
        here = {one.subject: one.role for one in grants.in_channel(tx, request.channel)}
    everywhere = {who: role.word for who, role in deps.people.roles().items()}
    message = access_message(everywhere, request.person.role.word, here)
    return Reply(message.text, message.blocks)


def grant(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Give a user or user group a role, everywhere or in one channel."""
    subject = _subject(call.words[0])
    role = parse_role(call.words[1])
    if role is None:
        raise UsageError(
            f"There is no role {call.words[1]!r}.", fix="Roles: viewer, responder, admin."
        )
    if channel := _channel(call):
        if role is Role.ADMIN:
            # What an admin changes is felt in every channel.
            raise UsageError("An admin is one everywhere.", fix="Leave --channel out.")
        with deps.db.transaction() as tx:
            now = deps.clock()
            grants.grant_in(tx, channel, subject, role.word, request.person.id, now)
            note(
                deps, tx, request, "access.grant", subject, "done",
                role=role.word, where=channel,
            )  # fmt: skip
        where = f"in <#{channel}>"
        return Reply(f"Granted: {role.word} to {_mention(subject)} {where}. It counts at once.")
    with deps.db.transaction() as tx:
        grants.grant(tx, subject, role.word, request.person.id, deps.clock())
        note(deps, tx, request, "access.grant", subject, "done", role=role.word)
    return Reply(f"Granted: {role.word} to {_mention(subject)}. It counts at once.")


def revoke(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Take a granted role back; roles from the settings stay."""
    subject = _subject(call.words[0])
    if channel := _channel(call):
        with deps.db.transaction() as tx:
            had = grants.revoke_in(tx, channel, subject)
            outcome = "done" if had else "nothing to revoke"
            note(deps, tx, request, "access.revoke", subject, outcome, where=channel)
        done = "Revoked." if had else "Nothing is changed."
        return Reply(f"{done} {_mention(subject)} has no role of their own in <#{channel}>.")
    with deps.db.transaction() as tx:
        had = grants.revoke(tx, subject)
        note(deps, tx, request, "access.revoke", subject, "done" if had else "nothing to revoke")
    left = deps.people.roles().get(subject, Role.VIEWER)
    if had:
        return Reply(f"Revoked. {_mention(subject)} is now {left.word}.")
    if left is Role.VIEWER:
        return Reply(f"{_mention(subject)} was granted no role; nothing is changed.")
    return Reply(
        f"Nothing is changed: {_mention(subject)} is {left.word} by the bot's settings "
        "(TRAILWATCH_ADMINS, TRAILWATCH_RESPONDERS), which only who runs it can change."
    )


def show_audit(deps: Deps, request: Request, call: Invocation) -> Reply:
    """The newest lines of the audit log."""
    now = deps.clock()
    since = now - parse_duration(call.options.get("since", "7d"))
    asked = call.options.get("site")
    site = deps.sites.chosen(asked) if asked else ""
    with deps.db.reading() as tx:
        entries = audit.recent(tx, limit=LOOKED_AT, since=since)
        if site:
            entries = [entry for entry in entries if _of_site(deps, tx, entry, site)]
        rows = lines(tx, entries, SHOWN)
    message = audit_message(rows)
    return Reply(message.text, message.blocks)


def _of_site(deps: Deps, tx: Connection, entry: AuditEntry, site: str) -> bool:
    """Whether a line is about a site: by the site, plan or alert that it names."""
    if entry.subject == site or entry.detail.get("site") == site:
        return True
    named = entry.subject.removeprefix("plan ") if entry.subject.startswith("plan ") else ""
    plan_id = str(entry.detail.get("plan") or named)
    if plan_id and (row := plans.get(tx, plan_id)):
        return row.site == site
    alert = alerts.get(tx, str(entry.detail.get("alert_id", "")))
    return alert is not None and deps.sites.known(alert.site) == site


def _mention(subject: str) -> str:
    return f"<!subteam^{subject}>" if subject.startswith("S") else f"<@{subject}>"


def _channel(call: Invocation) -> str:
    """The id of the channel that --channel names; "" without it."""
    word = call.options.get("channel", "")
    found = re.fullmatch(r"(?:<#)?([CG][A-Z0-9]{2,})(?:\|[^>]*)?>?", word)
    if word and found is None:
        raise UsageError(f"{word!r} is no channel.", fix="Write it as #channel.")
    return found[1] if found else ""


def _subject(word: str) -> str:
    subject = mentioned_id(word)
    if subject is None:
        raise UsageError(
            f"{word!r} names nobody in Slack.", fix="Mention a person or a user group: @bob"
        )
    return subject


COMMANDS = (
    Command(
        "access list", "access list", "access list", "Who has which role, and yours", Role.VIEWER,
        list_access,
    ),
    Command(
        "access grant", "access grant @PERSON viewer|responder|admin [--channel #CHANNEL]",
        "access grant @bob responder",
        "Give a person or a user group a role", Role.ADMIN, grant, least=2, most=2,
        options=("channel",),
    ),
    Command(
        "access revoke", "access revoke @PERSON [--channel #CHANNEL]", "access revoke @bob",
        "Take a granted role back", Role.ADMIN, revoke, least=1, most=1, options=("channel",),
    ),
    Command(
        "audit", "audit [--since 7d] [--site SITE]", "audit --since 24h",
        "Who did what, newest first", Role.RESPONDER, show_audit, options=("since", "site"),
    ),
)  # fmt: skip
