"""Knows the addresses under /api/ that drive the sandbox. Never acts but through a stand-in."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote
from wsgiref.types import StartResponse, WSGIEnvironment

from sandbox import scenarios
from sandbox.aws.acts import NothingThere
from sandbox.faults import TARGETS, BadFault, Faults, parse_fault
from sandbox.opsgenie import ActRefused
from sandbox.player import LARGEST_FILE, Record, read_bytes, stamped
from sandbox.sites import PLACES, Place, moved
from sandbox.slack.refusals import SlackRefusal
from sandbox.wire import CallLog

MISSING = object()


class Aws(Protocol):
    """What is asked of the AWS stand-in."""

    def ingest(self, records: Sequence[Record]) -> None: ...
    def matching_filters(self, record: Record) -> list[str]: ...
    def recording(self, record: Record) -> bool: ...
    def act(self, name: str) -> str: ...
    def stop_trails(self) -> None: ...
    def start_trails(self) -> None: ...


class Slack(Protocol):
    """What is asked of the Slack stand-in."""

    channel: str

    def messages(
        self, channel: str | None = None, user: str | None = None, since: str | None = None
    ) -> list[dict[str, Any]]: ...
    def command(self, user: str, channel: str, text: str) -> dict[str, Any]: ...
    def say(
        self, user: str, channel: str, text: str, thread_ts: str | None = None
    ) -> dict[str, Any]: ...
    def click(
        self,
        user: str,
        ts: str,
        action_id: str,
        block_id: str | None = None,
        value: str | None = None,
        selected: Any = None,
        confirm: bool = True,
        values: dict[str, Any] | None = None,
    ) -> dict[str, Any]: ...
    def views(self, user: str) -> list[dict[str, Any]]: ...
    def submit(self, view_id: str, user: str, values: dict[str, Any]) -> dict[str, Any]: ...
    def close_view(self, view_id: str, user: str) -> dict[str, Any]: ...
    def suggest(self, user: str, ts: str, action_id: str, text: str) -> dict[str, Any]: ...
    def open_home(self, user: str) -> dict[str, Any]: ...


class Opsgenie(Protocol):
    """What is asked of the Opsgenie stand-in."""

    def alerts(self) -> list[dict[str, Any]]: ...
    def act(self, alert_id: str, action: str, body: Mapping[str, Any]) -> None: ...


class BadRequest(Exception):
    """A request that cannot be served; the text says what is wrong and how it is right."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class Asked:
    """One request, split up: the parts of its path after /api, its query and its body."""

    method: str
    path: tuple[str, ...]
    query: Mapping[str, str]
    body: bytes

    def parameter(self, name: str) -> str:
        value = self.query.get(name, "")
        if not value:
            raise BadRequest(f"{name} is missing: add ?{name}=... to the address")
        return value

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; {} where it is empty."""
        if not self.body.strip():
            return {}
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise BadRequest(f"the body is not JSON: {error}") from None
        if not isinstance(value, dict):
            raise BadRequest('the body must be a JSON object such as {"user": "alice"}')
        return value

    def fields(self, **wanted: tuple[type, object]) -> dict[str, Any]:
        """The body's fields by name, each with its type and default (MISSING: required)."""
        body = self.json()
        unknown = sorted(set(body) - set(wanted))
        if unknown:
            raise BadRequest(f"unknown: {', '.join(unknown)}; there are {', '.join(wanted)}")
        found: dict[str, Any] = {}
        for name, (kind, default) in wanted.items():
            value = body.get(name)
            if value is None:
                if default is MISSING:
                    raise BadRequest(f"{name} is missing; it is {_KINDS[kind]}")
                value = default
            elif kind is not object and not isinstance(value, kind):
                raise BadRequest(f"{name} is {value!r}; it must be {_KINDS[kind]}")
            found[name] = value
        return found


_KINDS = {str: "text", bool: "true or false", dict: "an object", object: "anything"}


