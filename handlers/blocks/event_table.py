"""Knows how CloudTrail events look in a table. Every cell is text from outside, shown as it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC

from handlers.blocks import kit
from handlers.blocks.kit import Block, plain, table
from handlers.links import event_url
from trailwatch.address import OriginKind, origin_of
from trailwatch.alert import Alert
from trailwatch.event import Event
from trailwatch.follow_up import event_key
from trailwatch.tool import tool_of

_SUFFIX = ".amazonaws.com"


def short_table(
    events: Sequence[Event],
    offices: Collection[str] = (),
    accounts: Mapping[str, str] | None = None,
) -> Block:
    """The table in an alert: time in UTC, who, event and its object, from where, result.

    accounts: what to show for each event's account, where that is to be a column.

    Narrow, for phones: where all events are of one day (`one_day`) the caller names it.
    """
    day = one_day(events)
    rows = [
        [
            _time(event, day),
            who(event),
            did(event),
            origin(event, offices),
            result(event),
            *_account(event, accounts),
        ]
        for event in events
    ]
    head = ["UTC", "Who", "Event", "From", "Result"]
    return table(head if accounts is None else [*head, "Account"], rows, wrap=(1, 2, 4))


def long_table(
    events: Sequence[Event],
    offices: Collection[str] = (),
    accounts: Mapping[str, str] | None = None,
) -> Block:
    """The table in a thread: as the short one, and the service, error text, region and tool.

    The time of each leads to the event in CloudTrail's console.
    """
    day = one_day(events)
    rows: list[list[str | Block]] = [
        [
            _linked(event, day),
            who(event),
            did(event, service=True),
            origin(event, offices),
            result(event, message=True),
            plain(event.region, 20),
            tool(event),
            *_account(event, accounts),
        ]
        for event in events
    ]
    head = ["UTC", "Who", "Event", "From", "Result", "Region", "With"]
    return table(head if accounts is None else [*head, "Account"], rows, wrap=(1, 2, 4))


def _account(event: Event, accounts: Mapping[str, str] | None) -> list[str]:
    """The cell of the event's account, where there is such a column."""
    return [] if accounts is None else [accounts.get(event.account) or plain(event.account, 20)]


def since_shown(alert: Alert) -> tuple[Event, ...]:
    """What came after the events that an alert began with and is unlike them, newest first."""
    known = {event_key(event) for event in alert.events}
    return tuple(event for event in alert.recent if event_key(event) not in known)


def who(event: Event) -> str:
    """The human or machine, and through what: "jane@example.com via SSO AdministratorAccess"."""
    name = plain(event.actor, 80)
    return f"{name} via {plain(event.via, 60)}" if event.via else name


def did(event: Event, *, service: bool = False) -> str:
    """What was done and to what: "CreateUser → eve"; with the service where that is asked for."""
    name = plain(event.name, 64)
    if service:
        name = f"{name} ({_service(event)})"
    return f"{name} → {plain(event.target, 160)}" if event.target else name


def origin(event: Event, offices: Collection[str] = ()) -> str:
    """Where a call came from: an address, with the name of an own office or a VPC endpoint's id,
    or a service of AWS.
    """
    found = origin_of(event.address, event.vpc_endpoint, offices)
    address = plain(found.address, 64)
    if found.kind is OriginKind.OFFICE:
        return f"{address} ({plain(found.name, 40) if found.name else 'office'})"
    if found.kind is OriginKind.ENDPOINT:
        return f"{address} ({plain(found.name, 40)})"
    return plain(found.name, 64) if found.kind is OriginKind.SERVICE else address


def tool(event: Event) -> str:
    """What the call says that it was made with: "Terraform 1.9.2", "Firefox"."""
    return plain(str(tool_of(event.user_agent)), 60)


def result(event: Event, *, message: bool = False) -> str:
    """ "ok", or a cross and the error's code.

    With `message` also the error's text where the code alone says little, as in sign-ins.
    """
    if event.result == "ok":
        return "ok"
    shown = f"✗\u00a0{plain(event.result, 60)}"
    if message and event.error_message and event.error_code in ("", "Failure"):
        shown += f": {plain(event.error_message, 60)}"
    return shown


def _service(event: Event) -> str:
    """ "iam" for "iam.amazonaws.com"."""
    return plain(event.source.removesuffix(_SUFFIX), 40)


def one_day(events: Sequence[Event]) -> str:
    """The day of all events in UTC where it is the same, as "Nov 23", else ""."""
    days = {event.time.astimezone(UTC).date() for event in events}
    return f"{days.pop():%b %-d}" if len(days) == 1 else ""


def _linked(event: Event, day: str) -> str | Block:
    """The time with a link to the event; plain where its id or region is of no form of AWS's."""
    url = event_url(event.region, event.id)
    return kit.rich_text(kit.words(kit.web(url, _time(event, day)))) if url else _time(event, day)


def _time(event: Event, day: str) -> str:
    moment = event.time.astimezone(UTC)
    return f"{moment:%H:%M:%S}" if day else f"{moment:%b %-d %H:%M:%S}"
