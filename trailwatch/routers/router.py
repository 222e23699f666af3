"""Knows what an on-call service is asked and tells of an alert, whichever it is. Calls none."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from trailwatch.alert import AlertState
from trailwatch.clock import parse_time
from trailwatch.errors import RouterError

MOST_OPEN = 20_000
"""Open alerts that are read at most: Opsgenie gives no page beyond (offset + limit, its docs)."""
PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds before a page that was refused is asked for again."""
LONGEST_PAUSE = 10.0

T = TypeVar("T")


def page_of(ask: Callable[[], T], first: bool, sleep: Callable[[float], None] = time.sleep) -> T:
    """One page of a long list: asked for again where the service refuses, as else all pages
    before would have been read for nothing. Not so the first: whoever asks tries again later.
    """
    for pause in () if first else PAUSES:
        try:
            return ask()
        except RouterError as error:
            if not error.retryable:
                raise
            sleep(min(LONGEST_PAUSE, error.retry_after or pause))
    return ask()


class RouterName(StrEnum):
    """Where a site's alarms go to."""

    OPSGENIE = "opsgenie"
    JSM = "jsm"
    DIRECT = "direct"


TITLES = {
    RouterName.OPSGENIE: "Opsgenie",
    RouterName.JSM: "Jira Service Management",
    RouterName.DIRECT: "",
}
"""What people call each; "" for the bot itself."""


@dataclass(frozen=True)
class RoutedAlert:
    """An alert as the on-call service itself has it now. Times are UTC-aware."""

    id: str
    alias: str
    tiny_id: str
    message: str
    state: AlertState
    priority: str
    created_at: datetime
    updated_at: datetime
    count: int = 1
    owner: str = ""
    acknowledged_by: str = ""
    closed_by: str = ""
    snoozed_until: datetime | None = None
    description: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Remark:
    """A note on an alert, or a line of its log, as the on-call service keeps it.

    id: the service's own, or made of what never changes; by: a user's name there.
    """

    id: str
    text: str
    by: str
    at: datetime


@dataclass(frozen=True)
class RequestStatus:
    """What became of a request that the service takes now and carries out later."""

    done: bool
    success: bool = False
    reason: str = ""


class AlertRouter(Protocol):
    """Acts on and reads alerts. Every action returns a request's id; all raise RouterError."""

    @property
    def name(self) -> str: ...

    @property
    def unnoted(self) -> frozenset[str]:
        """The actions that take no note with them."""
        ...

    def acknowledge(self, alert_id: str, user: str, note: str = "") -> str: ...

    def unacknowledge(self, alert_id: str, user: str, note: str = "") -> str: ...

    def close(self, alert_id: str, user: str, note: str = "") -> str: ...

    def add_note(self, alert_id: str, user: str, note: str) -> str: ...

    def snooze(self, alert_id: str, user: str, until: datetime, note: str = "") -> str: ...

    def assign(self, alert_id: str, user: str, owner: str, note: str = "") -> str: ...

    def escalate(self, alert_id: str, user: str, escalation: str, note: str = "") -> str: ...

    def set_priority(self, alert_id: str, priority: str) -> str: ...

    def request_status(self, request_id: str) -> RequestStatus: ...

    def find(self, alert_id: str) -> RoutedAlert | None: ...

    def notes(self, alert_id: str) -> list[Remark]:
        """The notes on an alert, oldest first; of very many the newest."""
        ...

    def log(self, alert_id: str) -> list[Remark]:
        """The newest lines of what happened to an alert there, oldest first."""
        ...

    def list_open(self, limit: int = MOST_OPEN) -> list[RoutedAlert]: ...

    def list_closed(self, since: datetime) -> list[RoutedAlert]:
        """Alerts that were made after `since` and are closed by now: maybe nobody told of them."""
        ...


def is_before(page: Sequence[RoutedAlert], since: datetime | None) -> bool:
    """Whether a list, newest first, has come to what was made before `since`."""
    return since is not None and bool(page) and page[-1].created_at <= since


