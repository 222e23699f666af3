"""Knows which CloudTrail events can have changed a resource of the pipeline. Pure: looks nowhere.

Source of names and parameters: "CloudTrail record contents", the API references of the services
named, and recorded events. Opsgenie's integrations are in no trail.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from setup.change import Action, Change
from trailwatch.record import text_at
from trailwatch.site import SiteConfig

GONE = "gone"
"""Stands for a resource's existence among its fields."""
ANY = "*"

Named = tuple[tuple[str, str], ...]
"""(path of a request parameter with dots, what it names: a key of `names_of`); all must fit."""


@dataclass(frozen=True)
class Cause:
    """One kind of event: which fields of which resource it changes, and what names it there.

    `when`: request parameters with the value that they must have.
    """

    kind: str
    source: str
    event: str
    fields: tuple[str, ...]
    named: Named
    when: tuple[tuple[str, str], ...] = ()


def _several(kind: str, source: str, named: Named, *rows: tuple[str, tuple[str, ...]]) -> Any:
    return [Cause(kind, source, event, fields, named) for event, fields in rows]


_BUCKET: Named = (("bucketName", "self"),)
_GROUP: Named = (("logGroupName", "self"),)
_FILTER: Named = (("filterName", "self"), ("logGroupName", "log_group"))
_TOPIC: Named = (("topicArn", "topic"),)
_CORE = (
    "bucket",
    "log_group",
    "role",
    "multi_region",
    "global_events",
    "file_validation",
    "kms_key",
)

