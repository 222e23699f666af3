"""Knows JSON and YAML texts with the places of what is written in them. Never opens a file.

CloudFormation's short forms (`!Ref x`) are read as the long ones ({"Ref": "x"}).
"""

from __future__ import annotations

import bisect
import json
import re
from collections.abc import Callable
from typing import Any

from setup.lint.chain import Place
from trailwatch.errors import UsageError

MAX_STEPS = 1_000_000
MAX_BYTES = 64 * 1024 * 1024
_BLANK = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()
_LONG = {"Ref": "Ref", "Condition": "Condition"}


class Table(dict[str, Any]):
    """A JSON object that knows where each of its keys is written."""

    places: dict[str, Place]

    def __init__(self) -> None:
        super().__init__()
        self.places = {}


class Budget:
    """How much of a file may still be followed: aliases and references can grow without end."""

    def __init__(self, name: str, left: int = MAX_STEPS) -> None:
        self.name = name
        self.left = left

    def spend(self) -> None:
        """One step more; raises UsageError after MAX_STEPS."""
        self.left -= 1
        if self.left < 0:
            why = "Its aliases or references grow beyond all measure."
            raise UsageError(f"{self.name} cannot be followed.", why)


def places_of(value: Any) -> dict[str, Place]:
    """Where the keys of a value are written; {} for what isn't a Table."""
    return value.places if isinstance(value, Table) else {}


def read_document(text: str, name: str) -> Any:
    """A JSON or YAML text as values whose objects are Tables.

    `name` is for the messages of UsageError, raised for what is neither.
    """
    if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "["):
        try:
            return _Json(text.lstrip("\ufeff")).read()
        except (ValueError, IndexError) as error:
            if name.endswith(".json"):
                raise _unreadable(name, "JSON", str(error)) from error
        except RecursionError as error:
            raise _unreadable(name, "JSON", "it is nested too deep") from error
    return _yaml(text, name)


def _unreadable(name: str, form: str, why: str) -> UsageError:
    return UsageError(
        f"{name} cannot be read: it is no {form}.", f"{why[:300]}.".replace("..", ".")
    )


class _Json:
    """One reading of a JSON text. Source: RFC 8259."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def read(self) -> Any:
        value, end = self._value(self._skip(0))
        end = self._skip(end)
        if end != len(self.text):
            raise ValueError(f"more text after its end, {self._said(end)}")
        return value

    def _skip(self, at: int) -> int:
        match = _BLANK.match(self.text, at)
        return match.end() if match else at

    def _place(self, at: int) -> Place:
        line = bisect.bisect_right(self.starts, at)
        return Place(line, at - self.starts[line - 1] + 1)

    def _said(self, at: int) -> str:
        place = self._place(at)
        return f"line {place.line}, column {place.column}"

    def _value(self, at: int) -> tuple[Any, int]:
        first = self.text[at : at + 1]
        if first == "{":
            return self._object(at)
        if first == "[":
            return self._list(at)
        try:
            value, end = _DECODER.raw_decode(self.text, at)
        except ValueError as error:
            raise ValueError(f"no value at {self._said(at)}") from error
        return value, end

    def _object(self, at: int) -> tuple[Table, int]:
        table = Table()

        def member(start: int) -> int:
            if self.text[start : start + 1] != '"':
                raise ValueError(f"no key at {self._said(start)}")
            key, end = self._value(start)
            colon = self._skip(end)
            if self.text[colon : colon + 1] != ":":
                raise ValueError(f"no colon at {self._said(colon)}")
            table.places[key] = self._place(start)
            table[key], end = self._value(self._skip(colon + 1))
            return end

        return table, self._members(at, "}", member)

    def _list(self, at: int) -> tuple[list[Any], int]:
        items: list[Any] = []

        def member(start: int) -> int:
            value, end = self._value(start)
            items.append(value)
            return end

        return items, self._members(at, "]", member)

    def _members(self, at: int, closing: str, member: Callable[[int], int]) -> int:
        at = self._skip(at + 1)
        if self.text[at : at + 1] == closing:
            return at + 1
        while True:
            at = self._skip(member(at))
            following = self.text[at : at + 1]
            if following == closing:
                return at + 1
            if following != ",":
                raise ValueError(f"no comma or {closing} at {self._said(at)}")
            at = self._skip(at + 1)


def _yaml(text: str, name: str) -> Any:
    import yaml  # only where a template is YAML: it takes a while to load

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        node = yaml.compose(text, Loader=loader)
        return None if node is None else _build(node, {})
    except yaml.YAMLError as error:
        said = " ".join(str(error).replace('"<unicode string>"', "").split())
        raise _unreadable(name, "JSON or YAML", said) from error
    except RecursionError as error:
        raise _unreadable(name, "YAML", "it is nested too deep") from error


def _build(node: Any, made: dict[int, Any]) -> Any:
    """The value of a YAML node; one that is named twice (an alias) is built once."""
    if id(node) in made:
        return made[id(node)]
    made[id(node)] = None  # what holds itself ends here
    made[id(node)] = value = _tagged(node, _plain(node, made))
    return value


def _plain(node: Any, made: dict[int, Any]) -> Any:
    if node.id == "mapping":
        table = Table()
        for key, value in node.value:
            word = str(key.value)
            table.places[word] = Place(key.start_mark.line + 1, key.start_mark.column + 1)
            table[word] = _build(value, made)
        return table
    if node.id == "sequence":
        return [_build(one, made) for one in node.value]
    return _scalar(str(node.value), str(node.tag))


def _scalar(text: str, tag: str) -> Any:
    """Dates stay texts: "2012-10-17" is the version of a policy."""
    kind = tag.rpartition(":")[2]
    if kind == "bool":
        return text.lower() in ("true", "yes", "on")
    if kind == "null":
        return None
    if kind in ("int", "float"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _tagged(node: Any, value: Any) -> Any:
    tag = str(node.tag)
    if not tag.startswith("!") or tag == "!":
        return value
    short = tag[1:]
    table = Table()
    key = _LONG.get(short, f"Fn::{short}")
    table.places[key] = Place(node.start_mark.line + 1, node.start_mark.column + 1)
    table[key] = value.split(".", 1) if short == "GetAtt" and isinstance(value, str) else value
    return table
