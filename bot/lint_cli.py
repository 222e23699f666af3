"""`trailwatch lint`: pipelines in templates, plans and accounts, judged; it changes nothing.

Exit codes: 0 nothing to mend, 1 errors (with --strict also warnings), 2 a file cannot be read.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trailwatch.errors import UsageError

if TYPE_CHECKING:
    from setup.lint.chain import Chain
    from setup.lint.rule import Finding

OK, FOUND = 0, 1
STDIN = "-"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `lint` to the command line."""
    about = (
        "what is wrong with CloudTrail alarms in CloudFormation templates, Terraform plans "
        "(terraform show -json) and *.tf.json files; with --live in an account"
    )
    lint = commands.add_parser("lint", help=about, description=about)
    lint.add_argument("files", nargs="*", metavar="FILE", help="what to check; - is stdin")
    lint.add_argument("--format", choices=("text", "json", "sarif"), default="text")
    lint.add_argument("--strict", action="store_true", help="warnings fail, too")
    lint.add_argument("--live", action="store_true", help="check what stands in a site's account")
    lint.add_argument("--site", default="", help="with --live: one of the settings; else the first")
    lint.add_argument("--config", type=Path, help="with --live: a trailwatch.toml, as for `serve`")
    lint.set_defaults(run=_lint)


def _lint(options: argparse.Namespace) -> int:
    from setup.lint.rules import judge

    if bool(options.files) == options.live:
        raise UsageError("Name files to check, or --live for what stands in the account.")
    chains = [_live(options)] if options.live else [_chain(file) for file in options.files]
    found = {chain.source: judge(chain) for chain in chains}
    if options.format == "sarif":
        from setup.lint.sarif import sarif

        print(json.dumps(sarif(found, _version()), indent=2))
    elif options.format == "json":
        print(json.dumps([_as_json(file, one) for file in found for one in found[file]], indent=2))
    else:
        print("\n".join(as_text(found)))
        _tell_limits(chains)
    failing = ("error", "warning") if options.strict else ("error",)
    bad = any(one.severity in failing for findings in found.values() for one in findings)
    return FOUND if bad else OK


def _chain(file: str) -> Chain:
    from setup.lint.file import chain_in

    try:
        data = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}.") from error
    return chain_in(data, "stdin" if file == STDIN else _relative(file))


def _relative(file: str) -> str:
    """The path as code scanning wants it: relative to here, with slashes."""
    path = Path(file).absolute()
    here = Path.cwd()
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()


def _live(options: argparse.Namespace) -> Chain:
    from bot.clients import SiteClients
    from bot.settings import settings_here
    from setup.clients import Clients, NoSecrets
    from setup.lint.live import chain_of_site
    from trailwatch.clock import utc_now
    from trailwatch.site import Site, partition_of

    sites = SiteClients(settings_here(options.config))
    site = sites.site(options.site)
    aws = sites.building(options.site)
    full = Site(site.name, aws.account(), site.region, partition_of(site.region))
    return chain_of_site(full, Clients(aws, None, NoSecrets()), utc_now)


def as_text(found: Mapping[str, Sequence[Finding]]) -> Iterator[str]:
    """Each finding with its place, then how many there are of each severity."""
    counts = {"error": 0, "warning": 0, "note": 0}
    for file, findings in found.items():
        for one in findings:
            counts[one.severity] += 1
            where = f":{one.place.line}:{one.place.column}" if one.place.line else ""
            named = f" ({one.address})" if one.address and one.address not in one.message else ""
            yield f"{file}{where}: {one.severity} {one.rule.id}: {one.message}{named}"
            yield f"    {one.rule.why}"
            yield f"    Mend: {one.mend}"
    total = ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for word, n in counts.items() if n)
    yield f"{total}." if total else "Nothing to mend."


def _tell_limits(chains: Sequence[Chain]) -> None:
    """Say on standard error what could not be judged."""
    for chain in chains:
        if chain.empty:
            print(f"{chain.source}: nothing of a CloudTrail pipeline is in it.", file=sys.stderr)
        for one in chain.unread:
            print(f"{chain.source}: not looked at: {one}.", file=sys.stderr)


def _as_json(file: str, one: Finding) -> dict[str, Any]:
    return {
        "file": file,
        "line": one.place.line or None,
        "column": one.place.column or None,
        "rule": one.rule.id,
        "severity": one.severity.value,
        "title": one.rule.title,
        "kind": one.kind,
        "name": one.name,
        "address": one.address or None,
        "message": one.message,
        "why": one.rule.why,
        "mend": one.mend,
        "source": one.rule.source,
    }


def _version() -> str:
    """The installed version; platforms that install the locks alone have none."""
    try:
        return version("trailwatch")
    except PackageNotFoundError:
        return "0.0.0"
