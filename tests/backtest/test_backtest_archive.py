"""Files, folders and buckets as sources; S3 is moto's server on loopback."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from sandbox.wire import Server
from trailwatch.aws import Aws
from trailwatch.backtest import Piece, Problem, Subject, run
from trailwatch.errors import UsageError
from trailwatch.pattern import parse
from trailwatch.search.archive import Wanted, file_pieces, pieces

ACCOUNT = "123456789012"
NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
LOGIN = Subject("login", "Console login", parse('{ $.eventName = "ConsoleLogin" }'))


def content(number: int, when: datetime = NOW) -> bytes:
    record = {
        "eventID": f"id-{number}",
        "eventTime": f"{when:%Y-%m-%dT%H:%M:%SZ}",
        "eventName": "ConsoleLogin",
    }
    return gzip.compress(json.dumps({"Records": [record]}).encode())


def key(when: datetime, region: str = "us-east-1", account: str = ACCOUNT) -> str:
    name = f"{account}_CloudTrail_{region}_{when:%Y%m%dT%H%MZ}_abcdefgh01234567.json.gz"
    return f"AWSLogs/{account}/CloudTrail/{region}/{when:%Y/%m/%d}/{name}"


def names(sources: list[str], wanted: Wanted | None = None, aws: Aws | None = None) -> list[str]:
    found = list(pieces(sources, wanted or Wanted(), aws))
    assert all(isinstance(piece, Piece) for piece in found), found
    return [piece.name.rpartition("/")[2] for piece in found]


class TestFolders:
    def test_files_are_found_in_order(self, tmp_path: Path) -> None:
        for name in ("b.json.gz", "a.jsonl", "c.json", "notes.txt", "d/e.jsonl.gz"):
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"{}")
        assert names([str(tmp_path)]) == ["a.jsonl", "b.json.gz", "c.json", "e.jsonl.gz"]
        assert names([str(tmp_path / "notes.txt")]) == ["notes.txt"]

    def test_the_days_and_regions_wanted(self, tmp_path: Path) -> None:
        for region in ("us-east-1", "eu-west-1"):
            for days in (1, 5, 9):
                path = tmp_path / key(NOW - timedelta(days=days), region)
                path.parent.mkdir(parents=True)
                path.write_bytes(b"{}")
        digest = tmp_path / "AWSLogs" / ACCOUNT / "CloudTrail-Digest" / "x.json.gz"
        digest.parent.mkdir()
        digest.write_bytes(b"{}")
        assert len(names([str(tmp_path)])) == 6
        assert len(names([str(tmp_path)], Wanted(NOW - timedelta(days=6)))) == 4
        only = Wanted(NOW - timedelta(days=6), frozenset({"eu-west-1"}))
        assert all("eu-west-1" in name for name in names([str(tmp_path)], only))
        assert len(names([str(tmp_path)], only)) == 2

    def test_a_missing_source_is_told_at_once(self) -> None:
        with pytest.raises(UsageError, match="no file or folder"):
            pieces(["/nowhere/at/all"], Wanted())
        with pytest.raises(UsageError, match="names no bucket"):
            pieces(["s3://"], Wanted())

    def test_a_pipe_in_a_folder_is_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "a.json")
        (found,) = pieces([str(tmp_path)], Wanted())
        assert isinstance(found, Problem)
        assert found.reason == "it is no regular file"

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_what_may_not_be_read(self, tmp_path: Path) -> None:
        (tmp_path / "closed").mkdir(mode=0)
        (found,) = pieces([str(tmp_path)], Wanted())
        assert isinstance(found, Problem)

    def test_what_cannot_be_read_is_told_and_the_rest_done(self, tmp_path: Path) -> None:
        (tmp_path / "a.json.gz").write_bytes(content(1)[:-12])
        (tmp_path / "b.json.gz").write_bytes(content(2))
        (tmp_path / "c.json").symlink_to(tmp_path / "gone")
        *_, progress = run([LOGIN], pieces([str(tmp_path)], Wanted()), processes=1)
        result = progress.result()
        assert Path(result.problems[0].name).name == "a.json.gz"
        assert "cut off" in result.problems[0].reason
        assert any("No such file" in problem.reason for problem in result.problems)
        assert result.found[0].matches >= 1

    @pytest.mark.parametrize("packed", [False, True])
    def test_large_files_of_lines_come_in_parts(self, tmp_path: Path, packed: bool) -> None:
        text = b"".join(b'{"eventName":"ConsoleLogin","n":%d}\n' % n for n in range(500_000))
        path = tmp_path / "large.jsonl"
        path.write_bytes(gzip.compress(text) if packed else text)
        found = file_pieces(path, large=1000, part=1 << 20)
        parts = [piece for piece in found if isinstance(piece, Piece)]
        assert len(parts) > 2
        assert b"".join(piece.data or b"" for piece in parts) == text
        lines = [(piece.first_line, (piece.data or b"").count(b"\n")) for piece in parts]
        assert all(a + count == b for (a, count), (b, _) in pairwise(lines))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server = Server(DomainDispatcherApplication(create_backend_app), name="moto")
    server.start()
    yield server.url
    server.stop()


class Bucket:
    """A bucket, and the listings that were asked of it."""

    def __init__(self, aws: Aws, name: str) -> None:
        self.aws, self.name = aws, name
        self.s3 = aws.client("s3")
        self.s3.create_bucket(Bucket=name)
        self.listed: list[dict[str, Any]] = []
        self.s3.meta.events.register(
            "provide-client-params.s3.ListObjectsV2", lambda params, **_: self.listed.append(params)
        )

    def put(self, key: str, body: bytes = b"{}") -> None:
        self.s3.put_object(Bucket=self.name, Key=key, Body=body)


@pytest.fixture
def bucket(server: str, request: pytest.FixtureRequest) -> Iterator[Bucket]:
    session = boto3.session.Session("AKIAEXAMPLEEXAMPLE00", "example", region_name="us-east-1")
    aws = Aws("us-east-1", server, session=session, max_attempts=1)
    yield Bucket(aws, f"trail-{abs(hash(request.node.name)) % 10**9}")
    aws.close()


class TestBuckets:
    def test_only_what_is_wanted_is_listed(self, bucket: Bucket) -> None:
        for region in ("us-east-1", "eu-west-1"):
            for days in (1, 5, 9):
                bucket.put("logs/" + key(NOW - timedelta(days=days), region))
        bucket.put(f"logs/AWSLogs/{ACCOUNT}/CloudTrail-Digest/us-east-1/2025/03/09/x.json.gz")
        bucket.put("logs/AWSLogs/999999999999/Config/us-east-1/2025/3/9/x.json.gz")
        wanted = Wanted(NOW - timedelta(days=6), frozenset({"us-east-1"}))
        assert len(names([f"s3://{bucket.name}/logs"], wanted, bucket.aws)) == 2
        region = f"logs/AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/"
        listed = [asked for asked in bucket.listed if "Delimiter" not in asked]
        assert [(a["Prefix"], a["StartAfter"]) for a in listed] == [
            (region, f"{region}2025/03/04/")
        ]
        folders = [asked["Prefix"] for asked in bucket.listed if "Delimiter" in asked]
        assert not any("Digest" in folder or "Config" in folder for folder in folders)

    def test_nothing_from_long_after_the_window(self, bucket: Bucket) -> None:
        for hours in (0, 1, 24, 25, 27, 200):
            bucket.put(key(NOW + timedelta(hours=hours)))
        wanted = Wanted(NOW, until=NOW + timedelta(days=1))
        found = names([f"s3://{bucket.name}"], wanted, bucket.aws)
        assert len(found) == 4, "the last came an hour late"

    @pytest.mark.parametrize(
        ("prefix", "count"),
        [
            ("", 3),
            ("AWSLogs", 3),
            (f"AWSLogs/{ACCOUNT}/", 2),
            (f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/", 1),
            (f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2025/03/08/", 0),
            ("AWSLogs/o-abc123", 1),
        ],
    )
    def test_any_place_in_the_layout(self, bucket: Bucket, prefix: str, count: int) -> None:
        day = NOW - timedelta(days=1)
        bucket.put(key(day))
        bucket.put(key(day, "eu-west-1"))
        bucket.put(key(day).replace("AWSLogs/", "AWSLogs/o-abc123/"))
        source = f"s3://{bucket.name}/{prefix}"
        wanted = Wanted(NOW - timedelta(days=3))
        assert len(names([source], wanted, bucket.aws)) == count

    def test_a_bucket_of_another_layout(self, bucket: Bucket) -> None:
        bucket.put("copies/2025/a.json.gz", content(1))
        bucket.put("copies/readme.txt")
        assert names([f"s3://{bucket.name}/copies"], None, bucket.aws) == ["a.json.gz"]
        assert names([f"s3://{bucket.name}/copies/2025/a.json.gz"], None, bucket.aws)

    def test_missing_permissions_are_told_and_the_rest_done(self, bucket: Bucket) -> None:
        keys = [key(NOW - timedelta(minutes=minute)) for minute in (15, 10, 5)]
        for number, name in enumerate(keys):
            bucket.put(name, content(number))
        deny = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{bucket.name}/{keys[1]}",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
        bucket.s3.put_bucket_policy(Bucket=bucket.name, Policy=policy)
        found = pieces([f"s3://{bucket.name}", "s3://no-such-bucket-here"], Wanted(), bucket.aws)
        *_, progress = run([LOGIN], found, processes=1)
        result = progress.result()
        assert result.found[0].matches == 2
        denied, missing = result.problems
        assert denied.name == f"s3://{bucket.name}/{keys[1]}"
        assert "AccessDenied" in denied.reason or "403" in denied.reason  # moto leaves the code out
        assert "NoSuchBucket" in missing.reason
        assert denied.denied
        assert missing.denied

    def test_stopping_in_the_middle(self, bucket: Bucket) -> None:
        for number in range(40):
            bucket.put(key(NOW - timedelta(minutes=number)), content(number))
        found = pieces([f"s3://{bucket.name}"], Wanted(), bucket.aws)
        next(found)
        found.close()  # type: ignore[attr-defined]
