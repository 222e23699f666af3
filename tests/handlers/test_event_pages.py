"""[Show events] with its pages and file, and the dialog that searches events."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from handlers.access import Person, Role
from handlers.blocks.event_search import CALLBACK, HERE, ME, NAME, SINCE, WHAT, WHERE, WHO
from handlers.event_pages import of_alert
from handlers.intake import show_new
from handlers.modals.modal import Submission
from handlers.modals.table import modal_of, submitted
from trailwatch.alert import Alert, AlertFields, AlertState
from trailwatch.backtest import Piece, Problem
from trailwatch.clock import iso, utc_now
from trailwatch.errors import NotFound, UsageError
from trailwatch.store import alerts

GROUP, STREAM = "/trailwatch/cloudtrail", "pages"
UUID = "00000000-0000-4000-8000-{:012d}"
MANY = 47


class Desk:
    """A house with 47 matching events, and what was opened and uploaded."""

    def __init__(self, house: Any) -> None:
        self.house = house
        self.opened: list[Mapping[str, Any]] = []
        self.uploads: list[tuple[str, str, str, str, str]] = []
        house.deps = replace(
            house.deps,
            open_view=lambda trigger_id, view: self.opened.append(view),
            upload=lambda channel, name, text, said, thread="": self.uploads.append(
                (channel, name, text, said, thread)
            ),
        )

    def buttons(self, message: Mapping[str, Any]) -> dict[str, str]:
        """The values of a message's buttons by their action."""
        return {
            element["action_id"]: element["value"]
            for block in message["blocks"]
            if block["type"] == "actions"
            for element in block["elements"]
        }

    def pages(self) -> list[dict[str, Any]]:
        """The pages in threads, in the order in which they were posted."""
        return [m for m in self.house.messages() if "events" in m["key"]]

    def submit(self, view: Mapping[str, Any], user: str = "U0ALICE", **filled: str) -> None:
        about = json.loads(view["private_metadata"])
        values = {SINCE: "1h", WHERE: ME, **filled}
        submission = Submission(
            person=person(user),
            channel="",
            response_url=about["response_url"],
            trigger_id="",
            key=f"view-{len(self.opened)}-{sorted(values.items())}",
            about=about["about"],
            texts={name: values.get(name, "") for name in (WHAT, WHO, NAME, "events_address")},
            chosen={SINCE: (values[SINCE],), WHERE: (values[WHERE],)},
        )
        submitted(self.house.deps, modal_of(CALLBACK), submission)
        self.house.work()


def person(user: str) -> Person:
    return Person(id=user, name="alice", email="", timezone="UTC", member=True, role=Role.VIEWER)


def record(number: int, at: datetime) -> dict[str, Any]:
    return {
        "eventID": UUID.format(number),
        "eventName": "PutBucketPolicy",
        "eventSource": "s3.amazonaws.com",
        "eventTime": iso(at - timedelta(seconds=number)),
        "awsRegion": "us-east-1",
        "sourceIPAddress": "198.51.100.23",
        "userAgent": "aws-cli/2.31.4",
        "recipientAccountId": "123456789012",
        "userIdentity": {
            "type": "IAMUser",
            "userName": "jane" if number % 2 else "kim",
            "arn": f"arn:aws:iam::123456789012:user/{'jane' if number % 2 else 'kim'}",
            "accessKeyId": "AKIAEXAMPLE000000001",
        },
        "requestParameters": {"bucketName": f"bucket-{number}"},
    }


@pytest.fixture(scope="module")
def desk(whole_house: Any) -> Iterator[Desk]:
    house = whole_house
    house.set_up("cis")
    logs = house.client("logs", "AKIAEXAMPLESANDBOX01")
    logs.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
    now = house.deps.clock() - timedelta(seconds=20)
    stamp = int(now.timestamp() * 1000)
    events = [
        {"timestamp": stamp - number * 1000, "message": json.dumps(record(number, now))}
        for number in reversed(range(MANY))
    ]
    logs.put_log_events(logGroupName=GROUP, logStreamName=STREAM, logEvents=events)
    alert = Alert(
        id="p1",
        alias="p1",
        router_id="p1",
        title="S3 bucket policy changed",
        severity="P3",
        state=AlertState.OPEN,
        fields=AlertFields(
            alarm_name="trailwatch-s3-bucket-policy-changes",
            account="123456789012",
            state_change=house.deps.clock(),
            detection_id="s3-bucket-policy-changes",
        ),
        first_seen=house.deps.clock(),
        updated_at=house.deps.clock(),
        site="main",
    )
    with house.deps.db.transaction() as tx:
        show_new(house.deps, tx, alert)
    house.work()
    yield Desk(house)