class ControlApp:
    """Every address under /api/ as docs/sandbox.md describes them: a WSGI application.

    `status` gives the body of GET /api/status.
    """

    def __init__(
        self,
        *,
        slack: Slack,
        aws: Aws,
        opsgenie: Opsgenie,
        calls: CallLog,
        faults: Faults,
        status: Callable[[], Mapping[str, Any]],
        places: Sequence[Place] = PLACES[:1],
    ) -> None:
        self._slack = slack
        self._aws = aws
        self._opsgenie = opsgenie
        self._calls = calls
        self._faults = faults
        self._status = status
        self._places = {place.name: place for place in places}

    def scenarios(self) -> list[dict[str, Any]]:
        """Name, title and description of each scenario, for the page's panel."""
        return [one.as_json() for one in scenarios.load()]

    def sites(self) -> list[str]:
        """The names of the sites that a scenario can play to, for the page's panel."""
        return list(self._places)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            _from_this_machine(environ)
            status, answer = 200, self._route(_asked(environ))
        except (BadRequest, SlackRefusal) as refused:
            status, answer = refused.status, {"error": str(refused)}
        except (BadFault, ActRefused) as refused:
            status, answer = 400, {"error": str(refused)}
        payload = json.dumps(answer).encode()
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(payload))),
            ("Cache-Control", "no-store"),
        ]
        start_response(f"{status} {http.client.responses.get(status, 'Error')}", headers)
        return [payload]

    def _route(self, asked: Asked) -> object:
        match (asked.method, *asked.path):
            case ("GET", *_):
                return self._read(asked)
            case ("POST", "command" | "say" | "click" | "suggest" | "views", *_):
                return self._in_slack(asked)
            case ("POST", "records"):
                return self._records(asked)
            case ("POST", "scenario"):
                return self._scenario(asked)
            case ("POST", "trail"):
                return self._trail(asked)
            case ("POST", "opsgenie", "alerts", ident, action):
                self._opsgenie.act(ident, action, asked.json())
                return {"ok": True}
            case ("POST", "faults"):
                return self._add_fault(asked)
            case ("DELETE", "faults"):
                self._faults.clear()
                return {"ok": True}
        raise _nowhere(asked)

    def _read(self, asked: Asked) -> object:
        match asked.path:
            case ("status",):
                return self._status()
            case ("messages",):
                return self._messages(asked)
            case ("views",):
                return self._slack.views(asked.parameter("user"))
            case ("home",):
                return self._slack.open_home(asked.parameter("user"))
            case ("scenarios",):
                return self.scenarios()
            case ("opsgenie", "alerts"):
                return self._opsgenie.alerts()
            case ("calls",):
                target = asked.query.get("target", "")
                if target and target not in TARGETS:
                    known = ", ".join(TARGETS)
                    raise BadRequest(f"target is {target!r}; it must be one of {known}")
                return self._calls.list(target)
        raise _nowhere(asked)

    def _in_slack(self, asked: Asked) -> object:
        text = (str, MISSING)
        match asked.path:
            case ("command",):
                given = asked.fields(user=text, channel=(str, self._slack.channel), text=(str, ""))
                return self._slack.command(**given)
            case ("say",):
                channel = (str, self._slack.channel)
                given = asked.fields(user=text, channel=channel, text=text, thread_ts=(str, None))
                return self._slack.say(**given)
            case ("click",):
                given = asked.fields(
                    user=text,
                    ts=text,
                    action_id=text,
                    block_id=(str, None),
                    value=(str, None),
                    selected=(object, None),
                    confirm=(bool, True),
                    values=(dict, None),
                )
                return self._slack.click(**given)
            case ("suggest",):
                return self._slack.suggest(
                    **asked.fields(user=text, ts=text, action_id=text, text=(str, ""))
                )
            case ("views", ident, "submit"):
                given = asked.fields(user=text, values=(dict, {}))
                return self._slack.submit(ident, given["user"], given["values"])
            case ("views", ident, "close"):
                return self._slack.close_view(ident, **asked.fields(user=text))
        raise _nowhere(asked)

    def _messages(self, asked: Asked) -> object:
        since = asked.query.get("since") or None
        try:
            _ = float(since or 0)
        except ValueError:
            raise BadRequest(f"since is {since!r}; it must be a message's ts") from None
        channel, user = asked.query.get("channel") or None, asked.query.get("user") or None
        return self._slack.messages(channel, user, since)

    def _records(self, asked: Asked) -> object:
        when = asked.query.get("time") or "now"
        if when not in ("now", "keep"):
            raise BadRequest(f"time is {when!r}; it must be now or keep")
        if not asked.body:
            raise BadRequest("the body is empty; send CloudTrail records, one a line or as Records")
        loaded = read_bytes(asked.body)
        now = datetime.now(UTC)
        records = [stamped(r, now) for r in loaded.records] if when == "now" else loaded.records
        self._aws.ingest(records)
        return {
            "accepted": len(records),
            "rejected": [rejected.as_json() for rejected in loaded.rejected],
            "recorded": all(map(self._aws.recording, records)),
        }

    def _scenario(self, asked: Asked) -> object:
        given = asked.fields(name=(str, MISSING), site=(str, ""))
        name, place = given["name"], self._place(given["site"])
        chosen = next((s for s in scenarios.load() if s.name == name), None)
        if chosen is None:
            known = ", ".join(s.name for s in scenarios.load())
            raise BadRequest(f"there is no scenario {name!r}; there are {known}", 404)
        if chosen.acts:
            if given["site"] not in ("", next(iter(self._places))):
                raise BadRequest(f"{name} acts in the first site alone")
            try:
                done = self._aws.act(name)
            except NothingThere as nothing:
                raise BadRequest(f"{nothing} yet; apply a plan first", 409) from None
            return {"name": name, "done": done}
        now = datetime.now(UTC)
        records = [stamped(moved(r, place), now) for r in chosen.fresh_records()]
        self._aws.ingest(records)
        matched = {name for record in records for name in self._aws.matching_filters(record)}
        return {
            "name": name,
            "accepted": len(records),
            "matched": sorted(matched),
            "recorded": all(map(self._aws.recording, records)),
        }

    def _place(self, name: str) -> Place:
        """The site of that name, "" being the first."""
        if not name:
            return next(iter(self._places.values()))
        if name not in self._places:
            raise BadRequest(f"there is no site {name!r}; there are {', '.join(self._places)}", 404)
        return self._places[name]

    def _trail(self, asked: Asked) -> object:
        logging = asked.fields(logging=(bool, MISSING))["logging"]
        if logging:
            self._aws.start_trails()
        else:
            self._aws.stop_trails()
        return {"logging": logging}

    def _add_fault(self, asked: Asked) -> object:
        try:
            self._faults.add(parse_fault(asked.json()))
        except (TypeError, OverflowError) as error:
            raise BadRequest(f"the fault cannot be read: {error}") from None
        except ValueError as error:
            raise BadRequest(str(error)) from None
        return {"ok": True}


