"""Knows each part of the pipeline as Terraform resources in JSON. Pure: runs no Terraform.

Source: documentation of the provider hashicorp/aws, version 5; Terraform's JSON syntax.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from setup.export_parts import Part, key_of, key_or_nothing, linked, without_empty
from setup.resources.kms_key import DESCRIPTION
from setup.resources.role import POLICY
from trailwatch.site import SiteConfig

Block = dict[str, Any]
Made = list[tuple[str, str, Block]]
"""(type, name, arguments) of resources."""
STAYS = {"prevent_destroy": True}
"""The lifecycle of what holds evidence."""
PROVIDER = {"source": "hashicorp/aws", "version": ">= 5.0"}


def document(config: SiteConfig, parts: Sequence[Part], left_out: Sequence[str]) -> str:
    """The configuration as JSON text, ending in a line feed."""
    links = _links(config, parts)
    resources: dict[str, dict[str, Block]] = {}
    for part in parts:
        for kind, name, block in _MAKERS[part.kind](part):
            own = _OWN.get(kind, ())
            given = {
                argument: _escaped(value) if argument in own else _referring(value, links)
                for argument, value in block.items()
            }
            resources.setdefault(kind, {})[name] = given
    whole = {
        "//": [f"CloudTrail alarms of the site {config.site.name}, by trailwatch.", *left_out],
        "terraform": {"required_version": ">= 1.5", "required_providers": {"aws": PROVIDER}},
        "provider": {"aws": {"region": config.site.region}},
        "resource": _ordered(resources),
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _ordered(resources: dict[str, dict[str, Block]]) -> dict[str, dict[str, Block]]:
    """The trail waits for the bucket's policy, which CloudTrail looks at."""
    if "aws_s3_bucket_policy" in resources and "aws_cloudtrail" in resources:
        resources["aws_cloudtrail"]["trail"]["depends_on"] = ["aws_s3_bucket_policy.bucket"]
    return resources


_OWN: Mapping[str, tuple[str, ...]] = {
    "aws_s3_bucket": ("bucket",),
    "aws_cloudwatch_log_group": ("name",),
    "aws_iam_role": ("name",),
    "aws_kms_alias": ("name",),
}
"""The arguments that name the resource itself."""


def _links(config: SiteConfig, parts: Sequence[Part]) -> dict[str, str]:
    site = config.site
    every = {
        "bucket": {
            config.bucket: "${aws_s3_bucket.bucket.id}",
            site.bucket_arn(config.bucket): "${aws_s3_bucket.bucket.arn}",
        },
        "log_group": {
            config.log_group: "${aws_cloudwatch_log_group.log_group.name}",
            # Terraform's ARN of a log group lacks the end that CloudTrail wants.
            site.log_group_arn(config.log_group): "${aws_cloudwatch_log_group.log_group.arn}:*",
        },
        "role": {
            config.role: "${aws_iam_role.role.id}",
            site.role_arn(config.role): "${aws_iam_role.role.arn}",
        },
        "topic": {site.topic_arn(config.topic): "${aws_sns_topic.topic.arn}"},
        "kms_key": {config.kms_alias: "${aws_kms_key.key.arn}"},
    }
    kinds = {part.kind for part in parts}
    return {
        text: link for kind, links in every.items() if kind in kinds for text, link in links.items()
    }


def _referring(value: Any, links: Mapping[str, str]) -> Any:
    """The value with references for names; a policy becomes a text."""
    if isinstance(value, Document):
        return json.dumps(linked(_escaped(value.statement), links), sort_keys=True)
    return linked(_escaped(value), links)


