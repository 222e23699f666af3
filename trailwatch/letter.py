"""Knows what a dead letter is, whichever table it lies in. Pure: finds and sends none."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum


class LetterKind(StrEnum):
    DELIVERY = "delivery"
    JOB = "job"
    MESSAGE = "message"


@dataclass(frozen=True)
class Letter:
    """One dead letter. id: short, and the same as long as it lies there; key: its table's own.

    unsure: a message that may stand in Slack all the same; sent again, it is looked for first.
    """

    id: str
    kind: LetterKind
    key: str
    what: str
    error: str
    unsure: bool = False


def letter_id(kind: LetterKind, key: str) -> str:
    """The short id of a dead letter: eight hexadecimal digits."""
    return hashlib.sha256(f"{kind}\n{key}".encode("utf-8", "replace")).hexdigest()[:8]
