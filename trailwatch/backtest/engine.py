"""Finds in the content of a file the records that patterns match; reads no files, keeps nothing.

The fast way decodes only the fields that tell patterns apart, and hands the exact matcher what is
left, reduced to the fields that it reads. msgspec takes no JSON that the matcher would refuse; the
reverse happens (half a surrogate pair, a number for a name): then the whole file goes the slow way,
on which the matcher sees every record's raw text. Invalid UTF-8 is refused where it is read, and
skipped elsewhere, where nothing but a U+FFFD in a pattern's selector could tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from types import GenericAlias
from typing import Any

import msgspec

from trailwatch.actor import actor_of
from trailwatch.backtest.blocks import NotInBlocks, packed_blocks
from trailwatch.backtest.dispatch import Dispatch, Key, Verdict
from trailwatch.backtest.partly import Part
from trailwatch.backtest.records import (
    MALFORMED,
    Fault,
    Form,
    form_of,
    one_a_line,
    raw_records,
    salvage,
)
from trailwatch.backtest.unpack import Truncated
from trailwatch.clock import parse_time
from trailwatch.pattern import Document, Pattern
from trailwatch.pattern.syntax import JsonForm
from trailwatch.record import text_at

MAX_FAULTS = 5
"""How many records of one file are reported with their number; the others are counted."""
TRIAL = 4000
"""After how many records the engine settles which fields it had better look at first."""
_TRUST = 5
_MAX_NAMES = 20_000
_WHOLE = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Match(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """A record that patterns matched: small, since it goes from one process to another."""

    id: str
    """CloudTrail's eventID; "" where it has none."""
    seconds: int
    """Its eventTime, in seconds since 1970."""
    name: str
    principal: str
    """Who did it, and through which role or service."""
    address: str
    patterns: tuple[int, ...]
    """The numbers of the patterns that match, in the order in which they were given."""


class Scan(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """What one file gave."""

    records: int
    matches: list[Match]
    faults: list[str]


@dataclass(frozen=True)
class Hits:
    """The records that match, as (number from 0, raw text, numbers of the patterns)."""

    records: int
    found: list[tuple[int, bytes, tuple[int, ...]]]
    faults: list[Fault]


class _Details(msgspec.Struct, gc=False):
    event_id: str = msgspec.field(default="", name="eventID")
    time: str = msgspec.field(default="", name="eventTime")
    name: str = msgspec.field(default="", name="eventName")
    address: str = msgspec.field(default="", name="sourceIPAddress")
    identity: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"null"), name="userIdentity")


_DETAILS = msgspec.json.Decoder(_Details)


class _Reader:
    """A dispatch, and what decodes files to its keys."""

    def __init__(self, dispatch: Dispatch) -> None:
        self.dispatch = dispatch
        keys = GenericAlias(list, (dispatch.key_type,))
        envelope = msgspec.defstruct("Envelope", [("Records", keys)], gc=False)
        self._of_records: msgspec.json.Decoder[Any] = msgspec.json.Decoder(envelope)
        self._of_array: msgspec.json.Decoder[Any] = msgspec.json.Decoder(keys)
        self._of_lines: msgspec.json.Decoder[Any] = msgspec.json.Decoder(dispatch.key_type)

    def keys(self, data: bytes, form: Form) -> list[Key] | None:
        """The key of every record; None where a file can't be read so."""
        try:
            if form is Form.RECORDS:
                return list(self._of_records.decode(data).Records)
            if form is Form.ARRAY:
                return list(self._of_array.decode(data))
            keys = list(self._of_lines.decode_lines(data))
        except MALFORMED:
            return None
        return keys if one_a_line(data, len(keys)) else None


