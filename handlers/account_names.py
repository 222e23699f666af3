"""Knows the names of accounts: those of the settings, and those that Organizations tells."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from trailwatch.clock import Clock
from trailwatch.errors import AwsError

KEEP = timedelta(hours=6)
"""How long what Organizations said, or that it refused, counts."""

log = logging.getLogger("trailwatch.sites")


class AccountNames:
    """Names by account id. Organizations is asked by `learn` alone, which calls AWS.

    given: the settings' names. ask: Organizations' names, raises AwsError.
    """

    def __init__(
        self, given: Mapping[str, str], ask: Callable[[], Mapping[str, str]], clock: Clock
    ) -> None:
        self._given = dict(given)
        self._ask = ask
        self._clock = clock
        self._learnt: Mapping[str, str] = {}
        self._until: datetime | None = None
        self._lock = threading.Lock()

    def given(self, account: str) -> str:
        """The name of the settings, "" without one."""
        return self._given.get(account, "")

    def learnt(self, account: str) -> str:
        """The name of Organizations, "" without one. Doesn't ask."""
        return self._learnt.get(account, "")

    def learn(self) -> None:
        """Ask Organizations, unless it was asked a while ago. A refusal is no error: names are
        a comfort, and the permission is optional."""
        with self._lock:
            now = self._clock()
            if self._until is not None and now < self._until:
                return
            self._until = now + KEEP
        try:
            self._learnt = dict(self._ask())
        except AwsError as error:
            log.info("account names: %s %s", error.what, error.why)
