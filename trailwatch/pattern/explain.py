"""Says in plain English what a pattern asks for, and of one message which parts hold; pure.

The words are for people; whether a part holds is asked of the functions that match.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from trailwatch.pattern import fields
from trailwatch.pattern.document import Document, Node
from trailwatch.pattern.finding import exact_text
from trailwatch.pattern.match import condition_test
from trailwatch.pattern.number import JsonNumber
from trailwatch.pattern.printing import quote, selector_text, value_text
from trailwatch.pattern.regex import searcher
from trailwatch.pattern.selectors import MISSING, children_finder, finder
from trailwatch.pattern.syntax import (
    And,
    Compare,
    Condition,
    Field,
    FieldAnd,
    FieldCondition,
    FieldOr,
    FieldsForm,
    FieldTest,
    Is,
    JsonForm,
    NotExists,
    NumberLiteral,
    Op,
    Or,
    RegexForm,
    RegexLiteral,
    Selector,
    Syntax,
    TermsForm,
    Value,
)

MAX_SHOWN = 80
"""How many characters of a value found in a message are shown."""

_MANY = 3
"""So many texts for one field are told in one clause."""

_ORDER = {Op.LT: "less than", Op.LE: "at most", Op.GT: "more than", Op.GE: "at least"}


@dataclass(frozen=True, slots=True)
class Clause:
    """One part of a pattern in English.

    holds: whether it is true of the message, None without a message.
    found: what the message has there, "" where there is nothing to say.
    """

    text: str
    holds: bool | None = None
    found: str = ""
    parts: tuple[Clause, ...] = ()

    def lines(self, depth: int = 0) -> Iterator[str]:
        """The clause and its parts as lines of plain text, indented by two blanks a level."""
        mark = "" if self.holds is None else "[yes] " if self.holds else "[no] "
        colon = ":" if self.parts else ""
        found = f" (found {self.found})" if self.found else ""
        bullet = "- " if depth else ""
        yield f"{'  ' * (depth - 1)}{bullet}{mark}{self.text}{found}{colon}"
        for part in self.parts:
            yield from part.lines(depth + 1)

    def because(self) -> Clause:
        """The clause with only what made it hold: of alternatives, those that do."""
        if not self.holds:
            return self
        kept = tuple(part.because() for part in self.parts if part.holds)
        left = len(self.parts) - len(kept)
        if left:
            words = "another does not hold" if left == 1 else f"{left} others do not hold"
            kept = (*kept, Clause(words))
        return replace(self, parts=kept)


def explain(syntax: Syntax, document: Document | None = None) -> Clause:
    """What a pattern asks for, clause by clause; with a document, also what holds of it."""
    if isinstance(syntax, JsonForm):
        return _json(syntax.condition, document)
    if isinstance(syntax, FieldsForm):
        return _fields(syntax, document)
    if isinstance(syntax, RegexForm):
        text = f"The message has a match of the regular expression {syntax.regex.source}"
        found = searcher(syntax.regex.source)
        return Clause(text, None if document is None else found(document.message))
    return _terms(syntax, document)


# JSON


def _json(condition: Condition, document: Document | None) -> Clause:
    start = "The message is one JSON object in which "
    if document is not None and document.root is None:
        clause = _condition(condition, None)
        found = "something else"
        return Clause(f"{start}{_inner(clause)}", False, found, _parts(clause))
    root = None if document is None else document.root
    clause = _condition(condition, root)
    return Clause(f"{start}{_inner(clause)}", clause.holds, "", _parts(clause))


def _inner(clause: Clause) -> str:
    return clause.text if clause.parts else "this holds"


def _parts(clause: Clause) -> tuple[Clause, ...]:
    return clause.parts or (clause,)


def _condition(condition: Condition, root: dict[str, Node] | None) -> Clause:
    holds = None if root is None else condition_test(condition)(root)
    if isinstance(condition, Compare | Is | NotExists):
        found = "" if root is None else _found(condition, root)
        return Clause(_test_text(condition), holds, found)
    parts = tuple(_joined(condition, root))
    if len(parts) == 1:
        return parts[0]
    text = "all of these hold" if isinstance(condition, And) else "at least one of these holds"
    return Clause(text, holds, "", parts)


def _joined(condition: And | Or, root: dict[str, Node] | None) -> Iterator[Clause]:
    """The parts of a condition; of one field's alternatives, or exclusions, one for all."""
    op = Op.EQ if isinstance(condition, Or) else Op.NE
    fields: dict[Selector, list[Compare]] = {}
    for item in condition.items:
        if isinstance(item, Compare) and exact_text(item, op) is not None:
            fields.setdefault(item.selector, []).append(item)
    for item in condition.items:
        alike = fields.get(item.selector, []) if isinstance(item, Compare) else []
        if len(alike) < _MANY or not any(item is one for one in alike):
            yield _condition(item, root)
        elif alike[0] is item:
            yield _list(alike, op, root)


def _list(tests: list[Compare], op: Op, root: dict[str, Node] | None) -> Clause:
    """One clause for several texts that a field may be equal to, or must differ from."""
    whole = Or(tuple(tests)) if op is Op.EQ else And(tuple(tests))
    holds = None if root is None else condition_test(whole)(root)
    found = "" if root is None else _found(tests[0], root)
    field = selector_text(tests[0].selector).removeprefix("$.")
    texts = ", ".join(value_text(test.value) for test in tests)
    verb = "is one of" if op is Op.EQ else "is there and is none of"
    return Clause(f"{field} {verb} {texts}", holds, found)


