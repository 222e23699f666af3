"""Knows how a setup plan looks: offered, being applied, done, failed or void. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from handlers.blocks import kit
from handlers.blocks.changes import change_blocks, change_words
from handlers.blocks.errors import error_words
from handlers.blocks.kit import Block, Message, Word, code, count, date, esc, label, plain, utc
from setup.change import Action

if TYPE_CHECKING:
    from setup.apply import Progress
    from setup.cost import Cost
    from setup.plan import Plan
    from trailwatch.errors import TrailwatchError

APPLY = "plan.apply"
DISCARD = "plan.discard"

_MOST_COSTS = 12
_MOST_FAILURES = 5
_MOST_NAMED = 10
_BAR = 16
_AGAIN = "/trailwatch setup plan"
_DONE = {Action.CREATE: "created", Action.UPDATE: "changed", Action.DELETE: "deleted"}
_DOING = {Action.CREATE: "creating", Action.UPDATE: "changing", Action.DELETE: "deleting"}


def plan_message(plan: Plan, requested_by: str) -> Message:
    """A plan with what it would do and cost, and the buttons that apply or discard it.

    `requested_by` is the name of who asked. A plan without changes offers no buttons.
    """
    if plan.empty:
        return _nothing_to_do(plan, requested_by)
    destroys = plan.purpose == "destroy"
    title = ":wastebasket: Destroy plan" if destroys else ":clipboard: Setup plan"
    blocks = [
        kit.header(f"{title}: {_headline(plan)}"),
        kit.context(_origin(plan, requested_by)),
        *change_blocks(plan.changes),
        *_cost(plan.cost),
        *_notes(plan),
        _buttons(plan, destroys),
    ]
    text = (
        f"{'Destroy' if destroys else 'Setup'} plan for {esc(plan.site, 60)}: {_to_do(plan)}, "
        f"{plan.unchanged:,} unchanged. {_cost_sentence(plan.cost)} "
        f"Asked by {esc(requested_by, 80)}, expires at {utc(plan.expires_at)}."
    )
    return kit.message(text, blocks)


def _nothing_to_do(plan: Plan, by: str) -> Message:
    what = f"{count(plan.unchanged, 'resource is', 'resources are')} as wanted"
    if plan.purpose == "destroy":
        what = "nothing is left that trailwatch made"
    blocks = [
        kit.section(f":white_check_mark: *Nothing to change*: {what}."),
        kit.context(f"site {code(plan.site, 60)} · asked by {esc(by, 80)}"),
        *_notes(plan),
    ]
    return kit.message(f"Nothing to change in {esc(plan.site, 60)}: {what}.", blocks)


def _to_do(plan: Plan) -> str:
    """ "22 to create, 1 to change, 0 to delete"."""
    return (
        f"{plan.count(Action.CREATE):,} to create, {plan.count(Action.UPDATE):,} to change, "
        f"{plan.count(Action.DELETE):,} to delete"
    )


def _headline(plan: Plan) -> str:
    """What there is to do, without what there isn't: phones are narrow."""
    words = {Action.CREATE: "create", Action.UPDATE: "change", Action.DELETE: "delete"}
    numbers = ((plan.count(action), word) for action, word in words.items())
    return ", ".join(f"{number:,} to {word}" for number, word in numbers if number)


def _origin(plan: Plan, by: str) -> str:
    parts = [f"site {code(plan.site, 60)}", f"pack {code(plan.pack, 60)}"]
    if plan.unchanged:
        parts.append(f"{plan.unchanged:,} unchanged")
    parts += [f"asked by {esc(by, 80)}", f"expires {date(plan.expires_at)}"]
    return " · ".join(parts)


def _buttons(plan: Plan, destroys: bool) -> Block:
    word = "Destroy" if destroys else "Apply"
    ask = kit.confirm(
        f"{word} this plan?",
        f"{_to_do(plan)} in {label(plan.site, 60)}. What stands is compared once more, and "
        "nothing is written if it has changed since the plan was made.",
        word,
        "Not now",
        danger=destroys,
    )
    return kit.actions(
        kit.button(word, APPLY, plan.id, style="danger" if destroys else "primary", confirm=ask),
        kit.button("Discard", DISCARD, plan.id),
    )


