"""Writes dataclasses as JSON and reads them again. Knows none of them, and keeps nothing."""

from __future__ import annotations

import json
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class Bodies(Generic[T]):
    """How one kind of dataclass is written down. Made when its module is imported.

    msgspec looks at a type when it first reads one of its kind, and notes what it found before it
    is complete: a second thread that reads one meanwhile ends the process (segmentation fault,
    msgspec 0.22). So the look is taken here, while there are no threads.
    """

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        msgspec.json.Decoder(kind)

    def write(self, value: T) -> str:
        """As JSON, in ASCII: whatever a CloudTrail record holds comes back exactly, on both
        databases.
        """
        return json.dumps(msgspec.to_builtins(value), ensure_ascii=True)

    def read(self, body: str) -> T:
        """What `write` wrote. Raises msgspec.ValidationError for what is of no such kind."""
        return self.of(json.loads(body))

    def of(self, plain: Any) -> T:
        """The same from JSON that was read already."""
        return msgspec.convert(plain, self._kind)
