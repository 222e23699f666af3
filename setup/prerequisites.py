"""Knows what has to be true outside the pipeline before it can be built. Reads only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Any

from setup.resource import Need
from trailwatch.errors import AwsError, ConfigError
from trailwatch.site import OWN_KEY, SiteConfig

if TYPE_CHECKING:
    from setup.clients import Clients

CLOUDTRAIL = "cloudtrail.amazonaws.com"
_DENIED = ("AccessDenied", "AccessDeniedException")


def check_prerequisites(config: SiteConfig, clients: Clients) -> None:
    """Raise ConfigError where AWS would refuse the key or the organization that was chosen.

    What may not be read is not checked: AWS then says so itself. Raises ProviderError.
    """
    checks = []
    if config.kms and config.kms != OWN_KEY:
        checks.append(partial(_check_key, config, clients))
    if config.organization:
        checks.append(partial(_check_organization, config, clients))
    if checks:
        clients.together(*checks)


def needs(config: SiteConfig) -> list[Need]:
    """The IAM actions that the checks need. Those on the organization come with the trail."""
    if not config.kms or config.kms == OWN_KEY:
        return []
    return [("read", f"kms:{action}", config.kms) for action in ("DescribeKey", "GetKeyPolicy")]


# The key


def _check_key(config: SiteConfig, clients: Clients) -> None:
    try:
        found = clients.find("kms", "DescribeKey", ("NotFoundException",), KeyId=config.kms)
        if found is None:
            fix = "Give the ARN of one that does, or let trailwatch make one: --set kms=own"
            raise _unfit(config, "It does not exist.", fix)
        _check_kind(config, found["KeyMetadata"])
        answer = clients.call("kms", "GetKeyPolicy", KeyId=config.kms, PolicyName="default")
    except AwsError as error:
        if error.permission or error.code in _DENIED:
            return
        raise
    missing = _missing(config, json.loads(answer["Policy"]))
    if missing:
        raise _unfit(
            config,
            f"Its policy does not let these use it: {'; '.join(missing)}.",
            "Add statements for them (docs/deploy.md shows them), or let trailwatch make a key: "
            "--set kms=own",
        )


def _check_kind(config: SiteConfig, key: Mapping[str, Any]) -> None:
    if key.get("KeyState", "Enabled") != "Enabled":
        raise _unfit(config, f"Its state is {key['KeyState']}.", "Enable it, or take another.")
    if key.get("KeySpec", "SYMMETRIC_DEFAULT") != "SYMMETRIC_DEFAULT":
        raise _unfit(config, f"It is {key['KeySpec']}.", "Take a symmetric key.")


def _unfit(config: SiteConfig, why: str, fix: str) -> ConfigError:
    return ConfigError(f"The KMS key {config.kms} cannot be used.", why, fix)


def _missing(config: SiteConfig, policy: Mapping[str, Any]) -> list[str]:
    """The services that a key policy says nothing of. Conditions are not judged: they may be
    narrower than what is wanted, which AWS tells when the key is used."""
    needed = {
        CLOUDTRAIL: ("kms:GenerateDataKey", "kms:DescribeKey"),
        config.site.logs_principal: ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey"),
        "cloudwatch.amazonaws.com": ("kms:Decrypt", "kms:GenerateDataKey"),
    }
    found = policy.get("Statement", [])
    statements = [found] if isinstance(found, Mapping) else found
    return [
        f"{service} ({', '.join(lacking)})"
        for service, actions in needed.items()
        if (lacking := [one for one in actions if not _granted(statements, service, one)])
    ]


def _granted(statements: list[Mapping[str, Any]], service: str, action: str) -> bool:
    for one in statements:
        principal = one.get("Principal")
        services = _many(principal.get("Service")) if isinstance(principal, Mapping) else []
        anybody = principal == "*" or (
            isinstance(principal, Mapping) and "*" in _many(principal.get("AWS"))
        )
        like = any(
            fnmatchcase(action.lower(), str(pattern).lower())
            for pattern in _many(one.get("Action"))
        )
        if one.get("Effect") == "Allow" and like and (anybody or service in services):
            return True
    return False


def _many(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


# The organization


def _check_organization(config: SiteConfig, clients: Clients) -> None:
    """Source: Prepare for creating a trail for your organization, CloudTrail user guide."""
    try:
        answer = clients.find(
            "organizations", "DescribeOrganization", ("AWSOrganizationsNotInUseException",)
        )
        if answer is None:
            raise _outside(config, "The account is in no organization.")
        found = answer["Organization"]
        _check_management(config, found)
        services = clients.pages(
            "organizations",
            "ListAWSServiceAccessForOrganization",
            "EnabledServicePrincipals",
            "NextToken",
        )
    except AwsError as error:
        if error.permission or error.code in _DENIED:
            return
        raise
    if CLOUDTRAIL not in {one.get("ServicePrincipal") for one in services}:
        raise ConfigError(
            "The organization cannot be recorded.",
            "CloudTrail has no trusted access to it.",
            "Whoever runs the organization enables it once: aws organizations "
            f"enable-aws-service-access --service-principal {CLOUDTRAIL}",
        )


def _check_management(config: SiteConfig, found: Mapping[str, Any]) -> None:
    if found.get("Id") != config.organization:
        raise _outside(config, f"The account is in the organization {found.get('Id')}.")
    management = str(found.get("MasterAccountId", ""))
    if management != config.site.account:
        raise _outside(config, f"Its management account is {management}.")
    if found.get("FeatureSet") != "ALL":
        raise _outside(config, "Not all of its features are enabled.")


def _outside(config: SiteConfig, why: str) -> ConfigError:
    return ConfigError(
        f"The organization {config.organization} cannot be recorded from the account "
        f"{config.site.account}.",
        why,
        "An organization trail is made in the management account; for this account alone: "
        "--set organization=none",
    )
