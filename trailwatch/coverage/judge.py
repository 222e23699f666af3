"""Judges the controls by meaning and by text, given the live filters; it reads no account.

By meaning: the control's labelled events are run through the live patterns. By text: what Prowler
and Security Hub look for in the pattern itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from trailwatch.coverage.controls import Control
from trailwatch.coverage.events import LabelledEvent, probes, variants
from trailwatch.pattern import Clause, Document, Pattern, PatternError, parse

MOST_LABELS = 50


class Verdict(StrEnum):
    """How far a control is met."""

    COVERED = "covered"
    EXCEPTIONS = "covered with exceptions"
    NOT_COVERED = "not covered"


@dataclass(frozen=True, slots=True)
class LiveFilter:
    """A metric filter as it stands, with what follows it.

    problems: why a match of it tells nobody, in sentences; () where somebody is told.
    delivered: whether a trail of all Regions feeds its log group. alarmed: whether any alarm
    watches its metric. patience: what it takes for the alarm, "" where one match is enough.
    """

    name: str
    log_group: str
    pattern: str
    alarms: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    delivered: bool = True
    alarmed: bool = True
    patience: str = ""


@dataclass(frozen=True, slots=True)
class Hidden:
    """Events of a control that set off no alarm, and the clause of a live pattern that hides them.

    events: what is special about each, at most 50 of `count`.
    """

    clause: str
    filter: str
    events: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True)
class TextVerdict:
    """Whether a scanner is content with the texts; `filter` is the one that it accepts."""

    scanner: str
    passes: bool
    filter: str = ""


@dataclass(frozen=True, slots=True)
class ControlCoverage:
    """A control beside what stands. tested: how many labelled events; reason: why not covered."""

    control: Control
    verdict: Verdict
    filters: tuple[str, ...]
    tested: int
    hidden: tuple[Hidden, ...] = ()
    reason: str = ""
    texts: tuple[TextVerdict, ...] = ()


@dataclass(frozen=True, slots=True)
class _Live:
    filter: LiveFilter
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class _Event:
    label: str
    document: Document
    plain: bool
    """Whether it is one of the control's own examples or event names, nothing special about it."""


def judge(
    controls: Sequence[Control], filters: Sequence[LiveFilter]
) -> tuple[ControlCoverage, ...]:
    """Each control beside the live filters, in the controls' order."""
    live = [_Live(one, pattern) for one in filters if (pattern := _read(one.pattern)) is not None]
    return tuple(_judge(control, filters, live) for control in controls)


def _read(text: str) -> Pattern | None:
    try:
        return parse(text)
    except PatternError:
        return None


def _judge(
    control: Control, filters: Sequence[LiveFilter], live: Sequence[_Live]
) -> ControlCoverage:
    telling = [one for one in live if not one.filter.problems]
    plain = _plain(control)
    met = {one.filter.name: len(_matched(one, plain)) for one in telling}
    relevant = sorted(
        (one for one in telling if met[one.filter.name]),
        key=lambda one: -met[one.filter.name],
    )
    events = _all_events(control, plain, relevant)
    told = {one.filter.name: _matched(one, events) for one in telling}
    seen = frozenset().union(*told.values()) if told else frozenset()
    known = sum(1 for number, event in enumerate(events) if event.plain and number in seen)
    texts = _texts(control, filters)
    if 2 * known < len(plain):
        reason = _reason(control, live, known, len(plain))
        return ControlCoverage(
            control, Verdict.NOT_COVERED, (), len(events), reason=reason, texts=texts
        )
    names = tuple(one.filter.name for one in relevant)
    # The filter that meets most of its events speaks for what is hidden.
    hidden = _hidden(events, seen, relevant, told) + _late(events, told, relevant)
    verdict = Verdict.EXCEPTIONS if hidden else Verdict.COVERED
    return ControlCoverage(control, verdict, names, len(events), hidden, texts=texts)


def _plain(control: Control) -> list[_Event]:
    """The control's own examples, and one event for each name that it prescribes."""
    names = len(control.detection.examples.matches)
    found: dict[str, _Event] = {}
    prescribed = parse(control.detection.pattern)
    for number, event in enumerate(variants(control.detection)):
        document = Document.of(event.message)
        plain = number < names or " " not in event.label
        if plain and prescribed.matches(document):
            found.setdefault(event.message, _Event(event.label, document, plain=True))
    return list(found.values())


