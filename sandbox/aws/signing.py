"""Knows how SNS signs: its certificate, the text that is signed, both versions. Sends nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

NOTIFICATION_KEYS = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
CONFIRMATION_KEYS = (
    "Message",
    "MessageId",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
)


def string_to_sign(envelope: Mapping[str, str]) -> str:
    """Names and values of the signed keys, each on a line of its own.

    Source: SNS Developer Guide, "Verifying the signatures of Amazon SNS messages". Subject is
    left out where the message has none.
    """
    keys = NOTIFICATION_KEYS if envelope["Type"] == "Notification" else CONFIRMATION_KEYS
    return "".join(f"{key}\n{envelope[key]}\n" for key in keys if key in envelope)


class Signer:
    """A certificate authority of its own and one leaf that signs messages."""

    def __init__(self, host: str) -> None:
        authority_key = _key("authority")
        authority = _name("trailwatch sandbox authority")
        ca = (
            _certificate(authority, authority, authority_key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(authority_key, hashes.SHA256())
        )
        self._key = _key("leaf")
        leaf = (
            _certificate(_name(host), authority, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .sign(authority_key, hashes.SHA256())
        )
        self.authority_pem: str = ca.public_bytes(serialization.Encoding.PEM).decode()
        self.certificate_pem: str = leaf.public_bytes(serialization.Encoding.PEM).decode()
        digest = hashlib.sha256(self.certificate_pem.encode()).hexdigest()[:32]
        self.certificate_path = f"/SimpleNotificationService-{digest}.pem"

    def sign(self, envelope: Mapping[str, str], version: str) -> str:
        """The signature in base64; version "1" is RSA with SHA-1, "2" with SHA-256."""
        # Version 1 is what AWS sends by default, so a receiver must be able to check it.
        algorithm = hashes.SHA256() if version == "2" else hashes.SHA1()  # noqa: S303
        signed = self._key.sign(string_to_sign(envelope).encode(), padding.PKCS1v15(), algorithm)
        return base64.b64encode(signed).decode()


@cache
def _key(of: str) -> rsa.RSAPrivateKey:
    """A process's key for the authority or the leaf: making one takes longer than all the rest."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
    )
