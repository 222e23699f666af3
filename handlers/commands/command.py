"""Knows what a command is: one row of the table that parses, runs and documents commands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handlers.access import Role

if TYPE_CHECKING:
    from handlers.commands.grammar import Invocation
    from handlers.deps import Deps
    from handlers.request import Reply, Request


@dataclass(frozen=True)
class Command:
    """One command. `run` answers within a second: whatever takes longer becomes a job.

    least, most: how many words it takes; options take a value, flags don't; an option that is
    also in `several` may be given again, which adds to its list; a raw command gets its text as
    typed, unparsed.
    """

    name: str
    usage: str
    example: str
    summary: str
    role: Role
    run: Callable[[Deps, Request, Invocation], Reply]
    least: int = 0
    most: int = 0
    options: tuple[str, ...] = ()
    several: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    """Options whose value goes on to the next option, without quotes."""
    flags: tuple[str, ...] = ()
    raw: bool = False