def ids(message: Mapping[str, Any]) -> list[str]:
    """The events that a page links to, in order."""
    return [url.rsplit("/", 1)[1] for url in _urls(message["blocks"])]


def _urls(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["url"]] if value.get("type") == "link" else []
        return own + [url for part in value.values() for url in _urls(part)]
    return [url for part in value for url in _urls(part)] if isinstance(value, list) else []


def test_pages_lead_back_through_all_events(desk: Desk) -> None:
    desk.house.click("alert.events", "p1")
    first = desk.pages()[-1]
    assert "47 matching events" in first["text"]
    assert "Why the newest matched" in json.dumps(first)
    found, page = ids(first), first
    for _ in range(2):
        older = desk.buttons(page)["events.older"]
        before = len(desk.pages())
        desk.house.click("events.older", older)
        desk.house.click("events.older", older)
        assert len(desk.pages()) == before + 1, "asked twice is told once"
        page = desk.pages()[-1]
        found += ids(page)
    assert "Matching events 41 to 47" in page["text"]
    assert "events.older" not in desk.buttons(page)
    newest_own = [UUID.format(number) for number in range(MANY)]
    assert [one for one in found if one in newest_own] == newest_own


def test_what_came_when_the_alarm_went_off_again_is_shown_too(desk: Desk) -> None:
    house = desk.house
    logs = house.client("logs", "AKIAEXAMPLESANDBOX01")
    logs.create_log_stream(logGroupName=GROUP, logStreamName="again")
    house.pass_time(minutes=30)
    try:
        late = house.deps.clock() - timedelta(minutes=5)
        stamp = int(late.timestamp() * 1000)
        event = {"timestamp": stamp, "message": json.dumps(record(100, late))}
        # CloudWatch takes events of up to two hours ahead.
        logs.put_log_events(logGroupName=GROUP, logStreamName="again", logEvents=[event])
        house.click("alert.events", "p1")
        assert ids(desk.pages()[-1])[0] == UUID.format(100)
        assert "48 matching events" in desk.pages()[-1]["text"]
    finally:
        logs.delete_log_stream(logGroupName=GROUP, logStreamName="again")
        house._ahead = timedelta(0)


def test_what_came_after_the_close_while_the_alarm_was_on_is_shown_too(desk: Desk) -> None:
    deps, now = desk.house.deps, desk.house.deps.clock()
    with deps.db.reading() as tx:
        alert = alerts.get(tx, "p1")
    assert alert is not None
    closed = replace(alert, state=AlertState.CLOSED, closed_at=now, extra={})
    assert of_alert(deps, closed, "s").end <= now
    later = now + timedelta(minutes=10)
    seen = replace(closed, extra={"follow_last": iso(later)})
    assert abs(of_alert(deps, seen, "s").end - later) < timedelta(milliseconds=1)


def test_a_link_leads_to_the_event_of_its_region(desk: Desk) -> None:
    desk.house.click("alert.events", "p1")
    url = next(url for url in _urls(desk.pages()[-1]["blocks"]) if url.endswith("000000000003"))
    assert url == (
        "https://us-east-1.console.aws.amazon.com/cloudtrailv2/home?region=us-east-1#/events/"
        + UUID.format(3)
    )


def test_whole_records_come_as_a_file(desk: Desk) -> None:
    desk.house.click("alert.events", "p1")
    page = desk.pages()[-1]
    desk.house.click("events.file", desk.buttons(page)["events.file"], user="U0CAROL")
    channel, name, text, said, _ = desk.uploads[-1]
    records = json.loads(text)
    assert channel == "C0ALERTS"
    assert name.endswith("-1.json")
    assert [one["eventID"] for one in records] == ids(page)
    assert records[-1]["requestParameters"]["bucketName"].startswith("bucket-")
    assert "20 records" in said
    assert "carol" in said


