"""Knows what must be right before the bot can work, and how to mend each. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bot.settings import Settings, require
from bot.site_settings import SiteSettings
from trailwatch.errors import ConfigError, TrailwatchError
from trailwatch.routers.router import TITLES, RouterName

if TYPE_CHECKING:
    from slack_sdk import WebClient

OPSGENIE_ENDS = datetime(2027, 4, 5, tzinfo=UTC)
"""The day on which Opsgenie's API ends (support.atlassian.com/opsgenie)."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str
    fix: str = ""
    skipped: bool = False
    """Not looked at: what it needs is missing, which the check of the settings tells."""


@dataclass(frozen=True)
class Skip:
    """Why something was not looked at."""

    why: str


Look = Callable[[Settings], str | Skip]


def examine(settings: Settings) -> Iterator[Check]:
    """Every check in turn; a check that fails doesn't keep the next from running."""
    yield from _settings(settings)
    yield from _run(settings, [("store", _store), ("detections", _detections)])
    yield from examine_services(settings)
    token = settings.slack_bot_token
    yield from _run(settings, [("Slack messages", _with(token, "token", _messages))])
    if left := sites_with(services_of(settings), RouterName.OPSGENIE):
        yield _days_left(datetime.now(UTC), left if len(settings.sites) > 1 else [])


def services_of(settings: Settings) -> dict[str, set[str]]:
    """The on-call services of each site: as the settings have it, or as was applied since.

    While a site moves from one to another it has two.
    """
    applied = _applied(settings)
    return {site.name: applied.get(site.name) or {site.router} for site in settings.sites}


def sites_with(services: Mapping[str, set[str]], router: RouterName) -> list[str]:
    """The sites whose alarms go to an on-call service."""
    return [name for name, used in services.items() if router in used]


def _applied(settings: Settings) -> dict[str, set[str]]:
    """The same by the store alone; nothing where there is none yet, or it does not open."""
    import json

    from bot.sites import site_template
    from trailwatch.site_options import restored
    from trailwatch.store import site_config
    from trailwatch.store.database import open_database

    file = sqlite_file(settings.database_url)
    if file is not None and not file.exists():
        return {}
    found: dict[str, set[str]] = {}
    try:
        database = open_database(settings.database_url)
    except TrailwatchError:
        return {}  # the check of the store tells
    try:
        with database.reading() as tx:
            for site in settings.sites:
                if (kept := site_config.latest(tx, site.name)) is not None:
                    config = restored(site_template(settings, site), json.loads(kept.body))
                    found[site.name] = {config.router, config.beside} - {""}
    finally:
        database.close()
    return found


def examine_services(settings: Settings) -> Iterator[Check]:
    """The checks of Slack, AWS and Opsgenie: what keys and permissions are missing there."""
    token = settings.slack_bot_token
    app_token = settings.slack_app_token or settings.slack_mode != "socket"
    slack = (
        ("Slack", _with(token, "token", _slack)),
        ("Slack channel", _with(token, "token", _channel)),
        ("Slack Socket Mode", _with(app_token, "app-level token", _socket)),
    )
    services = services_of(settings)
    used = set().union(*services.values())
    on_call: list[tuple[str, Look]] = [("webhook address", partial(_public_url, used=used))]
    if sites_with(services, RouterName.OPSGENIE):
        key = settings.opsgenie_api_key
        setup_key = settings.opsgenie_setup_api_key or key
        on_call = [
            ("Opsgenie alerts", _with(key, "key", _opsgenie)),
            ("Opsgenie integrations", _with(setup_key, "key", _integrations)),
            *on_call,
        ]
    if sites_with(services, RouterName.JSM):
        jsm = _with(settings.jsm_api_token, "API token", _jsm)
        on_call = [("Jira Service Management", jsm), *on_call]
    yield from _run(settings, slack)
    yield from examine_sites(settings)
    yield from _run(settings, on_call)


def examine_sites(settings: Settings) -> Iterator[Check]:
    """The checks of each site: its channel, its account and its roles."""
    yield from _run(settings, _site_checks(settings))


