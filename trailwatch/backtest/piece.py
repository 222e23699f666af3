"""A piece of an archive and what can be wrong with one; it neither lists nor reads archives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """Something that was not read: the name of the file or place, and the reason, one sentence."""

    name: str
    reason: str
    denied: bool = False
    """Whether a service refused it or didn't answer, and not the file was at fault."""


@dataclass(frozen=True)
class Piece:
    """A file, or whole lines of a large one: given by its path, or by its bytes.

    Whether it is compressed shows in its first bytes, not in its name.
    """

    name: str
    path: Path | None = None
    data: bytes | None = None
    first_line: int = 1
    """The number of the first line, where these are lines from the middle of a file."""

    def read(self) -> bytes:
        """The bytes, as they are; raises OSError."""
        if self.data is not None:
            return self.data
        assert self.path is not None  # a piece has one of the two
        return self.path.read_bytes()

    def size(self) -> int:
        """How many bytes it has as it is; 0 where that can't be told."""
        if self.data is not None:
            return len(self.data)
        assert self.path is not None
        try:
            return self.path.stat().st_size
        except OSError:
            return 0
