"""Writes down how a claimed move ended (trailwatch.store.lanes). Claims nothing itself.

Each function gives False or None where the claim was lost: another replica has the message now,
and nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from trailwatch.store.lanes import Claim, Move, Rules, lost
from trailwatch.store.outbox import MessageState, Sent, sent_of
from trailwatch.store.tables import lane, message
from trailwatch.store.upsert import change


def extend(tx: Connection, held: Claim, lease: datetime) -> bool:
    """Keep the claim until `lease`; False where it was lost: then call Slack no more."""
    if _mine(tx, held) is None:
        return False
    tx.execute(update(lane).where(lane.c.key == held.lane).values(lease=lease))
    return True


def sent(
    tx: Connection, held: Claim, *, channel: str, ts: str, now: datetime, rules: Rules
) -> bool:
    """POST or LOOK: the message stands at `ts`. False: the claim was lost, see `suspect`."""
    row = _mine(tx, held)
    if row is None:
        return False
    reposted = row.verify_round > 0
    verify_at = now + rules.verify[0] if reposted and rules.verify else None
    if row.verify_at is not None:
        # Something is suspected already, and may take longer to show itself.
        verify_at = max(row.verify_at, verify_at or row.verify_at)
    values = _standing(row, row.attempt_rev, now) | {
        "channel": channel,
        "ts": ts,
        "verify_at": verify_at,
    }
    tx.execute(update(lane).where(lane.c.key == held.lane).values(channel=channel))
    return _finish(tx, held, now, values)


def edited(tx: Connection, held: Claim, *, now: datetime) -> bool:
    """EDIT: Slack shows the content of held.rev."""
    row = _mine(tx, held)
    return row is not None and _finish(tx, held, now, _standing(row, held.rev, now))


def deleted(tx: Connection, held: Claim, *, now: datetime) -> bool:
    """DELETE: the message is gone from Slack."""
    row = _mine(tx, held)
    if row is None:
        return False
    state = MessageState.RETRACTED if row.gone else MessageState.QUEUED
    return _finish(tx, held, now, {"state": state, "sent_rev": held.rev, **_NEVER_POSTED})


def verified(tx: Connection, held: Claim, *, now: datetime, rules: Rules) -> bool:
    """VERIFY: twins are removed and the content of held.rev was said again."""
    row = _mine(tx, held)
    if row is None:
        return False
    values = _standing(row, held.rev, now) if row.state == MessageState.SENT else {}
    done = row.verify_round
    if held.again_at is not None and row.verify_at != held.again_at:
        pass  # suspected anew meanwhile: what that call did may not have been seen
    elif 0 < done < len(rules.verify):
        values |= {"verify_at": now + rules.verify[done], "verify_round": done + 1}
    else:
        values |= {"verify_at": None, "verify_round": 0}
    return _finish(tx, held, now, values)


def absent(tx: Connection, held: Claim, *, now: datetime, rules: Rules) -> bool:
    """LOOK: Slack does not show the post (yet)."""
    row = _mine(tx, held)
    if row is None:
        return False
    if not held.settled:
        at = max(now, (row.unknown_at or now) + rules.settle)
        return _finish(tx, held, now, {"next_at": at})
    values: dict[str, Any] = {"state": MessageState.QUEUED, "next_at": None, "verify_round": 1}
    if row.gone:
        # Should it appear all the same, the verification deletes it.
        values |= {"state": MessageState.RETRACTED, "verify_at": now + rules.settle}
    return _finish(tx, held, now, values)


def ambiguous(tx: Connection, held: Claim, *, error: str, now: datetime, rules: Rules) -> bool:
    """POST, EDIT, DELETE: nobody knows whether Slack did it."""
    row = _mine(tx, held)
    if row is None:
        return False
    values = {**lost(row, now, rules), "error": error}
    if row.attempts > 1:
        values["next_at"] = now + _patience(row.attempts)
    return _finish(tx, held, now, values)


def postponed(
    tx: Connection,
    held: Claim,
    *,
    until: datetime,
    error: str,
    now: datetime,
    rules: Rules,
    whole_lane: bool,
) -> bool:
    """Not applied: the same again at `until`.

    whole_lane: it was not this message's fault; no other of its kind is tried before, and the
    attempt is not counted.
    """
    row = _mine(tx, held)
    if row is None:
        return False
    values: dict[str, Any] = {"error": error}
    if held.move is Move.VERIFY:
        values["verify_at"] = until
    else:
        values["next_at"] = until
        if row.state == MessageState.SENDING:
            values["state"] = MessageState.QUEUED
        if held.move is Move.POST and row.first_attempt_at == row.attempted_at:
            values["first_attempt_at"] = None
    if whole_lane and held.move in (Move.POST, Move.EDIT):
        values |= {"next_at": None, "attempts": max(0, row.attempts - 1)}
        if held.move is Move.POST:
            start = {"post_from": until + (rules.post_burst - 1) * rules.post_interval}
        else:
            start = {"edit_from": until + (rules.edit_burst - 1) * rules.edit_interval}
        tx.execute(update(lane).where(lane.c.key == held.lane).values(**start))
    return _finish(tx, held, now, values)


def refused(tx: Connection, held: Claim, *, error: str, now: datetime) -> Sent | None:
    """Refused for good: the message is dead, or flagged where its look-up was refused.

    None where nobody needs to be told: the claim was lost, or the message stands.
    """
    row = _mine(tx, held)
    if row is None:
        return None
    if held.move is Move.LOOK:
        # It may well stand: never dead, never posted again unseen.
        values = {"flagged": True, "next_at": now + timedelta(minutes=10), "error": error}
    elif held.move is Move.VERIFY:
        values = {"verify_at": None, "verify_round": 0, "error": error}
    else:
        values = {"state": MessageState.DEAD, "error": error, "updated_at": now}
    _finish(tx, held, now, values)
    if held.move is Move.VERIFY:
        return None
    return sent_of(tx.execute(select(message).where(message.c.key == held.key)).one())


def suspect(tx: Connection, held: Claim, *, now: datetime, at: datetime | None = None) -> None:
    """A call was applied after its claim was lost: a post may be a twin, an edit too old.

    at: when to verify, where nobody knows yet whether it was applied; else at once.
    """
    tx.execute(select(lane.c.key).where(lane.c.key == held.lane).with_for_update())
    values: dict[str, Any] = {"verify_at": at or now}
    if held.move is Move.POST:
        values["verify_round"] = 1
    tx.execute(update(message).where(message.c.key == held.key).values(**values))
    tx.execute(update(lane).where(lane.c.key == held.lane).values(due_at=now))


_NEVER_POSTED = {
    "ts": None,
    "first_attempt_at": None,
    "unknown_at": None,
    "next_at": None,
    "attempts": 0,
    "error": "",
}


def _standing(row: Row[Any], rev: int, now: datetime) -> dict[str, Any]:
    """What to write where Slack shows the content of `rev`."""
    state = MessageState.SENT if row.rev == rev else MessageState.QUEUED
    return {
        "state": state,
        "sent_rev": rev,
        "sent_at": now,
        "attempts": 0,
        "unknown_at": None,
        "next_at": None,
        "flagged": False,
        "error": "",
    }


def _finish(tx: Connection, held: Claim, now: datetime, values: Mapping[str, Any]) -> bool:
    """Write a result and free the lane, which looks for its next move at once."""
    change(tx, message, {"key": held.key}, {**values, "token": None})
    free = {"lease": None, "owner": None, "token": None, "due_at": now}
    change(tx, lane, {"key": held.lane, "token": held.token}, free)
    return True


# Made once: to make such statements anew costs more than to run them.
_LANE = select(lane.c.key).where(lane.c.key == bindparam("key")).with_for_update()
_HELD = (
    select(message)
    .where(message.c.key == bindparam("key"), message.c.token == bindparam("token"))
    .with_for_update()
)


def _mine(tx: Connection, held: Claim) -> Row[Any] | None:
    """The message's row, locked after its lane; None where another holds the claim now."""
    tx.execute(_LANE, {"key": held.lane})
    return tx.execute(_HELD, {"key": held.key, "token": held.token}).one_or_none()


def _patience(attempts: int) -> timedelta:
    return timedelta(seconds=min(60.0, 0.5 * 2.0 ** min(attempts, 10)))
