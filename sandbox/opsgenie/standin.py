"""Knows how the Opsgenie stand-in is put together, and who may call what. Never Slack or AWS."""

from __future__ import annotations

import hmac
import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from sandbox.faults import Faults
from sandbox.opsgenie.alert import ACTIONS, Unprocessed, Who, full
from sandbox.opsgenie.answers import Refusal, Reply, Request, fault_body, read_request, respond
from sandbox.opsgenie.api_alerts import AlertApi
from sandbox.opsgenie.api_integrations import IntegrationApi
from sandbox.opsgenie.book import AlertBook
from sandbox.opsgenie.incoming import AmazonSnsEndpoint
from sandbox.opsgenie.integrations import Integrations, Rights
from sandbox.opsgenie.jsm import JsmFront
from sandbox.opsgenie.payload import CHECKS, Unprocessable
from sandbox.opsgenie.regex import Matcher
from sandbox.opsgenie.timetable import Timetable
from sandbox.opsgenie.webhook import WAITS, Webhooks
from sandbox.wire import CallLog, Sender, Server, guard

SYNONYMS = {"notes": "note", "unack": "unacknowledge", "ack": "acknowledge"}


class ActRefused(ValueError):
    """Somebody tried in Opsgenie what cannot be done; the text says why."""


class OpsgenieStandIn:
    """Opsgenie on 127.0.0.1: alert API, Integration API, Incoming Amazon SNS, outgoing webhook.

    `processing_delay` (seconds) lies between an accepted request and its effect, and
    `extract_timeout` (seconds; 10 at Opsgenie) ends a regular expression.
    """

    def __init__(
        self,
        *,
        calls: CallLog,
        faults: Faults,
        sender: Sender,
        port: int = 0,
        processing_delay: float = 0.05,
        extract_timeout: float = 10.0,
        webhook_waits: tuple[float, ...] = WAITS,
    ) -> None:
        self._matcher = Matcher(extract_timeout)
        self._timetable = Timetable("opsgenie timetable")
        self._integrations = Integrations()
        self._webhooks = Webhooks(sender, self._integrations.all, self._matcher, webhook_waits)
        self._book = AlertBook(self._timetable, processing_delay, self._webhooks.announce)
        self._sns = AmazonSnsEndpoint(
            self._integrations, self._book, self._timetable, self._matcher, calls, processing_delay
        )
        self._server = Server(
            guard(
                "opsgenie",
                self._app,
                calls=calls,
                faults=faults,
                describe=_describe,
                fault_body=fault_body,
            ),
            port,
            "opsgenie",
            whole=True,
        )
        self.url: str = self._server.url
        self.api_key: str = str(uuid.uuid4())
        # What runs needs no more than an API integration with read and write on alerts.
        self.alert_key: str = self._integrations.create(
            {"type": "API", "name": "Default API", "allowDeleteAccess": False}
        ).key
        self._alerts = AlertApi(self._book, self.url)
        self._setup = IntegrationApi(self._integrations)
        self.jsm_token: str = str(uuid.uuid4())
        self._jsm = JsmFront(self._alerts, self._book, self.jsm_token, self._integrations)

    def start(self) -> None:
        self._timetable.start()
        self._server.start()

    def stop(self) -> None:
        """End every thread and process; deliveries that still wait are dropped."""
        self._server.stop()
        self._sns.stop()
        self._timetable.stop()
        self._webhooks.stop()
        self._matcher.stop()

    def alerts(self) -> list[dict[str, Any]]:
        """Every alert as get_alert shows it, oldest first."""
        return [full(alert) for alert in self._book.all()]

    def create(self, fields: Mapping[str, Any]) -> str:
        """Somebody makes an alert in Opsgenie itself, at once; its id.

        `fields` are the API's own: message, alias, description, priority, tags, details.
        """
        alert, _ = self._book.create(fields, Who("someone@example.com", "web", "web"))
        return alert.id

    def by_hand(self, incoming: Mapping[str, Any], webhook: Mapping[str, Any]) -> str:
        """Somebody makes an Incoming Amazon SNS integration with these actions, and a webhook,
        on the pages of Jira Service Management; the key of the first.
        """
        made = self._integrations.create({"type": "AmazonSns", "name": "trailwatch by hand"})
        self._integrations.put_actions(made.id, incoming)
        self._integrations.create({**webhook, "type": "Webhook", "name": "trailwatch webhook"})
        return made.key

    def act(self, alert_id: str, action: str, body: Mapping[str, Any]) -> None:
        """Somebody acts in Opsgenie itself, at once; `alert_id` may be an id, tiny id or alias.

        `action` is one of acknowledge, unacknowledge, close, note, snooze, assign, tags,
        remove-tags, details, remove-details, priority, message, description, responders, teams,
        escalate, custom (or any other word: a custom action of that name), delete; `body` is the
        API's own, `user` names the person. Raises ActRefused.
        """
        action = SYNONYMS.get(action, action)
        if action not in ACTIONS:
            action, body = "custom", {**body, "actionName": action}
        found = next(
            (a for kind in ("id", "tiny", "alias") if (a := self._book.find(alert_id, kind))), None
        )
        if found is None:
            raise ActRefused(f"there is no alert {alert_id!r}")
        try:
            clean = CHECKS[action](body)
            user = clean["user"] or "someone@example.com"
            self._book.apply(found.id, action, clean, Who(user, clean["source"] or user, "web"))
        except (Unprocessable, Unprocessed) as refused:
            raise ActRefused(str(refused)) from None

    def _app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return respond(self._handle, environ, start_response)

    def _handle(self, request: Request) -> Reply:
        match request.path:
            case ("v1", "json", "amazonsns"):
                if request.method != "POST":
                    raise Refusal(405, "Method not allowed")
                return self._sns.handle(request)
            case ("jsm", "ops", "integration", "v1", "json", "amazonsns"):
                if request.method != "POST":
                    raise Refusal(405, "Method not allowed")
                return self._sns.handle(request)
            case ("jsm", "ops", "integration", "v2", "alerts", *rest):
                rights = self._rights(request)
                if not rights.write:
                    raise Refusal(403, code=40301)
                return self._jsm.event(_at(request, rest), _who(rights))
            case ("jsm", "ops", "api", *rest):
                return self._jsm.operation(_at(request, rest))
            case ("rest", "api", "3", *rest) | ("ex", "jira", _, "rest", "api", "3", *rest):
                return self._jsm.platform(_at(request, rest))
            case ("v2", "alerts" | "integrations" as domain, *rest):
                rights = self._rights(request)
                _need(rights, domain, request)
                inner = Request(
                    request.method,
                    tuple(rest),
                    request.query,
                    request.body,
                    request.headers,
                )
                if domain == "integrations":
                    return self._setup.handle(inner)
                return self._alerts.handle(inner, _who(rights))
        raise Refusal(404)

    def _rights(self, request: Request) -> Rights:
        """The rights of the request's GenieKey; raises Refusal 401."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "geniekey" or not key:
            raise Refusal(401)
        if hmac.compare_digest(key.strip().encode(), self.api_key.encode()):
            return Rights()
        integration = self._integrations.by_key(key.strip())
        if integration is None or not integration.enabled:
            raise Refusal(401)
        return integration.rights()


def _at(request: Request, path: list[str]) -> Request:
    return Request(request.method, tuple(path), request.query, request.body, request.headers)


def _need(rights: Rights, domain: str, request: Request) -> None:
    """Raises Refusal 403 (40301: the key is good, but may not do this)."""
    if domain == "integrations":
        # Any key may ask whether it is one; everything else is configuration.
        allowed = rights.configuration or request.path[2:] == ("authenticate",)
    elif request.method == "GET":
        allowed = rights.read
    elif request.method == "DELETE" and len(request.path) == 3:
        allowed = rights.delete
    else:
        allowed = rights.write
    if not allowed:
        raise Refusal(403, code=40301)


def _who(rights: Rights) -> Who:
    name = rights.integration.get("name") or "Alert API"
    return Who(name, "127.0.0.1", "API", rights.integration)


def _describe(environ: WSGIEnvironment, body: bytes) -> tuple[str, Mapping[str, Any]]:
    """A call's name ("POST /v2/alerts/ID/close") and its arguments, keys left out."""
    request = read_request(environ, body)
    name = f"{request.method} {environ.get('PATH_INFO', '/')}"
    arguments: dict[str, Any] = {"query": dict(request.query)} if request.query else {}
    if "apiKey" in request.query:
        arguments["query"]["apiKey"] = "(hidden)"
    try:
        arguments["body"] = json.loads(body) if body else None
    except (ValueError, RecursionError):
        arguments["body"] = f"({len(body)} bytes)"
    given = arguments["body"]
    if (
        request.path[:2] == ("v2", "integrations")
        and isinstance(given, dict)
        and given.get("headers")
    ):
        given["headers"] = "(hidden)"
    return name, arguments
