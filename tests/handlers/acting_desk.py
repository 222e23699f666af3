"""A bot whose alerts Opsgenie has, too, and what tests do to them as people would."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import opsgenie_sdk

from handlers.access import Person, Role
from handlers.modals.modal import Submission
from handlers.modals.table import modal_of, submitted
from trailwatch.alert import Alert
from trailwatch.store import alerts

HOSTILE = "<!channel> *x* <https://evil.example.com|y> \u202e`z`"
ALARM = "trailwatch-root-usage"


def made_desk(make_house: Callable[..., Any]) -> Any:
    """A house with an escalation, and bob behind the IAM user bobby."""
    house = make_house(OPSGENIE_ESCALATION="security_escalation", TRAILWATCH_PEOPLE="bobby=U0BOB")

    def find(user_id: str, channel: str = "") -> Person:
        name = user_id.removeprefix("U0").lower()
        role = Role.ADMIN if name == "alice" else Role.RESPONDER
        return Person(user_id, name, f"{name}@example.com", role=role)

    house.deps.people.find = find
    house.client("logs").create_log_group(logGroupName="/trailwatch/cloudtrail")
    return house


def new_alert(desk: Any) -> Alert:
    """An alert that Opsgenie has, too."""
    desk.number = getattr(desk, "number", 0) + 1
    arn = f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{ALARM}-{desk.number}"
    body = opsgenie_sdk.CreateAlertPayload(
        message=f"{ALARM}-{desk.number}", alias=arn, priority="P3", tags=["trailwatch"]
    )
    api_of(desk).create_alert(body, _request_timeout=30)
    found: Alert = settle(desk, lambda: find(desk, arn))
    return found


def api_of(desk: Any) -> Any:
    """Opsgenie's API with a key that may do everything."""
    configuration = opsgenie_sdk.Configuration()
    configuration.host = desk.opsgenie.url
    configuration.api_key = {"Authorization": desk.opsgenie.api_key}
    return opsgenie_sdk.AlertApi(opsgenie_sdk.ApiClient(configuration=configuration))


def notes_of(desk: Any, alert: Alert) -> list[str]:
    answer = api_of(desk).list_notes(alert.router_id, _request_timeout=30)
    return [one.note for one in answer.data]


def find(desk: Any, arn: str) -> Alert | None:
    desk.job("alert.reconcile")
    with desk.deps.db.reading() as tx:
        return alerts.newest_by_alias(tx, arn)


def settle(desk: Any, look: Callable[[], Any]) -> Any:
    """Work until something is true; jobs that wait for Opsgenie come again after a moment."""
    for _ in range(200):
        desk.work()
        if found := look():
            return found
        desk.pass_time(seconds=0.5)
    raise AssertionError("it did not come true")


def now_is(desk: Any, alert: Alert) -> Alert:
    with desk.deps.db.reading() as tx:
        found = alerts.get(tx, alert.id)
    assert found is not None
    return found


def theirs(desk: Any, alert: Alert) -> dict[str, Any]:
    return next(one for one in desk.opsgenie.alerts() if one["id"] == alert.router_id)


def thread(desk: Any, alert: Alert) -> str:
    return " | ".join(one["text"] for one in desk.messages(f"alert:{alert.id}:"))


def shown(desk: Any, alert: Alert) -> dict[str, Any]:
    return next(m for m in desk.messages(f"alert:{alert.id}") if m["key"] == f"alert:{alert.id}")


def parsed(value: Any) -> Iterator[str]:
    """Every text in which Slack would read markup."""
    if isinstance(value, dict):
        if value.get("type") in ("plain_text", "text"):
            return
        for name, part in value.items():
            if name == "text" and isinstance(part, str):
                yield part
            yield from parsed(part)
    elif isinstance(value, list):
        for part in value:
            yield from parsed(part)


def choose(desk: Any, alert: Alert, choice: str) -> Mapping[str, Any]:
    before = len(desk.views)
    desk.click("alert.more", selected=f"{choice}:{alert.id}")
    assert len(desk.views) == before + 1
    view: Mapping[str, Any] = desk.views[-1]
    return view


def submit(
    desk: Any,
    callback: str,
    about: str,
    texts: Mapping[str, str] | None = None,
    user: str = "U0ALICE",
    **chosen: str,
) -> None:
    desk.count = getattr(desk, "count", 0) + 1
    submission = Submission(
        person=desk.deps.people.find(user),
        channel="C0ALERTS",
        response_url="https://example.com/answer",
        trigger_id="",
        key=f"view-{desk.count}",
        about=about,
        texts=texts or {},
        chosen={name: (value,) for name, value in chosen.items()},
    )
    submitted(desk.deps, modal_of(callback), submission)
    desk.work()
