"""SNS of the AWS stand-in: confirmation, signatures, headers, retries, through boto3."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.faults import Fault

NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return bytes(answer.read())


def verify(aws: Any, body: dict[str, str]) -> None:
    """Check a message as a receiver should; raises InvalidSignature."""
    leaf = x509.load_pem_x509_certificate(get(body["SigningCertURL"]))
    authority = x509.load_pem_x509_certificate(aws.stand_in.signing_ca.encode())
    leaf.verify_directly_issued_by(authority)
    assert leaf.not_valid_before_utc <= datetime.now(UTC) <= leaf.not_valid_after_utc
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["sns.us-east-1.amazonaws.com"]
    keys = NOTIFICATION if body["Type"] == "Notification" else CONFIRMATION
    text = "".join(f"{k}\n{body[k]}\n" for k in keys if k in body)
    algorithm = {"1": hashes.SHA1(), "2": hashes.SHA256()}[body["SignatureVersion"]]
    key = leaf.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    signature = base64.b64decode(body["Signature"])
    key.verify(signature, text.encode(), padding.PKCS1v15(), algorithm)


@pytest.mark.parametrize("version", ["1", "2"])
def test_signatures_verify(aws: Any, until_true: Callable[..., Any], version: str) -> None:
    topic = aws.topic(SignatureVersion="2") if version == "2" else aws.topic()
    aws.confirmed(topic)
    sns = aws.client("sns")
    sns.publish(TopicArn=topic, Message="Grüße\nzweite Zeile", Subject="Hello")
    sns.publish(TopicArn=topic, Message="no subject")
    until_true(lambda: len(aws.receiver.of_type("Notification")) == 2)
    bodies = [p.body for p in aws.receiver.posts]
    assert [b["Type"] for b in bodies] == [
        "SubscriptionConfirmation",
        "Notification",
        "Notification",
    ]
    assert {b["SignatureVersion"] for b in bodies} == {version}
    assert bodies[0]["SigningCertURL"] == aws.stand_in.signing_cert_url
    assert get(bodies[0]["SigningCertURL"]).decode() == aws.stand_in.certificate_pem
    for body in bodies:
        verify(aws, body)
        with pytest.raises(InvalidSignature):
            verify(aws, body | {"Message": "forged"})
    assert "Subject" not in bodies[2]
    with pytest.raises(InvalidSignature):
        verify(aws, {k: v for k, v in bodies[1].items() if k != "Subject"})


def test_the_envelope_has_the_keys_of_a_real_one(
    aws: Any, until_true: Callable[..., Any], shared: Path
) -> None:
    real = json.loads((shared / "data/cloudwatch/envelope-2021-06-seoul.sns.json").read_text())
    topic = aws.topic()
    aws.confirmed(topic)
    aws.client("sns").publish(TopicArn=topic, Message="text", Subject=real["Subject"])
    post = until_true(lambda: aws.receiver.of_type("Notification"))[0]
    assert list(post.body) == list(real)
    assert len(post.body["Timestamp"]) == len(real["Timestamp"])


def test_headers(aws: Any, until_true: Callable[..., Any]) -> None:
    topic = aws.topic()
    arn = aws.confirmed(topic)
    attributes = {"kind": {"DataType": "String", "StringValue": "test"}}
    sent = aws.client("sns").publish(TopicArn=topic, Message="m", MessageAttributes=attributes)
    post = until_true(lambda: aws.receiver.of_type("Notification"))[0]
    assert post.headers["x-amz-sns-message-id"] == sent["MessageId"] == post.body["MessageId"]
    assert post.headers["x-amz-sns-topic-arn"] == topic
    assert post.headers["x-amz-sns-subscription-arn"] == arn
    assert post.headers["content-type"] == "text/plain; charset=UTF-8"
    assert post.body["MessageAttributes"] == {"kind": {"Type": "String", "Value": "test"}}


def test_a_subscription_waits_for_its_confirmation(
    aws: Any, until_true: Callable[..., Any]
) -> None:
    topic = aws.topic()
    sns = aws.client("sns")
    assert aws.subscribe(topic) == "pending confirmation"
    asked = until_true(lambda: aws.receiver.of_type("SubscriptionConfirmation"))[0]
    assert asked.body["TopicArn"] == topic
    assert "x-amz-sns-subscription-arn" not in asked.headers
    pending = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0]
    assert pending["SubscriptionArn"] == "PendingConfirmation"
    assert pending["Endpoint"] == aws.receiver.url
    attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (attributes["SubscriptionsPending"], attributes["SubscriptionsConfirmed"]) == ("1", "0")
    arn = aws.subscribe(topic, ReturnSubscriptionArn=True)
    told = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert told["PendingConfirmation"] == "true"
    until_true(lambda: len(aws.receiver.of_type("SubscriptionConfirmation")) == 2)

    sns.publish(TopicArn=topic, Message="too early")
    with pytest.raises(ClientError) as caught:
        sns.confirm_subscription(TopicArn=topic, Token="wrong")
    assert caught.value.response["Error"]["Code"] == "InvalidParameter"
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(asked.body["SubscribeURL"] + "0")
    refused.value.close()
    assert arn in get(asked.body["SubscribeURL"]).decode()
    assert aws.subscribe(topic) == arn

    sns.publish(TopicArn=topic, Message="now")
    until_true(lambda: aws.receiver.of_type("Notification"))
    assert [p.body["Message"] for p in aws.receiver.of_type("Notification")] == ["now"]
    told = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert told["PendingConfirmation"] == "false"


def test_https_on_this_machine_is_delivered_plainly(
    aws: Any, until_true: Callable[..., Any]
) -> None:
    url = aws.receiver.url.replace("http://", "https://")
    aws.client("sns").subscribe(TopicArn=aws.topic(), Protocol="https", Endpoint=url)
    until_true(lambda: aws.receiver.of_type("SubscriptionConfirmation"))
    with pytest.raises(ClientError):
        aws.client("sns").subscribe(TopicArn=aws.topic(), Protocol="https", Endpoint="nowhere")


def test_failed_deliveries_are_tried_again_in_order(
    aws: Any, until_true: Callable[..., Any]
) -> None:
    topic = aws.topic()
    aws.confirmed(topic)
    aws.receiver.answers = [500, 503, 429, 200, 500, 500, 500, 500, 500, 200]
    for n in range(3):
        aws.client("sns").publish(TopicArn=topic, Message=str(n))
    until_true(lambda: len(aws.receiver.of_type("Notification")) == 11)
    got = [p.body["Message"] for p in aws.receiver.of_type("Notification")]
    assert got == ["0"] * 4 + ["1"] * 6 + ["2"]


def test_a_client_error_is_final(aws: Any, until_true: Callable[..., Any]) -> None:
    topic = aws.topic()
    aws.confirmed(topic)
    aws.receiver.answers = [404]
    for text in ("dropped", "next"):
        aws.client("sns").publish(TopicArn=topic, Message=text)
    until_true(lambda: len(aws.receiver.of_type("Notification")) == 2)
    assert [p.body["Message"] for p in aws.receiver.of_type("Notification")] == ["dropped", "next"]


def test_a_lost_answer_means_a_second_delivery(aws: Any, until_true: Callable[..., Any]) -> None:
    topic = aws.topic()
    aws.confirmed(topic)
    aws.faults.add(Fault("sns", "", "lost", count=1))
    sent = aws.client("sns").publish(TopicArn=topic, Message="twice")
    until_true(lambda: len(aws.receiver.of_type("Notification")) == 2)
    ids = {p.body["MessageId"] for p in aws.receiver.of_type("Notification")}
    assert ids == {sent["MessageId"]}
    until_true(lambda: [c["status"] for c in aws.calls.list("sns")][-2:] == [0, 200])


def test_unsubscribing(aws: Any, until_true: Callable[..., Any]) -> None:
    topic = aws.topic()
    arn = aws.confirmed(topic)
    sns = aws.client("sns")
    sns.publish(TopicArn=topic, Message="m")
    post = until_true(lambda: aws.receiver.of_type("Notification"))[0]
    get(post.body["UnsubscribeURL"])
    assert sns.list_subscriptions()["Subscriptions"] == []
    left = until_true(lambda: aws.receiver.of_type("UnsubscribeConfirmation"))[0]
    verify(aws, left.body)
    get(left.body["SubscribeURL"])
    found = sns.list_subscriptions()["Subscriptions"]
    assert [s["SubscriptionArn"] for s in found] == [arn]
    sns.unsubscribe(SubscriptionArn=arn)
    assert sns.list_subscriptions()["Subscriptions"] == []
    assert len(aws.receiver.of_type("UnsubscribeConfirmation")) == 1


def test_a_filter_policy_and_raw_delivery_hold_until_they_are_taken_off(
    aws: Any, until_true: Callable[..., Any]
) -> None:
    """A scope that comes after its policy counts, "{}" ends a policy, "false" is no truth."""
    topic = aws.topic()
    aws.confirmed(topic)
    sns = aws.client("sns")
    (arn,) = [one["SubscriptionArn"] for one in sns.list_subscriptions()["Subscriptions"]]

    def told(name: str) -> str | None:
        return sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"].get(name)

    def put(name: str, value: str) -> None:
        sns.set_subscription_attributes(
            SubscriptionArn=arn, AttributeName=name, AttributeValue=value
        )

    assert (told("FilterPolicy"), told("RawMessageDelivery")) == (None, "false")
    put("FilterPolicy", '{"kind": ["loud"]}')
    assert told("FilterPolicyScope") == "MessageAttributes"
    put("FilterPolicyScope", "MessageBody")
    put("RawMessageDelivery", "true")
    for kind in ("quiet", "loud"):
        sns.publish(TopicArn=topic, Message=json.dumps({"kind": kind}))
    until_true(lambda: {"kind": "loud"} in [post.body for post in aws.receiver.posts])
    put("FilterPolicy", "{}")
    put("RawMessageDelivery", "false")
    assert (told("FilterPolicy"), told("FilterPolicyScope")) == (None, None)
    assert told("RawMessageDelivery") == "false"
    sns.publish(TopicArn=topic, Message=json.dumps({"kind": "after"}))
    until_true(lambda: any("Signature" in post.body for post in aws.receiver.posts[2:]))
    assert [post.body.get("kind") or post.alarm["kind"] for post in aws.receiver.posts[1:]] == [
        "loud",
        "after",
    ]
    with pytest.raises(ClientError, match="must be true or false"):
        put("RawMessageDelivery", "maybe")


def test_what_sns_refuses(aws: Any) -> None:
    sns = aws.client("sns")
    topic = aws.topic()

    def code(call: Callable[..., Any], **arguments: Any) -> str:
        with pytest.raises(ClientError) as caught:
            call(**arguments)
        return str(caught.value.response["Error"]["Code"])

    assert code(sns.publish, TopicArn=topic.replace("alarms", "no"), Message="m") == "NotFound"
    assert code(sns.publish, TopicArn=topic, Message="m", Subject="x" * 101) == "InvalidParameter"
    assert code(sns.get_topic_attributes, TopicArn=topic + "x") == "NotFound"

    def set_code(name: str, value: str) -> str:
        return code(
            sns.set_topic_attributes, TopicArn=topic, AttributeName=name, AttributeValue=value
        )

    assert set_code("Policy", "{") == "InvalidParameter"
    assert set_code("SignatureVersion", "3") == "InvalidParameter"
    assert set_code("Colour", "red") == "InvalidParameter"


def test_publishing_several(aws: Any, until_true: Callable[..., Any]) -> None:
    topic = aws.topic()
    aws.confirmed(topic)
    entries = [{"Id": str(n), "Message": f"m{n}"} for n in range(3)]
    entries.append({"Id": "bad", "Message": "m", "Subject": "two\nlines"})
    answer = aws.client("sns").publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [s["Id"] for s in answer["Successful"]] == ["0", "1", "2"]
    assert [f["Id"] for f in answer["Failed"]] == ["bad"]
    until_true(lambda: len(aws.receiver.of_type("Notification")) == 3)
