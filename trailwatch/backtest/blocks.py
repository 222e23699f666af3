"""Parts a file of CloudTrail into arrays of records while it is unpacked; it decodes none.

Small pieces stay in the processor's cache: unpacking and decoding some hundred KB at a time takes
two thirds of the time that it takes for whole files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trailwatch.backtest.records import RECORDS
from trailwatch.backtest.unpack import unpack_stream

PACKED_STEP = 32 << 10
"""How many packed bytes are unpacked at a time; they become about eight times as many."""
_BETWEEN = b'},{"eventVersion"'
_HEAD = 200
_MAX_WAITING = 4 << 20


class NotInBlocks(ValueError):
    """A file that isn't as CloudTrail writes it; it has to be read as a whole."""


def packed_blocks(packed: bytes) -> Iterator[bytes]:
    """The blocks of a gzip file; raises NotInBlocks, and Truncated where it is damaged."""
    view = memoryview(packed)
    steps = (view[at : at + PACKED_STEP] for at in range(0, len(view), PACKED_STEP))
    return blocks(unpack_stream(steps))


def blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The records of `{"Records": [...]}` as JSON arrays, in order; raises NotInBlocks.

    A block ends where the next record seems to begin. It does so if, and only if, each block up to
    there is JSON: the first begins where the array does, so what is complete ends a record of it.
    Whoever decodes them must give up on all blocks once one is none.
    """
    rest = b""
    begun = False
    for chunk in chunks:
        if not begun:
            rest += chunk
            start = RECORDS.match(rest)
            if start is None and len(rest) < _HEAD:
                continue
            if start is None:
                raise NotInBlocks("it does not begin with its records")
            rest, chunk = b"", rest[start.end() :]
            begun = True
        cut = chunk.rfind(_BETWEEN)
        if cut < 0:  # it may begin in one chunk and end in the next
            rest, chunk = b"", rest + chunk
            cut = chunk.rfind(_BETWEEN)
        if cut >= 0:
            view = memoryview(chunk)
            yield b"".join((b"[", rest, view[: cut + 1], b"]"))
            rest = bytes(view[cut + 2 :])
        elif len(chunk) > _MAX_WAITING:
            raise NotInBlocks("its records are not written as usual")
        else:
            rest = chunk
    end = rest.rfind(b"]")
    if not begun or end < 0 or rest[end + 1 :].strip() != b"}":
        raise NotInBlocks("it does not end with its records")
    yield b"[%b]" % rest[:end]
