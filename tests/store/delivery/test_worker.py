"""Deliveries are handled once and in order; jobs are done to their end, whatever happens."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from bot.worker import Patience
from handlers.jobs.job import JobContext, Later
from trailwatch.clock import utc_now
from trailwatch.errors import ProviderError, UsageError
from trailwatch.store import inbox, jobs
from trailwatch.store.inbox import InboxRow


def put(bot: Any, key: str, lane: str = "") -> bool:
    with bot.db.transaction() as tx:
        return inbox.put(tx, key=key, source="test", body=f"b {key}", at=utc_now(), lane=lane)


def add(bot: Any, kind: str, args: dict[str, Any] | None = None, **more: Any) -> int:
    with bot.db.transaction() as tx:
        return jobs.add(tx, kind, args or {}, utc_now(), **more)


def job(bot: Any, job_id: int) -> jobs.JobRow:
    with bot.db.reading() as tx:
        row = jobs.get(tx, job_id)
    assert row is not None
    return row


def test_a_delivery_is_handled_once(bot: Any, until: Any) -> None:
    seen: list[str] = []
    worker = bot.worker(on_inbox=lambda row: seen.append(row.body))
    assert put(bot, "k1")
    assert not put(bot, "k1")
    until(lambda: seen)
    assert not put(bot, "k1")
    assert put(bot, "k2")
    until(lambda: worker.metrics().get("inbox_done_total") == 2)
    assert seen == ["b k1", "b k2"]


def test_a_lane_is_handled_in_order_though_one_has_to_wait(bot: Any, until: Any) -> None:
    order: defaultdict[str, list[str]] = defaultdict(list)
    refused: set[str] = set()

    def take(row: InboxRow) -> None:
        if row.key == "a3" and row.attempts == 1:
            raise ProviderError("Opsgenie is away.", retryable=True, retry_after=0.3)
        order[row.lane].append(row.key)

    bot.worker(on_inbox=take, inbox_threads=3)
    for number in range(8):
        put(bot, f"a{number}", "a")
        put(bot, f"b{number}", "b")
    until(lambda: len(order["b"]) == 8)
    assert not refused
    until(lambda: len(order["a"]) == 8)
    assert order == {lane: [f"{lane}{number}" for number in range(8)] for lane in "ab"}


def test_a_delivery_that_cannot_be_handled_is_kept_and_the_lane_goes_on(
    bot: Any, until: Any
) -> None:
    dead: list[tuple[str, str, str]] = []
    seen: list[str] = []

    def take(row: InboxRow) -> None:
        if row.key == "bad":
            raise KeyError("nothing of that name")
        seen.append(row.key)

    bot.worker(
        on_inbox=take,
        on_dead=lambda *given: dead.append(given),
        patience=Patience(failures=1),
    )
    put(bot, "bad", "a")
    put(bot, "good", "a")
    until(lambda: seen == ["good"])
    assert dead == [("inbox", "bad", "'nothing of that name'")]
    with bot.db.transaction() as tx:
        (letter,) = inbox.dead(tx)
        assert (letter.key, letter.body) == ("bad", "b bad")
        assert inbox.put_dead(tx, key="x", source="s", body="?", at=utc_now(), error="unreadable")
        assert {row.key for row in inbox.dead(tx)} == {"bad", "x"}
        assert inbox.revive(tx, "bad", utc_now())
    until(lambda: len(dead) == 2)


def test_handled_and_noted_in_one_transaction(bot: Any, until: Any) -> None:
    """A handler that calls inbox.done itself adds its job exactly as often as it is handled."""

    def take(row: InboxRow) -> None:
        with bot.db.transaction() as tx:
            jobs.add(tx, "noted", {"key": row.key}, utc_now())
            assert inbox.done(tx, row, utc_now())
        raise RuntimeError("after the commit")

    ran: list[str] = []
    bot.worker(
        on_inbox=take, job_handlers={"noted": lambda context: ran.append(context.args["key"])}
    )
    put(bot, "k")
    until(lambda: ran == ["k"])
    with bot.db.reading() as tx:
        assert inbox.next_due(tx) is None and inbox.dead(tx) == []


def test_a_job_comes_back_later_with_other_arguments(bot: Any, until: Any) -> None:
    polls: list[tuple[int, int]] = []

    def poll(context: JobContext) -> Later | None:
        turn = context.args.get("turn", 0)
        context.step("ask", lambda: polls.append((turn, context.attempt)))
        return Later(timedelta(seconds=0.05), {"turn": turn + 1}) if turn < 2 else None

    bot.worker(job_handlers={"poll": poll})
    number = add(bot, "poll")
    until(lambda: job(bot, number).state == "done")
    assert polls == [(0, 1), (1, 1), (2, 1)]


def test_a_step_runs_once_over_all_tries(bot: Any, until: Any) -> None:
    ran: list[str] = []

    def work(context: JobContext) -> None:
        first = context.step("first", lambda: ran.append("first") or {"id": "é\x00", "n": [1]})
        assert first == {"id": "é\x00", "n": [1]}
        ran.append(f"try {context.attempt} {context.resumed}")
        if context.attempt < 3:
            raise ProviderError("Not now.", retryable=True, retry_after=0.1)
        context.beat()

    bot.worker(job_handlers={"work": work})
    number = add(bot, "work")
    until(lambda: job(bot, number).state == "done")
    assert ran == ["first", "try 1 False", "try 2 True", "try 3 True"]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_job_that_fails_is_buried_with_its_error(bot: Any, until: Any) -> None:
    dead: list[tuple[str, str, str]] = []

    def fail(context: JobContext) -> None:
        raise UsageError("It cannot be.", "It is wrong.")

    bot.worker(
        job_handlers={"fail": fail},
        on_dead=lambda *given: dead.append(given),
        patience=Patience(failures=2, tries=1),
    )
    failing, unknown = add(bot, "fail"), add(bot, "unheard of")
    until(lambda: len(dead) == 2)
    assert ("job:fail", str(failing), "It cannot be. It is wrong.") in dead
    assert job(bot, failing).attempts == 2
    assert "no handler" in job(bot, unknown).error
    with bot.db.transaction() as tx:
        assert {row.id for row in jobs.dead(tx)} == {failing, unknown}
        assert jobs.revive(tx, failing, utc_now())
        assert not jobs.revive(tx, 12345, utc_now())
    until(lambda: len(dead) == 3)


def test_tries_that_were_cut_off_are_no_reason_to_wait_long(bot: Any, until: Any) -> None:
    """Killed again and again, then refused once: it is tried again soon."""

    def refused_once(context: JobContext) -> None:
        if context.attempt == 9:
            raise ProviderError("Not now.", retryable=True)

    number = add(bot, "work")
    for _ in range(8):
        with bot.db.transaction() as tx:
            assert jobs.claim(tx, owner="one", now=utc_now(), lease=utc_now())
            jobs.release(tx, "one")
    bot.worker(job_handlers={"work": refused_once})
    until(lambda: job(bot, number).state == "done")
    assert job(bot, number).attempts == 10


def test_what_waits_long_may_be_hurried(bot: Any, until: Any) -> None:
    number = add(bot, "work", key="k", delay=timedelta(hours=1))
    with bot.db.transaction() as tx:
        assert jobs.hurry(tx, "k", utc_now())
        assert not jobs.hurry(tx, "another", utc_now())
    bot.worker(job_handlers={"work": lambda context: None})
    until(lambda: job(bot, number).state == "done")


def test_an_outage_longer_than_patience_ends_in_a_dead_letter(bot: Any, until: Any) -> None:
    def away(context: JobContext) -> None:
        raise ProviderError("Away.", retryable=True, retry_after=0.01)

    bot.worker(job_handlers={"away": away}, patience=Patience(tries=3))
    number = add(bot, "away")
    until(lambda: job(bot, number).state == "dead")
    assert job(bot, number).attempts == 3


def test_a_key_is_unique_while_its_job_is_not_finished(bot: Any, until: Any) -> None:
    gate = threading.Event()
    first = add(bot, "wait", key="k")
    assert add(bot, "wait", key="k") == first
    bot.worker(job_handlers={"wait": lambda context: gate.wait(60) and None})
    until(lambda: job(bot, first).state == "running")
    assert add(bot, "wait", key="k") == first
    gate.set()
    until(lambda: job(bot, first).state == "done")
    assert add(bot, "wait", key="k") != first


def test_a_delayed_job_waits(bot: Any, until: Any) -> None:
    ran: list[float] = []
    bot.worker(job_handlers={"late": lambda context: ran.append(time.monotonic())})
    began = time.monotonic()
    add(bot, "late", delay=timedelta(seconds=0.4))
    until(lambda: ran)
    assert ran[0] - began >= 0.4


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_long_job_keeps_its_lease(bot: Any, until: Any) -> None:
    runs: list[int] = []

    def slow(context: JobContext) -> None:
        runs.append(context.attempt)
        time.sleep(3.5)

    patience = Patience(lease=timedelta(seconds=1.5))
    bot.worker("one", job_handlers={"slow": slow}, patience=patience)
    bot.worker("two", bot.second(), job_handlers={"slow": slow}, patience=patience)
    number = add(bot, "slow")
    until(lambda: job(bot, number).state == "done")
    assert runs == [1]


def test_a_job_that_was_taken_over_is_fenced(bot: Any, until: Any) -> None:
    """The first holder hangs without a sign of life; what it does afterwards is not written."""
    gate, ended = threading.Event(), threading.Event()
    results: list[Any] = []

    def hang(context: JobContext) -> None:
        if context.attempt == 1:
            gate.wait(60)
            try:
                results.append(context.step("s", lambda: "stale"))
            finally:
                ended.set()
            return
        results.append(context.step("s", lambda: "fresh"))

    patience = Patience(lease=timedelta(seconds=0.3), longest=timedelta(seconds=0))
    worker = bot.worker(job_handlers={"hang": hang}, patience=patience)
    number = add(bot, "hang")
    until(lambda: job(bot, number).state == "done")
    gate.set()
    until(ended.is_set)
    until(lambda: worker.metrics().get("work_fenced_total"))
    assert results == ["fresh"]
    assert job(bot, number).attempts == 2


def test_what_a_dead_process_held_is_taken_up_by_its_name_at_once(bot: Any, until: Any) -> None:
    put(bot, "k", "lane")
    number = add(bot, "work")
    hour = utc_now() + timedelta(hours=1)
    with bot.db.transaction() as tx:
        assert inbox.claim(tx, owner="one", now=utc_now(), lease=hour)
        held = jobs.claim(tx, owner="one", now=utc_now(), lease=hour)
        assert held is not None and not held.resumed
    seen: list[str] = []
    handlers = {"work": lambda context: seen.append(f"job {context.resumed}")}
    for name in ("two", "one"):
        bot.worker(name, on_inbox=lambda row: seen.append(row.key), job_handlers=handlers)
    until(lambda: len(seen) == 2)
    assert sorted(seen) == ["job True", "k"]
    with bot.db.transaction() as tx:
        assert not jobs.done(tx, held, utc_now())
        assert not jobs.retry(tx, replace(held), at=utc_now(), error="")
    assert job(bot, number).state == "done"


def test_the_next_job_is_claimed_as_one_is_finished(bot: Any, until: Any) -> None:
    done: list[int] = []
    for number in range(20):
        add(bot, "count", {"number": number})
    commits: list[object] = []
    event.listen(bot.db.engine, "commit", commits.append)
    handlers = {"count": lambda job: done.append(job.args["number"])}
    worker = bot.worker(job_handlers=handlers, threads=1)
    until(lambda: worker.metrics().get("jobs_done_total") == 20)
    assert done == list(range(20))
    # One for the first claim, and one for each end; a few more where there was nothing to do.
    assert len(commits) < 30


def test_an_end_that_cannot_be_written_ends_no_thread(bot: Any, until: Any) -> None:
    """Its lease runs out and it is done again, by whoever is there."""
    add(bot, "odd")
    other = add(bot, "even")
    handlers = {
        "odd": lambda job: Later(timedelta(0), {"no JSON": object()}),
        "even": lambda job: None,
    }
    worker = bot.worker(job_handlers=handlers, threads=1)
    until(lambda: job(bot, other).state == "done")
    assert worker.alive
