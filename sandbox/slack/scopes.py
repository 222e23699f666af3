"""Knows which scope each Web API method asks for. Never which an app should have.

Source: docs.slack.dev/reference/methods, "Scopes" of each page, for bot tokens.
"""

from __future__ import annotations

from collections.abc import Set

from sandbox.slack.refusals import ApiError

NEEDED: dict[str, tuple[str, ...]] = {
    "chat.postMessage": ("chat:write",),
    "chat.postEphemeral": ("chat:write",),
    "chat.update": ("chat:write",),
    "chat.delete": ("chat:write",),
    "reactions.add": ("reactions:write",),
    "reactions.remove": ("reactions:write",),
    "conversations.history": ("channels:history", "groups:history", "im:history"),
    "conversations.replies": ("channels:history", "groups:history", "im:history"),
    "conversations.info": ("channels:read", "groups:read", "im:read"),
    "conversations.list": ("channels:read", "groups:read", "im:read"),
    "conversations.members": ("channels:read", "groups:read", "im:read"),
    "conversations.open": ("im:write",),
    "conversations.join": ("channels:join",),
    "users.info": ("users:read",),
    "users.list": ("users:read",),
    "users.lookupByEmail": ("users:read.email",),
    "usergroups.list": ("usergroups:read",),
    "usergroups.users.list": ("usergroups:read",),
    "files.getUploadURLExternal": ("files:write",),
    "files.completeUploadExternal": ("files:write",),
    "files.info": ("files:read",),
    "team.info": ("team:read",),
    "bots.info": ("users:read",),
}
"""Any one of those named is enough; methods that are not here need none."""

EVERY = frozenset({"commands", *(scope for scopes in NEEDED.values() for scope in scopes)})


def check_scope(method: str, granted: Set[str]) -> None:
    """Raises ApiError missing_scope, with what is needed and what is there."""
    needed = NEEDED.get(method, ())
    if needed and not granted & set(needed):
        provided = ",".join(sorted(granted))
        raise ApiError("missing_scope", extra={"needed": needed[0], "provided": provided})
