"""Knows who can be asked whether an alert was their doing, and how question and answer look."""

from __future__ import annotations

from datetime import datetime

from handlers.blocks import kit
from handlers.blocks.event_table import did, since_shown
from handlers.blocks.kit import Message, code, date, esc, label
from trailwatch.alert import Alert
from trailwatch.who import PEOPLE

YES, NO = "identity.yes", "identity.no"
WHO_ASK = "who_ask"
"""Where an alert keeps whom its events were followed back to, "" for nobody who is sure."""


def who_to_ask(alert: Alert) -> str:
    """The person behind the alert's events; "" where they are several, unsure, or asked already.

    A role session's name is the caller's own choice, so whoever it names is not asked; but the
    session may have been followed back to who began it.
    """
    if alert.extra.get("you_name") or not alert.events:
        return ""
    person = _behind(alert)
    others = (event for event in since_shown(alert) if event.sure and event.actor != person)
    return "" if any(others) else person


def _behind(alert: Alert) -> str:
    if WHO_ASK in alert.extra:
        return alert.extra[WHO_ASK]
    if any(not event.sure or event.actor_kind not in PEOPLE for event in alert.events):
        return ""
    names = {event.actor for event in alert.events}
    # Until it is known who somebody else is in Slack, only an e-mail address says so.
    return names.pop() if len(names) == 1 and all("@" in name for name in names) else ""


def not_asked(name: str) -> str:
    """Why nobody is offered to be asked, and the setting that is needed, as mrkdwn."""
    return (
        f"{esc(name, 80)} is nobody who is known in Slack, so nobody can be asked whether it was "
        "them. An IAM user's person is named by the setting TRAILWATCH_PEOPLE."
    )


def asked_line(alert: Alert) -> str:
    """What became of the question, as mrkdwn; "" where nobody was asked."""
    words = _words(alert)
    return f":speech_balloon: {words}" if words else ""


def asked_sentence(alert: Alert) -> str:
    """The same for the text of a notification."""
    words = _words(alert)
    return f"{words}." if words else ""


def _words(alert: Alert) -> str:
    name = alert.extra.get("you_name", "")
    if not name:
        return ""
    who = esc(name, 80)
    reason = alert.extra.get("you_reason", "")
    because = f": “{esc(reason, 300)}”" if reason else ""
    return {
        "": f"Asked {who} whether it was them",
        "yes": f"{who} says: it was me{because}",
        "no": f"*{who} says: it was not me*",
        "nothing": f"*{who} did not answer* whether it was them",
        "unasked": f"{who} could not be asked whether it was them",
    }.get(alert.extra.get("you_answer", ""), "")


def question_message(alert: Alert, question_id: str, asked_by: str, until: datetime) -> Message:
    """The direct message that asks; everything in it comes from outside."""
    event = alert.events[0]
    caller = f"{event.actor} via {event.via}" if event.via else event.actor
    what = f"{label(alert.title, 150)}: {label(did(event), 200)} as {label(caller, 150)}"
    text = (
        f"Was this you? {esc(alert.title, 120)}: {esc(did(event), 200)} "
        f"from {esc(event.address, 80)}, asked by {esc(asked_by, 80)}."
    )
    return kit.message(
        text,
        [
            kit.header(":bust_in_silhouette: Was this you?"),
            kit.section(
                kit.plain_text(what, 600),
                fields=kit.fields(
                    [
                        ("When", date(event.time)),
                        ("From", code(event.address, 80)),
                        ("With", code(event.user_agent, 150) if event.user_agent else ""),
                        ("Account", code(event.account, 32) if event.account else ""),
                    ]
                ),
            ),
            kit.actions(
                kit.button("Yes, it was me…", YES, question_id),
                kit.button("No, it was not me", NO, question_id, style="danger"),
            ),
            kit.context(
                f"{esc(asked_by, 80)} asks. Without an answer the alert is escalated {date(until)}."
            ),
        ],
    )


def answered_message(title: str, answer: str, reason: str) -> Message:
    """What the direct message says once it is answered or over."""
    said = {
        "yes": "You said that it was you",
        "no": "You said that it was not you: the alert is escalated",
        "nothing": "You did not answer in time: the alert is escalated",
    }.get(answer, "This question is over")
    because = f": “{esc(reason, 300)}”" if reason else ""
    text = f"{esc(title, 120)}. {said}{because}."
    return kit.message(text, [kit.section(text)])
