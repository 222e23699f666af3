"""Knows how the list of sites looks: one row each, what cannot be reached below with its fix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from handlers.blocks import kit
from handlers.blocks.kit import Message, code, count, esc, plain
from trailwatch.errors import TrailwatchError


@dataclass(frozen=True)
class SiteRow:
    """A site as it was found. account, account_name: "" where not known.

    reads, builds: the role that is assumed for it, "" for the bot's own credentials; plan: the
    state of its newest plan and when it was made; channel: a Slack channel's id.
    """

    name: str
    account: str
    account_name: str
    region: str
    pack: str
    channel: str
    reads: str = ""
    builds: str = ""
    plan: str = ""
    plan_at: datetime | None = None
    problems: tuple[TrailwatchError, ...] = ()


def sites_message(rows: Sequence[SiteRow]) -> Message:
    """All sites, the default first."""
    cells = [
        [
            plain(row.name, 40) + (" (default)" if number == 0 and len(rows) > 1 else ""),
            _account(row),
            plain(row.region, 30),
            plain(row.pack, 40),
            _plan(row),
            _reached(row),
        ]
        for number, row in enumerate(rows)
    ]
    blocks = [
        kit.section(f":satellite_antenna: *{count(len(rows), 'site')}*"),
        kit.table(
            ["Site", "Account", "Region", "Pack", "Last plan", "Reached"], cells, wrap=(1, 5)
        ),
    ]
    channels = {row.name: row.channel for row in rows}
    if len(set(channels.values())) > 1:
        shown = " · ".join(f"{code(name, 40)} <#{id_}>" for name, id_ in channels.items() if id_)
        blocks.append(kit.context(f"Alerts go to: {shown}"))
    bad = [(row, error) for row in rows for error in row.problems]
    for row, error in bad[:10]:
        words = " ".join(esc(part, 500) for part in (error.what, error.why, error.fix) if part)
        blocks.append(kit.section(f":warning: *{esc(row.name, 40)}*: {words}"))
    names = ", ".join(esc(row.name, 40) for row in rows[:20])
    wrong = "; ".join(f"{esc(row.name, 40)}: {esc(error.what, 200)}" for row, error in bad[:5])
    text = f"{count(len(rows), 'site')}: {names}."
    return kit.message(f"{text} {wrong}".rstrip(), blocks)


def _account(row: SiteRow) -> str:
    name = plain(row.account_name, 40) if row.account_name != row.name else ""
    account = plain(row.account, 20) if row.account else ""
    return " · ".join(part for part in (name, account) if part) or "not known"


def _plan(row: SiteRow) -> str:
    if not row.plan:
        return "none"
    at = f", {row.plan_at.astimezone(UTC):%b %-d %H:%M}" if row.plan_at else ""
    return f"{plain(row.plan, 20)}{at}"


def _reached(row: SiteRow) -> str:
    roles = list(dict.fromkeys(_short(arn) for arn in (row.reads, row.builds)))
    how = " and ".join(roles)
    return f"✗ {how}" if row.problems else f"ok, by {how}"


def _short(arn: str) -> str:
    return f"role {plain(arn.rpartition('/')[2], 64)}" if arn else "the bot's own credentials"
