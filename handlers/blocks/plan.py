"""Knows how a setup plan looks while it is offered, and once it is void. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from handlers.blocks import kit
from handlers.blocks.applying import AGAIN, unchanged
from handlers.blocks.changes import change_blocks, diff_words, leaves_out
from handlers.blocks.kit import (
    Block,
    Message,
    Word,
    code,
    count,
    date,
    esc,
    label,
    plain,
    utc,
    visible,
)
from setup.change import Action, FieldDiff
from trailwatch.errors import StalePlan, TrailwatchError

if TYPE_CHECKING:
    from setup.cost import Cost
    from setup.plan import Plan

APPLY = "plan.apply"
DESTROY = "plan.destroy"
DISCARD = "plan.discard"

_MOST_COSTS = 12
_MOST_NOTES = 8
_MOST_THEIRS = 5
_MOST_CHOSEN = 12
_VALUE = 200
_MOST_MISSING = 20
_TITLES = {
    "apply": (":clipboard:", "Setup plan"),
    "destroy": (":wastebasket:", "Destroy plan"),
    "restore": (":adhesive_bandage:", "Restore plan"),
}


def plan_message(
    plan: Plan,
    requested_by: str,
    *,
    why: str = "",
    second_person: bool = False,
    chosen: Sequence[tuple[str, str, str]] = (),
) -> Message:
    """A plan with what it would do and cost, and the buttons that apply or discard it.

    `requested_by` is the name of who asked, `why` the reason they gave. A plan without changes
    offers no buttons. `second_person`: somebody else than who asked has to approve it. `chosen`:
    what it would set otherwise than it is, with name, old and new value.
    """
    if plan.empty:
        return _nothing_to_do(plan, requested_by, chosen)
    picture, title = _TITLES.get(plan.purpose, _TITLES["apply"])
    blocks = [
        kit.header(f"{picture} {title}: {_headline(plan)}"),
        kit.context(_origin(plan, requested_by)),
        *_reason(why),
        *_chosen(chosen),
        *_warnings(plan),
        *_theirs(plan),
        *change_blocks(plan.changes),
        *_where_all(plan),
        *_cost(plan.cost),
        *_notes(plan),
        *_second(requested_by, second_person),
        _buttons(plan),
    ]
    warned = f"{esc(_warned(plan), 400)} " if _warned(plan) else ""
    text = (
        f"{title} for {esc(plan.site, 60)}: {to_do(plan)}"
        f"{unchanged(plan)}. {_cost_sentence(plan.cost)} "
        f"{warned}Asked by {esc(requested_by, 80)}, expires at {utc(plan.expires_at)}."
    )
    return kit.message(text, blocks)


def _reason(why: str) -> list[Block]:
    return [kit.rich_text(kit.words(("Why: ", "bold"), plain(why, 500)))] if why else []


def _chosen(chosen: Sequence[tuple[str, str, str]]) -> list[Block]:
    """The options that the plan brings with it, each with what it is now, "" for not yet."""
    if not chosen:
        return []
    items: list[list[Word]] = [
        diff_words(FieldDiff(name, old, new), _VALUE)
        if old
        else [f"{plain(name, 80)}: ", (plain(new, _VALUE), "code")]
        for name, old, new in chosen[:_MOST_CHOSEN]
    ]
    if len(chosen) > len(items):
        items.append([(f"… {count(len(chosen) - len(items), 'more option')}", "italic")])
    heading = kit.words(kit.emoji("gear"), " ", ("It sets", "bold"))
    return [kit.rich_text(heading, kit.listing(items))]


def _where_all(plan: Plan) -> list[Block]:
    if not leaves_out(plan.changes):
        return []
    return [kit.context(":speech_balloon: every change, field by field, is in the thread")]


def _second(by: str, second_person: bool) -> list[Block]:
    if not second_person:
        return []
    return [kit.context(f":busts_in_silhouette: another admin than {esc(by, 80)} has to approve")]


def _indented(text: str) -> str:
    """JSON text with its indentation, and nothing hidden in it."""
    lines = text[:10_000].split("\n")
    return "\n".join(" " * (len(x) - len(x.lstrip(" "))) + visible(x.strip()) for x in lines)


def _settings_alone(
    plan: Plan, by: str, chosen: Sequence[tuple[str, str, str]], what: str
) -> Message:
    """A plan that changes nothing in AWS, but what the bot goes by: names of offices, say."""
    blocks = [
        kit.section(f":gear: *Only settings change*: {what}."),
        kit.context(_origin(plan, by)),
        *_chosen(chosen),
        *_notes(plan),
        _buttons(plan),
    ]
    names = ", ".join(esc(name, 60) for name, _, _ in chosen[:_MOST_CHOSEN])
    return kit.message(f"Only settings change in {esc(plan.site, 60)}: {names}; {what}.", blocks)


def _nothing_to_do(plan: Plan, by: str, chosen: Sequence[tuple[str, str, str]]) -> Message:
    what = f"{count(plan.unchanged, 'resource is', 'resources are')} as wanted"
    if plan.purpose == "destroy":
        what = "nothing is left that trailwatch made"
    if chosen:
        return _settings_alone(plan, by, chosen, what)
    blocks = [
        kit.section(f":white_check_mark: *Nothing to change*: {what}."),
        kit.context(f"site {code(plan.site, 60)} · asked by {esc(by, 80)}"),
        *_notes(plan),
    ]
    return kit.message(f"Nothing to change in {esc(plan.site, 60)}: {what}.", blocks)


def to_do(plan: Plan) -> str:
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
    parts.append(f"plan {code(plan.id, 20)}")
    return " · ".join(parts)


def _buttons(plan: Plan) -> Block:
    discard = kit.button("Discard", DISCARD, plan.id)
    if plan.purpose == "destroy":
        # A dialog asks for the site's name.
        return kit.actions(kit.button("Destroy…", DESTROY, plan.id, style="danger"), discard)
    ask = kit.confirm(
        "Apply this plan?",
        f"{to_do(plan)} in {label(plan.site, 60)}. {_warned(plan)}What stands is compared once "
        "more, and nothing is written if it has changed since the plan was made.",
        "Apply",
        "Not now",
    )
    return kit.actions(kit.button("Apply", APPLY, plan.id, style="primary", confirm=ask), discard)


def _warned(plan: Plan) -> str:
    """What whoever applies it should know, as plain text; "" for nothing."""
    missing = len(plan.checks.missing)
    said = f"{count(missing, 'IAM action')} missing: it will stop there. " if missing else ""
    theirs = [f"{one.label} {one.name}" for one in plan.changes if one.owner]
    if not theirs:
        return said
    more = f" and {len(theirs) - 3} more" if len(theirs) > 3 else ""
    names = ", ".join(label(name, 60) for name in theirs[:3])
    return f"{said}It changes what is not ours: {names}{more}. "


def _theirs(plan: Plan) -> list[Block]:
    """Changes of what belongs to others: named, with whose it seems to be."""
    theirs = [change for change in plan.changes if change.owner]
    blocks = [
        kit.section(
            f":warning: *Changes a thing that is not ours*: {esc(one.label, 60)} "
            f"{code(one.name, 120)}, {esc(one.owner, 160)}. Whoever owns it may put it back."
        )
        for one in theirs[:_MOST_THEIRS]
    ]
    more = len(theirs) - len(blocks)
    return [*blocks, kit.context(f"… {count(more, 'more thing')} not ours")] if more else blocks


def _warnings(plan: Plan) -> list[Block]:
    """What an apply may stumble over, with the policy that mends it."""
    checks = plan.checks
    blocks = [kit.section(f":warning: {esc(warning, 500)}") for warning in checks.warnings[:5]]
    if checks.missing:
        names = [code(action, 80) for action in checks.missing[:_MOST_MISSING]]
        more = len(checks.missing) - len(names)
        names += [f"{more} more"] if more else []
        blocks.append(
            kit.section(
                f":warning: *The setup role lacks {count(len(checks.missing), 'IAM action')}*: "
                f"{', '.join(names)}. Add this to its policy, or Apply stops there:"
            )
        )
        blocks.append(kit.rich_text(kit.lines(_indented(checks.grant), 2500)))
    return blocks


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
    notes = [f":information_source: {esc(note, 400)}" for note in plan.notes[:_MOST_NOTES]]
    if len(plan.notes) > _MOST_NOTES:
        notes.append(f"… {count(len(plan.notes) - _MOST_NOTES, 'more note')}")
    blocks = [kit.context(kit.fit_lines(notes))] if notes else []
    if plan.permissions and not plan.empty:
        blocks.append(kit.context(f":key: {_rights(plan)}"))
    return blocks


def _rights(plan: Plan) -> str:
    """Which rights it needs, and whether the setup role has them."""
    needs = f"needs {count(len(plan.permissions), 'IAM action')}"
    if plan.checks.missing:
        return f"{needs}; {len(plan.checks.missing)} are missing, see above"
    if plan.checks.unchecked:
        why = esc(plan.checks.unchecked, 300)
        return (
            f"{needs}; whether they are there could not be checked ({why}): "
            "`trailwatch permissions` prints the policy"
        )
    return f"{needs}, and the setup role has them"


# A plan that is over without having been applied


def plan_discarded(plan: Plan, by: str, at: datetime) -> Message:
    """The plan's message after somebody discarded it."""
    who = f"by {esc(by, 80)} {date(at)}"
    return _void(plan, ":no_entry_sign:", "Discarded", who, "Nothing written.", again=False)


