"""Knows the S3 bucket that keeps the trail's files. Never empties one that isn't deleted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from trailwatch.errors import AwsError
from trailwatch.site import Site

if TYPE_CHECKING:
    from setup.clients import Clients

GONE = ("NoSuchBucket", "404")
BLOCK = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


@dataclass(frozen=True)
class Bucket:
    """A versioned bucket that only CloudTrail's one trail may write, over TLS.

    Days of 0 mean never. Source: Amazon S3 bucket policy for CloudTrail, CloudTrail user guide.
    """

    kind: ClassVar[str] = "bucket"

    site: Site
    name: str
    trail: str
    archive_after_days: int
    expire_after_days: int
    own_tags: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    """An alias of ours or an ARN; "" encrypts with S3's own keys."""
    object_lock_days: int = 0
    """0 leaves object lock as it is: what is locked once stays so."""
    organization: str = ""
    """The id of the organization whose accounts' files come in too."""

    @property
    def arn(self) -> str:
        return self.site.bucket_arn(self.name)

    @property
    def permissions(self) -> tuple[tuple[str, str, str], ...]:
        reads: tuple[str, ...] = (
            "GetBucketPolicy",
            "GetBucketPublicAccessBlock",
            "GetBucketTagging",
            "GetBucketVersioning",
            "GetEncryptionConfiguration",
            "GetLifecycleConfiguration",
        )
        writes: tuple[str, ...] = (
            "CreateBucket",
            "ListBucket",
            "PutBucketPolicy",
            "PutBucketPublicAccessBlock",
            "PutBucketTagging",
            "PutBucketVersioning",
            "PutEncryptionConfiguration",
            "PutLifecycleConfiguration",
        )
        lock = "BucketObjectLockConfiguration"
        if self.object_lock_days:
            reads, writes = (*reads, f"Get{lock}"), (*writes, f"Put{lock}")
        return (
            *(("read", f"s3:{action}", self.arn) for action in reads),
            *(("write", f"s3:{action}", self.arn) for action in writes),
            ("delete", "s3:DeleteBucket", self.arn),
            ("delete", "s3:DeleteBucketPolicy", self.arn),
            ("delete", "s3:ListBucketVersions", self.arn),
            ("delete", "s3:DeleteObject", f"{self.arn}/*"),
            ("delete", "s3:DeleteObjectVersion", f"{self.arn}/*"),
        )

    def wanted(self) -> dict[str, Any]:
        return {
            "policy": self._policy(),
            "public_access_block": dict.fromkeys(BLOCK, True),
            "encryption": f"aws:kms {self.key}" if self.key else "AES256",
            "versioning": "Enabled",
            **({"object_lock": _lock(self.object_lock_days)} if self.object_lock_days else {}),
            "lifecycle": [self._lifecycle()],
            "tags": dict(self.own_tags),
        }

    def _policy(self) -> dict[str, Any]:
        service = {"Service": "cloudtrail.amazonaws.com"}
        source = {"aws:SourceArn": self.site.trail_arn(self.trail)}
        acl = {"s3:x-amz-acl": "bucket-owner-full-control"}
        folders = [f"{self.arn}/AWSLogs/{self.site.account}/*"]
        folders += [f"{self.arn}/AWSLogs/{self.organization}/*"] if self.organization else []
        return {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "AWSCloudTrailAclCheck",
                    "Effect": "Allow",
                    "Principal": service,
                    "Action": "s3:GetBucketAcl",
                    "Resource": self.arn,
                    "Condition": {"StringEquals": source},
                },
                {
                    "Sid": "AWSCloudTrailWrite",
                    "Effect": "Allow",
                    "Principal": service,
                    "Action": "s3:PutObject",
                    "Resource": folders if len(folders) > 1 else folders[0],
                    "Condition": {"StringEquals": {**source, **acl}},
                },
                {
                    "Sid": "OnlyTls",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [self.arn, f"{self.arn}/*"],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                },
            ],
        }

    def _lifecycle(self) -> dict[str, Any]:
        # Objects under 128 KB stay in S3 Standard, where they are cheaper: that is S3's default.
        rule: dict[str, Any] = {
            "ID": "trailwatch-archive",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
        }
        if self.archive_after_days:
            days = self.archive_after_days
            rule["Transitions"] = [{"Days": days, "StorageClass": "GLACIER_IR"}]
        if self.expire_after_days:
            rule["Expiration"] = {"Days": self.expire_after_days}
        return rule

    def read(self, clients: Clients) -> dict[str, Any] | None:
        def ask(operation: str, *absent: str) -> dict[str, Any] | None:
            return clients.find("s3", operation, (*GONE, *absent), Bucket=self.name)

        try:
            versioning, policy, block, encryption, lifecycle, lock = clients.together(
                lambda: ask("GetBucketVersioning"),
                lambda: ask("GetBucketPolicy", "NoSuchBucketPolicy"),
                lambda: ask("GetPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration"),
                lambda: ask(
                    "GetBucketEncryption", "ServerSideEncryptionConfigurationNotFoundError"
                ),
                lambda: ask("GetBucketLifecycleConfiguration", "NoSuchLifecycleConfiguration"),
                lambda: self._ask_lock(clients),
            )
        except AwsError as error:
            if error.permission:
                error.why += f" The bucket {self.name} may belong to another account."
            raise
        if versioning is None:
            return None
        return {
            "policy": _policy_in(policy),
            "public_access_block": _block_in(block),
            "encryption": self._encryption_in(clients, encryption),
            "versioning": versioning.get("Status", "Off"),
            **({"object_lock": _lock_in(lock)} if self.object_lock_days else {}),
            "lifecycle": _lifecycle_in(lifecycle),
        }

    def _ask_lock(self, clients: Clients) -> dict[str, Any] | None:
        if not self.object_lock_days:
            return None
        absent = (*GONE, "ObjectLockConfigurationNotFoundError")
        return clients.find("s3", "GetObjectLockConfiguration", absent, Bucket=self.name)

    def _encryption_in(self, clients: Clients, answer: Mapping[str, Any] | None) -> str:
        rules = (answer or {}).get("ServerSideEncryptionConfiguration", {}).get("Rules", ())
        for rule in rules:
            default = rule.get("ApplyServerSideEncryptionByDefault", {})
            if default.get("KMSMasterKeyID"):
                key = clients.key_shown(default["KMSMasterKeyID"], self.key)
                return f"{default.get('SSEAlgorithm', '')} {key}"
            if default:
                return str(default.get("SSEAlgorithm", ""))
        return "none"

    def tags(self, clients: Clients) -> dict[str, str] | None:
        found = clients.find("s3", "GetBucketTagging", (*GONE, "NoSuchTagSet"), Bucket=self.name)
        return {tag["Key"]: tag["Value"] for tag in (found or {}).get("TagSet", ())}

    def half_made(self, clients: Clients, current: Mapping[str, Any]) -> bool:
        """Whether it is what a create that was cut short leaves: nothing set, nothing inside."""
        if current["policy"] or current["lifecycle"]:
            return False
        inside = clients.call("s3", "ListObjectsV2", Bucket=self.name, MaxKeys=1)
        return not inside.get("KeyCount", len(inside.get("Contents", ())))

    def write(self, clients: Clients, before: Mapping[str, Any] | None) -> None:
        if before is None:
            self._create(clients)
            before = {}
        wanted = self.wanted()
        # Tags first: from then on the bucket is known to be ours.
        for name in ("tags", *(name for name in wanted if name != "tags")):
            if before.get(name) != wanted[name]:
                self._put(clients, name, wanted[name])

    def _create(self, clients: Clients) -> None:
        arguments: dict[str, Any] = {"Bucket": self.name}
        if self.site.region != "us-east-1":
            arguments["CreateBucketConfiguration"] = {"LocationConstraint": self.site.region}
        if self.object_lock_days:
            arguments["ObjectLockEnabledForBucket"] = True
        try:
            clients.call("s3", "CreateBucket", **arguments)
        except AwsError as error:
            if error.code == "BucketAlreadyExists":
                error.fix = "Bucket names are shared by all of AWS: choose another prefix."
            raise

    def _put(self, clients: Clients, name: str, value: Any) -> None:
        def put(operation: str, **arguments: Any) -> None:
            clients.call("s3", operation, Bucket=self.name, **arguments)

        match name:
            case "tags":
                # This call replaces all tags: those of others are kept.
                kept = {k: v for k, v in (self.tags(clients) or {}).items() if k[:4] != "aws:"}
                merged = {**kept, **value}
                pairs = [{"Key": key, "Value": text} for key, text in sorted(merged.items())]
                put("PutBucketTagging", Tagging={"TagSet": pairs})
            case "policy":
                put("PutBucketPolicy", Policy=json.dumps(value))
            case "public_access_block":
                put("PutPublicAccessBlock", PublicAccessBlockConfiguration=value)
            case "encryption":
                put("PutBucketEncryption", ServerSideEncryptionConfiguration=self._rules(clients))
            case "versioning":
                put("PutBucketVersioning", VersioningConfiguration={"Status": value})
            case "object_lock":
                retention = {"Mode": "GOVERNANCE", "Days": self.object_lock_days}
                lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}}
                put("PutObjectLockConfiguration", ObjectLockConfiguration=lock)
            case "lifecycle":
                rules = {"Rules": value}
                put("PutBucketLifecycleConfiguration", LifecycleConfiguration=rules)

    def _rules(self, clients: Clients) -> dict[str, Any]:
        if not self.key:
            default = {"SSEAlgorithm": "AES256"}
            return {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
        default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": clients.key_arn(self.key)}
        # A bucket key saves a call to KMS for nearly every file.
        rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
        return {"Rules": [rule]}

    def delete(self, clients: Clients) -> None:
        # A policy may deny deleting, or deleting without TLS, to whoever owns the bucket too.
        clients.find("s3", "DeleteBucketPolicy", GONE, Bucket=self.name)
        while True:
            page = clients.find("s3", "ListObjectVersions", GONE, Bucket=self.name)
            if page is None:
                return
            doomed = [
                {"Key": one["Key"], "VersionId": one["VersionId"]}
                for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
            ]
            if not doomed:
                break
            answer = clients.call(
                "s3", "DeleteObjects", Bucket=self.name, Delete={"Objects": doomed, "Quiet": True}
            )
            if answer.get("Errors"):
                first = answer["Errors"][0]
                raise AwsError(
                    f"The bucket {self.name} could not be emptied.",
                    f"{first.get('Key')}: {first.get('Message')}.",
                    "Files under object lock go only when their time has come."
                    if self.object_lock_days
                    else "",
                    operation="DeleteObjects",
                    code=str(first.get("Code", "")),
                )
        clients.find("s3", "DeleteBucket", GONE, Bucket=self.name)


def _policy_in(answer: Mapping[str, Any] | None) -> dict[str, Any]:
    return dict(json.loads(answer["Policy"])) if answer and answer.get("Policy") else {}


def _block_in(answer: Mapping[str, Any] | None) -> dict[str, bool]:
    block = (answer or {}).get("PublicAccessBlockConfiguration", {})
    return {name: bool(block.get(name, False)) for name in BLOCK}


def _lock(days: int) -> str:
    return f"GOVERNANCE {days} days"


def _lock_in(answer: Mapping[str, Any] | None) -> str:
    found = (answer or {}).get("ObjectLockConfiguration", {})
    retention = found.get("Rule", {}).get("DefaultRetention", {})
    if not retention:
        return "on, without a time" if found else "none"
    unit = "Days" if "Days" in retention else "Years"
    return f"{retention.get('Mode', '')} {retention.get(unit)} {unit.lower()}"


def _lifecycle_in(answer: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    rules = []
    for rule in (answer or {}).get("Rules", ()):
        lean = {key: value for key, value in rule.items() if value not in ({}, [])}
        # A rule for the whole bucket comes back with an empty prefix, filter or none at all.
        lean["Filter"] = (
            {"Prefix": lean.pop("Prefix", "")} if not rule.get("Filter") else rule["Filter"]
        )
        rules.append(lean)
    return rules