def _with(key: str | bool, what: str, look: Look) -> Look:
    """The look, or where its key is missing none: the service's refusal would say less."""
    return look if key else lambda settings: Skip(f"not checked: no {what}")


def _run(settings: Settings, checks: Iterable[tuple[str, Look]]) -> Iterator[Check]:
    for name, look in checks:
        try:
            found = look(settings)
            if isinstance(found, Skip):
                yield Check(name, True, found.why, skipped=True)
            else:
                yield Check(name, True, found)
        except TrailwatchError as error:
            why = " ".join(part for part in (error.what, error.why) if part)
            yield Check(name, False, why, error.fix)


def _settings(settings: Settings) -> Iterator[Check]:
    try:
        require(settings)
    except ConfigError as error:
        for problem in error.problems:
            what, _, fix = problem.partition(": ")
            yield Check("settings", False, what, fix)
    else:
        yield Check("settings", True, "everything that is needed is set")


def _store(settings: Settings) -> str:
    from trailwatch.store.database import open_database

    file = sqlite_file(settings.database_url)
    if file is not None and not file.exists():
        if not os.access(file.absolute().parent, os.W_OK):
            raise ConfigError(
                f"The folder of {file} cannot be written.", fix="Name another file in DATABASE_URL."
            )
        return f"{file} will be made at the first start"
    database = open_database(settings.database_url)
    try:
        return f"{database.kind}, up to date"
    finally:
        database.close()


def _detections(settings: Settings) -> str:
    from trailwatch.detections import load_catalogue
    from trailwatch.detections.catalogue import OWN
    from trailwatch.detections.examples import wrong_examples

    folder = Path(settings.detections_folder) if settings.detections_folder else None
    catalogue = load_catalogue(folder)
    own = catalogue.packs.get(OWN, ())
    wrong = [id_ for id_ in own if any(wrong_examples(catalogue[id_]))]
    if wrong:
        raise ConfigError(
            f"Examples of {', '.join(wrong)} are not what the pattern does.",
            fix=f"See `trailwatch detections test {folder}`.",
        )
    of_yours = f", {len(own)} of your own with their examples" if own else ""
    return f"{len(catalogue)} in the catalogue{of_yours}"


def sqlite_file(url: str) -> Path | None:
    """The file that an address of SQLite names; None for any other address."""
    start = "sqlite:///"
    return Path(url.removeprefix(start)) if url.startswith(start) else None


def _slack(settings: Settings) -> str:
    from bot.slack_people import slack_errors

    client = _client(settings)
    found = slack_errors("auth.test", client.auth_test)
    return f"{found.get('user', '?')} in {found.get('team', '?')}"


def _channel(settings: Settings, site: SiteSettings | None = None) -> str:
    from bot.slack_people import slack_errors

    client = _client(settings)
    id_ = site.channel if site else settings.slack_channel
    found = slack_errors("conversations.info", lambda: client.conversations_info(channel=id_))
    channel = found["channel"]
    if not channel.get("is_member"):
        raise ConfigError(
            f"The bot is no member of #{channel.get('name', '?')}.",
            fix="Invite it: /invite @trailwatch",
        )
    return f"#{channel.get('name', '?')}, the bot is a member"


def _messages(settings: Settings) -> str:
    """Let Slack itself judge one example of each message (blocks.validate)."""
    from bot.slack_people import slack_errors
    from handlers.samples import messages

    client = _client(settings)
    examples = messages()
    for name, message in examples.items():
        blocks = [dict(block) for block in message.blocks]
        answer = slack_errors("blocks.validate", partial(client.blocks_validate, blocks=blocks))
        for problem in answer.get("errors") or ():
            raise ConfigError(
                f"Slack would refuse the message {name!r}.",
                f"{problem.get('message', '')} at {problem.get('pointer', '')}",
                "Report it: this is a bug.",
            )
    return f"Slack accepts all {len(examples)} kinds of messages"


def _socket(settings: Settings) -> str:
    from bot.slack_people import slack_errors

    if settings.slack_mode != "socket":
        return "not used: SLACK_MODE is http"
    client = _client(settings)
    slack_errors(
        "apps.connections.open",
        lambda: client.apps_connections_open(app_token=settings.slack_app_token),
    )
    return "the app-level token opens connections"


