"""Knows whose turn it is to write where one may at a time. Writes nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """A lock whose waiters take turns: those in a hurry first, of each kind the earliest.

    A thread is in a hurry within `hurried`: somebody waits for its answer, as for the 200 of a
    webhook, while the others work behind the scenes.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._taken = False
        self._hurried: list[threading.Lock] = []
        self._others: list[threading.Lock] = []
        self._here = threading.local()

    @contextmanager
    def hurried(self) -> Iterator[None]:
        """What this thread writes meanwhile goes before what others wait to write."""
        before = getattr(self._here, "hurry", False)
        self._here.hurry = True
        try:
            yield
        finally:
            self._here.hurry = before

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for the turn, and keep it within."""
        self._take()
        try:
            yield
        finally:
            self._pass_on()

    def _take(self) -> None:
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            # Locked once more by its waiter, who so sleeps until somebody else releases it.
            mine = threading.Lock()
            mine.acquire()
            waiting = self._hurried if getattr(self._here, "hurry", False) else self._others
            waiting.append(mine)
        mine.acquire()

    def _pass_on(self) -> None:
        with self._guard:
            waiting = self._hurried or self._others
            if waiting:
                waiting.pop(0).release()
            else:
                self._taken = False
