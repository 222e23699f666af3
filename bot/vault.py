"""Knows the secrets that the product makes itself: kept in the store, encrypted. Logs none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from trailwatch.clock import Clock
from trailwatch.store import secrets
from trailwatch.store.database import Database
from trailwatch.store.secrets import Vault

KEEP_SECONDS = 2.0
"""How long a read secret may be used without asking the store: a rotation counts after this."""


class StoredSecrets:
    """Reads and writes secrets by name (setup.clients.Secrets). Safe for threads."""

    def __init__(self, db: Database, vault: Vault, clock: Clock) -> None:
        self._db = db
        self._vault = vault
        self._clock = clock

    def get(self, name: str) -> str | None:
        """The newest version; None where there is none. Raises ConfigError for a wrong key."""
        with self._db.reading() as tx:
            return secrets.get(tx, self._vault, name)

    def put(self, name: str, value: str) -> None:
        """Keep a new version; the ones before stay readable."""
        with self._db.transaction() as tx:
            secrets.put(tx, self._vault, name, value, self._clock())

    def newest(self, name: str, count: int) -> tuple[str, ...]:
        """The newest `count` versions, newest first."""
        with self._db.reading() as tx:
            versions = secrets.versions(tx, name)[:count]
            found = [secrets.get(tx, self._vault, name, v.version) for v in versions]
        return tuple(value for value in found if value)


class AcceptedSecrets:
    """The webhook secrets in force, read every few seconds: under each name the newest and the
    one before it. Each site's webhook has a secret of its own."""

    def __init__(
        self,
        stored: StoredSecrets,
        names: Sequence[str],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stored = stored
        self._names = tuple(names)
        self._now = now
        self._kept: tuple[str, ...] = ()
        self._until = 0.0
        self._lock = threading.Lock()

    def __call__(self, *, anew: bool = False) -> tuple[str, ...]:
        """The secrets. anew: ask the store now, as one has come that is not known."""
        with self._lock:
            if anew or self._now() >= self._until:
                found = [self._stored.newest(name, 2) for name in self._names]
                self._kept = tuple(secret for versions in found for secret in versions)
                self._until = self._now() + KEEP_SECONDS
            return self._kept
