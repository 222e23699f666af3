"""Knows how a call to the stand-in becomes a CloudTrail record. Never delivers one.

Calls that change something are recorded, also those that were refused. Calls that only read, and
those on data (objects, log events, metrics, messages), are not: AWS records the former, and the
latter by data events alone. Source: "CloudTrail record contents", CloudTrail user guide.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote
from wsgiref.types import WSGIEnvironment

from botocore.model import Shape
from moto.core.utils import get_service_model
from moto.sts.models import STSBackend, sts_backends

from sandbox.aws.backends import Account
from sandbox.aws.protocol import AwsCall
from sandbox.wire import Answer

READS = (
    *("Get", "List", "Describe", "Head", "Lookup", "Filter", "Test", "Batch", "Select"),
    *("Simulate", "Query", "Search", "AssumeRole", "GET", "HEAD", "Unknown"),
)
ON_DATA = frozenset(
    {
        *("PutLogEvents", "StartQuery", "StopQuery", "PutMetricData", "Publish", "PublishBatch"),
        *("PutObject", "DeleteObject", "DeleteObjects", "CopyObject", "CreateMultipartUpload"),
        *("UploadPart", "CompleteMultipartUpload", "AbortMultipartUpload"),
        *("Encrypt", "Decrypt", "ReEncrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext"),
    }
)
SOURCES = {"cloudwatch": "monitoring"}
"""Services whose eventSource is not named as botocore names them."""
S3_NAMES = {
    "PutBucketLifecycleConfiguration": "PutBucketLifecycle",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "DeleteBucketPublicAccessBlock",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
}
"""S3's events that are not named as the API names the operation."""
GLOBAL = frozenset({"iam", "organizations"})
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
SECRET_IN_URL = re.compile(r"(?i)([?&](?:api_?key|token|secret)=)[^&]+")

PEOPLE = {
    "AKIAEXAMPLESANDBOX01": "trailwatch-bot",
    "AKIAEXAMPLEDAVE00001": "dave",
    "AKIAEXAMPLEMALLORY01": "mallory",
    "AKIAEXAMPLEERIN00001": "erin",
}
"""Whose access keys these are; another key belongs to a user of its own name."""


def record_of(
    call: AwsCall, environ: WSGIEnvironment, answer: Answer, account: Account
) -> dict[str, Any] | None:
    """The record of a call that was answered; None for one that leaves none.

    The caller's address is that of X-Forwarded-For where it is given, which stands for the network
    between them.
    """
    if not call.signed or call.operation.startswith(READS) or " " in call.operation:
        return None
    if call.operation in ON_DATA:
        return None
    key = access_key(environ)
    host = str(environ.get("HTTP_HOST", ""))
    made: dict[str, Any] = {
        "eventVersion": "1.11",
        "userIdentity": _identity(key, account),
        "eventTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": f"{SOURCES.get(call.service, call.service)}.amazonaws.com",
        "eventName": S3_NAMES.get(call.operation, call.operation),
        "awsRegion": "us-east-1" if call.service in GLOBAL else call.region,
        "sourceIPAddress": _address(environ),
        "userAgent": str(environ.get("HTTP_USER_AGENT", "")),
        "requestParameters": _s3_parameters(call, host) if call.service == "s3" else _of(call),
        "responseElements": None,
        "requestID": _request_id(answer),
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account.id,
        "eventCategory": "Management",
    }
    if answer.code >= 400:
        made |= _error(answer)
    resources = _resources(call, made["requestParameters"], account)
    return made | ({"resources": resources} if resources else {})


def access_key(environ: WSGIEnvironment) -> str:
    """The access key that signed a request, in its header or (presigned) in its query."""
    header = str(environ.get("HTTP_AUTHORIZATION", ""))
    credential = dict(parse_qsl(str(environ.get("QUERY_STRING", "")))).get("X-Amz-Credential", "")
    if "Credential=" in header:
        credential = header.split("Credential=", 1)[1].split(",", 1)[0]
    return unquote(credential).split("/")[0]


def _address(environ: WSGIEnvironment) -> str:
    forwarded = str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",")[0].strip()
    return forwarded or str(environ.get("REMOTE_ADDR", ""))


