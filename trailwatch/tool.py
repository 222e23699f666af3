"""Knows what made a call, from its user agent. Pure; a user agent is the caller's own word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

MOST = 1024
"""Characters of a user agent that are looked at; CloudTrail keeps no more."""


class ToolKind(StrEnum):
    CONSOLE = "console"
    BROWSER = "browser"
    CLI = "cli"
    TERRAFORM = "terraform"
    CLOUDFORMATION = "cloudformation"
    DEPLOY = "deploy"
    """Other tools that deploy: Pulumi, CDK, Serverless."""
    SDK = "sdk"
    SERVICE = "service"
    OTHER = "other"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Tool:
    """What a call says that it was made with; `version` is "" where it names none."""

    kind: ToolKind
    name: str
    version: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.version}".strip()


_VERSION = r"/v?([0-9][0-9A-Za-z.+-]{0,30})"
_SDKS = {
    "boto3": "Boto3",
    "botocore": "Botocore",
    "aws-sdk-go": "SDK for Go",
    "aws-sdk-go-v2": "SDK for Go v2",
    "aws-sdk-java": "SDK for Java",
    "aws-sdk-js": "SDK for JavaScript",
    "aws-sdk-nodejs": "SDK for Node.js",
    "aws-sdk-php": "SDK for PHP",
    "aws-sdk-ruby2": "SDK for Ruby",
    "aws-sdk-ruby3": "SDK for Ruby",
    "aws-sdk-rust": "SDK for Rust",
    "aws-sdk-kotlin": "SDK for Kotlin",
    "aws-sdk-swift": "SDK for Swift",
    "aws-sdk-dotnet": "SDK for .NET",
    "aws-sdk-dotnet-core": "SDK for .NET",
    "aws-sdk-dotnet-coreclr": "SDK for .NET",
    "aws-sdk-net": "SDK for .NET",
    "aws-sdk-cpp": "SDK for C++",
    "aws-sdk-unity": "SDK for Unity",
    "aws-sdk-ios": "SDK for iOS",
    "aws-sdk-android": "SDK for Android",
    "jets3t": "JetS3t",
}
_DEPLOYERS = (
    # The first that is named wins: a provider's agent names the SDK below it, too.
    (ToolKind.TERRAFORM, "OpenTofu", re.compile(rf"\bopentofu(?:{_VERSION})?", re.I)),
    (ToolKind.DEPLOY, "Pulumi", re.compile(rf"\bpulumi(?:{_VERSION})?", re.I)),
    (ToolKind.TERRAFORM, "Terraform", re.compile(rf"\bterraform(?:{_VERSION}|-provider)", re.I)),
    (ToolKind.DEPLOY, "CDK", re.compile(rf"\b(?:aws-)?cdk(?:-cli)?{_VERSION}", re.I)),
    (ToolKind.DEPLOY, "Serverless Framework", re.compile(rf"\bserverless(?:{_VERSION})", re.I)),
    (ToolKind.DEPLOY, "Ansible", re.compile(rf"\bansible[\w.-]*(?:{_VERSION})?", re.I)),
)
_CLIS = (
    ("CLI", re.compile(rf"\baws-cli{_VERSION}", re.I)),
    ("PowerShell", re.compile(rf"\bAWSPowerShell[\w.]*{_VERSION}", re.I)),
)
_MOBILE = re.compile(r"console.{0,3}mobile", re.I)
_SERVICE = re.compile(r"([a-z0-9.-]+)\.amazonaws\.com(?:\.cn)?", re.I)
_BROWSERS = (
    ("Edge", "Edg/"),
    ("Opera", "OPR/"),
    ("Firefox", "Firefox/"),
    ("Chrome", "Chrome/"),
    ("Safari", "Safari/"),
)
_SDK = re.compile(rf"\b([a-z][\w-]{{2,30}}){_VERSION}", re.I)
_OTHER = re.compile(r"([A-Za-z][\w.-]{0,60})(?:/v?([0-9][\w.+-]{0,30}))?")


def tool_of(user_agent: str) -> Tool:
    """The tool that a user agent names; UNKNOWN for an empty one.

    Source: "userAgent" in "CloudTrail record contents", AWS CloudTrail user guide: a browser's,
    an SDK's or the CLI's, or a service's own name.
    """
    text = user_agent[:MOST].strip().removeprefix("[").removesuffix("]").strip()
    if not text or text in ("-", "...", "None"):
        return Tool(ToolKind.UNKNOWN, "unknown")
    return _amazon(text) or _deployer(text) or _program(text)


def _amazon(text: str) -> Tool | None:
    """The console, a browser, a service of AWS."""
    if text.startswith("Mozilla/"):
        browser = next((name for name, mark in _BROWSERS if mark in text), "")
        return Tool(ToolKind.BROWSER, browser or "a browser")
    lowered = text.lower()
    if _MOBILE.search(text):
        return Tool(ToolKind.CONSOLE, "the console’s mobile app")
    if lowered in ("aws internal", "aws-internal"):
        return Tool(ToolKind.SERVICE, "AWS itself")
    service = _SERVICE.fullmatch(text)
    if service:
        name = service[1].lower()
        if name == "cloudformation":
            return Tool(ToolKind.CLOUDFORMATION, "CloudFormation")
        if name == "signin" or name.startswith("console"):
            return Tool(ToolKind.CONSOLE, "the console")
        return Tool(ToolKind.SERVICE, name)
    first = re.split(r"[,/]", text, maxsplit=1)[0]
    if re.search(r"console\b", first, re.I) and "aws-internal" in lowered:
        return Tool(ToolKind.CONSOLE, "the console")
    if "exec-env/cloudshell" in lowered:
        return Tool(ToolKind.CLI, "CloudShell")
    if first.startswith("S3Console"):
        return Tool(ToolKind.CONSOLE, "the console")
    if first in ("aws-internal", "Coral"):
        return Tool(ToolKind.SERVICE, "AWS itself")  # what its services call each other with
    return None


def _deployer(text: str) -> Tool | None:
    for kind, name, mark in _DEPLOYERS:
        found = mark.search(text)
        if found:
            return Tool(kind, name, (found[1] or "") if found.groups() else "")
    return None


def _program(text: str) -> Tool:
    """The CLI, an SDK, or what else the first word says."""
    for name, mark in _CLIS:
        if found := mark.search(text):
            return Tool(ToolKind.CLI, name, found[1])
    for word in _SDK.finditer(text):
        sdk = _SDKS.get(word[1].lower())
        if sdk:
            return Tool(ToolKind.SDK, sdk, word[2])
    other = _OTHER.match(text)
    if other:
        return Tool(ToolKind.OTHER, other[1], other[2] or "")
    return Tool(ToolKind.OTHER, text.split()[0][:60])