def _asked(environ: WSGIEnvironment) -> Asked:
    raw = str(environ.get("REQUEST_URI") or environ.get("PATH_INFO", "/"))
    parts = tuple(unquote(part) for part in raw.partition("?")[0].split("/")[1:])
    stream, length = environ["wsgi.input"], str(environ.get("CONTENT_LENGTH") or "")
    if length and not length.isdecimal():
        raise BadRequest(f"Content-Length is {length!r}; it must be a number")
    if length and int(length) > LARGEST_FILE:
        raise BadRequest(f"the body is larger than {LARGEST_FILE // 2**20} MiB", 413)
    if length:
        body = stream.read(int(length))
    else:
        body = stream.read(LARGEST_FILE) if environ.get("wsgi.input_terminated") else b""
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    return Asked(str(environ["REQUEST_METHOD"]), parts[1:], query, body)


def _from_this_machine(environ: WSGIEnvironment) -> None:
    """Refuse other web sites' pages: a browser sends its Origin, and Host shows a rebound name."""
    host = str(environ.get("HTTP_HOST", ""))
    if host.partition(":")[0] not in ("127.0.0.1", "localhost"):
        raise BadRequest(f"the host is {host!r}; call the sandbox as 127.0.0.1", 403)
    origin = environ.get("HTTP_ORIGIN")
    if origin and origin != f"http://{host}":
        raise BadRequest(f"pages of {origin} may not drive the sandbox", 403)


def _nowhere(asked: Asked) -> BadRequest:
    path = "/".join(asked.path)
    return BadRequest(f"there is no {asked.method} /api/{path}; see docs/sandbox.md", 404)
