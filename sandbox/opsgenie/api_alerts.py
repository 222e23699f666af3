"""Knows the alert API's routes under /v2/alerts. Never keeps an alert itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from sandbox.opsgenie.alert import Alert, Who, full, iso, list_item
from sandbox.opsgenie.answers import Refusal, Reply, Request, data
from sandbox.opsgenie.book import AlertBook, Entry
from sandbox.opsgenie.payload import CHECKS, Unprocessable, create
from sandbox.opsgenie.query import BadQuery, parse

POSTS = {
    "acknowledge": "acknowledge",
    "unacknowledge": "unacknowledge",
    "close": "close",
    "notes": "note",
    "snooze": "snooze",
    "assign": "assign",
    "tags": "tags",
    "details": "details",
    "responders": "responders",
    "teams": "teams",
    "escalate": "escalate",
}
DELETES = {"tags": ("remove-tags", "tags"), "details": ("remove-details", "keys")}
PUTS = ("priority", "message", "description")
SORTS: Mapping[str, str] = {
    name.lower(): name
    for name in (
        *("createdAt", "updatedAt", "tinyId", "alias", "message", "status", "acknowledged"),
        *("isSeen", "snoozed", "snoozedUntil", "count", "lastOccurredAt", "source", "owner"),
        *("integration.name", "integration.type", "report.ackTime", "report.closeTime"),
        *("report.acknowledgedBy", "report.closedBy"),
    )
}


class AlertApi:
    """Answers requests whose path begins with /v2/alerts; the caller has checked the key."""

    def __init__(self, book: AlertBook, base: str) -> None:
        self._book = book
        self._base = base

    def handle(self, request: Request, who: Who) -> Reply:
        """`request.path` is what follows /v2/alerts; raises Refusal."""
        try:
            return self._route(request, who)
        except Unprocessable as bad:
            raise Refusal(422, errors=bad.errors) from None
        except BadQuery as bad:
            raise Refusal(422, errors={"query": f"Query can not be parsed: {bad}."}) from None

    def _route(self, request: Request, who: Who) -> Reply:
        match (request.method, *request.path):
            case ("GET",):
                return self._list(request)
            case ("POST",):
                return self._create(request, who)
            case ("GET", "count"):
                return data({"count": len(self._search(request))})
            case ("GET", "requests", request_id):
                return self._request(request_id)
            case ("GET", "saved-searches"):
                return data([])
            case (_, "saved-searches", *_):
                raise Refusal(403, "Saved searches are not supported here", code=40302)
            case (method, identifier, *rest):
                kind = _kind(request)
                return self._one(method, identifier, kind, rest, request, who)
        raise Refusal(405, "Method not allowed")

    def _one(
        self,
        method: str,
        identifier: str,
        kind: str,
        rest: list[str],
        request: Request,
        who: Who,
    ) -> Reply:
        match (method, *rest):
            case ("GET",):
                return data(full(self._alert(identifier, kind)))
            case ("GET", "notes" | "logs" | "recipients" | "attachments" as part):
                return self._part(self._alert(identifier, kind), part, request)
            case (_, "attachments", *_):
                raise Refusal(403, "Attachments are not supported here", code=40302)
        action, body = _action(method, rest, request)
        clean = CHECKS[action](body)
        if clean["user"] or clean["source"]:
            who = Who(
                clean["user"] or who.user, clean["source"] or who.source, who.kind, who.integration
            )
        return _accepted(self._book.accept(identifier, kind, action, clean, who))

    def _create(self, request: Request, who: Who) -> Reply:
        fields = create(request.json(required=True))
        who = Who(
            fields["user"] or who.user, fields["source"] or who.source, who.kind, who.integration
        )
        return _accepted(self._book.accept_create(fields, who))

    def _request(self, request_id: str) -> Reply:
        done = self._book.request(request_id)
        if done is None:
            raise Refusal(404, "Request not found. It might not be processed, yet.")
        return Reply(200, {"data": done.as_json(), "requestId": request_id})

    def _alert(self, identifier: str, kind: str) -> Alert:
        alert = self._book.find(identifier, kind)
        if alert is None:
            raise Refusal(404, f"Alert with {kind} [{identifier}] does not exist")
        return alert

    def _search(self, request: Request) -> list[Alert]:
        if request.query.get("searchIdentifier"):
            raise Refusal(422, errors={"searchIdentifier": "Saved search does not exist."})
        matches = parse(request.query.get("query", ""))
        return [alert for alert in self._book.all() if matches(alert)]

    def _list(self, request: Request) -> Reply:
        offset = _whole(request, "offset", 0, 0, 20_000)
        limit = _whole(request, "limit", 20, 1, 100)
        if offset + limit > 20_000:
            raise Refusal(
                422, errors={"offset": "Sum of offset and limit should not exceed 20000."}
            )
        sort = SORTS.get(request.query.get("sort", "createdAt").lower())
        order = request.query.get("order", "desc").lower()
        if sort is None or order not in ("asc", "desc"):
            raise Refusal(
                422, errors={"sort": "sort or order is not one of the documented values."}
            )
        found = self._search(request)
        if sort == "createdAt":
            # As it is asked of thousands, page by page: only what is shown is written out.
            found.sort(key=lambda alert: alert.created_at, reverse=order == "desc")
        else:
            found.sort(key=lambda alert: _sort_key(list_item(alert), sort), reverse=order == "desc")
        paging = self._paging(request.query, offset, limit, len(found))
        headers = tuple((f"X-Paging-{k.capitalize()}", v) for k, v in paging.items())
        page = [list_item(alert) for alert in found[offset : offset + limit]]
        return Reply(200, {"data": page, "paging": paging}, headers)

    def _paging(
        self, query: Mapping[str, str], offset: int, limit: int, total: int
    ) -> dict[str, str]:
        def link(at: int) -> str:
            asked = {**query, "offset": str(at), "limit": str(limit)}
            text = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in asked.items())
            return f"{self._base}/v2/alerts?{text}"

        paging = {"first": link(0), "last": link(max(0, (total - 1) // limit * limit))}
        if offset + limit < total:
            paging["next"] = link(offset + limit)
        if offset > 0:
            paging["prev"] = link(max(0, offset - limit))
        return paging

    def _part(self, alert: Alert, part: str, request: Request) -> Reply:
        if part in ("recipients", "attachments"):
            return data([])
        entries = self._book.notes(alert.id) if part == "notes" else self._book.logs(alert.id)
        limit = _whole(request, "limit", 100, 1, 100)
        page, more = _page(entries, request.query, limit)
        base = f"{self._base}/v2/alerts/{quote(alert.id)}/{part}?limit={limit}"
        order = request.query.get("order", "desc")
        paging = {"first": f"{base}&order={order}&direction=next"}
        if more and page:
            paging["next"] = f"{base}&order={order}&direction=next&offset={page[-1].offset}"
        return data([_entry(e, part) for e in page], paging=paging)


def _kind(request: Request) -> str:
    kind = request.query.get("identifierType") or request.query.get("alertIdentifierType") or "id"
    if kind not in ("id", "alias", "tiny"):
        raise Refusal(422, errors={"identifierType": "should be one of id, alias, tiny."})
    return kind


def _action(method: str, rest: list[str], request: Request) -> tuple[str, dict[str, Any]]:
    """The action's name in alert.ACTIONS and its unchecked body; raises Refusal."""
    match (method, *rest):
        case ("DELETE",):
            return "delete", dict(request.query)
        case ("POST", part) if part in POSTS:
            return POSTS[part], request.json(required=POSTS[part] not in _BODY_OPTIONAL)
        case ("POST", "actions", name):
            return "custom", {**request.json(), "actionName": name}
        case ("PUT", part) if part in PUTS:
            return part, request.json(required=True)
        case ("DELETE", part) if part in DELETES:
            action, name = DELETES[part]
            values = [v for v in request.query.get(name, "").split(",") if v]
            return action, {**request.query, name: values}
    known = {*POSTS, *PUTS, *DELETES, "actions"}
    if rest and rest[0] not in known:
        raise Refusal(404)
    raise Refusal(405, "Method not allowed")


