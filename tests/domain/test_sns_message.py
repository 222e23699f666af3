"""What of SNS's messages is believed, and where their certificates may come from."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sandbox.aws.signing import Signer
from trailwatch.alarm_message import alarm_message
from trailwatch.sns_message import (
    BadSnsMessage,
    check_certificate_url,
    sns_message,
    timely,
    verify,
)

NOW = datetime.now(UTC).replace(microsecond=0)
ENVELOPE = {
    "Type": "Notification",
    "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
    "TopicArn": "arn:aws:sns:eu-central-1:123456789012:trailwatch-alarms",
    "Subject": "ALARM: “Größe” in EU (Frankfurt)",
    "Message": '{"AlarmName":"größe"}',
    "Timestamp": NOW.isoformat().replace("+00:00", ".000Z"),
}
OWN = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0a1b.pem"


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer("sns.eu-central-1.amazonaws.com")


def signed(signer: Signer, version: str, **change: str) -> bytes:
    body = {**ENVELOPE, **change}
    given = {"SignatureVersion": version, "Signature": signer.sign(body, version)}
    return json.dumps({**body, **given, "SigningCertURL": OWN}).encode()


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_versions_are_verified(signer: Signer, version: str) -> None:
    certificate = signer.certificate_pem.encode()
    message = sns_message(signed(signer, version))
    verify(message, certificate, NOW)
    timely(message, NOW)
    changed = json.loads(signed(signer, version))
    for change in (
        {"Message": "{}"},
        {"Subject": "another"},
        {"Timestamp": (NOW + timedelta(seconds=1)).isoformat()},
        {"TopicArn": "arn:aws:sns:eu-central-1:111122223333:trailwatch-alarms"},
        {"MessageId": "another"},
    ):
        with pytest.raises(BadSnsMessage, match="signature"):
            verify(sns_message(json.dumps({**changed, **change})), certificate, NOW)
    swapped = {**changed, "SignatureVersion": "2" if version == "1" else "1"}
    with pytest.raises(BadSnsMessage, match="signature"):
        verify(sns_message(json.dumps(swapped)), certificate, NOW)
    with pytest.raises(BadSnsMessage, match="not valid now"):
        verify(message, certificate, NOW + timedelta(days=400))
    with pytest.raises(BadSnsMessage, match="cannot be read"):
        verify(message, b"-----BEGIN CERTIFICATE-----\n", NOW)


@pytest.mark.parametrize("minutes", [-6, 76])
def test_what_sns_would_not_send_any_more_is_refused(signer: Signer, minutes: int) -> None:
    with pytest.raises(BadSnsMessage, match="Timestamp"):
        timely(sns_message(signed(signer, "2")), NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0a1b.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0a1b.pem",
        "https://sns.eu-central-1.amazonaws.com.example.com/SimpleNotificationService-0a1b.pem",
        "https://sns.eu-central-1.amazonaws.com@example.com/SimpleNotificationService-0a1b.pem",
        "https://sns.eu-central-1.amazonaws.com:8443/SimpleNotificationService-0a1b.pem",
        "https://sns.eu-central-1.amazonaws.com/a/SimpleNotificationService-0a1b.pem",
        "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0a1b.pem?x=1",
        "https://sns.eu-central-1.amazonaws.com/?Action=Publish",
        "http://127.0.0.1:5000/SimpleNotificationService-0a1b.pem",
        "file:///SimpleNotificationService-0a1b.pem",
        "https://[::1",
        "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0a1b.pem\n",
        "https://sns.eu-central-1.amazonaws.com\t/SimpleNotificationService-0a1b.pem",
        "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0a1b.pem?",
        "",
    ],
)
def test_certificates_come_from_sns_in_the_topics_region_alone(url: str) -> None:
    with pytest.raises(BadSnsMessage):
        check_certificate_url(url, "eu-central-1")


def test_its_own_address_is_taken_and_a_stand_ins_by_the_setting() -> None:
    check_certificate_url(OWN, "eu-central-1")
    china = "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-0a1b.pem"
    check_certificate_url(china, "cn-north-1")
    local = "http://127.0.0.1:5000/SimpleNotificationService-0a1b.pem"
    check_certificate_url(local, "eu-central-1", "http://127.0.0.1:5000")


@pytest.mark.parametrize(
    "change",
    [
        {"Type": "Nonsense"},
        {"TopicArn": "arn:aws:sqs:eu-central-1:123456789012:q"},
        {"TopicArn": "arn:aws:sns:evil.example.com/:123456789012:t"},
        {"MessageId": "../../x"},
        {"Timestamp": "yesterday"},
        {"Signature": ""},
    ],
)
def test_odd_messages_are_refused(signer: Signer, change: dict[str, str]) -> None:
    body = {**json.loads(signed(signer, "2")), **change}
    with pytest.raises(BadSnsMessage):
        sns_message(json.dumps(body))


def test_real_alarms_are_read(shared: Path) -> None:
    found = {
        file.name: alarm_message(file.read_text("utf-8"))
        for file in (shared / "data" / "cloudwatch").glob("*.message.json")
    }
    assert len(found) >= 5
    # Those of 2014 name no ARN: nothing tells which alarm it is.
    assert [name for name, one in found.items() if one is None] == [
        name for name in found if "2014" in name
    ]
    for odd in ("", "[]", "null", "{", '{"AlarmName":1}', "[" * 100_000):
        assert alarm_message(odd) is None
