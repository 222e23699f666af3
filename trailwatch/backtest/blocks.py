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
    rest = held = b""  # `held` waits for what follows it: the last block takes all that is left
    begun = False
    for chunk in chunks:
        if not begun:
            held += chunk
            start = RECORDS.match(held)
            if start is None and len(held) < _HEAD:
                continue
            if start is None:
                raise NotInBlocks("it does not begin with its records")
            held = held[start.end() :]
            begun = True
            continue
        cut = held.rfind(_BETWEEN)
        if cut < 0:  # it may begin in one chunk and end in the next
            rest, held = b"", rest + held
            cut = held.rfind(_BETWEEN)
        if cut >= 0:
            view = memoryview(held)
            yield b"".join((b"[", rest, view[: cut + 1], b"]"))
            rest = bytes(view[cut + 2 :])
        elif len(held) > _MAX_WAITING:
            raise NotInBlocks("its records are not written as usual")
        else:
            rest = held
        held = chunk
    rest += held
    end = rest.rfind(b"]")
    if not begun or end < 0 or rest[end + 1 :].strip() != b"}":
        raise NotInBlocks("it does not end with its records")
    yield b"".join((b"[", memoryview(rest)[:end], b"]"))