def test_the_dialog_of_a_page_begins_with_its_pattern_and_answers_in_the_thread(desk: Desk) -> None:
    desk.house.click("alert.events", "p1")
    desk.house.click("events.search", desk.buttons(desk.pages()[-1])["events.search"])
    view = desk.opened[-1]
    pattern = view["blocks"][1]["element"]["initial_value"]
    assert "PutBucketPolicy" in pattern
    before = len(desk.pages())
    desk.submit(view, **{WHAT: pattern, WHO: "jane", WHERE: HERE, SINCE: "alarm"})
    page = desk.pages()[before]
    shown = [one for one in ids(page) if one.startswith("00000000-")]
    assert shown == [UUID.format(n) for n in range(1, 41, 2)]


def test_the_command_searches_in_private(desk: Desk) -> None:
    desk.house.command("events")
    view, before = desk.opened[-1], len(desk.pages())
    desk.submit(view, **{WHAT: "s3-bucket-policy-changes", WHO: "kim"})
    assert len(desk.pages()) == before, "nothing is posted"
    told = desk.house.told()[-1]
    assert "The newest 20 matching events" in told["text"]
    assert "events.file" not in desk.buttons(told)
    assert "Whole records come as a file where others see the search" in str(told["blocks"])
    assert "searched" not in told["text"]
    older = desk.buttons(told)["events.older"]
    desk.house.click("events.older", older)
    assert "Matching events 21 to 24" in desk.house.told()[-1]["text"]
    with pytest.raises(NotFound):
        desk.house.click("events.older", older, user="U0CAROL")


def test_a_search_in_the_channel_goes_on_in_its_thread(desk: Desk) -> None:
    desk.house.command("events")
    before = len(desk.pages())
    desk.submit(desk.opened[-1], **{NAME: "PutBucket*", WHERE: HERE})
    first = desk.pages()[before]
    desk.house.click("events.older", desk.buttons(first)["events.older"])
    second = desk.pages()[before + 1]
    assert second["key"].startswith(first["key"])
    assert first["text"].startswith("alice searched. ")
    assert "*alice* searched with this pattern" in str(first["blocks"])
    assert "Whole records come" not in str(first["blocks"])


def test_a_search_for_everything_is_told_in_words(desk: Desk) -> None:
    desk.house.command("events")
    before = len(desk.pages())
    desk.submit(desk.opened[-1], **{WHERE: HERE})
    said = str(desk.pages()[before]["blocks"])
    assert "*alice* searched all events" in said
    assert "$.eventName" not in said


@pytest.mark.parametrize(
    "filled",
    [{WHAT: "{ $.a"}, {WHAT: "foo"}, {WHO: 'a" || x'}, {NAME: "a b"}, {SINCE: "5y"}],
)
def test_what_cannot_be_searched_is_said_in_the_dialog(desk: Desk, filled: dict[str, str]) -> None:
    desk.house.command("events")
    with pytest.raises(UsageError):
        desk.submit(desk.opened[-1], **filled)


def test_nothing_is_no_error(desk: Desk) -> None:
    desk.house.command("events")
    desk.submit(desk.opened[-1], **{NAME: "NeverCalled"})
    assert "No events match" in desk.house.told()[-1]["text"]
    with pytest.raises(NotFound):
        desk.house.click("events.older", "guessed")


BUCKET = "trailwatch-123456789012-us-east-1"


def archive(desk: Desk, days: float, records: list[dict[str, Any]], late: float = 0.1) -> None:
    """A file of the trail's, delivered some hours after what it tells of, at about noon: what is
    delivered twice is one by its day.
    """
    noon = desk.house.deps.clock().replace(hour=12, minute=0)
    at = noon - timedelta(days=days)
    for one in records:
        one["eventTime"] = iso(at)
    delivered = at + timedelta(hours=late)
    name = f"123456789012_CloudTrail_us-east-1_{delivered:%Y%m%dT%H%MZ}_{days}abcdefgh.json.gz"
    key = f"AWSLogs/123456789012/CloudTrail/us-east-1/{delivered:%Y/%m/%d}/{name}"
    body = gzip.compress(json.dumps({"Records": records}).encode())
    desk.house.client("s3", "AKIAEXAMPLESANDBOX01").put_object(Bucket=BUCKET, Key=key, Body=body)


