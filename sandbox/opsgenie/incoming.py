"""Knows the Incoming Amazon SNS endpoint and what its messages do. Never decides who may call."""

from __future__ import annotations

import http.client
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from sandbox.opsgenie.alert import Unprocessed, Who
from sandbox.opsgenie.answers import Refusal, Reply, Request
from sandbox.opsgenie.book import AlertBook
from sandbox.opsgenie.integrations import Integration, Integrations
from sandbox.opsgenie.regex import Matcher
from sandbox.opsgenie.rules import Decision, decide
from sandbox.opsgenie.timetable import Timetable
from sandbox.wire import CallLog

DEFAULT_ACTIONS: Mapping[str, Any] = {
    # What a new integration does before anybody changes it is not documented; this is a guess.
    "create": [
        {
            "name": "Create Alert",
            "order": 1,
            "filter": {"conditionMatchType": "match-all", "conditions": []},
            "message": "{{Subject}}",
            "description": "{{Message}}",
            "alias": "{{MessageId}}",
            "source": "{{TopicArn}}",
        }
    ]
}
ACTS = {"close": "close", "acknowledge": "acknowledge", "addNote": "note"}


class AmazonSnsEndpoint:
    """POST /v1/json/amazonsns?apiKey=KEY: confirms subscriptions and runs the actions."""

    def __init__(
        self,
        integrations: Integrations,
        book: AlertBook,
        timetable: Timetable,
        matcher: Matcher,
        calls: CallLog,
        delay: float,
    ) -> None:
        self._integrations = integrations
        self._book = book
        self._timetable = timetable
        self._matcher = matcher
        self._calls = calls
        self._delay = delay
        self._confirmations: list[threading.Thread] = []

    def handle(self, request: Request) -> Reply:
        """Raises Refusal: 401 for the key, 400 and 422 for what is no SNS message."""
        integration = self._integrations.by_key(request.query.get("apiKey", ""))
        if integration is None or integration.type != "AmazonSns" or not integration.enabled:
            raise Refusal(401)
        message = request.json(required=True)
        kind = message.get("Type")
        if kind == "SubscriptionConfirmation":
            self._confirm(str(message.get("SubscribeURL", "")))
        elif kind == "Notification":
            self._timetable.after(self._delay, lambda: self._run(integration, message))
        elif kind != "UnsubscribeConfirmation":
            raise Refusal(422, errors={"Type": f"{kind!r} is no type of Amazon SNS message."})
        return Reply(200, {"result": "Successful call"})

    def stop(self) -> None:
        for thread in self._confirmations:
            thread.join(6)

    def _confirm(self, url: str) -> None:
        if not url.startswith(("http://127.0.0.1:", "http://localhost:")):
            raise Refusal(422, errors={"SubscribeURL": "the sandbox confirms on loopback only."})
        # On a thread: SNS waits for this answer while it would have to answer that call.
        thread = threading.Thread(target=self._visit, args=(url,), daemon=True)
        self._confirmations = [t for t in self._confirmations if t.is_alive()] + [thread]
        thread.start()

    def _visit(self, url: str) -> None:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 loopback, above
                status = response.status
                response.read()
        except urllib.error.HTTPError as error:
            with error:
                status = error.code
        except (OSError, http.client.HTTPException):
            status = 0
        shown = {"url": url.split("?", 1)[0]}
        self._calls.add("opsgenie", "confirm SNS subscription", shown, status, 0.0)

    def _run(self, integration: Integration, message: Mapping[str, Any]) -> None:
        decision = decide(integration.actions, message, self._matcher)
        if decision is None or decision.category == "ignore":
            return
        who = Who(
            decision.fields["user"] or integration.name,
            decision.fields.get("source") or integration.type,
            integration.type,
            integration.brief(),
        )
        if decision.category == "create":
            self._create(integration, decision, who)
            return
        alert = self._book.find(decision.fields["alias"], "alias")
        if alert is None:
            return
        body = {"note": decision.fields["note"]}
        if decision.category == "addNote" and not body["note"]:
            return
        try:
            self._book.apply(alert.id, ACTS[decision.category], body, who)
        except Unprocessed:
            return  # already acknowledged: as in the service, nothing happens

    def _create(self, integration: Integration, decision: Decision, who: Who) -> None:
        settings = integration.settings
        fields = dict(decision.fields)
        fields["message"] = fields["message"] or "(no message)"
        fields["tags"] = (*fields["tags"], *settings.get("tags", ()))[:20]
        fields["details"] = {**settings.get("extraProperties", {}), **fields["details"]}
        fields["responders"] = fields["responders"] or tuple(_responders(settings))
        self._book.create(fields, who)


def _responders(settings: Mapping[str, Any]) -> list[dict[str, str]]:
    """The integration's own responders, else the team that owns it."""
    own = settings.get("responders")
    team = settings.get("ownerTeam")
    if own or not team:
        return list(own or ())
    return [{"type": "team", "id": team["id"], "name": team.get("name", team["id"])}]
