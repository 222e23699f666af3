"""Makes an archive of CloudTrail records, seeded: ordinary work, and what detections look for."""

from __future__ import annotations

import gzip
import json
import random
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from trailwatch.detections import load_catalogue

ACCOUNT = "123456789012"
START = datetime(2025, 3, 3, tzinfo=UTC)
SHARE_OF_HITS = 0.01
SHARE_OF_NEAR_MISSES = 0.005
SHARE_DENIED = 0.005

Record = dict[str, Any]
Rng = random.Random

_AGENTS = (
    "aws-sdk-go-v2/1.32.7 os/linux lang/go#1.23.4 md/GOOS#linux md/GOARCH#arm64 api/ec2#1.198.1",
    "Boto3/1.36.11 md/Botocore#1.36.11 ua/2.0 os/linux#6.1.119 md/arch#x86_64 lang/python#3.12.8",
    "APN/1.0 HashiCorp/1.0 Terraform/1.10.4 (+https://www.terraform.io) provider-aws/5.84",
    "aws-cli/2.22.35 md/awscrt#0.22.0 ua/2.0 os/macos#24.2.0 md/arch#arm64 lang/python#3.12.6",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/132.0 Safari",
)
_ROLES = ("deploy", "web", "worker", "backup", "monitoring", "eks-node", "data-pipeline")
_PEOPLE = ("alice", "bob", "carol", "dave", "erin", "frank")
_SERVICES = ("ec2.amazonaws.com", "lambda.amazonaws.com", "autoscaling.amazonaws.com")


def _hex(rng: Rng, digits: int) -> str:
    return f"{rng.getrandbits(digits * 4):0{digits}x}"


def _role_identity(rng: Rng, when: str) -> Record:
    role = rng.choice(_ROLES)
    key = f"AROA{_hex(rng, 17).upper()}"
    session = rng.choice(("i-" + _hex(rng, 17), f"{role}-{rng.randrange(40)}", "botocore-session"))
    return {
        "type": "AssumedRole",
        "principalId": f"{key}:{session}",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}",
        "accountId": ACCOUNT,
        "accessKeyId": f"ASIA{_hex(rng, 16).upper()}",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": key,
                "arn": f"arn:aws:iam::{ACCOUNT}:role/{role}",
                "accountId": ACCOUNT,
                "userName": role,
            },
            "attributes": {"creationDate": when, "mfaAuthenticated": "false"},
            "ec2RoleDelivery": "2.0",
        },
    }


def _user_identity(rng: Rng, when: str) -> Record:
    name = rng.choice(_PEOPLE)
    return {
        "type": "IAMUser",
        "principalId": f"AIDA{_hex(rng, 17).upper()}",
        "arn": f"arn:aws:iam::{ACCOUNT}:user/{name}",
        "accountId": ACCOUNT,
        "accessKeyId": f"AKIA{_hex(rng, 16).upper()}",
        "userName": name,
    }


def _service_identity(rng: Rng, when: str) -> Record:
    return {"type": "AWSService", "invokedBy": rng.choice(_SERVICES)}


def _describe_instances(rng: Rng) -> tuple[Any, Any]:
    items = [{"instanceId": "i-" + _hex(rng, 17)} for _ in range(rng.randrange(4))]
    return {"instancesSet": {"items": items}, "filterSet": {}}, None


def _assume_role(rng: Rng) -> tuple[Any, Any]:
    role, session = rng.choice(_ROLES), _hex(rng, 16)
    request = {
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/{role}",
        "roleSessionName": session,
        "durationSeconds": 3600,
    }
    user = {
        "assumedRoleId": f"AROA{_hex(rng, 17).upper()}:{session}",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}",
    }
    token = "IQoJb3JpZ2luX2VjE" + _hex(rng, 300)
    keys = {"accessKeyId": f"ASIA{_hex(rng, 16).upper()}", "sessionToken": token}
    return request, {"credentials": {**keys, "expiration": "Mar 3, 2025, 9:41:07 AM"}} | {
        "assumedRoleUser": user
    }


def _decrypt(rng: Rng) -> tuple[Any, Any]:
    context = {"aws:s3:arn": f"arn:aws:s3:::logs-{ACCOUNT}/{_hex(rng, 12)}"}
    return {"encryptionContext": context, "encryptionAlgorithm": "SYMMETRIC_DEFAULT"}, None


def _log_stream(rng: Rng) -> tuple[Any, Any]:
    group = f"/aws/lambda/{rng.choice(_ROLES)}"
    return {"logGroupName": group, "logStreamName": f"2025/03/03/[$LATEST]{_hex(rng, 32)}"}, None


def _describe_sets(rng: Rng) -> tuple[Any, Any]:
    items = [{"name": "vpc-id", "valueSet": {"items": [{"value": "vpc-" + _hex(rng, 17)}]}}]
    return {"securityGroupSet": {}, "filterSet": {"items": items}, "maxResults": 1000}, None


def _get_object(rng: Rng) -> tuple[Any, Any]:
    bucket = f"artifacts-{rng.choice(_ROLES)}"
    request = {
        "bucketName": bucket,
        "Host": f"{bucket}.s3.eu-west-1.amazonaws.com",
        "key": f"builds/{_hex(rng, 20)}/app.tar.gz",
    }
    return request, None


def _put_object(rng: Rng) -> tuple[Any, Any]:
    return _get_object(rng)[0], {"x-amz-server-side-encryption": "AES256"}


def _policy(rng: Rng) -> tuple[Any, Any]:
    role = rng.choice(_ROLES)
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": f"Read{_hex(rng, 6)}",
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:ListBucket", "kms:Decrypt", "logs:PutLogEvents"],
                "Resource": [f"arn:aws:s3:::artifacts-{role}", f"arn:aws:s3:::artifacts-{role}/*"],
            }
        ],
    }
    return {"policyDocument": json.dumps(document), "roleName": role}, {"result": "allowed"}


