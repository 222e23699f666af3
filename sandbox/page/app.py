"""Knows the addresses of the page and its fragments. Never acts but by the Slack stand-in."""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit
from wsgiref.types import StartResponse, WSGIEnvironment

from markupsafe import Markup
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException, MethodNotAllowed, NotFound
from werkzeug.wrappers import Request, Response

from sandbox.page.conversation import channel_rows, thread_rows
from sandbox.page.dates import ViewerClock, zone_named
from sandbox.page.panel import HINTS, SERVICES, faults, first_steps
from sandbox.page.reader import Reader
from sandbox.page.render import environment
from sandbox.slack import SlackRefusal, SlackStandIn
from sandbox.slack.workspace import Channel

_STATIC = Path(__file__).resolve().parent / "static"
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_APP_NAME = "trailwatch"
_HEARTBEAT_SECONDS = 15.0
_MESSAGES = 60
"""How many messages a channel shows at first; the page asks for more."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' http://127.0.0.1:* http://localhost:*; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing but our own files; pictures also from the stand-ins of this machine."""


class Control(Protocol):
    """What the page needs of the sandbox's control."""

    def scenarios(self) -> Sequence[Mapping[str, Any]]: ...
    def sites(self) -> Sequence[str]: ...


@dataclass(frozen=True)
class Look:
    """Who looks, at which channel, and how: read from the request's query and cookies."""

    user: Mapping[str, Any]
    channel: Channel
    channels: Sequence[Channel]
    """Those that the user may see, direct messages left out."""
    direct: Channel | None
    """The user's direct messages with the app, once there are some."""
    reader: Reader

    def link(self, channel: str | None = None, view: str | None = None, thread: str = "") -> str:
        query = {"user": str(self.user["name"])}
        if view == "home":
            return f"/?{urlencode({**query, 'view': 'home'})}"
        query["channel"] = channel or self.channel.name or self.channel.id
        if thread:
            query["thread"] = thread
        return f"/?{urlencode(query)}"


