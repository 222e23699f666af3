"""Knows how a webhook's request is answered: 200 only once it is committed. Acts on none."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container
from typing import Protocol

from bot.web import View, WebRequest, WebResponse, answer
from handlers.webhooks import sns
from handlers.webhooks.opsgenie import HEADER, BadPayload, authentic, body_key, parse
from trailwatch.clock import Clock
from trailwatch.errors import ProviderError
from trailwatch.sns_message import BadSnsMessage
from trailwatch.store import inbox
from trailwatch.store.database import Database

log = logging.getLogger("trailwatch.webhooks")

KEPT = 4000
"""Characters that are kept of a body that nobody understands."""


class Secrets(Protocol):
    """The secrets in force; `anew` asks the store, which another replica may have changed."""

    def __call__(self, *, anew: bool = False) -> tuple[str, ...]: ...


def opsgenie_view(db: Database, clock: Clock, secrets: Secrets, source: str = "opsgenie") -> View:
    """The view of POST /webhooks/opsgenie, and of /webhooks/jsm with `source` "jsm".

    401 for a wrong secret; 400 with the reason for a body that is no webhook, which is kept and
    shown in /trailwatch status; 503 while the store does not answer, so that Opsgenie tries again.
    """

    def view(request: WebRequest) -> WebResponse:
        try:
            token = request.headers.get(HEADER.lower())
            # A secret that was renewed this moment is in use before the kept ones are read again.
            if not (authentic(token, secrets()) or authentic(token, secrets(anew=True))):
                log.warning("webhook refused: wrong or missing %s", HEADER)
                return answer(401, error=f"the header {HEADER} is missing or wrong")
            return _take(db, clock, request.body, source)
        except ProviderError as error:
            log.error("webhook not taken: %s", error.what)
            return answer(503, error="the store does not answer; try again")

    return view


def sns_view(
    db: Database,
    clock: Clock,
    topics: Callable[[], Container[str]],
    certificates: sns.Certificates,
) -> View:
    """The view of POST /webhooks/sns.

    403 for what SNS did not send for a topic of ours; 503 while the store, or what is needed to
    tell, does not answer, so that SNS tries again.
    """

    def view(request: WebRequest) -> WebResponse:
        try:
            now = clock()
            message = sns.genuine(request.body, topics(), certificates, now)
            with db.hurried(), db.transaction() as tx:
                fresh = inbox.put(
                    tx,
                    key=sns.key_of(message),
                    source=sns.SOURCE,
                    body=request.body.decode("utf-8", "replace").replace("\x00", "\ufffd"),
                    at=now,
                    lane=sns.lane_of(message),
                )
        except BadSnsMessage as error:
            log.warning("message refused: %s", error)
            return answer(403, error=f"this is no message of SNS's for this bot: {error}")
        except ProviderError as error:
            log.error("message not taken: %s", error.what)
            return answer(503, error="what is needed to take it does not answer; try again")
        log.info("message %s %s", message.id, "taken" if fresh else "seen before")
        return answer(200, result="taken" if fresh else "seen before")

    return view


def _take(db: Database, clock: Clock, body: bytes, source: str) -> WebResponse:
    now = clock()
    text = body.decode("utf-8", "replace").replace("\x00", "\ufffd")
    try:
        notification = parse(body, now, source)
    except BadPayload as error:
        _keep_refused(db, clock, body, text, str(error), source)
        return answer(400, error=f"this is no webhook of {source}'s: {error}")
    with db.hurried(), db.transaction() as tx:
        fresh = inbox.put(
            tx,
            key=notification.key,
            source=notification.source,
            body=text,
            at=now,
            lane=notification.alert_id,
        )
    log.info("webhook key=%s %s", notification.key, "taken" if fresh else "seen before")
    return answer(200, result="taken" if fresh else "seen before")


def _keep_refused(
    db: Database, clock: Clock, body: bytes, text: str, why: str, source: str
) -> None:
    """Keep it among the dead letters: nothing that came with our secret is lost."""
    with db.transaction() as tx:
        key = body_key(body, source)
        inbox.put_dead(tx, key=key, source=source, body=text[:KEPT], at=clock(), error=why)
    log.warning("webhook not understood: %s", why)
