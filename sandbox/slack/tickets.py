"""Knows what an app may use once or for a while: trigger ids and response URLs."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.slack.refusals import ApiError

PATIENCE = float(os.environ.get("SANDBOX_PATIENCE", "1"))
"""How many times as long as Slack we wait for the app: tests run on busy machines."""
TRIGGER_SECONDS = 3.0 * PATIENCE
HOOK_SECONDS = 30 * 60.0
HOOK_USES = 5


class Triggers:
    """Trigger ids: valid for 3 seconds and for one view (bolt-python issues 434 and 886)."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._open: dict[str, tuple[str, float]] = {}
        self._spent: set[str] = set()
        self.expire_as_arguments = False
        """Answer an expired one in Slack's other shape, invalid_arguments with a pointer."""

    def issue(self, user: str) -> str:
        """A new trigger id for what this person just did."""
        trigger = f"{secrets.randbelow(10**13)}.{secrets.randbelow(10**10)}.{secrets.token_hex(16)}"
        self._open[trigger] = (user, self._clock())
        return trigger

    def spend(self, trigger: str) -> str:
        """Whose it is; raises ApiError when unknown, used or too old."""
        if trigger in self._spent:
            raise ApiError("exchanged_trigger_id")
        user, issued = self._open.get(trigger, ("", 0.0))
        if not user:
            raise ApiError("invalid_trigger_id")
        if self._clock() - issued > TRIGGER_SECONDS:
            if self.expire_as_arguments:
                message = "[ERROR] `trigger_id` expired [json-pointer:/trigger_id]"
                raise ApiError("invalid_arguments", [message])
            raise ApiError("expired_trigger_id")
        del self._open[trigger]
        self._spent.add(trigger)
        return user


@dataclass
class Hook:
    """A response_url: who it answers, where, and (for a click) which message it may replace."""

    id: str
    user: str
    channel: str
    issued: float
    message: str | None = None
    thread_ts: str | None = None
    uses: int = 0


class Hooks:
    """Response URLs: five uses within thirty minutes."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._hooks: dict[str, Hook] = {}

    def issue(
        self, user: str, channel: str, message: str | None = None, thread_ts: str | None = None
    ) -> Hook:
        """A new one; `message` is the ts of the message that was clicked."""
        hook = Hook(secrets.token_hex(12), user, channel, self._clock(), message, thread_ts)
        self._hooks[hook.id] = hook
        return hook

    def use(self, hook_id: str) -> Hook:
        """Count one use; raises ApiError (404) when it is unknown, used up or too old."""
        hook = self._hooks.get(hook_id)
        if hook is None:
            raise ApiError("invalid_url", status=404)
        if self._clock() - hook.issued > HOOK_SECONDS:
            raise ApiError("expired_url", status=404)
        if hook.uses >= HOOK_USES:
            raise ApiError("used_url", status=404)
        hook.uses += 1
        return hook
