"""Whoever is in a hurry writes first; nobody is forgotten."""

from __future__ import annotations

import threading
import time

from trailwatch.store.turns import Turns


def until_waiting(turns: Turns, number: int) -> None:
    deadline = time.monotonic() + 60
    while len(turns._hurried) + len(turns._others) < number:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_those_in_a_hurry_come_first_and_each_kind_in_order() -> None:
    turns, order = Turns(), list[str]()

    def write(name: str) -> None:
        if name.startswith("hurried"):
            with turns.hurried(), turns.turn():
                order.append(name)
        else:
            with turns.turn():
                order.append(name)

    threads = []
    with turns.turn():
        for number, name in enumerate(["job 1", "job 2", "hurried 1", "job 3", "hurried 2"]):
            threads.append(threading.Thread(target=write, args=(name,)))
            threads[-1].start()
            until_waiting(turns, number + 1)
    for thread in threads:
        thread.join(60)
    assert order == ["hurried 1", "hurried 2", "job 1", "job 2", "job 3"]


def test_one_at_a_time_and_all_come_through_also_past_errors() -> None:
    turns, inside, most, done = Turns(), [0], [0], [0]

    def work() -> None:
        for number in range(200):
            try:
                with turns.turn():
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                    inside[0] -= 1
                    done[0] += 1
                    if number % 7 == 0:
                        raise ValueError("undone")
            except ValueError:
                continue

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (most[0], done[0]) == (1, 1600)
    with turns.turn():
        assert inside[0] == 0
