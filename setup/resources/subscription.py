"""Knows the topic's subscription to the on-call service. Never shows the key in its address."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, quote, urlsplit

from trailwatch.errors import AwsError, ConfigError
from trailwatch.site import Site

if TYPE_CHECKING:
    from setup.clients import Clients

PENDING = "PendingConfirmation"
RETRIES = {
    "numRetries": 45,
    "numNoDelayRetries": 2,
    "minDelayTarget": 5,
    "maxDelayTarget": 80,
    "backoffFunction": "linear",
}
"""About half an hour; SNS allows an hour in all. Source: Creating an HTTP/S delivery policy,
SNS developer guide."""
UNFILTERED = "none"


@dataclass(frozen=True)
class Subscription:
    """The topic delivers to `endpoint`, an address that confirms by itself or a queue's ARN.

    With `key_secret`, the name of a secret, it is delivered to `endpoint`?apiKey=SECRET.
    Source: Subscribe, SNS API reference.
    """

    kind: ClassVar[str] = "subscription"

    site: Site
    name: str
    topic: str
    endpoint: str
    key_secret: str = ""
    patient: bool = False
    """Whether SNS is to try for most of an hour where it cannot deliver; else about a minute."""

    @property
    def _topic_arn(self) -> str:
        return self.site.topic_arn(self.topic)

    @property
    def permissions(self) -> tuple[tuple[str, str, str], ...]:
        return (
            ("read", "sns:ListSubscriptionsByTopic", self._topic_arn),
            ("write", "sns:Subscribe", self._topic_arn),
            # These are on subscriptions, which are no resource type of SNS's, and none of its
            # condition keys goes with them ("Actions, resources, and condition keys for Amazon
            # SNS", Service Authorization Reference): a topic's ARN there would allow nothing.
            ("read", "sns:GetSubscriptionAttributes", "*"),
            ("write", "sns:SetSubscriptionAttributes", "*"),
            # The same goes for Unsubscribe.
            ("write", "sns:Unsubscribe", "*"),
            ("delete", "sns:Unsubscribe", "*"),
        )

    def wanted(self) -> dict[str, Any]:
        return {
            "topic": self._topic_arn,
            "protocol": self._protocol,
            "endpoint": self._address("REDACTED"),
            "keys": ["current"] if self.key_secret else [],
            "confirmed": True,
            "filter_policy": UNFILTERED,
            "raw_delivery": False,
            **({"retries": RETRIES} if self.patient else {}),
        }

    @property
    def _protocol(self) -> str:
        return "sqs" if self.endpoint.startswith("arn:") else urlsplit(self.endpoint).scheme

    def _address(self, key: str) -> str:
        return f"{self.endpoint}?apiKey={quote(key, safe='')}" if self.key_secret else self.endpoint

    def read(self, clients: Clients) -> dict[str, Any] | None:
        """The attributes are left out of one that is pending: SNS does not tell its ARN. So they
        are where the role may not read them, as elder roles may not."""
        found = self._among(clients, clients.known_subscriptions(self._topic_arn))
        if not found:
            return None
        current = clients.secrets.get(self.key_secret) if self.key_secret else ""
        keys = {_key(one): one["SubscriptionArn"] for one in found}
        best = keys.get(current or "", found[0]["SubscriptionArn"])
        return {
            "topic": self._topic_arn,
            "protocol": str(found[0].get("Protocol", "")),
            "endpoint": self._address("REDACTED"),
            "keys": sorted(
                "current" if key == current else _fingerprint(key) for key in keys if key
            ),
            "confirmed": best.startswith("arn:"),
            **self._attributes(clients, best),
        }

    def _ours(self, clients: Clients) -> list[dict[str, Any]]:
        return self._among(clients, clients.subscriptions(self._topic_arn))

    def _among(self, clients: Clients, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those of a topic's subscriptions that are this one."""
        return [
            one for one in found if str(one.get("Endpoint", "")).partition("?")[0] == self.endpoint
        ]

    def tags(self, clients: Clients) -> dict[str, str] | None:
        return None

    def write(self, clients: Clients, before: Mapping[str, Any] | None) -> None:
        key = (clients.secrets.get(self.key_secret) or "") if self.key_secret else ""
        if self.key_secret and not key:
            raise ConfigError(
                f"The topic {self.topic} cannot be subscribed.",
                "The key of the integration that it goes to is not known.",
                "Make a new plan: Opsgenie's integration is made anew by it. Of Jira Service "
                "Management's set JSM_SNS_KEY.",
            )
        if not self._confirmed(clients, key):
            self._subscribe(clients, key)
        for one in self._ours(clients):
            arn = one["SubscriptionArn"]
            if not arn.startswith("arn:"):
                continue
            if _key(one) == key:
                self._put_attributes(clients, arn)
            else:
                clients.call("sns", "Unsubscribe", SubscriptionArn=arn)

    def _subscribe(self, clients: Clients, key: str) -> None:
        clients.call(
            "sns",
            "Subscribe",
            TopicArn=self._topic_arn,
            Protocol=self._protocol,
            Endpoint=self._address(key),
            ReturnSubscriptionArn=True,
        )
        if not clients.wait_until(lambda: self._confirmed(clients, key)):
            called = urlsplit(self.endpoint).netloc or self.endpoint
            raise AwsError(
                f"The subscription of {self.topic} is not confirmed yet.",
                f"{called} has not answered in {clients.patience:.0f} s.",
                "See whether SNS can reach that address, then plan and apply again.",
                operation="Subscribe",
                code=PENDING,
                retryable=True,
            )

    def _attributes(self, clients: Clients, arn: str) -> dict[str, Any]:
        """How a subscription delivers; {} where that is not to be learnt."""
        if not arn.startswith("arn:"):
            return {}
        try:
            found = clients.find(
                "sns", "GetSubscriptionAttributes", ("NotFound",), SubscriptionArn=arn
            )
        except AwsError as error:
            if error.permission:
                return {}
            raise
        if found is None:
            return {}
        given = found.get("Attributes", {})
        return {
            "filter_policy": _filter_policy(given),
            "raw_delivery": str(given.get("RawMessageDelivery")).lower() == "true",
            **({"retries": _retries(given)} if self.patient else {}),
        }

    def _put_attributes(self, clients: Clients, arn: str) -> None:
        """Bring what differs to what is wanted. Source: SetSubscriptionAttributes, SNS API
        reference; "{}" ends a filter policy (Removing a subscription filter policy, developer
        guide)."""
        current, wanted = self._attributes(clients, arn), self.wanted()
        values = {
            "filter_policy": ("FilterPolicy", "{}"),
            "raw_delivery": ("RawMessageDelivery", "false"),
            "retries": ("DeliveryPolicy", json.dumps({"healthyRetryPolicy": RETRIES})),
        }
        for name, (attribute, value) in values.items():
            if name in current and current[name] != wanted[name]:
                clients.call(
                    "sns",
                    "SetSubscriptionAttributes",
                    SubscriptionArn=arn,
                    AttributeName=attribute,
                    AttributeValue=value,
                )

    def _confirmed(self, clients: Clients, key: str) -> bool:
        return any(
            _key(one) == key and one["SubscriptionArn"].startswith("arn:")
            for one in self._ours(clients)
        )

    def delete(self, clients: Clients) -> None:
        for one in self._ours(clients):
            # One that was never confirmed cannot be ended; it goes with its topic.
            if one["SubscriptionArn"].startswith("arn:"):
                clients.call("sns", "Unsubscribe", SubscriptionArn=one["SubscriptionArn"])


def _filter_policy(given: Mapping[str, str]) -> str:
    """What is let through, and by what of a message: UNFILTERED, or the policy as JSON with its
    scope. Source: GetSubscriptionAttributes, SNS API reference."""
    policy = json.loads(given.get("FilterPolicy") or "{}")
    if not policy:
        return UNFILTERED
    scope = given.get("FilterPolicyScope") or "MessageAttributes"
    return f"{json.dumps(policy, sort_keys=True)} on {scope}"


def _retries(given: Mapping[str, str]) -> dict[str, Any]:
    """The retry policy of a subscription's own, {} where it has none."""
    policy = json.loads(given.get("DeliveryPolicy") or "{}").get("healthyRetryPolicy") or {}
    return {name: policy[name] for name in RETRIES if name in policy}


def _key(subscription: Mapping[str, Any]) -> str:
    values = parse_qs(urlsplit(str(subscription.get("Endpoint", ""))).query).get("apiKey")
    return values[0] if values else ""


def _fingerprint(secret: str) -> str:
    return f"sha256:{hashlib.sha256(secret.encode()).hexdigest()[:12]}"
