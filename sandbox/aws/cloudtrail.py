"""Knows CloudTrail's calls on trails and what they refuse. Never how records are delivered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.cloudtrail.models import Trail
from moto.organizations.models import organizations_backends

from sandbox.aws.backends import Account, aware
from sandbox.aws.event_history import EventHistory
from sandbox.aws.keys import Keys
from sandbox.aws.operations import Handler, Proceed
from sandbox.aws.policy import allows
from sandbox.aws.protocol import AwsCall, Refusal
from sandbox.aws.selectors import DEFAULT, check_selectors
from sandbox.aws.trail_delivery import TrailDelivery
from sandbox.wire import Answer

SERVICE = "cloudtrail.amazonaws.com"
TRAILS = 5
"""Trails in a Region."""


class CloudTrail:
    """The calls that moto answers otherwise than AWS does."""

    def __init__(
        self, account: Account, history: EventHistory, delivery: TrailDelivery, keys: Keys
    ) -> None:
        self._account = account
        self._keys = keys
        self._history = history
        self._delivery = delivery

    def handlers(self) -> dict[str, Handler]:
        return {
            "CreateTrail": self._create,
            "UpdateTrail": self._update,
            "DeleteTrail": self._delete,
            "DescribeTrails": self._describe,
            "GetTrail": self._get,
            "GetTrailStatus": self._status,
            "PutEventSelectors": self._put_selectors,
            "GetEventSelectors": self._get_selectors,
            "PutInsightSelectors": self._put_insights,
            "GetInsightSelectors": self._get_insights,
            "LookupEvents": self._history.lookup,
        }

    def _create(self, call: AwsCall, proceed: Proceed) -> Answer:
        backend = self._account.cloudtrail(call.region)
        name = call.get("Name", "")
        if name in backend.trails:
            text = f"Trail {name} already exists for customer: {self._account.id}"
            raise Refusal("TrailAlreadyExistsException", text)
        if len(backend.trails) >= TRAILS:
            text = f"User: {self._account.id} already has {TRAILS} trails in {call.region}."
            raise Refusal("MaximumNumberOfTrailsExceededException", text)
        arn = f"arn:aws:cloudtrail:{call.region}:{self._account.id}:trail/{name}"
        self._check_logs(call.get("CloudWatchLogsLogGroupArn"), call.get("CloudWatchLogsRoleArn"))
        bucket = call.get("S3BucketName", "")
        organization = self._organization(call) if call.get("IsOrganizationTrail") else ""
        if bucket in self._account.s3.buckets:
            self._check_bucket(bucket, call.get("S3KeyPrefix"), arn, organization)
        key = self._key(call, arn)
        return self._made(call, proceed, name, key)

    def _update(self, call: AwsCall, proceed: Proceed) -> Answer:
        trail = self._trail(call)
        group = call.get("CloudWatchLogsLogGroupArn", trail.cw_log_group_arn)
        self._check_logs(
            group or None, call.get("CloudWatchLogsRoleArn", trail.cw_role_arn) or None
        )
        bucket = call.get("S3BucketName", trail.bucket_name)
        if bucket not in self._account.s3.buckets:
            raise Refusal("S3BucketDoesNotExistException", f"S3 bucket {bucket} does not exist!")
        wide = call.get("IsOrganizationTrail", trail.is_org_trail)
        organization = self._organization(call) if wide else ""
        prefix = call.get("S3KeyPrefix", trail.s3_key_prefix)
        self._check_bucket(bucket, prefix, trail.arn, organization)
        key = self._key(call, trail.arn)
        return self._made(call, proceed, trail.trail_name, key)

    def _made(self, call: AwsCall, proceed: Proceed, name: str, key: str | None) -> Answer:
        """Let moto make or change the trail; whatever its key was called, its ARN is kept."""
        answer = proceed()
        trail = self._account.cloudtrail(call.region).trails.get(name)
        if answer.code < 300 and trail is not None and key is not None:
            trail.kms_key_id = key
        return answer

    def _key(self, call: AwsCall, trail: str) -> str | None:
        """The ARN of the key that a call names; None for no word of one, "" for none any more.

        Source: CreateTrail's errors; Configure KMS key policies for CloudTrail, user guide.
        """
        name = call.params.get("KmsKeyId")
        if not name:
            return None if name is None else ""
        key = self._keys.find(call.region, str(name))
        if key is None:
            raise Refusal("KmsKeyNotFoundException", f"KMS key {name} is not found.")
        if key.key_state != "Enabled":
            raise Refusal("KmsException", f"KMS key {key.arn} is in the state {key.key_state}.")
        context = {"aws:SourceArn": trail, "kms:EncryptionContext:aws:cloudtrail:arn": trail}
        if not self._keys.lets(key, SERVICE, ("GenerateDataKey", "DescribeKey"), context):
            bucket = call.get("S3BucketName", "")
            raise Refusal(
                "InsufficientEncryptionPolicyException",
                f"Insufficient permissions to access S3 bucket {bucket} or KMS key {key.arn}.",
            )
        return str(key.arn)

    def _organization(self, call: AwsCall) -> str:
        """The id of the organization whose management account this is; raises Refusal.

        Source: Prepare for creating a trail for your organization, CloudTrail user guide.
        """
        backend = organizations_backends[self._account.id]["aws"]
        if backend.org is None:
            if self._account.id in organizations_backends.master_accounts:
                text = "The account is not the management account of its organization."
                raise Refusal("NotOrganizationMasterAccountException", text)
            text = "The account is not a member of an organization."
            raise Refusal("OrganizationsNotInUseException", text)
        if backend.org.feature_set != "ALL":
            text = "The organization does not have all features enabled."
            raise Refusal("OrganizationNotInAllFeaturesModeException", text)
        if SERVICE not in [one["ServicePrincipal"] for one in backend.services]:
            text = "Trusted access of CloudTrail to the organization is not enabled."
            raise Refusal("CloudTrailAccessNotEnabledException", text)
        return str(backend.org.id)

    def _check_bucket(self, bucket: str, prefix: str | None, trail: str, organization: str) -> None:
        """The policy that CloudTrail wants: its ACL may be read, objects may be put.

        Source: CloudTrail User Guide, "Amazon S3 bucket policy for CloudTrail".
        """
        policy = self._account.s3.buckets[bucket].policy
        text = policy.decode() if isinstance(policy, bytes) else policy
        folder = f"{prefix}/" if prefix else ""
        arn = f"arn:aws:s3:::{bucket}"
        context = {"aws:SourceArn": trail, "aws:SourceAccount": self._account.id}
        put = {**context, "s3:x-amz-acl": "bucket-owner-full-control"}
        owners = [self._account.id] + [f"{organization}/{self._account.id}"] * bool(organization)
        keys = [f"{arn}/{folder}AWSLogs/{owner}/CloudTrail/example.json.gz" for owner in owners]
        readable = allows(
            text, service=SERVICE, action="s3:GetBucketAcl", resource=arn, context=context
        )
        writable = all(
            allows(text, service=SERVICE, action="s3:PutObject", resource=key, context=put)
            for key in keys
        )
        if not readable or not writable:
            raise Refusal(
                "InsufficientS3BucketPolicyException",
                f"Incorrect S3 bucket policy is detected for bucket: {bucket}",
            )

    def _check_logs(self, group_arn: str | None, role_arn: str | None) -> None:
        if not group_arn and not role_arn:
            return
        if not group_arn or not role_arn:
            raise Refusal(
                "InvalidParameterCombinationException",
                "CloudWatchLogsLogGroupArn and CloudWatchLogsRoleArn must be given together.",
            )
        parts = group_arn.split(":")
        exists = (
            len(parts) == 8
            and parts[7] == "*"
            and parts[5] == "log-group"
            and parts[6] in self._account.logs(parts[3]).groups
        )
        if not exists:
            raise Refusal(
                "InvalidCloudWatchLogsLogGroupArnException",
                "CloudTrail cannot validate the specified log group ARN.",
            )
        role = next((r for r in self._account.iam.roles.values() if r.arn == role_arn), None)
        trusts = role is not None and allows(
            role.assume_role_policy_document,
            service=SERVICE,
            action="sts:AssumeRole",
            resource=role_arn,
            context={"aws:SourceAccount": self._account.id},
        )
        if not trusts:
            raise Refusal(
                "InvalidCloudWatchLogsRoleArnException",
                "Access denied. Check the trust relationships for your role.",
            )

    def _delete(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        trail = self._trail(call)
        self._account.cloudtrail(trail.region_name).trails.pop(trail.trail_name, None)
        return {}

    def _describe(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        backend = self._account.cloudtrail(call.region)
        shadows = call.get("includeShadowTrails") is not False
        names = call.get("trailNameList")
        trails = [
            t
            for t in backend.describe_trails(include_shadow_trails=shadows)
            if not names or t.trail_name in names or t.arn in names
        ]
        return {"trailList": [_described(t) for t in trails]}

    def _get(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        return {"Trail": _described(self._trail(call))}

    def _status(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        trail = self._trail(call)
        status = trail.status
        told = self._delivery.status(trail.arn)
        result: dict[str, Any] = {
            "IsLogging": status.is_logging,
            "LatestDeliveryTime": told.bucket_at,
            "LatestDeliveryError": told.bucket_error,
            "LatestCloudWatchLogsDeliveryTime": told.logs_at,
            "LatestCloudWatchLogsDeliveryError": told.logs_error,
        }
        if status.started:
            result["StartLoggingTime"] = aware(status.started)
        if status.stopped:
            result["StopLoggingTime"] = aware(status.stopped)
        return {key: value for key, value in result.items() if value is not None}

    def _put_selectors(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        trail = self._trail(call)
        classic = call.get("EventSelectors", [])
        advanced = call.get("AdvancedEventSelectors", [])
        if bool(classic) == bool(advanced) or len(classic) > 5:
            raise Refusal(
                "InvalidEventSelectorsException",
                "Give one to five EventSelectors, or AdvancedEventSelectors, but not both.",
            )
        check_selectors(classic, advanced)
        trail.event_selectors = [dict(DEFAULT[0]) | dict(s) for s in classic]
        trail.advanced_event_selectors = advanced
        result: dict[str, Any] = {"TrailARN": trail.arn}
        if classic:
            return result | {"EventSelectors": trail.event_selectors}
        return result | {"AdvancedEventSelectors": advanced}

    def _get_selectors(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        trail = self._trail(call, "TrailName")
        if trail.advanced_event_selectors:
            return {
                "TrailARN": trail.arn,
                "AdvancedEventSelectors": trail.advanced_event_selectors,
            }
        return {
            "TrailARN": trail.arn,
            "EventSelectors": trail.event_selectors or [dict(DEFAULT[0])],
        }

    def _put_insights(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        trail = self._trail(call, "TrailName")
        trail.insight_selectors = list(call.get("InsightSelectors", []))
        return {"TrailARN": trail.arn, "InsightSelectors": trail.insight_selectors}

    def _get_insights(self, call: AwsCall, proceed: Proceed) -> dict[str, Any]:
        trail = self._trail(call, "TrailName")
        if not trail.insight_selectors:
            text = f"Trail {trail.trail_name} does not have Insights events enabled."
            raise Refusal("InsightNotEnabledException", text)
        return {"TrailARN": trail.arn, "InsightSelectors": trail.insight_selectors}

    def _trail(self, call: AwsCall, key: str = "Name") -> Trail:
        """The trail of a call, by name in its Region or by ARN in any."""
        name = call.get(key) or call.get("TrailName") or ""
        for trail in self._account.trails():
            here = trail.region_name == call.region or trail.is_multi_region
            if here and name in (trail.trail_name, trail.arn):
                return trail
        raise Refusal(
            "TrailNotFoundException", f"Unknown trail: {name} for the user: {self._account.id}"
        )


def _described(trail: Trail) -> Mapping[str, Any]:
    custom = bool(trail.event_selectors or trail.advanced_event_selectors)
    flags = {
        "HasCustomEventSelectors": custom,
        "HasInsightSelectors": bool(trail.insight_selectors),
    }
    shown = trail.description(include_region=True) | flags
    return {key: value for key, value in shown.items() if value not in (None, "")}
