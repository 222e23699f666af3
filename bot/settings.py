"""Knows every setting, where it comes from and what it means. Nobody else reads the environment.

A setting comes from the environment, else from trailwatch.toml, else from its default. Unknown
keys are errors: a misspelt setting that is silently ignored is worse than a refusal to start.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.route_settings import read_routes, routes_table
from bot.setting_values import (
    api_url,
    as_text,
    choice,
    days,
    gaps,
    hour,
    limit,
    minutes,
    names,
    near,
    port,
    role,
    seconds,
    slack_ids,
    slack_people,
    text,
    url,
    words,
    yes,
    zone,
)
from bot.site_settings import SITE_SETTINGS, SiteSettings, read_sites, sites_table
from trailwatch.errors import ConfigError
from trailwatch.routes import Route
from trailwatch.site_options import ROUTERS


@dataclass(frozen=True)
class Settings:
    """All settings of a process. Tokens and keys are never printed (see `public`)."""

    slack_bot_token: str
    slack_app_token: str
    slack_signing_secret: str
    slack_mode: str
    slack_api_base_url: str
    slack_channel: str
    slack_post_interval: float
    admins: tuple[str, ...]
    responders: tuple[str, ...]
    second_person: bool
    people: Mapping[str, str]
    answer_minutes: int
    thread_notes: bool
    host: str
    port: int
    metrics_port: int
    database_url: str
    secret_key: str
    replica: str
    public_url: str
    site: str
    router: str
    account_names: Mapping[str, str]
    offices: tuple[str, ...]
    maxmind_file: str
    largest_instance: str
    deploy_roles: tuple[str, ...]
    break_glass_roles: tuple[str, ...]
    aws_region: str
    aws_endpoint_url: str
    setup_role_arn: str
    setup_external_id: str
    opsgenie_api_url: str
    opsgenie_api_key: str
    opsgenie_setup_api_key: str
    opsgenie_team: str
    opsgenie_escalation: str
    jsm_api_url: str
    jsm_cloud_id: str
    jsm_site_url: str
    jsm_email: str
    jsm_api_token: str
    jsm_setup_api_token: str
    jsm_api_key: str
    jsm_sns_key: str
    jsm_webhook_token: str
    digest_hour: int
    digest_timezone: str
    drift_minutes: int
    follow_gaps: tuple[timedelta, ...]
    rollup: int
    profile_days: int
    detections_folder: str
    log_level: str
    sites: tuple[SiteSettings, ...]
    """The first site, which the settings above describe, and each [sites.NAME]."""
    routes: tuple[Route, ...] = ()
    """Each [[routes]], in their order."""

    def public(self) -> dict[str, Any]:
        """Every setting by name, secrets replaced by "set" or "missing"."""
        secret = {s.name for s in SETTINGS if s.secret}
        return {
            f.name: (
                ("set" if getattr(self, f.name) else "missing")
                if f.name in secret
                else getattr(self, f.name)
            )
            for f in fields(self)
        }


@dataclass(frozen=True)
class Setting:
    """One setting: its names, its default as text, how it is read and what it is for."""

    name: str
    env: str
    toml: str
    """Its place in trailwatch.toml, "section.key"."""
    default: str
    read: Callable[[str], Any]
    about: str
    secret: bool = False


# fmt: off
SETTINGS: tuple[Setting, ...] = (
    Setting("slack_bot_token", "SLACK_BOT_TOKEN", "slack.bot_token", "",
            text, "The app's bot token, xoxb-…", secret=True),
    Setting("slack_app_token", "SLACK_APP_TOKEN", "slack.app_token", "",
            text,
            "The app-level token for Socket Mode, xapp-… (scope connections:write)", secret=True),
    Setting("slack_signing_secret", "SLACK_SIGNING_SECRET", "slack.signing_secret", "",
            text, "Needed when SLACK_MODE is http", secret=True),
    Setting("slack_mode", "SLACK_MODE", "slack.mode", "socket",
            choice("socket", "http"),
            "How Slack reaches the bot: socket needs no public address for Slack"),
    Setting("slack_api_base_url", "SLACK_API_BASE_URL", "slack.api_base_url",
            "https://slack.com/api", api_url, "Slack's Web API"),
    Setting("slack_channel", "SLACK_CHANNEL", "slack.channel", "",
            text, "Id of the channel for alerts and digests, C…"),
    Setting("slack_post_interval", "SLACK_POST_INTERVAL", "slack.post_interval", "1",
            seconds, "Seconds between two posts to one channel; Slack allows about one a second"),
    Setting("admins", "TRAILWATCH_ADMINS", "access.admins", "",
            slack_ids, "Slack user or user group ids of the first admins"),
    Setting("responders", "TRAILWATCH_RESPONDERS", "access.responders", "",
            slack_ids, "Slack user or user group ids that may answer alerts"),
    Setting("second_person", "TRAILWATCH_SECOND_PERSON", "access.second_person", "no",
            yes, "yes: whoever proposes a plan cannot approve it, another admin has to"),
    Setting("people", "TRAILWATCH_PEOPLE", "access.people", "",
            slack_people, "Who is behind an IAM user's name in Slack: alice=U0123ABCD"),
    Setting("answer_minutes", "TRAILWATCH_ANSWER_MINUTES", "access.answer_minutes", "30",
            minutes, "Minutes that somebody has to answer “Was this you?”"),
    Setting("thread_notes", "TRAILWATCH_THREAD_NOTES", "slack.thread_notes", "no",
            yes, "yes: what people write in an alert's thread becomes a note over there"),
    Setting("host", "HOST", "web.host", "127.0.0.1",
            text, "Address that the web server binds to"),
    Setting("port", "PORT", "web.port", "8080",
            port, "Port for webhooks, /healthz and /readyz"),
    Setting("metrics_port", "TRAILWATCH_METRICS_PORT", "web.metrics_port", "0",
            port,
            "Port for Prometheus metrics, on 127.0.0.1 unless HOST says otherwise; 0 is off"),
    Setting("database_url", "DATABASE_URL", "store.database_url", "sqlite:///trailwatch.db",
            text, "SQLite file or PostgreSQL address", secret=True),
    Setting("secret_key", "TRAILWATCH_SECRET_KEY", "store.secret_key", "",
            text,
            "Encrypts keys in the store; at least 16 characters; several, newest first, rotate",
            secret=True),
    Setting("replica", "TRAILWATCH_REPLICA", "store.replica", "",
            text, "A lasting name of this process among several; else the host's name"),
    Setting("public_url", "TRAILWATCH_PUBLIC_URL", "web.public_url", "",
            url, "Where the on-call service reaches the bot, https://…"),
    Setting("site", "TRAILWATCH_SITE", "site.name", "main",
            text, "A short name for the account that is watched"),
    Setting("router", "TRAILWATCH_ROUTER", "site.router", "opsgenie",
            choice(*ROUTERS),
            "Who is told of alarms: opsgenie, jsm (Jira Service Management) or direct (none)"),
    Setting("account_names", "TRAILWATCH_ACCOUNT_NAMES", "site.account_names", "",
            names, "Names to show for account ids: 123456789012=prod,111122223333=test"),
    Setting("offices", "TRAILWATCH_OFFICES", "site.offices", "",
            words,
            "Addresses of your offices, with names or without (berlin=203.0.113.0/24): for "
            "login-outside-office, and shown by name"),
    Setting("maxmind_file", "TRAILWATCH_MAXMIND_FILE", "site.maxmind_file", "",
            text, "MaxMind file (.mmdb) that says where addresses are; needs maxminddb"),
    Setting("largest_instance", "TRAILWATCH_LARGEST_INSTANCE", "site.largest_instance", "4xlarge",
            text, "The largest EC2 size that is no alarm, for large-instance"),
    Setting("deploy_roles", "TRAILWATCH_DEPLOY_ROLES", "site.deploy_roles", "",
            words, "Roles that deploy: names, names that end in *, or ARNs"),
    Setting("break_glass_roles", "TRAILWATCH_BREAK_GLASS_ROLES", "site.break_glass_roles", "",
            words, "Roles for emergencies: their use is an alarm"),
    Setting("aws_region", "AWS_REGION", "aws.region", "us-east-1",
            text, "Home region of the trail, the log group and the alarms"),
    Setting("aws_endpoint_url", "AWS_ENDPOINT_URL", "aws.endpoint_url", "",
            url, "Only for stand-ins of AWS"),
    Setting("setup_role_arn", "TRAILWATCH_SETUP_ROLE_ARN", "aws.setup_role_arn", "",
            role, "Role that is assumed to build the pipeline, and only then"),
    Setting("setup_external_id", "TRAILWATCH_SETUP_EXTERNAL_ID", "aws.setup_external_id", "",
            text, "External id for that role"),
    Setting("opsgenie_api_url", "OPSGENIE_API_URL", "opsgenie.api_url", "https://api.opsgenie.com",
            url, "https://api.eu.opsgenie.com in the EU"),
    Setting("opsgenie_api_key", "OPSGENIE_API_KEY", "opsgenie.api_key", "",
            text, "Key that may read, create and update alerts", secret=True),
    Setting("opsgenie_setup_api_key", "OPSGENIE_SETUP_API_KEY", "opsgenie.setup_api_key", "",
            text,
            "Key with configuration access, used by setup only; else OPSGENIE_API_KEY",
            secret=True),
    Setting("opsgenie_team", "OPSGENIE_TEAM", "opsgenie.team", "",
            text, "Name of the team that owns the integrations and is called"),
    Setting("jsm_api_url", "JSM_API_URL", "jsm.api_url", "https://api.atlassian.com",
            url, "Jira Service Management's APIs"),
    Setting("jsm_cloud_id", "JSM_CLOUD_ID", "jsm.cloud_id", "",
            text, "Your site's id there, as https://YOURSITE.atlassian.net/_edge/tenant_info says"),
    Setting("jsm_site_url", "JSM_SITE_URL", "jsm.site_url", "",
            url, "https://YOURSITE.atlassian.net: links to alerts, and who is who there"),
    Setting("jsm_email", "JSM_EMAIL", "jsm.email", "",
            text, "Whose API token it is that reads and changes alerts"),
    Setting("jsm_api_token", "JSM_API_TOKEN", "jsm.api_token", "",
            text, "That API token", secret=True),
    Setting("jsm_setup_api_token", "JSM_SETUP_API_TOKEN", "jsm.setup_api_token", "",
            text,
            "API token of JSM_EMAIL that may configure; with it setup makes the integrations",
            secret=True),
    Setting("jsm_api_key", "JSM_API_KEY", "jsm.api_key", "",
            text, "Key of an API integration there: acts on alerts", secret=True),
    Setting("jsm_sns_key", "JSM_SNS_KEY", "jsm.sns_key", "",
            text, "Key of the Amazon SNS integration there: makes alerts of alarms", secret=True),
    Setting("jsm_webhook_token", "JSM_WEBHOOK_TOKEN", "jsm.webhook_token", "",
            text, "Secret that its webhook sends as X-Trailwatch-Token", secret=True),
    Setting("opsgenie_escalation", "OPSGENIE_ESCALATION", "opsgenie.escalation", "",
            text, "Name of the escalation that Escalate goes on with; without one it sets P1"),
    Setting("digest_hour", "TRAILWATCH_DIGEST_HOUR", "digest.hour", "9",
            hour, "Hour of the daily digest"),
    Setting("digest_timezone", "TRAILWATCH_DIGEST_TIMEZONE", "digest.timezone", "UTC",
            zone,
            "Its time zone, such as Europe/Berlin; Monday 9:00 of a snooze is in it, too, for whom "
            "Slack knows none"),
    Setting("drift_minutes", "TRAILWATCH_DRIFT_MINUTES", "drift.minutes", "15",
            minutes, "Minutes between two checks for drift; 0 is off"),
    Setting("follow_gaps", "TRAILWATCH_FOLLOW_MINUTES", "alerts.follow_minutes", "1,5,15,60",
            gaps,
            "Minutes between two tellings of who else does what while an alarm is on; "
            "the first is at once"),
    Setting("profile_days", "TRAILWATCH_PROFILE_DAYS", "alerts.profile_days", "14",
            days,
            "Days of the log group that are searched before somebody, an address or a Region is "
            "called new; 0 calls nobody new"),
    Setting("rollup", "TRAILWATCH_ROLLUP", "alerts.rollup", "10",
            limit, "New alerts a minute in a channel above which they share one message; "
            "0: never"),
    Setting("detections_folder", "TRAILWATCH_DETECTIONS", "site.detections", "",
            text, "Folder with your own detections (*.toml)"),
    Setting("log_level", "LOG_LEVEL", "log.level", "INFO",
            choice("DEBUG", "INFO", "WARNING", "ERROR"), "How much is logged"),
)
# fmt: on

_OF_THE_FIRST_SITE = frozenset(s.first for s in SITE_SETTINGS if s.first)
NOT_SETTINGS = frozenset({"TRAILWATCH_EXAMPLES", "TRAILWATCH_SEED", "TRAILWATCH_SHARED"})
"""Variables with our prefix that are no settings: tests read them (CONTRIBUTING.md)."""


def settings_here(file: Path | None) -> Settings:
    """Settings from this process's environment and a file; raises ConfigError.

    Without a file it is the trailwatch.toml of the working folder, if there is one.
    """
    here = Path("trailwatch.toml")
    return read_settings(os.environ, here if file is None and here.is_file() else file)


def read_settings(environ: Mapping[str, str], file: Path | None = None) -> Settings:
    """Settings from an environment and an optional trailwatch.toml.

    Raises ConfigError whose `problems` has one line for each unknown or unreadable key.
    """
    problems: list[str] = []
    given, tables, ways, options = _from_toml(file, problems) if file else ({}, {}, [], None)
    by_env = {s.env: s for s in SETTINGS}
    for key in environ:
        if key.startswith("TRAILWATCH_") and key not in by_env and key not in NOT_SETTINGS:
            problems.append(f"{key}: no such setting{near(key, by_env)}.")
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        raw = environ.get(setting.env) or given.get(setting.name, setting.default)
        try:
            values[setting.name] = setting.read(raw)
        except ValueError as error:
            problems.append(f"{setting.env} is {raw!r}: {error}.")
            values[setting.name] = setting.read(setting.default)
    first = {s.toml: values[s.name] for s in SETTINGS if s.toml in _OF_THE_FIRST_SITE}
    name = file.name if file else ""
    sites = read_sites(values["site"], first, tables, name, problems, options)
    routes = read_routes(ways, [site.name for site in sites], name, problems)
    if problems:
        raise ConfigError("The settings cannot be read.", problems=tuple(problems))
    return Settings(**values, sites=sites, routes=routes)


def require(settings: Settings) -> None:
    """Raise ConfigError unless everything is there that `trailwatch serve` cannot do without."""
    needed = [
        ("slack_bot_token", "install the Slack app (trailwatch manifest) and copy its bot token"),
        ("slack_channel", "name the channel's id; Slack shows it under the channel's details"),
        ("secret_key", "any 16 or more random characters, e.g. from `openssl rand -base64 24`"),
        ("admins", "the Slack user id of at least one admin"),
    ]
    if any(site.router == "opsgenie" for site in settings.sites):
        key = "make an API integration in Opsgenie and copy its key"
        url = "the https:// address under which Opsgenie reaches this process"
        needed += [("opsgenie_api_key", key), ("public_url", url)]
    if any(site.router == "jsm" for site in settings.sites):
        needed += [
            ("jsm_cloud_id", "see docs/oncall.md for where it stands"),
            ("jsm_email", "the address of whoever made the API token"),
            ("jsm_api_token", "make one for an account that sees the alerts"),
            ("jsm_api_key", "make an API integration there and copy its key"),
            ("public_url", "the https:// address under which its webhook reaches this process"),
        ]
        by_hand = [
            ("jsm_sns_key", "make an Amazon SNS integration there and copy its key"),
            ("jsm_webhook_token", "any 16 or more random characters; its webhook has to send them"),
        ]
        needed += [] if settings.jsm_setup_api_token else by_hand
    if settings.slack_mode == "socket":
        needed.append(("slack_app_token", "make an app-level token with connections:write"))
    else:
        needed.append(("slack_signing_secret", "copy it from the Slack app's Basic Information"))
    env_of = {s.name: s.env for s in SETTINGS}
    problems = [
        f"{env_of[name]} is missing: {fix}." for name, fix in needed if not getattr(settings, name)
    ]
    if settings.secret_key and len(settings.secret_key) < 16:
        problems.append("TRAILWATCH_SECRET_KEY is too short: use at least 16 characters.")
    if problems:
        raise ConfigError("The bot cannot start.", problems=tuple(problems))


def settings_table() -> str:
    """The table of settings for the documentation, as Markdown."""
    rows = ["| variable | trailwatch.toml | default | what it is |", "|---|---|---|---|"]
    for s in SETTINGS:
        default = f"`{s.default}`" if s.default else ""
        rows.append(f"| `{s.env}` | `{s.toml}` | {default} | {s.about} |")
    several = (
        "\nWhat else a plan may change ([options](options.md)) is seeded by a table "
        "`[site.options]`, such as `retention_days = 400`; what is applied from Slack wins.\n"
        "\n## Several accounts and regions\n\nEach table `[sites.NAME]` is one more site.\n\n"
    )
    ways = (
        "\n## Which channel an alert goes to\n\nThe first table `[[routes]]` that takes an alert "
        "decides; without one it goes to its site's channel. What a table does not say, it does "
        "not ask for. `/trailwatch routes` shows them.\n\n"
    )
    return "\n".join(rows) + "\n" + several + sites_table() + ways + routes_table()


def _from_toml(file: Path, problems: list[str]) -> tuple[dict[str, str], object, object, object]:
    """The settings in a trailwatch.toml as text; its tables `sites`, `routes` and `site.options`
    (None without one) as they are."""
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        problems.append(f"{file.name}: {error}.")
        return {}, {}, [], None
    by_place = {s.toml: s for s in SETTINGS}
    found: dict[str, str] = {}
    tables, ways = content.pop("sites", {}), content.pop("routes", [])
    site = content.get("site")
    options = site.pop("options", None) if isinstance(site, dict) else None
    for section, table in content.items():
        entries = table.items() if isinstance(table, dict) else [("", table)]
        for key, value in entries:
            place = f"{section}.{key}" if key else section
            if place not in by_place:
                problems.append(f"{file.name}: {place}: no such setting{near(place, by_place)}.")
                continue
            found[by_place[place].name] = as_text(value)
    return found, tables, ways, options
