"""Knows SNS's topics and subscriptions: who is confirmed, who gets what. Never how it is sent."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from moto.sns.models import Subscription, Topic
from moto.sns.utils import FilterPolicyMatcher

from sandbox.aws.backends import Account
from sandbox.aws.deliveries import Deliveries
from sandbox.aws.envelopes import Envelopes
from sandbox.aws.keys import Keys
from sandbox.aws.operations import Handler, Proceed
from sandbox.aws.policy import allows
from sandbox.aws.protocol import AwsCall, Refusal
from sandbox.wire import Answer

HTTP = ("http", "https")
PENDING = "PendingConfirmation"
TOPIC_ATTRIBUTES = (
    "DisplayName",
    "Policy",
    "DeliveryPolicy",
    "KmsMasterKeyId",
    "SignatureVersion",
    "TracingConfig",
    "ContentBasedDeduplication",
    "FifoTopic",
)


class Sns:
    """The calls on topics that moto answers otherwise, and CloudWatch's way to publish."""

    def __init__(
        self, account: Account, deliveries: Deliveries, envelopes: Envelopes, keys: Keys
    ) -> None:
        self._account = account
        self._keys = keys
        self._deliveries = deliveries
        self._envelopes = envelopes
        self._tokens: dict[str, str] = {}
        """Token -> subscription's ARN."""
        self._gone: dict[str, Subscription] = {}
        """Unsubscribed, but their UnsubscribeConfirmation may bring them back."""
        self._lock = threading.RLock()

    def handlers(self) -> dict[str, Handler]:
        return {
            "CreateTopic": self._create_topic,
            "SetTopicAttributes": self._set_topic_attributes,
            "GetTopicAttributes": self._topic_attributes,
            "Subscribe": self._subscribe,
            "SetSubscriptionAttributes": self._set_subscription_attributes,
            "ConfirmSubscription": self._confirm,
            "Unsubscribe": self._unsubscribe,
            "ListSubscriptions": self._list,
            "ListSubscriptionsByTopic": self._list,
            "Publish": self._publish,
            "PublishBatch": self._publish_batch,
        }

    def state(self) -> object:
        """What is to be kept between two runs."""
        with self._lock:
            return dict(self._tokens), dict(self._gone)

    def restore(self, state: tuple[dict[str, str], dict[str, Subscription]]) -> None:
        self._tokens, self._gone = state

    def publish_as_alarm(self, topic_arn: str, subject: str, text: str, alarm: str) -> str | None:
        """Publish for CloudWatch; gives back why not, where the topic is absent or forbids it."""
        region = topic_arn.split(":")[3]
        topic = self._account.sns(region).topics.get(topic_arn)
        if topic is None:
            return f"Topic does not exist: {topic_arn}"
        context = {
            "aws:SourceArn": alarm,
            "aws:SourceAccount": self._account.id,
            "aws:SourceOwner": self._account.id,
        }
        if not allows(
            topic.policy,
            service="cloudwatch.amazonaws.com",
            action="SNS:Publish",
            resource=topic_arn,
            context=context,
        ):
            return (
                "CloudWatch Alarms is not authorized to perform: SNS:Publish on resource: "
                f"{topic_arn}"
            )
        if topic.kms_master_key_id and not self._may_encrypt(topic, region, context):
            return f"null (Service: AWSKMS; Error Code: AccessDeniedException; {topic.arn})"
        self._fan_out(topic, text, subject, None)
        return None

    def _may_encrypt(self, topic: Topic, region: str, context: Mapping[str, str]) -> bool:
        """Whether CloudWatch may use the topic's key; AWS's own key it may never use.

        Source: Key management, Amazon SNS developer guide.
        """
        key = self._keys.find(region, topic.kms_master_key_id)
        service, actions = "cloudwatch.amazonaws.com", ("GenerateDataKey", "Decrypt")
        return key is not None and self._keys.lets(key, service, actions, context)

    def _create_topic(self, call: AwsCall, proceed: Proceed) -> Answer:
        for name, value in call.get("Attributes", {}).items():
            _check_attribute(name, value)
        return proceed()

    def _set_topic_attributes(self, call: AwsCall, proceed: Proceed) -> Answer:
        _check_attribute(call.get("AttributeName"), call.get("AttributeValue", ""))
        return proceed()

    def _topic_attributes(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        topic = self._topic(call)
        subscriptions = self._of_topic(topic)
        pending = sum(1 for s in subscriptions if _is_pending(s))
        attributes = {
            "Owner": topic.account_id,
            "Policy": topic.policy,
            "TopicArn": topic.arn,
            "DisplayName": topic.display_name,
            "EffectiveDeliveryPolicy": topic.effective_delivery_policy,
            "SubscriptionsPending": str(pending),
            "SubscriptionsConfirmed": str(len(subscriptions) - pending),
            "SubscriptionsDeleted": str(topic.subscriptions_deleted),
        }
        optional = {
            "DeliveryPolicy": topic.delivery_policy,
            "KmsMasterKeyId": topic.kms_master_key_id,
            "SignatureVersion": getattr(topic, "signature_version", ""),
            "TracingConfig": getattr(topic, "tracing_config", ""),
        }
        return {"Attributes": attributes | {k: v for k, v in optional.items() if v}}

    def _subscribe(self, call: AwsCall, proceed: Proceed) -> Mapping[str, Any] | Answer:
        topic = self._topic(call)
        protocol, endpoint = call.get("Protocol", ""), call.get("Endpoint", "")
        if protocol not in HTTP:
            answer = proceed()
            backend = self._account.sns(call.region)
            _settle(backend._find_subscription(topic.arn, endpoint, protocol))
            return answer
        if urlsplit(endpoint).scheme not in HTTP or not urlsplit(endpoint).hostname:
            text = "Invalid parameter: Endpoint must match the specified protocol"
            raise Refusal("InvalidParameter", text)
        with self._lock:
            backend = self._account.sns(call.region)
            known = backend._find_subscription(topic.arn, endpoint, protocol)
            answer = proceed()
            made = backend._find_subscription(topic.arn, endpoint, protocol)
            if answer.code >= 300 or made is None:
                return answer
            _settle(made)
            if known is None:
                made.attributes["PendingConfirmation"] = True
                made.attributes["ConfirmationWasAuthenticated"] = False
            if _is_pending(made):
                self._ask(topic, made, "SubscriptionConfirmation")
            shown = not _is_pending(made) or call.get("ReturnSubscriptionArn") is True
        return {"SubscriptionArn": made.arn if shown else "pending confirmation"}

    def _set_subscription_attributes(self, call: AwsCall, proceed: Proceed) -> Answer:
        name, value = call.get("AttributeName"), call.get("AttributeValue") or ""
        if name == "RawMessageDelivery" and value.lower() not in ("true", "false"):
            text = "Invalid parameter: Attributes Reason: RawMessageDelivery must be true or false"
            raise Refusal("InvalidParameter", text)
        with self._lock:
            answer = proceed()
            backend = self._account.sns(call.region)
            _settle(backend.subscriptions.get(call.get("SubscriptionArn", "")))
        return answer

    def _ask(self, topic: Topic, subscription: Subscription, kind: str) -> None:
        token = secrets.token_hex(96)
        self._tokens[token] = subscription.arn
        message = self._envelopes.confirmation(
            url=_reachable(subscription.endpoint),
            kind=kind,
            topic=topic.arn,
            token=token,
            version=_version(topic),
            subscription=subscription.arn,
        )
        self._deliveries.send(subscription.arn, message)

    def _confirm(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        topic = self._topic(call)
        with self._lock:
            arn = self._tokens.get(call.get("Token", ""), "")
            subscriptions = self._account.sns(topic.arn.split(":")[3]).subscriptions
            subscription = subscriptions.get(arn) or self._gone.pop(arn, None)
            if subscription is None or subscription.topic.arn != topic.arn:
                raise Refusal("InvalidParameter", "Invalid parameter: Token")
            subscriptions[arn] = subscription
            subscription.attributes["PendingConfirmation"] = False
            subscription.confirmed = True
        return {"SubscriptionArn": arn}

    def _unsubscribe(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        arn = call.get("SubscriptionArn", "")
        if arn.count(":") != 6:
            text = "Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements"
            raise Refusal("InvalidParameter", text)
        with self._lock:
            subscription = self._account.sns(arn.split(":")[3]).subscriptions.pop(arn, None)
            self._deliveries.forget(arn)
            if subscription is not None:
                subscription.topic.subscriptions_deleted += 1
                # Whoever signs knows what they do; a link in a message may be followed by mistake.
                asks = subscription.protocol in HTTP and not call.signed
                if asks and not _is_pending(subscription):
                    self._gone[arn] = subscription
                    self._ask(subscription.topic, subscription, "UnsubscribeConfirmation")
        return {}

    def _list(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        subscriptions = list(self._account.sns(call.region).subscriptions.values())
        if call.operation == "ListSubscriptionsByTopic":
            subscriptions = self._of_topic(self._topic(call))
        token = str(call.get("NextToken", "0"))
        if not token.isdigit():
            raise Refusal("InvalidParameter", "Invalid parameter: NextToken")
        first = int(token)
        shown = [
            {
                "SubscriptionArn": PENDING if _is_pending(s) else s.arn,
                "Owner": s.owner,
                "Protocol": s.protocol,
                "Endpoint": s.endpoint,
                "TopicArn": s.topic.arn,
            }
            for s in subscriptions[first : first + 100]
        ]
        result: dict[str, Any] = {"Subscriptions": shown}
        if first + 100 < len(subscriptions):
            result["NextToken"] = str(first + 100)
        return result

    def _publish(self, call: AwsCall, proceed: Proceed) -> Mapping[str, Any] | Answer:
        arn = call.get("TopicArn") or call.get("TargetArn") or ""
        topic = self._account.sns(call.region).topics.get(arn)
        if topic is None:
            if call.get("PhoneNumber") or ":endpoint/" in arn:
                return proceed()
            raise Refusal("NotFound", "Topic does not exist", 404)
        return {"MessageId": self._publish_one(topic, call.params)}

    def _publish_batch(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        topic = self._topic(call)
        successful, failed = [], []
        for entry in call.get("PublishBatchRequestEntries", []):
            try:
                sent = {"Id": entry["Id"], "MessageId": self._publish_one(topic, entry)}
                successful.append(sent)
            except Refusal as refusal:
                failed.append(
                    {
                        "Id": entry["Id"],
                        "Code": refusal.code,
                        "Message": refusal.message,
                        "SenderFault": True,
                    }
                )
        return {"Successful": successful, "Failed": failed}

    def _publish_one(self, topic: Topic, params: Mapping[str, Any]) -> str:
        message, subject = params.get("Message") or "", params.get("Subject")
        if not message:
            raise Refusal("InvalidParameter", "Invalid parameter: Empty message")
        if len(message.encode()) > 262_144:
            raise Refusal("InvalidParameter", "Invalid parameter: Message too long")
        if subject is not None and (not 1 <= len(subject) <= 100 or "\n" in subject):
            raise Refusal("InvalidParameter", "Invalid parameter: Subject")
        if params.get("MessageStructure") == "json":
            message = _default_text(message)
        return self._fan_out(topic, message, subject, params.get("MessageAttributes"))

    def _fan_out(
        self,
        topic: Topic,
        message: str,
        subject: str | None,
        given: Mapping[str, Mapping[str, Any]] | None,
    ) -> str:
        message_id = str(uuid4())
        attributes = {
            name: {"Type": a["DataType"], "Value": a.get("StringValue") or a.get("BinaryValue")}
            for name, a in (given or {}).items()
        }
        with self._lock:
            for sub in self._of_topic(topic):
                matcher = sub._filter_policy_matcher
                if _is_pending(sub) or (matcher and not matcher.matches(attributes, message)):
                    continue
                if sub.protocol not in HTTP:
                    sub.publish(message, message_id, subject, attributes)
                    continue
                url = _reachable(sub.endpoint)
                if sub.attributes.get("RawMessageDelivery"):
                    sent = self._envelopes.raw(
                        url=url,
                        topic=topic.arn,
                        subscription=sub.arn,
                        message_id=message_id,
                        message=message,
                    )
                else:
                    sent = self._envelopes.notification(
                        url=url,
                        topic=topic.arn,
                        subscription=sub.arn,
                        version=_version(topic),
                        message_id=message_id,
                        message=message,
                        subject=subject,
                        attributes=attributes,
                    )
                self._deliveries.send(sub.arn, sent)
        return message_id

    def _topic(self, call: AwsCall) -> Topic:
        arn = call.get("TopicArn", "")
        parts = arn.split(":")
        if len(parts) != 6:
            raise Refusal("InvalidParameter", "Invalid parameter: TopicArn")
        topic = self._account.sns(parts[3]).topics.get(arn)
        if topic is None:
            raise Refusal("NotFound", "Topic does not exist", 404)
        return topic

    def _of_topic(self, topic: Topic) -> list[Subscription]:
        backend = self._account.sns(topic.arn.split(":")[3])
        return [s for s in list(backend.subscriptions.values()) if s.topic.arn == topic.arn]


def _is_pending(subscription: Subscription) -> bool:
    return bool(subscription.attributes.get("PendingConfirmation"))


def _settle(subscription: Subscription | None) -> None:
    """Bring to AWS's ways what moto keeps as given: a text for a truth, a policy that lets all
    through, a scope that came after it. Source: Subscription filter policies, developer guide."""
    if subscription is None:
        return
    given = subscription.attributes
    given["RawMessageDelivery"] = str(given.get("RawMessageDelivery")).lower() == "true"
    policy = json.loads(given.get("FilterPolicy") or "{}")
    if not policy:
        given.pop("FilterPolicy", None)
    scope = given.get("FilterPolicyScope")
    subscription._filter_policy = policy or None
    subscription._filter_policy_matcher = FilterPolicyMatcher(policy, scope) if policy else None


def _version(topic: Topic) -> str:
    return str(getattr(topic, "signature_version", "1"))


def _reachable(endpoint: str) -> str:
    """An https address of this machine as http: the sandbox speaks no TLS."""
    parts = urlsplit(endpoint)
    if parts.scheme == "https" and parts.hostname in ("127.0.0.1", "localhost"):
        return parts._replace(scheme="http").geturl()
    return endpoint


def _default_text(message: str) -> str:
    try:
        texts = json.loads(message)
        return str(texts.get("http") or texts["default"])
    except (ValueError, AttributeError, KeyError) as error:
        text = "Invalid parameter: Message Structure - JSON message body failed to parse"
        raise Refusal("InvalidParameter", text) from error


def _check_attribute(name: object, value: object) -> None:
    if name not in TOPIC_ATTRIBUTES and not str(name).endswith(
        ("FeedbackRoleArn", "FeedbackSampleRate")
    ):
        raise Refusal("InvalidParameter", "Invalid parameter: AttributeName")
    if name == "SignatureVersion" and value not in ("1", "2"):
        raise Refusal("InvalidParameter", "Invalid parameter: Attributes Reason: SignatureVersion")
    if name == "Policy":
        try:
            document = json.loads(str(value))
        except ValueError:
            document = None
        if not isinstance(document, dict) or not document.get("Statement"):
            text = "Invalid parameter: Policy Error: null"
            raise Refusal("InvalidParameter", text)
