"""Knows the settings of one site among several. Reads nothing but what it is given.

The first site is what the environment and the other tables say (`site.*`, `aws.*`, ...); each
table [sites.NAME] of trailwatch.toml is one more. A table with the first site's name adds what has
no setting of its own there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

from bot.setting_values import as_text, choice, near, role, text, words
from trailwatch.errors import UsageError
from trailwatch.site import Site, SiteConfig, parse_arn
from trailwatch.site_options import ROUTERS, changed


@dataclass(frozen=True)
class SiteSettings:
    """One site: an account and a region, how they are reached and what is wanted there."""

    name: str
    region: str
    role_arn: str
    external_id: str
    setup_role_arn: str
    setup_external_id: str
    channel: str
    account_name: str
    pack: str
    prefix: str
    router: str
    opsgenie_team: str
    offices: tuple[str, ...]
    largest_instance: str
    deploy_roles: tuple[str, ...]
    break_glass_roles: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict)
    """Options of trailwatch.site_options as text, by name; what is applied from Slack wins."""

    @property
    def account(self) -> str:
        """The account's id as its roles tell it; "" where AWS has to be asked."""
        arn = parse_arn(self.role_arn or self.setup_role_arn)
        return arn.account if arn else ""

    @property
    def setup_role(self) -> tuple[str, str]:
        """The role that builds here, and the external id that it asks for."""
        if self.setup_role_arn:
            return self.setup_role_arn, self.setup_external_id
        return self.role_arn, self.external_id


@dataclass(frozen=True)
class SiteSetting:
    """One key of [sites.NAME]: how it is read and what it is for.

    first: the setting that says it for the first site, "section.key", "" where none does.
    inherits: whether a site that says nothing has what the first site has.
    """

    name: str
    first: str
    default: str
    read: Callable[[str], Any]
    about: str
    inherits: bool = False


def _prefix(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9-]{1,30}[a-z0-9]", value):
        raise ValueError("must be 3 to 32 of a-z, 0-9 and -, from a letter on")
    return value


# fmt: off
SITE_SETTINGS: tuple[SiteSetting, ...] = (
    SiteSetting("region", "aws.region", "", text,
                "Home region of its trail, log group and alarms", inherits=True),
    SiteSetting("role_arn", "", "", role,
                "Role that is assumed to read here; without one the bot's own credentials read"),
    SiteSetting("external_id", "", "", text,
                "External id for that role"),
    SiteSetting("setup_role_arn", "aws.setup_role_arn", "", role,
                "Role that is assumed to build here; else the one that reads"),
    SiteSetting("setup_external_id", "aws.setup_external_id", "", text,
                "External id for that role"),
    SiteSetting("channel", "slack.channel", "", text,
                "Id of the channel for its alerts and digests, C…", inherits=True),
    SiteSetting("account_name", "", "", text,
                "Name to show for its account; else the site's name"),
    SiteSetting("pack", "", "walkthrough", text,
                "Pack of detections until another is applied from Slack"),
    SiteSetting("prefix", "", "trailwatch", _prefix,
                "What the names of everything that is made begin with"),
    SiteSetting("router", "site.router", "opsgenie", choice(*ROUTERS),
                "Who is told of its alarms", inherits=True),
    SiteSetting("opsgenie_team", "opsgenie.team", "", text,
                "Name of the team that is called", inherits=True),
    SiteSetting("offices", "site.offices", "", words,
                "Addresses of its offices, with names or without", inherits=True),
    SiteSetting("largest_instance", "site.largest_instance", "", text,
                "The largest EC2 size that is no alarm", inherits=True),
    SiteSetting("deploy_roles", "site.deploy_roles", "", words,
                "Roles that deploy", inherits=True),
    SiteSetting("break_glass_roles", "site.break_glass_roles", "", words,
                "Roles for emergencies", inherits=True),
)
# fmt: on

_NAME = re.compile(r"[a-z][a-z0-9-]{0,29}")
BY_NAME = {setting.name: setting for setting in SITE_SETTINGS}


def read_sites(
    first_name: str,
    first: Mapping[str, Any],
    tables: object,
    file: str,
    problems: list[str],
    options: object = None,
) -> tuple[SiteSettings, ...]:
    """The first site and one for each table of `sites`, in their order.

    first: the values of the first site's own settings by "section.key"; options: its table
    [site.options]. problems: gets one line for each key that is unknown, cannot be read or
    contradicts another.
    """
    if not isinstance(tables, Mapping):
        problems.append(f"{file}: sites: must be tables such as [sites.stage].")
        tables = {}
    given = {str(name): table for name, table in tables.items()}
    chosen = {name: _pop_options(given, name) for name in list(given)}
    if chosen.pop(first_name, None) is not None:
        problems.append(
            f"{file}: sites.{first_name}.options: {first_name} is the first site; say site.options."
        )
    mine = _table(first_name, given.pop(first_name, {}), file, problems)
    for key in [key for key in mine if BY_NAME[key].first]:
        place = BY_NAME[key].first
        problems.append(
            f"{file}: sites.{first_name}.{key}: {first_name} is the first site; say {place}."
        )
    sites = [
        replace(
            _site(first_name, mine, first, True, file, problems),
            options=_options(options, "site", file, problems),
        )
    ]
    for name, table in given.items():
        if not _NAME.fullmatch(name):
            problems.append(f"{file}: sites.{name}: a name has up to 30 of a-z, 0-9 and -.")
        values = _table(name, table, file, problems)
        site = _site(name, values, first, False, file, problems)
        told = _options(chosen[name], f"sites.{name}", file, problems)
        sites.append(replace(site, options=told))
    problems.extend(_torn(sites, file))
    problems.extend(_clashes(sites, file))
    return tuple(sites)