def _identity(key: str, account: Account) -> dict[str, Any]:
    """userIdentity: the session of an assumed role, or a user of the account."""
    sts: STSBackend = sts_backends[account.id]["aws"]
    assumed = sts.get_assumed_role_from_access_key(key)
    if assumed is not None:
        role = assumed.role_arn.rsplit("/", 1)[-1]
        issuer = {
            "type": "Role",
            "principalId": assumed.user_id.split(":")[0],
            "arn": assumed.role_arn,
            "accountId": account.id,
            "userName": role,
        }
        return {
            "type": "AssumedRole",
            "principalId": assumed.user_id,
            "arn": assumed.arn,
            "accountId": account.id,
            "accessKeyId": key,
            "sessionContext": {
                "sessionIssuer": issuer,
                "attributes": {"mfaAuthenticated": "false"},
            },
        }
    name = PEOPLE.get(key) or key.lower() or "nobody"
    return {
        "type": "IAMUser",
        "principalId": f"AIDA{name.upper()[:16]}",
        "arn": f"arn:aws:iam::{account.id}:user/{name}",
        "accountId": account.id,
        "accessKeyId": key,
        "userName": name,
    }


def _of(call: AwsCall) -> dict[str, Any]:
    """requestParameters: the API's own, each member's name beginning in lower case."""
    try:
        shape = get_service_model(call.service).operation_model(call.operation).input_shape
    except Exception:  # noqa: BLE001  botocore raises of several kinds for what it does not know
        shape = None
    return dict(_lowered(dict(call.params), shape) or {})


def _lowered(value: Any, shape: Shape | None) -> Any:
    if shape is not None and shape.metadata.get("sensitive"):
        return HIDDEN
    if isinstance(value, Mapping):
        kind = shape.type_name if shape is not None else "structure"
        if kind == "map":
            return {str(name): _lowered(below, None) for name, below in value.items()}
        members: Mapping[str, Shape] = getattr(shape, "members", {})
        return {
            f"{name[:1].lower()}{name[1:]}": _lowered(below, members.get(name))
            for name, below in value.items()
            if below is not None
        }
    if isinstance(value, list | tuple):
        return [_lowered(below, getattr(shape, "member", None)) for below in value]
    if isinstance(value, datetime):
        return f"{value:%b %-d, %Y, %-I:%M:%S %p}"
    if isinstance(value, str):
        return SECRET_IN_URL.sub(rf"\1{HIDDEN}", value)
    return value if isinstance(value, bool | int | float) else str(value)


def _s3_parameters(call: AwsCall, host: str) -> dict[str, Any]:
    """S3 tells the bucket, the host, and of a policy what is in it; other bodies are left out."""
    found: dict[str, Any] = {"bucketName": str(call.get("Bucket", "")), "Host": host}
    if call.operation == "PutBucketPolicy":
        try:
            found["bucketPolicy"] = json.loads(call.get("Body", ""))
        except ValueError:
            found["bucketPolicy"] = str(call.get("Body", ""))
    return found


def _error(answer: Answer) -> dict[str, str]:
    text = answer.body.decode("utf-8", "replace")
    code = re.search(r'<Code>([^<]+)</Code>|"__type"\s*:\s*"([^"]+)"', text)
    told = re.search(r'<Message>([^<]*)</Message>|"[mM]essage"\s*:\s*"((?:[^"\\]|\\.)*)"', text)
    name = next((part for part in code.groups() if part), "") if code else ""
    said = next((part for part in told.groups() if part), "") if told else ""
    return {"errorCode": name.rsplit("#", 1)[-1] or str(answer.code), "errorMessage": said}


def _request_id(answer: Answer) -> str:
    names = ("x-amzn-requestid", "x-amz-request-id")
    return next((v for n, v in answer.headers if n.lower() in names), str(uuid.uuid4()))


def _resources(
    call: AwsCall, parameters: Mapping[str, Any], account: Account
) -> list[dict[str, str]]:
    """What S3 and KMS say of what was acted on; other services' records rarely say it."""
    if call.service == "s3" and parameters.get("bucketName"):
        arn, kind = f"arn:aws:s3:::{parameters['bucketName']}", "AWS::S3::Bucket"
    elif call.service == "kms" and parameters.get("keyId"):
        key = str(parameters["keyId"])
        arn = key if key.startswith("arn:") else f"arn:aws:kms:{call.region}:{account.id}:key/{key}"
        kind = "AWS::KMS::Key"
    else:
        return []
    return [{"accountId": account.id, "type": kind, "ARN": arn}]