def plan_stale(plan: Plan, error: TrailwatchError | None = None) -> Message:
    """The plan's message after an apply found that the world had moved."""
    parts = (error.what, error.why) if error else ()
    if error and not isinstance(error, StalePlan):
        parts = (*parts, error.fix)  # of a stale plan it is the button
    why = " ".join(esc(part, 300) for part in parts if part)
    return _void(
        plan,
        ":arrows_counterclockwise:",
        "Out of date",
        why or "What stands has changed since the plan was made.",
        "Nothing was written.",
    )


def plan_expired(plan: Plan) -> Message:
    """The plan's message after its time ran out."""
    return _void(
        plan,
        ":hourglass:",
        "Expired",
        f"{date(plan.expires_at)}",
        "Nothing was written.",
    )


def _void(
    plan: Plan, picture: str, word: str, why: str, then: str, *, again: bool = True
) -> Message:
    line = " ".join(part for part in (f"{picture} *{word}*", why) if part)
    blocks = [
        kit.section(f"{line}\n{then}"),
        kit.context(f"site {code(plan.site, 60)} · plan {code(plan.id, 20)} · {to_do(plan)}"),
    ]
    if again:
        blocks.append(kit.actions(kit.button("Plan again", AGAIN, plan.id)))
    return kit.message(f"Plan for {esc(plan.site, 60)}: {word.lower()}. {why} {then}", blocks)
