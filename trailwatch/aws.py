"""Knows how AWS is reached and what its errors mean; the only place that imports boto3."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from trailwatch.errors import AwsError

if TYPE_CHECKING:
    from boto3.session import Session

CONNECT_SECONDS = 3
READ_SECONDS = 20
ATTEMPTS = 4
ASSUMED_SECONDS = 300.0
"""How long `assume` gives the same answer: making clients anew costs a tenth of a second, in which
no other thread runs."""

RETRYABLE_CODES = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServiceError",
        "OperationAbortedException",
        "OperationAborted",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)
DENIED_CODES = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "AuthorizationErrorException",
        "NotAuthorized",
        "UnauthorizedOperation",
    }
)
CREDENTIAL_CODES = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)

_PERMISSION = {
    "s3:DeleteBucketTagging": "s3:PutBucketTagging",
    "s3:DeleteObjects": "s3:DeleteObjectVersion",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
}
"""Operations whose IAM action has another name. Source: Service Authorization Reference, S3."""

_NAMED_PERMISSION = re.compile(r"not authorized to perform:? ([a-z0-9-]+:[A-Za-z0-9]+)")


def permission_of(operation: str) -> str:
    """The IAM action that "service:Operation" needs; "" where no service is named."""
    return _PERMISSION.get(operation, operation) if ":" in operation else ""


@dataclass(frozen=True)
class Keys:
    """An access key; the session token is empty for a user's own key. Never logged."""

    access_key: str
    secret_key: str
    session_token: str = ""

    def __repr__(self) -> str:
        return f"Keys({self.access_key!r})"


