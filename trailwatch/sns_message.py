"""Knows a message of SNS over HTTP and whether it is genuine, given the certificate. Pure.

Source: "Verifying the signatures of Amazon SNS messages", SNS Developer Guide.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from trailwatch.clock import parse_time

LARGEST = 600_000
"""Bytes; SNS carries 256 KB, which JSON's escapes may double."""
OLDEST = timedelta(hours=1, minutes=15)
"""SNS tries for an hour at most ("Amazon SNS message delivery retries"), so no older message is
its own; younger ones that came before are known by their MessageId."""
AHEAD = timedelta(minutes=5)

_CERTIFICATE = re.compile(r"/SimpleNotificationService-[0-9A-Za-z]{1,64}\.pem")
_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")


class BadSnsMessage(ValueError):
    """No message of SNS's for us; the text says why."""


class SnsType(StrEnum):
    NOTIFICATION = "Notification"
    CONFIRM = "SubscriptionConfirmation"
    UNSUBSCRIBED = "UnsubscribeConfirmation"


_SIGNED = {
    SnsType.NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    SnsType.CONFIRM: (
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
    ),
}  # fmt: skip
_SIGNED[SnsType.UNSUBSCRIBED] = _SIGNED[SnsType.CONFIRM]
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {"1": hashes.SHA1, "2": hashes.SHA256}


@dataclass(frozen=True)
class SnsMessage:
    """One message as it came. Nothing in it is to be believed before `verify`."""

    type: SnsType
    id: str
    topic_arn: str
    text: str
    sent_at: datetime
    certificate_url: str = ""
    token: str = ""
    _keys: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def region(self) -> str:
        """The Region of its topic."""
        return self.topic_arn.split(":")[3]


def sns_message(body: bytes | str, *, signed: bool = True) -> SnsMessage:
    """The message in a request's body, not verified yet; raises BadSnsMessage.

    signed: whether it has to have a signature; what a queue delivers was let in by its policy.
    """
    keys = _keys_of(body)
    try:
        kind = SnsType(keys.get("Type", ""))
    except ValueError as error:
        raise BadSnsMessage("its Type is none that SNS sends") from error
    names = [*_SIGNED[kind], *(("Signature", "SignatureVersion", "SigningCertURL") * signed)]
    for name in names:
        if not keys.get(name) and name != "Subject":
            raise BadSnsMessage(f"the key {name} is missing")
    if not _ID.fullmatch(keys["MessageId"]):
        raise BadSnsMessage("its MessageId is none of SNS's")
    parts = keys["TopicArn"].split(":")
    if len(parts) != 6 or parts[2] != "sns" or not _REGION.fullmatch(parts[3]):
        raise BadSnsMessage("its TopicArn is no topic's")
    try:
        sent_at = parse_time(keys["Timestamp"])
    except (ValueError, OverflowError) as error:
        raise BadSnsMessage("its Timestamp is no time") from error
    return SnsMessage(
        type=kind,
        id=keys["MessageId"],
        topic_arn=keys["TopicArn"],
        text=keys["Message"],
        sent_at=sent_at,
        certificate_url=keys.get("SigningCertURL", ""),
        token=keys.get("Token", ""),
        _keys=keys,
    )


def _keys_of(body: bytes | str) -> dict[str, str]:
    if len(body) > LARGEST:
        raise BadSnsMessage(f"it has more than {LARGEST} bytes")
    try:
        data: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadSnsMessage("it is no JSON") from error
    if not isinstance(data, Mapping):
        raise BadSnsMessage("it is no JSON object")
    return {str(name): text for name, text in data.items() if isinstance(text, str)}


def timely(message: SnsMessage, now: datetime) -> None:
    """Raise BadSnsMessage for a message that is too old for SNS to send it still."""
    if not now - OLDEST <= message.sent_at <= now + AHEAD:
        raise BadSnsMessage("its Timestamp is too old or in the future")


def check_certificate_url(url: str, region: str, stand_in: str = "") -> None:
    """Raise BadSnsMessage unless a certificate's address is SNS's own in that Region.

    stand_in: an origin ("http://127.0.0.1:5000") that is taken besides; only for stand-ins.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise BadSnsMessage("its certificate's address is none") from error
    host = sns_host(region)
    ours = stand_in and f"{parts.scheme}://{parts.netloc}" == stand_in.rstrip("/")
    if not (ours or (parts.scheme == "https" and parts.netloc == host)):
        raise BadSnsMessage(f"its certificate is not at https://{host}")
    # Whatever parsing passes over (a tab, an empty query) is none of SNS's either.
    whole = url == f"{parts.scheme}://{parts.netloc}{parts.path}"
    if not (whole and _CERTIFICATE.fullmatch(parts.path)):
        raise BadSnsMessage("its certificate's address is none of SNS's")


def sns_host(region: str) -> str:
    """SNS's host in a Region. Source: Amazon SNS endpoints, AWS General Reference."""
    return f"sns.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")


def verify(message: SnsMessage, certificate: bytes, now: datetime) -> None:
    """Raise BadSnsMessage unless the certificate's key signed the message.

    certificate: PEM, from an address that `check_certificate_url` took, over verified TLS.
    Signature version 1 is RSA with SHA-1, 2 with SHA-256, both PKCS #1 v1.5.
    """
    keys = message._keys
    algorithm = _HASHES.get(keys.get("SignatureVersion", ""))
    if algorithm is None:
        raise BadSnsMessage("its SignatureVersion is neither 1 nor 2")
    text = "".join(f"{k}\n{keys[k]}\n" for k in _SIGNED[message.type] if k in keys)
    try:
        found = x509.load_pem_x509_certificate(certificate)
        key = found.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise BadSnsMessage("its certificate holds no RSA key")
        if not found.not_valid_before_utc <= now <= found.not_valid_after_utc:
            raise BadSnsMessage("its certificate is not valid now")
        signature = base64.b64decode(keys["Signature"], validate=True)
        key.verify(signature, text.encode(), padding.PKCS1v15(), algorithm())
    except (InvalidSignature, binascii.Error, UnicodeEncodeError) as error:
        raise BadSnsMessage("its signature does not fit") from error
    except ValueError as error:
        if isinstance(error, BadSnsMessage):
            raise
        raise BadSnsMessage("its certificate cannot be read") from error
