"""Knows AWS's wire protocols: reading calls, writing results and errors. Never what a call does."""

from __future__ import annotations

import html
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote
from uuid import uuid4
from wsgiref.types import WSGIEnvironment

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.core.serialize import XFormedAttributePicker, get_serializer_class
from moto.core.utils import get_service_model

from sandbox.wire import Answer

SERVICES = {"monitoring": "cloudwatch"}
"""Signing names that differ from botocore's service names."""

UNSIGNED = {"ConfirmSubscription": "sns", "Unsubscribe": "sns"}
"""What a link in an SNS message calls without a signature."""

ARGUMENTS_LIMIT = 1900


@dataclass(frozen=True)
class AwsCall:
    """One call as AWS understands it.

    `params` are the operation's own parameters, with moto's types: timestamps are naive
    datetimes in UTC. For S3 they are the bucket, the key and the query.
    """

    service: str
    region: str
    operation: str
    protocol: str
    params: Mapping[str, Any] = field(default_factory=dict)
    signed: bool = True

    def get(self, name: str, default: Any = None) -> Any:
        """A parameter, or `default` where it is absent or null."""
        value = self.params.get(name)
        return default if value is None else value


class Refusal(Exception):
    """AWS says no: the error's code, its text and the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def read_call(environ: WSGIEnvironment, body: bytes, region: str) -> AwsCall:
    """Read a request into the call that it makes; `region` counts where nothing is signed.

    A request that cannot be understood gives an AwsCall with the operation "Unknown".
    """
    service, signed_region = _credential_scope(environ)
    region = signed_region or region
    signed = bool(service)
    query = dict(parse_qsl(str(environ.get("QUERY_STRING", "")), keep_blank_values=True))
    content_type = str(environ.get("CONTENT_TYPE", ""))
    target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    if not service:
        service = UNSIGNED.get(query.get("Action", ""), "s3")
    service = SERVICES.get(service, service)
    if service == "s3":
        return _read_s3(environ, body, region, query, signed)
    if target:
        operation = target.rsplit(".", 1)[-1]
        params = _parse(service, operation, "json", {}, body)
        return AwsCall(service, region, operation, "json", params, signed)
    if content_type.startswith("application/x-www-form-urlencoded"):
        query |= dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    if "Action" in query:
        params = _parse(service, query["Action"], "query", query, body)
        return AwsCall(service, region, query["Action"], "query", params, signed)
    method, path = environ.get("REQUEST_METHOD", ""), environ.get("PATH_INFO", "")
    return AwsCall(service, region, f"{method} {path}", "json", {}, signed)


def _credential_scope(environ: WSGIEnvironment) -> tuple[str, str]:
    """Service and Region of the signature, in the header or (presigned) in the query."""
    header = str(environ.get("HTTP_AUTHORIZATION", ""))
    query = dict(parse_qsl(str(environ.get("QUERY_STRING", ""))))
    credential = query.get("X-Amz-Credential", "")
    if "Credential=" in header:
        credential = header.split("Credential=", 1)[1].split(",", 1)[0]
    parts = unquote(credential).split("/")
    if len(parts) != 5:
        return "", ""
    return parts[3].lower(), parts[2]


def _parse(
    service: str, operation: str, protocol: str, values: Mapping[str, str], body: bytes
) -> dict[str, Any]:
    """The operation's parameters; those that don't parse are none (moto refuses them itself)."""
    try:
        model = get_service_model(service).operation_model(operation)
        parser: Any = PROTOCOL_PARSERS[protocol](model)
        parsed = parser.parse(
            {
                "method": "POST",
                "values": values,
                "headers": {},
                "body": body,
                "url_path": "/",
                "url_params": {},
            }
        )
    except Exception:  # noqa: BLE001  moto and botocore raise of every kind on a malformed request
        return {}
    return dict(parsed)


def _read_s3(
    environ: WSGIEnvironment, body: bytes, region: str, query: dict[str, str], signed: bool
) -> AwsCall:
    plain = {k: v for k, v in query.items() if not k.startswith("X-Amz-")}
    try:
        probe = Request({**environ, "wsgi.input": io.BytesIO(body)})
        operation, found = get_service_router("s3").match(probe)
        name, params = str(operation.name), {**found, **{k: v for k, v in plain.items() if v}}
    except Exception:  # noqa: BLE001  the router raises of every kind on what it does not know
        method, path = environ.get("REQUEST_METHOD", ""), environ.get("PATH_INFO", "")
        return AwsCall("s3", region, f"{method} {path}", "rest-xml", plain, signed)
    if name == "PutObject":
        params["ContentLength"] = len(body)
    elif body:
        params["Body"] = body.decode("utf-8", "replace")
    return AwsCall("s3", region, name, "rest-xml", params, signed)


def arguments(call: AwsCall) -> dict[str, Any]:
    """The call's parameters for the log: JSON, under 2 kB; long texts are cut with an ellipsis."""
    text = json.dumps(dict(call.params), default=_plain, ensure_ascii=False)
    if len(text.encode()) <= ARGUMENTS_LIMIT:
        return dict(json.loads(text))
    cut = {key: _shorten(value) for key, value in json.loads(text).items()}
    text = json.dumps(cut, ensure_ascii=False)
    if len(text.encode()) <= ARGUMENTS_LIMIT:
        return cut
    return {"cut": text.encode()[:ARGUMENTS_LIMIT].decode("utf-8", "ignore")}


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def _shorten(value: Any) -> Any:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return value if len(text) <= 400 else text[:400] + "…"


def write_result(call: AwsCall, result: object) -> Answer:
    """A result (a dict by the operation's own names, or moto's objects) in the call's protocol."""
    model = get_service_model(call.service).operation_model(call.operation)
    serializer = get_serializer_class(call.service, call.protocol)(
        operation_model=model, value_picker=XFormedAttributePicker()
    )
    written = serializer.serialize(result)
    body = written["body"]
    return Answer(
        f"{written['status_code']} OK",
        [(str(k), str(v)) for k, v in written["headers"].items()] + _request_id(),
        body.encode() if isinstance(body, str) else body,
    )


def write_error(call: AwsCall | None, refusal: Refusal) -> Answer:
    """An error in the call's protocol, as the AWS SDKs read it."""
    code, message, status = refusal.code, refusal.message, refusal.status
    protocol = call.protocol if call else "json"
    side = "Sender" if status < 500 else "Receiver"
    if protocol == "json":
        headers = [("Content-Type", "application/x-amz-json-1.1")]
        if call and call.service == "cloudwatch":
            headers.append(("x-amzn-query-error", f"{code};{side}"))
        body = json.dumps({"__type": code, "message": message})
    elif protocol == "query":
        headers = [("Content-Type", "text/xml")]
        inner = f"<Type>{side}</Type><Code>{code}</Code><Message>{html.escape(message)}</Message>"
        body = f"<ErrorResponse><Error>{inner}</Error><RequestId>{uuid4()}</RequestId>"
        body += "</ErrorResponse>"
    else:
        headers = [("Content-Type", "application/xml")]
        inner = f"<Code>{code}</Code><Message>{html.escape(message)}</Message>"
        body = f"<Error>{inner}<RequestId>{uuid4()}</RequestId></Error>"
    return Answer(f"{status} Error", headers + _request_id(), body.encode())


def _request_id() -> list[tuple[str, str]]:
    return [("x-amzn-RequestId", str(uuid4()))]
