"""Knows how to read CloudTrail files and play them in time. Never what a record means."""

from __future__ import annotations

import gzip
import io
import json
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Record = Mapping[str, Any]

LARGEST_FILE = 128 * 1024 * 1024
"""Bytes, after unpacking; CloudTrail's own files are a hundredth of it."""
LARGEST_RECORD = 1024 * 1024
MOST_REJECTED = 1000
SUFFIXES = (".json", ".json.gz", ".jsonl", ".jsonl.gz")


@dataclass(frozen=True)
class Rejected:
    """A record, or a whole file, that could not be read."""

    line: int
    """Its line; in a {"Records": [...]} document its place; 0 for the file as a whole."""
    why: str
    file: str = ""

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"line": self.line, "why": self.why}
        return {**told, "file": self.file} if self.file else told


@dataclass(frozen=True)
class Loaded:
    """What was read: records in the order of the file, and what was not readable."""

    records: Sequence[Record]
    rejected: Sequence[Rejected]


class Unreadable(ValueError):
    """Something that is no record; the text says why."""


def read_bytes(data: bytes, file: str = "") -> Loaded:
    """Records from CloudTrail's own {"Records": [...]}, a list, one record, or JSON lines.

    gzip is recognised by its first bytes. What is unreadable is reported and the rest goes on.
    """
    rejected: list[Rejected] = []
    text = _unpacked(data, file, rejected)
    records: list[Record] = []
    for line, entry in _entries(text, file, rejected):
        try:
            records.append(_checked(entry))
        except Unreadable as why:
            rejected.append(Rejected(line, str(why), file))
    if len(rejected) > MOST_REJECTED:
        more = len(rejected) - MOST_REJECTED
        rejected[MOST_REJECTED:] = [Rejected(0, f"and {more} more", file)]
    return Loaded(records, rejected)


def read_paths(paths: Iterable[Path]) -> Loaded:
    """Every file, and every CloudTrail file in every folder, read one after the other."""
    records: list[Record] = []
    rejected: list[Rejected] = []
    for path in paths:
        files = _in_folder(path) if path.is_dir() else [path]
        if not files:
            rejected.append(Rejected(0, f"no {', '.join(SUFFIXES)} in this folder", str(path)))
        for file in files:
            loaded = _read_file(file)
            records.extend(loaded.records)
            rejected.extend(loaded.rejected)
    return Loaded(records, rejected)


def event_time(record: Record) -> datetime:
    """The record's eventTime, UTC; raises Unreadable."""
    given = record.get("eventTime")
    if not isinstance(given, str):
        raise Unreadable("eventTime is missing" if given is None else "eventTime is no text")
    try:
        at = datetime.fromisoformat(given)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable(
            f"eventTime {given[:40]!r} is no time such as 2026-11-23T12:00:00Z"
        ) from None


def stamped(record: Record, at: datetime) -> dict[str, Any]:
    """The record with another eventTime, written as CloudTrail does (whole seconds)."""
    return {**record, "eventTime": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}


def offsets(records: Sequence[Record], speed: float) -> list[tuple[float, Record]]:
    """Each record with the seconds after the first at which it is played, earliest first."""
    timed = sorted(((event_time(r), n) for n, r in enumerate(records)))
    if not timed:
        return []
    first = timed[0][0]
    return [((at - first).total_seconds() / speed, records[n]) for at, n in timed]


class Player:
    """Plays records on a thread: each at its time, stamped with the moment at which it is fed.

    So the replay ends now, whenever that is, with its gaps divided by `speed`.
    """

    def __init__(
        self,
        records: Sequence[Record],
        speed: float,
        feed: Callable[[Sequence[Record]], None],
        ended: Callable[[int], None],
    ) -> None:
        self._plan = offsets(records, speed)
        self._feed = feed
        self._ended = ended
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="record player", daemon=True)
        self.fed = 0
        self.total = len(self._plan)
        self.seconds = self._plan[-1][0] if self._plan else 0.0
        """How long the replay takes."""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def _run(self) -> None:
        began = time.monotonic()
        while self.fed < self.total:
            wait = self._plan[self.fed][0] - (time.monotonic() - began)
            if self._stop.wait(max(0.0, wait)):
                return
            since = time.monotonic() - began
            until = self.fed
            while until < self.total and until - self.fed < 500 and self._plan[until][0] <= since:
                until += 1
            now = datetime.now(UTC)
            self._feed([stamped(record, now) for _, record in self._plan[self.fed : until]])
            self.fed = until
        self._ended(self.fed)


