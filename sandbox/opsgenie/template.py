"""Knows Opsgenie's dynamic fields, {{Message.extract(/x/)}}. Never which action uses them.

Source: Atlassian's "String processing methods". Choices where it is silent: no match, an unknown
field and a missing text to cut at give ""; an expression that cannot be read is left as it stands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sandbox.opsgenie.regex import Matcher, TimedOut, compiles

_FIELD = re.compile(r"\s*([A-Za-z_][\w.\-]*?)\s*(?=\}\}|\.[A-Za-z]+\s*\()")
_METHOD = re.compile(r"\s*\.([A-Za-z]+)\s*\(\s*")
_REGEX_END = re.compile(r"(?<!\\)/\s*\)\s*(?=\}\}|\.[A-Za-z]+\s*\()")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_NUMBER = re.compile(r"\d+")
_JAVA_DATE = re.compile(r"y+|M+|d+|H+|h+|m+|s+|S+|E+|a|Z+|z+|X+|'[^']*'")


@dataclass(frozen=True)
class Method:
    name: str
    arguments: tuple[str | int, ...]


@dataclass(frozen=True)
class Expression:
    field: str
    methods: tuple[Method, ...]


class Unreadable(ValueError):
    """An expression that is none; the text says why."""


def parse(template: str) -> list[str | Expression]:
    """The template as literal texts and expressions, in order; unreadable ones stay text."""
    parts: list[str | Expression] = []
    at = 0
    while (begin := template.find("{{", at)) >= 0:
        parts.append(template[at:begin])
        try:
            expression, at = _expression(template, begin + 2)
            parts.append(expression)
        except Unreadable:
            parts.append("{{")
            at = begin + 2
    parts.append(template[at:])
    return [part for part in parts if part != ""]


def bad_regex(template: str) -> str | None:
    """The first regular expression in the template that does not compile."""
    for part in parse(template):
        if isinstance(part, Expression):
            for method in part.methods:
                if method.name == "extract" and not compiles(str(method.arguments[0])):
                    return str(method.arguments[0])
    return None


def render(template: str, fields: Mapping[str, Any], matcher: Matcher) -> str:
    """The template with every expression replaced by its value."""
    return "".join(
        part if isinstance(part, str) else _value(part, fields, matcher) for part in parse(template)
    )


def field_text(fields: Mapping[str, Any], name: str) -> str:
    """A field of the payload as text; "" where there is none; objects as JSON."""
    value: Any = fields
    if name in fields:
        value = fields[name]
    else:
        for step in name.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))


def _expression(template: str, at: int) -> tuple[Expression, int]:
    found = _FIELD.match(template, at)
    if found is None:
        raise Unreadable("no field name")
    field, at = found.group(1), found.end()
    methods: list[Method] = []
    while (call := _METHOD.match(template, at)) is not None:
        method, at = _method(template, call)
        methods.append(method)
    end = re.compile(r"\s*\}\}").match(template, at)
    if end is None:
        raise Unreadable("not closed")
    return Expression(field, tuple(methods)), end.end()


def _method(template: str, call: re.Match[str]) -> tuple[Method, int]:
    name, at = call.group(1), call.end()
    if name not in _ARGUMENTS:
        raise Unreadable(f"no method {name}")
    if name == "extract":
        end = _REGEX_END.search(template, at + 1)
        if template[at : at + 1] != "/" or end is None:
            raise Unreadable("extract takes one expression between slashes")
        return Method(name, (template[at + 1 : end.start()],)), end.end()
    arguments: list[str | int] = []
    while template[at : at + 1] not in (")", ""):
        if (text := _STRING.match(template, at)) is not None:
            arguments.append(re.sub(r"\\(.)", r"\1", text.group(1)))
            at = text.end()
        elif (number := _NUMBER.match(template, at)) is not None:
            arguments.append(int(number.group()))
            at = number.end()
        else:
            raise Unreadable("an argument is neither text nor a number")
        at += len(template[at:]) - len(template[at:].lstrip(" ,"))
    kinds = tuple(type(a) for a in arguments)
    if template[at : at + 1] != ")" or kinds not in _ARGUMENTS[name]:
        raise Unreadable(f"wrong arguments for {name}")
    return Method(name, tuple(arguments)), at + 1


_ARGUMENTS: Mapping[str, tuple[tuple[type, ...], ...]] = {
    "toLowerCase": ((),),
    "toUpperCase": ((),),
    "substring": ((int,), (int, int)),
    "substringAfter": ((str,),),
    "substringBefore": ((str,),),
    "substringBetween": ((str, str), (str,)),
    "extract": ((str,),),
    "toDate": ((), (str,), (str, str)),
}


def _value(expression: Expression, fields: Mapping[str, Any], matcher: Matcher) -> str:
    text = field_text(fields, expression.field)
    for method in expression.methods:
        text = _call(method, text, matcher)
    return text


def _call(method: Method, text: str, matcher: Matcher) -> str:
    given = [str(a) for a in method.arguments]
    match method.name:
        case "toLowerCase":
            return text.lower()
        case "toUpperCase":
            return text.upper()
        case "substring":
            return text[int(given[0]) : int(given[1])] if len(given) > 1 else text[int(given[0]) :]
        case "substringAfter":
            return text.partition(given[0])[2]
        case "substringBefore":
            # Without the separator the whole text stays, as in Apache Commons' method.
            return text.partition(given[0])[0]
        case "substringBetween":
            _, opened, rest = text.partition(given[0])
            inner, closed, _ = rest.partition(given[-1])
            return inner if opened and closed else ""
        case "extract":
            try:
                return matcher.search(given[0], text) or ""
            except TimedOut:
                return "null"
    return _to_date(text, *given)


def _to_date(text: str, pattern: str = "yyyy-MM-dd HH:mm:ss ZZZ", zone: str = "GMT") -> str:
    """A time in milliseconds since 1970, or ISO 8601, in Java's date notation; "" if it is none."""
    try:
        if text.strip().isdigit():
            moment = datetime.fromtimestamp(int(text) / 1000, UTC)
        else:
            moment = datetime.fromisoformat(text.strip())
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(
            ZoneInfo(zone)
        )
    except (ValueError, OverflowError, OSError, ZoneInfoNotFoundError):
        return ""
    return _JAVA_DATE.sub(lambda found: _date_part(found.group(), moment), pattern)


def _date_part(code: str, moment: datetime) -> str:
    letter, width = code[0], len(code)
    numbers = {
        "y": moment.year if width != 2 else moment.year % 100,
        "M": moment.month,
        "d": moment.day,
        "H": moment.hour,
        "h": moment.hour % 12 or 12,
        "m": moment.minute,
        "s": moment.second,
        "S": moment.microsecond // 1000,
    }
    if letter == "M" and width >= 3:
        return moment.strftime("%b" if width == 3 else "%B")
    if letter in numbers:
        return str(numbers[letter]).zfill(width)
    if letter == "'":
        return code[1:-1] or "'"
    return moment.strftime({"E": "%a", "a": "%p", "z": "%Z"}.get(letter, "%z"))
