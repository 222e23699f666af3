"""Knows how App Home looks: what fires, how the pipeline is, who did what. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from handlers.blocks import kit
from handlers.blocks.alert import severity_emoji, state_words, where
from handlers.blocks.alert_menu import ACKNOWLEDGE, EVENTS, is_acknowledged
from handlers.blocks.audit import AuditRow, audit_table
from handlers.blocks.kit import Block, Word, count, date, esc, plain
from trailwatch.alert import Alert

_MOST_ALERTS = 10
_MOST_ROWS = 15
_MOST_AUDIT = 5
_MAY_ACT = ("responder", "admin")
_PICTURE = {
    "ok": "large_green_circle",
    "warning": "large_yellow_circle",
    "bad": "red_circle",
    "unknown": "white_circle",
}


@dataclass(frozen=True)
class PipelineRow:
    """One part of the pipeline and how it is; `fix` says what mends it."""

    name: str
    state: Literal["ok", "warning", "bad", "unknown"]
    detail: str = ""
    fix: str = ""


@dataclass(frozen=True)
class HomeState:
    """What one person sees in Home. `role` is the word of their role."""

    user: str
    role: str
    open_alerts: Sequence[Alert] = ()
    open_total: int = 0
    """How many are open in all, where `open_alerts` are only the first of them."""
    pipeline: Sequence[PipelineRow] = ()
    audit: Sequence[AuditRow] = ()
    sandbox: bool = False
    next_digest: datetime | None = None
    services: Sequence[str] = ()
    """What the on-call services are called; () where there is none."""


def home_view(state: HomeState) -> Block:
    """The view for views.publish."""
    blocks = [
        *_top(state),
        *_alerts(state),
        kit.divider(),
        *_pipeline(state),
        *_audit(state),
        kit.divider(),
        kit.context("`/trailwatch help` lists every command"),
    ]
    return {"type": "home", "blocks": list(kit.within(blocks, kit.VIEW_BLOCKS))}


def _top(state: HomeState) -> list[Block]:
    parts = [f":bust_in_silhouette: {esc(state.user, 80)}, {esc(state.role, 20)}"]
    if state.next_digest is not None:
        parts.append(f":sunrise: next digest {date(state.next_digest)}")
    if state.sandbox:
        parts.append(
            f":information_source: *Sandbox*: {_listed(('AWS', 'Slack', *state.services))} are "
            "stand-ins"
        )
    return [kit.header(":satellite_antenna: trailwatch"), kit.context(" · ".join(parts))]


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _alerts(state: HomeState) -> list[Block]:
    total = max(state.open_total, len(state.open_alerts))
    if not total:
        return [kit.section(":white_check_mark: *Nothing is open.* All quiet.")]
    blocks = [kit.section(f"*{count(total, 'open alert')}*")]
    for alert in state.open_alerts[:_MOST_ALERTS]:
        blocks.append(kit.section(_alert_line(alert)))
        if state.role in _MAY_ACT:
            blocks.append(_alert_buttons(alert))
    left = total - min(len(state.open_alerts), _MOST_ALERTS)
    if left > 0:
        blocks.append(kit.context(f"… {count(left, 'more open alert')}"))
    return blocks


def _alert_line(alert: Alert) -> str:
    detail = [state_words(alert), where(alert), f"since {date(alert.first_seen)}"]
    if is_acknowledged(alert) and alert.acknowledged_by:
        detail.append(f"by {esc(alert.shown(alert.acknowledged_by), 80)}")
    if alert.count > 1:
        detail.append(f"{alert.count:,} times")
    title = f":{severity_emoji(alert)}: *{esc(alert.severity, 20)}* {esc(alert.title, 150)}"
    return f"{title}\n{' · '.join(part for part in detail if part)}"


def _alert_buttons(alert: Alert) -> Block:
    take = None
    if not is_acknowledged(alert) and not alert.pending:
        take = kit.button("Acknowledge", ACKNOWLEDGE, alert.id, style="primary")
    return kit.actions(take, kit.button("Show events", EVENTS, alert.id))


def _pipeline(state: HomeState) -> list[Block]:
    if not state.pipeline:
        line = "*Pipeline*: nothing is set up yet. `/trailwatch setup plan` shows what would be."
        return [kit.section(line)]
    order = {"bad": 0, "warning": 1, "unknown": 2, "ok": 3}
    rows = sorted(state.pipeline, key=lambda row: order.get(row.state, 0))
    items = [_pipeline_words(row) for row in rows[:_MOST_ROWS]]
    if len(rows) > _MOST_ROWS:
        items.append([(f"… {len(rows) - _MOST_ROWS:,} more", "italic")])
    parts = [kit.words(("Pipeline", "bold")), kit.listing(items)]
    return [kit.rich_text(*parts)]


def _pipeline_words(row: PipelineRow) -> list[Word]:
    picture = kit.emoji(_PICTURE.get(row.state, "white_circle"))
    words: list[Word] = [picture, " ", (plain(row.name, 60), "bold")]
    if row.detail:
        words.append(f"  {plain(row.detail, 160)}")
    if row.fix and row.state != "ok":
        words += ["  ", kit.emoji("bulb"), f" {plain(row.fix, 160)}"]
    return words


def _audit(state: HomeState) -> list[Block]:
    if not state.audit:
        return []
    return [kit.section("*Lately*"), audit_table(state.audit[:_MOST_AUDIT])]