def made_after(found: Sequence[RoutedAlert], since: datetime | None) -> list[RoutedAlert]:
    """Those made after `since`; all where it is None."""
    return [one for one in found if since is None or one.created_at > since]


def routed_alert(data: Mapping[str, Any]) -> RoutedAlert:
    """An alert as Opsgenie's API, its SDK's `to_dict` or Jira Service Management's shows it.

    Takes both spellings of the keys; what is of another type than documented costs its field only.
    """

    def get(snake: str, camel: str) -> Any:
        value = data.get(snake)
        return data.get(camel) if value is None else value

    report = _mapping(data.get("report"))
    snoozed_until = _moment(get("snoozed_until", "snoozedUntil"))
    return RoutedAlert(
        id=str(data.get("id") or ""),
        alias=str(data.get("alias") or ""),
        tiny_id=str(get("tiny_id", "tinyId") or ""),
        message=str(data.get("message") or ""),
        state=_state(data, snoozed_until),
        priority=str(data.get("priority") or ""),
        created_at=_moment(get("created_at", "createdAt")) or datetime.now(UTC),
        updated_at=_moment(get("updated_at", "updatedAt")) or datetime.now(UTC),
        count=_count(data.get("count")),
        owner=str(data.get("owner") or ""),
        acknowledged_by=str(report.get("acknowledged_by") or report.get("acknowledgedBy") or ""),
        closed_by=str(report.get("closed_by") or report.get("closedBy") or ""),
        snoozed_until=snoozed_until,
        description=str(data.get("description") or ""),
        details={
            str(k): str(v)
            for k, v in _mapping(data.get("details") or data.get("extraProperties")).items()
        },
        tags=tuple(str(tag) for tag in _list(data.get("tags"))),
    )


def remark(data: Mapping[str, Any], text: str) -> Remark:
    """A note or a line of a log as a service's API shows it; `text` names the key of its words.

    Opsgenie gives no id: then it is made of the words, who wrote them and when.
    """
    words, by = str(data.get(text) or ""), str(data.get("owner") or "")
    at = _moment(data.get("createdAt") or data.get("created_at")) or datetime.now(UTC)
    made = hashlib.sha256(f"{at.isoformat()}|{by}|{words}".encode()).hexdigest()[:24]
    return Remark(str(data.get("id") or made), words, by, at)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 1


def _state(data: Mapping[str, Any], snoozed_until: datetime | None) -> AlertState:
    if data.get("status") == "closed":
        return AlertState.CLOSED
    if data.get("snoozed") and snoozed_until is not None:
        return AlertState.SNOOZED
    return AlertState.ACKNOWLEDGED if data.get("acknowledged") else AlertState.OPEN