class Engine:
    """Patterns, ready to go through files. Not for several threads at once."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._patterns = tuple(patterns)
        numbered = list(enumerate(self._patterns))
        self._parts = {
            number: Part(pattern.syntax.condition)
            for number, pattern in numbered
            if isinstance(pattern.syntax, JsonForm)
        }
        self._texts = tuple(number for number, _ in numbered if number not in self._parts)
        """The patterns that are no JSON patterns: they see the raw text of every record."""
        self._first = _Reader(Dispatch(self._parts, self._texts))
        self._learnt: _Reader | None = None
        self._trial = TRIAL
        self._trust = _TRUST
        self._replaced = any("\ufffd" in pattern.text for pattern in self._patterns)
        self._principals: dict[bytes, str] = {}

    @property
    def looks_at(self) -> tuple[str, ...]:
        """The fields that it looks at first, as `userIdentity.type`."""
        reader = self._learnt or self._first
        return tuple(".".join(path) for path in reader.dispatch.fields)

    def scan(self, data: bytes, since: float | None = None, first: int = 1) -> Scan:
        """What matches in the unpacked content of a file; never raises.

        since: seconds since 1970; matches before it are left out. first: the number of the
        first record or line, for the faults.
        """
        return self._scan(self.hits(data), since, first)

    def scan_packed(self, packed: bytes, since: float | None = None) -> Scan | None:
        """The same for a gzip file as CloudTrail writes it; None for any other, or a damaged one.

        Much quicker than unpacking it before.
        """
        records = 0
        found: list[tuple[int, bytes, tuple[int, ...]]] = []
        try:
            for block in packed_blocks(packed):
                hits = self._fast(block, Form.ARRAY)
                if hits is None:
                    return None
                found += [(records + number, raw, which) for number, raw, which in hits.found]
                records += hits.records
        except (NotInBlocks, Truncated):
            return None
        return self._scan(Hits(records, found, []), since, 1)

    def _scan(self, hits: Hits, since: float | None, first: int) -> Scan:
        faults = hits.faults
        matches: list[Match] = []
        for number, raw, patterns in hits.found:
            match = self._match(raw, patterns)
            if match is None:
                faults.append(Fault(number + 1, "it has no eventTime that can be read"))
            elif since is None or match.seconds >= since:
                matches.append(match)
        return Scan(hits.records, matches, _told(faults, first))

    def hits(self, data: bytes) -> Hits:
        """The records that any pattern matches; on each the patterns that `matches` gives."""
        form = form_of(data)
        hits = self._fast(data, form)
        return self._exact(salvage(data, form)) if hits is None else hits

    def _fast(self, data: bytes, form: Form) -> Hits | None:
        """The fast way; None where only the slow one is exact."""
        reader, keys = self._keys(data, form)
        # One object alone may hold the records under a key that isn't its first.
        alone = form is Form.LINES and keys is not None and len(keys) == 1
        if keys is None or alone or (self._replaced and not _is_utf8(data)):
            return None
        dispatch = reader.dispatch
        verdicts = list(map(dispatch.__getitem__, keys))
        candidates = list(compress(range(len(keys)), verdicts))
        found: list[tuple[int, bytes, tuple[int, ...]]] = []
        raws = raw_records(data, form) if candidates else []
        for number in candidates:
            raw, verdict = raws[number], verdicts[number]
            assert verdict is not None  # what compress left
            numbers = self._decide(raw, verdict, dispatch) if verdict.open else verdict.sure
            if numbers:
                found.append((number, bytes(raw), numbers))
        if self._trial > 0:
            self._learn(len(keys))
        return Hits(len(keys), found, [])

    def _keys(self, data: bytes, form: Form) -> tuple[_Reader, list[Key] | None]:
        """The fields to dispatch by of every record; None where only the slow way is exact."""
        if self._learnt is not None:
            keys = self._learnt.keys(data, form)
            if keys is not None:
                return self._learnt, keys
            # Its fields may be of another type here: too often is not worth another trial.
            self._trust -= 1
            if self._trust == 0:
                self._learnt = None
        return self._first, self._first.keys(data, form)

    def _learn(self, records: int) -> None:
        """After a trial look first at fields that many records were decoded for, unless slow."""
        self._trial -= records
        if self._trial > 0:
            return
        if self._learnt is None:
            extra = self._first.dispatch.worth(TRIAL - self._trial)
            if extra:
                self._learnt = _Reader(Dispatch(self._parts, self._texts, extra))
                self._trial = TRIAL
        elif len(self._learnt.dispatch) > (TRIAL - self._trial) / 10:
            self._learnt = None  # other records have many values there

    def _decide(
        self, raw: msgspec.Raw | bytes, verdict: Verdict, dispatch: Dispatch
    ) -> tuple[int, ...]:
        """The patterns that match a record, as far as possible by closer looks."""
        while verdict.open and verdict.closer is not None:
            closer = verdict.closer
            try:
                read = closer.decoder.decode(raw)
            except MALFORMED:
                break
            closer.asked += 1
            known = closer.verdicts.get(read)
            verdict = dispatch.look(verdict, closer, read) if known is None else known
        return self._settle(raw, verdict) if verdict.open else verdict.sure

    def _settle(self, raw: msgspec.Raw | bytes, verdict: Verdict) -> tuple[int, ...]:
        """The exact matcher on a record, reduced to what the open patterns read."""
        document = Document.of(_reduced(raw, verdict.fields))
        matched = [number for number in verdict.open if self._patterns[number].matches(document)]
        return tuple(sorted([*verdict.sure, *matched])) if matched else verdict.sure

    def _exact(self, records: Iterable[bytes | Fault]) -> Hits:
        """The slow way: the exact matcher on the raw text of every record."""
        count = 0
        found: list[tuple[int, bytes, tuple[int, ...]]] = []
        faults: list[Fault] = []
        for number, record in enumerate(records):
            if isinstance(record, Fault):
                faults.append(record)
                continue
            if not record.strip():
                continue
            document = Document.of(record)
            count += 1
            if document.root is None:
                faults.append(Fault(number + 1, "it is not a JSON object"))
            numbers = tuple(
                index for index, pattern in enumerate(self._patterns) if pattern.matches(document)
            )
            if numbers:
                found.append((number, record, numbers))
        return Hits(count, found, faults)

    def _match(self, raw: bytes, patterns: tuple[int, ...]) -> Match | None:
        """A matching record, reduced to what is counted; None where its time is missing."""
        try:
            details = _DETAILS.decode(raw)
            principal = self._principal(bytes(details.identity))
        except MALFORMED:
            root = _plain(raw)
            details = _Details(
                text_at(root, "eventID"),
                text_at(root, "eventTime"),
                text_at(root, "eventName"),
                text_at(root, "sourceIPAddress"),
            )
            principal = _label(root)
        try:
            seconds = int(parse_time(details.time).timestamp())
        except (ValueError, OverflowError):
            return None
        return Match(details.event_id, seconds, details.name, principal, details.address, patterns)

    def _principal(self, identity: bytes) -> str:
        known = self._principals.get(identity)
        if known is None:
            if len(self._principals) >= _MAX_NAMES:
                self._principals.clear()
            known = _label({"userIdentity": msgspec.json.decode(identity)})
            self._principals[identity] = known
        return known


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _reduced(raw: msgspec.Raw | bytes, fields: Sequence[tuple[str, bytes]]) -> bytes:
    """A record with these top-level fields alone; all of it where none are given."""
    try:
        whole = _WHOLE.decode(raw) if fields else {}
    except MALFORMED:  # a key that is no UTF-8
        fields = ()
    if not fields:
        return bytes(raw)
    return b"{" + b",".join(key + whole[name] for name, key in fields if name in whole) + b"}"


def _label(record: dict[str, Any]) -> str:
    actor = actor_of(record)
    return f"{actor.name} ({actor.via})" if actor.via else actor.name


def _plain(raw: bytes) -> dict[str, Any]:
    """A record of unusual types as plain JSON; empty where it is none."""
    root = Document.of(raw).root
    return dict(root) if root is not None else {}


def _told(faults: Sequence[Fault], first: int) -> list[str]:
    told = [f"record {fault.at + first - 1}: {fault.reason}" for fault in faults[:MAX_FAULTS]]
    if len(faults) > MAX_FAULTS:
        told.append(f"{len(faults) - MAX_FAULTS} more records cannot be used")
    return told
