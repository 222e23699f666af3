"""Knows a CloudTrail event as a record has it. Pure: never fetches one, never escapes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trailwatch.actor import actor_of
from trailwatch.clock import parse_time
from trailwatch.record import text_at
from trailwatch.target import target_of


@dataclass(frozen=True)
class Event:
    """One CloudTrail record, reduced to what a person needs to judge it.

    Everything but `time` is text written by whoever made the call. Source of the fields:
    "CloudTrail record contents" in the AWS CloudTrail user guide.
    """

    id: str
    time: datetime
    name: str
    source: str
    region: str
    account: str
    actor: str
    """The human or the machine behind the call, resolved by trailwatch.actor."""
    actor_kind: str
    """userIdentity.type, e.g. "IAMUser", "AssumedRole", "Root"."""
    via: str
    """The role or service that the actor used; empty for a user's own call."""
    address: str
    user_agent: str
    error_code: str
    error_message: str
    read_only: bool
    sure: bool = False
    """Whether `actor` is no name of the caller's own choice (trailwatch.actor)."""
    raw: str = ""
    """The record as JSON, where it is wanted; empty in stored alerts."""
    vpc_endpoint: str = ""
    """The VPC endpoint that the call went through, "vpce-…"."""
    target: str = ""
    """What it was done to (trailwatch.target): "eve: AdministratorAccess"."""

    @property
    def result(self) -> str:
        """ "ok", the error's code, or for sign-ins "Success"/"Failure" as the record says."""
        return self.error_code or ("failed" if self.error_message else "ok")


class BadRecord(ValueError):
    """A text that is no CloudTrail record; the message names what is missing."""


def parse_event(text: str) -> Event:
    """A CloudTrail record (one JSON object) as an Event; raises BadRecord."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRecord(f"not JSON: {error}") from error
    if not isinstance(record, dict):
        raise BadRecord("not a JSON object")
    return event_of(record, raw=text)


def event_of(record: Mapping[str, Any], *, raw: str = "") -> Event:
    """A decoded CloudTrail record as an Event; raises BadRecord where time or name is missing."""
    try:
        time = parse_time(text_at(record, "eventTime"))
    except ValueError as error:
        raise BadRecord(f"eventTime: {error}") from error
    name = text_at(record, "eventName")
    if not name:
        raise BadRecord("eventName is missing")
    actor = actor_of(record)
    error_code = text_at(record, "errorCode")
    if not error_code and text_at(record, "responseElements", name) == "Failure":
        error_code = "Failure"
    return Event(
        id=text_at(record, "eventID"),
        time=time,
        name=name,
        source=text_at(record, "eventSource"),
        region=text_at(record, "awsRegion"),
        account=text_at(record, "recipientAccountId")
        or text_at(record, "userIdentity", "accountId"),
        actor=actor.name,
        actor_kind=actor.kind,
        via=actor.via,
        address=text_at(record, "sourceIPAddress"),
        user_agent=text_at(record, "userAgent"),
        error_code=error_code,
        error_message=text_at(record, "errorMessage"),
        read_only=record.get("readOnly") in (True, "true"),
        sure=actor.sure,
        raw=raw,
        vpc_endpoint=text_at(record, "vpcEndpointId"),
        target=target_of(record),
    )