CAUSES: tuple[Cause, ...] = (
    *_several(
        "trail", "cloudtrail", (("name", "self"),),
        ("StopLogging", ("logging",)),
        ("StartLogging", ("logging",)),
        ("DeleteTrail", (GONE,)),
        ("CreateTrail", ()),
        ("UpdateTrail", (*_CORE, "organization")),
    ),
    *_several(
        "trail", "cloudtrail", (("trailName", "self"),),
        ("PutEventSelectors", ("event_selectors",)),
        ("PutInsightSelectors", ("insights",)),
    ),
    *_several(
        "trail", "cloudtrail", (("resourceId", "self"),),
        ("AddTags", ("tags",)),
        ("RemoveTags", ("tags",)),
    ),
    *_several(
        "metric_filter", "logs", _FILTER,
        ("PutMetricFilter", ("pattern", "metrics")),
        ("DeleteMetricFilter", (GONE,)),
    ),
    Cause("metric_filter", "logs", "DeleteLogGroup", (GONE,), (("logGroupName", "log_group"),)),
    *_several(
        "log_group", "logs", _GROUP,
        ("PutRetentionPolicy", ("retention_days",)),
        ("DeleteRetentionPolicy", ("retention_days",)),
        ("AssociateKmsKey", ("kms_key",)),
        ("DisassociateKmsKey", ("kms_key",)),
        ("DeleteLogGroup", (GONE,)),
        ("CreateLogGroup", ("retention_days", "kms_key", "tags")),
    ),
    *_several(
        "log_group", "logs", (("resourceArn", "self"),),
        ("TagResource", ("tags",)),
        ("UntagResource", ("tags",)),
    ),
    Cause("alarm", "monitoring", "PutMetricAlarm", (ANY,), (("alarmName", "self"),)),
    *_several(
        "alarm", "monitoring", (("alarmNames", "self"),),
        ("DisableAlarmActions", ("actions_enabled",)),
        ("EnableAlarmActions", ("actions_enabled",)),
        ("DeleteAlarms", (GONE,)),
    ),
    Cause("alarm", "monitoring", "SetAlarmState", (), (("alarmName", "self"),)),
    *_several(
        "alarm", "monitoring", (("resourceARN", "self"),),
        ("TagResource", ("tags",)),
        ("UntagResource", ("tags",)),
    ),
    Cause("mute_rule", "monitoring", "PutAlarmMuteRule", (ANY, GONE), (("name", "self"),)),
    Cause(
        "mute_rule", "monitoring", "DeleteAlarmMuteRule", (ANY, GONE),
        (("alarmMuteRuleName", "self"),),
    ),
    *(
        Cause("topic", "sns", "SetTopicAttributes", fields, _TOPIC, (("attributeName", name),))
        for name, fields in (
            ("Policy", ("policy",)),
            ("SignatureVersion", ("signature_version",)),
            ("KmsMasterKeyId", ("kms_key",)),
        )
    ),
    *_several(
        "topic", "sns", _TOPIC,
        ("AddPermission", ("policy",)),
        ("RemovePermission", ("policy",)),
        ("DeleteTopic", (GONE,)),
    ),
    Cause("topic", "sns", "CreateTopic", (), (("name", "self"),)),
    *_several(
        "topic", "sns", (("resourceArn", "topic"),),
        ("TagResource", ("tags",)),
        ("UntagResource", ("tags",)),
    ),
    *_several(
        "queue", "sqs", (("queueUrl", "of_queue"),),
        ("SetQueueAttributes", (ANY,)),
        ("AddPermission", ("policy",)),
        ("RemovePermission", ("policy",)),
        ("TagQueue", ("tags",)),
        ("UntagQueue", ("tags",)),
        ("DeleteQueue", (GONE,)),
    ),
    Cause("queue", "sqs", "CreateQueue", (), (("queueName", "self"),)),
    Cause("subscription", "sns", "Unsubscribe", (GONE, ANY), (("subscriptionArn", "of_topic"),)),
    Cause("subscription", "sns", "DeleteTopic", (GONE,), _TOPIC),
    Cause("subscription", "sns", "Subscribe", (ANY,), _TOPIC),
    *(
        Cause(
            "subscription", "sns", "SetSubscriptionAttributes", fields,
            (("subscriptionArn", "of_topic"),), (("attributeName", name),),
        )
        for name, fields in (
            ("FilterPolicy", ("filter_policy",)),
            ("FilterPolicyScope", ("filter_policy",)),
            ("RawMessageDelivery", ("raw_delivery",)),
            ("DeliveryPolicy", ("retries",)),
        )
    ),
    *_several(
        "bucket", "s3", _BUCKET,
        ("PutBucketPolicy", ("policy",)),
        ("DeleteBucketPolicy", ("policy",)),
        ("PutBucketPublicAccessBlock", ("public_access_block",)),
        ("DeleteBucketPublicAccessBlock", ("public_access_block",)),
        ("PutBucketEncryption", ("encryption",)),
        ("DeleteBucketEncryption", ("encryption",)),
        ("PutBucketVersioning", ("versioning",)),
        ("PutBucketLifecycle", ("lifecycle",)),
        ("PutBucketLifecycleConfiguration", ("lifecycle",)),
        ("DeleteBucketLifecycle", ("lifecycle",)),
        ("PutBucketObjectLockConfiguration", ("object_lock",)),
        ("PutBucketTagging", ("tags",)),
        ("DeleteBucketTagging", ("tags",)),
        ("DeleteBucket", (GONE,)),
        ("CreateBucket", ()),
    ),
    *_several(
        "role", "iam", (("roleName", "self"),),
        ("PutRolePolicy", ("policy",)),
        ("DeleteRolePolicy", ("policy",)),
        ("UpdateAssumeRolePolicy", ("trust",)),
        ("TagRole", ("tags",)),
        ("UntagRole", ("tags",)),
        ("DeleteRole", (GONE,)),
        ("CreateRole", ()),
    ),
    *_several(
        "kms_key", "kms", (("keyId", "key"),),
        ("PutKeyPolicy", ("policy",)),
        ("DisableKey", ("state",)),
        ("EnableKey", ("state",)),
        ("ScheduleKeyDeletion", (GONE, "state")),
        ("CancelKeyDeletion", ("state",)),
        ("DisableKeyRotation", ("rotation",)),
        ("EnableKeyRotation", ("rotation",)),
        ("TagResource", ("tags",)),
        ("UntagResource", ("tags",)),
    ),
    *_several(
        "kms_key", "kms", (("aliasName", "self"),),
        ("DeleteAlias", (GONE,)),
        ("UpdateAlias", (ANY, GONE)),
        ("CreateAlias", ()),
    ),
    Cause("kms_key", "kms", "CreateKey", (), ()),
)  # fmt: skip


