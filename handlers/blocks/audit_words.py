"""Knows what the audit log's actions and outcomes are called for people. Pure."""

from __future__ import annotations

from setup.change import LABELS

WORDS = {
    "access.grant": "grant a role",
    "access.revoke": "take a role back",
    "alarm.mute": "mute the alarm",
    "alarm.unmute": "end the mute",
    "alert.acknowledge": "acknowledge",
    "alert.assign": "assign",
    "alert.change": "change owner or priority",
    "alert.close": "close",
    "alert.escalate": "escalate",
    "alert.events": "see the events",
    "alert.more": "choose from the menu",
    "alert.note": "add a note",
    "alert.pause": "snooze or mute",
    "alert.priority": "change the priority",
    "alert.snooze": "snooze",
    "alert.unacknowledge": "take the acknowledgement back",
    "backtest": "run a backtest",
    "backtest.cancel": "cancel a backtest",
    "coverage": "see the coverage",
    "detections.add": "add a detection",
    "detections.remove": "remove a detection",
    "digest.now": "ask for the digest",
    "drift.accept": "accept a drift",
    "drift.ignore": "ignore a drift for a while",
    "drift.look": "look for drift again",
    "drift.more": "see more of a drift",
    "drift.record": "see a record of a drift",
    "drift.restore": "restore what drifted",
    "events.archive": "search the archive",
    "events.cancel": "cancel a search",
    "events.file": "get events as a file",
    "events.find": "search events",
    "events.older": "see older events",
    "events.open_search": "open the search",
    "events.page": "see older events",
    "events.search": "search events",
    "identity.answer": "answer “Was this you?”",
    "identity.ask": "ask “Was this you?”",
    "identity.no": "answer “Was this you?”",
    "identity.yes": "answer “Was this you?”",
    "import.write": "import what stands",
    "letters.resend": "send a dead letter again",
    "migrate.test": "test both on-call services",
    "mute.end": "end the mute",
    "pattern.explain": "explain a pattern",
    "pattern.test": "test a pattern",
    "plan.again": "plan the rest",
    "plan.apply": "apply the plan",
    "plan.cancel": "stop the plan",
    "plan.destroy": "take the pipeline down",
    "plan.discard": "discard the plan",
    "plan.rollback": "plan the way back",
    "setup.apply": "apply the plan",
    "setup.cancel": "stop the plan",
    "setup.create": "create",
    "setup.delete": "delete",
    "setup.discard": "discard the plan",
    "setup.drift": "look for drift",
    "setup.export": "export the pipeline",
    "setup.import": "import what stands",
    "setup.lint": "lint the pipeline",
    "setup.plan": "make a plan",
    "setup.plan_again": "plan the rest",
    "setup.plan_back": "plan the way back",
    "setup.restore": "restore what drifted",
    "setup.rotate_secret": "renew the webhook’s secret",
    "setup.status": "see how the pipeline stands",
    "setup.update": "change",
    "storm.acknowledge": "acknowledge all of a storm",
    "storm.close": "close all of a storm",
    "storm.open": "see an alert of a storm",
}
"""What somebody did or wanted, by the name that the code has for it."""

ASKED = frozenset({"asked", "started"})
"""Outcomes that say no more than that it was begun."""

_OUTCOMES = {
    "asked": "asked for",
    "started": "asked for",
    "applied": "applied",
    "proposed": "proposed",
    "stale": "not applied: something had changed",
    "expired": "refused: the plan had expired",
    "cancelled": "stopped on the way",
    "written": "done",
}


def action_words(action: str) -> str:
    """What an action is called; a command's name is shown as it is typed."""
    return WORDS.get(action, action if "." in action else f"/trailwatch {action}".rstrip())


def outcome_words(outcome: str) -> str:
    """What an outcome is called."""
    return _OUTCOMES.get(outcome, outcome)


def subject_words(subject: str) -> str:
    """What a resource ("kind:name") is called; anything else stays."""
    kind, colon, name = subject.partition(":")
    return f"{LABELS[kind]} {name}" if colon and kind in LABELS else subject