class PageApp:
    """The sandbox's page as a WSGI application.

    GET / is the whole page; /page/channel, /page/thread, /page/modal, /page/home and
    /page/side are its parts; /page/stream tells by server-sent events when they changed.
    All of them take `user` and, where it matters, `channel`, as names or ids. POST /page/say
    writes an ordinary message; everything else that a person does goes to /api/.
    `router` is who is told of alarms: a key of sandbox.page.panel.SERVICES.
    """

    def __init__(
        self,
        slack: SlackStandIn,
        control: Control,
        *,
        router: str = "opsgenie",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        heartbeat: float = _HEARTBEAT_SECONDS,
    ) -> None:
        self._slack = slack
        self._control = control
        self._router = router
        self._now = now
        self._heartbeat = heartbeat
        self._templates = environment()
        self._routes: Mapping[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", "/"): self._page,
            ("GET", "/page/channel"): lambda r: _part(self._channel(self._look(r), _last(r))),
            ("GET", "/page/thread"): lambda r: _part(self._thread(self._look(r), _thread_of(r))),
            ("GET", "/page/modal"): lambda r: _part(self._modal(self._look(r))),
            ("GET", "/page/home"): lambda r: _part(self._home(self._look(r))),
            ("GET", "/page/side"): lambda r: _part(self._side()),
            ("GET", "/page/stream"): self._stream,
            ("POST", "/page/say"): self._say,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        response = self._answer(Request(environ))
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        try:
            _from_this_machine(request)
            if request.path.startswith("/static/"):
                return _static(request)
            method = "GET" if request.method == "HEAD" else request.method
            route = self._routes.get((method, request.path))
            if route is None:
                known = {path for _, path in self._routes}
                raise MethodNotAllowed() if request.path in known else NotFound()
            return route(request)
        except HTTPException as error:
            return _json({"error": error.description}, error.code or 500)
        except SlackRefusal as refusal:
            return _json({"error": str(refusal)}, refusal.status)

    def _look(self, request: Request) -> Look:
        """Raises BadRequest for a user or channel that does not exist."""
        users = self._slack.users
        user = _user(users, request.args.get("user"))
        with self._slack.space.lock:
            seen = [c for c in self._slack.space.channels.values() if user["id"] in c.members]
        visible = [c for c in seen if c.im_with is None]
        direct = next((c for c in seen if c.im_with == user["id"]), None)
        wanted = request.args.get("channel") or self._slack.channel
        channel = _channel(seen, wanted)
        clock = ViewerClock(
            self._now(),
            zone_named(request.cookies.get("tz")),
            twelve_hours=request.cookies.get("clock") == "12",
        )
        reader = Reader(str(user["id"]), clock, self._names(), {c.id: c.name for c in visible})
        return Look(user, channel, visible, direct, reader)

    def _names(self) -> dict[str, str]:
        """Everybody's id and name: guests, strangers and the bot, too."""
        return {p.id: p.name for p in self._slack.space.people.values()}

    def _render(self, template: str, **values: Any) -> Markup:
        html = self._templates.get_template(template).render(app_name=_APP_NAME, **values)
        return Markup(html)  # noqa: S704 - a template that escapes what it is given

    def _messages(self, look: Look) -> list[dict[str, Any]]:
        return self._slack.messages(look.channel.id, str(look.user["id"]))

    def _channel(self, look: Look, last: int = _MESSAGES) -> Markup:
        """The channel's newest `last` messages."""
        rows = channel_rows(self._messages(look), look.reader, _APP_NAME)
        return self._render(
            "channel.html",
            rows=rows[-last:],
            older=max(len(rows) - last, 0),
            r=look.reader,
            channel=look.channel,
            thread_link=lambda ts: look.link(thread=ts),
        )

    def _thread(self, look: Look, ts: str) -> Markup:
        rows = thread_rows(self._messages(look), ts, look.reader, _APP_NAME)
        return self._render("thread.html", rows=rows, r=look.reader)

    def _modal(self, look: Look) -> Markup:
        """The topmost of the user's modals, or nothing."""
        views = self._slack.views(str(look.user["id"]))
        top = views[-1] if views else None
        return self._render("modal.html", view=top, depth=len(views), r=look.reader)

    def _home(self, look: Look) -> Markup:
        view = self._slack.home(str(look.user["id"]))
        return self._render("home.html", view=view, r=look.reader)

    def _side(self) -> Markup:
        return self._render(
            "side.html",
            scenarios=self._control.scenarios(),
            sites=self._control.sites(),
            faults=faults(self._router),
            service=SERVICES[self._router],
            people=[u for u in self._slack.users if u.get("email")],
        )

    def _page(self, request: Request) -> Response:
        version = self._slack.version
        look = self._look(request)
        view = "home" if request.args.get("view") == "home" else "channel"
        thread = request.args.get("thread", "")
        theme = request.cookies.get("theme", "")
        html = self._render(
            "page.html",
            version=version,
            user=look.user,
            users=self._slack.users,
            channel=look.channel,
            channels=look.channels,
            dm=look.direct,
            members=len(look.channel.members),
            workspace="Sandbox",
            view=view,
            thread=thread,
            theme=theme if theme in ("light", "dark") else "auto",
            link=look.link,
            hints=HINTS,
            steps=first_steps(self._router),
            home=self._home(look) if view == "home" else "",
            messages=self._channel(look) if view == "channel" else "",
            replies=self._thread(look, thread) if thread else "",
            modal=self._modal(look),
            side=self._side(),
        )
        return _part(html)

    def _stream(self, request: Request) -> Response:
        """Server-sent events: each has the version; a comment now and then keeps it open."""
        self._look(request)
        try:
            after = int(request.args.get("after", -1))
        except ValueError:
            raise BadRequest("after is a version, a whole number") from None
        response = Response(self._events(after), content_type="text/event-stream")
        response.headers["Cache-Control"] = "no-store"
        return response

    def _events(self, seen: int) -> Iterator[str]:
        yield "retry: 1000\n\n"
        while True:
            version = self._slack.wait_for_change(seen, self._heartbeat)
            if version == seen:
                yield ": still here\n\n"
                continue
            seen = version
            yield f"id: {version}\ndata: {version}\n\n"

    def _say(self, request: Request) -> Response:
        body = _posted(request)
        text = as_typed(str(body.get("text", "")), self._names())
        user, channel = str(body.get("user", "")), str(body.get("channel", ""))
        self._slack.say(user, channel, text, thread_ts=body.get("thread_ts") or None)
        return _json({"ok": True})


def _from_this_machine(request: Request) -> None:
    """Refuse a page of another name that was made to point here; raises Forbidden."""
    if urlsplit(f"//{request.host}").hostname not in ("127.0.0.1", "localhost"):
        raise Forbidden("open the sandbox as 127.0.0.1 or localhost")


def _user(users: Sequence[Mapping[str, Any]], name: str | None) -> Mapping[str, Any]:
    """By name or id, the first where none is named; raises BadRequest."""
    found = next((u for u in users if name in (None, "", u["name"], u["id"])), None)
    if found is None:
        known = ", ".join(str(u["name"]) for u in users)
        raise BadRequest(f"there is no user {name!r}; there are {known}")
    return found


def _channel(channels: Sequence[Channel], name: str) -> Channel:
    """By name or id, among those that the person is in; raises BadRequest."""
    wanted = name.removeprefix("#")
    found = next((c for c in channels if wanted in (c.id, c.name)), None)
    if found is None:
        known = ", ".join(c.name or c.id for c in channels)
        raise BadRequest(f"there is no channel {name!r} for this user; there are {known}")
    return found


def as_typed(text: str, people: Mapping[str, str]) -> str:
    """What Slack's client makes of a typed message: entities, and mentions of known names."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    ids = {name: user_id for user_id, name in people.items()}

    def mention(match: re.Match[str]) -> str:
        return f"<@{ids[match[1]]}>" if match[1] in ids else match[0]

    return re.sub(r"(?<![\w@])@([\w.-]+)", mention, text)


def _last(request: Request) -> int:
    """How many messages are wanted: `last`, a whole number from 1; raises BadRequest."""
    try:
        last = int(request.args.get("last", _MESSAGES))
    except ValueError:
        last = 0
    if last < 1:
        raise BadRequest("last is how many messages are wanted, a whole number from 1")
    return last


def _thread_of(request: Request) -> str:
    ts = request.args.get("ts", "")
    if not ts:
        raise BadRequest("ts is missing: the time stamp of the thread's first message")
    return ts


def _posted(request: Request) -> Mapping[str, Any]:
    """The JSON object of a POST by this page; raises Forbidden and BadRequest."""
    if request.headers.get("X-Sandbox") != "1":
        raise Forbidden("the header X-Sandbox: 1 is missing")
    body = request.get_json(silent=True, force=True)
    if not isinstance(body, dict):
        raise BadRequest("the body must be a JSON object")
    return body


def _part(html: Markup) -> Response:
    response = Response(str(html), content_type="text/html; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response


def _json(body: Mapping[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")


def _static(request: Request) -> Response:
    """One of our own files; a name that leaves the folder is not found."""
    name = request.path.removeprefix("/static/")
    files = {f.name: f for f in _STATIC.iterdir() if f.is_file()}
    found = files.get(name)
    if found is None or request.method not in ("GET", "HEAD"):
        raise NotFound(f"there is no {request.path}")
    kind = _TYPES.get(found.suffix) or mimetypes.guess_type(found.name)[0]
    response = Response(found.read_bytes(), content_type=kind or "application/octet-stream")
    response.headers["Cache-Control"] = "no-cache"
    return response
