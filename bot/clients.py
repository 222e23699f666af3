"""Knows how each site's AWS is reached: with the bot's credentials or with a role of the site's.

Makes clients when they are first needed and keeps them; asks AWS for nothing but the role.
"""

from __future__ import annotations

import threading

from bot.settings import Settings
from bot.site_settings import SiteSettings
from trailwatch.aws import ATTEMPTS, DENIED_CODES, Aws
from trailwatch.errors import AwsError, NotFound
from trailwatch.organization import account_names

READER = "trailwatch"
BUILDER = "trailwatch-setup"
"""The names of the role's sessions: CloudTrail shows them as who made a call."""


class SiteClients:
    """AWS of every site of the settings, "" being the first. Safe for threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sites = {site.name: site for site in settings.sites}
        self._lock = threading.Lock()
        self._own: dict[tuple[str, int], Aws] = {}
        self._reading: dict[tuple[str, int], Aws] = {}

    def site(self, name: str) -> SiteSettings:
        """The settings of a site; raises NotFound."""
        if not name:
            return self._settings.sites[0]
        if name not in self._sites:
            raise NotFound.of("site", name, self._sites)
        return self._sites[name]

    def reading(self, name: str = "", *, attempts: int = ATTEMPTS) -> Aws:
        """What reads in a site; made once, a role's keys renew themselves. Raises AwsError."""
        site = self.site(name)
        with self._lock:
            known = self._reading.get((site.name, attempts))
        if known is not None:
            return known
        made = self._assumed(site, site.role_arn, site.external_id, READER, attempts)
        with self._lock:
            return self._reading.setdefault((site.name, attempts), made)

    def building(self, name: str = "", session: str = "") -> Aws:
        """What one plan or apply works with in a site. Raises AwsError.

        session: the name of the role's session.
        """
        site = self.site(name)
        role, external_id = site.setup_role
        return self._assumed(site, role, external_id, session or BUILDER, ATTEMPTS)

    def account(self, name: str = "") -> str:
        """The account that reads in a site; asked of AWS. Raises AwsError."""
        return self.reading(name).account()

    def organization_names(self) -> dict[str, str]:
        """The names of accounts, by the first site that may list them.

        Raises the last site's AwsError where none may: one is in the organization's management
        account, or it was made a delegated administrator.
        """
        asked: set[str] = set()
        refusal: AwsError | None = None
        for site in self._settings.sites:
            if site.account in asked:
                continue
            asked.add(site.account)
            try:
                return account_names(self.reading(site.name, attempts=1))
            except AwsError as error:
                refusal = error
        raise refusal or AwsError("No site may list the organization's accounts.")

    def _assumed(
        self, site: SiteSettings, role: str, external_id: str, session: str, attempts: int
    ) -> Aws:
        own = self._own_of(site, attempts)
        if not role:
            return own
        try:
            return own.assume(role, session, external_id or None)
        except AwsError as error:
            if error.code not in DENIED_CODES:
                raise
            raise _refused(site, role, external_id, error) from error

    def _own_of(self, site: SiteSettings, attempts: int) -> Aws:
        """The bot's own credentials in the site's region; sites of one region share it."""
        with self._lock:
            key = (site.region, attempts)
            if key not in self._own:
                endpoint = self._settings.aws_endpoint_url or None
                self._own[key] = Aws(site.region, endpoint, max_attempts=attempts)
            return self._own[key]


def _refused(site: SiteSettings, role: str, external_id: str, error: AwsError) -> AwsError:
    """Both sides have to allow it, and a wrong external id looks like neither."""
    shown = "with the external id of the settings" if external_id else "without an external id"
    return AwsError(
        f"The role {role} of the site {site.name} cannot be assumed.",
        error.why,
        "Its trust policy has to name the bot's identity and the external id "
        f"(it was asked for {shown}), and the bot has to be allowed sts:AssumeRole on it.",
        operation=error.operation,
        code=error.code,
        request_id=error.request_id,
        permission=error.permission,
    )