class Aws:
    """One session in one home region: cached clients with time-outs. Safe for threads.

    `endpoint_url` and `keys` come from settings: None means AWS itself and the usual chain of
    credentials (environment, profile, instance role). Endpoints in the environment are ignored.
    `read_timeout`: how many seconds AWS may be silent before a call is given up.
    """

    def __init__(
        self,
        region: str,
        endpoint_url: str | None = None,
        keys: Keys | None = None,
        *,
        session: Session | None = None,
        max_attempts: int = ATTEMPTS,
        role_arn: str = "",
        read_timeout: float = READ_SECONDS,
    ) -> None:
        self.region = region
        self.read_timeout = read_timeout
        self.endpoint_url = endpoint_url or None
        self.max_attempts = max_attempts
        self._keys = keys
        self._session = session
        self._lock = threading.RLock()
        self._clients: dict[tuple[str, str], Any] = {}
        self._identity: tuple[str, str] | None = None
        self._role_arn = role_arn
        self._assumed: dict[tuple[str, str, str | None], tuple[float, Aws]] = {}

    def client(self, service: str, region: str | None = None) -> Any:
        """The boto3 client of a service ("logs"), made once. Its calls raise botocore's errors:
        wrap them in `aws_errors`, or use `call`."""
        from botocore.config import Config

        where = region or self.region
        # A session isn't safe for threads while it makes clients; the clients themselves are.
        with self._lock:
            if (service, where) not in self._clients:
                config = Config(  # type: ignore[call-arg]  # the stubs lack the endpoints' switch
                    connect_timeout=CONNECT_SECONDS,
                    read_timeout=self.read_timeout,
                    retries={"mode": "standard", "total_max_attempts": self.max_attempts},
                    ignore_configured_endpoint_urls=True,
                    max_pool_connections=16,
                    s3={"addressing_style": "path"} if self.endpoint_url else {},
                )
                with aws_errors(f"{service}:*"):
                    self._clients[service, where] = self._own_session().client(
                        service,  # type: ignore[call-overload]
                        region_name=where,
                        endpoint_url=self.endpoint_url,
                        config=config,
                    )
            return self._clients[service, where]

    def call(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        """One API call, as `call("logs", "DescribeLogGroups", limit=1)`; raises AwsError."""
        client = self.client(service)
        method = getattr(client, _snake(operation))
        with aws_errors(f"{service}:{operation}"):
            return dict(method(**arguments))

    def account(self) -> str:
        """The account of the credentials in use, asked once. Raises AwsError."""
        return self._whoami()[0]

    def principal(self) -> str:
        """The ARN of the role or user of the credentials in use, asked once. Raises AwsError.

        A role that `assume` was given keeps its path; of another role's session the path is
        unknown. Source: GetCallerIdentity, STS API reference.
        """
        if self._role_arn:
            return self._role_arn
        account, arn = self._whoami()
        session = re.fullmatch(r"arn:([\w-]+):sts::\d+:assumed-role/([^/]+)/.+", arn)
        return f"arn:{session[1]}:iam::{account}:role/{session[2]}" if session else arn

    def _whoami(self) -> tuple[str, str]:
        with self._lock:
            if self._identity is None:
                answer = self.call("sts", "GetCallerIdentity")
                self._identity = str(answer["Account"]), str(answer["Arn"])
            return self._identity

    def access_key(self) -> str:
        """The id of the access key in use now, which CloudTrail's records name; "" for none."""
        with aws_errors("sts:*"):
            found = self._own_session().get_credentials()
            return str(found.get_frozen_credentials().access_key) if found is not None else ""

    def assume(self, role_arn: str, session_name: str, external_id: str | None = None) -> Aws:
        """AWS as that role sees it; its credentials renew themselves. Raises AwsError when the
        role may not be assumed. `session_name` shows in CloudTrail as who did it. Whoever asks
        for the same within five minutes gets the same, with the clients that it has made."""
        wanted, now = (role_arn, session_name, external_id), time.monotonic()
        with self._lock:
            since, made = self._assumed.get(wanted, (-ASSUMED_SECONDS, None))
            if made is None or now - since >= ASSUMED_SECONDS:
                made = self._assume(*wanted)
                self._assumed[wanted] = (now, made)
            return made

    def _assume(self, role_arn: str, session_name: str, external_id: str | None) -> Aws:
        from botocore.credentials import RefreshableCredentials
        from botocore.session import get_session

        renew = self._role_keys(role_arn, session_name, external_id)
        with aws_errors("sts:AssumeRole"):
            core = get_session()
            # The service descriptions that this session has read already: decoding them again
            # takes a quarter of a second, in which no other thread runs.
            core.register_component("data_loader", self._loader())
            core._credentials = RefreshableCredentials.create_from_metadata(  # type: ignore[attr-defined]
                metadata=renew(), refresh_using=renew, method="sts-assume-role"
            )
            return Aws(
                self.region,
                self.endpoint_url,
                session=_session(core, region_name=self.region),
                max_attempts=self.max_attempts,
                read_timeout=self.read_timeout,
                role_arn=role_arn,
            )

    def _role_keys(
        self, role_arn: str, session_name: str, external_id: str | None
    ) -> Callable[[], dict[str, str]]:
        arguments = {"RoleArn": role_arn, "RoleSessionName": _session_name(session_name)}
        if external_id:
            arguments["ExternalId"] = external_id

        def renew() -> dict[str, str]:
            keys = self.call("sts", "AssumeRole", **arguments)["Credentials"]
            return {
                "access_key": keys["AccessKeyId"],
                "secret_key": keys["SecretAccessKey"],
                "token": keys["SessionToken"],
                "expiry_time": keys["Expiration"].isoformat(),
            }

        return renew

    def _loader(self) -> Any:
        """What reads and keeps botocore's descriptions of the services."""
        with self._lock:
            return self._own_session()._session.get_component("data_loader")

    def _own_session(self) -> Session:
        if self._session is None:
            from botocore.session import get_session

            keys = self._keys
            core = get_session()
            core.register_component(
                "data_loader", _descriptions(core.get_config_variable("data_path"))
            )
            self._session = _session(
                core,
                region_name=self.region,
                aws_access_key_id=keys.access_key if keys else None,
                aws_secret_access_key=keys.secret_key if keys else None,
                aws_session_token=(keys.session_token or None) if keys else None,
            )
        return self._session

    def close(self) -> None:
        """Close the connections of every client."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()


@cache
def _descriptions(path: str | None) -> Any:
    """What reads botocore's descriptions of the services and keeps them, for all sessions."""
    from botocore.loaders import create_loader

    return create_loader(path)


def _session(core: Any, **given: str | None) -> Session:
    """A session of boto3, which names its own folder of descriptions to their reader each time.

    Once is enough: the reader is all sessions', and looks through every folder that it was told.
    """
    from boto3.session import Session

    made = Session(botocore_session=core, **given)
    folders = core.get_component("data_loader").search_paths
    folders[:] = dict.fromkeys(folders)
    return made


def _session_name(text: str) -> str:
    """A role session's name may hold 2 to 64 of [\\w+=,.@-] (AssumeRole, STS API reference)."""
    return re.sub(r"[^\w+=,.@-]", "-", text, flags=re.ASCII)[:64].ljust(2, "-")


def _snake(operation: str) -> str:
    """The method of a boto3 client for an operation: GetMetricData is get_metric_data."""
    from botocore import xform_name

    return str(xform_name(operation))


@contextmanager
def aws_errors(operation: str) -> Iterator[None]:
    """Turn what botocore raises inside into AwsError.

    `operation` is "service:Operation" ("logs:PutMetricFilter"); without the service, a missing
    permission is named only where AWS's own message names it. Source: Error handling, boto3 guide.
    """
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        HTTPClientError,
        NoCredentialsError,
        PartialCredentialsError,
    )
    from botocore.exceptions import (
        ConnectionError as NoConnection,
    )

    name = operation.rpartition(":")[2]
    try:
        yield
    except ClientError as error:
        raise _refused(operation, error.response) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise AwsError(
            "AWS was not asked: there are no credentials.",
            str(error),
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or an instance role.",
            operation=name,
            code="NoCredentials",
        ) from error
    except (NoConnection, HTTPClientError) as error:
        raise AwsError(
            f"AWS did not answer {name}.",
            str(error),
            "Try again; if it lasts, look at the network and at AWS's health page.",
            operation=name,
            code=type(error).__name__,
            retryable=True,
        ) from error
    except BotoCoreError as error:
        raise AwsError(
            f"AWS could not be asked for {name}.",
            str(error),
            operation=name,
            code=type(error).__name__,
        ) from error


def _refused(operation: str, response: Any) -> AwsError:
    """The AwsError for an error response of botocore."""
    said = response.get("Error", {})
    meta = response.get("ResponseMetadata", {})
    code, message = str(said.get("Code", "")), str(said.get("Message", ""))
    status = int(meta.get("HTTPStatusCode", 0) or 0)
    name = operation.rpartition(":")[2]
    permission, fix = "", ""
    if code in DENIED_CODES:
        named = _NAMED_PERMISSION.search(message)
        permission = named.group(1) if named else permission_of(operation)
        fix = (
            f"Allow {permission or name} to the role that trailwatch uses; "
            "trailwatch permissions prints the whole policy."
        )
    elif code in CREDENTIAL_CODES:
        fix = "Look at the credentials that trailwatch runs with."
    retryable = code in RETRYABLE_CODES or status >= 500 or status == 429
    if retryable:
        fix = "Try again in a moment."
    return AwsError(
        f"AWS refused {name} ({code or status}).",
        _sentence(message),
        fix,
        operation=name,
        code=code,
        request_id=str(meta.get("RequestId", "")),
        permission=permission,
        retryable=retryable,
    )


def _sentence(message: str) -> str:
    text = " ".join(message.split())[:500]
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."
