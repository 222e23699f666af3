"""Knows what SNS delivers straight to the bot: which topics are ours, what is genuine. Never acts.

A message is taken where its topic is one of ours, its certificate is SNS's own of that topic's
Region, its signature fits, and SNS could still be sending it. One that was taken before is known by
its MessageId, which the inbox keeps longer than that.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from datetime import datetime

from trailwatch.alarm_message import alarm_message
from trailwatch.sns_message import (
    BadSnsMessage,
    SnsMessage,
    sns_message,
    timely,
    verify,
)

SOURCE = "sns"

Certificates = Callable[[str, str], bytes]
"""The certificate at an address, for a Region; raises BadSnsMessage and AwsError."""


def genuine(
    body: bytes, topics: Container[str], certificates: Certificates, now: datetime
) -> SnsMessage:
    """The message in a request's body; raises BadSnsMessage unless SNS sent it for a topic of ours.

    What costs nothing is checked first: only a message for us makes a certificate be fetched.
    Raises AwsError where the certificate cannot be had now.
    """
    message = sns_message(body)
    pinned(message, topics)
    timely(message, now)
    verify(message, certificates(message.certificate_url, message.region), now)
    return message


def pinned(message: SnsMessage, topics: Container[str]) -> None:
    """Raise BadSnsMessage unless the message is of one of our topics."""
    if message.topic_arn not in topics:
        raise BadSnsMessage("its topic is none of ours")


def key_of(message: SnsMessage) -> str:
    """The same for every delivery of one message, and for no other."""
    return f"{SOURCE}:{message.id}"


def lane_of(message: SnsMessage) -> str:
    """Messages of one alarm are handled in the order of their arrival."""
    alarm = alarm_message(message.text)
    return f"{SOURCE}:{alarm.arn}" if alarm else key_of(message)