# Cost, permissions, notes


def _cost(cost: Cost) -> list[Block]:
    """The estimate of a month: the sum, then what it is made of."""
    blocks = [kit.section(f":moneybag: *{_cost_sentence(cost)}*")]
    rows = [
        [plain(line.what, 80), _usd(line.monthly), plain(line.note, 160)]
        for line in sorted(cost.lines, key=lambda line: -line.monthly)[:_MOST_COSTS]
    ]
    if rows:
        blocks.append(kit.table(["Part", "A month", "Note"], rows, wrap=(0, 2), right=(1,)))
    left = len(cost.lines) - len(rows)
    notes = [esc(note, 300) for note in cost.notes[:4]]
    if left > 0:
        notes.insert(0, f"… {count(left, 'smaller part')}")
    if notes:
        blocks.append(kit.context(" · ".join(notes)))
    return blocks


def _cost_sentence(cost: Cost) -> str:
    after = _usd(cost.after)
    after = f"About {after}" if after.startswith("$") else after.capitalize()
    if cost.before == cost.after:
        return f"{after} a month, as before."
    return f"{after} a month, now {_usd(cost.before)}."


def _usd(amount: Decimal) -> str:
    """ "$4.37"; small amounts are not shown as nothing."""
    if 0 < amount < Decimal("0.01"):
        return "under $0.01"
    return f"${amount:,.2f}"


def _notes(plan: Plan) -> list[Block]:
    """What is left alone, and which rights are needed."""
    notes = [f":information_source: {esc(note, 300)}" for note in plan.notes[:5]]
    if plan.permissions and not plan.empty:
        notes.append(
            f":key: needs {count(len(plan.permissions), 'IAM action')}, used by the setup role "
            "alone: `trailwatch permissions` prints the policy"
        )
    return [kit.context(kit.fit_lines(notes))] if notes else []


# While and after it is applied


def plan_progress(plan: Plan, progress: Sequence[Progress], by: str = "") -> Message:
    """The plan while it is applied: how far it is and what is being done now.

    `progress` has at most one entry a change; the newest state of each counts.
    """
    latest = {step.change.key: step for step in progress}
    total = len(plan.changes)
    done = sum(step.state == "done" for step in latest.values())
    now = [step.change for step in latest.values() if step.state == "doing"][-1:]
    filled = _BAR * done // total if total else _BAR
    bar = "█" * filled + "░" * (_BAR - filled)
    who = f" · started by {esc(by, 80)}" if by else ""
    blocks = [
        kit.section(f":hourglass_flowing_sand: *Applying*: {done:,} of {total:,}\n{bar}"),
    ]
    doing = ""
    if now:
        what = f"{_DOING[now[0].action]} the {plain(now[0].label, 60)} "
        blocks.append(kit.rich_text(kit.words(what, (plain(now[0].name, 120), "code"))))
        doing = f", {_DOING[now[0].action]} the {esc(now[0].label, 60)} {esc(now[0].name, 120)}"
    blocks.append(kit.context(f"site {code(plan.site, 60)}{who}"))
    text = f"Applying the plan for {esc(plan.site, 60)}: {done:,} of {total:,} done{doing}."
    return kit.message(text, blocks)


