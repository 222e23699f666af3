"""Knows Terraform's JSON syntax (*.tf.json): what a module makes, as far as its text says.

Variables have their defaults. Functions are not carried out: what they give is not known.
Source: JSON Configuration Syntax, Terraform documentation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from setup.lint.chain import PLACEHOLDER, Chain, Place
from setup.lint.document import Budget, places_of
from setup.lint.terraform import RENAMED, Found, chain_of

_STEP = re.compile(r"[A-Za-z_][\w-]*|\[(?:\d+|\"[^\"]*\")\]")
_PATH = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+|\[(?:\d+|\"[^\"]*\")\])*")
_DEEPEST = 20


def is_module(document: Any) -> bool:
    """Whether a document is a module in JSON syntax."""
    return isinstance(document, Mapping) and any(
        isinstance(document.get(key), Mapping | list) for key in ("resource", "module", "provider")
    )


def chain_of_module(document: Mapping[str, Any], source: str) -> Chain:
    """What a module makes. `source` names its file."""
    return chain_of(_Module(document, source).found(), source)


class _Module:
    def __init__(self, document: Mapping[str, Any], source: str) -> None:
        self.budget = Budget(source)
        self.variables = _merged(document.get("variable"))
        self.locals = _merged(document.get("locals"))
        self.raw: dict[str, tuple[str, Mapping[str, Any], Place]] = {}
        """By address: the type, the arguments as written, and the place."""
        resources = document.get("resource")
        for tables in resources if isinstance(resources, list) else [resources]:
            for kind, named in _table(tables).items():
                for name, body in _table(named).items():
                    first = body[0] if isinstance(body, list) and body else body
                    place = places_of(named).get(name, Place())
                    self.raw[f"{kind}.{name}"] = (kind, _table(first), place)

    def found(self) -> list[Found]:
        return [
            self._found(address) for address, (kind, _, _) in self.raw.items() if kind in RENAMED
        ]

    def _found(self, address: str, depth: int = 0) -> Found:
        kind, body, place = self.raw[address]
        values = {key: self._resolved(one, depth) for key, one in body.items() if one is not None}
        return Found(kind, address, values, {"": place, **places_of(body)})

    def _resolved(self, value: Any, depth: int) -> Any:
        self.budget.spend()
        if isinstance(value, Mapping):
            return {key: self._resolved(one, depth) for key, one in value.items()}
        if isinstance(value, list):
            return [self._resolved(one, depth) for one in value]
        return self._text(value, depth) if isinstance(value, str) else value

    def _text(self, text: str, depth: int) -> Any:
        """A text with its templates filled in; those that cannot be told stay as written."""
        if "${" not in text or depth > _DEEPEST:
            return text.replace("%%{", "%{")
        whole = PLACEHOLDER.fullmatch(text)
        if whole and not text.startswith("$${"):
            return self._expression(text[2:-1].strip(), depth + 1, text)

        def replace(match: re.Match[str]) -> str:
            if text[match.start() - 1 : match.start()] == "$":
                return match[0]
            value = self._expression(match[0][2:-1].strip(), depth + 1, match[0])
            if isinstance(value, bool):
                return str(value).lower()
            return str(value) if isinstance(value, str | int | float) else match[0]

        return PLACEHOLDER.sub(replace, text).replace("$${", "${").replace("%%{", "%{")

    def _expression(self, text: str, depth: int, otherwise: Any) -> Any:
        """The value of a reference; `otherwise` for what is none, or leads nowhere."""
        if not _PATH.fullmatch(text):
            return otherwise
        steps = [step.strip('[]"') for step in _STEP.findall(text)]
        if steps[0] == "var" and len(steps) > 1:
            variable = _table(self.variables.get(steps[1]))
            return _inside(variable.get("default", otherwise), steps[2:], otherwise)
        if steps[0] == "local" and len(steps) > 1 and steps[1] in self.locals:
            value = self._resolved(self.locals[steps[1]], depth)
            return _inside(value, steps[2:], otherwise)
        address = ".".join(steps[:2])
        if address not in self.raw or depth > _DEEPEST:
            return otherwise
        rest = steps[2:]
        found = self._found(address, depth)
        inside = _inside(dict(found.values), rest, None) if rest else None
        if isinstance(inside, str | int | float):
            return inside
        last = rest[-1] if rest else "id"
        return found.attribute("arn" if last == "id" else last)


def _inside(value: Any, steps: list[str], otherwise: Any) -> Any:
    for step in steps:
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, Mapping) and step == "0":
            continue  # a block that is written once
        else:
            return otherwise
    return value


def _merged(value: Any) -> dict[str, Any]:
    tables = value if isinstance(value, list) else [value]
    return {key: one for table in tables for key, one in _table(table).items()}


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