def causes_of(change: Change) -> tuple[Cause, ...]:
    """What can have made a resource differ as this change, which would put it back, says."""
    if change.action is Action.CREATE:
        moved = {GONE}
    elif change.action is Action.DELETE:
        moved = {ANY}
    else:
        moved = moved_fields(change)
    return tuple(
        cause
        for cause in CAUSES
        if cause.kind == change.kind
        and cause.fields
        and (
            ANY in moved or moved & set(cause.fields) or (ANY in cause.fields and GONE not in moved)
        )
    )


def moved_fields(change: Change) -> set[str]:
    """The fields of a resource whose value changes."""
    before, after = change.before or {}, change.after or {}
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def event_names(changes: Iterable[Change]) -> tuple[str, ...]:
    """The names of all events that can have caused these changes, each once."""
    return tuple(dict.fromkeys(cause.event for one in changes for cause in causes_of(one)))


def caused(
    change: Change, config: SiteConfig, record: Mapping[str, Any], ids: Sequence[str] = ()
) -> bool:
    """Whether an event can have made the resource differ. One that was refused has not.

    ids: how AWS calls a resource that is known here by another name, such as a key by its alias.
    """
    if text_at(record, "errorCode"):
        return False
    names = names_of(change.kind, change.name, config, ids)
    return any(_fits(cause, names, record) for cause in causes_of(change))


def touched(kind: str, name: str, config: SiteConfig, record: Mapping[str, Any]) -> bool:
    """Whether an event is a call that makes, changes or removes this resource in any way.

    Of a KMS key the alias alone is known: any key's events count.
    """
    names = names_of(kind, name, config, (ANY,))
    return any(_fits(one, names, record) for one in CAUSES if one.kind == kind)


def names_of(
    kind: str, name: str, config: SiteConfig, ids: Sequence[str] = ()
) -> Mapping[str, tuple[str, ...]]:
    """How events may name a resource ("self") and what it lies in."""
    site = config.site
    topic = site.topic_arn(config.topic)
    own = {
        "trail": (name, site.trail_arn(name)),
        "alarm": (name, site.alarm_arn(name)),
        "topic": (name, topic),
        "log_group": (
            name,
            site.log_group_arn(name),
            site.log_group_arn(name).removesuffix(":*"),
        ),
        "mute_rule": (name, site.arn("cloudwatch", f"alarm-mute-rule:{name}")),
        "role": (name, site.role_arn(name)),
    }.get(kind, (name,))
    return {
        "self": own,
        "log_group": (config.log_group,),
        "topic": (topic,),
        "of_topic": (f"{topic}:",),
        "of_queue": (f"/{site.account}/{name}",),
        "key": (name, site.arn("kms", name), *ids),
    }


def _fits(cause: Cause, names: Mapping[str, Sequence[str]], record: Mapping[str, Any]) -> bool:
    if text_at(record, "eventName") != cause.event:
        return False
    if text_at(record, "eventSource") != f"{cause.source}.amazonaws.com":
        return False
    if any(text_at(record, "requestParameters", *k.split(".")) != v for k, v in cause.when):
        return False
    return all(_names(record, path, which, names[which]) for path, which in cause.named)


def _names(record: Mapping[str, Any], path: str, which: str, wanted: Sequence[str]) -> bool:
    node: Any = record.get("requestParameters")
    for key in path.split("."):
        node = node.get(key) if isinstance(node, Mapping) else None
    given = node if isinstance(node, list) else [node]
    if which == "of_topic":
        return any(str(one).startswith(tuple(wanted)) for one in given)
    if which == "of_queue":
        return any(str(one).endswith(tuple(wanted)) for one in given)
    named = [one for one in given if isinstance(one, str) and one]
    return any(one in wanted for one in named) or (ANY in wanted and bool(named))