def _all_events(
    control: Control, plain: Sequence[_Event], relevant: Sequence[_Live]
) -> list[_Event]:
    """What the prescribed pattern matches: the plain events, their variants and the probes."""
    prescribed = parse(control.detection.pattern)
    found = {event.document.message: event for event in plain}

    def add(events: Iterator[LabelledEvent]) -> None:
        for event in events:
            document = Document.of(event.message)
            if event.message not in found and prescribed.matches(document):
                found[event.message] = _Event(event.label, document, plain=False)

    add(variants(control.detection))
    for one in relevant:
        add(probes(control.detection, one.pattern))
    return list(found.values())


def _matched(one: _Live, events: Sequence[_Event]) -> frozenset[int]:
    """The numbers of the events that a live pattern matches."""
    return frozenset(n for n, event in enumerate(events) if one.pattern.matches(event.document))


def _hidden(
    events: Sequence[_Event],
    seen: frozenset[int],
    relevant: Sequence[_Live],
    told: Mapping[str, frozenset[int]],
) -> tuple[Hidden, ...]:
    """The events that no alarm tells, by the clause that hides them in the nearest filter."""
    if not relevant:
        return ()
    nearest = relevant[0]
    grouped: dict[str, list[str]] = {}
    for number, event in enumerate(events):
        if number not in seen:
            clause = "; ".join(_hiding(nearest.pattern.explain(event.document)))
            grouped.setdefault(clause, []).append(event.label)
    return tuple(
        Hidden(clause, nearest.filter.name, tuple(labels[:MOST_LABELS]), len(labels))
        for clause, labels in grouped.items()
    )


def _hiding(clause: Clause) -> Iterator[str]:
    """The parts of a pattern that don't hold, in words that don't depend on the event."""
    if clause.holds:
        return
    if not clause.parts:
        yield clause.text
    elif "at least one" in clause.text:
        first, *rest = clause.parts
        more = f" or one of {len(rest)} more" if rest else ""
        yield f"{first.text}{more}"
    else:
        for part in clause.parts:
            yield from _hiding(part)


def _late(
    events: Sequence[_Event],
    told: Mapping[str, frozenset[int]],
    relevant: Sequence[_Live],
) -> tuple[Hidden, ...]:
    """Events of which one alone sets off no alarm, since every alarm for it waits for more."""
    at_once = {
        number for one in relevant if not one.filter.patience for number in told[one.filter.name]
    }
    found = []
    for one in relevant:
        waiting = sorted(told[one.filter.name] - at_once)
        if one.filter.patience and waiting:
            labels = tuple(events[number].label for number in waiting[:MOST_LABELS])
            found.append(Hidden(one.filter.patience, one.filter.name, labels, len(waiting)))
            at_once |= set(waiting)
    return tuple(found)


def _reason(control: Control, live: Sequence[_Live], known: int, plain: int) -> str:
    """Why a control is not covered, in one or two sentences."""
    mute = [
        one
        for one in live
        if one.filter.problems
        and any(one.pattern.matches(event.document) for event in _plain(control))
    ]
    if mute:
        first = mute[0].filter
        return f"{first.name} matches, but tells nobody: {' '.join(first.problems)}"
    if known:
        verb = "sets" if known == 1 else "set"
        return f"Only {known} of its {plain} kinds of events {verb} off an alarm."
    return "No live filter matches its events."


def _texts(control: Control, filters: Sequence[LiveFilter]) -> tuple[TextVerdict, ...]:
    """Prowler: an accepted text in a trail's group, with an alarm on its metric. Security Hub: the
    prescribed text, blanks aside, from a trail of all Regions to somebody who is told."""
    prescribed = _bare(control.detection.pattern)
    prowler = (one for one in filters if one.alarmed and control.rule.accepts(one.pattern))
    verdicts = [_text("Prowler", next(prowler, None))]
    if control.hub:
        hub = (one for one in filters if not one.problems and _bare(one.pattern) == prescribed)
        verdicts.append(_text("Security Hub", next(hub, None)))
    return tuple(verdicts)


def _text(scanner: str, accepted: LiveFilter | None) -> TextVerdict:
    return TextVerdict(scanner, accepted is not None, accepted.name if accepted else "")


def _bare(text: str) -> str:
    return "".join(text.split())
