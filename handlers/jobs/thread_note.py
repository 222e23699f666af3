"""The job behind a reply in an alert's thread: where it is switched on, it becomes a note."""

from __future__ import annotations

from handlers.access import Role
from handlers.audit import note
from handlers.changing import ask_change
from handlers.deps import Deps
from handlers.jobs.alert_change import note_key
from handlers.jobs.job import JobContext
from handlers.request import Request
from handlers.slack_text import typed
from trailwatch.alert import AlertAction
from trailwatch.store import alert_notes, alerts, outbox

LONGEST = 10_000


def add(deps: Deps, job: JobContext) -> None:
    """Note it under the name of who wrote it; of those alone who may change alerts."""
    channel, user = str(job.args["channel"]), str(job.args["user_id"])
    with deps.db.reading() as tx:
        parent = outbox.at_ts(tx, channel, str(job.args["thread_ts"]))
        alert_id = parent.key.removeprefix("alert:") if parent else ""
        alert = alerts.get(tx, alert_id)
    if alert is None:
        return  # somebody else's thread, or one of a plan
    person = deps.people.find(user, channel)
    ts, edited = str(job.args["ts"]), str(job.args.get("edited", ""))
    request = Request(person, channel, "", "", f"thread:{channel}:{ts}:{edited}".removesuffix(":"))
    # A note cannot be changed over there, so what was corrected is one more.
    text = f"{'Corrected: ' if edited else ''}{typed(str(job.args['text']))}"[:LONGEST]
    with deps.db.transaction() as tx:
        if person.role < Role.RESPONDER:
            note(deps, tx, request, "alert.note", alert.title, "refused", alert_id=alert.id)
            return
        if alert_notes.is_kept(tx, note_key({"action": AlertAction.NOTE, "key": request.key})):
            return  # Slack tells of a message once more where it got no answer in time
        ask_change(deps, tx, request, alert, AlertAction.NOTE, "", note=text)