def _test_text(test: Compare | Is | NotExists) -> str:
    field = selector_text(test.selector).removeprefix("$.")
    if isinstance(test, NotExists):
        return f"{field} is missing"
    several = bool(test.selector.wildcards)
    if isinstance(test, Is):
        return f"{'at least one ' if several else ''}{field} is {test.kind.lower()}"
    if test.op is Op.NE:
        if several:
            return f"no {field} {_value_text(Op.EQ, test.value)}"
        return f"{field} is there and {_value_text(Op.NE, test.value)}"
    return f"{'at least one ' if several else ''}{field} {_value_text(test.op, test.value)}"


def _value_text(op: Op, value: Value) -> str:
    """The verb and the value of a comparison, e.g. `is not "x"`, `starts with "x"`."""
    negative = op is Op.NE
    if isinstance(value, NumberLiteral):
        if op in _ORDER:
            return f"is a number {_ORDER[op]} {value.text}"
        return f"{'is not' if negative else 'is'} the number {value.text}"
    if isinstance(value, RegexLiteral):
        verb = "has no match of" if negative else "has a match of"
        return f"{verb} the regular expression {value.source}"
    before, after = value.text.startswith("*"), value.text.endswith("*")
    if not value.text.strip("*") and before:
        return "is neither a text nor a number" if negative else "is any text or number"
    text = quote(value.text[1 if before else 0 : -1 if after else None])
    if before and after:
        return f"{'does not contain' if negative else 'contains'} {text}"
    if before:
        return f"{'does not end with' if negative else 'ends with'} {text}"
    if after:
        return f"{'does not start with' if negative else 'starts with'} {text}"
    return f"{'is not' if negative else 'is'} {text}"


def _found(test: Compare | Is | NotExists, root: dict[str, Node]) -> str:
    if test.selector.wildcards:
        return _several(test.selector, root)
    node = finder(test.selector.steps)(root)
    shown = _shown(node)
    comparable = node is MISSING or isinstance(node, str | JsonNumber)
    if isinstance(test, Compare) and not comparable:
        return f"{shown}, of which no comparison is true"
    return shown


def _several(selector: Selector, root: dict[str, Node]) -> str:
    nodes = children_finder(selector)(root)
    shown = ", ".join(_shown(node) for node in nodes[:3])
    if len(nodes) > 3:
        shown += f" and {len(nodes) - 3} more"
    return shown or "none"


def _shown(node: Node) -> str:
    if node is MISSING:
        return "nothing"
    if isinstance(node, str):
        return quote(_cut(node))
    if isinstance(node, JsonNumber):
        return _cut(node.text)
    if isinstance(node, bool) or node is None:
        return {True: "true", False: "false", None: "null"}[node]
    return "an object" if isinstance(node, dict) else "a list"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


# Terms and fields


def _terms(form: TermsForm, document: Document | None) -> Clause:
    message = None if document is None else document.message

    def contains(text: str, *, wanted: bool) -> Clause:
        verb = "contains" if wanted else "does not contain"
        holds = None if message is None else (text in message) is wanted
        return Clause(f"the message {verb} {quote(text)}", holds)

    parts = [contains(text, wanted=True) for text in form.required]
    parts += [contains(text, wanted=False) for text in form.excluded]
    if parts:
        holds = None if message is None else all(part.holds for part in parts)
        return Clause("All of these hold", holds, "", tuple(parts))
    parts = [contains(text, wanted=True) for text in form.optional]
    if parts:
        holds = None if message is None else any(part.holds for part in parts)
        return Clause("At least one of these holds", holds, "", tuple(parts))
    return Clause("Every message matches", None if message is None else True)


def _fields(form: FieldsForm, document: Document | None) -> Clause:
    count = len(form.fields)
    if not count:
        return Clause("Every message matches", None if document is None else True)
    text = f"The message has at least {count} field{'s' if count > 1 else ''} parted by blanks"
    texts = None
    if document is not None:
        bare = FieldsForm(tuple(Field(field.name) for field in form.fields), form.ellipsis)
        texts = fields.extractor(bare)(document.message)
        if texts is None:
            return Clause(text, False, f"{len(fields.split(document.message))}")
    parts = []
    for field in form.fields:
        if field.name is not None and field.condition is not None:
            value = None if texts is None else texts[f"${field.name}"]
            clause = _field_condition(field.name, field.condition, value)
            parts.append(clause if value is None else replace(clause, found=quote(_cut(value))))
    holds = None if document is None else all(part.holds for part in parts)
    if not parts:
        return Clause(text, holds)
    return Clause(f"{text}, and all of these hold", holds, "", tuple(parts))


def _field_condition(name: str, condition: FieldCondition, value: str | None) -> Clause:
    holds = None if value is None else fields.condition_test(condition)(value)
    if isinstance(condition, FieldTest):
        return Clause(f"{name} {_value_text(condition.op, condition.value)}", holds)
    text = {FieldAnd: "all of these hold", FieldOr: "at least one of these holds"}[type(condition)]
    parts = tuple(_field_condition(name, item, value) for item in condition.items)
    return Clause(f"of {name}, {text}", holds, "", parts)
