"""What each move of the outbox does to Slack, and what is then to be written. Claims nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from slack_sdk import WebClient
from sqlalchemy import Connection

from bot.counters import Counters
from bot.slack_calls import EVENT_TYPE, Ending, Outcome, call
from trailwatch.clock import Clock
from trailwatch.errors import ProviderError
from trailwatch.store import results
from trailwatch.store.database import Database
from trailwatch.store.lanes import Claim, Move, Rules
from trailwatch.store.outbox import Sent

log = logging.getLogger(__name__)

_HELD = 60.0
_UNREACHED = 2.0
_MOST_ATTEMPTS = 10
_CLOCK_SKEW = timedelta(minutes=5)
_PAGE = 200

Write = Callable[[Connection, datetime], Sent | None]
"""Writes down how a move ended; gives the message whose fate a person must find out."""


class Moves:
    """Makes claimed moves: posts, edits, deletions, looks and verifications. Safe for threads."""

    def __init__(
        self, database: Database, slack: WebClient, clock: Clock, rules: Rules, counters: Counters
    ) -> None:
        self._db = database
        self._slack = slack
        self._clock = clock
        self._rules = rules
        self._counters = counters
        self.no_edits_before: datetime | None = None
        """Until when Slack takes no edit, which it limits by workspace."""

    def make(self, claim: Claim) -> Write:
        """Make the move, and give what is then to be written in one transaction."""
        moves = {
            Move.POST: self._post,
            Move.EDIT: self._edit,
            Move.DELETE: self._delete,
            Move.LOOK: self._look,
            Move.VERIFY: self._verify,
        }
        return moves[claim.move](claim)

    def _post(self, claim: Claim) -> Write:
        arguments = _content(claim) | {"unfurl_links": False, "unfurl_media": False}
        if claim.thread_ts is not None:
            arguments |= {"thread_ts": claim.thread_ts, "reply_broadcast": claim.broadcast}
        outcome = self._call("chat.postMessage", arguments)
        if outcome.ending is not Ending.APPLIED:
            return self._failure(claim, outcome)
        self._counters.add("slack_posts_total")
        channel = str(outcome.answer.get("channel") or claim.channel)
        ts = str(outcome.answer.get("ts") or "")

        def write(tx: Connection, now: datetime) -> None:
            if not results.sent(tx, claim, channel=channel, ts=ts, now=now, rules=self._rules):
                self._counters.add("slack_fenced_total")
                results.suspect(tx, claim, now=now)

        return write

    def _edit(self, claim: Claim) -> Write:
        outcome = self._call("chat.update", _content(claim) | {"ts": claim.ts})
        if outcome.ending is not Ending.APPLIED:
            return self._failure(claim, outcome)
        self._counters.add("slack_edits_total")

        def write(tx: Connection, now: datetime) -> None:
            if not results.edited(tx, claim, now=now):
                self._counters.add("slack_fenced_total")
                results.suspect(tx, claim, now=now)

        return write

    def _delete(self, claim: Claim) -> Write:
        outcome = self._call("chat.delete", {"channel": claim.channel, "ts": claim.ts})
        if outcome.ending is not Ending.APPLIED and outcome.code != "message_not_found":
            return self._failure(claim, outcome)
        self._counters.add("slack_deletes_total")

        def write(tx: Connection, now: datetime) -> None:
            results.deleted(tx, claim, now=now)

        return write

    def _look(self, claim: Claim) -> Write:
        self._counters.add("slack_looks_total")
        found = self._find(claim)
        if isinstance(found, Outcome):
            return self._failure(claim, found)
        channel, stamps = found

        def write(tx: Connection, now: datetime) -> None:
            if stamps:
                self._counters.add("slack_adopted_total")
                results.sent(tx, claim, channel=channel, ts=stamps[0], now=now, rules=self._rules)
            else:
                self._counters.add(
                    "slack_reposted_total" if claim.settled else "slack_settling_total"
                )
                results.absent(tx, claim, now=now, rules=self._rules)

        return write

    def _verify(self, claim: Claim) -> Write:
        self._counters.add("slack_verifies_total")
        channel, stamps = claim.channel, list[str]()
        if claim.twins:
            found = self._find(claim)
            if isinstance(found, Outcome):
                return self._failure(claim, found)
            channel, stamps = found
        for twin in stamps:
            if twin == claim.ts:
                continue
            if not self._still_mine(claim):
                return _nothing
            outcome = self._call("chat.delete", {"channel": channel, "ts": twin})
            if outcome.ending is not Ending.APPLIED and outcome.code != "message_not_found":
                return self._failure(claim, outcome)
            log.warning("a twin of %s was removed", claim.key)
            self._counters.add("slack_twins_removed_total")
        if claim.ts is not None:
            if not self._still_mine(claim):
                return _nothing
            outcome = self._call("chat.update", _content(claim) | {"ts": claim.ts})
            if outcome.ending is not Ending.APPLIED:
                return self._failure(claim, outcome, said=True)

        def write(tx: Connection, now: datetime) -> None:
            results.verified(tx, claim, now=now, rules=self._rules)

        return write

    def _find(self, claim: Claim) -> tuple[str, list[str]] | Outcome:
        """Where messages with this key stand, oldest first, and in which channel.

        From conversations.history or conversations.replies, all pages ("conversations.history"
        in Slack's reference: newest first, cursor in response_metadata.next_cursor).
        """
        channel = claim.channel
        if channel.startswith(("U", "W")):
            opened = self._call("conversations.open", {"users": channel})
            if opened.ending is not Ending.APPLIED:
                return opened
            channel = _text(opened.answer, "channel", "id")
        arguments: dict[str, Any] = {
            "channel": channel,
            "oldest": f"{(claim.since - _CLOCK_SKEW).timestamp():.6f}",
            "include_all_metadata": True,
            "limit": _PAGE,
        }
        method = "conversations.history"
        if claim.thread_ts is not None:
            method = "conversations.replies"
            arguments["ts"] = claim.thread_ts
        stamps: list[str] = []
        while True:
            if not self._still_mine(claim):
                return Outcome(Ending.AMBIGUOUS, "the claim was lost")
            page = self._call(method, arguments)
            if page.ending is not Ending.APPLIED:
                return page
            stamps += [
                str(message["ts"])
                for message in page.answer.get("messages") or []
                if _is_ours(message, claim.key)
            ]
            cursor = _text(page.answer, "response_metadata", "next_cursor")
            if not cursor:
                return channel, sorted(stamps)
            arguments["cursor"] = cursor

    def _failure(self, claim: Claim, outcome: Outcome, said: bool = False) -> Write:
        """said: content was sent in a look or a verification, and may come late."""
        self._counters.add(f"slack_{outcome.ending.replace(' ', '_')}_total")
        ending, error = outcome.ending, outcome.error
        looking = claim.move in (Move.LOOK, Move.VERIFY)
        if ending is Ending.HELD and looking and outcome.code == "missing_scope":
            ending = Ending.REFUSED
        later = timedelta(0)
        if ending is Ending.AMBIGUOUS and looking:
            ending = Ending.NOT_APPLIED
            later = self._lateness() if said else later
        if ending is Ending.NOT_APPLIED and not looking and claim.attempts >= _MOST_ATTEMPTS:
            ending = Ending.REFUSED
        log.info("%s of %s: %s, %s", claim.move, claim.key, ending, error)

        def write(tx: Connection, now: datetime) -> Sent | None:
            if ending is Ending.REFUSED:
                return results.refused(tx, claim, error=error, now=now)
            if ending is Ending.AMBIGUOUS:
                mine = results.ambiguous(tx, claim, error=error, now=now, rules=self._rules)
                if not mine:
                    results.suspect(tx, claim, now=now, at=now + self._lateness())
                return None
            until = now + max(later, timedelta(seconds=_pause(ending, outcome, claim)))
            if ending is Ending.LIMITED and claim.move is Move.EDIT:
                # chat.update is limited by workspace, not by channel.
                self.no_edits_before = until
            results.postponed(
                tx,
                claim,
                until=until,
                error=error,
                now=now,
                rules=self._rules,
                whole_lane=ending is not Ending.NOT_APPLIED,
            )
            return None

        return write

    def _lateness(self) -> timedelta:
        """How long Slack may take to apply a call whose answer was lost."""
        return self._rules.verify[0] if self._rules.verify else timedelta(0)

    def _still_mine(self, claim: Claim) -> bool:
        """Keep the claim for another call; False where it was lost, or the database is away."""
        try:
            with self._db.transaction() as tx:
                return results.extend(tx, claim, self._clock() + self._rules.lease)
        except ProviderError as error:
            log.warning("the claim on %s cannot be kept: %s", claim.key, error)
            return False

    def _call(self, method: str, arguments: Mapping[str, Any]) -> Outcome:
        began = time.monotonic()
        outcome = call(self._slack, method, arguments)
        self._counters.add("slack_calls_total")
        self._counters.add("slack_call_seconds_total", time.monotonic() - began)
        return outcome


def _nothing(tx: Connection, now: datetime) -> None:
    """The result of a move whose claim was lost."""


def _content(claim: Claim) -> dict[str, Any]:
    return {
        "channel": claim.channel,
        "text": claim.text,
        "blocks": list(claim.blocks),
        "metadata": {
            "event_type": EVENT_TYPE,
            "event_payload": {**claim.metadata, "key": claim.key},
        },
    }


def _is_ours(message: Mapping[str, Any], key: str) -> bool:
    return (
        _text(message, "metadata", "event_type") == EVENT_TYPE
        and _text(message, "metadata", "event_payload", "key") == key
    )


def _text(value: Any, *path: str) -> str:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else ""


def _pause(ending: Ending, outcome: Outcome, claim: Claim) -> float:
    if outcome.retry_after is not None:
        return outcome.retry_after
    if ending is Ending.HELD:
        return _HELD
    if ending is Ending.UNREACHED:
        return _UNREACHED
    return float(min(60.0, 0.5 * 2.0 ** min(claim.attempts, 10)))
