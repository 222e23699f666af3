"""How AWS is reached: clients made once, errors in our words, roles assumed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sandbox.faults import Fault
from trailwatch.aws import Aws, Keys, aws_errors, permission_of
from trailwatch.errors import AwsError

KEYS = Keys("AKIAEXAMPLEEXAMPLE00", "a-secret-key", "")


def test_a_client_is_made_once_for_all_threads(moto: str) -> None:
    aws = Aws("us-east-1", moto, KEYS)
    with ThreadPoolExecutor(8) as pool:
        clients = list(pool.map(aws.client, ["logs", "sns"] * 8))
    assert len({id(client) for client in clients}) == 2
    assert aws.client("logs", "eu-west-1") is not aws.client("logs")
    assert aws.account() == "123456789012"
    aws.close()


def test_endpoints_in_the_environment_are_ignored(
    moto: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    aws = Aws("us-east-1", moto, KEYS)
    assert aws.account() == "123456789012"
    assert Aws("us-east-1", None, KEYS).client("sns").meta.endpoint_url.endswith("amazonaws.com")
    aws.close()


def test_time_outs_and_retries_are_set(moto: str) -> None:
    aws = Aws("us-east-1", moto, KEYS)
    config = aws.client("logs").meta.config
    assert (config.connect_timeout, config.read_timeout) == (3, 20)
    assert config.retries == {"mode": "standard", "total_max_attempts": 4}
    aws.close()


def test_a_missing_permission_is_named(on_stand_in: Any) -> None:
    on_stand_in.faults.add(Fault("aws", "PutMetricFilter", "status", 403))
    on_stand_in.faults.add(Fault("aws", "GetBucketEncryption", "status", 403))
    with pytest.raises(AwsError) as caught:
        on_stand_in.aws.call(
            "logs",
            "PutMetricFilter",
            logGroupName="g",
            filterName="f",
            filterPattern="",
            metricTransformations=[{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}],
        )
    assert caught.value.permission == "logs:PutMetricFilter"
    assert caught.value.operation == "PutMetricFilter"
    assert caught.value.request_id
    assert not caught.value.retryable
    assert "logs:PutMetricFilter" in caught.value.fix
    with pytest.raises(AwsError) as caught:
        on_stand_in.aws.call("s3", "GetBucketEncryption", Bucket="some-bucket")
    assert caught.value.permission == "s3:GetEncryptionConfiguration"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_retryable(on_stand_in: Any, status: int) -> None:
    on_stand_in.faults.add(Fault("aws", "ListTopics", "status", status))
    with pytest.raises(AwsError) as caught:
        on_stand_in.aws.call("sns", "ListTopics")
    assert caught.value.retryable
    assert "again" in caught.value.fix


def test_no_answer_is_retryable_and_says_so() -> None:
    aws = Aws("us-east-1", "http://127.0.0.1:9", KEYS, max_attempts=1)
    with pytest.raises(AwsError, match="did not answer GetCallerIdentity") as caught:
        aws.account()
    assert caught.value.retryable
    aws.close()


def test_wrong_arguments_are_told_and_not_retried(moto: str) -> None:
    aws = Aws("us-east-1", moto, KEYS)
    with pytest.raises(AwsError, match="could not be asked for PutRetentionPolicy") as caught:
        aws.call("logs", "PutRetentionPolicy", logGroupName="g", retentionInDays="many")
    assert not caught.value.retryable
    aws.close()


def test_missing_credentials_are_told_with_their_fix(
    moto: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    aws = Aws("us-east-1", moto)
    with pytest.raises(AwsError, match="no credentials") as caught:
        aws.account()
    assert "AWS_ACCESS_KEY_ID" in caught.value.fix
    aws.close()


def test_a_role_is_assumed_at_the_same_endpoint(moto: str) -> None:
    aws = Aws("us-east-1", moto, KEYS)
    role = "arn:aws:iam::123456789012:role/trailwatch-setup"
    setup = aws.assume(role, "setup for Ann Example / plan k3v9", "an-external-id")
    assert setup.endpoint_url == moto
    identity = setup.call("sts", "GetCallerIdentity")
    assert "assumed-role/trailwatch-setup/setup-for-Ann-Example---plan-k3v9" in identity["Arn"]
    setup.close()
    aws.close()


def test_a_role_is_assumed_once_for_several_jobs_and_reads_no_description_again(
    on_stand_in: Any,
) -> None:
    aws = on_stand_in.aws
    role = "arn:aws:iam::123456789012:role/trailwatch-setup"
    loader = aws._loader()
    first = aws.assume(role, "setup")
    client = first.client("logs")
    assert aws.assume(role, "setup").client("logs") is client
    assert first._loader() is loader
    assert aws.assume(role, "another name") is not first
    assert len(loader.search_paths) == len(set(loader.search_paths))


def test_a_role_that_may_not_be_assumed_says_which_permission(on_stand_in: Any) -> None:
    on_stand_in.faults.add(Fault("aws", "AssumeRole", "status", 403))
    with pytest.raises(AwsError) as caught:
        on_stand_in.aws.assume("arn:aws:iam::123456789012:role/x", "s")
    assert caught.value.permission == "sts:AssumeRole"


def test_the_permission_in_awss_own_words_wins() -> None:
    from botocore.exceptions import ClientError

    said = "User: arn:aws:iam::123456789012:user/a is not authorized to perform: logs:TagResource"
    answer = {"Error": {"Code": "AccessDeniedException", "Message": said}}
    with pytest.raises(AwsError) as caught, aws_errors("CreateLogGroup"):
        raise ClientError(answer, "CreateLogGroup")  # type: ignore[arg-type]
    assert caught.value.permission == "logs:TagResource"
    assert caught.value.why.endswith(".")


def test_keys_do_not_show_their_secret() -> None:
    assert "a-secret-key" not in repr(KEYS)
    assert permission_of("s3:ListObjectsV2") == "s3:ListBucket"
    assert permission_of("logs:PutMetricFilter") == "logs:PutMetricFilter"
    assert permission_of("PutMetricFilter") == ""
