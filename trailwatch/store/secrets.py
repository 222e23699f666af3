"""Keeps secrets encrypted, in versions. Never shows one in a text or an error."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection, delete, func, select, update

from trailwatch.errors import ConfigError
from trailwatch.store.tables import secret
from trailwatch.store.upsert import insert_new

_LEAST = 16


class Vault:
    """Encrypts and decrypts with a key from the settings. One is made at start."""

    def __init__(self, key: str) -> None:
        """key: a passphrase of 16 characters or more; several, separated by commas, rotate.

        The first encrypts, all decrypt. Raises ConfigError for a short one.
        """
        parts = [part.strip() for part in key.split(",") if part.strip()]
        if not parts or any(len(part) < _LEAST for part in parts):
            raise ConfigError(
                "The key for stored secrets cannot be used.",
                f"Each passphrase in it needs {_LEAST} characters or more.",
                "Make one with: openssl rand -base64 32",
            )
        self._fernet = MultiFernet([_fernet_of(part) for part in parts])

    def __repr__(self) -> str:
        return "Vault(…)"

    def lock(self, value: str) -> bytes:
        """The value, encrypted."""
        return self._fernet.encrypt(value.encode("utf-8"))

    def open(self, locked: bytes, name: str) -> str:
        """The value again. Raises ConfigError where none of the keys fits."""
        try:
            return self._fernet.decrypt(locked).decode("utf-8")
        except InvalidToken:
            raise ConfigError(
                f"The stored secret {name!r} cannot be decrypted.",
                "It was stored under another key.",
                "Add the former key behind the present one, separated by a comma.",
            ) from None

    def relock(self, locked: bytes) -> bytes:
        """The same value under the first key. Raises InvalidToken where no key fits."""
        return self._fernet.rotate(locked)


@dataclass(frozen=True)
class SecretVersion:
    """One version of a secret, without its value."""

    name: str
    version: int
    at: datetime


def put(tx: Connection, vault: Vault, name: str, value: str, at: datetime) -> int:
    """Store a new version of a secret; gives its number, from 1."""
    while True:
        last = tx.execute(select(func.max(secret.c.version)).where(secret.c.name == name)).scalar()
        row = {"name": name, "version": (last or 0) + 1, "value": vault.lock(value), "at": at}
        if insert_new(tx, secret, row):
            return (last or 0) + 1


def get(tx: Connection, vault: Vault, name: str, version: int | None = None) -> str | None:
    """A secret's newest (or given) version; None where there is none."""
    chosen = select(secret.c.value).where(secret.c.name == name)
    if version is not None:
        chosen = chosen.where(secret.c.version == version)
    locked = tx.execute(chosen.order_by(secret.c.version.desc()).limit(1)).scalar()
    return None if locked is None else vault.open(locked, name)


def versions(tx: Connection, name: str) -> list[SecretVersion]:
    """A secret's versions, newest first."""
    rows = tx.execute(
        select(secret.c.version, secret.c.at)
        .where(secret.c.name == name)
        .order_by(secret.c.version.desc())
    )
    return [SecretVersion(name, row.version, row.at) for row in rows]


def forget(tx: Connection, name: str, *, keep: int = 0) -> int:
    """Delete all but the newest `keep` versions; how many were deleted."""
    old = [one.version for one in versions(tx, name)[keep:]]
    tx.execute(delete(secret).where(secret.c.name == name, secret.c.version.in_(old)))
    return len(old)


def relock_all(tx: Connection, vault: Vault) -> int:
    """Encrypt all under the vault's first key, so that a former key may go; how many."""
    rows = tx.execute(select(secret)).all()
    for row in rows:
        vault.open(row.value, row.name)
        tx.execute(
            update(secret)
            .where(secret.c.name == row.name, secret.c.version == row.version)
            .values(value=vault.relock(row.value))
        )
    return len(rows)


def _fernet_of(passphrase: str) -> Fernet:
    derived = HKDF(SHA256(), 32, salt=None, info=b"trailwatch stored secrets")
    return Fernet(base64.urlsafe_b64encode(derived.derive(passphrase.encode("utf-8"))))
