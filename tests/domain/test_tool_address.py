"""What made a call, and where it came from."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailwatch.address import OriginKind, is_office, origin_of
from trailwatch.tool import ToolKind, tool_of

MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "


@pytest.mark.parametrize(
    ("agent", "kind", "shown"),
    [
        ("aws-cli/2.31.4 md/awscrt#0.27.6 ua/2.1 os/linux#6.8 lang/python#3.13.7", "cli",
         "CLI 2.31.4"),
        ("aws-cli/1.18.69 Python/3.8.10 Linux/5.4 botocore/1.16.19", "cli", "CLI 1.18.69"),
        ("aws-cli/2.15.0 exec-env/CloudShell Python/3.11", "cli", "CloudShell"),
        ("APN/1.0 HashiCorp/1.0 Terraform/1.9.2 (+https://www.terraform.io) "
         "terraform-provider-aws/5.60.0 aws-sdk-go-v2/1.30.3", "terraform", "Terraform 1.9.2"),
        ("[APN/1.0 HashiCorp/1.0 Terraform/1.1.2 (+https://www.terraform.io)]", "terraform",
         "Terraform 1.1.2"),
        ("APN/1.0 Pulumi/1.0 (pulumi-aws/6.0)", "deploy", "Pulumi 1.0"),
        ("cloudformation.amazonaws.com", "cloudformation", "CloudFormation"),
        ("[Boto3/1.26.165 Python/3.10.6 Linux/5.19 Botocore/1.29.165]", "sdk", "Boto3 1.26.165"),
        ("aws-sdk-go-v2/1.17.0 os/linux lang/go/1.18.10", "sdk", "SDK for Go v2 1.17.0"),
        (MAC + "Chrome/141.0.0.0 Safari/537.36", "browser", "Chrome"),
        (MAC + "Chrome/141.0.0.0 Safari/537.36 Edg/141.0", "browser", "Edge"),
        ("[S3Console/0.4, aws-internal/3 aws-sdk-java/1.12.488]", "console", "the console"),
        ("console.ec2.amazonaws.com", "console", "the console"),
        ("signin.amazonaws.com", "console", "the console"),
        ("AWS Internal", "service", "AWS itself"),
        ("secretsmanager.amazonaws.com", "service", "secretsmanager"),
        ("S3Console/0.4", "console", "the console"),
        ("AWSConsoleMobileApp/2.0 CFNetwork/1404", "console", "the console’s mobile app"),
        ("aws-console-mobile/1.2 iOS/17", "console", "the console’s mobile app"),
        ("aws-internal/3 aws-sdk-java/1.12.488 Linux/5.10", "service", "AWS itself"),
        ("Coral/Netty4", "service", "AWS itself"),
        ("AWSPowerShell.Common/4.1.530 .NET_Core/8.0", "cli", "PowerShell 4.1.530"),
        ("aws-sdk-iOS/2.33.4 iOS/17.0 en_US", "sdk", "SDK for iOS 2.33.4"),
        ("Pacu/1.5", "other", "Pacu 1.5"),
        ("", "unknown", "unknown"),
    ],
)  # fmt: skip
def test_tools(agent: str, kind: str, shown: str) -> None:
    tool = tool_of(agent)
    assert (tool.kind, str(tool)) == (kind, shown)


@given(st.text())
def test_any_user_agent_is_answered(agent: str) -> None:
    assert len(str(tool_of(agent))) <= 100


def test_on_recorded_events(shared: Path) -> None:
    found: Counter[ToolKind] = Counter()
    for name in ("invictus-ir_aws_dataset", "datadog_stratus-red-team"):
        with gzip.open(shared / "data" / f"{name}.jsonl.gz", "rt") as file:
            found.update(tool_of(json.loads(line).get("userAgent") or "").kind for line in file)
    assert found[ToolKind.TERRAFORM] == 1938
    assert found[ToolKind.OTHER] < 530, "stratus-red-team, by its own name"
    assert found[ToolKind.UNKNOWN] == 0


OFFICES = ("berlin=203.0.113.0/28", "198.51.100.7", "rome=198.51.101.*", "2001:db8::/48", "x=odd")


@pytest.mark.parametrize(
    ("address", "endpoint", "kind", "name"),
    [
        ("203.0.113.9", "", "office", "berlin"),
        ("203.0.113.99", "", "public", ""),
        ("198.51.100.7", "", "office", ""),
        ("198.51.101.200", "", "office", "rome"),
        ("2001:db8::1", "", "office", ""),
        ("::ffff:203.0.113.9", "", "office", "berlin"),
        ("::ffff:10.0.0.1", "", "private", ""),
        ("cloudtrail.amazonaws.com", "", "service", "cloudtrail"),
        ("AWS Internal", "", "service", "AWS itself"),
        ("10.0.3.4", "vpce-0123456789abcdef0", "endpoint", "vpce-0123456789abcdef0"),
        ("10.0.3.4", "<!channel>", "private", ""),
        ("evil.amazonaws.com.example.com", "", "other", ""),
        ("203.0.113.0/24", "", "other", ""),
        ("", "", "other", ""),
    ],
)
def test_origins(address: str, endpoint: str, kind: str, name: str) -> None:
    origin = origin_of(address, endpoint, OFFICES)
    assert (origin.kind, origin.name) == (OriginKind(kind), name)
    assert is_office(address, OFFICES) == (kind == "office")
