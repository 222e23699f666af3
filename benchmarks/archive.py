"""Measures the search of the trail's archive in a bucket of 5,000 files (100,000 records).

Each file is what CloudTrail delivers in five minutes, for more than a fortnight. What is timed is
what [Show events] does in the archive: list what is wanted, fetch, unpack, hold each record against
the pattern. The stand-in of S3 runs in a process of its own on the same machine; the time of S3
itself comes on top.
"""

from __future__ import annotations

import gzip
import json
import multiprocessing
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any

from stage import header, quick, table

from sandbox.aws import AwsStandIn
from sandbox.faults import Faults
from sandbox.wire import CallLog, Sender
from trailwatch.aws import Aws, Keys
from trailwatch.pattern import parse
from trailwatch.search.archive import Wanted, pieces
from trailwatch.search.sift import Sifted, sift

BUCKET, ACCOUNT, REGION = "trailwatch-bench", "123456789012", "us-east-1"
PER_FILE = 20
EVERY = timedelta(minutes=5)
END = datetime(2026, 11, 23, tzinfo=UTC)
PATTERN = '{ $.eventName = "DeleteTrail" }'
RARE = 997
"""One record of so many matches."""


def record(number: int, at: datetime) -> dict[str, Any]:
    """A record with the fields that most have; seeded by its number."""
    name = "DeleteTrail" if number % RARE == 0 else f"Describe{'ABCDEFGH'[number % 8]}"
    arn = f"arn:aws:iam::{ACCOUNT}:user/user-{number % 40}"
    return {
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "arn": arn, "userName": f"user-{number % 40}"},
        "eventTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "ec2.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": "203.0.113.9",
        "userAgent": "aws-cli/2.31.4 md/awscrt#0.27.6 ua/2.1 os/linux#6.8 lang/python#3.13.7",
        "requestParameters": {"filterSet": {}, "maxResults": number % 1000},
        "eventID": f"00000000-0000-4000-8000-{number:012d}",
        "recipientAccountId": ACCOUNT,
    }


def fill(aws: Aws, files: int) -> None:
    """Put the files into the bucket, the newest ending at END."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)

    def put(number: int) -> None:
        at = END - EVERY * (number + 1)
        batch = [record(number * PER_FILE + n, at) for n in range(PER_FILE)]
        delivered = at + EVERY
        name = f"{ACCOUNT}_CloudTrail_{REGION}_{delivered:%Y%m%dT%H%MZ}_{number:016}.json.gz"
        key = f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{delivered:%Y/%m/%d}/{name}"
        s3.put_object(
            Bucket=BUCKET, Key=key, Body=gzip.compress(json.dumps({"Records": batch}).encode())
        )

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, range(files)))


def searched(aws: Aws, days: float | None) -> tuple[float, Sifted]:
    """How many seconds a search of the newest days took, None for all, and what it found."""
    since = END - timedelta(days=days) if days else datetime(2000, 1, 1, tzinfo=UTC)
    began = time.perf_counter()
    wanted = Wanted(since=since if days else None, until=END)
    read = pieces([f"s3://{BUCKET}"], wanted, aws)
    (found,) = deque(sift(read, parse(PATTERN), since, END), maxlen=1)
    return time.perf_counter() - began, found


@contextmanager
def s3() -> Iterator[Aws]:
    """The stand-in in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,))
    process.start()
    try:
        yield Aws(REGION, ours.recv(), Keys("AKIAEXAMPLESANDBOX01", "example"))
    finally:
        ours.send("stop")
        process.join(30)


def _serve(pipe: Connection) -> None:
    log, faults = CallLog(), Faults(lambda: 0.0)
    stand_in = AwsStandIn(calls=log, faults=faults, sender=Sender(log, faults))
    stand_in.start()
    pipe.send(stand_in.url)
    pipe.recv()
    stand_in.stop()


def main() -> None:
    files = 300 if quick() else 5000
    header(f"search of the archive: {files:,} files, {files * PER_FILE:,} records")
    rows = []
    with s3() as aws:
        fill(aws, files)
        for name, days in (("one day", 1), ("a week", 7), ("all", None)):
            seconds, found = searched(aws, days)
            speed = f"{found.files / seconds:,.0f}"
            cells = [f"{found.files:,}", f"{found.records:,}", str(len(found.events))]
            rows.append([name, *cells, f"{seconds:.1f} s", speed])
            assert not found.problems, found.problems[:3]
    table(rows, ("", "files", "records", "found", "time", "files a second"))


if __name__ == "__main__":
    main()