def _in_folder(folder: Path) -> list[Path]:
    """CloudTrail's files under a folder, sorted; its digest files hold no records."""
    return sorted(
        file
        for file in folder.rglob("*")
        if file.name.lower().endswith(SUFFIXES)
        and file.is_file()
        and "CloudTrail-Digest" not in file.as_posix()
    )


def _read_file(file: Path) -> Loaded:
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST_FILE + 1)
    except OSError as error:
        return Loaded([], [Rejected(0, error.strerror or str(error), str(file))])
    return read_bytes(data, str(file))


def _unpacked(data: bytes, file: str, rejected: list[Rejected]) -> bytes:
    """The data, unpacked where it is gzip; what was readable of a damaged one."""
    if data[:2] == b"\x1f\x8b":
        data, broken = _gunzip(data)
        if broken:
            rejected.append(Rejected(0, f"the gzip data is damaged: {broken}", file))
    if len(data) > LARGEST_FILE:
        rejected.append(Rejected(0, f"larger than {LARGEST_FILE // 2**20} MiB", file))
        return b""
    return data.removeprefix(b"\xef\xbb\xbf")


def _gunzip(data: bytes) -> tuple[bytes, str]:
    unpacked = bytearray()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            while len(unpacked) <= LARGEST_FILE and (chunk := stream.read1(65_536)):
                unpacked += chunk
    except (OSError, EOFError, zlib.error) as error:
        return bytes(unpacked), str(error)
    return bytes(unpacked), ""


def _entries(text: bytes, file: str, rejected: list[Rejected]) -> Iterator[tuple[int, object]]:
    """Everything that should be a record, with its line or place."""
    try:
        whole = _parsed(text)
    except Unreadable as why:
        yield from _line_entries(text, str(why), file, rejected)
        return
    if isinstance(whole, dict) and "Records" not in whole and "eventTime" not in whole:
        keys = ", ".join(list(whole)[:5]) or "nothing"
        rejected.append(Rejected(0, f"neither a record nor Records: it has {keys}", file))
        return
    yield from enumerate(_unwrapped(whole), 1)


def _line_entries(
    text: bytes, why: str, file: str, rejected: list[Rejected]
) -> Iterator[tuple[int, object]]:
    lines = text.split(b"\n")
    broken: list[Rejected] = []
    good = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = _parsed(line)
        except Unreadable as reason:
            broken.append(Rejected(number, str(reason), file))
            continue
        good += isinstance(entry, dict)
        for one in _unwrapped(entry):
            yield number, one
    if not good and len(broken) > 1:
        # No JSON lines at all: one document that is broken, told once.
        broken = [Rejected(0, why, file)]
    rejected.extend(broken)


def _unwrapped(value: object) -> list[object]:
    if isinstance(value, dict) and "Records" in value:
        value = value["Records"]
    return value if isinstance(value, list) else [value]


def _parsed(text: bytes) -> object:
    """JSON without NaN and Infinity, which no record holds; raises Unreadable."""

    def refuse(name: str) -> object:
        raise ValueError(f"{name} is not JSON")

    try:
        found: object = json.loads(text, parse_constant=refuse)
    except RecursionError:
        raise Unreadable("nested too deeply") from None
    except UnicodeDecodeError as error:
        raise Unreadable(f"not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise Unreadable(f"not JSON: {error.msg} at {where}") from None
    except ValueError as error:
        raise Unreadable(f"not JSON: {error}") from None
    return found


def _checked(entry: object) -> Record:
    if not isinstance(entry, dict):
        kind = {list: "a list", str: "text", type(None): "null"}.get(type(entry), "a number")
        raise Unreadable(f"a record is an object, this is {kind}")
    event_time(entry)
    try:
        size = len(json.dumps(entry, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        raise Unreadable("holds half a character (a lone surrogate)") from None
    if size > LARGEST_RECORD:
        raise Unreadable(f"larger than {LARGEST_RECORD // 1024} KiB")
    return entry
