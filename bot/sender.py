"""Brings Slack to what the outbox wants: in order, at its pace, once. Decides no content."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from slack_sdk import WebClient
from sqlalchemy import Connection

from bot.counters import Counters
from bot.slack_calls import EVENT_TYPE, Ending, Outcome, bare_client, call
from trailwatch.clock import Clock
from trailwatch.errors import ProviderError
from trailwatch.store import lanes, results, wake
from trailwatch.store.database import Database
from trailwatch.store.lanes import Claim, Move, Rules
from trailwatch.store.outbox import Sent
from trailwatch.store.replica import Replica

log = logging.getLogger(__name__)

POLL = 1.0
"""Seconds after which the outbox is looked at without being told."""
_HELD = 60.0
_UNREACHED = 2.0
_MOST_ATTEMPTS = 10
_CLOCK_SKEW = timedelta(minutes=5)
_PAGE = 200

OnTrouble = Callable[[Sent], None]


class Sender:
    """The loop from the outbox to Slack. One in a process; several replicas share the work."""

    def __init__(
        self,
        database: Database,
        client: WebClient,
        clock: Clock,
        *,
        replica: Replica,
        rules: Rules | None = None,
        threads: int = 8,
        timeout: float = 10.0,
        on_trouble: OnTrouble | None = None,
    ) -> None:
        """threads: calls in flight, at most one a channel. timeout: seconds for one call.

        on_trouble: told of each message that died or whose fate a person must find out; it runs
        in the sender's thread, outside of any transaction.
        """
        self._db = database
        self._slack = bare_client(client, timeout)
        self._clock = clock
        self._replica = replica
        self._rules = rules or Rules()
        self._timeout = timeout
        self._on_trouble = on_trouble
        self._counters = Counters()
        self._stopping = threading.Event()
        self._slots = threading.Semaphore(threads)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="sender")
        self._thread = threading.Thread(target=self._dispatch, name="sender", daemon=True)
        self._no_edits_before: datetime | None = None

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self, timeout: float = 15.0) -> None:
        """Begin no call any more, and wait at most `timeout` seconds for those in flight."""
        deadline = time.monotonic() + timeout
        self._stopping.set()
        self._db.wake.notify(wake.OUTBOX)
        self._thread.join(timeout)
        self._pool.shutdown(wait=False, cancel_futures=True)
        for thread in list(self._pool._threads):
            thread.join(max(0.0, deadline - time.monotonic()))

    def metrics(self) -> dict[str, float]:
        """Counters since the start: slack_posts_total, slack_adopted_total and others."""
        return self._counters.read()

    @property
    def alive(self) -> bool:
        """Whether the loop runs; for readiness."""
        return self._thread.is_alive()

    def _dispatch(self) -> None:
        while not self._stopping.is_set():
            ticket = self._db.wake.ticket(wake.OUTBOX)
            if not self._slots.acquire(timeout=POLL):
                continue
            claim, pause = self._look_for_work()
            if claim is None:
                self._slots.release()
                self._db.wake.wait(wake.OUTBOX, ticket, pause)
            else:
                self._pool.submit(self._work, claim)

    def _look_for_work(self) -> tuple[Claim | None, float]:
        try:
            self._replica.keep()
            with self._db.transaction() as tx:
                claim = self._claim(tx, None)
                due = None if claim else lanes.next_due(tx)
        except ProviderError as error:
            log.warning("the outbox cannot be read: %s", error)
            return None, POLL
        except Exception:
            # The loop must outlive a bug; what it is, the log tells.
            log.exception("the outbox cannot be read")
            return None, POLL
        if due is None:
            return claim, POLL
        return claim, min(POLL, max(0.001, (due - self._clock()).total_seconds()))

    def _claim(self, tx: Connection, lane: str | None) -> Claim | None:
        return lanes.claim(
            tx,
            owner=self._replica.name,
            now=self._clock(),
            rules=self._rules,
            key=lane,
            no_edits_before=self._no_edits_before,
        )

    def _work(self, claim: Claim | None) -> None:
        try:
            while claim is not None:
                claim = self._move(claim)
        except Exception:
            # The lease ends by itself; a bug in one message must not stop the others.
            log.exception("a message could not be worked on")
        finally:
            self._slots.release()
            self._db.wake.notify(wake.OUTBOX)

    def _move(self, claim: Claim) -> Claim | None:
        """Make a claimed move and write down how it ended; gives the lane's next move."""
        moves = {
            Move.POST: self._post,
            Move.EDIT: self._edit,
            Move.DELETE: self._delete,
            Move.LOOK: self._look,
            Move.VERIFY: self._verify,
        }
        write = moves[claim.move](claim)
        return self._write(claim, write)

    def _write(self, claim: Claim, write: _Write) -> Claim | None:
        """Write a result in one transaction with the next claim of the lane.

        Repeated while the database is away: a result that is forgotten costs a look-up, and an
        answer that Slack gave is worth keeping.
        """
        deadline = time.monotonic() + self._rules.lease.total_seconds()
        while True:
            try:
                with self._db.transaction() as tx:
                    trouble = write(tx, self._clock())
                    following = None
                    if not self._stopping.is_set():
                        following = self._claim(tx, claim.lane)
                break
            except ProviderError as error:
                log.warning("the result of %s cannot be written: %s", claim.key, error)
                if time.monotonic() > deadline or self._stopping.wait(0.3):
                    return None
        if trouble is not None:
            self._tell(trouble)
        return following

    def _tell(self, trouble: Sent) -> None:
        log.error("message %s is %s: %s", trouble.key, trouble.state, trouble.error)
        if self._on_trouble is None:
            return
        try:
            self._on_trouble(trouble)
        except Exception:
            # Whoever is told must not stop the sending.
            log.exception("the trouble with message %s was not passed on", trouble.key)

    def _post(self, claim: Claim) -> _Write:
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

    def _edit(self, claim: Claim) -> _Write:
        outcome = self._call("chat.update", _content(claim) | {"ts": claim.ts})
        if outcome.ending is not Ending.APPLIED:
            return self._failure(claim, outcome)
        self._counters.add("slack_edits_total")

        def write(tx: Connection, now: datetime) -> None:
            if not results.edited(tx, claim, now=now):
                self._counters.add("slack_fenced_total")
                results.suspect(tx, claim, now=now)

        return write

    def _delete(self, claim: Claim) -> _Write:
        outcome = self._call("chat.delete", {"channel": claim.channel, "ts": claim.ts})
        if outcome.ending is not Ending.APPLIED and outcome.code != "message_not_found":
            return self._failure(claim, outcome)
        self._counters.add("slack_deletes_total")

        def write(tx: Connection, now: datetime) -> None:
            results.deleted(tx, claim, now=now)

        return write

    def _look(self, claim: Claim) -> _Write:
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

    def _verify(self, claim: Claim) -> _Write:
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

    def _failure(self, claim: Claim, outcome: Outcome, said: bool = False) -> _Write:
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
                self._no_edits_before = until
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


_Write = Callable[[Connection, datetime], Sent | None]


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
