"""An AWS account in which nothing is: whoever asks for events is told that there is no filter."""

from __future__ import annotations

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

_IDENTITY = b"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/trailwatch</Arn>
<UserId>AIDAEXAMPLE</UserId><Account>123456789012</Account></GetCallerIdentityResult>
<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"""
_DENIED = "AccessDeniedException"


def nothing(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    """Answers STS and CloudWatch Logs; all else is denied, by the protocol it was asked in."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body: bytes = environ["wsgi.input"].read(length) if length else b""
    target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    status, kind = "403 Forbidden", "application/x-amz-json-1.1"
    answer = b'{"__type":"AccessDeniedException","message":"denied"}'
    headers: list[tuple[str, str]] = []
    if b"Action=GetCallerIdentity" in body:
        status, kind, answer = "200 OK", "text/xml", _IDENTITY
    elif target.endswith("DescribeMetricFilters"):
        status, answer = "200 OK", b'{"metricFilters":[]}'
    elif "HTTP_SMITHY_PROTOCOL" in environ:
        kind = "application/cbor"
        headers = [("smithy-protocol", "rpc-v2-cbor")]
        answer = _map({"__type": _DENIED, "message": "denied"})
    start(status, [("Content-Type", kind), ("Content-Length", str(len(answer))), *headers])
    return [answer]


def _map(values: dict[str, str]) -> bytes:
    """A CBOR map of short texts (RFC 8949, 3.1)."""
    out = bytes([0xA0 | len(values)])
    for pair in values.items():
        for text in pair:
            data = text.encode()
            out += bytes([0x60 | len(data)] if len(data) < 24 else [0x78, len(data)]) + data
    return out