def renamed(numbers: range, name: str) -> list[dict[str, Any]]:
    now = utc_now()
    return [{**record(number, now), "eventName": name} for number in numbers]


def test_what_the_log_group_no_longer_has_is_found_in_the_archive(desk: Desk) -> None:
    archive(desk, 2, renamed(range(100, 118), "DeleteBucketPolicy"))
    archive(desk, 3, renamed(range(118, 123), "DeleteBucketPolicy"))
    archive(desk, 3.01, renamed(range(118, 119), "DeleteBucketPolicy"), late=1.5)
    archive(desk, 5, renamed(range(123, 126), "DeleteBucketPolicy"))
    archive(desk, 9, renamed(range(126, 127), "DeleteBucketPolicy"))
    before = len(desk.pages())
    desk.house.command("events")
    desk.submit(desk.opened[-1], **{NAME: "DeleteBucketPolicy", WHERE: HERE, SINCE: "7d"})
    (first,) = desk.pages()[before:]
    assert len(ids(first)) == 20
    assert f"The log group has none. From the archive in the bucket {BUCKET}" in json.dumps(first)
    desk.house.click("events.older", desk.buttons(first)["events.older"])
    (second,) = desk.pages()[before + 1 :]
    found = ids(first) + ids(second)
    assert sorted(found) == [UUID.format(n) for n in range(100, 126)], "each once, none older"
    assert "events.older" not in desk.buttons(second)
    desk.house.click("events.file", desk.buttons(second)["events.file"])
    assert len(json.loads(desk.uploads[-1][2])) == len(ids(second))
    assert "hourglass" not in json.dumps(desk.pages()[before:])


def test_the_last_page_of_the_log_group_leads_to_the_archive(desk: Desk) -> None:
    desk.house.command("events")
    archive(desk, 4, renamed(range(200, 203), "PutBucketPolicy"))
    desk.submit(desk.opened[-1], **{WHO: "kim", NAME: "PutBucketPolicy", SINCE: "7d"})
    told = desk.house.told()[-1]
    while "events.older" in desk.buttons(told):
        desk.house.click("events.older", desk.buttons(told)["events.older"])
        told = desk.house.told()[-1]
    assert "The log group has records since" in json.dumps(told)
    desk.house.click("events.archive", desk.buttons(told)["events.archive"])
    running, told = desk.house.told()[-2:]
    assert "Searching the archive" in running["text"]
    assert ids(told) == [UUID.format(n) for n in (202, 200)]


def test_a_search_of_the_archive_can_be_cancelled(desk: Desk) -> None:
    house = desk.house
    kept = house.deps

    def slow(config: Any, since: datetime, until: datetime | None = None) -> Iterator[Piece]:
        running = next(m for m in reversed(desk.pages()) if "Searching the archive" in m["text"])
        house.click("events.cancel", desk.buttons(running)["events.cancel"])
        found = {**record(300, utc_now()), "eventName": "GoneBy", "eventTime": iso(until or since)}
        yield Piece("one", data=json.dumps({"Records": [found]}).encode())
        raise AssertionError("it goes on")

    house.command("events")
    house.deps = replace(kept, archive=slow)
    desk.submit(desk.opened[-1], **{NAME: "GoneBy", WHERE: HERE, SINCE: "30d"})
    house.deps = kept
    page = desk.pages()[-1]
    assert "Cancelled by alice: of " in json.dumps(page)
    assert ids(page) == [UUID.format(300)]
    assert "events.older" in desk.buttons(page)
    stale = house.click("events.cancel", "1")
    assert stale.text == "This search has ended already."


def test_an_archive_that_cannot_be_read_is_said(desk: Desk) -> None:
    house = desk.house
    kept = house.deps
    denied = Problem("s3://x", "Nobody may read it.", denied=True)
    house.command("events")
    house.deps = replace(kept, archive=lambda config, since, until=None: iter([denied]))
    desk.submit(desk.opened[-1], **{NAME: "NeverCalled", SINCE: "90d"})
    house.deps = kept
    told = house.told()[-1]
    assert "cannot be read: Nobody may read it." in json.dumps(told)
