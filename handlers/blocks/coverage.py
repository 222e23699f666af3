"""Knows how the coverage of CIS and Security Hub looks: a table, then the gaps. Judges none."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.blocks import kit
from handlers.blocks.kit import Message, code, count, esc, plain
from trailwatch.coverage import ControlCoverage, Hidden, Verdict

SHOWN_GAPS = 12
SHOWN_HIDDEN = 3
SHOWN_EVENTS = 3
MARKS = {
    Verdict.COVERED: "✅ covered",
    Verdict.EXCEPTIONS: "🟡 with exceptions",
    Verdict.NOT_COVERED: "❌ not covered",
}
HEAD = ("Control", "CIS", "Security Hub", "By meaning", "Prowler's text", "Security Hub's text")


def coverage_message(site: str, found: Sequence[ControlCoverage], notes: Sequence[str]) -> Message:
    """Each control by meaning and by text, side by side; then every gap with its reason."""
    totals = ", ".join(
        f"{sum(one.verdict is verdict for one in found)} {verdict}" for verdict in Verdict
    )
    text = f"Coverage of {esc(site, 60)}: {totals}."
    blocks = [
        kit.header(f"Coverage of {kit.label(site, 60)}"),
        kit.section(f"{count(len(found), 'control')} of CIS and Security Hub: {totals}."),
        kit.table(HEAD, [_row(one) for one in found], wrap=(0,)),
    ]
    gaps = [one for one in found if one.verdict is not Verdict.COVERED]
    if gaps:
        lines = [line for one in gaps[:SHOWN_GAPS] for line in _gap(one)]
        blocks.append(kit.section(kit.fit_lines(lines, hint="trailwatch coverage lists all")))
    if len(gaps) > SHOWN_GAPS:
        blocks.append(kit.context(f"… {count(len(gaps) - SHOWN_GAPS, 'more control')}"))
    blocks.extend(kit.context(f":warning: {esc(note, 300)}") for note in notes[:5])
    blocks.append(kit.context("CIS: the numbers of CIS AWS Foundations 1.4 to 5.0."))
    return kit.message(text, blocks)


def _row(one: ControlCoverage) -> list[str]:
    passes = {text.scanner: text.passes for text in one.texts}
    texts = [_passes(passes.get(scanner)) for scanner in ("Prowler", "Security Hub")]
    control = one.control
    return [plain(control.title, 80), control.number, control.hub, MARKS[one.verdict], *texts]


def _passes(passes: bool | None) -> str:
    return "–" if passes is None else "✅ passes" if passes else "❌ fails"


def _gap(one: ControlCoverage) -> list[str]:
    """The lines on a control that is not wholly covered."""
    title = f"*{esc(one.control.number, 8)} {esc(one.control.title, 80)}*"
    if one.verdict is Verdict.NOT_COVERED:
        return [f"{title}: {esc(one.reason, 300)}"]
    shown = [_hidden(hidden) for hidden in one.hidden[:SHOWN_HIDDEN]]
    more = len(one.hidden) - len(shown)
    if more > 0:
        shown.append(f"• … {count(more, 'more exception')}")
    return [f"{title}: told, except", *shown]


def _hidden(hidden: Hidden) -> str:
    events = ", ".join(esc(event, 60) for event in hidden.events[:SHOWN_EVENTS])
    more = hidden.count - min(len(hidden.events), SHOWN_EVENTS)
    more_text = f" and {more} more" if more > 0 else ""
    return f"• {events}{more_text}: {code(hidden.filter, 80)} asks that {esc(hidden.clause, 200)}"
