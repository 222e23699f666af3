"""Finds parts of a condition that can never hold, or hold for nearly every event; pure."""

from __future__ import annotations

from collections.abc import Iterator

from trailwatch.pattern.finding import Lint, Rule, exact_text, instead_of
from trailwatch.pattern.parse_json import all_of, any_of
from trailwatch.pattern.possible import always_holds, field_never_holds, never_holds
from trailwatch.pattern.printing import quote, selector_text, to_text
from trailwatch.pattern.regex import searcher
from trailwatch.pattern.syntax import (
    And,
    Compare,
    Condition,
    FieldsForm,
    NotExists,
    Op,
    Or,
    RegexForm,
    Selector,
    TermsForm,
    field_tests,
    tests,
)


def contradictions(root: Condition) -> Iterator[Lint]:
    for condition in _groups(root):
        if isinstance(condition, Or):
            found = list(_always(root, condition))
            if condition is root and not found:
                found = list(_nearly_always(condition))
            yield from found
        else:
            yield from _never(condition)


def _groups(condition: Condition) -> Iterator[And | Or]:
    if isinstance(condition, And | Or):
        yield condition
        for item in condition.items:
            yield from _groups(item)


def _always(root: Condition, group: Or) -> Iterator[Lint]:
    seen: dict[Selector, Compare] = {}
    for item in group.items:
        exact = exact_text(item, Op.NE)
        if exact is None or not isinstance(item, Compare):
            continue
        first = seen.setdefault(item.selector, item)
        if first is item or first.value == item.value:
            continue
        denied = [one for one in group.items if _is_negation_of(one, item.selector)]
        others = [one for one in group.items if not any(one is two for two in denied)]
        why = (
            f"{selector_text(item.selector)} always differs from one of the two texts, so this "
            "matches every event that has the field: write && between `!=`."
        )
        instead = any_of([*others, all_of(list(denied))])
        yield Lint(item.at, Rule.ALWAYS, why, instead_of(root, group, instead))
        return
    equal = {exact_text(item, Op.EQ) for item in group.items}
    for item in group.items:
        exact = exact_text(item, Op.NE)
        if exact is not None and exact in equal and isinstance(item, Compare):
            why = f"{selector_text(item.selector)} is equal to a text or not: this always matches."
            yield Lint(item.at, Rule.ALWAYS, why)


def _nearly_always(root: Or) -> Iterator[Lint]:
    """An alternative with `!=` beside others that look for something."""
    absent = {item.selector for item in root.items if isinstance(item, NotExists)}
    negations = [
        item
        for item in root.items
        if isinstance(item, Compare) and item.op is Op.NE and item.selector not in absent
    ]
    rest = [item for item in root.items if not any(item is one for one in negations)]
    if not negations or not rest:
        return
    why = "As an alternative, `!=` lets nearly every event match: write && before it."
    instead = all_of([any_of(rest), *negations])
    yield Lint(negations[0].at, Rule.ALWAYS, why, instead_of(root, root, instead))


def _is_negation_of(condition: Condition, selector: Selector) -> bool:
    return (
        isinstance(condition, Compare) and condition.op is Op.NE and condition.selector == selector
    )


def _never(group: And) -> Iterator[Lint]:
    absent = {item.selector for item in group.items if isinstance(item, NotExists)}
    wanted: dict[Selector, str] = {}
    denied = {exact_text(item, Op.NE) for item in group.items}
    for item in group.items:
        if isinstance(item, Compare) and item.selector in absent:
            field = selector_text(item.selector)
            why = f"{field} cannot be missing and be compared: no event matches."
            yield Lint(item.at, Rule.NEVER, why)
        exact = exact_text(item, Op.EQ)
        if exact is None or not isinstance(item, Compare):
            continue
        selector, text = exact
        if wanted.setdefault(selector, text) != text:
            why = (
                f"{selector_text(selector)} cannot be {quote(wanted[selector])} and {quote(text)} "
                "at once: no event matches. Write || between them."
            )
            yield Lint(item.at, Rule.NEVER, why)
        elif exact in denied:
            field = selector_text(selector)
            why = f"{field} cannot be {quote(text)} and not be it: no event matches."
            yield Lint(item.at, Rule.NEVER, why)


# What no rule above has a better reason for


def impossible(root: Condition, told: set[int]) -> Iterator[Lint]:
    """The smallest parts that no event satisfies, and what every event does; not what was told."""
    parts = [root, *(item for group in _groups(root) for item in group.items)]
    never = [part for part in parts if never_holds(part)]
    for part in never:
        if _is_news(part, told) and not any(_is_within(one, part) for one in never):
            why = f"{_fields_of(part)}: no event can satisfy this."
            yield Lint(_column(next(tests(part))), Rule.NEVER, why)
    for part in parts:
        if (part is root or isinstance(part, Or)) and _is_news(part, told) and always_holds(part):
            why = f"{_fields_of(part)}: every event satisfies this."
            yield Lint(_column(next(tests(part))), Rule.ALWAYS, why)
            return


def _is_within(part: Condition, whole: Condition) -> bool:
    if not isinstance(whole, And | Or):
        return False
    return any(part is item or _is_within(part, item) for item in whole.items)


def _is_news(part: Condition, told: set[int]) -> bool:
    return all(told.isdisjoint({_column(test), test.selector.at}) for test in tests(part))


def _fields_of(condition: Condition) -> str:
    names = dict.fromkeys(selector_text(test.selector) for test in tests(condition))
    return ", ".join(names)


def _column(test: Condition) -> int:
    if isinstance(test, Compare):
        return test.at
    assert not isinstance(test, And | Or)
    return test.selector.at


def other_forms(form: TermsForm | RegexForm | FieldsForm) -> Iterator[Lint]:
    """What is odd in a pattern that is not on JSON messages."""
    if isinstance(form, TermsForm):
        yield from _terms(form)
    elif isinstance(form, RegexForm):
        found = searcher(form.regex.source)
        if found("") and found("\ue000"):
            yield Lint(form.at, Rule.ALWAYS, "The expression has a match in every message.")
    elif not form.fields:
        yield Lint(0, Rule.ALWAYS, "Without a field this matches every message.")
    for field in form.fields if isinstance(form, FieldsForm) else ():
        if field.condition is not None and field_never_holds(field.condition):
            at = next(field_tests(field.condition)).at
            yield Lint(at, Rule.NEVER, f"{field.name}: no text can satisfy this.")


def _terms(form: TermsForm) -> Iterator[Lint]:
    if form == TermsForm():
        yield Lint(0, Rule.ALWAYS, "An empty pattern matches every message.")
    if form.optional and (form.required or form.excluded):
        names = ", ".join(f"?{text}" for text in form.optional)
        why = f"{names} has no effect beside terms without a question mark."
        instead = to_text(TermsForm(form.required, form.excluded))
        yield Lint(0, Rule.IGNORED_TERM, why, instead)
    for text in form.excluded:
        for needed in form.required:
            if text in needed:
                why = f"What contains {quote(needed)} contains {quote(text)}: no message matches."
                yield Lint(0, Rule.NEVER, why)