def _site_checks(
    settings: Settings,
) -> list[tuple[str, Look]]:
    """What each site needs; of several the name stands with the check's."""
    several = len(settings.sites) > 1
    token = settings.slack_bot_token
    found: list[tuple[str, Look]] = []
    for site in settings.sites:
        of = f" ({site.name})" if several else ""
        if site.channel != settings.slack_channel:
            look = _with(token, "token", partial(_channel, site=site))
            found.append((f"Slack channel{of}", look))
        found.append((f"AWS{of}", partial(_aws, site=site)))
        found.append((f"setup role{of}", partial(_setup_role, site=site)))
    return found


def _aws(settings: Settings, site: SiteSettings) -> str:
    from bot.clients import SiteClients

    account = SiteClients(settings).account(site.name)
    if site.account not in ("", account):
        raise ConfigError(
            f"The bot reads in account {account}, and setup builds in {site.account}.",
            "Its searches would find nothing of what was built.",
            f"Give the site {site.name} a role_arn in account {site.account}.",
        )
    how = f", by {site.role_arn}" if site.role_arn else ""
    return f"account {account} in {site.region}{how}"


def _setup_role(settings: Settings, site: SiteSettings) -> str:
    from bot.clients import SiteClients

    if not site.setup_role_arn:
        own = site.role_arn or "the bot's own credentials"
        return f"none set: setup uses {own}"
    aws = SiteClients(settings).building(site.name)
    return f"can be assumed, in account {aws.account()}"


def _opsgenie(settings: Settings) -> str:
    from trailwatch.routers.opsgenie import OpsgenieRouter

    found = OpsgenieRouter(settings.opsgenie_api_url, settings.opsgenie_api_key).list_open(limit=1)
    return f"reachable, {'an' if found else 'no'} alert of ours is open"


def _jsm(settings: Settings) -> str:
    from bot.routing import jsm_router

    found = jsm_router(settings).list_open(limit=1)
    return f"reachable, {'an' if found else 'no'} alert of ours is open"


def _integrations(settings: Settings) -> str:
    from bot.routing import integrations_of

    found = integrations_of(settings, attempts=1).list()
    return f"the key may configure; {len(found)} integrations exist"


def _public_url(settings: Settings, used: set[str]) -> str:
    calling = sorted(TITLES[RouterName(name)] for name in used if name != RouterName.DIRECT)
    if not settings.public_url and not calling:
        return "not used: alarms come by a queue"
    if not settings.public_url:
        raise ConfigError(
            f"{' and '.join(calling)} cannot reach the bot.",
            fix="Set TRAILWATCH_PUBLIC_URL to its https:// address.",
        )
    local = settings.public_url.startswith(("http://127.0.0.1", "http://localhost"))
    if not settings.public_url.startswith("https://") and not local:
        raise ConfigError(
            "TRAILWATCH_PUBLIC_URL is not https.",
            "The webhook's secret would travel in the clear.",
            "Put a proxy with a certificate before the bot.",
        )
    return settings.public_url


def _days_left(now: datetime, sites: Sequence[str]) -> Check:
    """sites: which still use it, where there are several; else none."""
    days = (OPSGENIE_ENDS.date() - now.date()).days
    fix = "Plan the move to Jira Service Management or to direct delivery: /trailwatch migrate."
    used = f", used by {', '.join(sites)}" if sites else ""
    left = f"{days} day{'' if days == 1 else 's'} until 2027-04-05"
    if days <= 0:
        ago = "today" if not days else f"{-days} day{'' if days == -1 else 's'} ago"
        left = f"its API ended {ago}, on 2027-04-05"
    return Check("Opsgenie's end", days > 0, f"{left}{used}", fix)


def _client(settings: Settings) -> WebClient:
    from slack_sdk import WebClient

    return WebClient(
        settings.slack_bot_token,
        base_url=settings.slack_api_base_url,
        timeout=10,
        retry_handlers=[],  # somebody waits for the answer, and can ask again
    )