def plan_result(
    plan: Plan, progress: Sequence[Progress], by: str = "", *, resumed: bool = False
) -> Message:
    """What came of a plan: "Applied: 12 created, 1 changed, 0 deleted, 3 unchanged.".

    Where something failed the text starts with "Stopped", and the message says what is done,
    what failed with why and what to do, and what was not tried. Changes of which `progress` says
    nothing count as not tried; of a `resumed` apply they count as done before.
    """
    latest = {step.change.key: step for step in progress}
    failed = [step for step in latest.values() if step.state == "failed"]
    states = {key: step.state for key, step in latest.items()}
    before = "done" if resumed else "not tried"
    reached = [(change, states.get(change.key, before)) for change in plan.changes]
    done = Counter(change.action for change, state in reached if state == "done")
    untried = [change for change, state in reached if state in ("not tried", "doing")]
    numbers = ", ".join(f"{done[action]:,} {word}" for action, word in _DONE.items())
    origin = f"site {code(plan.site, 60)}{f' · by {esc(by, 80)}' if by else ''}"
    if not failed and not untried:
        counts = f"{numbers}, {plan.unchanged:,} unchanged"
        nothing = " Nothing to change." if not plan.changes else ""
        return kit.message(
            f"Applied: {counts}.{nothing}",
            [
                kit.section(f":white_check_mark: *Applied*: {counts}.{nothing}"),
                kit.context(f"{origin} · {code('/trailwatch setup status')} shows what stands"),
            ],
        )
    counts = f"{numbers}, {len(failed):,} failed, {len(untried):,} not tried"
    blocks = [kit.section(f":x: *Stopped*: {counts}, {plan.unchanged:,} unchanged.")]
    blocks += [_failure(step) for step in failed[:_MOST_FAILURES]]
    if len(failed) > _MOST_FAILURES:
        blocks.append(kit.context(f"… {len(failed) - _MOST_FAILURES:,} more failed"))
    if untried:
        items = [change_words(change, kind=True) for change in untried[:_MOST_NAMED]]
        if len(untried) > _MOST_NAMED:
            items.append([(f"… {len(untried) - _MOST_NAMED:,} more", "italic")])
        blocks.append(kit.rich_text(kit.words(("Not tried", "bold")), kit.listing(items)))
    blocks.append(
        kit.context(f"{origin} · what is done stays: {code(_AGAIN)} and Apply do the rest")
    )
    why = " ".join(_failure_text(step) for step in failed[:_MOST_FAILURES])
    return kit.message(f"Stopped: {counts}, {plan.unchanged:,} unchanged. {why}".strip(), blocks)


def _failure(step: Progress) -> Block:
    heading: list[Word] = [("Failed: ", "bold"), *change_words(step.change, kind=True)]
    details = error_words(step.error) if step.error else []
    return kit.rich_text(kit.words(*heading), *details)


def _failure_text(step: Progress) -> str:
    name = f"{esc(step.change.label, 60)} {esc(step.change.name, 120)}"
    error = step.error
    parts = [error.what, error.why, error.fix] if error else []
    return f"Failed: {name}. " + " ".join(esc(part, 300) for part in parts if part)


# A plan that is over without having been applied


def plan_discarded(plan: Plan, by: str, at: datetime) -> Message:
    """The plan's message after somebody discarded it."""
    return _void(
        plan, ":no_entry_sign:", "Discarded", f"by {esc(by, 80)}", f"{date(at)}", "Nothing written."
    )


def plan_stale(plan: Plan, error: TrailwatchError | None = None) -> Message:
    """The plan's message after an apply found that the world had moved."""
    why = " ".join(esc(part, 300) for part in (error.what, error.why) if part) if error else ""
    return _void(
        plan,
        ":arrows_counterclockwise:",
        "Out of date",
        why or "What stands has changed since the plan was made.",
        "",
        f"Nothing was written: ask again with {code(_AGAIN)}.",
    )


def plan_expired(plan: Plan) -> Message:
    """The plan's message after its time ran out."""
    return _void(
        plan,
        ":hourglass:",
        "Expired",
        f"{date(plan.expires_at)}",
        "",
        f"Nothing was written: ask again with {code(_AGAIN)}.",
    )


def _void(plan: Plan, picture: str, word: str, why: str, when: str, then: str) -> Message:
    line = " ".join(part for part in (f"{picture} *{word}*", why, when) if part)
    blocks = [
        kit.section(f"{line}\n{then}"),
        kit.context(f"site {code(plan.site, 60)} · it was: {_to_do(plan)}"),
    ]
    return kit.message(f"Plan for {esc(plan.site, 60)}: {word.lower()}. {why} {then}", blocks)
