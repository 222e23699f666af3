"""The command line: the only place that turns errors into words and an exit code.

Exit codes: 0 all is well, 1 something was found, 2 usage or settings, 3 a provider failed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trailwatch.errors import ConfigError, NotFound, ProviderError, TrailwatchError, UsageError
from trailwatch.site_options import ROUTERS

if TYPE_CHECKING:
    from bot.settings import Settings
    from bot.site_settings import SiteSettings

OK, FOUND, USAGE, PROVIDER = 0, 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. Errors say what, why and how to mend it."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except ConfigError as error:
        _complain(error)
        for problem in error.problems:
            print(f"  - {problem}", file=sys.stderr)
        return USAGE
    except (UsageError, NotFound) as error:
        _complain(error)
        return USAGE
    except ProviderError as error:
        _complain(error)
        return PROVIDER
    except TrailwatchError as error:
        _complain(error)
        return FOUND
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def _complain(error: TrailwatchError) -> None:
    for part in (error.what, error.why, error.fix):
        if part:
            print(part, file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="trailwatch", description="CloudTrail alarms, built, tuned and answered in Slack."
    )
    parser.add_argument("--version", action="version", version=f"trailwatch {_version()}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _serving(commands)
    _documents(commands)
    _patterns(commands)
    _backtest(commands)
    _detections(commands)
    _coverage(commands)
    _lint(commands)
    _export(commands)
    _oncall(commands)
    return parser


def _version() -> str:
    """The installed version. Platforms that install the locks alone run the tree as it is."""
    try:
        return version("trailwatch")
    except PackageNotFoundError:
        return "(not installed)"


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        help="a trailwatch.toml; by default the one in this folder, where there is one",
    )


def _serving(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    serve = commands.add_parser("serve", help="run the bot")
    _config(serve)
    serve.add_argument(
        "--no-local-state",
        action="store_true",
        help="refuse SQLite: for platforms that lose the disk on a restart",
    )
    serve.set_defaults(run=_serve)
    doctor = commands.add_parser(
        "doctor", help="check settings, Slack, AWS, the on-call service and the store"
    )
    _config(doctor)
    doctor.set_defaults(run=_doctor)
    sandbox = commands.add_parser(
        "sandbox", help="run everything on stand-ins: no accounts, loopback only"
    )
    sandbox.add_argument("--port", type=int, default=8787, help="of the page; 0 takes a free one")
    sandbox.add_argument("--speed", type=float, default=1.0, help="how much faster time passes")
    sandbox.add_argument(
        "--replay",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="CloudTrail files to play",
    )
    sandbox.add_argument(
        "--sites", type=int, default=1, help="how many accounts there are; 2 adds the site stage"
    )
    sandbox.add_argument(
        "--router", choices=ROUTERS, default=ROUTERS[0], help="who is told of alarms"
    )
    sandbox.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the bot by its variable; more of them, each with --set",
    )
    sandbox.add_argument("--headless", action="store_true", help="open no browser")
    sandbox.add_argument("--state", type=Path, help="a folder that keeps the state; else fresh")
    sandbox.set_defaults(run=_sandbox)


def _documents(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    manifest = commands.add_parser("manifest", help="print the Slack app's manifest (JSON)")
    manifest.add_argument("--http", action="store_true", help="for SLACK_MODE=http")
    manifest.add_argument("--url", default="", help="the bot's public address, with --http")
    manifest.add_argument(
        "--thread-notes", action="store_true", help="for TRAILWATCH_THREAD_NOTES=yes"
    )
    manifest.set_defaults(run=_manifest)
    permissions = commands.add_parser(
        "permissions", help="print the least IAM policies that setup and running need (JSON)"
    )
    permissions.add_argument(
        "which", nargs="?", choices=("setup", "run", "both", "trust", "lint"), default="both"
    )
    permissions.add_argument("--site", default="", help="of [sites.NAME]; else the first")
    permissions.add_argument(
        "--principal", default="", help="ARN of the bot's identity, for the roles' trust policies"
    )
    permissions.add_argument("--account", default="", help="twelve digits; else any account")
    permissions.add_argument(
        "--set", metavar="NAME=VALUE,…", default="", help="options of the site, as in setup plan"
    )
    _config(permissions)
    permissions.set_defaults(run=_permissions)


def _patterns(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from bot.pattern_cli import add_parser

    add_parser(commands)


def _detections(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from bot.detections_cli import add_parser

    add_parser(commands)


def _coverage(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from bot.coverage_cli import add_parser

    add_parser(commands)


def _oncall(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from bot.oncall_cli import add_parser

    add_parser(commands)


def _export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from bot.export_cli import add_parser

    add_parser(commands)


def _lint(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from bot.lint_cli import add_parser

    add_parser(commands)


def _backtest(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from bot.backtest_cli import add_parser

    add_parser(commands)


def _serve(options: argparse.Namespace) -> int:
    from bot.app import serve

    settings = _settings(options)
    if options.no_local_state and settings.database_url.startswith("sqlite"):
        raise ConfigError(
            "The bot cannot start.",
            problems=(
                "DATABASE_URL is missing: this platform loses its disk on a restart, so the state "
                "has to be in PostgreSQL (postgresql://…).",
            ),
        )
    return serve(settings)


def _doctor(options: argparse.Namespace) -> int:
    from bot.doctor import examine

    healthy = True
    for check in examine(_settings(options)):
        healthy = healthy and check.ok
        word = "skip" if check.skipped else "ok  " if check.ok else "FAIL"
        print(f"{word}  {check.name}: {check.detail}")
        if check.fix and not check.ok:
            print(f"      {check.fix}")
    return OK if healthy else FOUND


def _sandbox(options: argparse.Namespace) -> int:
    try:
        from sandbox.run import run_sandbox
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"The sandbox needs {error.name}, which is not installed.",
            fix="pip install 'trailwatch[sandbox]'",
        ) from error
    from setup.actions import incoming_actions

    if options.speed <= 0:
        raise UsageError("--speed must be more than 0.")
    return run_sandbox(
        port=options.port,
        speed=options.speed,
        replay=tuple(options.replay),
        headless=options.headless,
        state=options.state,
        sites=options.sites,
        router=options.router,
        by_hand=incoming_actions("main", auto_close=False),
        settings=_settings_given(options.set),
    )


def _settings_given(words: Sequence[str]) -> dict[str, str]:
    from bot.settings import SETTINGS

    pairs = [word.partition("=") for word in words]
    known = {setting.env for setting in SETTINGS}
    for name, equals, _ in pairs:
        if not equals or name not in known:
            raise UsageError(
                f"--set {name}: no such setting.", fix="NAME=VALUE, names as in docs/settings.md"
            )
    return {name: value for name, _, value in pairs}


def _manifest(options: argparse.Namespace) -> int:
    from bot.manifest import manifest

    if options.http and not options.url:
        raise UsageError("--http needs --url, where Slack reaches the bot.")
    made = manifest(
        socket_mode=not options.http, public_url=options.url, thread_notes=options.thread_notes
    )
    print(json.dumps(made, indent=2))
    return OK


def _permissions(options: argparse.Namespace) -> int:
    if options.which == "lint":
        from setup.lint.live import NEEDS
        from setup.permissions import policy_for

        print(json.dumps(policy_for(NEEDS), indent=2))
        return OK
    from bot.clients import SiteClients
    from bot.sites import site_template
    from setup.permissions import SETUP_ROLE, run_policy, setup_policy
    from trailwatch.site_options import changed, written

    settings = _settings(options)
    site = SiteClients(settings).site(options.site)
    first = site is settings.sites[0]
    account = options.account or ("" if first else site.account) or "*"
    config = site_template(settings, site, account)
    config = changed(config, written(options.set)) if options.set else config
    role = site.setup_role_arn.partition(":role/")[2] or SETUP_ROLE
    others = [
        arn for one in settings.sites[1:] for arn in (one.role_arn, one.setup_role_arn) if arn
    ]
    documents = {
        "setup": setup_policy(config, role),
        "run": run_policy(config, role, others) if first else run_policy(config, ""),
    }
    if options.which == "trust":
        documents = _trust(site, options.principal)
    chosen = documents.get(options.which, documents)
    print(json.dumps(chosen, indent=2))
    return OK


def _trust(site: SiteSettings, principal: str) -> dict[str, Any]:
    """The trust policies of a site's roles; raises UsageError."""
    from setup.permissions import setup_trust

    if not principal:
        raise UsageError(
            "trust needs --principal, the ARN of the bot's identity.",
            fix="aws sts get-caller-identity shows it; of a role's session name the role.",
        )
    found = {"setup": setup_trust(principal, site.setup_role[1])}
    if site.role_arn:
        found["run"] = setup_trust(principal, site.external_id)
    return found


def _settings(options: argparse.Namespace) -> Settings:
    from bot.settings import settings_here

    return settings_here(options.config)


if __name__ == "__main__":
    sys.exit(main())
