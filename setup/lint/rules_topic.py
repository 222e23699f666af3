"""Knows what goes wrong between an alarm's topic and who is to hear it, and with the archive.

Reads a chain, changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from setup.lint.chain import Bucket, Subscription, Topic, same
from setup.lint.policy import allows, conditions, does, is_public, principals, statements
from setup.lint.rule import Hit, Rule, Severity
from setup.lint.view import View

CLOUDWATCH = "cloudwatch.amazonaws.com"
CLOUDTRAIL = "cloudtrail.amazonaws.com"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""What is said to them crosses no network."""
MANAGED_KEYS = ("alias/aws/sns", ":alias/aws/sns")


def policy_shuts_out(view: View) -> Iterator[Hit]:
    for topic in view.topics:
        if not topic.policy:
            continue  # the policy that SNS gives every topic lets its own account's alarms in
        for alarm in view.notified(topic):
            arn = _alarm_arn(view, topic, alarm.name)
            account = view.chain.account or _account(topic.arn)
            if allows(topic.policy, CLOUDWATCH, "sns:Publish", arn, account) is False:
                message = f"The policy of {topic.name} does not let {alarm.name} publish."
                yield Hit(topic, message, "policy")
                break


def _account(arn: str) -> str | None:
    parts = arn.split(":")
    return parts[4] if len(parts) >= 6 else None


def _alarm_arn(view: View, topic: Topic, name: str) -> str | None:
    parts = topic.arn.split(":")
    if len(parts) < 6:
        return None
    region, account = view.chain.region or parts[3], view.chain.account or parts[4]
    return f"arn:{parts[1]}:cloudwatch:{region}:{account}:alarm:{name}"


def open_topic(view: View) -> Iterator[Hit]:
    for topic in view.topics:
        for one in statements(topic.policy):
            if not does(one, "sns:Publish") or one.get("Effect") != "Allow":
                continue
            if is_public(one):
                yield Hit(topic, f"Anybody may publish to {topic.name}.", "policy")
            elif CLOUDWATCH in principals(one) and not any(conditions(one)):
                message = f"CloudWatch may publish to {topic.name} for any account."
                yield Hit(topic, message, "policy", severity=Severity.NOTE)


def key_shuts_out(view: View) -> Iterator[Hit]:
    for topic in view.topics:
        key = topic.key or ""
        if key.endswith(MANAGED_KEYS):
            message = f"{topic.name} is encrypted with aws/sns, which CloudWatch may not use."
            yield Hit(topic, message, "key")
            continue
        if not topic.key_policy:
            continue
        lacking = [
            action
            for action in ("kms:Decrypt", "kms:GenerateDataKey")
            if allows(topic.key_policy, CLOUDWATCH, action, None, None) is False
        ]
        if lacking:
            message = f"The key of {topic.name} does not let CloudWatch {' and '.join(lacking)}."
            yield Hit(topic, message, "key")


def old_signature(view: View) -> Iterator[Hit]:
    for topic in view.topics:
        if topic.signature_version == "1":
            yield Hit(topic, f"{topic.name} signs with SHA-1.", "signature_version")


def _subscribers(view: View, topic: Topic) -> list[Subscription]:
    return [one for one in view.chain.subscriptions if same(one.topic, topic.arn)]


def no_subscriber(view: View) -> Iterator[Hit]:
    for topic in view.topics:
        found = _subscribers(view, topic)
        if any(same(one.topic, topic.arn) is None for one in view.chain.subscriptions):
            continue
        if topic.subscriptions_known and all(one.confirmed is False for one in found):
            waiting = f": {len(found)} not confirmed" if found else ""
            yield Hit(topic, f"Nobody is subscribed to {topic.name}{waiting}.")
        elif not topic.subscriptions_known and not found and not view.chain.complete:
            message = f"{topic.name} has no subscription in this file."
            yield Hit(topic, message, severity=Severity.NOTE)


def pending(view: View) -> Iterator[Hit]:
    for topic in view.topics:
        for one in _subscribers(view, topic):
            if one.confirmed is False:
                who = f"{one.protocol} to {one.endpoint}" if one.endpoint else one.protocol
                message = f"The subscription of {who} to {topic.name} is not confirmed."
                yield Hit(one, message)


def plain_http(view: View) -> Iterator[Hit]:
    for topic in view.topics:
        for one in _subscribers(view, topic):
            host = (one.endpoint or "").rpartition(":")[0] or one.endpoint
            if one.protocol == "http" and host not in LOOPBACK:
                message = f"{topic.name} tells {one.endpoint or 'a subscriber'} over http."
                yield Hit(one, message, "protocol")


def filtered(view: View) -> Iterator[Hit]:
    for topic in view.topics:
        for one in _subscribers(view, topic):
            if one.filtered:
                who = one.endpoint or one.protocol or "a subscriber"
                message = f"The subscription of {who} to {topic.name} has a filter policy."
                yield Hit(one, message, "filtered")