def _pop_options(tables: dict[str, Any], name: str) -> object:
    """Take the table `options` out of a site's table; None where it has none."""
    table = tables[name]
    if not isinstance(table, Mapping):
        return None
    tables[name] = {key: value for key, value in table.items() if key != "options"}
    return table.get("options")


def _options(table: object, place: str, file: str, problems: list[str]) -> dict[str, str]:
    """The options in a table [PLACE.options], as text; a problem for each that cannot be."""
    if table is None:
        return {}
    if not isinstance(table, Mapping):
        problems.append(f"{file}: {place}.options: must be a table, [{place}.options].")
        return {}
    found: dict[str, str] = {}
    blank = SiteConfig(Site("main", "", "us-east-1"))
    for key, value in table.items():
        if key in BY_NAME:
            problems.append(f"{file}: {place}.options.{key}: say {place}.{key}.")
            continue
        try:
            changed(blank, {key: as_text(value)})
            found[key] = as_text(value)
        except UsageError as error:
            parts = (error.what, error.why, error.fix)
            told = " ".join(part for part in parts if part)
            problems.append(f"{file}: {place}.options.{key}: {told}")
    try:
        changed(blank, found)
    except UsageError as error:
        problems.append(f"{file}: {place}.options: {error.what} {error.why}")
    return found


def _table(name: str, table: object, file: str, problems: list[str]) -> dict[str, str]:
    """The known keys of one table, as text."""
    if not isinstance(table, Mapping):
        problems.append(f"{file}: sites.{name}: must be a table, [sites.{name}].")
        return {}
    for key in table:
        if key not in BY_NAME:
            problems.append(f"{file}: sites.{name}.{key}: no such setting{near(key, BY_NAME)}.")
    return {key: as_text(value) for key, value in table.items() if key in BY_NAME}


def _site(
    name: str,
    given: Mapping[str, str],
    first: Mapping[str, Any],
    is_first: bool,
    file: str,
    problems: list[str],
) -> SiteSettings:
    values: dict[str, Any] = {}
    for setting in SITE_SETTINGS:
        if setting.first and (is_first or (setting.inherits and not given.get(setting.name))):
            values[setting.name] = first[setting.first]
            continue
        raw = given.get(setting.name) or setting.default
        try:
            values[setting.name] = setting.read(raw)
        except ValueError as error:
            problems.append(f"{file}: sites.{name}.{setting.name} is {raw!r}: {error}.")
            values[setting.name] = setting.read(setting.default)
    return SiteSettings(name=name, **values)


def _torn(sites: Sequence[SiteSettings], file: str) -> list[str]:
    """Sites whose two roles are of two accounts."""
    told = []
    for site in sites:
        accounts = {arn.split(":")[4] for arn in (site.role_arn, site.setup_role_arn) if arn}
        if len(accounts) > 1:
            told.append(
                f"{file}: sites.{site.name}: role_arn and setup_role_arn are of two accounts, "
                f"{' and '.join(sorted(accounts))}."
            )
    return told


def _clashes(sites: Sequence[SiteSettings], file: str) -> list[str]:
    """Sites whose resources would have the same names, or be taken for each other's."""
    told = []
    for one, other in combinations(sites, 2):
        if f"{one.prefix}-{one.name}" == f"{other.prefix}-{other.name}":
            told.append(
                f"{file}: sites.{other.name}: with its prefix its integrations would be called "
                f"like those of {one.name}: choose another name."
            )
        # An IAM role's name holds in the whole account, a trail of several regions in all.
        if one.account != other.account:
            continue
        short, long = sorted((one.prefix, other.prefix), key=len)
        if short == long or long.startswith(f"{short}-"):
            told.append(
                f"{file}: sites.{other.name}.prefix: {one.name} and {other.name} may be one "
                f"account, and {long!r} begins like {short!r}: give one of them another prefix."
            )
    return told


def sites_table() -> str:
    """The table of a site's keys for the documentation, as Markdown."""
    rows = ["| key | default | what it is |", "|---|---|---|"]
    for setting in SITE_SETTINGS:
        default = f"`{setting.default}`" if setting.default else ""
        if setting.inherits:
            default = f"as `{setting.first}`"
        rows.append(f"| `{setting.name}` | {default} | {setting.about} |")
    rows.append(
        "| `options` |  | A table `[sites.NAME.options]`: what [options](options.md) has besides |"
    )
    return "\n".join(rows) + "\n"