def _escaped(value: Any) -> Any:
    """Terraform takes ${ and %{ in any text for the start of a template."""
    if isinstance(value, str):
        return value.replace("${", "$${").replace("%{", "%%{")
    if isinstance(value, Mapping):
        return {key: _escaped(below) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [_escaped(one) for one in value]
    return value


class Document:
    """A policy document, which Terraform takes as text."""

    def __init__(self, statement: Mapping[str, Any]) -> None:
        self.statement = dict(statement)


def _kms_key(part: Part) -> Made:
    key = {
        "description": DESCRIPTION,
        "enable_key_rotation": part.fields["rotation"],
        "policy": Document(part.fields["policy"]),
        "tags": part.fields["tags"],
        "lifecycle": STAYS,
    }
    alias = {"name": part.name, "target_key_id": part.name}
    return [("aws_kms_key", "key", key), ("aws_kms_alias", "key", alias)]


def _bucket(part: Part) -> Made:
    fields, name = part.fields, part.name
    algorithm, key = fields["encryption"].partition(" ")[0], key_of(fields["encryption"])
    default = without_empty({"sse_algorithm": algorithm, "kms_master_key_id": key})
    mode, days = fields.get("object_lock", " ").split(" ")[:2]
    block = fields["public_access_block"]
    made: Made = [
        (
            "aws_s3_bucket",
            "bucket",
            {
                "bucket": name,
                **({"object_lock_enabled": True} if mode else {}),
                "tags": fields["tags"],
                "lifecycle": STAYS,
            },
        ),
        ("aws_s3_bucket_policy", "bucket", {"bucket": name, "policy": Document(fields["policy"])}),
        (
            "aws_s3_bucket_public_access_block",
            "bucket",
            {"bucket": name, **{_snake(flag): on for flag, on in block.items()}},
        ),
        (
            "aws_s3_bucket_server_side_encryption_configuration",
            "bucket",
            {"bucket": name, "rule": [{"apply_server_side_encryption_by_default": default}]},
        ),
        (
            "aws_s3_bucket_versioning",
            "bucket",
            {"bucket": name, "versioning_configuration": {"status": fields["versioning"]}},
        ),
        (
            "aws_s3_bucket_lifecycle_configuration",
            "bucket",
            {
                "bucket": name,
                "rule": [_rule(one) for one in fields["lifecycle"]],
                "depends_on": ["aws_s3_bucket_versioning.bucket"],
            },
        ),
    ]
    if mode:
        retention = {"mode": mode, "days": int(days)}
        lock = {"bucket": name, "rule": {"default_retention": retention}}
        made.append(("aws_s3_bucket_object_lock_configuration", "bucket", lock))
    return made


def _snake(name: str) -> str:
    return "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in name).lstrip("_")


def _rule(rule: Mapping[str, Any]) -> Block:
    abort = rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation")
    old = rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays")
    out = without_empty(
        {
            "id": rule["ID"],
            "status": rule["Status"],
            "abort_incomplete_multipart_upload": abort and {"days_after_initiation": abort},
            "noncurrent_version_expiration": old and {"noncurrent_days": old},
            "transition": [
                {"days": one["Days"], "storage_class": one["StorageClass"]}
                for one in rule.get("Transitions", ())
            ],
            "expiration": rule.get("Expiration") and {"days": rule["Expiration"]["Days"]},
        }
    )
    return {**out, "filter": without_empty({"prefix": rule["Filter"].get("Prefix")})}


def _log_group(part: Part) -> Made:
    group = {
        "name": part.name,
        "retention_in_days": part.fields["retention_days"],
        "kms_key_id": key_or_nothing(part.fields["kms_key"]),
        "tags": part.fields["tags"],
        "lifecycle": STAYS,
    }
    return [("aws_cloudwatch_log_group", "log_group", without_empty(group))]


def _role(part: Part) -> Made:
    role = {
        "name": part.name,
        "assume_role_policy": Document(part.fields["trust"]),
        "tags": part.fields["tags"],
    }
    policy = {
        "name": POLICY,
        "role": part.name,
        "policy": Document(part.fields["policy"]),
    }
    return [("aws_iam_role", "role", role), ("aws_iam_role_policy", "role", policy)]


def _trail(part: Part) -> Made:
    fields = part.fields
    trail = {
        "name": part.name,
        "s3_bucket_name": fields["bucket"],
        "cloud_watch_logs_group_arn": fields["log_group"],
        "cloud_watch_logs_role_arn": fields["role"],
        "kms_key_id": key_or_nothing(fields["kms_key"]),
        "enable_logging": fields["logging"],
        "is_multi_region_trail": fields["multi_region"],
        "is_organization_trail": fields["organization"],
        "include_global_service_events": fields["global_events"],
        "enable_log_file_validation": fields["file_validation"],
        **_selectors(fields["event_selectors"]),
        "insight_selector": [{"insight_type": kind} for kind in fields["insights"]],
        "tags": fields["tags"],
    }
    return [("aws_cloudtrail", "trail", without_empty(trail))]


def _selectors(selectors: Sequence[Mapping[str, Any]]) -> Block:
    if any("FieldSelectors" in one for one in selectors):
        return {
            "advanced_event_selector": [
                without_empty(
                    {
                        "name": one.get("Name"),
                        "field_selector": [
                            {_snake(key): value for key, value in test.items()}
                            for test in one["FieldSelectors"]
                        ],
                    }
                )
                for one in selectors
            ]
        }
    return {
        "event_selector": [
            without_empty(
                {
                    "read_write_type": one["ReadWriteType"],
                    "include_management_events": one["IncludeManagementEvents"],
                    "exclude_management_event_sources": one["ExcludeManagementEventSources"],
                    "data_resource": [
                        {"type": each["Type"], "values": list(each["Values"])}
                        for each in one["DataResources"]
                    ],
                }
            )
            for one in selectors
        ]
    }


def _metric_filter(part: Part) -> Made:
    (metric,) = part.fields["metrics"]
    one = {
        "name": part.name,
        "log_group_name": part.fields["log_group"],
        "pattern": part.fields["pattern"],
        "metric_transformation": {
            "name": metric["name"],
            "namespace": metric["namespace"],
            "value": metric["value"],
            "default_value": str(metric["default"]),
        },
    }
    return [("aws_cloudwatch_log_metric_filter", part.id, one)]


def _topic(part: Part) -> Made:
    fields = part.fields
    topic = {
        "name": part.name,
        "signature_version": int(fields["signature_version"]),
        "kms_master_key_id": key_or_nothing(fields["kms_key"]),
        "tags": fields["tags"],
    }
    arn = fields["policy"]["Statement"][0]["Resource"]
    policy = {"arn": arn, "policy": Document(fields["policy"])}
    return [
        ("aws_sns_topic", "topic", without_empty(topic)),
        ("aws_sns_topic_policy", "topic", policy),
    ]


def _alarm(part: Part) -> Made:
    fields = part.fields
    alarm = {
        "alarm_name": part.name,
        "alarm_description": fields["description"],
        "namespace": fields["namespace"],
        "metric_name": fields["metric"],
        "statistic": fields["statistic"],
        "period": fields["period"],
        "evaluation_periods": fields["evaluation_periods"],
        "datapoints_to_alarm": fields["datapoints_to_alarm"],
        "comparison_operator": fields["comparison"],
        "threshold": fields["threshold"],
        "treat_missing_data": fields["missing_data"],
        "actions_enabled": fields["actions_enabled"],
        "alarm_actions": fields["alarm_actions"],
        "ok_actions": fields["ok_actions"],
        "tags": fields["tags"],
    }
    return [("aws_cloudwatch_metric_alarm", part.id, without_empty(alarm))]


_MAKERS: Mapping[str, Callable[[Part], Made]] = {
    "kms_key": _kms_key,
    "bucket": _bucket,
    "log_group": _log_group,
    "role": _role,
    "trail": _trail,
    "metric_filter": _metric_filter,
    "topic": _topic,
    "alarm": _alarm,
}
