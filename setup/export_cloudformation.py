"""Knows each part of the pipeline as a CloudFormation resource. Pure: deploys nothing.

Source: AWS resource and property types reference, AWS CloudFormation template reference.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from setup.export_parts import Part, key_of, key_or_nothing, linked, without_empty
from setup.resources.kms_key import DESCRIPTION
from setup.resources.role import POLICY
from trailwatch.site import SiteConfig

Made = dict[str, dict[str, Any]]
ALIAS = "AWS::KMS::Alias"
KEPT = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
"""For what holds evidence: deleting the stack leaves it."""


def document(config: SiteConfig, parts: Sequence[Part], left_out: Sequence[str]) -> str:
    """The template as JSON text, ending in a line feed."""
    links = _links(config, parts)
    resources: Made = {}
    for part in parts:
        # A resource gives its own name as it is; all others refer to it.
        others = {text: link for text, link in links.items() if _target(link) != part.id}
        for name, made in _MAKERS[part.kind](part).items():
            own = name == part.id or made["Type"] == ALIAS
            properties = linked(made["Properties"], others if own else links)
            resources[name] = {**made, "Properties": properties}
    if "BucketPolicy" in resources and "Trail" in resources:
        # CloudTrail looks at the policy when the trail is made.
        resources["Trail"]["DependsOn"] = ["BucketPolicy"]
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"CloudTrail alarms of the site {config.site.name}, by trailwatch",
        "Metadata": {"trailwatch": {"site": config.site.name, "notes": list(left_out)}},
        "Resources": resources,
    }
    return json.dumps(template, indent=1, ensure_ascii=False) + "\n"


def _links(config: SiteConfig, parts: Sequence[Part]) -> dict[str, Any]:
    site = config.site
    ids = {part.kind: part.id for part in parts if part.kind not in ("metric_filter", "alarm")}
    links: dict[str, Any] = {}
    if "bucket" in ids:
        links[config.bucket] = {"Ref": ids["bucket"]}
        links[site.bucket_arn(config.bucket)] = {"Fn::GetAtt": [ids["bucket"], "Arn"]}
    if "log_group" in ids:
        links[config.log_group] = {"Ref": ids["log_group"]}
        links[site.log_group_arn(config.log_group)] = {"Fn::GetAtt": [ids["log_group"], "Arn"]}
    if "role" in ids:
        links[site.role_arn(config.role)] = {"Fn::GetAtt": [ids["role"], "Arn"]}
    if "topic" in ids:
        links[site.topic_arn(config.topic)] = {"Ref": ids["topic"]}
    if "kms_key" in ids:
        links[config.kms_alias] = {"Fn::GetAtt": [ids["kms_key"], "Arn"]}
    return links


def _target(link: Mapping[str, Any]) -> str:
    return str(link.get("Ref") or link["Fn::GetAtt"][0])


def _tags(part: Part) -> list[dict[str, str]]:
    return [{"Key": key, "Value": text} for key, text in sorted(part.fields["tags"].items())]


def _made(kind: str, properties: Mapping[str, Any], **attributes: Any) -> dict[str, Any]:
    return {"Type": kind, **attributes, "Properties": without_empty(properties)}


def _kms_key(part: Part) -> Made:
    key = {
        "Description": DESCRIPTION,
        "EnableKeyRotation": part.fields["rotation"],
        "KeyPolicy": part.fields["policy"],
        "Tags": _tags(part),
    }
    alias = {"AliasName": part.name, "TargetKeyId": {"Ref": part.id}}
    return {
        part.id: _made("AWS::KMS::Key", key, **KEPT),
        f"{part.id}Alias": _made(ALIAS, alias),
    }


def _bucket(part: Part) -> Made:
    fields, key = part.fields, key_of(part.fields["encryption"])
    default = {"SSEAlgorithm": fields["encryption"].partition(" ")[0]}
    mode, days = fields.get("object_lock", " ").split(" ")[:2]
    bucket = {
        "BucketName": part.name,
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [
                {
                    "ServerSideEncryptionByDefault": {
                        **default,
                        **({"KMSMasterKeyID": key} if key else {}),
                    }
                }
            ]
        },
        "LifecycleConfiguration": {"Rules": [_rule(one) for one in fields["lifecycle"]]},
        "ObjectLockEnabled": bool(mode) or None,
        "ObjectLockConfiguration": {
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": mode, "Days": int(days)}},
        }
        if mode
        else None,
        "PublicAccessBlockConfiguration": fields["public_access_block"],
        "VersioningConfiguration": {"Status": fields["versioning"]},
        "Tags": _tags(part),
    }
    policy = {"Bucket": part.name, "PolicyDocument": fields["policy"]}
    return {
        part.id: _made("AWS::S3::Bucket", bucket, **KEPT),
        f"{part.id}Policy": _made("AWS::S3::BucketPolicy", policy, **KEPT),
    }


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    transitions = [
        {"TransitionInDays": one["Days"], "StorageClass": one["StorageClass"]}
        for one in rule.get("Transitions", ())
    ]
    return without_empty(
        {
            "Id": rule["ID"],
            "Status": rule["Status"],
            "Prefix": rule["Filter"].get("Prefix"),
            "AbortIncompleteMultipartUpload": rule.get("AbortIncompleteMultipartUpload"),
            "NoncurrentVersionExpiration": rule.get("NoncurrentVersionExpiration"),
            "Transitions": transitions,
            "ExpirationInDays": rule.get("Expiration", {}).get("Days"),
        }
    )


def _log_group(part: Part) -> Made:
    group = {
        "LogGroupName": part.name,
        "RetentionInDays": part.fields["retention_days"],
        "KmsKeyId": key_or_nothing(part.fields["kms_key"]),
        "Tags": _tags(part),
    }
    return {part.id: _made("AWS::Logs::LogGroup", group, **KEPT)}


def _role(part: Part) -> Made:
    role = {
        "RoleName": part.name,
        "AssumeRolePolicyDocument": part.fields["trust"],
        "Policies": [{"PolicyName": POLICY, "PolicyDocument": part.fields["policy"]}],
        "Tags": _tags(part),
    }
    return {part.id: _made("AWS::IAM::Role", role)}


def _trail(part: Part) -> Made:
    fields = part.fields
    selectors = fields["event_selectors"]
    advanced = any("FieldSelectors" in one for one in selectors)
    classic = [without_empty(one) for one in selectors]
    trail = {
        "TrailName": part.name,
        "S3BucketName": fields["bucket"],
        "CloudWatchLogsLogGroupArn": fields["log_group"],
        "CloudWatchLogsRoleArn": fields["role"],
        "KMSKeyId": key_or_nothing(fields["kms_key"]),
        "IsLogging": fields["logging"],
        "IsMultiRegionTrail": fields["multi_region"],
        "IsOrganizationTrail": fields["organization"] or None,
        "IncludeGlobalServiceEvents": fields["global_events"],
        "EnableLogFileValidation": fields["file_validation"],
        "AdvancedEventSelectors" if advanced else "EventSelectors": classic,
        "InsightSelectors": [{"InsightType": kind} for kind in fields["insights"]],
        "Tags": _tags(part),
    }
    return {part.id: _made("AWS::CloudTrail::Trail", trail)}


def _metric_filter(part: Part) -> Made:
    (metric,) = part.fields["metrics"]
    one = {
        "FilterName": part.name,
        "LogGroupName": part.fields["log_group"],
        "FilterPattern": part.fields["pattern"],
        "MetricTransformations": [
            {
                "MetricName": metric["name"],
                "MetricNamespace": metric["namespace"],
                "MetricValue": metric["value"],
                "DefaultValue": metric["default"],
            }
        ],
    }
    return {part.id: _made("AWS::Logs::MetricFilter", one)}


def _topic(part: Part) -> Made:
    (statement, *_) = part.fields["policy"]["Statement"]
    topic = {
        "TopicName": part.name,
        "SignatureVersion": part.fields["signature_version"],
        "KmsMasterKeyId": key_or_nothing(part.fields["kms_key"]),
        "Tags": _tags(part),
    }
    policy = {"Topics": [statement["Resource"]], "PolicyDocument": part.fields["policy"]}
    return {
        part.id: _made("AWS::SNS::Topic", topic),
        f"{part.id}Policy": _made("AWS::SNS::TopicPolicy", policy),
    }


def _alarm(part: Part) -> Made:
    fields = part.fields
    alarm = {
        "AlarmName": part.name,
        "AlarmDescription": fields["description"],
        "Namespace": fields["namespace"],
        "MetricName": fields["metric"],
        "Statistic": fields["statistic"],
        "Period": fields["period"],
        "EvaluationPeriods": fields["evaluation_periods"],
        "DatapointsToAlarm": fields["datapoints_to_alarm"],
        "ComparisonOperator": fields["comparison"],
        "Threshold": fields["threshold"],
        "TreatMissingData": fields["missing_data"],
        "ActionsEnabled": fields["actions_enabled"],
        "AlarmActions": fields["alarm_actions"],
        "OKActions": fields["ok_actions"],
        "Tags": _tags(part),
    }
    return {part.id: _made("AWS::CloudWatch::Alarm", alarm)}


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
