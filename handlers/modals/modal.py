"""Knows what a modal is: one row of the table that routes what people filled in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handlers.access import Role
from handlers.request import Request

if TYPE_CHECKING:
    from handlers.deps import Deps


@dataclass(frozen=True)
class Submission(Request):
    """A modal that somebody filled in.

    `about` is what the modal was opened for: an opaque id, never state. `texts` are inputs by
    their action id, `chosen` the values of checkboxes and menus.
    """

    about: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Modal:
    """A modal: its callback id, who may submit it, and what that does.

    `submit` validates, commits and returns; what it raises is shown at the input `shows_errors`
    (a block id). `wish` completes "You need the role … to …".
    """

    id: str
    role: Role
    wish: str
    submit: Callable[[Deps, Submission], None]
    shows_errors: str