def _buckets(view: View) -> list[Bucket]:
    names = [trail.bucket for trail in view.chain.trails]
    return [one for one in view.chain.buckets if any(same(one.name, name) for name in names)]


def any_trail_writes(view: View) -> Iterator[Hit]:
    for bucket in _buckets(view):
        for one in statements(bucket.policy):
            named = CLOUDTRAIL in principals(one) and does(one, "s3:PutObject")
            keys = {key for _, key, _ in conditions(one)}
            if named and not keys & {"aws:sourcearn", "aws:sourceaccount", ""}:
                message = f"Trails of any account may write to {bucket.name}."
                yield Hit(bucket, message, "policy")


def no_tls(view: View) -> Iterator[Hit]:
    for bucket in _buckets(view):
        if bucket.policy is None:
            continue
        denies = [
            one
            for one in statements(bucket.policy)
            if one.get("Effect") == "Deny"
            and any(key in ("aws:securetransport", "") for _, key, _ in conditions(one))
        ]
        if not denies:
            yield Hit(bucket, f"{bucket.name} can be read without TLS.", "policy")


def public_bucket(view: View) -> Iterator[Hit]:
    for bucket in _buckets(view):
        if any(is_public(one) for one in statements(bucket.policy)):
            yield Hit(bucket, f"The policy of {bucket.name} lets anybody in.", "policy")
        elif bucket.blocked is False:
            message = f"Public access to {bucket.name} is not blocked in full."
            yield Hit(bucket, message, "blocked", severity=Severity.WARNING)


_ACCESS = "Example cases for Amazon SNS access control, SNS developer guide"
_BUCKET = "Amazon S3 bucket policy for CloudTrail, CloudTrail user guide"

RULES = (
    Rule("TW501", Severity.ERROR, "The topic's policy keeps CloudWatch out",
         "The alarm goes off and its action fails; that is to be read in the alarm's history "
         "only.", "Allow sns:Publish to cloudwatch.amazonaws.com, for this account's alarms.",
         _ACCESS, policy_shuts_out),
    Rule("TW502", Severity.WARNING, "Anybody may publish to the topic",
         "A false alarm, or a thousand of them, can then come from anywhere.",
         "Allow cloudwatch.amazonaws.com only, with aws:SourceAccount or aws:SourceArn.", _ACCESS,
         open_topic),
    Rule("TW503", Severity.ERROR, "CloudWatch may not use the topic's key",
         "CloudWatch has to encrypt what it publishes. The policy of the AWS managed key aws/sns "
         "cannot be changed and does not let it.",
         "Use a key of your own whose policy allows kms:Decrypt and kms:GenerateDataKey* to "
         "cloudwatch.amazonaws.com, or SNS's own encryption.",
         "Amazon SNS key management, SNS developer guide", key_shuts_out),
    Rule("TW504", Severity.NOTE, "The topic signs with SHA-1",
         "Signature version 2 signs with SHA-256; receivers that check signatures want it.",
         "Set the topic's SignatureVersion to 2.",
         "Verifying the signatures of Amazon SNS messages, SNS developer guide", old_signature),
    Rule("TW505", Severity.ERROR, "Nobody is subscribed to the topic",
         "The alarm is published, and no one receives it.",
         "Subscribe who is on call, and confirm the subscription.",
         "Subscribe, SNS API reference; CIS AWS Foundations 4", no_subscriber),
    Rule("TW506", Severity.WARNING, "A subscription is not confirmed",
         "SNS sends nothing to an endpoint that has not confirmed, and gives it up after a while.",
         "Confirm it from the message that SNS sent, or subscribe again.",
         "ConfirmSubscription, SNS API reference", pending),
    Rule("TW507", Severity.WARNING, "A subscription without TLS",
         "Alarms then cross the network readable and can be changed on the way.",
         "Subscribe an https address.", "Subscribe, SNS API reference", plain_http),
    Rule("TW508", Severity.WARNING, "A subscription filters messages",
         "Alarms carry no message attributes: a filter policy on them lets no alarm pass.",
         "Remove the filter policy, unless it looks at the message's body.",
         "Amazon SNS subscription filter policies, SNS developer guide", filtered),
    Rule("TW601", Severity.WARNING, "Any trail may write to the bucket",
         "Without aws:SourceArn a trail of a stranger's account may write to this bucket, too.",
         "Bind CloudTrail's statements to the trail with aws:SourceArn.", _BUCKET,
         any_trail_writes),
    Rule("TW602", Severity.WARNING, "The bucket can be used without TLS",
         "Records then cross the network readable.",
         "Deny s3:* where aws:SecureTransport is false.",
         "Security best practices, S3 user guide; AWS Config s3-bucket-ssl-requests-only", no_tls),
    Rule("TW603", Severity.ERROR, "The bucket is open to the public",
         "CloudTrail's records name people, keys, addresses and resources.",
         "Block public access in all four ways, and take * out of the policy.",
         "Blocking public access, S3 user guide; CIS AWS Foundations 3.3", public_bucket),
)  # fmt: skip
"""What can be wrong with topics, subscriptions and the trail's bucket."""