def _moment(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        try:
            return datetime.fromtimestamp(value / 1000, UTC)
        except (OverflowError, ValueError, OSError):
            return None
    if isinstance(value, str) and value:
        try:
            return parse_time(value)
        except (ValueError, OverflowError):
            return None
    return None


def router_of(identifier: str) -> RouterName:
    """The service that an alert's or a request's id is of, as `Routers` writes it."""
    name, colon, _ = identifier.partition(":")
    for known in (RouterName.JSM, RouterName.DIRECT):
        if colon and name == known:
            return known
    return RouterName.OPSGENIE


def marked(name: str, identifier: str) -> str:
    """An id with its service before it; Opsgenie's stay as they are, as they always were."""
    return identifier if name == RouterName.OPSGENIE else f"{name}:{identifier}"


def title_of(router_id: str) -> str:
    """What people call the service that an alert's id is of; "" where there is none."""
    return TITLES[router_of(router_id)]


def _ours(alert: RoutedAlert, name: str) -> RoutedAlert:
    """The alert with its service in its id."""
    return replace(alert, id=marked(name, alert.id))


@dataclass(frozen=True)
class Listed:
    """The open alerts of one service, or why it did not tell them."""

    name: str
    alerts: tuple[RoutedAlert, ...] = ()
    error: RouterError | None = None


class Routers:
    """All on-call services of this process as one: ids say whose they are ("direct:5f3c")."""

    name = "all"

    def __init__(self, routers: Iterable[AlertRouter], in_use: Callable[[], Iterable[str]]) -> None:
        """in_use: the names of those whose open alerts are to be listed."""
        self._routers = {router.name: router for router in routers}
        self._in_use = in_use

    def acknowledge(self, alert_id: str, user: str, note: str = "") -> str:
        router, own = self._of(alert_id)
        return marked(router.name, router.acknowledge(own, user, note))

    def unacknowledge(self, alert_id: str, user: str, note: str = "") -> str:
        router, own = self._of(alert_id)
        return marked(router.name, router.unacknowledge(own, user, note))

    def close(self, alert_id: str, user: str, note: str = "") -> str:
        router, own = self._of(alert_id)
        return marked(router.name, router.close(own, user, note))

    def add_note(self, alert_id: str, user: str, note: str) -> str:
        router, own = self._of(alert_id)
        return marked(router.name, router.add_note(own, user, note))

    def snooze(self, alert_id: str, user: str, until: datetime, note: str = "") -> str:
        router, own = self._of(alert_id)
        return marked(router.name, router.snooze(own, user, until, note))

    def assign(self, alert_id: str, user: str, owner: str, note: str = "") -> str:
        router, own = self._of(alert_id)
        return marked(router.name, router.assign(own, user, owner, note))

    def escalate(self, alert_id: str, user: str, escalation: str, note: str = "") -> str:
        router, own = self._of(alert_id)
        return marked(router.name, router.escalate(own, user, escalation, note))

    def set_priority(self, alert_id: str, priority: str) -> str:
        router, own = self._of(alert_id)
        return marked(router.name, router.set_priority(own, priority))

    def request_status(self, request_id: str) -> RequestStatus:
        router, own = self._of(request_id)
        return router.request_status(own)

    def find(self, alert_id: str) -> RoutedAlert | None:
        router, own = self._of(alert_id)
        found = router.find(own)
        return found and _ours(found, router.name)

    def reaches(self, alert_id: str) -> bool:
        """Whether the settings have a way to the service that an alert's id is of."""
        return router_of(alert_id) in self._routers

    def takes_note(self, alert_id: str, action: str) -> bool:
        """Whether an action takes a note with it in the service that has the alert."""
        router, _ = self._of(alert_id)
        return action not in router.unnoted

    def notes(self, alert_id: str) -> list[Remark]:
        router, own = self._of(alert_id)
        return router.notes(own)

    def log(self, alert_id: str) -> list[Remark]:
        router, own = self._of(alert_id)
        return router.log(own)

    def list_open(self, limit: int = MOST_OPEN) -> list[RoutedAlert]:
        """The open alerts of all services in use; raises RouterError where one does not answer."""
        found: list[RoutedAlert] = []
        for listed in self.each_open(limit):
            if listed.error is not None:
                raise listed.error
            found += listed.alerts
        return found

    def each_open(
        self, limit: int = MOST_OPEN, since: Mapping[str, datetime] | None = None
    ) -> list[Listed]:
        """The open alerts of each service in use, by itself.

        since: by the services' names; and those made after it that are closed by now.
        """
        given = since or {}
        return [
            self._listed(name, limit, given.get(name)) for name in dict.fromkeys(self._in_use())
        ]

    def _listed(self, name: str, limit: int, since: datetime | None) -> Listed:
        try:
            router, _ = self._of(marked(name, ""))
            found = router.list_open(limit)
            # After the open ones: what is closed between the two is in one of them.
            found += router.list_closed(since) if since is not None else []
            alerts = tuple(_ours(one, name) for one in {one.id: one for one in found}.values())
        except RouterError as error:
            return Listed(name, error=error)
        return Listed(name, alerts)

    def _of(self, identifier: str) -> tuple[AlertRouter, str]:
        name = router_of(identifier)
        if name not in self._routers:
            raise RouterError(
                f"There is no way to {name.value} in the settings.",
                f"The alert {identifier} is there.",
                "Set its address and key again, or close the alert there.",
            )
        own = identifier if name is RouterName.OPSGENIE else identifier.partition(":")[2]
        return self._routers[name], own
