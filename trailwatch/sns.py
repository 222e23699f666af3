"""Knows SNS's own addresses: fetches certificates, confirms subscriptions. Verifies nothing."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from urllib.parse import urlencode

import urllib3

from trailwatch.errors import AwsError
from trailwatch.sns_message import BadSnsMessage, check_certificate_url, sns_host

KEPT = 16
"""Certificates in memory; SNS changes its own once a year or so."""
FETCHES = 20
"""At most so many a minute: their names come in messages that nobody has verified yet."""
LARGEST = 20_000


class SnsWeb:
    """SNS's web pages that need no credentials. Safe for threads.

    stand_in: the origin of a stand-in of AWS, which is asked in place of SNS; "" for AWS itself.
    """

    def __init__(self, stand_in: str = "") -> None:
        self._stand_in = stand_in.rstrip("/")
        self._pool = urllib3.PoolManager(timeout=urllib3.Timeout(connect=3, read=5))
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._fetched: list[float] = []
        self._lock = threading.Lock()

    def certificate(self, url: str, region: str) -> bytes:
        """The certificate (PEM) at an address of SNS's in that Region.

        Raises BadSnsMessage for any other address or where SNS has none, AwsError where SNS does
        not answer.
        """
        check_certificate_url(url, region, self._stand_in)
        with self._lock:
            if url in self._kept:
                self._kept.move_to_end(url)
                return self._kept[url]
            now = time.monotonic()
            self._fetched = [at for at in self._fetched if now - at < 60]
            if len(self._fetched) >= FETCHES:
                raise _silent("SigningCert", "Too many certificates are asked for.")
            self._fetched.append(now)
        status, body = self._get("SigningCert", url)
        if status != 200 or len(body) > LARGEST:
            raise BadSnsMessage("SNS has no such certificate")
        with self._lock:
            self._kept[url] = body
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return body

    def confirm(self, topic_arn: str, token: str) -> None:
        """Confirm a subscription. The address is made here; a message's own is never followed.

        Raises AwsError. Source: ConfirmSubscription, SNS API reference.
        """
        base = self._stand_in or f"https://{sns_host(topic_arn.split(':')[3])}"
        query = {"Action": "ConfirmSubscription", "TopicArn": topic_arn, "Token": token}
        status, body = self._get("ConfirmSubscription", f"{base}/?{urlencode(query)}")
        if status >= 500 or status == 429:
            raise _silent("ConfirmSubscription", f"It answered {status}.")
        if status != 200:
            raise AwsError(
                "SNS did not confirm the subscription.",
                body[:200].decode("utf-8", "replace"),
                "Plan and apply again: SNS then asks anew.",
                operation="ConfirmSubscription",
                code=str(status),
            )

    def close(self) -> None:
        self._pool.clear()

    def _get(self, operation: str, url: str) -> tuple[int, bytes]:
        try:
            answer = self._pool.request("GET", url, retries=False, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise _silent(operation, type(error).__name__) from error
        return answer.status, answer.data


def _silent(operation: str, why: str) -> AwsError:
    return AwsError(
        "SNS does not answer.", why, operation=operation, code="unreachable", retryable=True
    )
