"""Lists and fetches archives of CloudTrail: files, folders, S3. Reads only, and judges no record.

Of a bucket in CloudTrail's layout only what is wanted is listed: each region from the first day on.
A file's name says when it was delivered, and it holds only what happened before. Source: "Finding
your CloudTrail log files" and "CloudTrail log file examples", AWS CloudTrail user guide.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trailwatch.aws import Aws, aws_errors
from trailwatch.backtest.piece import Piece, Problem
from trailwatch.backtest.records import Form, form_of
from trailwatch.backtest.unpack import MAGIC, Truncated, unpack_stream
from trailwatch.errors import AwsError, UsageError

SUFFIXES = (".json", ".json.gz", ".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
"""Of the files that are read in folders and buckets; one that is named itself may have any."""
LARGE = 32 << 20
"""From how many bytes on a file of lines is read in parts."""
PART = 8 << 20
MAX_OBJECT = 512 << 20
"""How large an object in S3 may be, in bytes; files of CloudTrail are far smaller."""
LATE = timedelta(hours=2)
"""How late a file may come whose records are wanted; CloudTrail takes about five minutes
("How CloudTrail works", AWS CloudTrail user guide).
"""
_FETCHERS = 8
_FETCHED_AHEAD = 16

_DELIVERED = re.compile(r"_CloudTrail(?:-Insight)?_[a-z0-9-]+_(\d{8}T\d{4})Z_")
_IN_REGION = re.compile(
    r"^(?P<start>(?:.*/)?AWSLogs/(?:o-[a-z0-9]+/)?\d{12}/CloudTrail/(?P<region>[a-z0-9-]+)/)"
)
_ON_THE_WAY = (
    (re.compile(r"(?:^|/)AWSLogs/(?:o-[a-z0-9]+/)?\d{12}/CloudTrail/$"), re.compile(r"[a-z0-9-]+")),
    (re.compile(r"(?:^|/)AWSLogs/(?:o-[a-z0-9]+/)?\d{12}/$"), re.compile(r"CloudTrail")),
    (re.compile(r"(?:^|/)AWSLogs/o-[a-z0-9]+/$"), re.compile(r"\d{12}")),
    (re.compile(r"(?:^|/)AWSLogs/$"), re.compile(r"\d{12}|o-[a-z0-9]+")),
)
"""Where one is in CloudTrail's layout, and which folders lead on from there."""


@dataclass(frozen=True)
class Wanted:
    """Which part of an archive: between two moments (UTC), and of some regions; empty for all.

    Files tell of what happened before they were delivered: those until `LATE` after `until` count.
    """

    since: datetime | None = None
    regions: frozenset[str] = frozenset()
    until: datetime | None = None

    def file(self, name: str) -> bool:
        """Whether a file of this name may hold wanted records; digests hold none."""
        base = name.rpartition("/")[2]
        if "CloudTrail-Digest" in base:
            return False
        delivered = _DELIVERED.search(base)
        if delivered is None:
            return True
        try:
            moment = datetime.strptime(delivered.group(1), "%Y%m%dT%H%M").replace(tzinfo=UTC)
        except ValueError:
            return True
        if self.until is not None and moment > self.until + LATE:
            return False
        return self.since is None or moment + timedelta(minutes=1) > self.since


def pieces(
    sources: Sequence[str], wanted: Wanted, aws: Aws | None = None
) -> Iterator[Piece | Problem]:
    """Everything that these sources hold; what can't be read comes as a Problem in its place.

    sources: paths, and s3://bucket/prefix, which needs `aws`. Raises UsageError at once for a
    source that doesn't exist.
    """
    for source in sources:
        if source.startswith("s3://"):
            if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?", source):
                raise UsageError(
                    f"{source} names no bucket.", fix="Write s3://bucket or s3://bucket/prefix."
                )
        elif not Path(source).exists():
            raise UsageError(
                f"There is no file or folder {source}.", fix="A bucket is written s3://bucket."
            )
    return _all(sources, wanted, aws)


def _all(sources: Sequence[str], wanted: Wanted, aws: Aws | None) -> Iterator[Piece | Problem]:
    for source in sources:
        if source.startswith("s3://"):
            if aws is None:
                raise UsageError(f"{source} cannot be read without AWS.")
            bucket, _, prefix = source.removeprefix("s3://").partition("/")
            yield from _Bucket(aws, bucket, wanted).pieces(prefix)
        elif Path(source).is_dir():
            yield from _folder(Path(source), wanted)
        else:
            yield from file_pieces(Path(source))


def _folder(folder: Path, wanted: Wanted) -> Iterator[Piece | Problem]:
    problems: list[Problem] = []

    def unreadable(error: OSError) -> None:
        problems.append(Problem(str(error.filename), f"it cannot be read: {error.strerror}"))

    for place, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(name for name in folders if name != "CloudTrail-Digest")
        in_region = _IN_REGION.match(f"{Path(place).as_posix()}/")
        if in_region and wanted.regions and in_region["region"] not in wanted.regions:
            folders.clear()
            continue
        for name in sorted(names):
            path = Path(place) / name
            if not name.endswith(SUFFIXES) or not wanted.file(name):
                continue
            if path.exists() and not path.is_file():
                yield Problem(str(path), "it is no regular file")
            else:
                yield from file_pieces(path)
        yield from problems
        problems.clear()
    yield from problems


