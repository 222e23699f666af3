"""Knows how applied plans look afterwards: a list of them, and one with what became of it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from handlers.blocks import kit
from handlers.blocks.applying import ROLLBACK
from handlers.blocks.changes import change_blocks
from handlers.blocks.kit import Block, Message, Word, code, count, date, esc, label, plain
from setup.change import Action

if TYPE_CHECKING:
    from setup.plan import Plan

_MOST_FAILED = 10
_WORDS = {Action.CREATE: "created", Action.UPDATE: "changed", Action.DELETE: "deleted"}


@dataclass(frozen=True)
class PlanEntry:
    """A plan with who, when, why, and what became of each change.

    `ended` says how far it came: "applied", "failed", "cancelled", or a state before that.
    `outcome`: (state, error) of a change by its key; empty where it isn't known.
    """

    plan: Plan
    ended: str
    proposed_by: str
    approved_by: str = ""
    approved_at: datetime | None = None
    cancelled_by: str = ""
    why: str = ""
    outcome: Mapping[str, tuple[str, str]] | None = None

    @property
    def counts(self) -> str:
        """ "12 created, 1 changed": what was done, or what it was to do."""
        outcome = self.outcome
        if outcome is None:
            done = Counter(change.action for change in self.plan.changes)
        else:
            done = Counter(
                change.action
                for change in self.plan.changes
                if outcome.get(change.key, ("", ""))[0] == "done"
            )
        parts = [f"{done[action]:,} {word}" for action, word in _WORDS.items() if done[action]]
        return ", ".join(parts) or "nothing"


def history_message(entries: Sequence[PlanEntry], site: str) -> Message:
    """The applied plans of a site, the last one first; its number leads back before it."""
    if not entries:
        text = f"No plan was applied to {esc(site, 60)} yet."
        return kit.message(text, [kit.section(text)])
    rows = [
        [
            str(number),
            plain(entry.plan.id, 20),
            _when(entry),
            _what(entry),
            _who(entry),
            plain(entry.why, 200) if entry.why else "",
        ]
        for number, entry in enumerate(entries, start=1)
    ]
    head = ["#", "Plan", "When (UTC)", "What", "Who", "Why"]
    text = f"{count(len(entries), 'applied plan')} of {esc(site, 60)}, the last one first."
    return kit.message(
        text,
        [
            kit.section(f"*{text}*"),
            kit.table(head, rows, wrap=(2, 3, 4, 5), right=(0,)),
            kit.context(
                f"One in full: {code(f'/trailwatch setup history {entries[0].plan.id}')} · back to "
                f"before the last one: {code('/trailwatch setup rollback 1')}"
            ),
        ],
    )


def _when(entry: PlanEntry) -> str:
    at = entry.approved_at or entry.plan.created_at
    return f"{at:%Y-%m-%d %H:%M}"


def _what(entry: PlanEntry) -> str:
    """ "pack cis, failed: 3 created"; that it was applied goes without saying."""
    purpose = plain(entry.plan.purpose, 20)
    what = f"pack {plain(entry.plan.pack, 40)}" if purpose == "apply" else purpose
    how = "" if entry.ended == "applied" else f", {plain(entry.ended, 20)}"
    return f"{what}{how}: {entry.counts}"


def _who(entry: PlanEntry) -> str:
    """One name for who proposed and approved it alone."""
    if not entry.approved_by or entry.approved_by == entry.proposed_by:
        return plain(entry.proposed_by, 60)
    return f"{plain(entry.proposed_by, 60)}; approved by {plain(entry.approved_by, 60)}"


def plan_entry(entry: PlanEntry) -> Message:
    """One plan again: who, when, why, its changes, and what became of them."""
    plan = entry.plan
    title = f"Plan {label(plan.id, 20)} for {label(plan.site, 60)}: {label(entry.ended, 20)}"
    blocks: list[Block] = [
        kit.header(title),
        kit.context(" · ".join(_facts(entry))),
        *(
            [kit.rich_text(kit.words(("Why: ", "bold"), plain(entry.why, 500)))]
            if entry.why
            else []
        ),
        *_not_done(entry),
        *change_blocks(plan.changes),
    ]
    notes = [f":information_source: {esc(note, 400)}" for note in plan.notes[:8]]
    notes += [f":warning: {esc(warning, 400)}" for warning in plan.checks.warnings[:5]]
    if notes:
        blocks.append(kit.context(kit.fit_lines(notes)))
    if plan.purpose == "apply" and entry.ended in ("applied", "failed", "cancelled"):
        blocks.append(kit.actions(kit.button("Plan the way back", ROLLBACK, plan.id)))
    return kit.message(f"{esc(title, 200)}, {entry.counts}.", blocks)


def _facts(entry: PlanEntry) -> list[str]:
    plan = entry.plan
    facts = [f"pack {code(plan.pack, 60)}", f"{plan.unchanged:,} unchanged"]
    facts.append(f"proposed by {esc(entry.proposed_by, 80)} {date(plan.created_at)}")
    if entry.approved_by and entry.approved_at:
        facts.append(f"approved by {esc(entry.approved_by, 80)} {date(entry.approved_at)}")
    if entry.cancelled_by:
        facts.append(f"cancelled by {esc(entry.cancelled_by, 80)}")
    facts.append(f"{entry.counts} of {count(len(plan.changes), 'change')}")
    facts.append(f"${plan.cost.before:,.2f} → ${plan.cost.after:,.2f} a month, estimated")
    return facts


def _not_done(entry: PlanEntry) -> list[Block]:
    """The changes that failed, with their errors, and those that were not tried."""
    if entry.outcome is None:
        return []
    failed: list[list[Word]] = []
    untried = 0
    for change in entry.plan.changes:
        state, error = entry.outcome.get(change.key, ("", ""))
        if state == "failed":
            name: Word = (plain(change.name, 120), "code")
            failed.append([f"{plain(change.label, 60)} ", name, f": {plain(error, 400)}"])
        untried += state == "not tried"
    blocks = []
    if failed:
        more = len(failed) - _MOST_FAILED
        items = failed[:_MOST_FAILED] + ([[f"… {more} more"]] if more > 0 else [])
        blocks.append(kit.rich_text(kit.words(("Failed", "bold")), kit.listing(items)))
    if untried and entry.ended in ("failed", "cancelled"):
        blocks.append(kit.context(f"{count(untried, 'change')} not tried"))
    return blocks
