"""Knows how the accounts of an organization are asked for. Reads only; any refusal is an error."""

from __future__ import annotations

from trailwatch.aws import Aws

PERMISSION = "organizations:ListAccounts"


def account_names(aws: Aws) -> dict[str, str]:
    """The name of each account by its id; raises AwsError.

    Only the management account and delegated administrators may ask (ListAccounts, AWS
    Organizations API reference). Names are text that whoever made the account chose.
    """
    found: dict[str, str] = {}
    token: str | None = None
    while True:
        more = {"NextToken": token} if token else {}
        page = aws.call("organizations", "ListAccounts", **more)
        found.update({str(one["Id"]): str(one.get("Name", "")) for one in page.get("Accounts", ())})
        token = page.get("NextToken")
        if not token:
            return found