def file_pieces(path: Path, large: int = LARGE, part: int = PART) -> Iterator[Piece | Problem]:
    """A file as one piece, or a large one of lines in parts that end with a line.

    large, part: from how many bytes on, and into parts of about how many.
    """
    try:
        size = path.stat().st_size
        if size < large or not path.is_file():
            yield Piece(str(path), path=path)
            return
        head = next(_content(path), b"")
        if form_of(head) is not Form.LINES or b"\n" not in head:
            yield Piece(str(path), path=path)
            return
        yield from _parts(path, part)
    except OSError as error:
        yield Problem(str(path), f"it cannot be read: {error.strerror or error}")
    except Truncated as error:
        yield Problem(str(path), str(error))


def _content(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == MAGIC
        file.seek(0)
        chunks = iter(lambda: file.read(1 << 20), b"")
        yield from unpack_stream(chunks) if packed else chunks


def _parts(path: Path, size: int) -> Iterator[Piece]:
    """Lines of a large file, several MB at a time; a line that is longer stays whole."""
    line, waiting = 1, bytearray()
    try:
        for chunk in _content(path):
            waiting += chunk
            end = waiting.rfind(b"\n") + 1 if len(waiting) >= size else 0
            if end:
                part = bytes(waiting[:end])
                del waiting[:end]
                yield Piece(str(path), data=part, first_line=line)
                line += part.count(b"\n")
    finally:
        # Of a file that is cut off the last whole lines count, too.
        rest = bytes(waiting)
    if rest:
        yield Piece(str(path), data=rest, first_line=line)


class _Bucket:
    """A bucket: what of it is wanted, fetched some objects ahead."""

    def __init__(self, aws: Aws, bucket: str, wanted: Wanted) -> None:
        self._aws = aws
        self._bucket = bucket
        self._wanted = wanted

    def pieces(self, prefix: str) -> Iterator[Piece | Problem]:
        waiting: deque[Future[Piece | Problem]] = deque()
        with ThreadPoolExecutor(_FETCHERS, thread_name_prefix="archive") as pool:
            try:
                for key, size in self._keys(prefix):
                    waiting.append(pool.submit(self._fetch, key, size))
                    if len(waiting) > _FETCHED_AHEAD:
                        yield waiting.popleft().result()
            except AwsError as error:
                while waiting:
                    yield waiting.popleft().result()
                yield _refused(f"s3://{self._bucket}/{prefix}", error)
            finally:
                for future in waiting if waiting and waiting[0].cancel() else ():
                    future.cancel()
            while waiting:
                yield waiting.popleft().result()

    def _keys(self, prefix: str) -> Iterator[tuple[str, int]]:
        """The keys of wanted files and their sizes in bytes. Raises AwsError."""
        if prefix.endswith(SUFFIXES):
            yield from self._list(prefix, "")
            return
        place = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
        in_region = _IN_REGION.match(place)
        if in_region:
            yield from self._region(place, in_region["start"], in_region["region"])
            return
        for here, onwards in _ON_THE_WAY:
            if here.search(place):
                for folder in self._folders(place):
                    if onwards.fullmatch(folder):
                        yield from self._keys(f"{place}{folder}/")
                return
        if "AWSLogs" in self._folders(place):
            yield from self._keys(f"{place}AWSLogs/")
        else:
            yield from self._list(place, "")

    def _region(self, place: str, start: str, region: str) -> Iterator[tuple[str, int]]:
        if self._wanted.regions and region not in self._wanted.regions:
            return
        # Keys are listed in order, and those of a region's days in that of time.
        first = f"{start}{self._wanted.since:%Y/%m/%d}/" if self._wanted.since else ""
        until = self._wanted.until
        last = f"{start}{until + LATE:%Y/%m/%d}/~" if until else ""
        yield from self._list(place, first, last)

    def _list(self, prefix: str, start_after: str, last: str = "") -> Iterator[tuple[str, int]]:
        more = {"StartAfter": start_after} if start_after else {}
        while True:
            page = self._aws.call("s3", "ListObjectsV2", Bucket=self._bucket, Prefix=prefix, **more)
            for item in page.get("Contents", ()):
                key = str(item["Key"])
                if last and key > last:
                    return
                if key.endswith(SUFFIXES) and self._wanted.file(key):
                    yield key, int(item.get("Size", 0))
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def _folders(self, prefix: str) -> list[str]:
        """The names of the folders right below a prefix."""
        names: list[str] = []
        more: dict[str, str] = {}
        while True:
            page = self._aws.call(
                "s3", "ListObjectsV2", Bucket=self._bucket, Prefix=prefix, Delimiter="/", **more
            )
            names += [
                str(item["Prefix"])[len(prefix) : -1] for item in page.get("CommonPrefixes", ())
            ]
            if not page.get("IsTruncated"):
                return names
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def _fetch(self, key: str, size: int) -> Piece | Problem:
        name = f"s3://{self._bucket}/{key}"
        if size > MAX_OBJECT:
            return Problem(name, f"it is larger than {MAX_OBJECT >> 20} MiB")
        try:
            body = self._aws.call("s3", "GetObject", Bucket=self._bucket, Key=key)["Body"]
            with aws_errors("s3:GetObject"):
                return Piece(name, data=body.read())
        except AwsError as error:
            return _refused(name, error)


def _refused(name: str, error: AwsError) -> Problem:
    reason = " ".join(part for part in (error.what, error.why, error.fix) if part)
    return Problem(name, reason, denied=True)
