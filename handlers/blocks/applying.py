"""Knows how a plan looks while and after it is applied: done, failed, not tried. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from handlers.blocks import kit
from handlers.blocks.changes import change_words
from handlers.blocks.errors import error_words
from handlers.blocks.kit import Block, Message, Word, code, esc, plain
from setup.change import Action, Change

if TYPE_CHECKING:
    from setup.apply import Progress
    from setup.plan import Plan

CANCEL = "plan.cancel"
AGAIN = "plan.again"
ROLLBACK = "plan.rollback"

_MOST_FAILURES = 5
_MOST_NAMED = 10
_BAR = 16
_DONE = {Action.CREATE: "created", Action.UPDATE: "changed", Action.DELETE: "deleted"}
_DOING = {Action.CREATE: "creating", Action.UPDATE: "changing", Action.DELETE: "deleting"}


def plan_progress(
    plan: Plan, progress: Sequence[Progress], by: str = "", *, cancelled_by: str = ""
) -> Message:
    """The plan while it is applied: how far it is, what is being done now, and a way to stop.

    `progress` has at most one entry a change; the newest state of each counts. `cancelled_by` is
    the name of whoever asked that it stops.
    """
    latest = {step.change.key: step for step in progress}
    total = len(plan.changes)
    done = sum(step.state == "done" for step in latest.values())
    now = [step.change for step in latest.values() if step.state == "doing"][-1:]
    filled = _BAR * done // total if total else _BAR
    bar = "█" * filled + "░" * (_BAR - filled)
    who = f" · started by {esc(by, 80)}" if by else ""
    word = f"Stopping, as {esc(cancelled_by, 80)} asked" if cancelled_by else "Applying"
    blocks = [
        kit.section(f":hourglass_flowing_sand: *{word}*: {done:,} of {total:,}\n{bar}"),
    ]
    doing = ""
    if now:
        what = f"{_DOING[now[0].action]} the {plain(now[0].label, 60)} "
        blocks.append(kit.rich_text(kit.words(what, (plain(now[0].name, 120), "code"))))
        doing = f", {_DOING[now[0].action]} the {esc(now[0].label, 60)} {esc(now[0].name, 120)}"
    blocks.append(kit.context(f"site {code(plan.site, 60)} · plan {code(plan.id, 20)}{who}"))
    if not cancelled_by and done < total:
        blocks.append(kit.actions(kit.button("Cancel", CANCEL, plan.id, confirm=_ask_to_stop())))
    text = f"{word.split(',')[0]} the plan for {esc(plan.site, 60)}: {done:,} of {total:,} done"
    return kit.message(f"{text}{doing}.", blocks)


def _ask_to_stop() -> Block:
    text = "The change in hand is finished, and what is done stays. The rest is not tried."
    return kit.confirm("Stop applying?", text, "Stop", "Go on", danger=True)


def plan_result(
    plan: Plan,
    progress: Sequence[Progress],
    by: str = "",
    *,
    resumed: bool = False,
    cancelled_by: str = "",
    why: str = "",
) -> Message:
    """What came of a plan: "Applied: 12 created, 1 changed, 0 deleted, 3 unchanged.".

    Where something failed the text starts with "Stopped", where somebody cancelled it with
    "Cancelled", and the message says what is done, what failed with why and what to do, and what
    was not tried. Changes of which `progress` says nothing count as not tried; of a `resumed`
    apply they count as done before.
    """
    latest = {step.change.key: step for step in progress}
    failed = [step for step in latest.values() if step.state == "failed"]
    states = {key: step.state for key, step in latest.items()}
    before = "done" if resumed else "not tried"
    reached = [(change, states.get(change.key, before)) for change in plan.changes]
    done = Counter(change.action for change, state in reached if state == "done")
    untried = [change for change, state in reached if state in ("not tried", "doing")]
    numbers = ", ".join(f"{done[action]:,} {word}" for action, word in _DONE.items())
    origin = f"site {code(plan.site, 60)} · plan {code(plan.id, 20)}"
    origin += f" · by {esc(by, 160)}" if by else ""
    origin += f" · why: {esc(why, 300)}" if why else ""
    if not failed and not untried:
        counts = f"{numbers}{unchanged(plan)}"
        nothing = " Nothing to change." if not plan.changes else ""
        return kit.message(
            f"Applied: {counts}.{nothing}",
            [
                kit.section(f":white_check_mark: *Applied*: {counts}.{nothing}"),
                kit.context(f"{origin} · {code('/trailwatch setup status')} shows what stands"),
            ],
        )
    counts = f"{numbers}, {len(failed):,} failed, {len(untried):,} not tried"
    word, picture = "Stopped", ":x:"
    if cancelled_by and not failed:
        word, picture = f"Cancelled by {esc(cancelled_by, 80)}", ":octagonal_sign:"
    blocks = [
        kit.section(f"{picture} *{word}*: {counts}{unchanged(plan)}."),
        *_failures(failed),
        *_not_tried(untried),
        kit.context(f"{origin} · what is done stays: plan the rest, or the way back"),
        _what_now(plan),
    ]
    why = " ".join(_failure_text(step) for step in failed[:_MOST_FAILURES])
    return kit.message(f"{word}: {counts}{unchanged(plan)}. {why}".strip(), blocks)


def unchanged(plan: Plan) -> str:
    """ ", 18 unchanged"; of a plan that looks at what drifted alone nothing is said of the rest."""
    return "" if plan.purpose == "restore" else f", {plan.unchanged:,} unchanged"


def _what_now(plan: Plan) -> Block:
    """Buttons that make new plans, which are looked at before anything is written."""
    back = kit.button("Plan the way back", ROLLBACK, plan.id)
    return kit.actions(
        kit.button("Plan the rest", AGAIN, plan.id, style="primary"),
        back if plan.purpose == "apply" else None,
    )


def _failures(failed: Sequence[Progress]) -> list[Block]:
    blocks = [_failure(step) for step in failed[:_MOST_FAILURES]]
    if len(failed) > _MOST_FAILURES:
        blocks.append(kit.context(f"… {len(failed) - _MOST_FAILURES:,} more failed"))
    return blocks


def _not_tried(untried: Sequence[Change]) -> list[Block]:
    if not untried:
        return []
    items = [change_words(change, kind=True) for change in untried[:_MOST_NAMED]]
    if len(untried) > _MOST_NAMED:
        items.append([(f"… {len(untried) - _MOST_NAMED:,} more", "italic")])
    return [kit.rich_text(kit.words(("Not tried", "bold")), kit.listing(items))]


def _failure(step: Progress) -> Block:
    heading: list[Word] = [("Failed: ", "bold"), *change_words(step.change, kind=True)]
    details = error_words(step.error) if step.error else []
    return kit.rich_text(kit.words(*heading), *details)


def _failure_text(step: Progress) -> str:
    name = f"{esc(step.change.label, 60)} {esc(step.change.name, 120)}"
    error = step.error
    parts = [error.what, error.why, error.fix] if error else []
    return f"Failed: {name}. " + " ".join(esc(part, 300) for part in parts if part)
