"""Knows Slack's signed requests to an app's Request URL. Never what they carry.

Source: docs.slack.dev/authentication/verifying-requests-from-slack.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from sandbox.slack.link import ACK_SECONDS, Delivery


class SignedLink:
    """POSTs to `request_url` what Socket Mode would send as envelopes."""

    def __init__(self, secret: str, clock: Callable[[], float]) -> None:
        self._secret = secret
        self._clock = clock
        self.request_url: str | None = None

    def deliver(
        self, kind: str, payload: dict[str, Any], *, ack_payload: bool, wait: bool = True
    ) -> Delivery:
        """Send one request; 504 after 3 seconds, 503 when nobody answers (`wait` False: later)."""
        if not wait:
            threading.Thread(
                target=self._post, args=(kind, payload), name="slack event", daemon=True
            ).start()
            return Delivery(202)
        return self._post(kind, payload)

    def _post(self, kind: str, payload: dict[str, Any]) -> Delivery:
        began = time.perf_counter()
        request = self._request(kind, payload)
        if request is None:
            return Delivery(503)

        def ended(status: int, ack: Any = None) -> Delivery:
            return Delivery(status, ack, (time.perf_counter() - began) * 1000)

        try:
            with urllib.request.urlopen(request, timeout=ACK_SECONDS) as response:  # noqa: S310
                return ended(200, _ack(response.read(), response.headers.get("Content-Type")))
        except urllib.error.HTTPError as error:
            with error:
                return ended(error.code)
        except TimeoutError:
            return ended(504)
        except urllib.error.URLError as error:
            return ended(504 if isinstance(error.reason, TimeoutError) else 503)
        except (OSError, http.client.HTTPException):
            return ended(503)

    def _request(self, kind: str, payload: dict[str, Any]) -> urllib.request.Request | None:
        if self.request_url is None:
            return None
        if kind == "slash_commands":
            body, content_type = urlencode(payload).encode(), "application/x-www-form-urlencoded"
        elif kind == "interactive":
            body = urlencode({"payload": json.dumps(payload)}).encode()
            content_type = "application/x-www-form-urlencoded"
        else:
            body, content_type = json.dumps(payload).encode(), "application/json"
        stamp = str(int(self._clock()))
        base = b"v0:" + stamp.encode() + b":" + body
        digest = hmac.new(self._secret.encode(), base, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={digest}",
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        }
        return urllib.request.Request(self.request_url, data=body, headers=headers)  # noqa: S310


def _ack(body: bytes, content_type: str | None) -> Any:
    if not body:
        return None
    if (content_type or "").startswith("application/json"):
        try:
            return json.loads(body)
        except ValueError:
            return None
    return body.decode(errors="replace")
