"""Knows how the stand-in's accounts become one organization in moto. Never what it is used for."""

from __future__ import annotations

from collections.abc import Mapping

from moto.organizations.models import OrganizationsBackend, organizations_backends

ID = "o-sandbox001"
TRUSTED = ("cloudtrail.amazonaws.com",)


def found(management: str, names: Mapping[str, str]) -> None:
    """Make the accounts of `names` (by id) an organization that trusts CloudTrail."""
    backend: OrganizationsBackend = organizations_backends[management]["aws"]
    backend.create_organization("us-east-1", FeatureSet="ALL")
    assert backend.org is not None
    backend.org.id = ID
    for account, name in names.items():
        if account != management:
            email = f"{name}@example.com"
            backend.create_account(AccountName=name, Email=email)
            # moto gives a number of its own.
            organizations_backends.master_accounts.pop(backend.accounts[-1].id)
            organizations_backends.master_accounts[account] = (management, "aws")
            backend.accounts[-1].id = account
    for one in backend.accounts:
        one.organization_id = ID
        one.name = names.get(one.id, one.name)
    for service in TRUSTED:
        backend.enable_aws_service_access(ServicePrincipal=service)