_BODY_OPTIONAL = ("acknowledge", "unacknowledge", "close")


def _accepted(request_id: str) -> Reply:
    return Reply(202, {"result": "Request will be processed", "requestId": request_id})


def _whole(request: Request, name: str, default: int, least: int, most: int) -> int:
    given = request.query.get(name)
    if given is None or given == "":
        return default
    try:
        value = int(given)
    except ValueError:
        raise Refusal(422, errors={name: f"{name} should be a number."}) from None
    if not least <= value <= most:
        raise Refusal(422, errors={name: f"{name} should be between {least} and {most}."})
    return value


def _sort_key(item: Mapping[str, Any], sort: str) -> tuple[bool, str | int]:
    value: Any = item
    for part in sort.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if sort == "tinyId":
        value = int(value)
    return value is not None, value if isinstance(value, str | int) else 0


def _page(entries: list[Entry], query: Mapping[str, str], limit: int) -> tuple[list[Entry], bool]:
    """One page of notes or logs, and whether there is more, by offset, order and direction."""
    newest_first = query.get("order", "desc") == "desc"
    ordered = list(reversed(entries)) if newest_first else list(entries)
    offset = query.get("offset", "")
    if offset:
        forward = query.get("direction", "next") == "next"
        if not offset.isdigit():
            raise Refusal(422, errors={"offset": "offset is not one that was given out."})
        later = forward != newest_first
        at = int(offset)
        ordered = [e for e in ordered if (e.at > at if later else e.at < at)]
        if not forward:
            return ordered[-limit:], len(ordered) > limit
    return ordered[:limit], len(ordered) > limit


def _entry(entry: Entry, part: str) -> dict[str, str]:
    item = {"owner": entry.owner, "createdAt": iso(entry.at), "offset": entry.offset}
    if part == "notes":
        return {"note": entry.text, **item}
    return {"log": entry.text, "type": entry.kind, **item}
