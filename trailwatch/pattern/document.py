"""One log message, parsed once for all the patterns that ask for it; it never decides a match.

A message counts as JSON only if it is exactly one object (recorded answers of TestMetricFilter).
Numbers stay as written (`JsonNumber`); of duplicate keys the last one counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NoReturn

from trailwatch.pattern.number import JsonNumber, fraction, integer

Node = Mapping[str, "Node"] | Sequence["Node"] | str | JsonNumber | bool | None


class Document:
    """A log message and, as soon as a pattern asks, the JSON object that it is."""

    def __init__(self, message: str) -> None:
        self.message = message

    @classmethod
    def of(cls, message: str | bytes | Document) -> Document:
        """The document of a message; bytes are read as UTF-8, what is not UTF-8 as U+FFFD."""
        if isinstance(message, Document):
            return message
        return cls(message if isinstance(message, str) else message.decode(errors="replace"))

    @cached_property
    def root(self) -> dict[str, Node] | None:
        """The message's JSON object, or None if it is anything else."""
        if not self.message.lstrip(" \t\r\n").startswith("{"):
            return None
        try:
            node = _DECODER.decode(self.message)
        except RecursionError:
            node = _deep(self.message)
        except ValueError:
            return None
        return node if isinstance(node, dict) else None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_int=integer, parse_float=fraction, parse_constant=_refuse)

_SPACE = re.compile(r"[ \t\r\n]*")
_ATOM = re.compile(r"true|false|null|-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?|")
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


def _deep(text: str) -> Node:
    """The JSON value of a text nested too deep for the standard decoder; None if it is not JSON."""
    try:
        return _Reader(text).value()
    except ValueError:
        return None


class _Reader:
    """Reads nested JSON with a stack of its own instead of recursion."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.open: list[dict[str, Node] | list[Node]] = []
        self.keys: list[str] = []

    def value(self) -> Node:
        """The one value of the text; raises ValueError."""
        while True:
            node, done = self._start()
            while done and self.open:
                done = self._close(node)
                if done:
                    node = self.open.pop()
            if done:
                if self._peek():
                    raise ValueError("text after the value")
                return node

    def _peek(self) -> str:
        space = _SPACE.match(self.text, self.at)
        self.at = space.end() if space else self.at
        return self.text[self.at : self.at + 1]

    def _take(self, char: str) -> bool:
        if self._peek() != char:
            return False
        self.at += 1
        return True

    def _start(self) -> tuple[Node, bool]:
        """Read an atom or an empty container (complete), or enter a container (not complete)."""
        if self._take("["):
            if self._take("]"):
                return [], True
            self.open.append([])
            return None, False
        if self._take("{"):
            if self._take("}"):
                return {}, True
            self.open.append({})
            self.keys.append(self._key())
            return None, False
        return self._atom(), True

    def _key(self) -> str:
        if self._peek() != '"':
            raise ValueError("a key is missing")
        key = self._string()
        if not self._take(":"):
            raise ValueError("a colon is missing")
        return key

    def _string(self) -> str:
        string, self.at = _DECODER.raw_decode(self.text, self.at)
        assert isinstance(string, str)  # it starts with a quote
        return string

    def _atom(self) -> Node:
        if self._peek() == '"':
            return self._string()
        atom = _ATOM.match(self.text, self.at)
        if atom is None or not atom.group():
            raise ValueError("a value is missing")
        self.at = atom.end()
        if atom.group() in _CONSTANTS:
            return _CONSTANTS[atom.group()]
        return fraction(atom.group()) if atom.group(1) or atom.group(2) else integer(atom.group())

    def _close(self, node: Node) -> bool:
        """Put a complete value into the innermost container; True if that is complete now, too."""
        container = self.open[-1]
        if isinstance(container, list):
            container.append(node)
            if self._take(","):
                return False
            closed = self._take("]")
        else:
            container[self.keys.pop()] = node
            if self._take(","):
                self.keys.append(self._key())
                return False
            closed = self._take("}")
        if not closed:
            raise ValueError("a container is not closed")
        return True