def _named(rng: Rng) -> tuple[Any, Any]:
    return {"name": f"{rng.choice(_ROLES)}-{rng.randrange(200)}", "maxResults": 100}, None


def _nothing(rng: Rng) -> tuple[Any, Any]:
    return None, None


Ordinary = tuple[
    int,
    str,
    str,
    Callable[[Rng, str], Record],
    Callable[[Rng], tuple[Any, Any]],
]
ORDINARY: tuple[Ordinary, ...] = (
    (18, "sts", "AssumeRole", _service_identity, _assume_role),
    (10, "ec2", "DescribeInstances", _role_identity, _describe_instances),
    (6, "ec2", "DescribeSecurityGroups", _role_identity, _describe_sets),
    (4, "ec2", "DescribeVolumes", _role_identity, _describe_sets),
    (3, "ec2", "DescribeSubnets", _user_identity, _describe_sets),
    (12, "kms", "Decrypt", _role_identity, _decrypt),
    (5, "kms", "GenerateDataKey", _role_identity, _decrypt),
    (6, "logs", "CreateLogStream", _role_identity, _log_stream),
    (6, "s3", "GetObject", _role_identity, _get_object),
    (4, "s3", "PutObject", _role_identity, _put_object),
    (3, "s3", "GetBucketAcl", _service_identity, _named),
    (3, "s3", "ListBuckets", _user_identity, _nothing),
    (3, "iam", "GetRole", _user_identity, _named),
    (3, "iam", "ListRolePolicies", _role_identity, _named),
    (2, "accessanalyzer", "ValidatePolicy", _role_identity, _policy),
    (4, "ssm", "UpdateInstanceInformation", _role_identity, _describe_instances),
    (2, "ssm", "DescribeParameters", _role_identity, _named),
    (3, "monitoring", "DescribeAlarms", _role_identity, _named),
    (2, "elasticloadbalancing", "DescribeTargetHealth", _role_identity, _named),
    (2, "ecr", "BatchGetImage", _role_identity, _named),
    (2, "lambda", "GetFunction20150331v2", _role_identity, _named),
    (1, "dynamodb", "DescribeTable", _role_identity, _named),
    (1, "cloudtrail", "LookupEvents", _user_identity, _nothing),
)


def records(count: int, seed: int = 1) -> Iterator[bytes]:
    """That many records as compact JSON, about 1.2 KB each, an hour's worth of work to 20,000."""
    rng = random.Random(seed)
    weights = [entry[0] for entry in ORDINARY]
    catalogue = load_catalogue()
    hits = [dict(record) for one in catalogue for record in one.examples.matches]
    misses = [dict(record) for one in catalogue for record in one.examples.near_misses]
    for number in range(count):
        moment = START + timedelta(seconds=number * 0.18 + rng.random() * 60)
        when = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        draw = rng.random()
        if number < len(hits):
            record = _dressed(rng, hits[number], when)
        elif draw < SHARE_OF_HITS:
            record = _dressed(rng, rng.choice(hits), when)
        elif draw < SHARE_OF_HITS + SHARE_OF_NEAR_MISSES:
            record = _dressed(rng, rng.choice(misses), when)
        else:
            record = _ordinary(rng, rng.choices(ORDINARY, weights)[0], when)
        yield json.dumps(record, separators=(",", ":")).encode()


def _ordinary(rng: Rng, entry: Ordinary, when: str) -> Record:
    _, service, name, identity, parameters = entry
    request, response = parameters(rng)
    record = {
        "eventVersion": "1.11",
        "userIdentity": identity(rng, when),
        "eventTime": when,
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": "eu-west-1",
        "sourceIPAddress": f"203.0.113.{rng.randrange(256)}",
        "userAgent": rng.choice(_AGENTS),
        **({"errorCode": "Client.RequestLimitExceeded"} if rng.random() < SHARE_DENIED else {}),
        "requestParameters": request,
        "responseElements": response,
    }
    return _dressed(rng, record, when)


def _dressed(rng: Rng, record: Record, when: str) -> Record:
    """A record with ids and a time of its own, and the fields that every record has."""
    return {
        **record,
        "eventTime": when,
        "requestID": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "eventID": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "readOnly": record.get("readOnly", True),
        "eventType": record.get("eventType", "AwsApiCall"),
        "managementEvent": True,
        "recipientAccountId": record.get("recipientAccountId", ACCOUNT),
        "eventCategory": "Management",
        "tlsDetails": record.get(
            "tlsDetails",
            {
                "tlsVersion": "TLSv1.3",
                "cipherSuite": "TLS_AES_128_GCM_SHA256",
                "clientProvidedHostHeader": "ec2.eu-west-1.amazonaws.com",
            },
        ),
    }


def write_archive(folder: Path, count: int, per_file: int, seed: int = 1) -> list[Path]:
    """Write records as CloudTrail does, `{"Records": [...]}` in gzip; the files, in order."""
    folder.mkdir(parents=True, exist_ok=True)
    stream = records(count, seed)
    paths = []
    for number in range(-(-count // per_file)):
        batch = [record for _, record in zip(range(per_file), stream, strict=False)]
        name = f"{ACCOUNT}_CloudTrail_eu-west-1_20250303T{number // 60 % 24:02}{number % 60:02}Z"
        path = folder / f"{name}_{number:016}.json.gz"
        path.write_bytes(gzip.compress(b'{"Records":[' + b",".join(batch) + b"]}", 6, mtime=0))
        paths.append(path)
    return paths
