"""Follows a pattern's selector through a parsed message; it compares nothing.

Wildcards of both kinds, `.*` and `[*]`, mean the children of an object or array.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trailwatch.pattern.document import Node
from trailwatch.pattern.syntax import Index, Name, Selector, Step, Wildcard


class _Missing:
    """What a selector finds where there is nothing."""


MISSING: Any = _Missing()


def finder(steps: tuple[Step, ...]) -> Callable[[Node], Any]:
    """The function that follows names and indexes from a node; MISSING where one leads nowhere."""
    keys = tuple(step.name if isinstance(step, Name) else step.index for step in _plain(steps))
    if len(keys) == 1 and isinstance(keys[0], str):
        only = keys[0]  # most selectors of CloudTrail patterns
        return lambda node: node.get(only, MISSING) if isinstance(node, dict) else MISSING

    def find(node: Any) -> Any:
        for key in keys:
            if isinstance(key, str):
                node = node.get(key, MISSING) if isinstance(node, dict) else MISSING
            else:
                node = node[key] if isinstance(node, list) and key < len(node) else MISSING
        return node

    return find


def _plain(steps: tuple[Step, ...]) -> tuple[Name | Index, ...]:
    return tuple(step for step in steps if not isinstance(step, Wildcard))


def before_wildcard(selector: Selector) -> tuple[Step, ...]:
    """The steps that lead to the parent of a selector's wildcard; it must have one."""
    steps = selector.steps
    return steps[: next(i for i, step in enumerate(steps) if isinstance(step, Wildcard))]


def children_finder(selector: Selector) -> Callable[[Node], list[Any]]:
    """The function that lists all that a selector with one wildcard finds below a node."""
    before = before_wildcard(selector)
    parent = finder(before)
    rest = finder(selector.steps[len(before) + 1 :])

    def find(root: Node) -> list[Any]:
        node = parent(root)
        children = node.values() if isinstance(node, dict) else node
        if not isinstance(children, list) and not isinstance(node, dict):
            return []
        found = [rest(child) for child in children]
        return [node for node in found if node is not MISSING]

    return find
