"""Knows how an SNS message over HTTP looks: keys, headers, layout. Sends nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from sandbox.aws.deliveries import Message
from sandbox.aws.signing import Signer


class Envelopes:
    """Writes and signs messages; `base` is the stand-in's own address, for the links in them."""

    def __init__(self, signer: Signer, base: str) -> None:
        self._signer = signer
        self._base = base

    def notification(
        self,
        *,
        url: str,
        topic: str,
        subscription: str,
        version: str,
        message_id: str,
        message: str,
        subject: str | None,
        attributes: Mapping[str, Any] | None,
    ) -> Message:
        """A Notification to one subscription; `attributes` as {name: {"Type", "Value"}}."""
        body: dict[str, Any] = {"Type": "Notification", "MessageId": message_id, "TopicArn": topic}
        if subject is not None:
            body["Subject"] = subject
        body |= {"Message": message, "Timestamp": _now()}
        self._sign(body, version)
        body["UnsubscribeURL"] = self._link("Unsubscribe", SubscriptionArn=subscription)
        if attributes:
            body["MessageAttributes"] = dict(attributes)
        return _message(url, body, subscription)

    def confirmation(
        self, *, url: str, kind: str, topic: str, token: str, version: str, subscription: str | None
    ) -> Message:
        """A SubscriptionConfirmation or UnsubscribeConfirmation (`kind`)."""
        if kind == "SubscriptionConfirmation":
            text = (
                f"You have chosen to subscribe to the topic {topic}.\n"
                "To confirm the subscription, visit the SubscribeURL included in this message."
            )
        else:
            text = (
                f"You have chosen to deactivate subscription {subscription}.\n"
                "To cancel this operation and restore the subscription, visit the SubscribeURL "
                "included in this message."
            )
        body: dict[str, Any] = {
            "Type": kind,
            "MessageId": str(uuid4()),
            "Token": token,
            "TopicArn": topic,
            "Message": text,
            "SubscribeURL": self._link("ConfirmSubscription", TopicArn=topic, Token=token),
            "Timestamp": _now(),
        }
        self._sign(body, version)
        return _message(url, body, subscription)

    def raw(
        self, *, url: str, topic: str, subscription: str, message_id: str, message: str
    ) -> Message:
        """A message without an envelope, for RawMessageDelivery."""
        headers = _headers("Notification", message_id, topic, subscription)
        return Message(url, message.encode(), {**headers, "x-amz-sns-rawdelivery": "true"})

    def _sign(self, body: dict[str, Any], version: str) -> None:
        body["SignatureVersion"] = version
        body["Signature"] = self._signer.sign(body, version)
        body["SigningCertURL"] = self._base + self._signer.certificate_path

    def _link(self, action: str, **query: str) -> str:
        return f"{self._base}/?{urlencode({'Action': action, **query}, safe=':')}"


def _message(url: str, body: Mapping[str, Any], subscription: str | None) -> Message:
    text = json.dumps(body, indent=2, separators=(",", " : "), ensure_ascii=False)
    headers = _headers(body["Type"], body["MessageId"], body["TopicArn"], subscription)
    return Message(url, text.encode(), headers)


def _headers(kind: str, message_id: str, topic: str, subscription: str | None) -> dict[str, str]:
    headers = {
        "x-amz-sns-message-type": kind,
        "x-amz-sns-message-id": message_id,
        "x-amz-sns-topic-arn": topic,
        "Content-Type": "text/plain; charset=UTF-8",
        "User-Agent": "Amazon Simple Notification Service Agent",
    }
    if subscription and kind != "SubscriptionConfirmation":
        headers["x-amz-sns-subscription-arn"] = subscription
    return headers


def _now() -> str:
    now = datetime.now(UTC)
    return f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z"
